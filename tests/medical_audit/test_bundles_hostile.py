"""Bundles of the first format, and such as an enemy made: checked, or refused, and never believed."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medical_audit.domain.bundle_verifier import CannotSay, Said, verdict
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.notes import Signer
from tests.factories import MONDAY_0830
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
from tests.medical_audit.support import Database


@pytest.fixture(scope="module")
def story(ledger_of_the_file: None, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell_story(make_room(tmp_path_factory.mktemp("room")))


@pytest.fixture(scope="module")
def whole(story: tuple[SealingRoom, uuid.UUID]) -> bytes:
    return bundle_of(story)


@pytest.fixture(scope="module")
def key(story: tuple[SealingRoom, uuid.UUID]) -> str:
    return str(story[0].signer.verifier)


# -- the format before --------------------------------------------------------------------------------------------------


def old_format(data: bytes) -> BytesIO:
    """The same bundle as it was made before there were restores and purges: no history, and no word of where it begins."""
    files = unpacked(data)
    del files["history.jsonl"], files["platform.jsonl"]
    manifest = json.loads(files["manifest.json"])
    del manifest["since"]
    files["manifest.json"] = json.dumps(manifest | {"format": "toban-ledger-bundle-1"}).encode()
    return packed(files)


def second_format(data: bytes) -> BytesIO:
    """As it was made before it told of guards and silences."""
    files = unpacked(data)
    del files["platform.jsonl"]
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps(manifest | {"format": "toban-ledger-bundle-2"}).encode()
    return packed(files)


@pytest.mark.parametrize("format", [old_format, second_format])
def test_an_older_format_is_still_checked_but_not_called_intact(
    whole: bytes, key: str, format: Callable[[bytes], BytesIO]
) -> None:
    """It knows no tombstones, or no guards: whoever hides something would else choose that format."""
    code, report = verdict(format(whole), [key])
    assert (code, report["intact"], report["events"], report["watched"]) == (2, None, 10, False)
    files = unpacked(format(whole).getvalue())
    edit_one(files)
    code, report = verdict(packed(files), [key])
    assert (code, report["damage"]["kind"]) == (1, "edited")


@pytest.mark.parametrize(
    "names", [["platform.jsonl"], ["platform.jsonl", "heads.jsonl", "checkpoints.jsonl"]]
)
def test_a_bundle_without_what_speaks_for_it_is_not_called_intact(
    whole: bytes, key: str, names: list[str]
) -> None:
    """Emptied files with right sums: without its seals a chain is what anybody can compute anew."""
    assert verdict(BytesIO(whole), [key])[1]["watched"]
    files = unpacked(whole)
    for name in names:
        put(files, name, [])
    if "heads.jsonl" in names:
        put(files, "history.jsonl", [])
        put(files, "proofs.json", [json.loads(files["proofs.json"]) | {"consistency": [], "newest": None}])
    code, report = verdict(packed(files), [key])
    assert (code, report.get("intact")) == (2, None), report


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


@pytest.mark.parametrize("until", ["2026-01-01T00:00:00", "tomorrow", None, 7])
def test_a_maintenance_without_a_time_that_can_be_compared_is_refused(until: object) -> None:
    with pytest.raises(CannotSay):
        Said().take("ledger.maintenance_opened", _times(MONDAY_0830), {"until": until}, "owner")


def _times(at: datetime) -> dict[str, Any]:
    return {"seq": 1, "event_at": utc_text(at), "clock_at": utc_text(at)}


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
    until: str, story: Story, superuser_connection: Database
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
    assert done.returncode == 2, done.stdout
    assert done.stdout.startswith(b"cannot say: no key was given")
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


@pytest.mark.parametrize(
    ("by", "minutes", "damage"),
    [
        ("owner", 10, "catalogue_changed"),
        ("somebody", 10, ""),
        ("owner", 4, ""),
        ("somebody", 61, "catalogue_changed"),
    ],
)
def test_a_maintenance_excuses_nothing_once_its_opener_has_closed_it(
    by: str, minutes: int, damage: str
) -> None:
    """Opened for an hour, closed with a change after five minutes by `by`; a seal with other guards after so many minutes."""
    said, until = Said(), utc_text(MONDAY_0830 + timedelta(hours=1))
    said.take("ledger.maintenance_opened", _times(MONDAY_0830), {"until": until}, "owner")
    closed = MONDAY_0830 + timedelta(minutes=5)
    said.take("ledger.catalogue_changed", _times(closed), {"after": "new", "before": ""}, by)
    at = MONDAY_0830 + timedelta(minutes=minutes)
    assert said.damage("other", at, None, 1) == damage
    assert said.damage("new", at, None, 1) == ""
