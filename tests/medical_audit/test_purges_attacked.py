"""Purges and holds against somebody with one half of an act, a login's password or an old key, and against bad luck."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from django.db import connection, transaction

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.domain.bundle_verifier import verdict
from medical_audit.domain.burying import LEAST_YEARS
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.burying import carry_out
from medical_audit.operations.retaining import enter_keeping
from medical_audit.queries.purges import KIND as PURGE
from medical_audit.queries.purges import PURGE_DUTY, Keeping, keeping_here
from medical_audit.queries.seals import database_clock, duties
from medical_audit.queries.verification import Damage
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _as_role
from tests.medical_audit.bundling import packed, put, unpacked
from tests.medical_audit.burials import Scene, make_scene
from tests.medical_audit.sealers import make_room, tamper
from tests.medical_audit.support import Database, note
from tests.simulator.client import eventually

T = TypeVar("T")


@pytest.fixture
def scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Scene:
    return make_scene(make_room(tmp_path), superuser_connection)


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
            assert duties()[f"{PURGE_DUTY}{scene.tenant_id}"].problem == "not_as_confirmed"
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
