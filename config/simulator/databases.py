"""RDS instances take time to start and stop, and refuse as AWS does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.rds.exceptions import InvalidDBInstanceStateError, RDSClientError
from moto.rds.models import DBInstance, DBSnapshot, RDSBackend
from moto.rds.responses import RDSResponse

from config.simulator.world import World

# AWS starts a stopped database by itself after this long.
_SEVEN_DAYS = timedelta(days=7)


@dataclass(slots=True)
class Course:
    """`transient` until the monotonic instant `until`, then `final`; swapped in as a whole."""

    final: str
    transient: str = ""
    until: float = 0.0

    def passing(self) -> bool:
        """Whether the transient status still holds."""
        return bool(self.transient) and time.monotonic() < self.until


def status_of(database: Any) -> str:
    """The status of a database, a cluster or a snapshot at this moment."""
    course: Course = database.__dict__["course"]
    return course.transient if course.passing() else course.final


def set_status(database: Any, status: str) -> None:
    """Gives it a status that stays."""
    database.__dict__["course"] = Course(status)


def restart_time(database: Any) -> Any:
    """When AWS will start a stopped database by itself; shown only while it is stopped."""
    stopped_at = database.__dict__.get("stopped_at")
    return stopped_at + _SEVEN_DAYS if stopped_at and status_of(database) == "stopped" else None


def place(database: Any, state: str) -> None:
    """Puts a database or a cluster into a state without any call (seeding)."""
    database.status = state
    database.__dict__["stopped_at"] = utcnow() if state == "stopped" else None


def move(world: World, database: Any, id: str, through: str, to: str) -> None:
    """Sets a database or a cluster on its way; with no delay it has arrived."""
    kind = "rds_start" if to == "available" else "rds_stop"
    seconds = world.delays.seconds(kind, database.account_id)
    before = status_of(database)
    database.__dict__["stopped_at"] = utcnow() if to == "stopped" else None
    database.__dict__["course"] = Course(to, through if seconds else "", time.monotonic() + seconds)
    world.journal.note(id, "state", before, through)


def _refuse_kinds(database: DBInstance) -> None:
    """AWS's limits of stopping and starting, under the names it answers with."""
    if getattr(database, "db_cluster_identifier", None):
        message = f"{database.engine} DB instances are not eligible for stopping and starting."
        raise RDSClientError("InvalidParameterCombination", message)
    if database.is_replica:
        raise RDSClientError("InvalidDBInstanceState", "Cannot stop or start a Read-Replica instance")
    if database.replicas:
        message = "Cannot stop or start a DB instance that has Read-Replicas"
        raise RDSClientError("InvalidDBInstanceState", message)
    if database.multi_az and database.engine.startswith("sqlserver"):
        message = "Cannot stop or start a SQLServer Multi-AZ instance"
        raise RDSClientError("InvalidDBInstanceState", message)


def _stopper(world: World) -> Callable[..., DBInstance]:
    def stop_db_instance(
        self: Any, db_instance_identifier: str, db_snapshot_identifier: str | None = None
    ) -> DBInstance:
        database: DBInstance = self.describe_db_instances(db_instance_identifier)[0]
        _refuse_kinds(database)
        if database.status != "available":
            raise InvalidDBInstanceStateError(db_instance_identifier, "stop")
        if db_snapshot_identifier:
            self.create_db_snapshot(db_instance_identifier, db_snapshot_identifier)
        move(world, database, database.db_instance_identifier, "stopping", "stopped")
        return database

    return stop_db_instance


def _starter(world: World) -> Callable[..., DBInstance]:
    def start_db_instance(self: Any, db_instance_identifier: str) -> DBInstance:
        database: DBInstance = self.describe_db_instances(db_instance_identifier)[0]
        if database.status != "stopped":
            raise InvalidDBInstanceStateError(db_instance_identifier, "start")
        move(world, database, database.db_instance_identifier, "starting", "available")
        return database

    return start_db_instance


