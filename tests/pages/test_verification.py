"""The verification page: an auditor asks, the sealer's process answers, everybody sees when nothing is sealed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.streams import Destination
from medical_audit.models import VerificationRun
from medical_audit.operations.heartbeat import beat
from medical_audit.operations.sealer import report
from medical_audit.operations.verifying import LEFT_BEHIND, Verifier
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import make_cast
from tests.medical_audit.sealers import SealingRoom, later, make_room, tamper
from tests.medical_audit.support import Database, chain_of
from tests.stage import Stage, make_stage

HERE = "ledger/verification/"


@pytest.fixture
def room(ledger_of_its_own: None, tmp_path: Path) -> SealingRoom:
    return make_room(tmp_path)


@pytest.fixture
def own_stage(room: SealingRoom) -> Stage:
    """A tenant in the fresh database; the clock of Toban ticks."""
    with _as_role("scheduler"):
        beat("tick", clock.now())
    return make_stage(make_cast())


def carry_out(room: SealingRoom) -> None:
    with _as_role("audit"):
        verifier = Verifier(room.keys, room.anchors, clock=clock.now)
        verifier.step()
        verifier.finish()
        verifier.step()


@pytest.mark.wall("database")  # the catalogue is found to be changed, as it is
def test_an_auditor_asks_and_sees_the_verdict(
    own_stage: Stage, room: SealingRoom, superuser_connection: Database
) -> None:
    room.seal()
    client, url = own_stage.client(Role.AUDITOR), own_stage.url(HERE)
    assert "まだ検証されていません" in client.get(url).content.decode()
    assert client.post(own_stage.url(f"{HERE}verify/")).status_code == 302
    page = client.get(url)
    assert page.context["view"].open.verdict == "asked"
    assert 'hx-trigger="every 2s' in client.get(url, {"part": "live"}).content.decode()
    assert "HX-Refresh" not in client.get(url, {"part": "live"})
    carry_out(room)
    assert client.get(url, {"part": "live"})["HX-Refresh"] == "true"
    view = client.get(url).context["view"]
    assert (view.open, view.last.verdict, view.last.damage) == (None, "intact", "")
    assert view.last.checked >= view.last.sealed > 0
    assert (view.state.code, view.seal.number, view.anchors[0].behind) == ("sealed", 1, 0)
    kinds = [kind for _, kind, *_ in chain_of(superuser_connection, own_stage.cast.tenant.id)]
    assert kinds.count("ledger.verification_asked") == kinds.count("ledger.verified") == 1
    assert kinds.count("ledger.viewed") == 3
    assert client.get(own_stage.url("ledger/")).context["verification"].verdict == "intact"


def test_damage_is_named_in_words_on_both_pages_and_in_the_ledger(
    own_stage: Stage, room: SealingRoom, superuser_connection: Database
) -> None:
    room.seal()
    client, told = own_stage.client(Role.AUDITOR), "記録項目 1 は、記録された後に変更されています。"
    for tenant_id, words in (
        (NO_TENANT, f"Toban 自身の記録が損なわれています。{told}"),
        (own_stage.cast.tenant.id, told),
    ):
        tamper(
            superuser_connection,
            "UPDATE ledger.event SET body = body || ' ' WHERE id = "
            "(SELECT event_id FROM ledger.link WHERE tenant_id = %s AND seq = 1)",
            [tenant_id],
        )
        client.post(own_stage.url(f"{HERE}verify/"))
        carry_out(room)
        for path in (HERE, "ledger/"):
            assert words in client.get(own_stage.url(path)).content.decode(), path
    rows = superuser_connection.execute(
        "SELECT outcome, body FROM ledger.event WHERE kind = 'ledger.verified' ORDER BY ord"
    ).fetchall()
    details = [(outcome, json.loads(body)["detail"]) for outcome, body in rows]
    assert [(outcome, detail["of"], detail["damage"]) for outcome, detail in details] == [
        ("failed", "platform", "edited"),
        ("failed", "chain", "edited"),
    ]


def test_a_verification_that_fails_says_so_and_is_over(
    own_stage: Stage, room: SealingRoom, superuser_connection: Database
) -> None:
    """Not running for ever under the last verdict, which says intact."""

    class Odd:
        name = "odd"

        def newest(self, *, at_least: int) -> None:
            raise ZeroDivisionError

    room.seal()
    client = own_stage.client(Role.AUDITOR)
    client.post(own_stage.url(f"{HERE}verify/"))
    carry_out(room)
    client.post(own_stage.url(f"{HERE}verify/"))
    room.anchors = [Odd()]  # type: ignore[list-item]
    carry_out(room)
    page = client.get(own_stage.url(HERE))
    view = page.context["view"]
    assert (view.open, view.last.verdict, view.last.problem) == (None, "unsaid", "broken: ZeroDivisionError")
    assert "検証そのものに失敗しました" in page.content.decode()


@pytest.mark.wall("database")  # the catalogue is found to be changed, as it is
def test_without_any_copy_it_says_that_it_cannot_be_said(
    own_stage: Stage, room: SealingRoom, tmp_path: Path
) -> None:
    room.seal()
    (tmp_path / "seals.jsonl").unlink()
    (tmp_path / "seals.jsonl").mkdir()
    client = own_stage.client(Role.AUDITOR)
    client.post(own_stage.url(f"{HERE}verify/"))
    carry_out(room)
    assert client.get(own_stage.url(HERE)).context["view"].last.verdict == "unsaid"


def test_asking_twice_is_one_verification(own_stage: Stage, room: SealingRoom) -> None:
    client = own_stage.client(Role.AUDITOR)
    for _ in range(2):
        assert client.post(own_stage.url(f"{HERE}verify/")).status_code == 302
    with tenant_scope(own_stage.cast.tenant.id):
        assert VerificationRun.objects.count() == 1


def test_one_that_a_dead_sealer_left_behind_is_taken_up_again(own_stage: Stage, room: SealingRoom) -> None:
    client = own_stage.client(Role.AUDITOR)
    client.post(own_stage.url(f"{HERE}verify/"))
    with _as_role("super"), tenant_scope(own_stage.cast.tenant.id):
        VerificationRun.objects.update(verdict="running", started_at=clock.now() - timedelta(minutes=1))
    carry_out(room)
    assert client.get(own_stage.url(HERE)).context["view"].last is None
    with _as_role("super"), tenant_scope(own_stage.cast.tenant.id):
        VerificationRun.objects.update(started_at=clock.now() - LEFT_BEHIND - timedelta(minutes=1))
    carry_out(room)
    assert client.get(own_stage.url(HERE)).context["view"].last.verdict == "intact"


def strips(stage: Stage) -> list[str]:
    return [
        one["text"]
        for one in stage.client(Role.VIEWER).get(stage.url("resources/")).context["platform_notices"]
    ]


def test_every_page_says_when_nothing_was_sealed_for_two_intervals(
    own_stage: Stage, room: SealingRoom
) -> None:
    assert strips(own_stage) == []
    room.clock = later(timedelta(minutes=-3))
    room.seal()
    (text,) = strips(own_stage)
    assert "封印" in text
    room.clock = make_room(Path("/nowhere")).clock
    room.seal()
    assert strips(own_stage) == []


def test_a_tenant_whose_chain_is_not_sealed_any_further_is_told_so(
    own_stage: Stage, room: SealingRoom, superuser_connection: Database
) -> None:
    tamper(
        superuser_connection,
        "UPDATE ledger.link SET clock_at = clock_at - interval '1 s', linked_at = linked_at - interval '1 hour' "
        "WHERE tenant_id = %s AND seq = 1",
        [own_stage.cast.tenant.id],
    )
    room.seal()
    (text,) = strips(own_stage)
    assert "損なわれて" in text
    other = make_stage(make_cast())
    room.seal()
    assert strips(other) == []


def test_only_those_who_may_read_the_ledger_may_have_it_verified(stage: Stage) -> None:
    for role in (Role.VIEWER, Role.OPERATOR, Role.APPROVER):
        assert stage.client(role).post(stage.url(f"{HERE}verify/")).status_code == 403
    with tenant_scope(stage.cast.tenant.id):
        assert VerificationRun.objects.count() == 0


def test_it_says_how_far_each_receiver_of_the_stream_has_come(own_stage: Stage, room: SealingRoom) -> None:
    tenant_id = own_stage.cast.tenant.id
    more: dict[str, Any] = {
        "port": 6514,
        "ca_file": "",
        "certificate_file": "",
        "key_file": "",
        "closing": "answered",
    }
    good, away, foreign = (
        Destination(name, f"{name}.example.jp", tenants=tenants, **more)
        for name, tenants in (("good", None), ("away", None), ("foreign", frozenset({room_of_others()})))
    )
    room.seal()
    with _as_role("audit"):
        report(good.duty_of(tenant_id), 2, "")
        report(good.seals_duty, 1, "")
        report(away.duty_of(tenant_id), 0, "untrusted: unable to get local issuer certificate")
    with override_settings(TOBAN_STREAMS=(good, away, foreign)):
        first = own_stage.client(Role.AUDITOR).get(own_stage.url("audit/"))
        page = own_stage.client(Role.AUDITOR).get(own_stage.url(HERE))
    assert first.context["seen"].intact.behind == ["away"]
    lines = {line.name: line for line in page.context["view"].streams}
    assert set(lines) == {"good", "away"}
    assert (lines["good"].number, lines["good"].seals, lines["good"].is_late) == (2, 0, False)
    assert lines["good"].behind == page.context["view"].events - 2
    assert (lines["away"].number, lines["away"].seals, lines["away"].is_late) == (0, 1, True)
    text = page.content.decode()
    assert "受信側の証明書を信頼できません" in text
    assert "foreign.example.jp" not in text


def room_of_others() -> UUID:
    return make_cast().tenant.id
