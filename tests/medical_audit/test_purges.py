"""What is older than its term may go, when two people say so: a signed tombstone then stands for it. Every other way of
making events disappear is refused, or told as damage."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain import bundle_verifier
from medical_audit.domain.actor import Actor, system_actor
from medical_audit.domain.bundle_verifier import verdict
from medical_audit.domain.burying import JST, LEAST_YEARS, Tombstone
from medical_audit.domain.chain import genesis, link_hash
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.notes import BadNote, Signer
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.burying import carry_out
from medical_audit.operations.retaining import enter_keeping, enter_purge
from medical_audit.queries.bundles import Made, write_bundle
from medical_audit.queries.links import links_after
from medical_audit.queries.purges import KIND as PURGE
from medical_audit.queries.purges import Keeping, keeping_here
from medical_audit.queries.sealed import verify_ledger
from medical_audit.queries.seals import database_clock, duties
from medical_audit.queries.verification import Damage, Verification, Witnessed, verify
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _as_role
from tests.factories import Cast, make_cast, proof
from tests.medical_audit.sealers import SealingRoom, make_room, tamper
from tests.medical_audit.support import Database, execute, note
from tests.medical_audit.test_bundles import packed, put, unpacked
from tests.simulator.client import eventually

T = TypeVar("T")
OLD = datetime(2019, 3, 10, 9, tzinfo=JST)
APRIL_2019 = datetime(2019, 4, 1, tzinfo=JST)


@dataclass
class Scene:
    """A tenant whose first events are of March 2019 and sealed then; three more are of now."""

    room: SealingRoom
    database: Database
    cast: Cast
    old: int

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.cast.tenant.id

    def actor(self, role: Role) -> Actor:
        return self.cast.actor(role)

    def confirm(self, operation: Operation) -> None:
        now, confirmer = clock.now(), self.actor(Role.APPROVER)
        with _as_role("web"):
            entry.confirm(
                operation.id,
                actor=confirmer,
                now=now,
                seen_digest=operation.digest,
                proof=proof(confirmer, now),
            )

    def enter(self, until: datetime = APRIL_2019) -> Operation:
        with _as_role("web"):
            return enter_purge(
                until, actor=self.actor(Role.ADMINISTRATOR), now=clock.now(), reason="term over"
            )

    def keep(self, keeping: Keeping) -> None:
        with _as_role("web"):
            made = enter_keeping(
                keeping, actor=self.actor(Role.ADMINISTRATOR), now=clock.now(), reason="inquiry"
            )
        self.confirm(made)

    def verify(self) -> Verification:
        with _as_role("audit"):
            report = verify_ledger([self.tenant_id], self.room.keys, self.room.anchors)
        assert report.seals.intact, report.seals.damage
        return report.chains[0]

    def read(self) -> Verification:
        return verify(self.tenant_id, witnessed=Witnessed(keys=self.room.keys))

    def written(self) -> Made:
        return write_bundle(BytesIO(), self.tenant_id, self.room.keys, since=None, now=database_clock())

    def purge(self) -> None:
        self.confirm(self.enter())
        self.room.seal()

    def count(self, table: str) -> int:
        row = self.database.execute(
            f"SELECT count(*) FROM ledger.{table} WHERE tenant_id = %s", [self.tenant_id]
        ).fetchone()
        assert row is not None
        return int(row[0])

    def bundle(self) -> BytesIO:
        file = BytesIO()
        with _as_role("audit"):
            write_bundle(file, self.tenant_id, self.room.keys, since=None, now=database_clock())
        return file


def _age(database: Database, tenant_id: uuid.UUID) -> int:
    """Make everything that the tenant's ledger holds look as written in March 2019, with right hashes."""
    database.execute("SELECT ledger.open_maintenance('a month of 2019', interval '1 minute')")
    database.execute(
        "CREATE TABLE ledger.event_2019_03 PARTITION OF ledger.event FOR VALUES FROM ('2019-03-01 00:00+00') TO ('2019-04-01 00:00+00')"
    )
    database.execute("ALTER TABLE ledger.event_2019_03 OWNER TO toban_ledger")
    database.execute("SELECT ledger.guard('ledger.event_2019_03')")
    database.execute("SELECT ledger.close_maintenance()")
    back, values = "- (date_trunc('hour', now()) - %s)", [OLD, tenant_id]
    tamper(
        database,
        f"UPDATE ledger.event SET event_at = event_at {back} WHERE tenant_id = %s", values,
        f"UPDATE ledger.link SET event_at = event_at {back}, linked_at = linked_at {back}, clock_at = clock_at {back} "
        "WHERE tenant_id = %s", [OLD, OLD, OLD, tenant_id],
    )  # fmt: skip
    prev, statements = genesis(tenant_id), []
    with _as_role("audit"), tenant_scope(tenant_id):
        for link in links_after(tenant_id, 0, page=100):
            mended = link_hash(replace(link, prev=prev))
            statements += [
                "UPDATE ledger.link SET prev = %s, hash = %s WHERE tenant_id = %s AND seq = %s",
                [prev, mended, tenant_id, link.seq],
            ]
            prev = mended
    tamper(database, *statements, "UPDATE ledger.head SET hash = %s WHERE tenant_id = %s", [prev, tenant_id])
    return len(statements) // 2


