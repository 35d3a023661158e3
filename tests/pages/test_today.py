"""Today answers: what is on, what moves next, what went wrong, what waits for me."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.models import Region, Resource
from infra.operations.plans import PLAN_FIELDS, plan
from infra.operations.tick import tick
from infra.queries.band import DayBounds, Mark, band_of, plan_groups
from infra.queries.rules import rules_at
from infra.queries.today import today
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.medical_audit.support import plant
from tests.simulated import switch_on
from tests.stage import Stage

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = {"AutoStart": "08:30", "AutoStop": "19:00"}
MONDAY_0800 = datetime(2026, 11, 30, 8, 0, tzinfo=TOKYO).astimezone(UTC)
LABOUR_DAY_0800 = datetime(2026, 11, 23, 8, 0, tzinfo=TOKYO).astimezone(UTC)


def planned_at(stage: Stage, rows: list[Resource], at: datetime, as_role: AsRole) -> None:
    """As if the inventory had been taken at that instant."""
    with tenant_scope(stage.cast.tenant.id):
        rules = rules_at(at)
    for row in rows:
        plan(row, rules, since=at - timedelta(hours=8))
    with as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Resource.objects.bulk_update(rows, PLAN_FIELDS)


def marks(stage: Stage, now: datetime) -> dict[str, list[tuple[str, str, str, int]]]:
    local = now.astimezone(TOKYO).replace(hour=0, minute=0, second=0, microsecond=0)
    actor = stage.cast.actor(Role.VIEWER)
    with tenant_scope(stage.cast.tenant.id):
        rows = band_of(
            plan_groups(rules_at(now), actor=actor),
            DayBounds(local, local + timedelta(days=1)),
            actor=actor,
            now=now,
        )
    return {row.project: [_told(mark) for mark in row.marks] for row in rows}


def _told(mark: Mark) -> tuple[str, str, str, int]:
    return (f"{mark.at.astimezone(TOKYO):%H:%M}", mark.action, mark.status, mark.count)


def test_the_band_shows_each_projects_planned_starts_and_stops(stage: Stage, as_role: AsRole) -> None:
    rows = [*stage.resources(3, tags=OFFICE), stage.resource(tags={"AutoStop": "22:00"}, project="検査")]
    planned_at(stage, rows, MONDAY_0800, as_role)
    assert marks(stage, MONDAY_0800) == {
        "電子カルテ": [("08:30", "start", "waiting", 3), ("19:00", "stop", "waiting", 3)],
        "検査": [("22:00", "stop", "waiting", 1)],
    }


def test_a_holiday_strikes_the_starts_out_and_keeps_the_stops(stage: Stage, as_role: AsRole) -> None:
    planned_at(stage, stage.resources(2, tags=OFFICE), LABOUR_DAY_0800, as_role)
    assert marks(stage, LABOUR_DAY_0800) == {
        "電子カルテ": [("08:30", "start", "skipped", 2), ("19:00", "stop", "waiting", 2)]
    }


def test_a_mark_goes_from_waiting_to_late_to_what_became_of_it(stage: Stage, as_role: AsRole) -> None:
    planned_at(stage, stage.resources(2, tags=OFFICE), MONDAY_0800, as_role)
    due = MONDAY_0800 + timedelta(minutes=30)
    assert marks(stage, due + timedelta(seconds=20))["電子カルテ"][0] == ("08:30", "start", "waiting", 2)
    assert marks(stage, due + timedelta(minutes=5))["電子カルテ"][0] == ("08:30", "start", "late", 2)
    switch_on(stage.cast, stage.account, MONDAY_0800)
    planned_at(stage, stage.made, MONDAY_0800, as_role)
    with as_role("scheduler"):
        tick(stage.cast.tenant.id, now=due + timedelta(minutes=5))
    assert marks(stage, due + timedelta(minutes=6))["電子カルテ"][0] == ("08:30", "start", "waiting", 2)
    assert marks(stage, due + timedelta(minutes=20))["電子カルテ"][0] == ("08:30", "start", "late", 2)


def test_what_starts_within_the_hour_is_listed_and_counted(stage: Stage, as_role: AsRole) -> None:
    rows = stage.resources(12, tags=OFFICE)
    planned_at(stage, rows, MONDAY_0800, as_role)
    with tenant_scope(stage.cast.tenant.id):
        seen = today(actor=stage.cast.actor(Role.VIEWER), now=MONDAY_0800, zone=TOKYO)
    assert seen.upcoming_total == 12
    [line] = seen.upcoming
    assert (line.action, line.at, line.count, line.more) == (
        "start",
        MONDAY_0800 + timedelta(minutes=30),
        12,
        9,
    )
    assert [one.name for one in line.resources] == sorted(row.name for row in rows)[:3]
    assert seen.counts["stopped"] == 12
    assert seen.now_percent == pytest.approx(100 / 3)


def test_a_start_that_a_holiday_suppresses_is_not_announced(stage: Stage, as_role: AsRole) -> None:
    planned_at(stage, stage.resources(2, tags=OFFICE), LABOUR_DAY_0800, as_role)
    with tenant_scope(stage.cast.tenant.id):
        seen = today(actor=stage.cast.actor(Role.VIEWER), now=LABOUR_DAY_0800, zone=TOKYO)
    assert (seen.upcoming_total, list(seen.upcoming)) == (0, [])
    assert seen.reason.code == "holiday"


def test_the_page_shows_upcoming_starts_in_the_tenants_words(
    stage: Stage, as_role: AsRole, settings: Settings
) -> None:
    begin = clock.now()
    now = (begin + timedelta(days=1)).replace(hour=3)  # noon in Tokyo: what comes soon comes today
    settings.TOBAN_CLOCK_OFFSET += (now - begin).total_seconds()
    soon = (now + timedelta(minutes=30)).astimezone(TOKYO)
    row = stage.resource(name="夜間サーバー", state="running", tags={"AutoStop": f"{soon:%H:%M}"})
    planned_at(stage, [row], now + timedelta(hours=8), as_role)
    page = stage.client(Role.VIEWER).get(stage.url())
    assert page.context["upcoming_total"] == 1
    assert "夜間サーバー" in page.content.decode()
    assert page.context["rows"][0]["label"] == "電子カルテ"


def test_what_is_wrong_comes_from_accounts_operations_and_tags(stage: Stage, as_role: AsRole) -> None:
    now = clock.now()
    stage.finding(stage.resource(name="bad"))
    failed = stage.entered()
    with as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Region.objects.update(inventory_problem="role_refused", inventory_problem_since=now)
    client = stage.client(Role.APPROVER)
    context = client.get(stage.url()).context
    assert context["wrong_total"] == 2
    assert [bool(one.region) for one in context["wrong"]] == [True, False]
    assert [one.id for one in context["waiting"]] == [failed.id]
    page = client.get(stage.url()).content.decode()
    assert stage.account.name in page
    assert "bad" in page


@pytest.mark.parametrize(
    ("state", "settled", "wrong"),
    [("FAILED", None, True), ("UNKNOWN", None, True), ("FAILED", timedelta(minutes=5), True), ("FAILED", timedelta(0), False)],
)  # fmt: skip
def test_what_failed_long_after_it_was_entered_is_wrong_when_it_failed(
    state: str, settled: timedelta | None, wrong: bool, stage: Stage
) -> None:
    """It counts from the failure on; only what succeeded after the failure puts it right. UNKNOWN has no end yet."""
    now, row = clock.now(), stage.resource(name="night")
    began, ended = now - timedelta(hours=30), now - timedelta(minutes=1)
    became(stage.entered(row), state, began, None if state == "UNKNOWN" else ended)
    if settled is not None:
        became(stage.entered(row), "SUCCEEDED", began + timedelta(hours=1), ended - settled)
    with tenant_scope(stage.cast.tenant.id):
        seen = today(actor=stage.cast.actor(Role.VIEWER), now=now, zone=TOKYO)
    assert [one.operation.state for one in seen.wrong if one.operation] == [state] * wrong
    page = stage.client(Role.VIEWER).get(stage.url("resources/"), {"problem": "yes"})
    assert [one.resource.name for one in page.context["rows"]] == ["night"] * wrong


def became(operation: Operation, state: str, entered: datetime, finished: datetime | None) -> None:
    """As if it had been entered and ended then; UNKNOWN since a while."""
    operation.state, operation.entered_at, operation.finished_at = state, entered, finished
    operation.confirmed_by_id, operation.confirmed_by_name = "somebody", "誰か"
    plant(operation, force_insert=False)


def test_what_waits_for_another_person_does_not_wait_for_me(stage: Stage) -> None:
    stage.entered()
    assert stage.client(Role.VIEWER).get(stage.url()).context["waiting_total"] == 0
    assert stage.client(Role.OPERATOR).get(stage.url()).context["waiting_total"] == 1
    with tenant_scope(stage.cast.tenant.id):
        assert Operation.objects.count() == 1
