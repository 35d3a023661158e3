"""Each minute a signed checkpoint over every tenant's tree, also when nothing happened; a sealer signs no other past."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError

from medical_audit.domain.checkpoint import NOTHING_BEFORE, Checkpoint, note_hash, root_over
from medical_audit.domain.merkle import root_of
from medical_audit.domain.notes import BadNote, Signer, VerifierKey, open_note
from medical_audit.operations.sealer import SEALER
from medical_audit.operations.sealing import SealRefused, seal
from medical_audit.queries import seals
from medical_audit.queries.sealed import Seals, verify_ledger
from medical_audit.queries.seals import database_clock
from medical_audit.tenancy import platform_scope
from tests.conftest import AsRole, _as_role
from tests.factories import make_tenant
from tests.medical_audit.sealers import SealingRoom, later, make_room, tamper
from tests.medical_audit.support import Database, chain_of, execute, note


@pytest.fixture
def room(ledger_of_its_own: None, tmp_path: Path) -> SealingRoom:
    """A ledger that no other test seals, and somebody who seals it."""
    return make_room(tmp_path)


def verify_seals(room: SealingRoom) -> Seals:
    return verify_ledger([], room.keys, room.anchors).seals


def parsed(room: SealingRoom, text: str) -> Checkpoint:
    return Checkpoint.parse(open_note(text, room.keys)[0])


def test_a_seal_covers_every_chain_and_names_the_seal_before(
    room: SealingRoom, as_role: AsRole, superuser_connection: Database
) -> None:
    tenant_id = make_tenant().id
    note(tenant_id, count=4)
    first = room.seal()
    note(tenant_id, count=2)
    second = room.seal()
    assert (first.number, second.number) == (1, 2)
    one, two = parsed(room, first.note), parsed(room, second.note)
    assert (one.prev, two.prev) == (NOTHING_BEFORE, note_hash(first.note))
    assert one.at < two.at
    assert abs(one.clock_ms) < 60_000
    hashes = [hash_ for *_, hash_ in chain_of(superuser_connection, tenant_id)]
    head = next(head for head in second.grown if head.tenant_id == tenant_id)
    assert (head.size, head.root, head.last_hash) == (7, root_of(hashes), hashes[-1])
    with as_role("audit"), platform_scope():
        heads = {head.tenant_id: head for _, head in seals.grown(0, 2)}
    assert (two.tenants, two.root) == (len(heads), root_over(heads.values()))


def test_nothing_happened_is_sealed_too(room: SealingRoom) -> None:
    make_tenant()
    room.seal()
    again = room.seal()
    assert (again.number, again.grown) == (2, ())


def test_two_sealers_at_once_make_one_seal(room: SealingRoom, as_role: AsRole) -> None:
    make_tenant()
    with as_role("audit"):
        first, second = room.sealer(), room.sealer()
        one, two = first.round(), second.round()
        assert one is not None
        assert two is not None
        with platform_scope():
            execute("SELECT ledger.seal(2, clock_timestamp(), 'other', '{}', '{}', '{}', '{}', '{}')")
            newest = seals.newest_checkpoint()
    assert newest is not None
    assert (newest.number, newest.note) == (2, two.note)


def test_a_key_follows_another_and_a_retired_one_signs_no_more(room: SealingRoom) -> None:
    make_tenant()
    room.seal()
    old, room.signer = room.signer, Signer.generate("toban/ledger")
    room.keys[:] = [VerifierKey.parse(f"{old.verifier}@1"), room.signer.verifier]
    second = room.seal()
    assert open_note(second.note, room.keys, number=2)[1] == room.signer.verifier
    forged = old.sign(parsed(room, second.note).text())
    with pytest.raises(BadNote, match="retired after checkpoint 1"):
        open_note(forged, room.keys, number=2)


CUT = "DELETE FROM ledger.checkpoint WHERE number = 2"
OTHER_NOTE = "UPDATE ledger.checkpoint SET note = note || 'x', hash = sha256(convert_to(note || 'x', 'UTF8')) WHERE number = 2"
OTHER_ROOT = "UPDATE ledger.tree_head SET root = sha256(root)"
LOST_HEAD = "DELETE FROM ledger.tree_head WHERE tenant_id = (SELECT tenant_id FROM ledger.tree_head LIMIT 1)"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (CUT, "behind"),
        (OTHER_NOTE, "rewritten"),
        (OTHER_ROOT, "heads_differ"),
        (LOST_HEAD, "heads_differ"),
        ("DELETE FROM ledger.checkpoint", "behind"),
    ],
)
def test_a_sealer_does_not_go_on_from_a_past_that_was_changed(
    room: SealingRoom, damage: str, code: str, as_role: AsRole, superuser_connection: Database
) -> None:
    """The anchor's copy is all that a sealer that has just started knows."""
    make_tenant()
    room.seal()
    room.seal()
    tamper(superuser_connection, damage)
    with as_role("audit"):
        assert room.sealer().round() is None
        with platform_scope():
            assert seals.duties()["seal"].problem == code


