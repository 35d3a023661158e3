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
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from medical_audit.domain import bundle_verifier
from medical_audit.domain.bundle_verifier import ed25519_holds, verdict
from medical_audit.domain.notes import Signer
from medical_audit.queries.bundles import write_bundle
from medical_audit.queries.seals import database_clock
from tests.conftest import AsRole, _as_role
from tests.factories import make_tenant
from tests.medical_audit.sealers import SealingRoom, make_room
from tests.medical_audit.support import Database, chain_of, note

VERIFIER = Path(bundle_verifier.__file__)
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def story(
    ledger_of_the_file: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SealingRoom, uuid.UUID]:
    """Three tenants under three seals; the first has 3, 6 and 9 sealed events, and one more that is not sealed."""
    room = make_room(tmp_path_factory.mktemp("room"))
    with _as_role("web"):
        tenants = [make_tenant().id for _ in range(3)]
        note(tenants[0], "日本語", count=2)
        room.seal()
        for _ in range(2):
            for tenant_id in tenants:
                note(tenant_id, count=3)
            room.seal()
        note(tenants[0])
    return room, tenants[0]


def bundle_of(story: tuple[SealingRoom, uuid.UUID], since: Any = None) -> bytes:
    room, tenant_id = story
    file = BytesIO()
    with _as_role("audit"):
        write_bundle(file, tenant_id, room.keys, since=since, now=database_clock())
    return file.getvalue()


@pytest.fixture(scope="module")
def whole(story: tuple[SealingRoom, uuid.UUID]) -> bytes:
    return bundle_of(story)


@pytest.fixture(scope="module")
def key(story: tuple[SealingRoom, uuid.UUID]) -> str:
    return str(story[0].signer.verifier)


def test_a_whole_bundle_is_intact(whole: bytes, key: str, story: tuple[SealingRoom, uuid.UUID]) -> None:
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
    story: tuple[SealingRoom, uuid.UUID], key: str, superuser_connection: Database
) -> None:
    (since,) = superuser_connection.execute(
        "SELECT linked_at FROM ledger.link WHERE tenant_id = %s AND seq = 8", [story[1]]
    ).fetchall()[0]
    code, report = verdict(BytesIO(bundle_of(story, since)), [key])
    assert (code, report["first"], report["last"], report["sealed"]) == (0, 7, 10, 9)


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
    assert done.returncode == 0
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


# -- the format before --------------------------------------------------------------------------------------------------


def old_format(data: bytes) -> BytesIO:
    """The same bundle as it was made before there were restores and purges: no history, and no word of where it begins."""
    files = unpacked(data)
    del files["history.jsonl"]
    manifest = json.loads(files["manifest.json"])
    del manifest["since"]
    files["manifest.json"] = json.dumps(manifest | {"format": "toban-ledger-bundle-1"}).encode()
    return packed(files)


def test_a_bundle_of_the_first_format_is_still_checked(whole: bytes, key: str) -> None:
    code, report = verdict(old_format(whole), [key])
    assert (code, report["events"], report["sealed"], report["part"]) == (0, 10, 9, False)
    files = unpacked(old_format(whole).getvalue())
    _edit(files)
    code, report = verdict(packed(files), [key])
    assert (code, report["damage"]["kind"]) == (1, "edited")


def test_what_the_first_format_does_not_hold_is_not_called_whole(
    story: tuple[SealingRoom, uuid.UUID], key: str, superuser_connection: Database
) -> None:
    """It knows no tombstones: whoever cuts a record's beginning off would else choose that format."""
    (since,) = superuser_connection.execute(
        "SELECT linked_at FROM ledger.link WHERE tenant_id = %s AND seq = 8", [story[1]]
    ).fetchall()[0]
    code, report = verdict(old_format(bundle_of(story, since)), [key])
    assert (code, report["first"], report["part"]) == (0, 7, True)


# -- damage ------------------------------------------------------------------------------------------------------------


