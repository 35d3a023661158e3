"""Snapshots that a stop of an RDS instance leaves behind: how each is named, and which may go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

PREFIX = "toban"
COMPLETE = "available"
#: States in which AWS still works on a snapshot.
_MAKING = frozenset({"creating", "pending", "copying", "modifying", "upgrading"})


@dataclass(frozen=True, slots=True)
class DbSnapshot:
    """One snapshot of an RDS instance. kind: manual, automated, or another that AWS makes. vpc_id, option_group: as they
    were with the database when it was made."""

    id: str
    database: str
    state: str
    created_at: datetime | None
    arn: str = ""
    kind: str = "manual"
    engine: str = ""
    engine_version: str = ""
    storage_gib: int = 0
    encrypted: bool = False
    vpc_id: str = ""
    option_group: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def in_the_making(self) -> bool:
        return self.state in _MAKING


def suggested_name(database: str, local: datetime) -> str:
    """What a snapshot that a person makes is called, unless he names it otherwise."""
    return f"{PREFIX}-{database.lower()}-{local:%Y%m%d-%H%M}"


def snapshot_refusal(engine: str, cluster_id: str, aws_state: str, gone: bool) -> str:
    """Why AWS would not make a snapshot of a database (a code), or "".

    Source: RDS API reference, CreateDBSnapshot: the database must be available or storage-optimization; members of a
    cluster are copied with their cluster (CreateDBClusterSnapshot).
    """
    if gone:
        return "gone"
    if cluster_id or engine.startswith("aurora"):
        return "no_snapshot_of_cluster"
    if engine.startswith("custom-"):
        return "no_snapshot_of_custom"
    if aws_state in ("stopped", "stopping"):
        return "snapshot_needs_running"
    return "" if aws_state in ("available", "storage-optimization") else "state_changing"


def removal_refusal(name: str, kind: str, state: str, gone: bool) -> str:
    """Why a snapshot cannot be deleted here (a code), or "". Toban's role may delete what Toban made, and nothing else.

    Source: RDS API reference, DeleteDBSnapshot: it must be available, and manual.
    """
    if gone:
        return "gone"
    if kind != "manual":
        return "snapshot_automated"
    if not name.startswith(f"{PREFIX}-"):
        return "snapshot_not_ours"
    return "" if state in (COMPLETE, "failed") else "snapshot_busy"


def snapshot_name(database: str, operation: UUID) -> str:
    """The one name that a stop's snapshot has, however often it is tried.

    AWS takes 1 to 255 letters, digits and hyphens, a letter first, no two hyphens in a row, none at the end; a database's
    own name (63 at most) keeps to that already.
    """
    return f"{PREFIX}-{database.lower()}-{operation.hex}"
