"""What storms need: tenants, and herds of worker processes on this pytest worker's database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests import factories
from tests.chaos.field import Field
from tests.chaos.herd import Herd, Nursery

HerdOf = Callable[..., Herd]
"""herd_of(field, **settings)"""


@pytest.fixture
def casts(django_db_setup: None) -> list[factories.Cast]:
    """Two tenants."""
    return [factories.make_cast(), factories.make_cast()]


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery") / "workers.log") as nursery:
        yield nursery


@pytest.fixture
def herd_of(nursery: Nursery) -> Iterator[HerdOf]:
    """Opens a herd that lives in a field's time; it ends with the test."""
    herds: list[Herd] = []

    def herd_of(of: Field, **settings: float) -> Herd:
        herds.append(Herd(nursery, of.shift, **settings))
        return herds[-1]

    yield herd_of
    for herd in herds:
        herd.end()