def unpacked(data: bytes) -> Files:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Files) -> BytesIO:
    """A bundle whose manifest is made right again, as a forger would."""
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "manifest.json"}
    manifest = json.loads(files["manifest.json"]) | {"files": sums}
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, data)
    out.seek(0)
    return out


def rows(files: Files, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[name].splitlines()]


def put(files: Files, name: str, found: list[dict[str, Any]]) -> None:
    files[name] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found).encode()


def _edit(files: Files) -> None:
    found = rows(files, "events.jsonl")
    found[3]["body"] = found[3]["body"].replace("test.note", "test.other")
    put(files, "events.jsonl", found)


def _remove(files: Files) -> None:
    put(files, "events.jsonl", [row for row in rows(files, "events.jsonl") if row["seq"] != 5])


def _swap(files: Files) -> None:
    found = rows(files, "events.jsonl")
    found[1], found[2] = found[2] | {"seq": 2}, found[1] | {"seq": 3}
    put(files, "events.jsonl", found)


def _cut(files: Files) -> None:
    put(files, "events.jsonl", rows(files, "events.jsonl")[:7])


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
    (_edit, "edited", 4),
    (_remove, "removed", 5),
    (_swap, "reordered", 2),
    (_cut, "tail_cut", 8),
    (_wipe, "wiped", 1),
    (_rewrite, "recomputed", 4),
    (_other_head, "recomputed", 2),
    (_lose_a_seal, "seal_broken", 2),
    (_other_note, "seal_broken", 3),
    (_other_proof, "recomputed", 4),
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


# -- hostile -----------------------------------------------------------------------------------------------------------


def _zip(entries: list[tuple[str, bytes]], **options: Any) -> BytesIO:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    out.seek(0)
    return out


def _with(files: Files, name: str, data: bytes) -> BytesIO:
    return _zip(list((files | {name: data}).items()))


HOSTILE: list[tuple[str, Callable[[Files], BytesIO]]] = [
    ("no zip", lambda files: BytesIO(b"PK" + bytes(500))),
    ("empty", lambda files: BytesIO(b"")),
    ("a file more", lambda files: _with(files, "../../etc/cron.d/x", b"*")),
    ("an absolute path", lambda files: _with(files, "/etc/passwd", b"x")),
    ("a file fewer", lambda files: _zip([(n, d) for n, d in files.items() if n != "heads.jsonl"])),
    ("a bomb", lambda files: _with(files, "events.jsonl", bytes(30_000_000))),
    ("an endless line", lambda files: _with(files, "events.jsonl", b'{"a":"' + b"".join(uuid.uuid4().bytes.hex().encode() for _ in range(140_000)))),
    ("a huge number", lambda files: _with(files, "proofs.json", b'{"size": ' + b"9" * 5000 + b"}")),
    ("a fraction", lambda files: _with(files, "proofs.json", b'{"size": 1e999}')),
    ("not a number", lambda files: _with(files, "proofs.json", b'{"size": NaN}')),
    ("a negative size", lambda files: _with(files, "proofs.json", b'{"size": -1, "frontier": ""}')),
    ("a deep nest", lambda files: _with(files, "proofs.json", b"[" * 200_000)),
    ("a name twice in JSON", lambda files: _with(files, "proofs.json", b'{"size": 0, "size": 1}')),
    ("a wrong shape", lambda files: _with(files, "proofs.json", b"[]")),
    ("half a character", lambda files: _with(files, "keys.json", b'["\xff"]')),
    ("another format", lambda files: _with(files, "manifest.json", b'{"format": "toban-ledger-bundle-9"}')),
    ("rows of another shape", lambda files: _with(files, "heads.jsonl", b"[1]\n")),
    ("half a pair", lambda files: _with(files, "events.jsonl", files["events.jsonl"].replace(b'"body":"', b'"body":"\\ud800'))),
    ("a truth for a number", lambda files: _with(files, "heads.jsonl", b'{"number": true}\n')),
]  # fmt: skip


