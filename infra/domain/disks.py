"""Snapshots of EBS volumes that Toban makes before a volume is deleted: what they carry, and which volume may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from infra.domain.tags import MANAGED, NEVER, TOBAN

COMPLETE, PENDING = "completed", "pending"
#: Tags of a snapshot that was made before a deletion: the operation that it belongs to, and what it is a copy of.
OPERATION_TAG, VOLUME_TAG, SERVED_TAG = "toban:operation", "toban:volume", "toban:served"
NAME_MAX = 256
#: AWS takes 50 tags; those of Toban's own must find a place.
TAGS_MAX = 50


@dataclass(frozen=True, slots=True)
class EbsSnapshot:
    """One snapshot of an EBS volume. progress: as AWS shows it ("42%")."""

    id: str
    volume_id: str
    state: str
    progress: str
    started_at: datetime | None
    tags: dict[str, str]


def snapshot_tags(operation: UUID, volume_id: str, name: str, served: str) -> dict[str, str]:
    """What tells a person in AWS what a snapshot is, and Toban which deletion made it."""
    tags = {
        "Name": name, OPERATION_TAG: str(operation), VOLUME_TAG: volume_id, SERVED_TAG: served, "toban:made-by": "toban",
    }  # fmt: skip
    return {key: value[:NAME_MAX] for key, value in tags.items() if value}


def deletion_refusal(state: str, attached: bool, tags: dict[str, str], gone: bool) -> str:
    """Why a volume cannot be deleted (a code), or ""."""
    if gone:
        return "gone"
    if attached or state == "in-use":
        return "volume_in_use"
    guard = tags.get(TOBAN, MANAGED)
    if guard != MANAGED:  # on doubt it stays
        return "never_touch" if guard == NEVER else "toban_value"
    return "" if state in ("available", "error") else "volume_state"


def restorable_as(type_: str) -> str:
    """The type of the volume that comes back. io1 and io2 need a number of IOPS that nobody kept: they come back as gp3."""
    return "gp3" if type_ in ("io1", "io2", "") else type_


def restored_tags(operation: UUID, tags: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    """The tags that the deleted volume had, its Name, and what tells Toban which operation made the new one."""
    own = {
        "Name": str(given["name"]),
        OPERATION_TAG: str(operation),
        VOLUME_TAG: str(given["volume_id"]),
        "toban:made-by": "toban",
    }
    old = {
        key: value for key, value in tags.items() if not key.startswith(("aws:", "toban:")) and key not in own
    }
    kept = dict(sorted(old.items())[: TAGS_MAX - len(own)])
    return {key: value[:NAME_MAX] for key, value in {**kept, **own}.items() if value}
