"""No row, no line and no waiting transaction silences the sealer, its anchors or a verdict unseen."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError

from medical_audit.domain.anchoring import Payload
from medical_audit.queries import seals
from medical_audit.queries.sealed import Seals, verify_ledger
from medical_audit.queries.seals import database_clock
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import ROOT, AsRole, _as_role
from tests.factories import make_tenant
from tests.medical_audit.sealers import SealingRoom, later, let_seals_lie_ahead, make_room
from tests.medical_audit.support import Database, committed, execute, note


@pytest.fixture
def room(ledger_of_its_own: None, tmp_path: Path) -> SealingRoom:
    make_tenant()
    return make_room(tmp_path)


def seals_of(room: SealingRoom) -> Seals:
    with _as_role("audit"):
        return verify_ledger([], room.keys, room.anchors).seals


def newest(room: SealingRoom) -> int:
    found = room.anchors[0].newest(at_least=0)
    return found.number if found else 0


# -- anchors -----------------------------------------------------------------------------------------------------------


def test_an_anchor_gets_its_seal_whatever_the_row_says_that_it_has(
    room: SealingRoom, superuser_connection: Database, as_role: AsRole
) -> None:
    room.seal()
    superuser_connection.execute("UPDATE ledger.duty SET number = 1000 WHERE name = 'anchor:file'")
    room.seal()
    assert newest(room) == 2
    with as_role("audit"), platform_scope():
        assert seals.duties()["anchor:file"].number == 2


@pytest.mark.parametrize("name", ["anchor:file", "stream:siem:{tenant}", "stream:siem:seals", "seal"])
def test_nothing_is_reported_done_beyond_what_there_is(name: str, room: SealingRoom) -> None:
    tenant_id = make_tenant().id
    room.seal()
    with _as_role("audit"), platform_scope():
        execute("SELECT ledger.report_duty(%s, 1, '')", [name.format(tenant=tenant_id)])
        with pytest.raises(DatabaseError, match="at most"):
            execute("SELECT ledger.report_duty(%s, 1000, '')", [name.format(tenant=tenant_id)])


def test_an_anchor_that_took_nothing_for_long_cannot_say_that_nothing_was_cut(
    room: SealingRoom, superuser_connection: Database
) -> None:
    let_seals_lie_ahead(superuser_connection)
    room.seal()
    anchors, room.anchors = room.anchors, []
    room.clock = later(timedelta(minutes=1))
    room.seal()
    room.clock = later(timedelta(minutes=20))
    room.seal()
    room.anchors = anchors
    found = seals_of(room)
    assert (found.damage, found.anchors[0].number) == (None, 1)
    assert "it ends with seal 1" in found.cannot_say
    (anchors[0].path).write_text("")  # type: ignore[attr-defined]
    assert "it ends with seal 0" in seals_of(room).cannot_say
    room.seal()
    assert seals_of(room).cannot_say == "", "the next round puts the newest seal there"


def test_a_line_that_is_no_seal_of_ours_ends_neither_sealer_nor_verdict(
    room: SealingRoom, as_role: AsRole
) -> None:
    """Its signature is no ASCII, which no reader of base64 expects."""
    room.seal()
    held = room.anchors[0].newest(at_least=0)
    assert held is not None
    forged = Payload(9, held.note.rpartition("\n\n")[0] + "\n\n\N{EM DASH} toban/ledger あ\n", ())
    with room.anchors[0].path.open("a") as file:  # type: ignore[attr-defined]
        file.write(forged.text() + "\n")
    assert room.seal().number == 2
    with as_role("audit"), platform_scope():
        assert "no seal of ours" in seals.duties()["anchor:file"].problem
    assert "no seal of ours" in seals_of(room).cannot_say
    # Of whatever number it is: a seal of a cut record that was put behind it would hide what was cut.
    low = replace(forged, number=1)
    with room.anchors[0].path.open("a") as file:  # type: ignore[attr-defined]
        file.write(low.text() + "\n")
    assert room.seal().number == 3
    last = room.anchors[0].newest(at_least=0)
    assert last == low, "nothing is put over what is in doubt"
    assert "no seal of ours" in seals_of(room).cannot_say


def test_nothing_is_sealed_before_each_anchor_has_answered_and_the_silence_names_its_cause(
    room: SealingRoom, as_role: AsRole, tmp_path: Path, superuser_connection: Database
) -> None:
    """After a restore the seals would fork for good, if only the anchor that is away could tell."""
    room.clock = later(timedelta(minutes=-10))
    room.seal()
    path, hidden = room.anchors[0].path, tmp_path / "hidden"  # type: ignore[attr-defined]
    path.rename(hidden)
    path.mkdir()
    with as_role("audit"):
        sealer = room.sealer()
        sealer.clock = database_clock
        sealer.most = 1
        assert sealer.round() is None
        with platform_scope():
            assert seals.duties()["seal"].problem == "anchor_unread"
        assert not sealer.has_much()
        path.rmdir()
        hidden.rename(path)
        assert sealer.round() is not None
        path.unlink()
        path.mkdir()
        assert sealer.round() is not None, "it has answered once"
    rows = superuser_connection.execute(
        "SELECT body::jsonb #>> '{detail,cause}' FROM ledger.event WHERE kind = 'ledger.sealing_resumed'"
    ).fetchall()
    assert rows == [("anchor_unread",)]


def test_what_nobody_foresaw_is_told_and_tried_again(room: SealingRoom, as_role: AsRole) -> None:
    class Odd:
        name = "odd"

        def newest(self, *, at_least: int) -> Payload | None:
            raise ZeroDivisionError

    whole, room.anchors = room.anchors, [Odd()]  # type: ignore[list-item]
    with as_role("audit"):
        sealer = room.sealer()
        assert sealer.round() is None
        with platform_scope():
            assert seals.duties()["seal"].problem == "broken"
        sealer.anchors = list(whole)
        assert sealer.round() is not None
        with platform_scope():
            assert seals.duties()["seal"].problem == ""


# -- the chain ---------------------------------------------------------------------------------------------------------


def test_a_transaction_that_stayed_open_makes_no_chain_back_dated_for_good(
    room: SealingRoom, superuser_connection: Database
) -> None:
    """As if it had been written 31 minutes ago and were committed now."""
    tenant_id = make_tenant().id
    late = (
        "INSERT INTO ledger.event (tenant_id, event_at, body) SELECT tenant_id, clock_timestamp() - interval '31 minutes', body "
        "FROM ledger.event WHERE tenant_id = %s LIMIT 1"
    )
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="open for too long"):
        committed(
            superuser_connection, "ALTER TABLE ledger.event DISABLE TRIGGER check_time", (late, [tenant_id])
        )


def test_no_process_waits_for_long_in_the_middle_of_a_transaction(superuser_connection: Database) -> None:
    rows = superuser_connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'toban_%' AND NOT rolsuper "
        "AND NOT 'idle_in_transaction_session_timeout=10min' = ANY (coalesce(rolconfig, '{}'))"
    ).fetchall()
    assert rows == []


# -- seals -------------------------------------------------------------------------------------------------------------


def put_seal(room: SealingRoom, text: str) -> None:
    """With the password of toban_audit, and without the key: a seal behind the newest."""
    with _as_role("audit"), platform_scope():
        execute(
            "SELECT ledger.seal(2, s.at, format(%s, 2, to_char(s.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), encode(c.hash, 'hex')), '{}', '{}', '{}', '{}', '{}') "
            "FROM ledger.checkpoint c, clock_timestamp() AS s (at) WHERE c.number = 1",
            [text],
        )


LIKE_ONE = (
    f"toban/ledger\n1\n{'A' * 43}=\nnumber %1$s\nepoch 0\nat %2$s\nclock 0\ncatalogue {'0' * 64}\nprev %3$s\n\n"
    f"— toban/ledger {'A' * 91}=\n"
)


@pytest.mark.parametrize(
    "text",
    ["rubbish", LIKE_ONE.replace("number %1$s", "number 3"), LIKE_ONE.replace("prev %3$s", f"prev {'0' * 64}"), LIKE_ONE.replace("at %2$s", "at 2026-01-01T00:00:00.000000Z")],
    ids=["rubbish", "another number", "behind another", "another time"],
)  # fmt: skip
def test_a_note_that_is_not_its_rows_is_refused(text: str, room: SealingRoom) -> None:
    room.seal()
    with pytest.raises(DatabaseError, match="the note is not one of checkpoint 2"):
        put_seal(room, text)
    assert room.seal().number == 2


def test_a_seal_that_is_not_ours_is_taken_out_as_the_page_says(
    room: SealingRoom, superuser_connection: Database, as_role: AsRole
) -> None:
    tenant_id = make_tenant().id
    room.seal()
    put_seal(room, LIKE_ONE)
    with as_role("audit"):
        assert room.sealer().round() is None
        with platform_scope():
            assert seals.duties()["seal"].problem == "forged"
    page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    (recovery,) = re.findall(r"## A seal that is not ours.*?```sql\n(.*?)```", page, re.DOTALL)
    for statement in recovery.replace(":number", "2").strip().split(";\n"):
        superuser_connection.execute(statement)
    note(tenant_id)
    assert room.seal().number == 2
    with as_role("audit"):
        assert verify_ledger([tenant_id], room.keys, room.anchors).intact
    row = superuser_connection.execute(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('ledger.checkpoint'::regclass, 'ledger.tree_head'::regclass) "
        "AND NOT tgisinternal AND tgenabled <> 'A'"
    ).fetchone()
    assert row == (0,)


# -- one row -----------------------------------------------------------------------------------------------------------

MINE = "current_setting('toban.tenant_id')::uuid"
LONG = (
    "jsonb_build_object('kind', 'note.kept', 'outcome', 'ok', 'actor', jsonb_build_object('type', 'system', 'id', 'x', 'name', ''), "
    "'subject', jsonb_build_object('type', 'x', 'id', 'x', 'name', ''), 'detail', repeat('x', 1000000))::text"
)


def test_no_single_row_ends_verdicts_bundles_or_people_for_good(room: SealingRoom) -> None:
    """A stamp that no authority gave, an epoch behind which no other has a number, an event that no verifier reads, a key that opens
    with nothing, years of months."""
    tenant_id = make_tenant().id
    room.seal()
    for role, row in (
        ("audit", "keep_stamp(1, clock_timestamp(), 'x', 'x')"),
        ("audit", "keep_stamp(2, clock_timestamp(), 'x', '0' || sha256('x') || sha256('x') || sha256('x') || sha256('x'))"),
        ("audit", "accept_restore(999999999, 5, 1, 'x', '{}', '{}', '{}')"),
        ("worker", f"log({MINE}, ARRAY[{LONG}])"),
        ("worker", f"keep_person({MINE}, gen_random_uuid()::text, 'x')"),
        ("scheduler", "announce_partitions(1000)"),
        ("scheduler", "ensure_partitions(1000)"),
    ):  # fmt: skip
        with _as_role(role), tenant_scope(tenant_id), pytest.raises(DatabaseError) as refusal:
            execute(f"SELECT ledger.{row}")
        assert isinstance(refusal.value.__cause__, psycopg.errors.CheckViolation), row


def test_months_are_announced_four_times_a_day(room: SealingRoom, superuser_connection: Database) -> None:
    with _as_role("scheduler"):
        for _ in range(6):
            execute("SELECT ledger.announce_partitions(26)")
    found = superuser_connection.execute(
        "SELECT count(*) FROM ledger.event WHERE kind = 'ledger.maintenance_opened' AND db_user = 'toban_scheduler'"
    )
    assert found.fetchone() == (4,)