@pytest.fixture
def scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Scene:
    room, cast = make_room(tmp_path), make_cast()
    note(cast.tenant.id, count=3)
    old = _age(superuser_connection, cast.tenant.id)
    room.clock = lambda: OLD + timedelta(days=1)
    room.seal()
    room.clock = database_clock
    note(cast.tenant.id, count=3)
    room.seal()
    return Scene(room, superuser_connection, cast, old)


def test_a_month_whose_term_is_over_goes_for_a_tombstone_and_the_rest_stays_proven(scene: Scene) -> None:
    before = scene.count("event")
    operation = scene.enter()
    assert (operation.parameters["first_event"], operation.parameters["last_event"]) == (1, scene.old)
    scene.room.seal()
    assert scene.count("event") == before + 1, "entered by one person alone"
    scene.confirm(operation)
    assert scene.count("tombstone") == 0, "the sealer carries it out"
    scene.room.seal()
    assert (scene.count("tombstone"), scene.count("link")) == (1, scene.count("event"))
    chain = scene.verify()
    assert chain.intact, chain.damage
    (stone,) = chain.gone
    people = scene.cast.people
    assert (stone.first, stone.last, stone.operation) == (1, scene.old, operation.id)
    assert (stone.entered, stone.confirmed) == (
        str(people[Role.ADMINISTRATOR].id),
        str(people[Role.APPROVER].id),
    )
    note(scene.tenant_id, count=2)
    scene.room.seal()
    assert scene.verify().intact
    (body,) = scene.database.execute("SELECT body FROM ledger.event WHERE kind = 'ledger.purged'").fetchall()[
        0
    ]
    assert f'"last":{scene.old}' in body


def test_a_bundle_over_a_purge_is_whole_only_with_its_tombstone(scene: Scene, tmp_path: Path) -> None:
    scene.purge()
    note(scene.tenant_id)
    scene.room.seal()
    file, key = scene.bundle(), str(scene.room.signer.verifier)
    code, report = verdict(file, [key])
    assert code == 0, report
    assert (report["first"], report["part"]) == (scene.old + 1, False)
    assert [(one["first"], one["last"]) for one in report["gone"]] == [(1, scene.old)]
    (tmp_path / "bundle.zip").write_bytes(file.getvalue())
    command = [
        sys.executable,
        "-I",
        "-S",
        bundle_verifier.__file__,
        "--key",
        key,
        str(tmp_path / "bundle.zip"),
    ]
    assert f"gone: events 1 to {scene.old}" in subprocess.run(command, capture_output=True, text=True).stdout
    tamper(scene.database, "DELETE FROM ledger.tombstone WHERE tenant_id = %s", [scene.tenant_id])
    assert scene.verify().damage == Damage("removed", 1)


STRANGER = Signer.generate("toban/ledger")


@pytest.mark.parametrize(
    "forge",
    [
        lambda stone: STRANGER.sign(stone.text()),
        lambda stone: stone.text() + "\nx\n",
    ],
    ids=["by another key", "not signed"],
)
def test_a_forged_tombstone_excuses_nothing(scene: Scene, forge: object) -> None:
    scene.purge()
    (stone,) = scene.verify().gone
    assert callable(forge)
    tamper(scene.database, "UPDATE ledger.tombstone SET note = %s", [forge(stone)])
    assert scene.verify().damage == Damage("removed", 1)


def test_a_tombstone_of_one_person_or_of_a_young_month_is_none_even_if_signed(scene: Scene) -> None:
    scene.purge()
    (stone,) = scene.verify().gone
    for bad in (
        replace(stone, confirmed=stone.entered),
        replace(stone, at=stone.until + timedelta(days=LEAST_YEARS * 365 - 5)),
        replace(stone, until=stone.until + timedelta(days=1)),
    ):
        with pytest.raises(BadNote):
            Tombstone.parse(bad.text())
        tamper(scene.database, "UPDATE ledger.tombstone SET note = %s", [scene.room.signer.sign(bad.text())])
        assert scene.verify().damage == Damage("removed", 1)
        tamper(
            scene.database, "UPDATE ledger.tombstone SET note = %s", [scene.room.signer.sign(stone.text())]
        )
    assert scene.verify().intact


