"""Screens speak the language that is switched on; each test says which."""

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def japanese() -> Iterator[None]:
    """Japanese, unless a test switches."""
    with translation.override("ja"):
        yield
