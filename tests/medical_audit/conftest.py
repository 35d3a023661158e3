"""One cast per file: these stories use people, they do not change them."""

from __future__ import annotations

import pytest

from tests.conftest import _as_role
from tests.factories import Cast, make_cast
from tests.medical_audit.desk import Desk, make_desk, register_kinds


@pytest.fixture(scope="session", autouse=True)
def _kinds(django_db_setup: None) -> None:
    register_kinds()


@pytest.fixture(scope="module")
def cast(django_db_setup: None) -> Cast:
    return make_cast()


@pytest.fixture
def desk(cast: Cast) -> Desk:
    """The cast's tenant with a lane of its own."""
    return make_desk(cast)


@pytest.fixture
def own_desk(django_db_setup: None) -> Desk:
    """A tenant of its own, for what looks at everything of a tenant."""
    with _as_role("web"):
        return make_desk(make_cast())
