"""The tenant's calendar: hostile files leave the last good list in force, company days are confirmed and planned."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from accounts.domain.permissions import Role
from infra.domain.holiday_files import ListSource
from infra.models import HolidayList
from infra.operations import calendars, holiday_lists
from infra.queries.calendars import calendar_of, coverage_of
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent
from medical_audit.tenancy import tenant_scope
from tests.infra.holiday_lists import JAPAN, cabinet, google, ical
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import Planning, server_of

CABINET, ICAL = ListSource.CABINET, ListSource.ICAL


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


def receive(planning: Planning, data: bytes, source: ListSource) -> HolidayList:
    return holiday_lists.receive_list(data, source, actor=planning.planner, now=planning.duty.clock())


def holidays(planning: Planning) -> dict[date, str]:
    with tenant_scope(planning.planner.tenant_id):
        return dict(calendar_of(planning.duty.clock()).holidays)


def change(planning: Planning, **fields: Any) -> None:
    entered = calendars.enter_change(
        fields, actor=planning.planner, now=planning.duty.clock(), reason="年間計画"
    )
    planning.confirm(entered)


@pytest.mark.parametrize(
    ("data", "source"),
    [(cabinet(), CABINET), (ical(), ICAL), (ical(newline="\n"), ICAL)],
    ids=["csv", "ics crlf", "ics lf"],
)
def test_a_right_list_is_taken_over(planning: Planning, data: bytes, source: ListSource) -> None:
    assert receive(planning, data, source).state == "adopted"
    assert {day for day in holidays(planning) if day.year in (2025, 2026, 2027)} == set(JAPAN)
    with tenant_scope(planning.planner.tenant_id):
        assert coverage_of(planning.duty.clock()).until == date(2027, 12, 31)


@pytest.mark.parametrize(
    ("data", "source", "state"),
    [
        (b"<html>503 Service Unavailable</html>", CABINET, "refused"),
        (b"", ICAL, "refused"),
        (google(), ICAL, "refused"),
        (cabinet({day: name for day, name in JAPAN.items() if day.month > 6}), CABINET, "refused"),
        (cabinet({day: name for day, name in JAPAN.items() if day != date(2026, 12, 23) and day != date(2027, 11, 3)}), CABINET, "quarantined"),
    ],
    ids=["html", "empty", "google with tanabata", "shrunk", "one day less"],
)  # fmt: skip
def test_a_wrong_list_leaves_the_last_good_one_in_force(
    planning: Planning, data: bytes, source: ListSource, state: str
) -> None:
    receive(planning, cabinet(), CABINET)
    before = holidays(planning)
    assert receive(planning, data, source).state == state
    assert holidays(planning) == before
    assert planning.duty.events(f"calendar.list_{state}")


def test_a_quarantined_list_is_taken_over_when_two_people_say_so(planning: Planning) -> None:
    server = server_of(planning, tags={"AutoStart": "08:30"}, state="stopped")
    planning.duty.look()
    row = receive(planning, cabinet(JAPAN | {date(2026, 12, 1): "特別の休日"}), CABINET)
    assert (row.state, row.problem) == ("quarantined", "differs")
    now = planning.duty.clock()
    first, second = (
        holiday_lists.enter_adopt(row.id, actor=planning.planner, now=now, reason="官報で確認")
        for _ in range(2)
    )
    with pytest.raises(NotPermitted):
        planning.confirm(first, planning.planner)
    planning.confirm(first)
    assert holidays(planning)[date(2026, 12, 1)] == "特別の休日"
    with pytest.raises(StaleContent):
        planning.confirm(second)
    planning.duty.clock.now = jst(2026, 12, 1, 8, 30)
    planning.duty.tick()
    assert [one.due_at for one in planning.duty.operations()] != [jst(2026, 12, 1, 8, 30)]
    assert planning.row(server).next_change_at == jst(2026, 12, 2, 8, 30)


def test_company_days_are_confirmed_and_planned(planning: Planning) -> None:
    server = server_of(planning, tags={"AutoStart": "08:30"}, state="stopped")
    planning.duty.clock.now = jst(2026, 12, 28, 12, 0)
    planning.duty.look()
    change(planning, what="closure", first="12-29", last="01-03", name="年末年始")
    change(planning, what="extra", first="2026-12-30", name="棚卸し")
    with tenant_scope(planning.planner.tenant_id):
        calendar = calendar_of(planning.duty.clock())
    closed = [day for day in range(28, 32) if calendar.day(date(2026, 12, day)).closed]
    assert closed == [29, 31]
    planning.duty.clock.now = jst(2026, 12, 29, 8, 30)
    planning.duty.tick()
    assert planning.duty.operations(policy="schedule") == []
    [skipped] = planning.duty.events("schedule.skipped")
    assert skipped["detail"]["because"]["name"] == "年末年始"
    planning.duty.clock.now = jst(2026, 12, 30, 8, 30)
    planning.duty.tick()
    assert [one.kind for one in planning.duty.operations(policy="schedule")] == ["ec2.start"]
    assert planning.row(server).next_action == "start"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"what": "closure", "first": "13-01", "last": "01-03", "name": "x"}, "bad_parameter"),
        ({"what": "closed", "first": "2026-02-30", "name": "x"}, "bad_parameter"),
        ({"what": "closed", "first": "2026-02-03", "name": ""}, "bad_name"),
        ({"what": "party", "first": "2026-02-03", "name": "x"}, "bad_parameter"),
        ({"what": "remove", "first": "2026-02-03"}, "nothing_changed"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    planning: Planning, fields: dict[str, str], code: str
) -> None:
    with pytest.raises(Refused) as caught:
        change(planning, **fields)
    assert caught.value.code == code


def test_a_viewer_changes_no_calendar(planning: Planning) -> None:
    viewer = planning.duty.aws.cast.actor(Role.VIEWER)
    with pytest.raises(NotPermitted):
        holiday_lists.receive_list(cabinet(), CABINET, actor=viewer, now=planning.duty.clock())