def _snapshotter(world: World, create: Callable[..., Any]) -> Callable[..., Any]:
    def create_db_snapshot(
        self: Any, db_instance_identifier: str, db_snapshot_identifier: str, *args: Any, **kwargs: Any
    ) -> Any:
        """A snapshot takes its time, and AWS makes one of an available database only (moto of any, at once)."""
        database = self.describe_db_instances(db_instance_identifier)[0]
        if database.status != "available":
            raise InvalidDBInstanceStateError(db_instance_identifier, "snapshot")
        made = create(self, db_instance_identifier, db_snapshot_identifier, *args, **kwargs)
        seconds = world.delays.seconds("rds_snapshot", database.account_id)
        made.__dict__["course"] = Course(
            "available", "creating" if seconds else "", time.monotonic() + seconds
        )
        world.journal.note(made.db_snapshot_identifier, "state", None, "creating")
        return made

    return create_db_snapshot


def _deleter(world: World, delete: Callable[..., Any]) -> Callable[..., Any]:
    def delete_db_snapshot(self: Any, db_snapshot_identifier: str) -> Any:
        """AWS deletes a snapshot that is available, and no other (moto deletes any)."""
        known = self.database_snapshots.get(db_snapshot_identifier)
        if known is not None and status_of(known) != "available":
            message = f"Cannot delete the snapshot because it is in {status_of(known)} state."
            raise RDSClientError("InvalidDBSnapshotState", message)
        answer = delete(self, db_snapshot_identifier)
        world.journal.note(db_snapshot_identifier, "state", "available", "deleted")
        return answer

    return delete_db_snapshot


def _checked_page(describe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def describe_db_instances(self: Any) -> Any:
        """Pages of 20 to 100, as AWS has them."""
        size = self.params.get("MaxRecords")
        if size is not None and not 20 <= int(size) <= 100:
            message = f"Invalid value {size} for MaxRecords. Must be between 20 and 100"
            raise RDSClientError("InvalidParameterValue", message)
        return describe(self)

    return describe_db_instances


def _noted_tags(world: World, change: Callable[..., Any]) -> Callable[..., Any]:
    def changed(self: Any, arn: str, tags: Any) -> Any:
        before = {tag["Key"]: tag["Value"] for tag in self.list_tags_for_resource(arn)}
        answer = change(self, arn, tags)
        after = {tag["Key"]: tag["Value"] for tag in self.list_tags_for_resource(arn)}
        for key in before.keys() | after.keys():
            world.journal.note(arn, f"tag:{key}", before.get(key), after.get(key))
        return answer

    return changed


#: What moto calls every database.
_ONE_FOR_ALL = "db-M5ENSHXFPU6XHZ4G4ZEI5QIO2U"


def _own_id(database: Any, given: str) -> None:
    """Each database has an id that no other one ever has."""
    database.__dict__["own_id"] = f"db-{uuid.uuid4().hex[:26].upper()}" if given == _ONE_FOR_ALL else given


def install(world: World) -> None:
    """Puts AWS's states and refusals into moto's databases."""
    patched: Any = DBInstance
    patched.dbi_resource_id = property(lambda self: self.__dict__["own_id"], _own_id)
    patched.status = property(status_of, set_status)
    snapshot: Any = DBSnapshot
    snapshot.status = property(status_of, set_status)
    patched.automatic_restart_time = property(restart_time)
    backend: Any = RDSBackend
    backend.stop_db_instance = _stopper(world)
    backend.start_db_instance = _starter(world)
    backend.create_db_snapshot = _snapshotter(world, RDSBackend.create_db_snapshot)
    backend.delete_db_snapshot = _deleter(world, RDSBackend.delete_db_snapshot)
    backend.add_tags_to_resource = _noted_tags(world, RDSBackend.add_tags_to_resource)
    backend.remove_tags_from_resource = _noted_tags(world, RDSBackend.remove_tags_from_resource)
    response: Any = RDSResponse
    response.describe_db_instances = _checked_page(RDSResponse.describe_db_instances)
