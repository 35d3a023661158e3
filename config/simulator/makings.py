"""Databases that are made anew or of a snapshot, and what they are made of, as AWS documents it (moto: partly, or not at all).

moto checks neither the VPC of option and security groups, nor the class, the quotas, the length of an Oracle SID, nor tags, and a new
database is available at once. Sources: docs.aws.amazon.com/AmazonRDS/latest/APIReference, RestoreDBInstanceFromDBSnapshot,
CreateDBInstance, DescribeOrderableDBInstanceOptions, DescribeAccountAttributes; user guide, USER_RestoreFromSnapshot,
CHAP_Limits, Appendix.Oracle.Options. Classes, versions and quotas are this simulator's own.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.rds.exceptions import RDSClientError
from moto.rds.models import DBInstance, DBSnapshot, OptionGroup, RDSBackend
from moto.rds.responses import RDSResponse

from config.simulator.databases import Course, status_of
from config.simulator.world import World

VERSIONS: Mapping[str, tuple[str, str, str]] = {
    "mysql": ("8.0.42", "8.0", "mysql8.0"),
    "postgres": ("16.9", "16", "postgres16"),
    "mariadb": ("10.11.13", "10.11", "mariadb10.11"),
    "oracle-se2": ("19.0.0.0.ru-2026-01.rur-2026-01.r1", "19", "oracle-se2-19"),
}
#: What is offered no more; its snapshots can be brought to what is.
ENDED = frozenset({"5.7.44", "11.22"})
_SMALL = ("db.t3.medium", "db.t4g.medium", "db.t4g.large")
_LARGE = ("db.m6i.large", "db.r6i.large", "db.r6i.xlarge")
_BY_ENGINE = {"oracle-se2": ("db.t3.medium", *_LARGE)}
#: Options that a database keeps once it has them: (permanent, persistent).
_LASTING = {"Timezone": (True, True), "TDE": (False, True), "OLAP": (True, True)}
_STORAGE_MAX, _DATABASES_MAX = 100_000, 40
_SID_MAX = 8


def _classes(engine: str) -> tuple[str, ...]:
    return _BY_ENGINE.get(engine, (*_SMALL, *_LARGE))


def _default_options(database: Any) -> str:
    major = VERSIONS.get(database.engine, ("", "", ""))[1] or database.engine_version.split(".")[0]
    return f"default:{database.engine}-{major.replace('.', '-')}"


def _option_group(database: Any) -> str:
    named = str(database.option_group_name)
    return _default_options(database) if named.startswith("default:") else named


def _memberships(database: Any) -> list[dict[str, str]]:
    return [{"OptionGroupName": _option_group(database), "Status": "in-sync"}]


def _default_parameters(details: Callable[[Any], tuple[str, str]]) -> Callable[[Any], tuple[str, str]]:
    def default_db_parameter_group_details(self: Any) -> tuple[str, str]:
        family = VERSIONS.get(self.engine, ("", "", ""))[2]
        return (family, f"default.{family}") if family else details(self)

    return default_db_parameter_group_details


def _vpc(database: Any) -> str:
    group = database.__dict__.get("db_subnet_group")
    return str(group.vpc_id) if group is not None else ""


def _tied_to(group: Any) -> str:
    """An option group belongs to the VPC of the first database that used it."""
    known: str = group.__dict__.get("tied_to", "")
    for database in [] if known else group.backend.databases.values():
        if database.option_group_name == group.name and _vpc(database):
            known = group.__dict__["tied_to"] = _vpc(database)
            break
    return known


def _anywhere(group: Any) -> bool:
    return not _tied_to(group)


def _options(group: Any) -> list[dict[str, Any]]:
    return [
        {
            "OptionName": name, "OptionSettings": [], "Permanent": _LASTING.get(name, (False, False))[0],
            "Persistent": _LASTING.get(name, (False, False))[1],
        }
        for name in group.__dict__["_options"]
    ]  # fmt: skip


def _refuse(code: str, message: str) -> None:
    raise RDSClientError(code, message)


def _check_tags(tags: Iterable[Mapping[str, str]]) -> None:
    """Source: API reference, Tag."""
    for value in (one.get("Value", "") for one in tags):
        known = all(unicodedata.category(one)[0] in "LNZ" or one in "_.:/=+-@" for one in value)
        if value.startswith(("aws:", "rds:")) or not known:
            _refuse("InvalidParameterValue", f"The tag value {value} is not valid.")


def _check(backend: Any, given: Mapping[str, Any], engine: str, storage: int) -> None:
    """What AWS refuses of any new database."""
    _check_tags(given.get("tags") or ())
    name, wanted = given["db_instance_identifier"], given.get("db_instance_class")
    if name.lower() in backend.databases:
        _refuse("DBInstanceAlreadyExists", "DB instance already exists")
    if wanted and wanted not in _classes(engine):
        _refuse(
            "InvalidParameterCombination", f"RDS does not support creating a DB instance with class {wanted}."
        )
    if len(backend.databases) >= _DATABASES_MAX:
        _refuse(
            "InstanceQuotaExceeded",
            "The request cannot be processed because it would exceed the number of instances.",
        )
    if sum(one.allocated_storage for one in backend.databases.values()) + storage > _STORAGE_MAX:
        _refuse(
            "StorageQuotaExceeded",
            "The request cannot be processed because it would exceed the storage quota.",
        )
    group = backend.subnet_groups.get(given.get("db_subnet_group_name") or "")
    if group is None:
        return
    known = ec2_backends[backend.account_id][backend.region_name]
    for one in given.get("vpc_security_group_ids") or ():
        found = known.get_security_group_from_id(one)
        if found is None or found.vpc_id != group.vpc_id:
            message = "The DB instance and EC2 security group are in different VPCs."
            _refuse(
                "InvalidVPCNetworkStateFault" if found is None else "InvalidParameterCombination", message
            )
    options = backend.option_groups.get(given.get("option_group_name") or "")
    if options is not None and _tied_to(options) not in ("", group.vpc_id):
        message = f"The option group {options.name} is associated with a different VPC than the request."
        _refuse("InvalidParameterCombination", message)


def _on_its_way(world: World, made: Any) -> None:
    seconds = world.delays.seconds("rds_make", made.account_id)
    made.__dict__["course"] = Course("available", "creating" if seconds else "", time.monotonic() + seconds)
    world.journal.note(made.db_instance_identifier, "state", None, "creating")


def _restorer(world: World, restore: Callable[..., Any]) -> Callable[..., Any]:
    def restore_db_instance_from_db_snapshot(
        self: Any, from_snapshot_id: str, overrides: dict[str, Any]
    ) -> Any:
        snapshot = self.describe_db_snapshots(
            db_instance_identifier=None, db_snapshot_identifier=from_snapshot_id
        )[0]
        if status_of(snapshot) != "available":
            _refuse("InvalidDBSnapshotState", f"The snapshot is in {status_of(snapshot)} state.")
        source = snapshot.database
        inherited = {
            "option_group_name": source.option_group_name,
            "db_instance_class": source.db_instance_class,
        }
        given = dict(overrides)
        _check(self, inherited | given, source.engine, snapshot.allocated_storage)
        # moto knows no default option groups: they are kept apart from the call.
        named = str(given.get("option_group_name") or "")
        if named.startswith("default:"):
            given["option_group_name"] = ""
        made = restore(self, from_snapshot_id, given)
        # moto takes a setting that is switched off for one that was not given.
        made.deletion_protection = bool(overrides.get("deletion_protection", False))
        made.publicly_accessible = bool(overrides.get("publicly_accessible", False))
        made.tags = list(overrides.get("tags") or snapshot.tags)
        if named.startswith("default:"):
            made.option_group_name = named
        made.multi_az = bool(overrides.get("multi_az", False))
        _on_its_way(world, made)
        return made

    return restore_db_instance_from_db_snapshot


def _creator(world: World, create: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def create_db_instance(self: Any) -> Any:
        given = dict(self.params)
        engine = given.get("engine", "")
        if engine.startswith("oracle") and len(given.get("db_name") or "") > _SID_MAX:
            _refuse("InvalidParameterValue", "The parameter DBName is not a valid SID: 8 characters at most.")
        if not given.get("db_cluster_identifier"):
            _check(self.backend, given, engine, int(given.get("allocated_storage") or 0))
        named = str(given.get("option_group_name") or "")
        if named.startswith("default:"):
            self.params.pop("option_group_name")
        answer = create(self)
        _on_its_way(world, self.backend.databases[given["db_instance_identifier"].lower()])
        return answer

    return create_db_instance


def _remover(world: World, remove: Callable[..., Any]) -> Callable[..., Any]:
    def delete_db_instance(self: Any, db_instance_identifier: str, *args: Any, **kwargs: Any) -> Any:
        gone = remove(self, db_instance_identifier, *args, **kwargs)
        world.journal.note(db_instance_identifier, "state", "available", "deleted")
        return gone

    return delete_db_instance


def _describe_orderable(self: Any) -> ActionResult:
    engine, version, wanted = (
        self.params.get(name, "") for name in ("Engine", "EngineVersion", "DBInstanceClass")
    )
    listed = [
        {
            "Engine": engine,
            "EngineVersion": version,
            "DBInstanceClass": one,
            "StorageType": "gp3",
            "SupportsStorageEncryption": True,
            "LicenseModel": "license-included"
            if engine.startswith("oracle-se2")
            else "general-public-license",
            "Vpc": True,
        }
        for one in _classes(engine)
        if not wanted or one == wanted
    ]
    return ActionResult({"OrderableDBInstanceOptions": listed})


def _describe_account(self: Any) -> ActionResult:
    databases = list(self.backend.databases.values())
    used = sum(one.allocated_storage for one in databases if one.db_cluster_identifier is None)
    quotas = [
        {"AccountQuotaName": "DBInstances", "Used": len(databases), "Max": _DATABASES_MAX},
        {"AccountQuotaName": "AllocatedStorage", "Used": used, "Max": _STORAGE_MAX},
    ]
    return ActionResult({"AccountQuotas": quotas})


def _all_groups(describe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def describe_option_groups(self: Any) -> Any:
        """All of a region's own, of which there may be none (moto: a fault)."""
        if self.params.get("OptionGroupName"):
            return describe(self)
        return ActionResult({"OptionGroupsList": list(self.backend.option_groups.values())})

    return describe_option_groups


def install(world: World) -> None:
    """Puts the making of databases as AWS does it into moto's."""
    database: Any = DBInstance
    database.option_group_memberships = property(_memberships)
    database.default_db_parameter_group_details = _default_parameters(
        DBInstance.default_db_parameter_group_details
    )
    snapshot: Any = DBSnapshot
    snapshot.vpc_id = property(lambda self: _vpc(self.database))
    snapshot.option_group_name = property(lambda self: _option_group(self.database))
    group: Any = OptionGroup
    group.vpc_id = property(_tied_to)
    group.allows_vpc_and_non_vpc_instance_memberships = property(_anywhere)
    group.options = property(_options)
    backend: Any = RDSBackend
    backend.restore_db_instance_from_db_snapshot = _restorer(
        world, RDSBackend.restore_db_instance_from_db_snapshot
    )
    backend.delete_db_instance = _remover(world, RDSBackend.delete_db_instance)
    response: Any = RDSResponse
    response.create_db_instance = _creator(world, RDSResponse.create_db_instance)
    response.describe_orderable_db_instance_options = _describe_orderable
    response.describe_account_attributes = _describe_account
    response.describe_option_groups = _all_groups(RDSResponse.describe_option_groups)
