"""What the stories of this folder start from: people made once (their passwords are dear), tenants for each test."""

import time
from collections.abc import Iterator

import pytest

from accounts.domain.permissions import Role
from accounts.models import User
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, Cast, make_person, make_tenant, settle
from tests.infra.operations.duty import Duty
from tests.simulated import Account, Clock


@pytest.fixture(scope="session")
def people(django_db_setup: None) -> tuple[dict[Role, User], User]:
    return {role: make_person(str(role)) for role in Role}, make_person("stranger")


@pytest.fixture
def cast(people: tuple[dict[Role, User], User]) -> Cast:
    staff, stranger = people
    tenant, other = make_tenant(), make_tenant()
    settle(tenant, staff)
    settle(other, dict.fromkeys(Role, stranger))
    return Cast(tenant, staff, stranger, other)


@pytest.fixture
def duty(aws: Account, as_role: AsRole) -> Iterator[Duty]:
    """A Monday at 08:30 in Tokyo."""
    yield Duty(aws, Clock(MONDAY_0830), as_role)
    aws.no_faults()


@pytest.fixture(params=["UTC", "Asia/Tokyo"])
def process_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The process believes that it lives in this zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()
