"""What storms need: tenants, and a herd of worker processes on this test's database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import factories
from tests.chaos.field import Field
from tests.chaos.herd import Herd
from tests.chaos.places import child_env

HerdOf = Callable[..., Herd]
"""herd_of(field, **environment)"""


@pytest.fixture
def casts(django_db_setup: None) -> list[factories.Cast]:
    """Two tenants."""
    return [factories.make_cast(), factories.make_cast()]


@pytest.fixture
def herd_of(tmp_path: Path) -> Iterator[HerdOf]:
    """Opens a herd that lives in a field's time; it ends with the test."""
    with ExitStack() as stack:

        def herd_of(of: Field, **more: str) -> Herd:
            return stack.enter_context(Herd(child_env(of.shift), tmp_path / "herd.log", **more))

        yield herd_of
