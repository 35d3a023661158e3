"""What was done to the database before a bundle was made of it is named offline too, also what only the platform's own chain
could excuse: other guards, and a silence of the sealer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import psycopg
import pytest

from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.bundle_verifier import NOBODY, verdict
from medical_audit.queries.bundles import write_bundle
from medical_audit.queries.sealed import verify_ledger
from medical_audit.queries.seals import database_clock
from tests.conftest import _as_role
from tests.factories import make_tenant
from tests.medical_audit.bundling import packed, put, rows, unpacked
from tests.medical_audit.sealers import later, let_seals_lie_ahead, make_room, tamper
from tests.medical_audit.support import Database, note
from tests.medical_audit.test_attacks import Scene, _insert_back_dated, scene

__all__ = ["scene"]


def told(scene: Scene) -> tuple[int, str, int]:
    """(exit code, kind of damage, at which seal or event) of a bundle of the first tenant."""
    code, said = verdict(bundle(scene), [str(scene.room.signer.verifier)])
    damage = said.get("damage", {})
    return code, damage.get("kind", ""), damage.get("number", said.get("gaps", 0))


def bundle(scene: Scene) -> BytesIO:
    file = BytesIO()
    with _as_role("audit"):
        write_bundle(file, scene.tenant_id, scene.room.keys, since=None, now=database_clock())
    return file


def change_a_guard(scene: Scene) -> None:
    scene.database.execute("ALTER TABLE ledger.event DISABLE TRIGGER deny_change")
    scene.room.seal()
    scene.database.execute("ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER deny_change")
    scene.room.seal()


def announce_it_afterwards(scene: Scene) -> None:
    scene.database.execute("ALTER TABLE ledger.event DISABLE TRIGGER deny_change")
    scene.room.seal()
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="no maintenance open"):
        scene.database.execute("SELECT ledger.close_maintenance()")
    scene.database.execute("SELECT ledger.open_maintenance('all is well', interval '1 minute')")
    assert scene.database.execute("SELECT ledger.close_maintenance()").fetchone() == (True,)
    scene.room.seal()


def go_back_to_what_was_right_before(scene: Scene) -> None:
    scene.database.execute("SELECT ledger.open_maintenance('one guard more', interval '1 minute')")
    scene.database.execute("CREATE INDEX more ON ledger.link (linked_at)")
    assert scene.database.execute("SELECT ledger.close_maintenance()").fetchone() == (True,)
    scene.room.seal()
    scene.room.seal()
    scene.database.execute("DROP INDEX ledger.more")
    scene.room.seal()
    scene.room.seal()


@pytest.mark.parametrize(
    ("attack", "kind", "number"),
    [
        (_insert_back_dated, "back_dated", 9),
        (change_a_guard, "catalogue_changed", 3),
        (announce_it_afterwards, "catalogue_changed", 3),
        (go_back_to_what_was_right_before, "catalogue_changed", 5),
    ],
)
def test_it_is_named_by_both_verifiers(
    attack: Callable[[Scene], None], kind: str, number: int, scene: Scene
) -> None:
    assert told(scene) == (0, "", 0)
    attack(scene)
    assert told(scene) == (1, kind, number)
    assert {(one.kind, one.seq) for one in scene.damage() if one} == {(kind, number)}


def test_an_announced_change_is_excused_and_whoever_takes_the_excuse_away_is_told(scene: Scene) -> None:
    scene.database.execute("SELECT ledger.open_maintenance('an index more', interval '1 minute')")
    scene.database.execute("CREATE INDEX more ON ledger.link (linked_at)")
    scene.room.seal()
    scene.database.execute("SELECT ledger.close_maintenance()")
    scene.room.seal()
    whole = bundle(scene)
    key = [str(scene.room.signer.verifier)]
    code, said = verdict(whole, key)
    assert (code, said["watched"]) == (0, True)
    for change, kind in (
        (lambda row: None, "catalogue_changed"),
        (lambda row: row | {"db_user": "x"}, "edited"),
    ):
        files = unpacked(whole.getvalue())
        changed = [row if "body" not in row else change(row) for row in rows(files, "platform.jsonl")]
        put(files, "platform.jsonl", [row for row in changed if row])
        code, said = verdict(packed(files), key)
        assert (code, said["damage"]["kind"]) == (1, kind)


def test_a_recorded_silence_is_counted_and_an_unrecorded_one_is_damage(
    ledger_of_its_own: None, tmp_path: Path, superuser_connection: Database
) -> None:
    room, tenant_id = make_room(tmp_path), make_tenant().id
    let_seals_lie_ahead(superuser_connection)
    room.seal()
    room.clock = later(timedelta(minutes=10))
    room.seal()
    scene = Scene(room, superuser_connection, tenant_id, tenant_id)
    assert told(scene) == (0, "", 1), "what records it is sealed by the next seal"
    room.seal()
    assert told(scene) == (0, "", 1)
    files = unpacked(bundle(scene).getvalue())
    said = rows(files, "platform.jsonl")
    put(files, "platform.jsonl", [row for row in said if "sealing_resumed" not in row.get("body", "")])
    code, found = verdict(packed(files), [str(room.signer.verifier)])
    assert (code, found["damage"]["kind"], found["damage"]["number"]) == (1, "heartbeat_missing", 2)


def test_a_platform_chain_that_was_cut_keeps_no_tenant_from_a_bundle_that_says_so(scene: Scene) -> None:
    note(NO_TENANT)
    scene.room.seal()
    newest = "(SELECT max(seq) FROM ledger.link WHERE tenant_id = %s)"
    tamper(
        scene.database,
        f"DELETE FROM ledger.link WHERE tenant_id = %s AND seq = {newest}", [NO_TENANT, NO_TENANT],
    )  # fmt: skip
    assert told(scene)[:2] == (1, "recomputed")


def test_both_verifiers_call_the_platform_the_same() -> None:
    assert str(NO_TENANT) == NOBODY


def test_what_excuses_a_seal_is_believed_from_a_whole_platform_chain_only(scene: Scene) -> None:
    """An event of the platform is made an announcement, its hash made right; one tenant's verdict knows of it, too."""
    note(NO_TENANT)
    scene.database.execute("ALTER TABLE ledger.event DISABLE TRIGGER deny_change")
    scene.room.seal()
    scene.database.execute("ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER deny_change")
    scene.room.seal()
    tamper(
        scene.database,
        "UPDATE ledger.event SET body = jsonb_set(jsonb_set(body::jsonb, '{kind}', '\"ledger.maintenance_opened\"'), "
        "'{detail}', '{\"until\":\"2999-01-01T00:00:00Z\"}')::text WHERE tenant_id = %s AND kind = 'test.note'", [NO_TENANT],
    )  # fmt: skip
    replace(scene, tenant_id=NO_TENANT).rehash()
    assert told(scene)[:2] == (1, "recomputed")
    with _as_role("audit"):
        report = verify_ledger([scene.tenant_id], scene.room.keys, scene.room.anchors)
    assert report.seals.intact, "what was forged would excuse it"
    assert report.platform.damage is not None
    assert (report.intact, report.platform.damage.kind) == (False, "recomputed")
