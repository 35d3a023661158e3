"""What people see of sessions: the month added up, one's own, ending one, and the rules for them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain.counting import Discrepancy, Fault, Row, Told, compare
from medical_audit.domain.seats import End
from medical_audit.models import Event, Operation, Session, TenantPolicy, Visit
from medical_audit.queries.sessions import account_of
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.factories import PASSWORD, revoke
from tests.medical_audit.sealers import tamper
from tests.medical_audit.support import Database, plant
from tests.stage import Stage, signed_in

NOON = datetime(2026, 11, 30, 3, tzinfo=UTC)


def row(end: str = "", name: str = "a", at: datetime = NOON) -> Row:
    return Row(name, "佐藤", at, end)


def told(*ends: str, name: str = "a") -> list[Told]:
    return [Told(name, "佐藤", end) for end in ends]


@pytest.mark.parametrize(
    ("rows", "events", "faults"),
    [
        ([row("idle")], told("", "idle"), []),
        ([row()], told(""), []),
        ([row("idle")], told(""), [Fault.NO_END]),
        ([row("idle")], told("", "signed_out"), [Fault.OTHER_END]),
        ([row("idle")], told("", "idle", "idle"), [Fault.ENDED_TWICE]),
        ([row("idle")], told("idle"), [Fault.NO_EVENT]),
        ([], told(""), [Fault.NO_ROW]),
        ([], told("idle"), [Fault.NO_START]),
        ([row(at=NOON - timedelta(hours=13))], told(""), [Fault.OPEN_TOO_LONG]),
    ],
)
def test_what_does_not_add_up_is_named(rows: list[Row], events: list[Told], faults: list[Fault]) -> None:
    found = compare(rows, events, now=NOON)
    assert found == [Discrepancy("a", "佐藤", fault) for fault in faults]


def enter(stage: Stage, role: Role) -> Client:
    client = stage.client(role)
    client.get(stage.url("operations/"))
    return client


def visit_of(stage: Stage, role: Role) -> Visit:
    with tenant_scope(stage.cast.tenant.id):
        found: Visit = Visit.objects.filter(user_id=stage.cast.people[role].id).latest("entered_at")
        return found


def test_the_month_adds_up_by_person_and_the_page_says_so(stage: Stage) -> None:
    enter(stage, Role.OPERATOR).post("/sign-out/")
    enter(stage, Role.OPERATOR).post("/lock/")
    enter(stage, Role.VIEWER)
    page = enter(stage, Role.AUDITOR).get(stage.url("sessions/"))
    account = page.context["account"]
    assert (account.begun, account.ended, account.still_open, account.faults) == (4, 2, 2, [])
    assert account.adds_up
    operator = next(one for one in account.people if one.name == "operator")
    assert operator.ends == {"signed_out": 1, "left_seat": 1}
    assert "一致しています" in page.content.decode()


def test_a_session_taken_out_of_the_list_is_missed(stage: Stage) -> None:
    enter(stage, Role.OPERATOR)
    visit = visit_of(stage, Role.OPERATOR)
    visit.end, visit.ended_at = "idle", clock_now()
    plant(visit, force_insert=False)
    page = enter(stage, Role.AUDITOR).get(stage.url("sessions/"))
    assert [(one.session, one.fault) for one in page.context["account"].faults] == [
        (visit.session, Fault.NO_END)
    ]
    assert "終了がありません" in page.content.decode()


def clock_now() -> datetime:
    with platform_scope():
        return clock.now()


def test_who_comes_in_at_midnight_is_missed_in_neither_month(stage: Stage) -> None:
    """His row bears the moment of the request, its event is written a moment later: here midnight lies between the two."""
    enter(stage, Role.OPERATOR).post("/sign-out/")
    visit, day = visit_of(stage, Role.OPERATOR), timedelta(days=1)
    with tenant_scope(stage.cast.tenant.id):
        midnight = Event.objects.get(kind="session.entered").event_at
        assert visit.entered_at < midnight
        auditor, now = stage.cast.actor(Role.AUDITOR), clock.now()
        before = account_of(midnight - day, midnight, actor=auditor, now=now)
        after = account_of(midnight, midnight + day, actor=auditor, now=now)
    assert (before.begun, before.ended, before.faults) == (1, 1, [])
    assert (after.begun, after.ended, after.faults) == (0, 0, [])


def test_a_session_that_an_outage_left_open_over_the_end_of_the_month_ends_when_it_is_swept(
    stage: Stage, superuser_connection: Database
) -> None:
    """Nobody swept for three days: the end is written long after the longest that a session lasts."""
    enter(stage, Role.OPERATOR).post("/sign-out/")
    visit, here = visit_of(stage, Role.OPERATOR), stage.cast.tenant.id
    tamper(
        superuser_connection,
        "UPDATE ledger.event SET event_at = event_at + interval '3 days' WHERE tenant_id = %s AND kind = 'session.signed_out'",
        [here],
    )
    assert visit.ended_at is not None
    visit.ended_at += timedelta(days=3)
    plant(visit, force_insert=False)
    with tenant_scope(here):
        midnight = Event.objects.get(kind="session.entered").event_at + timedelta(microseconds=1)
        account = account_of(
            midnight - timedelta(days=1), midnight, actor=stage.cast.actor(Role.AUDITOR), now=clock.now()
        )
    assert (account.begun, account.ended, account.faults) == (1, 1, [])


def test_a_part_that_refreshes_itself_is_recorded_where_its_page_was_not(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)

    def viewed(page: str) -> int:
        with tenant_scope(stage.cast.tenant.id):
            return Event.objects.filter(kind="ledger.viewed", body__contains=f'"page":"{page}"').count()

    for page, path in (("exports", "ledger/exports/"), ("verification", "ledger/verification/")):
        assert client.get(stage.url(f"{path}?part=live")).status_code == 200
        assert viewed(page) == 1
        assert client.get(stage.url(f"{path}?part=live")).status_code == 200
        assert viewed(page) == 1


def test_reading_the_list_is_recorded_with_what_was_asked(stage: Stage) -> None:
    enter(stage, Role.AUDITOR).get(stage.url("sessions/?state=parallel"))
    with tenant_scope(stage.cast.tenant.id):
        body = Event.objects.get(kind="ledger.sessions_viewed").body
    assert '"filter":{"state":"parallel"}' in body


@pytest.mark.parametrize(
    "query", ["?month=2026-13", "?month=x", "?month=0000-01", "?state=nonsense&person=1", "?after=x"]
)
def test_odd_questions_are_no_defect(stage: Stage, query: str) -> None:
    assert enter(stage, Role.AUDITOR).get(stage.url(f"sessions/{query}")).status_code in (200, 422)


def test_an_administrator_ends_the_session_of_another_by_a_confirmed_operation(stage: Stage) -> None:
    theirs, admin = enter(stage, Role.OPERATOR), enter(stage, Role.ADMINISTRATOR)
    visit = visit_of(stage, Role.OPERATOR)
    assert admin.post(stage.url(f"sessions/{visit.id}/end/"), {"reason": ""}).status_code == 422
    answer = admin.post(stage.url(f"sessions/{visit.id}/end/"), {"reason": "離席したままのため"})
    with tenant_scope(stage.cast.tenant.id):
        operation: Operation = Operation.objects.get(kind="session.end")
    assert theirs.get(stage.url()).status_code == 200, "entered only"
    admin.post(f"{answer['Location']}confirm/", {"digest": operation.digest, "password": PASSWORD})
    assert theirs.get(stage.url()).status_code == 302
    after = visit_of(stage, Role.OPERATOR)
    assert (after.end, after.ended_by_name) == (End.FORCED, "administrator")
    with tenant_scope(stage.cast.tenant.id):
        event = Event.objects.get(kind="session.forced")
    assert (event.actor_name, event.subject_name) == ("administrator", "operator")
    assert "離席したままのため" in event.body
    assert "セッションが終了されました" in theirs.get("/sign-in/").content.decode()


def test_ones_own_sessions_and_the_end_of_one_elsewhere(stage: Stage) -> None:
    here, elsewhere = enter(stage, Role.OPERATOR), enter(stage, Role.OPERATOR)
    page = here.get("/sessions/")
    rows = page.context["rows"]
    assert len(rows) == 2
    other = next(one for one in rows if one.name != page.context["own"])
    assert here.post(f"/sessions/{other.id}/end/")["Location"] == "/sessions/"
    assert elsewhere.get(stage.url()).status_code == 302
    assert here.get(stage.url()).status_code == 200


def test_nobody_ends_the_session_of_another_here(stage: Stage) -> None:
    enter(stage, Role.OPERATOR)
    with platform_scope(user_id=stage.cast.people[Role.OPERATOR].id):
        theirs = Session.objects.get(user_id=stage.cast.people[Role.OPERATOR].id)
    client = enter(stage, Role.ADMINISTRATOR)
    assert client.post(f"/sessions/{theirs.id}/end/").status_code == 404
    assert client.post(f"/sessions/{uuid.uuid4()}/end/").status_code == 404


def test_two_networks_are_said_to_those_who_read_the_ledger(stage: Stage) -> None:
    user = stage.cast.people[Role.OPERATOR]
    for address in ("192.0.2.1", "203.0.113.1"):
        client = Client(REMOTE_ADDR=address)
        client.post("/sign-in/", {"username": user.username, "password": PASSWORD})
        client.get(stage.url())
    words = "2つのネットワークから同時に利用している人のセッションが2件"
    assert words in enter(stage, Role.AUDITOR).get(stage.url()).content.decode()
    assert words not in enter(stage, Role.VIEWER).get(stage.url()).content.decode()
    assert (
        "2つのネットワークから同時に利用"
        in enter(stage, Role.AUDITOR).get(stage.url("sessions/")).content.decode()
    )


def policy(stage: Stage, **wanted: int) -> Operation:
    """Entered by the administrator on the page, confirmed by the approver."""
    given = {
        "idle_minutes": 10,
        "grace_seconds": 0,
        "escalate_hours": 24,
        "reason": "院内規程の改定",
    } | wanted
    answer = enter(stage, Role.ADMINISTRATOR).post(stage.url("policies/"), given)
    assert answer.status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        operation: Operation = Operation.objects.filter(kind="policy.change").latest("entered_at")
    proof = {"digest": operation.digest, "password": PASSWORD}
    enter(stage, Role.APPROVER).post(stage.url(f"operations/{operation.id}/confirm/"), proof)
    return operation


def test_the_idle_limit_is_changed_by_two_people(stage: Stage) -> None:
    operation = policy(stage, idle_minutes=5)
    with tenant_scope(stage.cast.tenant.id):
        row: TenantPolicy = TenantPolicy.objects.get()
    assert (row.idle_minutes, row.operation) == (5, str(operation.id))
    page = enter(stage, Role.VIEWER).get(stage.url("policies/"))
    assert "5分間操作がないと" in page.content.decode()
    assert int(page["Toban-Seat-Left"]) <= 300


@pytest.mark.parametrize(
    "wanted",
    [{"idle_minutes": 31}, {"idle_minutes": 0}, {"grace_seconds": 901}, {"escalate_hours": 0}, {}],
)
def test_what_is_not_allowed_or_changes_nothing_comes_back(stage: Stage, wanted: dict[str, int]) -> None:
    given = {"idle_minutes": 10, "grace_seconds": 0, "escalate_hours": 24, "reason": "x"} | wanted
    assert enter(stage, Role.ADMINISTRATOR).post(stage.url("policies/"), given).status_code == 422


def test_without_a_grace_each_confirmation_asks_for_the_password(stage: Stage) -> None:
    operation, client = stage.entered(), enter(stage, Role.OPERATOR)
    url = stage.url(f"operations/{operation.id}/confirm/")
    assert client.post(url, {"digest": operation.digest, "password": ""}).status_code == 422


def test_within_the_grace_the_password_is_not_asked_for_again_and_the_ledger_says_so(
    stage: Stage, settings: Settings
) -> None:
    policy(stage, grace_seconds=60)
    client = enter(stage, Role.OPERATOR)
    operation, late = stage.entered(), stage.entered()
    page = client.get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert 'id="id_password"' not in page
    url = stage.url(f"operations/{operation.id}/confirm/")
    assert client.post(url, {"digest": operation.digest}).status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        assert Operation.objects.get(id=operation.id).reauthentication == "recent"
        event = Event.objects.get(kind="operation.confirmed", operation_id=str(operation.id))
    assert '"reauthentication":"recent"' in event.body
    settings.TOBAN_CLOCK_OFFSET += 61
    url = stage.url(f"operations/{late.id}/confirm/")
    assert client.post(url, {"digest": late.digest}).status_code == 422


def test_a_membership_taken_away_leaves_the_session_to_its_end(stage: Stage) -> None:
    client = enter(stage, Role.VIEWER)
    revoke(stage.cast.tenant.id, stage.cast.people[Role.VIEWER])
    client.post("/sign-out/")
    assert visit_of(stage, Role.VIEWER).end == End.SIGNED_OUT
    assert signed_in(stage.cast.people[Role.VIEWER]).get(stage.url()).status_code == 404
