"""What a schedule keeps on for maintenance: also on closed days, from ten minutes before, and off again afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from infra.domain.schedule import State
from infra.models import MaintenanceWindow
from infra.operations.overriding import Wanted
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import WEEK, Planning, at, server_of

NAME = "monthly-patch"
SATURDAY = jst(2026, 12, 5, 12, 0)


@pytest.fixture
def planning(duty: Duty) -> Planning:
    """A Saturday: by its schedule nothing runs before Monday."""
    duty.clock.now = SATURDAY
    return Planning(duty)


def window(planning: Planning, opens: datetime | None, **fields: Any) -> None:
    """What AWS shows of the one window from now on."""
    shown = {"id": f"mw-{1:017x}", "name": NAME, "next_at": opens.isoformat() if opens else None}
    planning.duty.aws.seed(windows=[shown | fields])


def look_and_act(planning: Planning, moment: datetime) -> None:
    at(planning, moment)
    planning.duty.look()
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)


def state_of(planning: Planning, server: str) -> str:
    return planning.duty.aws.states()["ec2"][server]


def test_a_window_within_its_hours_does_not_make_it_one_that_ran_before(planning: Planning) -> None:
    """retain_running asks what ran when its hours began; a maintenance window in between says nothing of that."""
    server = server_of(planning, tags={"Schedule": "保守"}, state="stopped")
    planning.published("保守", WEEK, maintenance_windows=[NAME], retain_running=True)
    window(planning, jst(2026, 12, 7, 12, 0))
    look_and_act(planning, jst(2026, 12, 7, 8, 30))
    assert state_of(planning, server) == "running"
    look_and_act(planning, jst(2026, 12, 7, 11, 50))
    window(planning, jst(2026, 12, 14, 12, 0))
    look_and_act(planning, jst(2026, 12, 7, 16, 0))
    look_and_act(planning, jst(2026, 12, 7, 19, 0))
    assert state_of(planning, server) == "stopped"


def kept(planning: Planning) -> list[MaintenanceWindow]:
    with tenant_scope(planning.planner.tenant_id):
        return list(MaintenanceWindow.objects.all())


def test_a_server_runs_during_its_window_and_stops_after_it(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "保守"}, state="stopped")
    planning.published("保守", WEEK, maintenance_windows=[NAME])
    window(planning, jst(2026, 12, 6, 2, 0))
    planning.duty.look()
    assert planning.next_of(server) == (jst(2026, 12, 6, 1, 50), "start")
    look_and_act(planning, jst(2026, 12, 6, 1, 50))
    assert state_of(planning, server) == "running"
    window(planning, jst(2026, 12, 13, 2, 0))  # AWS shows the next one as soon as this one has begun
    look_and_act(planning, jst(2026, 12, 6, 3, 0))
    assert state_of(planning, server) == "running"
    look_and_act(planning, jst(2026, 12, 6, 4, 0))
    assert state_of(planning, server) == "stopped"
    assert planning.next_of(server) == (jst(2026, 12, 7, 8, 30), "start")
    (row,) = kept(planning)
    assert (row.previous_at, row.next_at) == (jst(2026, 12, 6, 2, 0), jst(2026, 12, 13, 2, 0))
    start, stop = planning.duty.operations(policy="schedule")
    assert start.authority["reason"]["because"]["code"] == "maintenance"
    assert [one.outcome for one in (start, stop)] == ["reached", "reached"]


def test_the_end_of_a_window_is_not_lost_on_a_tick_that_comes_after_the_next_look(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "保守"}, state="stopped")
    planning.published("保守", WEEK, maintenance_windows=[NAME])
    window(planning, jst(2026, 12, 6, 2, 0))
    planning.duty.look()
    look_and_act(planning, jst(2026, 12, 6, 1, 50))
    window(planning, jst(2026, 12, 13, 2, 0))
    look_and_act(planning, jst(2026, 12, 6, 4, 5))
    assert state_of(planning, server) == "stopped"


def test_a_window_that_was_read_only_when_it_had_begun_is_still_caught_up(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "保守"}, state="stopped")
    planning.published("保守", WEEK, maintenance_windows=[NAME])
    planning.duty.look()
    window(planning, jst(2026, 12, 6, 2, 0))
    look_and_act(planning, jst(2026, 12, 6, 1, 55))
    assert state_of(planning, server) == "running"


def test_an_override_goes_before_a_window(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "保守"}, state="stopped")
    planning.published("保守", WEEK, maintenance_windows=[NAME])
    window(planning, jst(2026, 12, 6, 2, 0))
    planning.duty.look()
    planning.override(Wanted(State.STOPPED, jst(2026, 12, 6, 12, 0), resources=(planning.row(server).id,)))
    look_and_act(planning, jst(2026, 12, 6, 1, 50))
    assert state_of(planning, server) == "stopped"


@pytest.mark.parametrize("fields", [{"enabled": False}, {"name": "another"}], ids=str)
def test_what_no_schedule_names_or_is_switched_off_keeps_nothing_on(
    planning: Planning, fields: dict[str, Any]
) -> None:
    server = server_of(planning, tags={"Schedule": "保守"}, state="stopped")
    planning.published("保守", WEEK, maintenance_windows=[NAME])
    window(planning, jst(2026, 12, 6, 2, 0), **fields)
    planning.duty.look()
    assert planning.next_of(server) == (jst(2026, 12, 7, 8, 30), "start")


def test_nobody_asks_for_windows_where_no_schedule_names_any(planning: Planning) -> None:
    planning.published("平日", WEEK)
    planning.duty.look()
    assert "ssm.DescribeMaintenanceWindows" not in planning.duty.aws.calls()


@pytest.mark.fault
def test_a_list_that_cannot_be_read_keeps_the_last_known_and_says_so(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "保守"}, state="stopped")
    planning.published("保守", WEEK, maintenance_windows=[NAME])
    window(planning, jst(2026, 12, 6, 2, 0))
    planning.duty.look()
    planning.duty.aws.fault(
        match={"service": "ssm"}, code="AccessDeniedException", status=400,
        message="User is not authorized to perform: ssm:DescribeMaintenanceWindows",
    )  # fmt: skip
    look_and_act(planning, jst(2026, 12, 6, 1, 50))
    assert state_of(planning, server) == "running"
    region = planning.duty.region()
    assert (region.inventory_problem, region.inventory_problem_detail) == (
        "partly",
        "ssm:DescribeMaintenanceWindows: permission",
    )


def test_a_database_runs_during_its_weekly_window(planning: Planning) -> None:
    planning.published("保守", WEEK, rds_maintenance=True)
    planning.duty.aws.seed(
        databases=[
            {
                "id": "karte",
                "state": "stopped",
                "maintenance": "sat:17:00-sat:17:30",
                "tags": {"Schedule": "保守"},
            }
        ]
    )
    planning.duty.look()
    assert planning.next_of("karte") == (jst(2026, 12, 6, 1, 50), "start")
    for hour, minute in ((1, 50), (2, 30)):
        look_and_act(planning, jst(2026, 12, 6, hour, minute))
    assert [(one.kind, one.outcome) for one in planning.duty.operations(policy="schedule")] == [
        ("rds.start", "reached"),
        ("rds.stop", "reached"),
    ]
