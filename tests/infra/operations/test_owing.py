"""What fell due and no tick has taken up is neither lost nor forgotten when the rules change under it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from infra.domain.calendar import national
from infra.domain.holiday_files import ListSource
from infra.models.schedule import Scope
from infra.operations import drafts, holiday_lists
from infra.operations.calendars import enter_change
from medical_audit.domain.states import State
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import WEEK, Planning, at, content, server_of

Change = Callable[[Planning], object]
EARLY = WEEK | {"end": "18:00"}
LATE = WEEK | {"end": "21:00"}


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


@pytest.fixture
def server(planning: Planning) -> str:
    """One that runs, follows 日勤 by its tag, and was looked at before its stop at 19:00."""
    found = server_of(planning, tags={"Schedule": "日勤", "Project": "emr"}, state="running")
    planning.published("日勤", WEEK)
    at(planning, jst(2026, 11, 30, 18, 0))
    planning.duty.look()
    planning.duty.tick()
    return found


def publish(planning: Planning, period: dict[str, str]) -> None:
    schedule = planning.row_of_schedule("日勤")
    draft = drafts.save_draft(schedule, content(period), actor=planning.planner, now=planning.duty.clock())
    planning.publish(draft)


def change_calendar(planning: Planning) -> None:
    change = {"what": "closed", "first": "2026-12-24", "name": "創立記念日"}
    planning.confirm(
        enter_change(change, actor=planning.planner_of_calendar, now=planning.duty.clock(), reason="x")
    )


def change_tag(planning: Planning) -> None:
    planning.published("早番", EARLY)
    planning.duty.retag(planning.only(), Schedule="早番")
    planning.duty.look()


CHANGES: dict[str, Change] = {
    "publication": lambda planning: publish(planning, EARLY),
    "assignment": lambda planning: planning.assign(
        Scope.RESOURCE, str(planning.row(planning.only()).id), planning.published("早番", EARLY)
    ),
    "calendar": change_calendar,
    "tag": change_tag,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_stop_that_was_due_before_a_change_is_still_done(
    change: str, planning: Planning, server: str
) -> None:
    at(planning, jst(2026, 11, 30, 19, 1))
    CHANGES[change](planning)
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    stops = planning.duty.operations(kind="ec2.stop", due_at=jst(2026, 11, 30, 19, 0))
    assert [(one.state, one.outcome) for one in stops] == [("SUCCEEDED", "reached")]
    assert planning.duty.aws.states()["ec2"][server] == "stopped"
    assert planning.next_of(server)[0] == jst(2026, 12, 1, 8, 30)


@pytest.mark.parametrize("change", ["publication", "assignment", "calendar"])
def test_what_was_missed_before_a_change_is_recorded(change: str, planning: Planning, server: str) -> None:
    """Nobody ticked for four days; then somebody changes the rules."""
    at(planning, jst(2026, 12, 4, 13, 0))
    CHANGES[change](planning)
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    rows = planning.duty.operations(policy="schedule")
    assert [(one.kind, one.due_at.day, one.state) for one in rows] == [
        ("ec2.stop", 30, "MISSED"),
        ("ec2.start", 30, "MISSED"),
        ("ec2.stop", 1, "MISSED"),
        ("ec2.start", 1, "MISSED"),
        ("ec2.stop", 2, "MISSED"),
        ("ec2.start", 2, "MISSED"),
        ("ec2.stop", 3, "MISSED"),
        ("ec2.start", 3, "MISSED"),
    ]
    assert planning.row(server).owed == []


def test_what_a_change_speaks_against_is_entered_and_dropped_with_its_reason(
    planning: Planning, server: str
) -> None:
    at(planning, jst(2026, 11, 30, 19, 1))
    publish(planning, LATE)
    planning.duty.tick()
    planning.duty.work()
    [stop] = planning.duty.operations(kind="ec2.stop")
    assert (stop.state, stop.outcome) == ("CANCELLED", "superseded")
    assert stop.authority["reason"]["revision"] == 1, "it names the revision by which it was due"
    assert planning.duty.sent("StopInstances") == []
    assert planning.next_of(server) == (jst(2026, 11, 30, 21, 0), "stop")


def test_two_changes_one_after_the_other_keep_what_was_due_once(planning: Planning, server: str) -> None:
    at(planning, jst(2026, 11, 30, 19, 1))
    publish(planning, EARLY)
    at(planning, jst(2026, 11, 30, 19, 2))
    publish(planning, WEEK | {"end": "18:30"})
    planning.duty.tick()
    assert [one.due_at for one in planning.duty.operations(kind="ec2.stop")] == [jst(2026, 11, 30, 19, 0)]


def test_what_is_kept_too_long_is_missed(planning: Planning, server: str) -> None:
    at(planning, jst(2026, 11, 30, 19, 1))
    publish(planning, EARLY)
    at(planning, jst(2026, 11, 30, 20, 1))
    planning.duty.tick()
    [stop] = planning.duty.operations(kind="ec2.stop")
    assert (stop.state, stop.outcome) == ("MISSED", "grace_passed")


def test_what_was_taken_up_already_is_not_owed(planning: Planning, server: str) -> None:
    at(planning, jst(2026, 11, 30, 19, 0))
    planning.duty.tick()
    publish(planning, EARLY)
    assert planning.row(server).owed == []
    planning.duty.tick()
    assert len(planning.duty.operations(kind="ec2.stop")) == 1


def test_switching_the_clock_off_records_what_was_due(duty: Duty) -> None:
    [server] = duty.aws.seed(instances=[{"state": "running", "tags": {"AutoStop": "19:00"}}])["instances"]
    duty.clock.now = jst(2026, 11, 30, 18, 0)
    duty.look()
    duty.clock.now = jst(2026, 11, 30, 19, 1)
    duty.switch("observe")
    duty.tick()
    duty.work()
    assert duty.outcomes()[server] == ("CANCELLED", "automation_off")
    assert duty.resource(server).next_change_at == jst(2026, 12, 1, 19, 0)


def test_a_skipped_start_that_no_tick_saw_is_recorded_after_a_change(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "日勤"}, state="stopped")
    planning.published("日勤", WEEK)
    at(planning, jst(2026, 12, 23, 18, 0))
    planning.duty.look()
    change_calendar(planning)
    planning.duty.tick()
    at(planning, jst(2026, 12, 24, 8, 31))
    publish(planning, EARLY)
    planning.duty.tick()
    skipped = planning.duty.events("schedule.skipped")
    assert [one["detail"]["because"]["code"] for one in skipped] == ["closure"]


def test_after_a_long_outage_skips_are_recorded_as_a_number_for_each_reason(planning: Planning) -> None:
    server_of(planning, tags={"Schedule": "日勤"}, state="stopped")
    planning.published("日勤", WEEK)
    at(planning, jst(2026, 12, 25, 20, 0))
    planning.duty.look()
    planning.duty.tick()
    closed = {"what": "closure", "first": "12-29", "last": "01-03", "name": "年末年始"}
    planning.confirm(
        enter_change(closed, actor=planning.planner_of_calendar, now=planning.duty.clock(), reason="x")
    )
    at(planning, jst(2027, 1, 11, 9, 0))
    planning.duty.tick()
    [earlier] = planning.duty.events("schedule.skipped_earlier")
    assert (earlier["detail"]["number"], earlier["detail"]["because"]["code"]) == (4, "closure")
    assert earlier["detail"]["first_due_at"][:10] == "2026-12-28"
    skipped = planning.duty.events("schedule.skipped")
    assert [one["detail"]["because"]["code"] for one in skipped] == ["holiday"]


def test_a_calendar_list_that_comes_in_settles_what_was_due(planning: Planning, server: str) -> None:
    at(planning, jst(2026, 11, 30, 19, 1))
    listed = national(range(2026, 2028)).holidays
    rows = "".join(f"{day.year}/{day.month}/{day.day},{name}\r\n" for day, name in sorted(listed.items()))
    header = "国民の祝日・休日月日,国民の祝日・休日名称\r\n"
    row = holiday_lists.receive_list(
        (header + rows).encode("cp932"),
        ListSource.CABINET,
        actor=planning.planner_of_calendar,
        now=planning.duty.clock(),
    )
    assert row.state == "adopted"
    planning.duty.tick()
    [stop] = planning.duty.operations(kind="ec2.stop")
    assert (stop.state, stop.due_at) == (State.CONFIRMED, jst(2026, 11, 30, 19, 0))
    assert planning.duty.clock() - stop.due_at < timedelta(minutes=2)
