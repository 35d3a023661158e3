"""When one round would stop too large a share of a tenant, a person is asked before anything is stopped."""

from __future__ import annotations

from datetime import datetime

import pytest

from accounts.domain.permissions import Role
from infra.domain.schedule import State
from infra.models import HeldRound, Resource, TenantRules
from infra.operations.overriding import Wanted
from medical_audit.domain.actor import system_actor
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.execution import expire_overdue
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import Planning

EVENING = jst(2026, 11, 30, 19, 0)
TAGS = {"AutoStop": "19:00"}


@pytest.fixture
def evening(duty: Duty) -> Duty:
    """Ten servers run; six of them stop at 19:00; a limit of half of what runs."""
    duty.aws.seed(instances=[{"state": "running", "tags": TAGS}] * 6 + [{"state": "running", "tags": {}}] * 4)
    duty.clock.now = jst(2026, 11, 30, 18, 0)
    duty.look()
    limit(duty, 50)
    duty.clock.now = EVENING
    return duty


def limit(duty: Duty, percent: int | None, least: int = 2) -> None:
    with tenant_scope(duty.aws.cast.tenant.id):
        row = TenantRules.objects.first() or TenantRules(tenant_id=duty.aws.cast.tenant.id)
        row.brake_percent, row.brake_least = percent, least
        row.save()


def waiting(duty: Duty) -> Operation:
    [operation] = duty.operations(kind="round.release")
    return operation


def decide(duty: Duty, now: datetime) -> None:
    duty.clock.now = now
    operator = duty.aws.cast.actor(Role.OPERATOR)
    operation = waiting(duty)
    entry.confirm(
        operation.id, actor=operator, now=now, seen_digest=operation.digest, proof=proof(operator, now)
    )


def test_nothing_is_stopped_until_a_person_releases_the_round(evening: Duty) -> None:
    evening.tick()
    evening.work()
    assert evening.operations(kind="ec2.stop") == []
    assert evening.sent("StopInstances") == []
    asked = waiting(evening)
    assert (asked.state, asked.parameters["count"], asked.parameters["running"]) == ("ENTERED", 6, 10)
    decide(evening, jst(2026, 11, 30, 19, 20))
    evening.tick()
    evening.work_for(rounds=1, seconds=10)
    stops = evening.operations(kind="ec2.stop")
    assert {one.state for one in stops} == {"SUCCEEDED"}
    assert {one.due_at for one in stops} == {EVENING}
    assert len(stops) == 6


def test_a_second_tick_asks_and_enters_nothing_twice(evening: Duty) -> None:
    for _ in range(3):
        evening.tick()
    assert len(evening.operations(kind="round.release")) == 1
    decide(evening, jst(2026, 11, 30, 19, 5))
    for _ in range(3):
        evening.tick()
    assert len(evening.operations(kind="ec2.stop")) == 6


def test_a_round_that_nobody_released_in_time_is_missed_and_says_why(evening: Duty) -> None:
    evening.tick()
    evening.clock.now = jst(2026, 11, 30, 20, 1)
    with evening.as_role("scheduler"):
        tenant = evening.aws.cast.tenant.id
        expire_overdue(tenant, actor=system_actor(tenant, "sweep"), now=evening.clock())
    evening.tick()
    stops = evening.operations(kind="ec2.stop")
    assert {(one.state, one.outcome) for one in stops} == {("MISSED", "brake_not_released")}
    assert evening.sent("StopInstances") == []
    with tenant_scope(evening.aws.cast.tenant.id):
        assert not HeldRound.objects.filter(settled_at__isnull=True).exists()


@pytest.mark.parametrize(("percent", "least"), [(None, 2), (60, 2), (50, 7)])
def test_a_round_within_the_limit_or_below_the_least_number_goes_on(
    evening: Duty, percent: int | None, least: int
) -> None:
    limit(evening, percent, least)
    evening.tick()
    assert len(evening.operations(kind="ec2.stop")) == 6
    assert evening.operations(kind="round.release") == []


def test_stops_that_are_entered_in_several_steps_do_not_slip_under_the_limit(evening: Duty) -> None:
    evening.tick(at_once=4)
    assert evening.operations(kind="ec2.stop") == []
    assert sum(one.parameters["count"] for one in evening.operations(kind="round.release")) == 6


def test_what_a_persons_override_asks_for_is_not_held(evening: Duty) -> None:
    planning = Planning(evening)
    evening.clock.now = jst(2026, 11, 30, 18, 30)
    with tenant_scope(evening.aws.cast.tenant.id):
        ids = tuple(Resource.objects.filter(state="running").values_list("id", flat=True))
    planning.override(Wanted(State.STOPPED, jst(2026, 11, 30, 23, 0), resources=ids))
    evening.tick()
    assert len(evening.operations(kind="ec2.stop")) == 10


def test_starts_are_never_held(duty: Duty) -> None:
    duty.aws.seed(instances=[{"state": "stopped", "tags": {"AutoStart": "08:30"}}] * 5)
    duty.look()
    limit(duty, 1)
    duty.tick()
    assert len(duty.operations(kind="ec2.start")) == 5
