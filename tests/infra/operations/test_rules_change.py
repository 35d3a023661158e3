"""A change of the rules that changes what is wanted now is acted on once, as its confirmer saw it; nothing else is caught up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.domain.calendar import Calendar
from infra.domain.schedule import State
from infra.models.schedule import Scope
from infra.operations import assigning, calendars, drafts, publishing
from infra.operations.overriding import Wanted
from infra.queries.rules import rules_at
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_brake import limit
from tests.infra.operations.test_planning import WEEK, Planning, at, content, server_of

LONGER = WEEK | {"end": "20:00"}
SHORTER = WEEK | {"end": "17:00"}


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


def act(planning: Planning) -> list[tuple[str, str]]:
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    return [(one.kind, one.outcome) for one in planning.duty.operations(policy="schedule")]


def changed(planning: Planning, schedule: Any, *periods: dict[str, Any]) -> Any:
    draft = drafts.save_draft(schedule, content(*periods), actor=planning.planner, now=planning.duty.clock())
    return planning.publish(draft)


@pytest.mark.parametrize(
    ("state", "hour", "then", "done"),
    [
        ("stopped", (19, 30), LONGER, [("ec2.start", "reached")]),
        ("running", (17, 30), SHORTER, [("ec2.stop", "reached")]),
        ("running", (19, 30), LONGER, []),  # it is already as it is wanted
        ("running", (12, 0), LONGER, []),  # nothing else is wanted now: what somebody did by hand stands
        ("stopped", (12, 0), LONGER, []),
    ],
)
def test_publishing_acts_once_where_another_state_is_wanted_from_now_on(
    planning: Planning, state: str, hour: tuple[int, int], then: dict[str, Any], done: list[Any]
) -> None:
    server_of(planning, tags={"Schedule": "日勤"}, state=state)
    schedule = planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, *hour))
    planning.duty.look()
    planning.duty.tick()
    before = len(planning.duty.operations(policy="schedule"))
    changed(planning, schedule, then)
    assert act(planning)[before:] == done
    if done:
        operation = planning.duty.operations(policy="schedule")[-1]
        assert operation.authority["source"] == "schedule:日勤#2"
        assert operation.authority["reason"]["because"]["code"] == "rules_changed"
        assert operation.due_at == jst(2026, 11, 30, *hour)


def test_the_confirmer_sees_what_is_done_at_once(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "日勤", "Name": "web"}, state="running")
    schedule = planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, 17, 30))
    planning.duty.look()
    draft = drafts.save_draft(schedule, content(SHORTER), actor=planning.planner, now=planning.duty.clock())
    seen = publishing.proposal(schedule, draft.id, actor=planning.planner, now=planning.duty.clock())
    [once] = seen["forecast"]["at_once"]
    assert (once["action"], once["names"], once["count"]) == ("stop", ["web"], 1)


def test_what_the_confirmer_did_not_see_is_not_done(planning: Planning) -> None:
    """Entered in the morning, when nothing differed, and confirmed in the evening."""
    server_of(planning, tags={"Schedule": "日勤"}, state="running")
    schedule = planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, 10, 0))
    planning.duty.look()
    draft = drafts.save_draft(schedule, content(SHORTER), actor=planning.planner, now=planning.duty.clock())
    entered = publishing.enter_publish(
        schedule, draft.id, actor=planning.planner, now=planning.duty.clock(), reason="x"
    )
    at(planning, jst(2026, 11, 30, 17, 30))
    planning.confirm(entered)
    assert act(planning) == []


def test_enforcing_what_stands_otherwise_is_shown(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "日勤"}, state="running")
    schedule = planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, 21, 0))
    planning.duty.look()
    planning.duty.tick()
    before = len(planning.duty.operations(policy="schedule"))
    draft = drafts.save_draft(
        schedule, content(WEEK, enforced=True), actor=planning.planner, now=planning.duty.clock()
    )
    seen = publishing.proposal(schedule, draft.id, actor=planning.planner, now=planning.duty.clock())
    assert [one["action"] for one in seen["forecast"]["at_once"]] == ["stop"]
    planning.publish(draft)
    assert act(planning)[before:] == [("ec2.stop", "reached")]


def test_what_may_have_run_before_its_hours_is_not_stopped_by_a_change(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "残す"}, state="running")
    at(planning, jst(2026, 11, 30, 21, 0))
    planning.duty.look()
    planning.published("残す", WEEK, retain_running=True)
    assert act(planning) == []


def test_a_list_of_holidays_that_a_person_adopts_starts_nothing_at_once(planning: Planning) -> None:
    """Its page shows days, not servers: what nobody saw is not done."""
    server_of(planning, tags={"Schedule": "日勤"}, state="stopped")
    planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 23, 10, 0))
    planning.duty.look()
    planning.duty.tick()
    with tenant_scope(planning.planner.tenant_id):
        before = rules_at(planning.duty.clock())
        calendars.replan_all(replace(before, calendar=Calendar()), planning.duty.clock())
    assert act(planning) == []


def test_an_extra_working_day_that_is_taken_back_stops_nothing_before_the_usual_hour(
    planning: Planning,
) -> None:
    server_of(planning, tags={"Schedule": "日勤"}, state="running")
    planning.published("日勤", WEEK)
    at(planning, jst(2026, 12, 4, 20, 0))
    confirmed_day(planning, "extra", "2026-12-05")
    at(planning, jst(2026, 12, 5, 10, 0))
    planning.duty.look()
    planning.duty.tick()
    before = len(planning.duty.operations(policy="schedule"))
    confirmed_day(planning, "remove", "2026-12-05")
    assert act(planning)[before:] == []


def test_a_closed_day_is_not_enforced_before_the_usual_hour(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "強制"}, state="running")
    planning.published("強制", WEEK, enforced=True)
    at(planning, jst(2026, 11, 30, 10, 0))
    planning.duty.look()
    confirmed_day(planning, "closed")
    planning.duty.clock.pass_(minutes=10)
    planning.duty.look()
    assert act(planning) == []
    at(planning, jst(2026, 11, 30, 19, 0))
    assert [one[0] for one in act(planning)] == ["ec2.stop"]


def test_assigning_acts_once_and_taking_away_does_nothing(planning: Planning) -> None:
    server = server_of(planning, state="stopped")
    schedule = planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, 10, 0))
    planning.duty.look()
    key = str(planning.row(server).id)
    _, seen = assigning.proposal(
        Scope.RESOURCE, key, schedule, actor=planning.planner, now=planning.duty.clock()
    )
    assert [(one["action"], one["count"]) for one in seen["forecast"]["at_once"]] == [("start", 1)]
    planning.assign(Scope.RESOURCE, key, schedule)
    assert act(planning) == [("ec2.start", "reached")]
    planning.assign(Scope.RESOURCE, key, None)
    assert act(planning) == [("ec2.start", "reached")]


def test_what_an_override_holds_is_left_to_it(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "日勤"}, state="running")
    schedule = planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, 17, 30))
    planning.duty.look()
    planning.override(Wanted(State.RUNNING, jst(2026, 11, 30, 22, 0), resources=(planning.row(server).id,)))
    act(planning)
    changed(planning, schedule, SHORTER)
    act(planning)
    assert planning.duty.operations(kind="ec2.stop") == []


def test_it_passes_the_brake_as_every_stop_does(planning: Planning) -> None:
    planning.duty.aws.seed(instances=[{"state": "running", "tags": {"Schedule": "日勤"}}] * 4)
    schedule = planning.published("日勤", WEEK)
    limit(planning.duty, 50)
    at(planning, jst(2026, 11, 30, 17, 30))
    planning.duty.look()
    changed(planning, schedule, SHORTER)
    act(planning)
    assert planning.duty.operations(kind="ec2.stop") == []
    [asked] = planning.duty.operations(kind="round.release")
    assert asked.parameters["count"] == 4


def test_a_day_that_becomes_a_closure_stops_nothing_before_the_usual_hour(planning: Planning) -> None:
    """Design §3: on a closed day nothing is started, and the stop is done as usual."""
    server_of(planning, tags={"Schedule": "日勤"}, state="running")
    planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, 10, 0))
    planning.duty.look()
    confirmed_day(planning, "closed")
    assert act(planning) == []


def test_a_closed_day_that_becomes_a_working_day_starts_what_should_run(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "日勤"}, state="stopped")
    planning.published("日勤", WEEK)
    confirmed_day(planning, "closed")
    at(planning, jst(2026, 11, 30, 10, 0))
    planning.duty.look()
    planning.duty.tick()
    confirmed_day(planning, "extra")
    assert act(planning) == [("ec2.start", "reached")]


def confirmed_day(planning: Planning, kind: str, day: str = "2026-11-30") -> None:
    change = {"what": kind, "first": day, "name": "台風"}
    entered = calendars.enter_change(
        change, actor=planning.planner_of_calendar, now=planning.duty.clock(), reason="test"
    )
    planning.confirm(entered)
