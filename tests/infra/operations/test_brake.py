"""When one round would stop too large a share of a tenant, a person is asked before anything is stopped."""

from __future__ import annotations

from datetime import datetime

import pytest

from accounts.domain.permissions import Role
from infra.domain.schedule import State
from infra.models import HeldRound, Resource
from infra.models.schedule import OverrideKind
from infra.operations import overriding, ruling
from infra.operations.overriding import Wanted
from infra.operations.tick import _settle
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
    """An operator enters it, the approver confirms it."""
    planner, approver, now = (
        duty.aws.cast.actor(Role.OPERATOR),
        duty.aws.cast.actor(Role.APPROVER),
        duty.clock(),
    )
    entered = ruling.enter_rules(
        brake_percent=percent, brake_least=least, actor=planner, now=now, reason="test"
    )
    entry.confirm(entered.id, actor=approver, now=now, seen_digest=entered.digest, proof=proof(approver, now))


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


def test_what_is_not_known_to_be_off_counts_as_running(evening: Duty) -> None:
    """Servers that have just been started, and such of which AWS said nothing, would be stopped as well."""
    with evening.as_role("worker"), tenant_scope(evening.aws.cast.tenant.id):
        ids = list(Resource.objects.values_list("id", flat=True)[:10])
        Resource.objects.filter(id__in=ids[:5]).update(state="transition")
        Resource.objects.filter(id__in=ids[5:]).update(state="unknown")
    evening.tick()
    assert evening.operations(kind="ec2.stop") == []
    assert (waiting(evening).parameters["count"], waiting(evening).parameters["running"]) == (6, 10)


def test_nobody_is_asked_twice_about_one_server(evening: Duty) -> None:
    """Another stop of the same servers falls due while the question still stands."""
    evening.tick()
    asked = waiting(evening)
    with tenant_scope(evening.aws.cast.tenant.id):
        stopping = [row.aws_id for row in Resource.objects.all() if row.tags.get("AutoStop")]
    for one in stopping:
        evening.retag(one, AutoStop="19:10")
    evening.clock.now = jst(2026, 11, 30, 19, 10)
    evening.look()
    evening.tick()
    assert waiting(evening).id == asked.id
    decide(evening, jst(2026, 11, 30, 19, 20))
    evening.tick()
    evening.work_for(rounds=1, seconds=10)
    assert [one.state for one in evening.operations(kind="ec2.stop")] == ["SUCCEEDED"] * 6


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


@pytest.mark.parametrize("at_once", [1, 4, 6])
def test_however_many_steps_a_round_takes_it_is_one_question(evening: Duty, at_once: int) -> None:
    evening.tick(at_once=at_once)
    assert evening.operations(kind="ec2.stop") == []
    assert waiting(evening).parameters["count"] == 6
    decide(evening, jst(2026, 11, 30, 19, 5))
    evening.tick(at_once=at_once)
    assert len(evening.operations(kind="ec2.stop")) == 6


def test_a_tick_that_died_between_two_steps_leaves_one_question(evening: Duty) -> None:
    with tenant_scope(evening.aws.cast.tenant.id):
        late = Resource.objects.filter(next_action="stop").order_by("-id")[:2]
        ids = [row.id for row in late]
    with evening.as_role("scheduler"), tenant_scope(evening.aws.cast.tenant.id):
        _settle(
            list(Resource.objects.filter(next_action="stop").exclude(id__in=ids).select_related("account")),
            evening.aws.cast.tenant.id,
            evening.clock(),
        )
    assert evening.operations(kind="round.release") == []
    evening.tick()
    assert waiting(evening).parameters["count"] == 6


def test_stops_that_were_just_entered_are_counted_once(duty: Duty) -> None:
    """Ten run, five stop at 19:00 and one at 19:05, while the first five still look as if they ran: six of ten."""
    tags = [TAGS] * 5 + [{"AutoStop": "19:05"}] + [{}] * 4
    duty.aws.seed(instances=[{"state": "running", "tags": one} for one in tags])
    duty.clock.now = jst(2026, 11, 30, 18, 0)
    duty.look()
    limit(duty, 55)
    duty.clock.now = EVENING
    duty.tick()
    assert len(duty.operations(kind="ec2.stop")) == 5
    duty.clock.now = jst(2026, 11, 30, 19, 5)
    duty.tick()
    assert waiting(duty).parameters == waiting(duty).parameters | {"count": 1, "running": 10}


def test_what_a_person_released_does_not_count_again(duty: Duty) -> None:
    tags = [TAGS] * 6 + [{"AutoStop": "19:05"}] + [{}] * 3
    duty.aws.seed(instances=[{"state": "running", "tags": one} for one in tags])
    duty.clock.now = jst(2026, 11, 30, 18, 0)
    duty.look()
    limit(duty, 50, least=1)
    duty.clock.now = EVENING
    duty.tick()
    decide(duty, jst(2026, 11, 30, 19, 1))
    duty.tick()
    assert len(duty.operations(kind="ec2.stop")) == 6
    duty.clock.now = jst(2026, 11, 30, 19, 5)
    duty.tick()
    assert len(duty.operations(kind="ec2.stop")) == 7
    assert len(duty.operations(kind="round.release")) == 1


def test_a_released_round_names_the_question_and_who_answered(evening: Duty) -> None:
    evening.tick()
    decide(evening, jst(2026, 11, 30, 19, 20))
    evening.tick()
    stop = evening.operations(kind="ec2.stop")[0]
    reason, asked = stop.authority["reason"], waiting(evening)
    assert (reason["round"], reason["released_by"]) == (str(asked.id), asked.confirmed_by_name)


def test_what_is_released_into_a_freeze_is_not_carried_out(evening: Duty) -> None:
    evening.tick()
    planning = Planning(evening)
    evening.clock.now = jst(2026, 11, 30, 19, 10)
    freeze = Wanted(State.ANY, jst(2026, 11, 30, 22, 0), kind=OverrideKind.FREEZE)
    planning.confirm(
        overriding.enter_override(freeze, actor=planning.planner, now=evening.clock(), reason="点検")
    )
    decide(evening, jst(2026, 11, 30, 19, 20))
    evening.tick()
    evening.work()
    stops = evening.operations(kind="ec2.stop")
    assert {(one.state, one.outcome) for one in stops} == {("CANCELLED", "left_alone")}
    assert evening.sent("StopInstances") == []


def test_the_stops_at_the_end_of_a_freeze_are_held_and_rest_on_the_schedule(evening: Duty) -> None:
    planning = Planning(evening)
    evening.clock.now = jst(2026, 11, 30, 18, 30)
    freeze = Wanted(State.ANY, jst(2026, 11, 30, 20, 0), kind=OverrideKind.FREEZE)
    planning.confirm(
        overriding.enter_override(freeze, actor=planning.planner, now=evening.clock(), reason="点検")
    )
    for moment in (EVENING, jst(2026, 11, 30, 20, 0)):
        evening.clock.now = moment
        evening.tick()
    assert waiting(evening).parameters["count"] == 6
    decide(evening, jst(2026, 11, 30, 20, 5))
    evening.tick()
    stops = evening.operations(kind="ec2.stop")
    assert {(one.authority["source"], one.due_at) for one in stops} == {
        ("tags", jst(2026, 11, 30, 20, 0)),
    }


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