def test_without_an_anchor_a_forged_note_is_still_seen(
    room: SealingRoom, as_role: AsRole, superuser_connection: Database
) -> None:
    make_tenant()
    room.seal()
    room.anchors = []
    other = Signer.generate("toban/ledger")
    text = parsed(room, room.seal().note).text()
    forged = other.sign(text)
    tamper(
        superuser_connection,
        "UPDATE ledger.checkpoint SET note = %s, hash = sha256(convert_to(%s, 'UTF8')) WHERE number = 2",
        [forged, forged],
    )
    with as_role("audit"), pytest.raises(SealRefused, match="signed by no known key"):
        seal(room.signer, room.keys, actor=SEALER, clock=room.clock, wall=lambda: 0.0)


@pytest.mark.parametrize("attack", ["edit", "cut"])
def test_a_chain_that_was_damaged_is_sealed_no_further_and_the_others_are(
    room: SealingRoom, attack: str, superuser_connection: Database
) -> None:
    broken, whole = make_tenant().id, make_tenant().id
    note(broken, count=3)
    if attack == "cut":
        room.seal()
    tamper(
        superuser_connection,
        "DELETE FROM ledger.link WHERE tenant_id = %s AND seq = 4"
        if attack == "cut"
        else "UPDATE ledger.link SET clock_at = clock_at - interval '1 s' WHERE tenant_id = %s AND seq = 3",
        [broken],
    )
    note(whole)
    sealed = room.seal()
    sizes = {head.tenant_id: head.size for head in sealed.grown}
    assert sizes[whole] == 2
    assert sizes.get(broken) == (None if attack == "cut" else 2)
    assert [(one.tenant_id, one.seq) for one in sealed.withheld] == [(broken, 4 if attack == "cut" else 3)]


@pytest.mark.parametrize("role", ["web", "worker", "scheduler", "owner"])
def test_nobody_but_the_sealers_role_seals(room: SealingRoom, role: str, as_role: AsRole) -> None:
    for call in (
        "seal(1, now(), '', '{}', '{}', '{}', '{}', '{}')",
        "progress()",
        "grown(0, 1)",
        "report_duty('seal', 1, '')",
    ):
        with as_role(role), pytest.raises(DatabaseError) as refusal, platform_scope():
            execute(f"SELECT ledger.{call}")
        assert isinstance(refusal.value.__cause__, psycopg.errors.InsufficientPrivilege), call


def test_a_long_silence_is_recorded_by_the_next_seal(
    room: SealingRoom, superuser_connection: Database
) -> None:
    make_tenant()
    room.clock = later(timedelta(minutes=-10))
    room.seal()
    room.clock = database_clock
    room.seal()
    row = superuser_connection.execute(
        "SELECT body::jsonb #>> '{detail,after}' FROM ledger.event WHERE kind = 'ledger.sealing_resumed'"
    ).fetchone()
    assert row == ("1",)


def test_a_full_anchor_or_none_holds_up_no_seal_and_is_made_up_for(
    room: SealingRoom, tmp_path: Path, as_role: AsRole
) -> None:
    tenant_id = make_tenant().id
    folder = tmp_path / "away"
    room.anchors = make_room(folder).anchors
    room.seal()
    with as_role("audit"), platform_scope():
        duty = seals.duties()["anchor:file"]
    assert (duty.number, duty.done_at) == (0, None)
    assert "Make the folder writable" in duty.problem
    note(tenant_id)
    folder.mkdir()
    room.seal()
    with as_role("audit"), platform_scope():
        duty = seals.duties()["anchor:file"]
    assert (duty.number, duty.problem) == (2, "")
    newest = room.anchors[0].newest(at_least=0)
    assert newest is not None
    assert {head.tenant_id: head.size for head in newest.heads}[tenant_id] == 2


