"""Read, make, tag and delete snapshots of the RDS instances of one account and region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import RDS
from infra.domain.aws import AwsError, CallResult, Problem, Target
from infra.domain.snapshots import SHARED, DbSnapshot, is_shared

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_rds.type_defs import DBSnapshotMessageTypeDef, DBSnapshotTypeDef

PAGE_SIZE = 100  # RDS gives no more


def describe_snapshots(
    target: Target, names: Sequence[str], *, kind: str = "manual"
) -> dict[str, DbSnapshot]:
    """Give the snapshots that exist among `names` (RDS keeps them in lower case), 100 a call. Raises AwsError.

    kind: manual, or "" for those of AWS's automated backups, too. One that another account shares has its ARN for a name, and takes a
    call of its own.
    """
    wanted = [one for one in dict.fromkeys(names) if not is_shared(one)]
    found: dict[str, DbSnapshot] = {}
    for start in range(0, len(wanted), PAGE_SIZE):
        values = wanted[start : start + PAGE_SIZE]

        def send(rds: RDSClient, token: str, values: list[str] = values) -> DBSnapshotMessageTypeDef:
            params: dict[str, Any] = {
                "Filters": [{"Name": "db-snapshot-id", "Values": values}], "MaxRecords": PAGE_SIZE,
            } | ({"SnapshotType": kind} if kind else {})  # fmt: skip
            if token:
                params["Marker"] = token
            return rds.describe_db_snapshots(**params)

        for answer in current().pages(Call(RDS, target, "DescribeDBSnapshots", "DBSnapshots"), send):
            for raw in answer["DBSnapshots"]:
                one = _snapshot(target, raw)
                found[one.id] = one
    for name in dict.fromkeys(names):
        if is_shared(name) and (shared := _shared(target, name)) is not None:
            found[name] = shared
    return found


def _shared(target: Target, arn: str) -> DbSnapshot | None:
    def send(rds: RDSClient) -> DBSnapshotMessageTypeDef:
        return rds.describe_db_snapshots(DBSnapshotIdentifier=arn, IncludeShared=True)

    try:
        answer = current().read(Call(RDS, target, "DescribeDBSnapshots", "DBSnapshots"), send)
    except AwsError as error:
        if error.problem is Problem.GONE:
            return None
        raise
    return next((_snapshot(target, raw) for raw in answer["DBSnapshots"]), None)


def list_snapshots(target: Target) -> list[DbSnapshot]:
    """Give every snapshot of this account's own databases, those of AWS's automated backups too, and those that other accounts share
    with it (not those that are public). Raises AwsError."""

    def send(rds: RDSClient, token: str) -> DBSnapshotMessageTypeDef:
        params: dict[str, Any] = {"MaxRecords": PAGE_SIZE, "IncludeShared": True}
        if token:
            params["Marker"] = token
        return rds.describe_db_snapshots(**params)

    pages = current().pages(Call(RDS, target, "DescribeDBSnapshots", "DBSnapshots"), send)
    return [_snapshot(target, raw) for answer in pages for raw in answer["DBSnapshots"]]


def create_snapshot(
    target: Target, database: str, name: str, tags: Mapping[str, str], *, still_ours: StillOurs | None = None
) -> CallResult:
    """Begin a snapshot of a database, with its tags in the same call; EXISTS when the name is taken. As tag_snapshot."""
    return _mutate(
        target,
        "CreateDBSnapshot",
        lambda rds: rds.create_db_snapshot(
            DBInstanceIdentifier=database,
            DBSnapshotIdentifier=name,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        ),
        name,
        still_ours,
        beside={"db": database},
    )


def copy_snapshot(
    target: Target,
    source: str,
    name: str,
    *,
    key: str,
    tags: Mapping[str, str],
    still_ours: StillOurs | None = None,
) -> CallResult:
    """Begin a copy of a snapshot (its name, or its ARN where another account shares it), encrypted with a key of one's own, "" for as it
    is; EXISTS when the name is taken. As tag_snapshot."""
    params: dict[str, Any] = {"KmsKeyId": key} if key else {}
    return _mutate(
        target,
        "CopyDBSnapshot",
        lambda rds: rds.copy_db_snapshot(
            SourceDBSnapshotIdentifier=source,
            TargetDBSnapshotIdentifier=name,
            Tags=[{"Key": one, "Value": value} for one, value in tags.items()],
            **params,
        ),
        name,
        still_ours,
        beside={"db-snapshot": source},
    )


def upgrade_snapshot(
    target: Target, name: str, version: str, option_group: str, *, still_ours: StillOurs | None = None
) -> CallResult:
    """Bring a snapshot to another engine version, for good; option_group: "" where AWS finds one by itself. As tag_snapshot."""
    options: dict[str, Any] = {"OptionGroupName": option_group} if option_group else {}
    return _mutate(
        target,
        "ModifyDBSnapshot",
        lambda rds: rds.modify_db_snapshot(DBSnapshotIdentifier=name, EngineVersion=version, **options),
        name,
        still_ours,
    )


def tag_snapshot(
    target: Target, arn: str, tags: Mapping[str, str], *, still_ours: StillOurs | None = None
) -> CallResult:
    """Set tags on a snapshot. Never raises AwsError; raises LeaseLost when still_ours says no."""
    return _mutate(
        target,
        "AddTagsToResource",
        lambda rds: rds.add_tags_to_resource(
            ResourceName=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        ),
        arn,
        still_ours,
    )


def delete_snapshot(target: Target, name: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Delete one snapshot; one that is still being made is WRONG_STATE. As tag_snapshot."""
    return _mutate(
        target,
        "DeleteDBSnapshot",
        lambda rds: rds.delete_db_snapshot(DBSnapshotIdentifier=name),
        name,
        still_ours,
    )


def _snapshot(target: Target, raw: DBSnapshotTypeDef) -> DbSnapshot:
    arn = raw.get("DBSnapshotArn", "")
    shared = bool(arn) and arn.split(":")[4] != target.account_id
    return DbSnapshot(
        id=arn if shared else raw.get("DBSnapshotIdentifier", ""),
        database=raw.get("DBInstanceIdentifier", ""),
        state=raw.get("Status", ""),
        created_at=raw.get("SnapshotCreateTime"),
        arn=arn,
        kind=SHARED if shared else raw.get("SnapshotType", ""),
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        storage_gib=raw.get("AllocatedStorage", 0),
        encrypted=raw.get("Encrypted", False),
        vpc_id=raw.get("VpcId", ""),
        option_group=raw.get("OptionGroupName", ""),
        source_id=raw.get("DbiResourceId", ""),
        tags={pair.get("Key", ""): pair.get("Value", "") for pair in raw.get("TagList", ())},
    )


def _mutate(
    target: Target,
    action: str,
    send: Any,
    subject: str,
    still_ours: StillOurs | None,
    beside: Mapping[str, str] | None = None,
) -> CallResult:
    call = Call(RDS, target, action)
    try:
        answer = cast(
            Mapping[str, Any],
            current().mutate(call, send, ids=[subject], still_ours=still_ours, beside=beside),
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])
