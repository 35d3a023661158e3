"""A bundle is checked by one file that knows nothing of Toban; what was changed in it is named, what is hostile refused."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from medical_audit.domain.bundle_verifier import ed25519_holds, verdict
from medical_audit.domain.notes import Signer
from tests.conftest import AsRole
from tests.factories import make_tenant
from tests.medical_audit.bundling import (
    VERIFIER,
    Files,
    Story,
    bundle_of,
    edit_one,
    packed,
    put,
    rows,
    tell_story,
    unpacked,
)
from tests.medical_audit.sealers import SealingRoom, make_room
from tests.medical_audit.support import Database, chain_of, note


@pytest.fixture(scope="module")
def story(ledger_of_the_file: None, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell_story(make_room(tmp_path_factory.mktemp("room")))


@pytest.fixture(scope="module")
def whole(story: tuple[SealingRoom, uuid.UUID]) -> bytes:
    return bundle_of(story)


@pytest.fixture(scope="module")
def key(story: tuple[SealingRoom, uuid.UUID]) -> str:
    return str(story[0].signer.verifier)


def test_a_whole_bundle_is_intact(whole: bytes, key: str, story: Story) -> None:
    code, report = verdict(BytesIO(whole), [key])
    assert code == 0
    wanted = {
        "first": 1,
        "last": 10,
        "events": 10,
        "sealed": 9,
        "checkpoints": 3,
        "signatures": 3,
        "keys_given": True,
    }
    assert {name: report[name] for name in wanted} == wanted
    assert report["tenant"] == str(story[1])


def test_a_part_goes_on_from_the_seal_before_it(
    story: Story, key: str, superuser_connection: Database
) -> None:
    (since,) = superuser_connection.execute(
        "SELECT linked_at FROM ledger.link WHERE tenant_id = %s AND seq = 8", [story[1]]
    ).fetchall()[0]
    code, report = verdict(BytesIO(bundle_of(story, since)), [key])
    assert (code, report["first"], report["last"], report["sealed"]) == (0, 7, 10, 9)


def test_a_tenant_that_no_seal_covers_yet_has_a_bundle_that_says_so(story: Story, key: str) -> None:
    late = make_tenant().id
    note(late)
    code, report = verdict(BytesIO(bundle_of((story[0], late))), [key])
    found = (
        code,
        report.get("sealed"),
        report.get("checkpoints"),
        report.get("watched"),
        report.get("doubt"),
    )
    assert found == (2, 0, 0, False, "no seal covers any of it")


def test_it_is_checked_in_a_bare_python_without_anything_of_ours(
    whole: bytes, key: str, tmp_path: Path
) -> None:
    """`-I -S`: no site-packages, so also without `cryptography`."""
    (tmp_path / "verifier.py").write_bytes(VERIFIER.read_bytes())
    (tmp_path / "bundle.zip").write_bytes(whole)
    command = [sys.executable, "-I", "-S", "verifier.py", "--json", "--key", key, "bundle.zip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["intact"], report["events"], report["signatures"]) == (True, 10, 1)


def test_it_imports_nothing_but_the_standard_library_and_perhaps_what_checks_signatures() -> None:
    roots = set()
    for node in ast.walk(ast.parse(VERIFIER.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            roots.add(str(node.module).split(".")[0])
    assert roots - set(sys.stdlib_module_names) == {"cryptography", "rfc3161_client"}


def test_without_a_key_it_says_that_the_keys_are_the_bundles_own(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_bytes(whole)
    done = subprocess.run([sys.executable, VERIFIER, tmp_path / "bundle.zip"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "The keys are the bundle's own" in done.stdout


@given(st.binary(max_size=200), st.integers(0, 63))
@settings(max_examples=10, deadline=None)
def test_our_plain_ed25519_agrees_with_the_library(message: bytes, place: int) -> None:
    signer = Signer.generate("test")
    note_text = signer.sign(message.hex() + "\n")
    text, _, line = note_text.rpartition("\n\n")
    raw = base64.b64decode(line.split(" ")[2])[4:]
    public, signed = signer.verifier.public, f"{text}\n".encode()
    assert ed25519_holds(public, signed, raw)
    changed = bytearray(raw)
    changed[place] ^= 1
    assert not ed25519_holds(public, signed, bytes(changed))
    assert not ed25519_holds(public, signed + b"x", raw)


# -- damage ------------------------------------------------------------------------------------------------------------


def _remove(files: Files) -> None:
    put(files, "events.jsonl", [row for row in rows(files, "events.jsonl") if row["seq"] != 5])


def _swap(files: Files) -> None:
    found = rows(files, "events.jsonl")
    found[1], found[2] = found[2] | {"seq": 2}, found[1] | {"seq": 3}
    put(files, "events.jsonl", found)


def _cut(files: Files) -> None:
    put(files, "events.jsonl", rows(files, "events.jsonl")[:7])


def _cut_with_its_heads(files: Files) -> None:
    """The end goes with everything in the bundle that speaks of it; the seals stay as they are."""
    put(files, "heads.jsonl", rows(files, "heads.jsonl")[:1])
    put(files, "events.jsonl", rows(files, "events.jsonl")[:3])
    files["proofs.json"] = json.dumps(json.loads(files["proofs.json"]) | {"consistency": []}).encode()


def _invent(files: Files) -> None:
    """Nothing in it is ours, but for the seals."""
    _rewrite(files)
    put(files, "heads.jsonl", [])
    files["proofs.json"] = json.dumps(json.loads(files["proofs.json"]) | {"consistency": []}).encode()


def _wipe(files: Files) -> None:
    files["events.jsonl"] = b""


def _rewrite(files: Files) -> None:
    found, prev = rows(files, "events.jsonl"), b""
    for row in found:
        if row["seq"] == 5:
            row["body"] = row["body"].replace("test.note", "test.other")
        if prev:
            row["prev"] = prev.hex()
        tenant = json.loads(files["manifest.json"])["tenant"]
        names = ("id", "event_at", "linked_at", "clock_at", "txid", "db_user", "body")
        text = "\n".join(["toban-event-1", tenant, str(row["seq"]), *(str(row[name]) for name in names)])
        prev = hashlib.sha256(b"\x00" + bytes.fromhex(row["prev"]) + text.encode()).digest()
        row["hash"] = prev.hex()
    put(files, "events.jsonl", found)


def _other_head(files: Files) -> None:
    found = rows(files, "heads.jsonl")
    found[1]["root"] = "0" * 64
    put(files, "heads.jsonl", found)


def _lose_a_seal(files: Files) -> None:
    put(files, "checkpoints.jsonl", [row for row in rows(files, "checkpoints.jsonl") if row["number"] != 2])


def _other_note(files: Files) -> None:
    found = rows(files, "checkpoints.jsonl")
    found[2]["note"] = found[2]["note"].replace("clock ", "clock 1")
    put(files, "checkpoints.jsonl", found)


def _other_proof(files: Files) -> None:
    proofs = json.loads(files["proofs.json"])
    proofs["consistency"] = ["0" * 64, *proofs["consistency"][1:]]
    files["proofs.json"] = json.dumps(proofs).encode()


DAMAGES: list[tuple[Callable[[Files], None], str, int]] = [
    (edit_one, "edited", 4),
    (_remove, "removed", 5),
    (_swap, "reordered", 2),
    (_cut, "tail_cut", 8),
    (_wipe, "wiped", 1),
    (_rewrite, "recomputed", 4),
    (_other_head, "recomputed", 2),
    (_lose_a_seal, "seal_broken", 2),
    (_other_note, "seal_broken", 3),
    (_other_proof, "recomputed", 4),
    (_cut_with_its_heads, "tail_cut", 4),
    (_invent, "tail_cut", 1),
]


@pytest.mark.parametrize(("damage", "kind", "number"), DAMAGES, ids=[row[0].__name__ for row in DAMAGES])
def test_damage_is_named_with_its_place(
    damage: Callable[[Files], None], kind: str, number: int, whole: bytes, key: str
) -> None:
    files = unpacked(whole)
    damage(files)
    code, report = verdict(packed(files), [key])
    assert code == 1
    assert (report["damage"]["kind"], report["damage"]["number"]) == (kind, number)


@pytest.mark.parametrize("forge", [_cut_with_its_heads, _invent])
@pytest.mark.parametrize("format", ["toban-ledger-bundle-3", "toban-ledger-bundle-4"])
def test_what_nothing_proves_to_be_the_end_is_not_called_intact(
    format: str, forge: Callable[[Files], None], whole: bytes, key: str, tmp_path: Path
) -> None:
    """The forger takes the proof out as well, or says that the bundle is of before there was one."""
    files = unpacked(whole)
    forge(files)
    proofs = json.loads(files["proofs.json"])
    proofs.pop("newest", None)
    files["proofs.json"] = json.dumps(proofs).encode()
    files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | {"format": format}).encode()
    code, report = verdict(packed(files), [key])
    assert (code, report["intact"], bool(report["doubt"])) == (2, None, True)
    (tmp_path / "bundle.zip").write_bytes(packed(files).getvalue())
    done = subprocess.run(
        [sys.executable, VERIFIER, "--key", key, tmp_path / "bundle.zip"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stdout.startswith("cannot say: ")
    assert "intact" not in done.stdout


def test_a_bundle_under_another_key_is_not_believed(whole: bytes) -> None:
    code, report = verdict(BytesIO(whole), [str(Signer.generate("toban/ledger").verifier)])
    assert (code, report["damage"]["kind"]) == (1, "seal_broken")


def test_a_file_that_is_not_the_manifests_is_told(whole: bytes, key: str) -> None:
    files, out = unpacked(whole), BytesIO()
    files["keys.json"] = b"[]\n"
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    code, report = verdict(out, [key])
    assert (code, report["damage"]["what"]) == (1, "manifest")


# -- commands ----------------------------------------------------------------------------------------------------------


def test_the_commands_export_record_and_verify(
    story: Story,
    key: str,
    tmp_path: Path,
    as_role: AsRole,
    superuser_connection: Database,
) -> None:
    room, tenant_id = story
    file, out = tmp_path / "bundle.zip", StringIO()
    with as_role("audit"), override_settings(TOBAN_SEAL_PUBLIC_KEYS=tuple(room.keys)):
        call_command("audit_export", str(file), tenant=tenant_id, purpose="監査", stdout=out)
        with pytest.raises(SystemExit) as end:
            call_command("audit_verify", "--json", "--bundle", str(file))
    assert end.value.code == 0
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest in out.getvalue()
    kinds = [kind for _, kind, *_ in chain_of(superuser_connection, tenant_id)]
    assert kinds[-1] == "ledger.exported"
    (body,) = superuser_connection.execute(
        "SELECT body::jsonb FROM ledger.event WHERE kind = 'ledger.exported' AND tenant_id = %s ORDER BY ord DESC LIMIT 1",
        [tenant_id],
    ).fetchall()[0]
    assert (body["reason"], body["detail"]["sha256"]) == ("監査", digest)
    with as_role("audit"), pytest.raises(Exception, match="File exists"):
        call_command("audit_export", str(file), tenant=tenant_id, purpose="again")


def test_a_tenant_that_wrote_nothing_since_is_proven_to_have_no_more(story: Story, key: str) -> None:
    """Its last head is of an old seal: in the format before, a bundle that was cut looks the same."""
    room, quiet = story[0], make_tenant().id
    note(quiet)
    room.seal()
    room.seal()
    whole = bundle_of((room, quiet))
    assert verdict(BytesIO(whole), [key])[0] == 0
    files = unpacked(whole)
    proofs = json.loads(files["proofs.json"])
    assert proofs.pop("newest")["number"] > rows(files, "heads.jsonl")[-1]["number"]
    files["proofs.json"] = json.dumps(proofs).encode()
    files["manifest.json"] = json.dumps(
        json.loads(files["manifest.json"]) | {"format": "toban-ledger-bundle-3"}
    ).encode()
    assert verdict(packed(files), [key])[0] == 2
