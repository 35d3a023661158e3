"""The emergency right: a reason first, two people to open it, closed by itself, told at once, reviewed afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError

from accounts.domain.permissions import Permission, Role
from accounts.operations import notices
from medical_audit import clock
from medical_audit.domain.actor import Actor, EventDraft, Subject, system_actor
from medical_audit.domain.errors import AlreadyMoved, NotPermitted, Refused
from medical_audit.models import Emergency, Event, Operation
from medical_audit.operations import emergencies, entry
from medical_audit.operations.ledger import record_many
from medical_audit.queries.emergencies import emergency_tenants
from medical_audit.queries.reports import make_report
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _as_role
from tests.factories import proof
from tests.stage import Stage


def ask(stage: Stage, role: Role = Role.VIEWER, minutes: int = 30) -> Operation:
    actor = stage.cast.actor(role)
    return emergencies.enter_open(
        str(stage.cast.people[Role.VIEWER].id), minutes, actor=actor, now=clock.now(), reason="夜間の障害"
    )


def confirm(actor: Actor, operation: Operation) -> Operation:
    now = clock.now()
    return entry.confirm(
        operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof(actor, now)
    )


def opened(stage: Stage) -> Emergency:
    confirm(stage.cast.actor(Role.APPROVER), ask(stage))
    with tenant_scope(stage.cast.tenant.id):
        return Emergency.objects.get()


def may(stage: Stage) -> bool:
    actor = stage.cast.actor(Role.VIEWER)
    return actor.may(Permission.POWER_CONFIRM, stage.cast.tenant.id) and "emergency" in actor.roles


def test_it_takes_a_reason_and_two_people(stage: Stage) -> None:
    with pytest.raises(Refused, match="reason_missing"):
        emergencies.enter_open(
            str(stage.cast.people[Role.VIEWER].id),
            30,
            actor=stage.cast.actor(Role.VIEWER),
            now=clock.now(),
            reason=" ",
        )
    with pytest.raises(Refused, match="bad_parameter"):
        ask(stage, minutes=241)
    with pytest.raises(NotPermitted):
        ask(stage, Role.AUDITOR)
    operation = ask(stage)
    assert not may(stage)
    with pytest.raises(NotPermitted):
        confirm(stage.cast.actor(Role.VIEWER), operation)
    with pytest.raises(NotPermitted):
        confirm(stage.cast.actor(Role.OPERATOR), operation)
    confirm(stage.cast.actor(Role.APPROVER), operation)
    assert may(stage)
    with pytest.raises(Refused, match="emergency_open"):
        ask(stage)


def test_what_is_done_under_it_says_so_in_the_ledger_and_gives_no_more_than_named(stage: Stage) -> None:
    opened(stage)
    actor = stage.cast.actor(Role.VIEWER)
    assert not actor.may(Permission.SCHEDULE_CONFIRM, stage.cast.tenant.id)
    assert not actor.may(Permission.POLICY_EDIT, stage.cast.tenant.id)
    confirm(actor, stage.entered(role=Role.OPERATOR))
    with tenant_scope(stage.cast.tenant.id):
        event = Event.objects.filter(kind="operation.confirmed", actor_id=actor.id).latest("event_at")
    assert '"roles":["emergency","viewer"]' in event.body


def test_it_closes_by_itself_and_gives_nothing_past_its_time_even_unswept(stage: Stage) -> None:
    row = opened(stage)
    later = row.closes_at + timedelta(seconds=1)
    with _as_role("scheduler"):
        with platform_scope():
            assert row.tenant_id not in emergency_tenants(clock.now())
            assert row.tenant_id in emergency_tenants(later)
        keeper = system_actor(row.tenant_id, "sweeper")
        assert emergencies.close_overdue(row.tenant_id, actor=keeper, now=later) == 1
        assert emergencies.close_overdue(row.tenant_id, actor=keeper, now=later) == 0
    assert not may(stage)
    with tenant_scope(row.tenant_id):
        closed = Emergency.objects.get()
        assert (closed.closing, closed.closed_at) == ("time", row.closes_at)
        assert Event.objects.filter(kind="emergency.closed").count() == 1


def test_unswept_it_is_over_by_the_database_s_clock(stage: Stage) -> None:
    row = opened(stage)
    with _as_role("super"), tenant_scope(row.tenant_id):
        from django.db import connection  # noqa: PLC0415  only here the past is written by hand

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                "UPDATE medical_audit_emergency SET opened_at = opened_at - interval '1 hour', "
                "closes_at = closes_at - interval '1 hour' WHERE id = %s",
                [row.id],
            )
    assert not may(stage)


def test_it_is_given_back_by_hand_and_closed_once(stage: Stage) -> None:
    row = opened(stage)
    with pytest.raises(NotPermitted):
        emergencies.close(row.id, actor=stage.cast.actor(Role.OPERATOR), now=clock.now())
    emergencies.close(row.id, actor=stage.cast.actor(Role.VIEWER), now=clock.now())
    assert not may(stage)
    with pytest.raises(AlreadyMoved):
        emergencies.close(row.id, actor=stage.cast.actor(Role.APPROVER), now=clock.now())


def test_nobody_keeps_it_open_longer_by_writing_into_the_table(stage: Stage) -> None:
    row = opened(stage)
    row.closes_at += timedelta(hours=5)
    with pytest.raises(IntegrityError, match="nothing else about it changes"), tenant_scope(row.tenant_id):
        row.save()


def test_everybody_sees_it_at_once_and_mail_does_not_wait(stage: Stage) -> None:
    approver = stage.cast.actor(Role.APPROVER)
    row = notices.choose(
        inbox=["emergency"],
        mail=["emergency"],
        address="a@example.jp",
        language="ja",
        actor=approver,
        now=clock.now(),
    )
    now = clock.now()
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        type(row).objects.filter(person_id=approver.id).update(mail_after=now + timedelta(minutes=4))
        assert notices.prepare(stage.cast.tenant.id, now=now) == []
    opened(stage)
    page = stage.client(Role.OPERATOR).get(stage.url("operations/")).content.decode()
    assert "非常時権限が" in page
    assert "夜間の障害" in page
    with _as_role("worker"):
        (digest,) = notices.prepare(stage.cast.tenant.id, now=clock.now())
        assert [one.event.kind for one in digest.news] == ["emergency.opened"]
        notices.settle(digest, "", now=clock.now())
        assert notices.prepare(stage.cast.tenant.id, now=clock.now()) == []
    assert mail.outbox == []


def test_what_was_done_behind_very_much_else_is_not_kept_from_the_review(stage: Stage) -> None:
    row, tenant_id = opened(stage), stage.cast.tenant.id
    draft = EventDraft(
        "note.kept", stage.cast.actor(Role.VIEWER), clock.now(), Subject("tenant", str(tenant_id))
    )
    with tenant_scope(tenant_id):
        record_many(tenant_id, [draft] * 203)
    emergencies.close(row.id, actor=stage.cast.actor(Role.VIEWER), now=clock.now())
    now = clock.now()
    with tenant_scope(tenant_id):
        auditor = stage.cast.actor(Role.AUDITOR)
        report = make_report("emergencies", now - timedelta(days=1), now, actor=auditor, now=now)
    (acts,) = [int(str(line[5])) for line in report.rows]
    assert acts >= 203
    page = stage.client(Role.AUDITOR).get(stage.url(f"emergencies/{row.id}/")).content.decode()
    assert f"ほかに{acts - 200}件" in page


def test_what_the_holder_did_is_shown_to_who_reads_the_record_and_to_himself_and_each_look_is_told(
    stage: Stage,
) -> None:
    row = opened(stage)
    url, seen = stage.url(f"emergencies/{row.id}/"), {}
    stage.client(Role.VIEWER).get(stage.url("my-history/"))
    for role in (Role.OPERATOR, Role.AUDITOR, Role.VIEWER):
        seen[role] = stage.client(role).get(url)
    assert seen[Role.OPERATOR].context["acts"] is None
    assert "本人の履歴" not in seen[Role.OPERATOR].content.decode()
    for role in (Role.AUDITOR, Role.VIEWER):
        assert "ledger.own_viewed" in {one.kind for one in seen[role].context["acts"].shown}
    with tenant_scope(row.tenant_id):
        looks = Event.objects.filter(kind__in=("ledger.viewed", "ledger.own_viewed")).order_by("ord")
        told = [(one.kind, one.actor_id) for one in looks if "emergency" in one.said["detail"].values()]
    people = stage.cast.people
    assert told == [
        ("ledger.viewed", str(people[Role.AUDITOR].id)),
        ("ledger.own_viewed", str(people[Role.VIEWER].id)),
    ]


def test_it_stays_red_until_somebody_else_has_reviewed_it(stage: Stage) -> None:
    row, auditor = opened(stage), stage.cast.actor(Role.AUDITOR)
    with pytest.raises(Refused, match="emergency_still_open"):
        emergencies.enter_review(row.id, "適切", actor=auditor, now=clock.now())
    emergencies.close(row.id, actor=stage.cast.actor(Role.VIEWER), now=clock.now())
    client = stage.client(Role.AUDITOR)
    assert "未点検の非常時権限が1件" in client.get(stage.url("audit/")).content.decode()
    assert client.post(stage.url(f"emergencies/{row.id}/review/"), {"verdict": ""}).status_code == 422
    asked = client.post(stage.url(f"emergencies/{row.id}/review/"), {"verdict": "必要だった。申告どおり。"})
    with tenant_scope(row.tenant_id):
        operation = Operation.objects.get(kind="emergency.review")
    # It is not sent back by who may send starts and stops back, whichever way he comes.
    for url in (
        stage.url(f"operations/{operation.id}/reject/"),
        stage.api(f"operations/{operation.id}/reject/"),
    ):
        assert stage.client(Role.APPROVER).post(url, {"reason": "違う"}).status_code == 403
    with pytest.raises(NotPermitted):
        entry.reject(operation.id, actor=stage.cast.actor(Role.APPROVER), now=clock.now(), reason="違う")
    assert asked["Location"].endswith(f"{operation.id}/")
    with pytest.raises(NotPermitted):
        confirm(auditor, operation)
    confirm(stage.cast.actor(Role.ADMINISTRATOR), operation)
    assert "未点検の非常時権限" not in client.get(stage.url("audit/")).content.decode()
    detail = client.get(stage.url(f"emergencies/{row.id}/")).content.decode()
    assert "点検済み" in detail
    report = client.get(stage.url("audit/reports/emergencies/")).context["report"]
    assert report.totals == {"emergencies": 1, "open_reviews": 0}
    with pytest.raises(AlreadyMoved):
        emergencies.enter_review(row.id, "もう一度", actor=auditor, now=clock.now())
