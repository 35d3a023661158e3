"""What is older than its term may go, when two people say so: a signed tombstone then stands for it. Every other way of
making events disappear is refused, or told as damage."""

from __future__ import annotations

import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain import bundle_verifier
from medical_audit.domain.bundle_verifier import verdict
from medical_audit.domain.burying import JST, LEAST_YEARS, Tombstone
from medical_audit.domain.errors import Refused
from medical_audit.domain.notes import BadNote, Signer
from medical_audit.operations.retaining import enter_end
from medical_audit.queries.purges import Keeping, retention_view
from medical_audit.queries.verification import Damage
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.medical_audit.burials import APRIL_2019, Scene, make_scene
from tests.medical_audit.sealers import make_room, tamper
from tests.medical_audit.support import Database, execute, note


@pytest.fixture
def scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Scene:
    return make_scene(make_room(tmp_path), superuser_connection)


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


def _line(scene: Scene) -> tuple[str, str]:
    """The newest purge as its page shows it."""
    with tenant_scope(scene.tenant_id):
        line = retention_view(actor=scene.actor(Role.AUDITOR), now=clock.now()).purges[0]
    return line.state, line.refusal


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
    assert _line(scene) == ("ordered", "record_held"), "and the page says why"
    with _as_role("web"):
        ending = enter_end(
            actor=scene.actor(Role.ADMINISTRATOR), now=clock.now(), reason="entered by mistake"
        )
    scene.confirm(ending)
    scene.keep(Keeping(LEAST_YEARS))
    scene.room.seal()
    assert (scene.count("link") > before, _line(scene)) == (True, ("ended", "")), "ended: nothing goes"
    with pytest.raises(Refused, match="no_purge_waits"), _as_role("web"):
        enter_end(actor=scene.actor(Role.ADMINISTRATOR), now=clock.now(), reason="again")
    scene.confirm(scene.enter())
    before = scene.count("link")
    scene.room.seal()
    assert scene.count("tombstone") == 1


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
