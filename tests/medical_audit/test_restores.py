"""After a restore from backup the record looks cut. Two people sign what is lost, each with his own key; until then the
verifier says damaged and the sealer stands still, afterwards intact, with the lost events named."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from medical_audit.domain import bundle_verifier
from medical_audit.domain.bundle_verifier import verdict
from medical_audit.domain.notes import Signer, VerifierKey
from medical_audit.domain.received import Claim
from medical_audit.domain.restoring import APPROVER
from medical_audit.operations.sealer import Sealer
from medical_audit.queries.bundles import write_bundle
from medical_audit.queries.received import verify_received
from medical_audit.queries.restores import Restored
from medical_audit.queries.sealed import Report, verify_ledger
from medical_audit.queries.seals import database_clock, duties
from medical_audit.queries.verification import Damage, chains
from medical_audit.tenancy import platform_scope
from tests.conftest import _as_role
from tests.factories import make_tenant
from tests.medical_audit.sealers import SealingRoom, later, let_seals_lie_ahead, make_room, tamper
from tests.medical_audit.support import Database, ledger_partitions, note

KEPT = ("link", "head", "checkpoint", "tree_head", "restore", "loss")


class Backup:
    """Every row of the ledger as it stands, in tables beside it, and put back as it was: what a dump and its restore do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tables = [*ledger_partitions(database), *(f"ledger.{name}" for name in KEPT)]
        for place, table in enumerate(self.tables):
            database.execute(f"CREATE TABLE public.backup_{place} AS SELECT * FROM {table}")

    def restore(self) -> None:
        with self.database.transaction():
            for place, table in enumerate(self.tables):
                self.database.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                self.database.execute(f"DELETE FROM {table}")
                columns = ", ".join(
                    name
                    for (name,) in self.database.execute(
                        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = ''",
                        [table],
                    ).fetchall()
                )
                self.database.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {columns} FROM public.backup_{place}"
                )
                if table == "ledger.head":
                    for trigger in ("deny_delete", "deny_truncate"):
                        self.database.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
                else:
                    self.database.execute("SELECT ledger.guard(%s::regclass)", [table])


@dataclass
class Scene:
    """Sealed: 4 events under seal 1 (in the backup, with a fifth that is not sealed yet), 5 under seal 2, 8 under seal 3."""

    room: SealingRoom
    database: Database
    tenant_id: uuid.UUID
    other_id: uuid.UUID
    folder: Path
    approvers: list[Signer] = field(default_factory=list)

    @property
    def keys(self) -> list[VerifierKey]:
        return [signer.verifier for signer in self.approvers]

    def sealer(self) -> Sealer:
        room = self.room
        return Sealer(
            room.signer, room.keys, room.anchors, approvers=self.keys, clock=room.clock, wall=lambda: 0.0
        )

    def verify(self) -> Report:
        with _as_role("audit"):
            return verify_ledger(chains(), self.room.keys, self.room.anchors, approvers=self.keys)

    def run(self, *arguments: str) -> str:
        out = StringIO()
        settings: dict[str, Any] = {
            "TOBAN_SEAL_PUBLIC_KEYS": tuple(self.room.keys),
            "TOBAN_APPROVER_KEYS": tuple(self.keys),
            "TOBAN_ANCHOR_FILE": str(self.folder / "seals.jsonl"),
        }
        with _as_role("audit"), override_settings(**settings):
            call_command("audit_restore", *arguments, stdout=out)
        return out.getvalue()

    def sign(self, file: Path, signer: Signer) -> None:
        name = signer.verifier.name.removeprefix(APPROVER)
        own = self.folder / f"{name}.key"
        own.write_text(signer.seed())
        self.run("sign", str(file), "--name", name, "--key", str(own))

    def accept(self, *signers: Signer) -> str:
        file = self.folder / f"{uuid.uuid4()}.json"
        self.run("propose", str(file), "--reason", "disk lost")
        for signer in signers:
            self.sign(file, signer)
        return self.run("accept", str(file))