@pytest.mark.parametrize("make", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_bundles_are_refused(make: Callable[[Files], BytesIO], whole: bytes, key: str) -> None:
    code, report = verdict(make(unpacked(whole)), [key])
    assert (code, report["intact"]) == (2, None), report


def _own_key(files: Files, *stones: str) -> tuple[Files, Signer]:
    """The forger signs all seals anew, and says that these tombstones stand for what is missing."""
    signer, prev, found = Signer.generate("toban/ledger"), "", rows(files, "checkpoints.jsonl")
    for row in found:
        text = row["note"].rpartition("\n\n")[0] + "\n"
        text = text[: text.rindex("prev ")] + f"prev {prev}\n" if prev else text
        row["note"] = signer.sign(text)
        prev = hashlib.sha256(row["note"].encode()).hexdigest()
    put(files, "checkpoints.jsonl", found)
    put(files, "history.jsonl", [{"tombstone": signer.sign(stone)} for stone in stones])
    files["keys.json"] = json.dumps([str(signer.verifier)]).encode()
    files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | {"since": None}).encode()
    return files, signer


@pytest.mark.parametrize("until", ["9999-12-31T15:00:00.000000Z", "9998-12-31T15:00:00.000000Z"])
def test_a_tombstone_at_the_end_of_time_is_none(
    until: str, story: tuple[SealingRoom, uuid.UUID], superuser_connection: Database
) -> None:
    (since,) = superuser_connection.execute(
        "SELECT linked_at FROM ledger.link WHERE tenant_id = %s AND seq = 8", [story[1]]
    ).fetchall()[0]
    stone = (
        f"toban/tombstone\ntenant {story[1]}\nevents 1 6\nseal 2 {'A' * 44}\nlast {'0' * 64}\nuntil {until}\nterm 5\n"
        f"at {until}\nafter 3\noperation {story[1]}\nentered a\nconfirmed b\n"
    )
    files, _signer = _own_key(unpacked(bundle_of(story, since)), stone)
    code, report = verdict(packed(files))
    assert code == 2, report


def test_what_a_bundle_says_of_itself_cannot_pass_for_a_verdict(whole: bytes, tmp_path: Path) -> None:
    """A key may be named as somebody likes, also so that the terminal shows something else than was found."""
    files, signer = _own_key(unpacked(whole))
    name, raw = "x\x1b[2K\rintact", b"\x01" + signer.verifier.public
    known = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    extra = f"{name}+{known}+{base64.b64encode(raw).decode()}"
    files["keys.json"] = json.dumps([str(signer.verifier), extra]).encode()
    (tmp_path / "bundle.zip").write_bytes(packed(files).getvalue())
    done = subprocess.run([sys.executable, VERIFIER, tmp_path / "bundle.zip"], capture_output=True)
    assert done.returncode == 0, done.stdout
    assert b"intact+" in done.stdout
    assert not set(b"\x1b\r") & set(done.stdout)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(whole: bytes, key: str) -> None:
    files = unpacked(whole)
    assert verdict(_zip([*files.items(), ("keys.json", b"[]")]), [key])[0] == 2


def test_a_size_that_lies_is_refused(whole: bytes, key: str) -> None:
    """The directory says that an entry is small; unpacking it gives more."""
    data = bytearray(_with(unpacked(whole), "keys.json", b'["' + b"k" * 5000 + b'"]').getvalue())
    place = data.rindex(b"keys.json") - 46
    data[place + 24 : place + 28] = (10).to_bytes(4, "little")
    assert verdict(BytesIO(bytes(data)), [key])[0] == 2


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_flipped_byte_is_called_intact_with_another_content(
    whole: bytes, key: str, data: st.DataObject
) -> None:
    changed = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    code, _report = verdict(BytesIO(bytes(changed)), [key])
    if code == 0:
        assert unpacked(bytes(changed))["events.jsonl"] == unpacked(whole)["events.jsonl"]


# -- commands ----------------------------------------------------------------------------------------------------------


def test_the_commands_export_record_and_verify(
    story: tuple[SealingRoom, uuid.UUID],
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