def test_a_tombstone_is_signed_when_its_seals_say(scene: Scene) -> None:
    """So that neither a date in the future nor a key that was retired long ago lets go what is younger."""
    scene.purge()
    note(scene.tenant_id)
    scene.room.seal()
    (stone,) = scene.verify().gone
    whole, key = unpacked(scene.bundle().getvalue()), str(scene.room.signer.verifier)
    for bad in (replace(stone, at=stone.at + timedelta(days=2)), replace(stone, after=1)):
        forged = scene.room.signer.sign(bad.text())
        tamper(scene.database, "UPDATE ledger.tombstone SET note = %s", [forged])
        assert scene.verify().damage == Damage("removed", 1)
        put(whole, "history.jsonl", [{"tombstone": forged}])
        code, report = verdict(packed(whole), [key])
        assert (code, report.get("damage", {}).get("kind")) == (1, "removed")


def test_nothing_goes_before_its_term_nor_while_the_record_is_held(scene: Scene) -> None:
    young = clock.now().astimezone(JST).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for until, code in ((young, "term_not_over"), (APRIL_2019 + timedelta(hours=1), "not_a_month")):
        with pytest.raises(Refused, match=code):
            scene.enter(until)
    with pytest.raises(Refused, match="bad_parameter"):
        scene.keep(Keeping(LEAST_YEARS - 1))
    scene.keep(Keeping(10))
    with pytest.raises(Refused, match="term_not_over"):
        scene.enter()
    scene.keep(Keeping(LEAST_YEARS))
    ordered = scene.enter()
    with pytest.raises(Refused, match="purge_waits"):
        scene.enter()
    scene.keep(Keeping(LEAST_YEARS, "inquiry of the prefecture"))
    with pytest.raises(Refused, match="record_held"):
        scene.confirm(ordered)
    scene.keep(Keeping(LEAST_YEARS))
    scene.confirm(ordered)
    scene.keep(Keeping(LEAST_YEARS, "inquiry of the prefecture"))
    before = scene.count("link")
    scene.room.seal()
    assert scene.count("link") == before, "held after it was confirmed: the sealer waits"
    scene.keep(Keeping(LEAST_YEARS))
    scene.room.seal()
    assert scene.count("tombstone") == 1


def test_what_was_decided_meanwhile_is_not_undone_unseen(scene: Scene) -> None:
    """A longer term, entered before the hold, says nothing of a hold: confirmed after it, it must not lift it."""
    actor, now = scene.actor(Role.ADMINISTRATOR), clock.now()
    with _as_role("web"):
        longer = enter_keeping(Keeping(10), actor=actor, now=now, reason="longer")
    scene.keep(Keeping(LEAST_YEARS, "inquiry of the prefecture"))
    with pytest.raises(Refused, match="retention_changed"):
        scene.confirm(longer)
    with _as_role("web"), tenant_scope(scene.tenant_id):
        assert keeping_here() == Keeping(LEAST_YEARS, "inquiry of the prefecture")


def _entered_again(scene: Scene, operation: Operation) -> Operation:
    """As two people at once would: both have looked whether a purge waits before either is there."""
    target = OperationTarget(operation.target_type, operation.target_id, "")
    with _as_role("web"):
        return entry.enter(
            PURGE, target, operation.parameters, actor=scene.actor(Role.ADMINISTRATOR), now=clock.now(), reason="again"
        )  # fmt: skip


def test_of_two_purges_of_the_same_events_one_is_confirmed(scene: Scene) -> None:
    """A second one could never be carried out, and would keep every later purge waiting."""
    first = scene.enter()
    second = _entered_again(scene, first)
    scene.confirm(first)
    with pytest.raises(Refused, match="purge_waits"):
        scene.confirm(second)
    scene.room.seal()
    assert scene.count("tombstone") == 1


def test_a_purge_that_cannot_be_read_stops_neither_the_sealer_nor_the_others(scene: Scene) -> None:
    """As somebody could leave it who writes with the web server's password."""
    scene.confirm(scene.enter())
    for change in (
        "entered_by_id = 'a b'",
        "parameters = '{}'",
        "parameters = '[]'",
        """parameters = '{"before_at": "soon"}'""",
        """parameters = '{"before_at": "9999-12-31T23:00:00Z", "first_event": 1, "last_event": 1, "root": ""}'""",
    ):
        with scene.database.transaction():
            scene.database.execute("SET LOCAL session_replication_role = replica")
            changed = scene.database.execute(
                f"UPDATE medical_audit_operation SET {change} WHERE kind = 'ledger.purge'"
            )
            assert changed.rowcount == 1
        scene.room.seal()
        with _as_role("audit"), platform_scope():
            assert duties()["purge"].problem == "not_as_confirmed"
    assert scene.count("tombstone") == 0