@pytest.fixture
def scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Iterator[Scene]:
    yield from _restored(make_room(tmp_path), tmp_path, superuser_connection)


@pytest.fixture
def old_scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Iterator[Scene]:
    """Its seals were made ten minutes before what comes now, as a backup's are."""
    room = make_room(tmp_path)
    let_seals_lie_ahead(superuser_connection)
    for scene in _restored(room, tmp_path, superuser_connection):
        room.clock = later(timedelta(minutes=10))
        yield scene


def _restored(room: SealingRoom, folder: Path, database: Database) -> Iterator[Scene]:
    tenant_id, other_id = make_tenant().id, make_tenant().id
    note(tenant_id, count=3)
    room.seal()
    note(tenant_id)
    backup = Backup(database)
    room.seal()
    note(tenant_id, count=3)
    room.seal()
    backup.restore()
    people = [Signer.generate(APPROVER + name) for name in ("sato", "suzuki")]
    yield Scene(room, database, tenant_id, other_id, folder, people)
    for place in range(len(backup.tables)):
        database.execute(f"DROP TABLE public.backup_{place}")


def test_until_two_people_signed_it_is_damage_and_afterwards_intact_with_the_loss_named(scene: Scene) -> None:
    before = scene.verify()
    assert before.seals.damage == Damage("tail_cut", 2)
    with _as_role("audit"):
        sealer = scene.sealer()
        assert sealer.round() is None
        with platform_scope():
            assert duties()["seal"].problem == "behind"
    note(scene.tenant_id, "after", count=2)
    with pytest.raises(CommandError, match="signed by 1 of the 2 people"):
        scene.accept(scene.approvers[0])
    with pytest.raises(CommandError, match="signed by 1 of the 2 people"):
        scene.accept(scene.approvers[0], scene.approvers[0])
    assert "The next seal is 4" in scene.accept(*scene.approvers)
    with _as_role("audit"):
        sealed = sealer.round()
        assert sealed is not None
        assert sealed.number == 4
        assert scene.sealer().round() is not None
    after = scene.verify()
    assert after.intact, after
    (restored,) = after.seals.restores
    assert restored.approvers == ("sato", "suzuki")
    loss = restored.lost[scene.tenant_id]
    assert (loss.first, loss.last) == (6, 8)
    assert scene.other_id not in restored.lost
    (events,) = (one.events for one in after.chains if one.tenant_id == scene.tenant_id)
    assert events == 8
    _what_no_seal_covered_is_lost_and_not_damage(scene, restored)


def _what_no_seal_covered_is_lost_and_not_damage(scene: Scene, restored: Restored) -> None:
    """A receiver of the stream kept an event of a tenant that no list of losses names: no seal had covered it yet."""
    claim = Claim(scene.other_id, 2, b"x" * 32, "an event", restored.statement.at - timedelta(seconds=1))
    with _as_role("audit"):
        found = verify_received([claim], scene.room.keys, [restored])
        assert (found.damage, found.lost, found.unlisted) == (None, 1, 1)
        for other in (replace(claim, seq=1), replace(claim, at=restored.statement.at + timedelta(seconds=1))):
            assert verify_received([other], scene.room.keys, [restored]).damage is not None


