"""One simulator for the session; every test takes accounts of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.simulator.client import Simulator, running

_numbers = itertools.count(400_000_000_001)


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with running() as started:
        yield started


@pytest.fixture
def account(simulator: Simulator) -> Iterator[str]:
    """An account nobody else uses; what the test set about it is undone."""
    id = str(next(_numbers))
    yield id
    simulator.ask("DELETE", f"accounts/{id}")