def test_the_digest_of_the_catalogue_is_the_same_for_sealer_and_database(
    room: SealingRoom, as_role: AsRole, superuser_connection: Database
) -> None:
    with as_role("audit"):
        mine = seals.catalogue_digest()
    row = superuser_connection.execute("SELECT ledger.catalogue_digest()").fetchone()
    newest = superuser_connection.execute(
        "SELECT digest FROM ledger.catalogue ORDER BY id DESC LIMIT 1"
    ).fetchone()
    assert row == newest == (mine,)


def test_a_clock_set_an_hour_back_is_kept_as_it_was_and_stops_the_sealer_until_it_is_right(
    room: SealingRoom, superuser_connection: Database
) -> None:
    """The order of the chain does not follow the clock; what the clock said stands beside it, and nothing is sealed under it."""
    tenant_id = make_tenant().id
    room.seal()
    ahead = "now() + interval '1 hour'"  # as if the last event had been linked before the clock was set back
    superuser_connection.execute(
        f"UPDATE ledger.head SET linked_at = {ahead} WHERE tenant_id = %s", [tenant_id]
    )
    note(tenant_id, count=2)
    rows = superuser_connection.execute(
        "SELECT event_at, linked_at, clock_at FROM ledger.link WHERE tenant_id = %s ORDER BY seq DESC LIMIT 2",
        [tenant_id],
    ).fetchall()
    (_, later_one, _), (event_at, linked_at, clock_at) = rows
    assert later_one > linked_at > clock_at + timedelta(minutes=59)
    assert event_at <= clock_at, "the raw clock is kept, not smoothed away"
    right, room.clock = room.clock, lambda: seals.database_clock() - timedelta(hours=1)
    with _as_role("audit"):
        sealer = room.sealer()
        assert sealer.round() is None
        with platform_scope():
            assert seals.duties()["seal"].problem == "clock_back"
        sealer.clock = right
        assert sealer.round() is not None
        with platform_scope():
            assert seals.duties()["seal"].problem == ""


def test_many_events_do_not_wait_for_the_minute(room: SealingRoom) -> None:
    tenant_id = make_tenant().id
    room.seal()
    note(tenant_id, count=4)
    with _as_role("audit"):
        sealer = room.sealer()
        assert sealer.most == 1000
        assert not sealer.has_much()
        sealer.most = 4
        assert sealer.has_much()
        sealer.round()
        assert not sealer.has_much()


def test_a_damaged_chain_is_tried_again_each_minute_and_not_at_once(
    room: SealingRoom, superuser_connection: Database
) -> None:
    tenant_id = make_tenant().id
    note(tenant_id, count=4)
    tamper(superuser_connection, "UPDATE ledger.link SET hash = sha256(hash) WHERE tenant_id = %s AND seq = 2", [tenant_id])  # fmt: skip
    with _as_role("audit"):
        sealer = room.sealer()
        sealer.most = 4
        assert sealer.has_much()
        assert sealer.round() is not None
        assert not sealer.has_much()
    other = make_tenant().id
    note(other, count=4)
    with _as_role("audit"):
        assert sealer.has_much(), "of another tenant"
        sealer.keys = [Signer.generate("toban/ledger").verifier]
        assert sealer.round() is None
        assert not sealer.has_much(), "it does not go on"


def test_a_restore_that_nobody_signed_stops_no_sealer_and_excuses_nothing(room: SealingRoom) -> None:
    """As somebody could write it who has the sealer's password of the database, and not the approvers' keys."""
    make_tenant()
    first = room.seal()
    with _as_role("audit"), platform_scope():
        execute(
            "SELECT ledger.accept_restore(1, %s, %s, 'nobody signed this', '{}', '{}', '{}')",
            [first.number + 7, first.number],
        )
    assert room.seal().number == first.number + 1
    with _as_role("audit"):
        assert verify_seals(room).intact
