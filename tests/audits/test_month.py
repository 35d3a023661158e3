"""A month of invented life goes the ordinary way: its sessions add up and its chain holds."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.http import QueryDict

from accounts.domain.permissions import Role
from config.demo import seed_portal
from config.demo_month import House, Person, _at, _clockwork, _house, _session, demo_tenants
from medical_audit import clock
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.queries.sessions import account_of
from medical_audit.tenancy import tenant_scope
from medical_audit.views.periods import ZONE, month_of
from tests.factories import Cast
from tests.medical_audit.support import Database, broken_links


@pytest.fixture
def house(cast: Cast) -> House:
    people = [Person(cast.people[role], role, f"10.9.0.{place}") for place, role in enumerate(Role)]
    return House(cast.tenant, people, random.Random(7), fresh=True)


def test_the_month_s_people_come_into_a_tenant_that_is_at_work_by_invitation(
    ledger_of_its_own: None,
) -> None:
    """Once a tenant has operations, the database lets nobody in but by a confirmed one."""
    seed_portal(clock.now)
    tenant = next(one for one in demo_tenants() if one.slug == "minato")
    house = _house(tenant, 1, clock.now() - timedelta(days=25))
    with tenant_scope(tenant.id):
        invited = Operation.objects.filter(kind="member.invite", state=State.SUCCEEDED).count()
    assert house.fresh
    assert len(house.of(Role.AUDITOR)) == 2
    assert invited == len(house.people) == 20


def test_sessions_add_up_and_the_chain_holds(house: House, superuser_connection: Database) -> None:
    now = clock.now()
    day = now.astimezone(ZONE).date()
    for person in house.people:
        _session(house, person, day, 0, 1, now)
    _clockwork(house, [day], 700, now)
    with tenant_scope(house.tenant.id):
        month = month_of(QueryDict(), now)
        auditor = house.actor(house.of(Role.AUDITOR)[0])
        account = account_of(month.since, month.until, actor=auditor, now=now)
        assert Event.objects.filter(kind="inventory.synced").count() == 700
    assert account.adds_up
    assert account.begun == len(house.people)
    assert broken_links(superuser_connection, house.tenant.id) == []
    assert _at(day, 24 * 60, now) < now
