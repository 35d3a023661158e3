"""The attack matrix: a superuser with every guard off against the stored record. What each attack leaves visible, and to
whom: the chain alone, the seals in the database, or only an anchor outside of it (docs/ledger.md)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError

from medical_audit.domain.actor import NO_TENANT, Subject, system_actor
from medical_audit.domain.chain import genesis, link_hash
from medical_audit.domain.checkpoint import Checkpoint
from medical_audit.domain.notes import Signer, open_note
from medical_audit.models import Event
from medical_audit.operations.ledger import record
from medical_audit.queries.links import links_after, links_of
from medical_audit.queries.sealed import Report, verify_ledger
from medical_audit.queries.seals import EXCUSES
from medical_audit.queries.verification import Damage, chains
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import AsRole, _as_role
from tests.factories import MONDAY_0830, make_tenant
from tests.medical_audit.sealers import SealingRoom, later, let_seals_lie_ahead, make_room, tamper
from tests.medical_audit.support import Database, committed, note


@dataclass
class Scene:
    """Two tenants. The first has 4 events under seal 1, 7 under seal 2, and 8 in all: the last is not sealed yet."""

    room: SealingRoom
    database: Database
    tenant_id: uuid.UUID
    other_id: uuid.UUID

    def verify(self, *, anchors: bool = True) -> Report:
        with _as_role("audit"):
            return verify_ledger(chains(), self.room.keys, self.room.anchors if anchors else [])

    def damage(self, *, anchors: bool = True) -> tuple[Damage | None, Damage | None]:
        """(of the tenant's chain, of the seals)."""
        report = self.verify(anchors=anchors)
        mine = next((one.damage for one in report.chains if one.tenant_id == self.tenant_id), None)
        assert next(one for one in report.chains if one.tenant_id == self.other_id).intact
        return mine, report.seals.damage

    def cut(self, size: int) -> None:
        """Take the events behind `size` away, as if they had never been."""
        t = {"t": self.tenant_id, "s": size}
        tamper(
            self.database,
            "DELETE FROM ledger.event WHERE id IN (SELECT event_id FROM ledger.link WHERE tenant_id = %(t)s AND seq > %(s)s)", t,
            "DELETE FROM ledger.link WHERE tenant_id = %(t)s AND seq > %(s)s", t,
            "UPDATE ledger.head h SET seq = %(s)s, hash = (SELECT hash FROM ledger.link WHERE tenant_id = %(t)s AND seq = %(s)s) "
            "WHERE tenant_id = %(t)s" if size else "DELETE FROM ledger.head WHERE tenant_id = %(t)s", t,
        )  # fmt: skip

    def unseal(self, number: int) -> None:
        """Take the seals behind `number` away."""
        tamper(
            self.database,
            "DELETE FROM ledger.checkpoint WHERE number > %s", [number],
            "DELETE FROM ledger.tree_head WHERE number > %s", [number],
        )  # fmt: skip

    def rewrite(self, seq: int) -> None:
        """Edit an event and make every hash behind it right, the head's too: as somebody who has read the sources."""
        tamper(
            self.database,
            "UPDATE ledger.event SET body = replace(body, 'test.note', 'test.ELSE') "
            "WHERE id = (SELECT event_id FROM ledger.link WHERE tenant_id = %s AND seq = %s)",
            [self.tenant_id, seq],
        )
        self.rehash(seq)

    def rehash(self, seq: int = 1) -> None:
        prev, statements = genesis(self.tenant_id), []
        with _as_role("audit"), tenant_scope(self.tenant_id):
            for link in links_after(self.tenant_id, 0, page=100):
                mended = link_hash(replace(link, prev=prev))
                if link.seq >= seq:
                    statements += [
                        "UPDATE ledger.link SET prev = %s, hash = %s WHERE tenant_id = %s AND seq = %s",
                        [prev, mended, self.tenant_id, link.seq],
                    ]
                prev = mended
        tamper(
            self.database, *statements, "UPDATE ledger.head SET hash = %s WHERE tenant_id = %s", [prev, self.tenant_id]
        )  # fmt: skip

    def event_at(self, seq: int) -> str:
        row = self.database.execute(
            "SELECT event_id FROM ledger.link WHERE tenant_id = %s AND seq = %s", [self.tenant_id, seq]
        ).fetchone()
        return str(row[0]) if row else ""


@pytest.fixture
def scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Scene:
    room = make_room(tmp_path)
    tenant_id, other_id = make_tenant().id, make_tenant().id
    note(tenant_id, count=3)
    room.seal()
    note(tenant_id, count=3)
    note(other_id)
    room.seal()
    note(tenant_id)
    return Scene(room, superuser_connection, tenant_id, other_id)


def test_what_nobody_touched_is_intact(scene: Scene) -> None:
    report = scene.verify()
    assert report.intact
    sizes = {one.tenant_id: (one.events, one.sealed) for one in report.chains}
    assert (sizes[scene.tenant_id], sizes[scene.other_id]) == ((8, 7), (2, 2))
    assert [(one.name, one.number) for one in report.seals.anchors] == [("file", 2)]


def _insert_back_dated(scene: Scene) -> None:
    """An event of this morning, put in now: everything is hashed right, only the time is a lie."""
    t = {"t": scene.tenant_id}
    tamper(
        scene.database,
        "WITH made AS (INSERT INTO ledger.event (tenant_id, event_at, body) SELECT tenant_id, date_trunc('month', now()), body "
        "FROM ledger.event WHERE tenant_id = %(t)s LIMIT 1 RETURNING *), linked AS (SELECT m.*, h.seq + 1 AS seq, h.hash AS prev, "
        "h.linked_at + interval '1 us' AS linked_at FROM made m JOIN ledger.head h USING (tenant_id)) "
        "INSERT INTO ledger.link SELECT tenant_id, seq, id, event_at, linked_at, linked_at, prev, "
        "sha256('\\x00'::bytea || prev || convert_to(concat_ws(E'\\n', 'toban-event-1', tenant_id, seq, id, "
        "ledger.utc_text(event_at), ledger.utc_text(linked_at), ledger.utc_text(linked_at), txid, db_user, body), 'UTF8')) "
        "FROM linked", t,
        "UPDATE ledger.head SET seq = 9, hash = (SELECT hash FROM ledger.link WHERE tenant_id = %(t)s AND seq = 9) "
        "WHERE tenant_id = %(t)s", t,
    )  # fmt: skip


def _borrow_an_id(scene: Scene) -> None:
    """An event under the id of one that is linked, with another time: whoever looks for the id alone finds a link."""
    tamper(
        scene.database,
        "INSERT INTO ledger.event (id, tenant_id, event_at, body) SELECT id, tenant_id, event_at - interval '1 second', "
        "replace(body, 'test.note', 'test.forged') FROM ledger.event WHERE id = %s", [scene.event_at(2)],
    )  # fmt: skip


def together(*steps: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Several steps as one attack."""

    def attack(scene: Scene) -> None:
        for step in steps:
            step(scene)

    return attack


CHAIN_OR_SEALS: list[tuple[str, Callable[[Scene], None], str, int]] = [
    ("the tail is cut", lambda s: s.cut(5), "tail_cut", 6),
    ("a tenant is wiped out", lambda s: s.cut(0), "wiped", 1),
    ("an event is edited and everything recomputed", lambda s: s.rewrite(3), "recomputed", 1),
    ("the same, behind the first seal", lambda s: s.rewrite(6), "recomputed", 5),
    ("the tail is cut and others put in its place", together(lambda s: s.cut(5), lambda s: note(s.tenant_id, count=3)), "recomputed", 5),
    ("an event is put in under an old date", _insert_back_dated, "back_dated", 9),
    ("an event goes by another's id", _borrow_an_id, "unlinked", 9),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attack", "kind", "seq"), [row[1:] for row in CHAIN_OR_SEALS], ids=[r[0] for r in CHAIN_OR_SEALS]
)
def test_the_seals_tell_without_any_anchor(
    attack: Callable[[Scene], None], kind: str, seq: int, scene: Scene
) -> None:
    attack(scene)
    mine, _seals = scene.damage(anchors=False)
    assert mine is not None
    assert (mine.kind, mine.seq) == (kind, seq)


def test_an_event_that_goes_by_anothers_id_has_no_place_in_the_chain(scene: Scene) -> None:
    _borrow_an_id(scene)
    with _as_role("web"), tenant_scope(scene.tenant_id):
        rows = list(Event.objects.filter(id=scene.event_at(2)).order_by("event_at"))
        assert [(row.kind, (row.id, row.event_at) in links_of(rows)) for row in rows] == [
            ("test.forged", False),
            ("test.note", True),
        ]


@pytest.mark.parametrize("same_transaction", [False, True])
def test_who_writes_as_the_ledger_cannot_borrow_an_id(same_transaction: bool, scene: Scene) -> None:
    (body,) = scene.database.execute(
        "SELECT body FROM ledger.event WHERE id = %s", [scene.event_at(2)]
    ).fetchall()[0]
    mine = uuid.uuid4() if same_transaction else scene.event_at(2)
    insert = (
        "INSERT INTO ledger.event (id, tenant_id, event_at, body) SELECT %s, %s, transaction_timestamp(), %s"
    )
    values = [mine, scene.tenant_id, body]
    with pytest.raises(psycopg.errors.UniqueViolation):
        committed(
            scene.database,
            "SET LOCAL ROLE toban_ledger",
            *[(insert, values)] * (2 if same_transaction else 1),
        )


def test_a_maintenance_that_no_event_announces_is_told(scene: Scene) -> None:
    for table, row in (
        ("maintenance", "(until, reason) VALUES (clock_timestamp() + interval '1 hour', '')"),
        ("catalogue", "(digest, reason) VALUES (repeat('0', 64), '')"),
    ):
        with scene.database.transaction(force_rollback=True):
            scene.database.execute("SET LOCAL ROLE toban_ledger")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                scene.database.execute(f"INSERT INTO ledger.{table} {row}")
        with scene.database.transaction():
            scene.database.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER")
            scene.database.execute(f"INSERT INTO ledger.{table} {row}")
            scene.database.execute("SELECT ledger.guard(%s::regclass)", [f"ledger.{table}"])
        assert scene.damage()[1] == Damage("catalogue_changed", 2)
        with scene.database.transaction():
            scene.database.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER")
            scene.database.execute(f"DELETE FROM ledger.{table} WHERE reason = ''")
            scene.database.execute("SELECT ledger.guard(%s::regclass)", [f"ledger.{table}"])
        assert scene.damage()[1] is None


def test_an_event_linked_long_before_a_seal_that_does_not_hold_it_is_back_dated(
    ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database
) -> None:
    """Both times lie in the hour before the first seal; only the next seal, which is the first to hold it, is later."""
    room, tenant_id = make_room(tmp_path), make_tenant().id
    scene = Scene(room, superuser_connection, tenant_id, make_tenant().id)
    old_times = (
        "UPDATE ledger.link SET linked_at = linked_at - interval '50 minutes', clock_at = clock_at - interval '50 minutes' "
        "WHERE tenant_id = %s AND seq = %s"
    )
    tamper(superuser_connection, old_times, [tenant_id, 1])
    scene.rehash()
    room.seal()
    note(tenant_id)
    tamper(superuser_connection, old_times, [tenant_id, 2])
    scene.rehash()
    room.seal()
    assert scene.damage()[0] == Damage("back_dated", 2, scene.event_at(2))


def test_a_tenant_taken_away_with_its_seals_is_missed_by_the_root_over_all(scene: Scene) -> None:
    scene.cut(0)
    tamper(scene.database, "DELETE FROM ledger.tree_head WHERE tenant_id = %s", [scene.tenant_id])
    assert scene.damage(anchors=False) == (None, Damage("recomputed", 1))


def test_a_seal_signed_by_another_key_is_broken(scene: Scene) -> None:
    (text,) = scene.database.execute("SELECT note FROM ledger.checkpoint WHERE number = 2").fetchall()[0]
    forged = Signer.generate("toban/ledger").sign(open_note(text, scene.room.keys)[0])
    tamper(
        scene.database,
        "UPDATE ledger.checkpoint SET note = %s, hash = sha256(convert_to(%s, 'UTF8')) WHERE number = 2",
        [forged, forged],
    )
    assert scene.damage(anchors=False)[1] == Damage("seal_broken", 2)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_seal_that_is_missing_is_told(lost: int, scene: Scene) -> None:
    tamper(scene.database, "DELETE FROM ledger.checkpoint WHERE number = %s", [lost])
    chain, seals = scene.damage()
    assert seals == (Damage("seal_broken", 1) if lost == 1 else Damage("tail_cut", 2))
    assert chain is None


ONLY_AN_ANCHOR: list[tuple[str, Callable[[Scene], None], Damage | None, Damage]] = [
    ("tail and seals are cut", together(lambda s: s.cut(4), lambda s: s.unseal(1)), Damage("tail_cut", 5), Damage("tail_cut", 2)),
    ("everything is wiped", together(lambda s: s.cut(0), lambda s: s.unseal(0)), None, Damage("wiped", 1)),
    ("cut, and others put in", together(lambda s: s.cut(4), lambda s: s.unseal(1), lambda s: note(s.tenant_id, count=3)), Damage("recomputed", 5), Damage("tail_cut", 2)),
    ("rewritten, unsealed", together(lambda s: s.unseal(0), lambda s: s.rewrite(3)), Damage("recomputed", 1), Damage("wiped", 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attack", "chain", "seals"), [row[1:] for row in ONLY_AN_ANCHOR], ids=[row[0] for row in ONLY_AN_ANCHOR]
)
def test_what_only_an_anchor_can_tell(
    attack: Callable[[Scene], None], chain: Damage | None, seals: Damage, scene: Scene
) -> None:
    attack(scene)
    assert scene.damage(anchors=False) == (None, None)
    assert scene.damage() == (chain, seals)


def test_a_past_sealed_anew_with_the_stolen_key_is_told_by_the_anchor(scene: Scene) -> None:
    scene.unseal(0)
    scene.rewrite(3)
    thief = make_room(Path("/nowhere"))
    thief.signer, thief.keys, thief.anchors = scene.room.signer, scene.room.keys, []
    thief.seal()
    thief.seal()
    thief.seal()
    assert scene.damage(anchors=False) == (None, None)
    assert scene.damage()[1] == Damage("recomputed", 2)


def test_what_is_newer_than_the_last_seal_can_be_cut_unseen(scene: Scene) -> None:
    """The exposure window, as the page and docs/ledger.md say: one seal long."""
    scene.cut(7)
    assert scene.damage() == (None, None)


def test_a_change_of_the_catalogue_stays_in_the_seals_for_ever(scene: Scene) -> None:
    """He switches a guard off and on again, but one seal falls between."""
    scene.database.execute("ALTER TABLE ledger.event DISABLE TRIGGER deny_change")
    scene.room.seal()
    scene.database.execute("ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER deny_change")
    scene.room.seal()
    assert scene.damage() == (None, Damage("catalogue_changed", 3))


def test_an_announced_change_of_the_catalogue_is_no_damage(scene: Scene) -> None:
    scene.database.execute("SELECT ledger.open_maintenance('an index more', interval '1 minute')")
    scene.database.execute("CREATE INDEX more ON ledger.link (linked_at)")
    scene.room.seal()
    scene.database.execute("CREATE INDEX still_more ON ledger.link (clock_at)")
    scene.database.execute("SELECT ledger.close_maintenance()")
    scene.room.seal()
    assert scene.damage() == (None, None)


def test_a_recorded_silence_is_listed_and_an_unrecorded_one_is_damage(
    ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database, as_role: AsRole
) -> None:
    room, tenant_id, other_id = make_room(tmp_path), make_tenant().id, make_tenant().id
    let_seals_lie_ahead(superuser_connection)
    room.seal()
    room.clock = later(timedelta(minutes=10))
    room.seal()
    scene = Scene(room, superuser_connection, tenant_id, other_id)
    report = scene.verify()
    assert report.intact
    assert [gap.number for gap in report.seals.gaps] == [2]
    Scene(room, superuser_connection, NO_TENANT, other_id).cut(_length(superuser_connection) - 1)
    assert scene.damage()[1] == Damage("heartbeat_missing", 2)


def _length(database: Database) -> int:
    (seq,) = database.execute("SELECT seq FROM ledger.head WHERE tenant_id = %s", [NO_TENANT]).fetchall()[0]
    return int(seq)


def test_when_no_anchor_answers_nothing_is_said_of_the_tail(scene: Scene, tmp_path: Path) -> None:
    scene.unseal(1)
    scene.room.anchors[0].path.write_text("no seal\n")  # type: ignore[attr-defined]
    found = scene.verify().seals
    assert found.damage is None
    assert found.anchors[0].number == 0
    folder = tmp_path / "seals.jsonl"
    folder.unlink()
    folder.mkdir()
    assert "file" in scene.verify().seals.cannot_say


def test_an_anchor_with_a_foreign_seal_is_not_believed(scene: Scene, tmp_path: Path) -> None:
    foreign = make_room(tmp_path / "x")
    scene.room.anchors = [make_room(tmp_path).anchors[0]]
    newest = scene.room.anchors[0].newest(at_least=0)
    assert newest is not None
    text = Checkpoint.parse(open_note(newest.note, scene.room.keys)[0])
    forged = foreign.signer.sign(replace(text, number=9).text())
    scene.room.anchors[0].put(replace(newest, number=9, note=forged))
    assert "no seal of ours" in scene.verify().seals.cannot_say


def test_no_role_excuses_by_hand_what_was_changed(scene: Scene) -> None:
    """Neither a maintenance without end nor a word that no verifier could read gets into the platform's chain."""
    nobody, about = system_actor(NO_TENANT, "x"), Subject("ledger", "catalogue")
    for kind, role in product(EXCUSES, ("web", "worker", "scheduler", "audit")):
        if role == "audit" and kind in ("ledger.sealing_resumed", "ledger.transaction_held"):
            continue
        with _as_role(role), pytest.raises(DatabaseError, match="what excuses a seal"), platform_scope():
            record(kind, actor=nobody, subject=about, now=MONDAY_0830, detail={"until": "9999-12-31"})
    assert scene.verify().intact


def test_an_excuse_that_was_made_unreadable_excuses_nothing_and_is_named(scene: Scene) -> None:
    tamper(
        scene.database,
        "UPDATE ledger.event SET body = replace(body, '\"detail\"', '\"other\"') WHERE kind = 'ledger.catalogue_changed'",
    )
    assert scene.damage()[1] == Damage("catalogue_changed", 1)
