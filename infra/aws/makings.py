"""Ask AWS what a region has to make databases of, make one, and remove one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import EC2, RDS
from infra.domain.aws import AwsError, CallResult, Target
from infra.domain.makings import (
    NEW_STORAGE,
    Offer,
    OptionGroup,
    ParameterGroup,
    SecurityGroup,
    Stock,
    SubnetGroup,
)

PAGE_SIZE = 100  # RDS gives no more
VALUES_AT_ONCE = 200
#: AWS's names of the quotas that a new database counts against.
_STORAGE, _DATABASES = "AllocatedStorage", "DBInstances"


def subnet_groups(target: Target) -> list[SubnetGroup]:
    """Raises AwsError, as everything here that only looks."""
    rows = _rows(target, "DescribeDBSubnetGroups", "describe_db_subnet_groups", "DBSubnetGroups")
    return [SubnetGroup(raw["DBSubnetGroupName"], raw.get("VpcId", "")) for raw in rows]


def stock(target: Target, groups: Sequence[SubnetGroup], offers: Iterable[Offer]) -> Stock:
    """Everything else that a new database is made of, in the networks of these subnet groups: a call each."""
    options = _rows(target, "DescribeOptionGroups", "describe_option_groups", "OptionGroupsList")
    parameters = _rows(
        target, "DescribeDBParameterGroups", "describe_db_parameter_groups", "DBParameterGroups"
    )
    left = _left(target)
    return Stock(
        subnet_groups=tuple(groups),
        option_groups=tuple(_options(raw) for raw in options),
        parameter_groups=tuple(
            ParameterGroup(raw["DBParameterGroupName"], raw.get("DBParameterGroupFamily", "")) for raw in parameters
        ),
        groups=tuple(_security_groups(target, {one.vpc for one in groups})),
        offers={one.key: one for one in offers},
        storage_left=left.get(_STORAGE),
        databases_left=left.get(_DATABASES),
    )  # fmt: skip


def offer(target: Target, engine: str, version: str = "", db_class: str = "") -> Offer | None:
    """One version with its classes (only the named one, where one is named); version "": the one that AWS chooses by itself."""
    asked: dict[str, Any] = {"Engine": engine}
    asked |= {"EngineVersion": version} if version else {"DefaultOnly": True}
    versions = _rows(
        target, "DescribeDBEngineVersions", "describe_db_engine_versions", "DBEngineVersions", **asked
    )
    known = next(versions, None)
    if known is None:
        return None
    found = known["EngineVersion"]
    more = {"DBInstanceClass": db_class} if db_class else {}
    options = _rows(
        target, "DescribeOrderableDBInstanceOptions", "describe_orderable_db_instance_options",
        "OrderableDBInstanceOptions", Engine=engine, EngineVersion=found, Vpc=True, **more,
    )  # fmt: skip
    rows = list(options)
    encrypting = [raw for raw in rows if raw.get("SupportsStorageEncryption")]
    return Offer(
        engine, found, known.get("DBParameterGroupFamily", ""), known.get("MajorEngineVersion", ""),
        classes=_classes(rows), encrypting=_classes(encrypting),
        for_new=_classes(raw for raw in encrypting if raw.get("StorageType") == NEW_STORAGE),
        licences=tuple(sorted({raw["LicenseModel"] for raw in rows if raw.get("LicenseModel")})),
    )  # fmt: skip


def _classes(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted({raw["DBInstanceClass"] for raw in rows}))


def upgrades(target: Target, engine: str, version: str) -> frozenset[str]:
    """The versions that this one, which may not be offered any more, can be brought to."""
    found = _rows(
        target, "DescribeDBEngineVersions", "describe_db_engine_versions", "DBEngineVersions",
        Engine=engine, EngineVersion=version, IncludeAll=True,
    )  # fmt: skip
    return frozenset(one["EngineVersion"] for raw in found for one in raw.get("ValidUpgradeTarget", ()))


def restore(target: Target, params: Mapping[str, Any], *, still_ours: StillOurs | None = None) -> CallResult:
    """Make a database of a snapshot; EXISTS when the name is taken. Never raises AwsError; raises LeaseLost when told no."""
    return _mutate(
        target, "RestoreDBInstanceFromDBSnapshot", lambda rds: rds.restore_db_instance_from_db_snapshot(**params),
        params["DBInstanceIdentifier"], still_ours, beside={"db-snapshot": params["DBSnapshotIdentifier"]},
    )  # fmt: skip


def create(target: Target, params: Mapping[str, Any], *, still_ours: StillOurs | None = None) -> CallResult:
    """Make a new database. As restore."""
    return _mutate(
        target, "CreateDBInstance", lambda rds: rds.create_db_instance(**params), params["DBInstanceIdentifier"], still_ours
    )  # fmt: skip


def remove(
    target: Target, database: str, *, final_snapshot: str, still_ours: StillOurs | None = None
) -> CallResult:
    """Delete a database; final_snapshot: the name of the one that AWS makes before, "" for none. As restore."""
    last: dict[str, Any] = (
        {"FinalDBSnapshotIdentifier": final_snapshot, "SkipFinalSnapshot": False}
        if final_snapshot
        else {"SkipFinalSnapshot": True}
    )
    return _mutate(
        target, "DeleteDBInstance", lambda rds: rds.delete_db_instance(DBInstanceIdentifier=database, **last), database, still_ours
    )  # fmt: skip


def _rows(target: Target, action: str, method: str, member: str, **asked: Any) -> Iterator[Any]:
    def send(rds: Any, token: str) -> Any:
        params = asked | {"MaxRecords": PAGE_SIZE} | ({"Marker": token} if token else {})
        return getattr(rds, method)(**params)

    for answer in current().pages(Call(RDS, target, action, member), send):
        yield from cast(Mapping[str, Any], answer)[member]


def _left(target: Target) -> dict[str, int]:
    def send(rds: Any) -> Any:
        return rds.describe_account_attributes()

    answer = current().read(Call(RDS, target, "DescribeAccountAttributes", "AccountQuotas"), send)
    return {raw["AccountQuotaName"]: raw["Max"] - raw["Used"] for raw in answer["AccountQuotas"]}


def _security_groups(target: Target, vpcs: set[str]) -> Iterator[SecurityGroup]:
    wanted = sorted(vpcs)
    for start in range(0, len(wanted), VALUES_AT_ONCE):
        values = wanted[start : start + VALUES_AT_ONCE]

        def send(ec2: Any, token: str, values: list[str] = values) -> Any:
            params: dict[str, Any] = {"Filters": [{"Name": "vpc-id", "Values": values}], "MaxResults": 1000}
            return ec2.describe_security_groups(**params, **({"NextToken": token} if token else {}))

        for answer in current().pages(Call(EC2, target, "DescribeSecurityGroups", "SecurityGroups"), send):
            for raw in answer["SecurityGroups"]:
                yield SecurityGroup(raw["GroupId"], raw.get("GroupName", ""), raw.get("VpcId", ""))


def _options(raw: Mapping[str, Any]) -> OptionGroup:
    lasting = [
        one["OptionName"] for one in raw.get("Options", ()) if one.get("Permanent") or one.get("Persistent")
    ]
    anywhere = raw.get("AllowsVpcAndNonVpcInstanceMemberships", False)
    return OptionGroup(
        raw["OptionGroupName"], raw.get("EngineName", ""), raw.get("MajorEngineVersion", ""),
        "" if anywhere else raw.get("VpcId", ""), tuple(sorted(lasting)),
    )  # fmt: skip


def _mutate(
    target: Target,
    action: str,
    send: Any,
    subject: str,
    still_ours: StillOurs | None,
    beside: Mapping[str, str] | None = None,
) -> CallResult:
    call = Call(RDS, target, action, "DBInstance")
    try:
        answer = cast(
            Mapping[str, Any],
            current().mutate(call, send, ids=[subject], still_ours=still_ours, beside=beside),
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])
