"""What several tests of this floor begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.accounts.house import House, make_house
from tests.accounts.provider import Provider, running
from tests.factories import Cast


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as one:
        yield one


@pytest.fixture
def house(cast: Cast, provider: Provider) -> House:
    return make_house(cast, provider)
