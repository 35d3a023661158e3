"""A clock that jumps, a sealer that stalls and a transaction that waits make no whole record look damaged for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import repeat
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from medical_audit.domain.actor import Subject
from medical_audit.domain.held import Held
from medical_audit.domain.notes import Signer
from medical_audit.operations.ledger import record
from medical_audit.operations.sealer import SEALER
from medical_audit.queries.seals import database_clock
from medical_audit.queries.verification import Damage
from medical_audit.tenancy import platform_scope
from tests.conftest import _as_role
from tests.factories import make_tenant
from tests.medical_audit.sealers import later, let_seals_lie_ahead, make_room
from tests.medical_audit.support import Database, note
from tests.medical_audit.test_attacks import Scene
from tests.medical_audit.test_bundles_attacked import told


@pytest.fixture
def scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Scene:
    return Scene(make_room(tmp_path), superuser_connection, make_tenant().id, make_tenant().id)


def test_a_clock_that_was_ahead_for_one_seal_makes_nobody_back_dated(scene: Scene) -> None:
    scene.room.seal()
    let_seals_lie_ahead(scene.database)
    scene.room.clock = later(timedelta(minutes=10))
    ahead = scene.room.seal()
    note(scene.tenant_id)
    ((linked_at, clock_at),) = scene.database.execute(
        "SELECT linked_at, clock_at FROM ledger.link WHERE tenant_id = %s ORDER BY seq DESC LIMIT 1", [scene.tenant_id]
    ).fetchall()  # fmt: skip
    assert linked_at > ahead.at > clock_at, "the order follows the seals, and what the clock said is kept"
    scene.room.clock = later(timedelta(minutes=11))
    scene.room.seal()
    scene.room.clock = later(timedelta(minutes=12))
    scene.room.seal()
    assert scene.damage() == (None, None)
    assert told(scene) == (0, "", 1)


def test_a_stall_inside_a_round_is_recorded_by_the_seals_own_time(scene: Scene) -> None:
    let_seals_lie_ahead(scene.database)
    scene.room.seal()
    minutes: Iterator[int] = iter([1, *repeat(6, 100)])
    with _as_role("audit"):
        sealer = scene.room.sealer()
        sealer.clock = lambda: database_clock() + timedelta(minutes=next(minutes))
        assert sealer.round() is not None
        assert sealer.round() is not None
    scene.room.clock = later(timedelta(minutes=7))
    scene.room.seal()
    report = scene.verify()
    assert report.intact
    assert len(report.seals.gaps) == 1
    assert told(scene) == (0, "", 1)


@contextmanager
def _held_open(scene: Scene) -> Iterator[Database]:
    """The web server's role records something, links it before its COMMIT, and waits."""
    with _as_role("web"):
        names = connection.get_connection_params()
    (body,) = scene.database.execute("SELECT body FROM ledger.event WHERE tenant_id = %s", [scene.tenant_id]).fetchall()[0]  # fmt: skip
    with psycopg.connect(**names) as other:
        other.execute("SELECT set_config('toban.tenant_id', %s, true)", [str(scene.tenant_id)])
        other.execute("SELECT ledger.log(%s, %s)", [scene.tenant_id, [body]])
        other.execute("SET CONSTRAINTS ALL IMMEDIATE")
        yield other


def test_what_a_transaction_linked_that_waited_over_seals_is_excused_by_the_sealers_word(
    scene: Scene,
) -> None:
    let_seals_lie_ahead(scene.database)
    with _as_role("audit"):
        sealer = scene.room.sealer()

    def seal(minutes: int) -> None:
        with _as_role("audit"):
            sealer.clock = later(timedelta(minutes=minutes))
            assert sealer.round() is not None

    seal(0)
    with _held_open(scene) as other:
        seal(1)
        seal(4)
        other.commit()
    for minutes in (5, 6):
        seal(minutes)
    assert scene.damage() == (None, None)
    assert told(scene) == (0, "", 1)
    rows = scene.database.execute(
        "SELECT count(*) FROM ledger.event WHERE kind = 'ledger.transaction_held'"
    ).fetchall()
    assert rows == [(1,)]


def test_a_word_that_the_sealer_did_not_sign_excuses_no_event(scene: Scene) -> None:
    let_seals_lie_ahead(scene.database)
    scene.room.seal()
    with _held_open(scene) as other:
        ((txid,),) = other.execute("SELECT pg_current_xact_id()::text::bigint").fetchall()
        scene.room.clock = later(timedelta(minutes=4))
        scene.room.seal()
        other.commit()
    hour = timedelta(hours=1)
    word = Held(txid, database_clock() - hour, database_clock() + hour).text()
    of_before = scene.room.signer.sign(Held(txid, database_clock() - hour, database_clock()).text())
    with _as_role("audit"), platform_scope():
        for note_ in (Signer.generate("toban/ledger").sign(word), word, None, of_before):
            record(
                "ledger.transaction_held", actor=SEALER, subject=Subject("ledger", "seal"), now=database_clock(),
                detail={"note": note_, "transaction": txid},
            )  # fmt: skip
    for minutes in (5, 6):
        scene.room.clock = later(timedelta(minutes=minutes))
        scene.room.seal()
    assert scene.damage() == (Damage("back_dated", 2, scene.event_at(2)), None)
    assert told(scene) == (1, "back_dated", 2)
