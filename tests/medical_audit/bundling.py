"""Bundles of tests: made of a story, taken apart, changed and put together again."""

from __future__ import annotations

import hashlib
import json
import uuid
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from medical_audit.domain import bundle_verifier
from medical_audit.queries.bundles import write_bundle
from medical_audit.queries.seals import database_clock
from tests.conftest import _as_role
from tests.factories import make_tenant
from tests.medical_audit.sealers import SealingRoom
from tests.medical_audit.support import note

VERIFIER = Path(bundle_verifier.__file__)
Files = dict[str, bytes]
Story = tuple[SealingRoom, uuid.UUID]


def tell_story(room: SealingRoom) -> Story:
    """Three tenants under three seals; the first has 3, 6 and 9 sealed events, and one more that is not sealed."""
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


def bundle_of(story: Story, since: Any = None) -> bytes:
    room, tenant_id = story
    file = BytesIO()
    with _as_role("audit"):
        write_bundle(file, tenant_id, room.keys, since=since, now=database_clock())
    return file.getvalue()


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


def edit_one(files: Files) -> None:
    found = rows(files, "events.jsonl")
    found[3]["body"] = found[3]["body"].replace("test.note", "test.other")
    put(files, "events.jsonl", found)
