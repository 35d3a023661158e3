"""What can be read of a person who has left is erased by destroying his key, two people each time (ADR 19): afterwards nobody
reads it, also not who holds a dump of the database, while chain, seals, bundles and their verifier still say intact."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.test import override_settings
from pytest_django import Settings

from accounts.domain.permissions import Role
from accounts.models import User
from accounts.operations.erasing import enter_erasure
from accounts.queries.people import actor_in
from medical_audit import clock
from medical_audit.domain import bundle_verifier
from medical_audit.domain.actor import NO_TENANT, Actor, Subject
from medical_audit.domain.bundle_verifier import verdict
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.notes import Signer
from medical_audit.domain.personal import ERASED
from medical_audit.domain.restoring import APPROVER
from medical_audit.models import Event, Operation
from medical_audit.operations import correcting, delegating, entry
from medical_audit.operations.ledger import record
from medical_audit.operations.retaining import enter_keeping
from medical_audit.queries.bundles import write_bundle
from medical_audit.queries.events import EventFilter, matching
from medical_audit.queries.people import people_in
from medical_audit.queries.purges import Keeping
from medical_audit.queries.sealed import verify_ledger
from medical_audit.queries.seals import database_clock
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import RedmineServer, Ticket
from tests.conftest import _as_role
from tests.factories import Cast, change, grant, make_cast, make_person, proof, revoke
from tests.medical_audit.burials import _age
from tests.medical_audit.sealers import SealingRoom, make_room
from tests.medical_audit.support import Database, execute, note, plant
from tests.medical_audit.test_restores import Backup
from tests.stage import signed_in

NAME, ADDRESS, DEVICE = "消江 太郎", "203.0.113.77", "Kieru Browser 7"


@dataclass
class Scene:
    """Somebody who worked here in March 2019 and has left; others are here now."""

    room: SealingRoom
    database: Database
    cast: Cast
    gone: User

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.cast.tenant.id

    @property
    def person(self) -> str:
        return str(self.gone.id)

    def enter(self) -> Operation:
        with _as_role("web"):
            actor = self.cast.actor(Role.ADMINISTRATOR)
            return enter_erasure(self.person, actor=actor, now=clock.now(), reason="退職から 5 年")

    def confirm(self, operation: Operation, role: Role = Role.APPROVER) -> None:
        now, confirmer = clock.now(), self.cast.actor(role)
        with _as_role("web"):
            entry.confirm(
                operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
            )  # fmt: skip

    def keep(self, keeping: Keeping) -> None:
        with _as_role("web"):
            made = enter_keeping(
                keeping, actor=self.cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="inquiry"
            )
        self.confirm(made)

    def verify(self) -> bool:
        with _as_role("audit"):
            report = verify_ledger([self.tenant_id, NO_TENANT], self.room.keys, self.room.anchors)
        assert report.seals.intact, report.seals.damage
        return all(chain.intact for chain in report.chains)

    def bundle(self) -> io.BytesIO:
        file = io.BytesIO()
        with _as_role("audit"):
            write_bundle(file, self.tenant_id, self.room.keys, since=None, now=database_clock())
        return file

    def dump(self) -> list[str]:
        """Every table in whose rows his name, his address or his device can be read, as a superuser."""
        tables = self.database.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('public', 'ledger', 'queue') AND c.relkind = 'r' AND c.relname NOT LIKE 'backup%'"
        ).fetchall()
        found = []
        for (table,) in tables:
            for text in (NAME, self.gone.username, ADDRESS, DEVICE):
                escaped = json.dumps(text)[1:-1]
                hits = self.database.execute(
                    f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0 OR strpos(t::text, %s) > 0",
                    [text, escaped],
                ).fetchone()
                if hits and hits[0]:
                    found.append(f"{table}: {text}")
        return found


@pytest.fixture
def scene(ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database) -> Scene:
    cast, gone = make_cast(), make_person(NAME)
    grant(cast.tenant.id, gone, Role.ADMINISTRATOR)
    client = signed_in(gone)
    client.get(f"/t/{cast.tenant.slug}/ledger/", headers={"user-agent": DEVICE}, REMOTE_ADDR=ADDRESS)
    with tenant_scope(cast.tenant.id):
        actor = actor_in(cast.tenant, gone, session="s-9", address=ADDRESS, request="r-9")
        for _ in range(2):
            record(
                "note.kept", actor=actor, subject=Subject("user", str(gone.id), gone.name), now=clock.now(),
                detail={"device": DEVICE, "address": ADDRESS},
            )  # fmt: skip
    enter_keeping(Keeping(9), actor=actor, now=clock.now(), reason="entered by somebody who leaves")
    _a_ticket_names(gone, cast.tenant.id)
    _has_others_act(cast, gone)
    old = _age(superuser_connection, cast.tenant.id)
    room = make_room(tmp_path)
    room.seal()
    revoke(cast.tenant.id, gone)
    change(gone, is_active=False)
    note(cast.tenant.id, count=2)
    room.seal()
    assert old > 4
    return Scene(room, superuser_connection, cast, gone)


def _has_others_act(cast: Cast, gone: User) -> None:
    """He was allowed to enter for the approver, had deputies, was one, left a reason that was corrected, and took a file."""
    approver, now = cast.actor(Role.APPROVER), clock.now()
    with tenant_scope(cast.tenant.id):
        himself = actor_in(cast.tenant, gone, session="s-9", address=ADDRESS, request="r-9")

    def confirmed(operation: Operation, by: Actor = approver) -> Operation:
        entry.confirm(operation.id, actor=by, now=now, seen_digest=operation.digest, proof=proof(by, now))
        return operation

    allowed = confirmed(
        delegating.enter_grant(
            str(gone.id),
            ["ec2.start"],
            begins_at=now,
            ends_at=now + timedelta(days=9),
            evidence="指示書",
            actor=approver,
            now=now,
        )
    )
    confirmed(delegating.enter_end(uuid.UUID(allowed.target_id), actor=approver, now=now, reason="異動"))
    confirmed(delegating.enter_deputies([str(gone.id)], actor=approver, now=now, reason="休暇"))
    confirmed(delegating.enter_deputies([approver.id], actor=himself, now=now, reason="休暇"), himself)
    correction = correcting.enter_correction(
        allowed.id, "指示書 3 号", actor=approver, now=now, reason="番号"
    )
    confirmed(correction, cast.actor(Role.ADMINISTRATOR))


def _a_ticket_names(gone: User, tenant_id: uuid.UUID) -> None:
    """As one is called that told of an invitation that waited."""
    now = clock.now()
    server = plant(
        RedmineServer(
            tenant_id=tenant_id, url="https://redmine.example.jp", drafted_by_name="管理", drafted_at=now
        )
    )
    plant(
        Ticket(
            tenant_id=tenant_id, server=server, key="approval", kind="approval", target_type="user", target_id=str(gone.id),
            target_name=gone.name, last_note=f"{gone.name} さんに確認しました。", redmine_project=1, tracker=1, created_at=now,
        )
    )  # fmt: skip


def test_after_two_people_nothing_of_him_can_be_read_and_everything_still_proves(scene: Scene) -> None:
    before = scene.dump()
    assert any(one.startswith(("public.accounts_user", "accounts_user")) for one in before)
    assert not [one for one in before if "event" in one], "in the chain itself he stands by reference only"
    named = scene.bundle()
    keys = [str(key) for key in scene.room.keys]
    assert verdict(named, keys)[0] == 0
    with zipfile.ZipFile(named) as bundle:
        assert NAME in bundle.read("people.jsonl").decode()
    operation = scene.enter()
    assert scene.dump() == before, "entered by one person alone"
    with pytest.raises(NotPermitted):
        scene.confirm(operation, Role.ADMINISTRATOR)
    scene.confirm(operation)
    assert scene.dump() == []
    scene.room.seal()
    assert scene.verify()
    after = scene.bundle()
    code, said = verdict(after, keys)
    assert (code, said["intact"]) == (0, True)
    with zipfile.ZipFile(after) as bundle:
        assert not any(NAME.encode() in bundle.read(name) for name in bundle.namelist())
    with tenant_scope(scene.tenant_id):
        his = Event.objects.filter(actor_id=scene.person, kind="note.kept").latest("ord")
        assert (his.actor_name, his.said["address"], his.said["detail"]["device"]) == (ERASED, ERASED, ERASED)
        assert not matching(EventFilter(q=NAME)).exists()
        assert not matching(EventFilter(address=ADDRESS)).exists()
        assert matching(EventFilter(actor=scene.person)).exists(), "by his account's id he is still found"
    (note_,) = scene.database.execute(
        "SELECT note FROM ledger.erasure WHERE tenant_id = %s", [scene.tenant_id]
    ).fetchone() or ("",)
    assert "toban-erasure-1" in str(note_)
    assert NAME not in str(note_)
    with pytest.raises(NotFound):
        scene.enter()


def test_while_he_can_be_read_he_is_found_proven_and_his_key_follows_the_environments(
    scene: Scene, settings: Settings, tmp_path: Path
) -> None:
    _is_found(scene)
    _no_name_gets_into_the_chain(scene)
    _a_changed_bundle_is_damaged(scene, tmp_path)
    _keys_follow(scene, settings)


def _is_found(scene: Scene) -> None:
    with tenant_scope(scene.tenant_id):
        kinds = set(matching(EventFilter(address=ADDRESS)).values_list("kind", flat=True))
        assert "note.kept" in kinds
        assert matching(EventFilter(q="消江")).filter(kind="note.kept").count() == 2
        assert not matching(EventFilter(address="203.0.113.7")).exists(), "an address that only begins alike"


def test_who_is_here_or_held_or_within_his_term_is_not_erased_nor_by_one_alone(
    scene: Scene, settings: Settings
) -> None:
    _no_role_destroys_a_key_alone(scene)
    _without_a_key_nothing_happens(scene, settings)
    with _as_role("web"):
        admin = scene.cast.actor(Role.ADMINISTRATOR)
        operator = str(scene.cast.people[Role.OPERATOR].id)
        with pytest.raises(Refused, match="person_still_here"):
            enter_erasure(operator, actor=admin, now=clock.now(), reason="no")
        with pytest.raises(NotFound):
            enter_erasure(str(uuid.uuid4()), actor=admin, now=clock.now(), reason="no")
    operation = scene.enter()
    scene.keep(Keeping(hold="裁判所の照会"))
    with pytest.raises(Refused, match="record_held"):
        scene.confirm(operation)
    assert scene.dump()
    scene.keep(Keeping(person_months=360))
    with pytest.raises(Refused, match="person_term_not_over"):
        scene.confirm(operation)
    with pytest.raises(Refused, match="bad_parameter"):
        scene.keep(Keeping(person_months=11))
    assert scene.dump()


def _no_role_destroys_a_key_alone(scene: Scene) -> None:
    values = [scene.tenant_id, scene.person, uuid.uuid4(), [NAME], True]
    before = scene.dump()
    attacks = (
        ("SELECT ledger.erase_person(%s, %s, %s, %s, %s)", values),
        ("SELECT ledger.erase_rows(%s, %s, %s, %s)", [*values[:2], *values[3:]]),
        ("DELETE FROM ledger.person_key WHERE tenant_id = %s", values[:1]),
        ("UPDATE ledger.person_value SET sealed = '' WHERE tenant_id = %s", values[:1]),
        ("DELETE FROM ledger.erasure WHERE tenant_id = %s", values[:1]),
    )

    for (attack, given), role in product(attacks, ("web", "worker", "scheduler", "audit", "owner")):
        with _as_role(role), suppress(DatabaseError), tenant_scope(scene.tenant_id):
            execute(attack, list(given))
    assert scene.dump() == before


def test_what_a_restored_backup_brings_back_is_erased_again(scene: Scene, tmp_path: Path) -> None:
    scene.room.seal()
    backup, tables = Backup(scene.database), ("person_key", "person_value")
    for table in tables:
        scene.database.execute(f"CREATE TABLE public.backup_{table} AS SELECT * FROM ledger.{table}")
    scene.confirm(scene.enter())
    scene.room.seal()
    backup.restore()
    with scene.database.transaction():
        scene.database.execute("SET LOCAL session_replication_role = replica")
        scene.database.execute("ALTER TABLE ledger.erasure DISABLE TRIGGER deny_delete")
        scene.database.execute("DELETE FROM ledger.erasure")
        scene.database.execute("ALTER TABLE ledger.erasure ENABLE ALWAYS TRIGGER deny_delete")
        for table in tables:
            scene.database.execute(
                f"INSERT INTO ledger.{table} SELECT * FROM public.backup_{table} ON CONFLICT DO NOTHING"
            )
    assert _names(scene), "the backup holds his key"
    people = [Signer.generate(APPROVER + name) for name in ("sato", "suzuki")]
    given = {
        "TOBAN_SEAL_PUBLIC_KEYS": tuple(scene.room.keys),
        "TOBAN_APPROVER_KEYS": tuple(one.verifier for one in people),
        "TOBAN_ANCHOR_FILE": str(tmp_path / "seals.jsonl"),
    }
    file = str(tmp_path / "restore.json")
    with _as_role("audit"), override_settings(**given):
        call_command("audit_restore", "propose", file, "--reason", "disk lost")
        for one in people:
            name = one.verifier.name.removeprefix(APPROVER)
            (tmp_path / name).write_text(one.seed())
            call_command("audit_restore", "sign", file, "--name", name, "--key", str(tmp_path / name))
        call_command("audit_restore", "accept", file)
    assert not _names(scene)
    with tenant_scope(scene.tenant_id):
        again = Event.objects.get(kind="person.erased_again")
        assert again.subject_id == scene.person
    for table in (*tables, *range(len(backup.tables))):
        scene.database.execute(f"DROP TABLE public.backup_{table}")


def _names(scene: Scene) -> list[str]:
    with tenant_scope(scene.tenant_id):
        events = Event.objects.filter(actor_id=scene.person, kind="note.kept")
        return [
            text for text in people_in(scene.tenant_id, [one.body for one in events]).values() if text == NAME
        ]


def _without_a_key_nothing_happens(scene: Scene, settings: Settings) -> None:
    kept, settings.SECRETS_KEYS = settings.SECRETS_KEYS, {}
    actor = replace(scene.cast.actor(Role.ADMINISTRATOR), id=str(uuid.uuid4()), name="somebody new")
    with _as_role("web"), pytest.raises(Refused, match="no_person_key"):
        enter_keeping(Keeping(8), actor=actor, now=clock.now(), reason="no key")
    with tenant_scope(scene.tenant_id):
        assert not Operation.objects.filter(reason="no key").exists()
    settings.SECRETS_KEYS = kept


def _a_changed_bundle_is_damaged(scene: Scene, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(scene.bundle()) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            after.writestr(
                name, data.replace(NAME.encode(), "別人 花子".encode()) if name == "people.jsonl" else data
            )
    code, said = verdict(str(changed))
    assert (code, said["damage"]["kind"], said["damage"]["what"]) == (1, "edited", "person")
    assert bundle_verifier.PEOPLE == "people.jsonl"


def _no_name_gets_into_the_chain(scene: Scene) -> None:
    """The database refuses what the application would have forgotten to exchange."""

    for actor, subject, wall in (
        ({"type": "user", "id": "u", "name": NAME}, {"type": "", "id": "", "name": ""}, "people_are_named"),
        (
            {"type": "system", "id": "", "name": ""},
            {"type": "delegation", "id": "d", "name": NAME},
            "subjects_are_named",
        ),
    ):
        body = json.dumps({"kind": "x.y", "outcome": "ok", "actor": actor, "subject": subject})
        with (
            _as_role("web"),
            pytest.raises(DatabaseError, match=f"{wall}_by_reference"),
            tenant_scope(scene.tenant_id),
        ):
            execute("SELECT ledger.log(%s, %s)", [scene.tenant_id, [body]])


def _keys_follow(scene: Scene, settings: Settings) -> None:
    before = settings.SECRETS_KEYS
    settings.SECRETS_KEYS = {"new": b"n" * 32, **before}
    with _as_role("worker"):
        call_command("reseal")
    settings.SECRETS_KEYS = {"new": b"n" * 32}
    assert len(_names(scene)) > 0
