"""One cast per file: these stories use people, they do not change them."""

from __future__ import annotations

import pytest

from tests.factories import Cast, make_cast


@pytest.fixture(scope="module")
def cast(django_db_setup: None) -> Cast:
    return make_cast()
