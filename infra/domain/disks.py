"""Snapshots of EBS volumes that Toban makes before a volume is deleted: what they carry, and which volume may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.domain.tags import MANAGED, NEVER, TOBAN

COMPLETE, PENDING = "completed", "pending"
#: A volume stays in this state for up to some minutes after its deletion. Source: Amazon EBS user guide, ebs-deleting-volume.
DELETING = "deleting"
#: The tier of a snapshot of which AWS makes no volume until it is restored to the other tier.
#: Source: Amazon EBS user guide, snapshot-archive.
ARCHIVE = "archive"
#: How a deletion ends of whose snapshot AWS made nothing.
SNAPSHOT_FAILED = ("snapshot_failed", "snapshot_lost")
#: What AWS writes for the volume of a snapshot that was copied from another one: no volume at all, and the same for every copy.
#: Source: docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html.
COPIED_FROM = "vol-ffffffff"
#: Tags of a snapshot that was made before a deletion: the operation that it belongs to, and what it is a copy of.
OPERATION_TAG, VOLUME_TAG, SERVED_TAG = "toban:operation", "toban:volume", "toban:served"
NAME_MAX = 256
#: AWS takes 50 tags; those of Toban's own must find a place.
TAGS_MAX = 50


@dataclass(frozen=True, slots=True)
class EbsSnapshot:
    """One snapshot of an EBS volume. progress: as AWS shows it ("42%"); size_gib: of its volume, the most that it can hold."""

    id: str
    volume_id: str
    state: str
    progress: str
    started_at: datetime | None
    tags: dict[str, str]
    size_gib: int = 0
    tier: str = "standard"
    description: str = ""


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


#: A deleted volume can be brought back for so long at least: until then its snapshot is not deleted either.
RESTORABLE = timedelta(days=90)
_OF_BACKUPS = ("aws:backup:", "aws:dlm:")


def snapshot_deletion_refusal(
    tags: Mapping[str, str],
    images: Sequence[str],
    state: str,
    made_at: datetime | None,
    now: datetime,
    *,
    gone: bool,
) -> str:
    """Why an EBS snapshot must not be deleted (a code), or "". Whether it is shared is looked at right before the call."""
    if gone:
        return "gone"
    if any(key.startswith(_OF_BACKUPS) for key in tags):
        return "snapshot_of_backup"
    if images:
        return "snapshot_of_image"
    guard = tags.get(TOBAN, MANAGED)
    if guard != MANAGED:
        return "never_touch" if guard == NEVER else "toban_value"
    if OPERATION_TAG in tags and (made_at is None or now - made_at < RESTORABLE):
        return "snapshot_restorable"
    return "" if state in (COMPLETE, "error") else "snapshot_busy"


def restorable_as(type_: str, iops: int | None, throughput: int | None, *, shared: bool) -> dict[str, Any]:
    """{"type", "iops", "throughput", "multi_attach"} of the volume that comes back, as far as AWS takes them for its type (0: as
    AWS gives it). io1 and io2 need a number of IOPS: one that was last seen before Toban kept it comes back as gp3.

    Source: docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html.
    """
    if type_ in ("io1", "io2") and iops:
        return {"type": type_, "iops": iops, "throughput": 0, "multi_attach": shared}
    if type_ in ("gp3", "io1", "io2", ""):
        kept = type_ == "gp3"
        return {
            "type": "gp3", "iops": (iops or 0) if kept else 0, "throughput": (throughput or 0) if kept else 0,
            "multi_attach": False,
        }  # fmt: skip
    return {"type": type_, "iops": 0, "throughput": 0, "multi_attach": False}


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
