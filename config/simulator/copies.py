"""Snapshots of databases that are shared, copied and brought to another engine version as AWS documents it (moto: partly, or not at all).

Sources: API reference of Amazon RDS, CopyDBSnapshot, DescribeDBSnapshots (IncludeShared), ModifyDBSnapshot.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import DBSnapshotNotFoundFault, RDSClientError
from moto.rds.models import DBSnapshot, RDSBackend, rds_backends
from moto.rds.responses import RDSResponse

from config.simulator.databases import Course, status_of
from config.simulator.world import World


def _source(backend: Any, name: str) -> Any:
    """A snapshot of one's own by name or ARN, or one that its account shares with this one."""
    if not name.startswith("arn:"):
        return backend.get_db_snapshot(name)
    account, region, own = name.split(":")[4], name.split(":")[3], name.split(":")[6]
    found = rds_backends[account][region].database_snapshots.get(own)
    if found is None or backend.account_id not in (account, *found.attributes["restore"]):
        raise DBSnapshotNotFoundFault(name)
    return found


def _lister(describe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def describe_db_snapshots(self: Any) -> Any:
        """Those that other accounts share too, where that is asked for; such a one is named by its ARN."""
        name = self.params.get("DBSnapshotIdentifier", "")
        if name.startswith("arn:"):
            return ActionResult({"DBSnapshots": [_source(self.backend, name)]})
        answer = describe(self)
        if self.params.get("IncludeShared"):
            answer.result["DBSnapshots"] += self.backend.get_shared_db_snapshots()
        return answer

    return describe_db_snapshots


def _copier(world: World) -> Callable[..., Any]:
    def copy_db_snapshot(
        self: Any,
        source_db_snapshot_identifier: str,
        target_db_snapshot_identifier: str,
        kms_key_id: str | None = None,
        tags: list[dict[str, str]] | None = None,
        **_: Any,
    ) -> Any:
        source = _source(self, source_db_snapshot_identifier)
        if status_of(source) != "available":
            raise RDSClientError("InvalidDBSnapshotState", f"The snapshot is in {status_of(source)} state.")
        if source.account_id != self.account_id and source.encrypted and not kms_key_id:
            raise RDSClientError(
                "KMSKeyNotAccessibleFault", "A shared encrypted snapshot needs a key of this account."
            )
        if target_db_snapshot_identifier in self.database_snapshots:
            raise RDSClientError("DBSnapshotAlreadyExists", f"{target_db_snapshot_identifier} exists.")
        made: Any = DBSnapshot(
            self,
            copy.copy(source.database),
            target_db_snapshot_identifier,
            tags=tags,
            kms_key_id=kms_key_id or source.kms_key_id,
        )
        made.engine_version = source.engine_version
        seconds = world.delays.seconds("rds_snapshot", self.account_id)
        made.__dict__["course"] = Course(
            "available", "copying" if seconds else "", time.monotonic() + seconds
        )
        self.database_snapshots[target_db_snapshot_identifier] = made
        world.journal.note(target_db_snapshot_identifier, "state", None, "copying")
        return made

    return copy_db_snapshot


def _upgrader(world: World) -> Callable[[Any], ActionResult]:
    def modify_db_snapshot(self: Any) -> ActionResult:
        name, version = self.params["DBSnapshotIdentifier"], self.params.get("EngineVersion", "")
        found = self.backend.get_db_snapshot(name)
        if (
            found.account_id != self.backend.account_id
            or found.snapshot_type != "manual"
            or status_of(found) != "available"
        ):
            raise RDSClientError(
                "InvalidDBSnapshotState", "Only a manual snapshot that is available can be upgraded."
            )
        before, found.engine_version, found.database.engine_version = found.engine_version, version, version
        seconds = world.delays.seconds("rds_snapshot", found.account_id)
        found.__dict__["course"] = Course(
            "available", "upgrading" if seconds else "", time.monotonic() + seconds
        )
        world.journal.note(name, "version", before, version)
        return ActionResult({"DBSnapshot": found})

    return modify_db_snapshot


def install(world: World) -> None:
    """Puts shared snapshots, copies and upgrades of snapshots into moto's databases."""
    backend: Any = RDSBackend
    backend.copy_db_snapshot = _copier(world)
    response: Any = RDSResponse
    response.describe_db_snapshots = _lister(RDSResponse.describe_db_snapshots)
    response.modify_db_snapshot = _upgrader(world)
