"""Read and change RDS databases of one account and region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import RDS
from infra.domain.aws import AwsError, CallResult, Database, Target

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBInstanceMessageTypeDef,
        DBInstanceTypeDef,
        DescribeDBInstancesMessageTypeDef,
        FilterTypeDef,
    )

PAGE_SIZE = 100  # RDS gives no more


def list_databases(target: Target) -> list[Database]:
    """Give all database instances, also those of clusters. Raises AwsError."""
    return list(_databases(target, []))


def describe_databases(target: Target, ids: Sequence[str]) -> dict[str, Database]:
    """Give the databases that exist among `ids`, 100 a call, so that a call is one page. Raises AwsError.

    RDS keeps identifiers in lower case and finds them in any; the keys are as they were asked.
    """
    asked: dict[str, list[str]] = {}
    for one in ids:
        asked.setdefault(one.lower(), []).append(one)
    lowered = list(asked)
    found: dict[str, Database] = {}
    for start in range(0, len(lowered), PAGE_SIZE):
        values = lowered[start : start + PAGE_SIZE]
        for database in _databases(target, [{"Name": "db-instance-id", "Values": values}]):
            found.update(dict.fromkeys(asked.get(database.id.lower(), ()), database))
    return found


def start_database(target: Target, database_id: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Start one database. One that is available already is WRONG_STATE. Never raises AwsError.

    still_ours: asked right before each send. Raises LeaseLost when it says no.
    """
    return _change(
        target,
        database_id,
        "StartDBInstance",
        lambda rds: rds.start_db_instance(DBInstanceIdentifier=database_id),
        still_ours,
    )


def stop_database(
    target: Target, database_id: str, *, snapshot: str = "", still_ours: StillOurs | None = None
) -> CallResult:
    """Stop one database; ask infra.domain.aws.stop_refusal first. Otherwise as start_database.

    snapshot: name of a snapshot that AWS makes right before it stops; QUOTA when the account has no room for it, EXISTS
    when the name is taken, and in both cases the database runs on.
    """
    return _change(
        target,
        database_id,
        "StopDBInstance",
        lambda rds: (
            rds.stop_db_instance(DBInstanceIdentifier=database_id, DBSnapshotIdentifier=snapshot)
            if snapshot
            else rds.stop_db_instance(DBInstanceIdentifier=database_id)
        ),
        still_ours,
    )


def change_authority(
    target: Target, database_id: str, authority: str, *, still_ours: StillOurs | None = None
) -> CallResult:
    """Give a database a certificate of this authority, at once; AWS restarts it where its version needs that.

    One that is stopped is WRONG_STATE. Otherwise as start_database.
    """
    return _change(
        target,
        database_id,
        "ModifyDBInstance",
        lambda rds: rds.modify_db_instance(
            DBInstanceIdentifier=database_id, CACertificateIdentifier=authority, ApplyImmediately=True
        ),
        still_ours,
    )


def _change(
    target: Target,
    database_id: str,
    action: str,
    send: Callable[[RDSClient], Mapping[str, Any]],
    still_ours: StillOurs | None,
) -> CallResult:
    try:
        answer = current().mutate(
            Call(RDS, target, action, "DBInstance"), send, ids=[database_id], still_ours=still_ours
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])


def _databases(target: Target, filters: list[FilterTypeDef]) -> Iterator[Database]:
    def send(rds: RDSClient, token: str) -> DBInstanceMessageTypeDef:
        params: DescribeDBInstancesMessageTypeDef = {"Filters": filters, "MaxRecords": PAGE_SIZE}
        if token:
            params["Marker"] = token
        return rds.describe_db_instances(**params)

    for answer in current().pages(Call(RDS, target, "DescribeDBInstances", "DBInstances"), send):
        for raw in answer["DBInstances"]:
            yield _database(raw)


def _database(raw: DBInstanceTypeDef) -> Database:
    details, endpoint = raw.get("CertificateDetails", {}), raw.get("Endpoint", {})
    return Database(
        id=raw["DBInstanceIdentifier"],
        arn=raw.get("DBInstanceArn", ""),
        state=raw.get("DBInstanceStatus", ""),
        tags={pair.get("Key", ""): pair.get("Value", "") for pair in raw.get("TagList", ())},
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        db_class=raw.get("DBInstanceClass", ""),
        zone=raw.get("AvailabilityZone", ""),
        multi_az=raw.get("MultiAZ", False),
        replica_of=raw.get("ReadReplicaSourceDBInstanceIdentifier", ""),
        replicas=tuple(raw.get("ReadReplicaDBInstanceIdentifiers", ())),
        cluster_id=raw.get("DBClusterIdentifier", ""),
        created_at=raw.get("InstanceCreateTime"),
        automatic_restart_at=raw.get("AutomaticRestartTime"),
        maintenance=raw.get("PreferredMaintenanceWindow", ""),
        ca=details.get("CAIdentifier", "") or raw.get("CACertificateIdentifier", ""),
        certificate_until=details.get("ValidTill"),
        public=raw.get("PubliclyAccessible", False),
        protected=raw.get("DeletionProtection", False),
        backup_days=raw.get("BackupRetentionPeriod", 0),
        pending=_waiting(raw.get("PendingModifiedValues", {})),
        address=endpoint.get("Address", ""),
        port=endpoint.get("Port", 0),
        storage_gib=raw.get("AllocatedStorage", 0),
        encrypted=raw.get("StorageEncrypted", False),
        groups=tuple(sorted(one.get("VpcSecurityGroupId", "") for one in raw.get("VpcSecurityGroups", ()))),
        subnet_group=raw.get("DBSubnetGroup", {}).get("DBSubnetGroupName", ""),
        vpc_id=raw.get("DBSubnetGroup", {}).get("VpcId", ""),
        option_group=next(
            (one.get("OptionGroupName", "") for one in raw.get("OptionGroupMemberships", ())), ""
        ),
        parameter_group=next(
            (one.get("DBParameterGroupName", "") for one in raw.get("DBParameterGroups", ())), ""
        ),
        db_name=raw.get("DBName", ""),
        master_user=raw.get("MasterUsername", ""),
        secret=raw.get("MasterUserSecret", {}).get("SecretArn", ""),
        resource_id=raw.get("DbiResourceId", ""),
    )


def _waiting(values: Mapping[str, object]) -> tuple[str, ...]:
    """Names of the changes that wait: also one to 0 or to false, such as backups that end."""
    return tuple(sorted(name for name, value in values.items() if value not in (None, "", {}, [])))