def _in_a_thread(doing: Callable[[], T]) -> T:
    try:
        return doing()
    finally:
        connection.close()


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ledger.link'::regclass"


def test_a_purge_while_the_record_is_read_is_no_damage(scene: Scene) -> None:
    """Both readers have seen that no tombstone is there, and then find the first events gone."""
    operation = scene.enter()
    scene.confirm(operation)
    with _as_role("audit"), transaction.atomic():
        sealer = system_actor(scene.tenant_id, "sealer")
        stone = carry_out(
            operation.id, scene.room.signer, scene.room.keys, actor=sealer, now=database_clock()
        )
        transaction.set_rollback(True)
    with _as_role("audit"), ThreadPoolExecutor(2) as pool:
        with scene.database.transaction():
            scene.database.execute("LOCK TABLE ledger.link IN ACCESS EXCLUSIVE MODE")
            verified, written = (
                pool.submit(_in_a_thread, scene.read),
                pool.submit(_in_a_thread, scene.written),
            )
            eventually(lambda: scene.database.execute(WAITING).fetchone(), (2,))
            own, note_of = "tenant_id = %s AND seq <= %s", scene.room.signer.sign(stone.text())
            tamper(
                scene.database,
                "INSERT INTO ledger.tombstone (tenant_id, first_seq, last_seq, number, until, operation, note) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [
                    stone.tenant_id,
                    stone.first,
                    stone.last,
                    stone.number,
                    stone.until,
                    stone.operation,
                    note_of,
                ],
                f"DELETE FROM ledger.event WHERE id IN (SELECT event_id FROM ledger.link WHERE {own})",
                [stone.tenant_id, stone.last],
                f"DELETE FROM ledger.link WHERE {own}",
                [stone.tenant_id, stone.last],
            )
        chain = verified.result(timeout=60)
        assert chain.intact, chain.damage
        assert chain.gone == (stone,)
        with pytest.raises(Refused, match="purged_meanwhile"):
            written.result(timeout=60)


def _call(scene: Scene, operation_id: uuid.UUID, until: datetime = APRIL_2019) -> None:
    with tenant_scope(scene.tenant_id):
        execute(
            "SELECT ledger.purge(%s, 1, %s, 1, %s, %s, 'note')",
            [scene.tenant_id, scene.old, until, operation_id],
        )


def test_the_database_itself_lets_nothing_go_without_a_confirmed_purge(scene: Scene) -> None:
    """Each as somebody who runs SQL with that role's password."""
    entered = scene.enter()
    with _as_role("audit"), pytest.raises(DatabaseError, match="entered and confirmed by two people"):
        _call(scene, uuid.uuid4())
    with _as_role("audit"), pytest.raises(DatabaseError, match="entered and confirmed by two people"):
        _call(scene, entered.id)
    scene.confirm(entered)
    for role in ("web", "worker", "scheduler"):
        with _as_role(role), pytest.raises(DatabaseError, match="permission denied"):
            _call(scene, entered.id)
    with _as_role("audit"), pytest.raises(DatabaseError, match="entered and confirmed by two people"):
        _call(scene, entered.id, APRIL_2019 + timedelta(days=30))
    stone = (
        "INSERT INTO ledger.tombstone (tenant_id, first_seq, last_seq, number, until, operation, note) "
        f"VALUES ('{scene.tenant_id}', 1, {scene.old}, 1, '{APRIL_2019.isoformat()}', '{entered.id}', 'x')"
    )
    statements = [
        "DELETE FROM ledger.event WHERE event_at < '2019-04-01'",
        "DELETE FROM ledger.link WHERE linked_at < '2019-04-01'",
        stone,
    ]
    for statement in statements:
        with pytest.raises(psycopg.Error, match=r"append-only|only the sealer"):
            scene.database.execute(statement)
    with pytest.raises(psycopg.Error, match="only the sealer"):
        scene.database.execute(f"SET ROLE toban_ledger; {stone}")
    scene.database.execute("RESET ROLE")
    scene.room.seal()
    assert scene.verify().intact
    with pytest.raises(psycopg.Error, match="append-only"):
        scene.database.execute("DELETE FROM ledger.link WHERE tenant_id = %s", [scene.tenant_id])


def test_all_who_hold_the_least_term_hold_the_same_one(scene: Scene) -> None:
    assert bundle_verifier.LEAST_YEARS == LEAST_YEARS
    (source,) = scene.database.execute(
        "SELECT prosrc FROM pg_proc WHERE oid = 'ledger.check_tombstone()'::regprocedure"
    ).fetchall()[0]
    assert f"v_years int := {LEAST_YEARS};" in source
    assert f"greatest({LEAST_YEARS}, r.years)" in source
    assert f"coalesce(v_years, {LEAST_YEARS})" in source