def test_a_bundle_over_a_restore_is_checked_offline_and_names_the_loss(scene: Scene, tmp_path: Path) -> None:
    scene.accept(*scene.approvers)
    with _as_role("audit"):
        assert scene.sealer().round() is not None
        file = BytesIO()
        write_bundle(
            file, scene.tenant_id, scene.room.keys, since=None, now=database_clock(), approvers=scene.keys
        )
    own, people = str(scene.room.signer.verifier), [str(key) for key in scene.keys]
    code, report = verdict(file, [own, *people])
    assert code == 0, report
    assert report["restores"][0]["lost"] == {"first": 6, "last": 8}
    assert verdict(file, [own, people[0]])[1]["damage"] == {
        "kind": "seal_broken", "what": "seal", "number": 2, "event": "",
    }  # fmt: skip
    assert str(scene.other_id).encode() not in file.getvalue()
    (tmp_path / "bundle.zip").write_bytes(file.getvalue())
    command = [sys.executable, "-I", "-S", bundle_verifier.__file__, "--json", str(tmp_path / "bundle.zip")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert json.loads(done.stdout)["restores"][0]["approvers"] == ["sato", "suzuki"], done.stderr


def test_the_silence_that_a_restore_takes_was_recorded_behind_the_restored_seal(old_scene: Scene) -> None:
    old_scene.accept(*old_scene.approvers)
    file = BytesIO()
    with _as_role("audit"):
        assert all(old_scene.sealer().round() for _ in range(2))
        write_bundle(
            file, old_scene.tenant_id, old_scene.room.keys, since=None, now=database_clock(), approvers=old_scene.keys,
        )  # fmt: skip
    assert old_scene.verify().intact
    code, report = verdict(file, [str(key) for key in (old_scene.room.signer.verifier, *old_scene.keys)])
    assert (code, report.get("gaps"), report.get("watched")) == (0, 1, True), report


def test_what_was_signed_for_one_loss_covers_no_other(scene: Scene) -> None:
    """Whoever holds the database cuts again behind the restored end: the anchor has gone on, the statement has not."""
    scene.accept(*scene.approvers)
    with _as_role("audit"):
        assert scene.sealer().round() is not None
    tamper(
        scene.database,
        "DELETE FROM ledger.checkpoint WHERE number > 1",
        "DELETE FROM ledger.tree_head WHERE number > 1",
    )
    assert scene.verify().seals.damage == Damage("tail_cut", 2)
    with _as_role("audit"):
        assert scene.sealer().round() is None


def test_a_forged_statement_counts_for_nothing(scene: Scene) -> None:
    strangers = [Signer.generate(APPROVER + name) for name in ("sato", "suzuki")]
    file = scene.folder / "forged.json"
    scene.run("propose", str(file), "--reason", "x")
    for signer in strangers:
        scene.sign(file, signer)
    with pytest.raises(CommandError, match="signed by 0"):
        scene.run("accept", str(file))
    content = json.loads(file.read_text())
    forged = content["statement"] + "\n" + "".join(content["signatures"])
    scene.database.execute(
        "INSERT INTO ledger.restore (epoch, old, new, note, hash) VALUES (1, 3, 1, %s, sha256(convert_to(%s, 'UTF8')))",
        [forged, forged],
    )
    assert scene.verify().seals.damage == Damage("tail_cut", 2)
    content["lost"] = []
    file.write_text(json.dumps(content))
    with pytest.raises(CommandError, match="Do not sign it"):
        scene.sign(file, scene.approvers[0])


def test_there_is_nothing_to_accept_while_the_database_holds_every_seal(scene: Scene) -> None:
    scene.accept(*scene.approvers)
    with _as_role("audit"):
        assert scene.sealer().round() is not None
    with pytest.raises(CommandError, match="nothing to go on behind"):
        scene.run("propose", str(scene.folder / "again.json"), "--reason", "x")


def test_a_record_that_lost_all_its_seals_and_no_event_goes_on_from_nothing(
    ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database
) -> None:
    room, tenant_id = make_room(tmp_path), make_tenant().id
    room.seal()
    room.seal()
    tamper(superuser_connection, "DELETE FROM ledger.checkpoint", "DELETE FROM ledger.tree_head")
    people = [Signer.generate(APPROVER + name) for name in ("sato", "suzuki")]
    scene = Scene(room, superuser_connection, tenant_id, tenant_id, tmp_path, people)
    assert scene.verify().seals.damage == Damage("wiped", 1)
    assert "The next seal is 3" in scene.accept(*people)
    with _as_role("audit"):
        assert scene.sealer().round() is not None
        file = BytesIO()
        write_bundle(file, tenant_id, room.keys, since=None, now=database_clock(), approvers=scene.keys)
    assert scene.verify().intact
    code, report = verdict(file, [str(room.signer.verifier), *(str(key) for key in scene.keys)])
    assert (code, [one["to"] for one in report["restores"]]) == (0, [0]), report
