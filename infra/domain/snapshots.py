"""Snapshots of RDS instances: how Toban's are named, which may go, and of which a copy can be made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from infra.domain.tags import hands_off

PREFIX = "toban"
COMPLETE = "available"
#: The kind of one that another account shares with this one; its name is its ARN.
SHARED = "shared"
#: What AWS encrypts with where nobody chose a key.
KEY_OF_AWS = "alias/aws/rds"
_KEY = re.compile(
    r"(arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,250}|alias/[A-Za-z0-9/_-]{1,250}|"
    r"mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    re.ASCII,
)
_UPGRADED = frozenset({"mariadb", "mysql", "oracle", "postgres"})
#: States in which AWS still works on a snapshot.
_MAKING = frozenset({"creating", "pending", "copying", "modifying", "upgrading"})


@dataclass(frozen=True, slots=True)
class DbSnapshot:
    """One snapshot of an RDS instance. kind: manual, automated, shared, or another that AWS makes. vpc_id, option_group: as they
    were with the database when it was made. source_id: AWS's own id of that database, "" where it did not say."""

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
    source_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def in_the_making(self) -> bool:
        return self.state in _MAKING

    def replaces(self, made_at: str) -> bool:
        """Whether it is another one than what was made at that instant (ISO 8601, "" where that is not known) and had its name."""
        return bool(made_at) and self.created_at != datetime.fromisoformat(made_at)


def of_one_database(name: str, id_: str, other: str, other_id: str) -> bool:
    """Whether two are, or are of, the same database: by AWS's own ids where both are known, else by the names."""
    return id_ == other_id if id_ and other_id else name.lower() == other.lower()


def suggested_name(database: str, local: datetime) -> str:
    """What a snapshot that a person makes is called, unless he names it otherwise."""
    return f"{PREFIX}-{database.lower()}-{local:%Y%m%d-%H%M}"


#: States in which a database stays until somebody puts it right, and in which AWS makes no snapshot of it, at its end neither.
#: Source: RDS API reference, DeleteDBInstance (SkipFinalSnapshot); RDS user guide, accessing-monitoring (DB instance status).
_FAILED = frozenset({"failed", "incompatible-network", "incompatible-restore"})
_STUCK = _FAILED | {
    "inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable", "incompatible-create",
    "incompatible-option-group", "incompatible-parameters", "insufficient-capacity", "restore-error", "storage-full",
}  # fmt: skip


def has_no_final_snapshot(aws_state: str) -> bool:
    """Whether AWS deletes a database in this state only without a snapshot at the end."""
    return aws_state in _FAILED


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
    if aws_state in _STUCK:
        return "snapshot_of_stuck"
    return "" if aws_state in ("available", "storage-optimization") else "state_changing"


def removal_refusal(name: str, kind: str, state: str, tags: Mapping[str, str], gone: bool) -> str:
    """Why a snapshot cannot be deleted here (a code), or "". Toban's role may delete what Toban made, and nothing else.

    Source: RDS API reference, DeleteDBSnapshot: it must be available, and manual.
    """
    if gone:
        return "gone"
    if kind != "manual":
        return "snapshot_automated"
    if not name.startswith(f"{PREFIX}-"):
        return "snapshot_not_ours"
    if code := hands_off(tags):
        return code
    return "" if state in (COMPLETE, "failed") else "snapshot_busy"


def snapshot_name(database: str, operation: UUID) -> str:
    """The one name that a stop's snapshot has, however often it is tried.

    AWS takes 1 to 255 letters, digits and hyphens, a letter first, no two hyphens in a row, none at the end; a database's
    own name (63 at most) keeps to that already.
    """
    return f"{PREFIX}-{database.lower()}-{operation.hex}"


def is_shared(name: str) -> bool:
    """Whether the name is one of a snapshot that another account shares."""
    return name.startswith("arn:")


def key_problem(key: str, region: str) -> str:
    """Why AWS would take no such KMS key in a region (a code), or "". Its id, its ARN or an alias."""
    found = _KEY.fullmatch(key)
    if found is None:
        return "key_unreadable"
    return "" if found["region"] in (None, region) else "key_other_region"


def can_upgrade(engine: str) -> bool:
    """Whether AWS brings snapshots of this engine to another version. Source: RDS API reference, ModifyDBSnapshot."""
    return engine.partition("-")[0] in _UPGRADED


def copy_refusal(engine: str, kind: str, state: str, *, encrypted: bool, key: str, gone: bool) -> str:
    """Why AWS would make no copy of a snapshot (a code), or "".

    Source: RDS API reference, CopyDBSnapshot: the source must be available; an encrypted one that another account shares needs a key
    of one's own; RDS Custom has none, and clusters are copied with CopyDBClusterSnapshot.
    """
    if gone:
        return "gone"
    if engine.startswith("aurora"):
        return "copy_of_cluster"
    if engine.startswith("custom-"):
        return "copy_of_custom"
    if state != COMPLETE:
        return "snapshot_not_complete"
    return "key_missing" if kind == SHARED and encrypted and not key else ""
