"""One look for each right of the role that only looks, as small as AWS takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore import xform_name

from infra.aws.gateway import Call, current
from infra.aws.sessions import AUTOSCALING, EC2, ORGANIZATIONS, QUOTAS, RDS, SSM
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.reach import RULES_QUOTA
from infra.domain.tags import MANAGED, TOBAN

#: How AWS answers a dry run that would have been allowed.
WOULD_SUCCEED = "DryRunOperation"
_FEWEST = 5  # the smallest page that DescribeInstances and DescribeVolumes take
_RDS_FEWEST = 20
_SSM_FEWEST = 10


def _managed(target: Target) -> Any:
    """A filter: what the operate role may not touch in this account would fail a dry run that is right."""
    return [{"Name": f"tag:{TOBAN}", "Values": [MANAGED]}] if target.managed_only else []


def _describe_instances(target: Target) -> Mapping[str, Any]:
    call = Call(EC2, target, "DescribeInstances", "Reservations")
    return cast(
        Mapping[str, Any],
        current().read(
            call, lambda ec2: ec2.describe_instances(MaxResults=_FEWEST, Filters=_managed(target))
        ),
    )


def _describe_volumes(target: Target) -> Mapping[str, Any]:
    call = Call(EC2, target, "DescribeVolumes", "Volumes")
    return cast(
        Mapping[str, Any],
        current().read(call, lambda ec2: ec2.describe_volumes(MaxResults=_FEWEST, Filters=_managed(target))),
    )


def _describe_tags(target: Target) -> Mapping[str, Any]:
    call = Call(EC2, target, "DescribeTags", "Tags")
    return cast(Mapping[str, Any], current().read(call, lambda ec2: ec2.describe_tags(MaxResults=_FEWEST)))


def _describe_rules(target: Target) -> Mapping[str, Any]:
    call = Call(EC2, target, "DescribeSecurityGroupRules", "SecurityGroupRules")
    return cast(
        Mapping[str, Any],
        current().read(call, lambda ec2: ec2.describe_security_group_rules(MaxResults=_FEWEST)),
    )


def _describe_copies(target: Target) -> Mapping[str, Any]:
    call = Call(EC2, target, "DescribeSnapshots", "Snapshots")
    return cast(
        Mapping[str, Any],
        current().read(call, lambda ec2: ec2.describe_snapshots(OwnerIds=["self"], MaxResults=_FEWEST)),
    )


def _describe_images(target: Target) -> Mapping[str, Any]:
    call = Call(EC2, target, "DescribeImages", "Images")
    return cast(
        Mapping[str, Any],
        current().read(call, lambda ec2: ec2.describe_images(Owners=["self"], MaxResults=_FEWEST)),
    )


def _describe_shares(target: Target) -> Mapping[str, Any]:
    """Of a snapshot that does not exist: that AWS misses it, or would answer, says that the role may ask."""
    call = Call(EC2, target, "DescribeSnapshotAttribute")
    try:
        current().read(
            call,
            lambda ec2: ec2.describe_snapshot_attribute(
                SnapshotId="snap-00000000000000000", Attribute="createVolumePermission", DryRun=True
            ),
        )
    except AwsError as error:
        if error.code != WOULD_SUCCEED and error.problem is not Problem.GONE:
            raise
    return {}


def _describe_groups(target: Target) -> Mapping[str, Any]:
    call = Call(AUTOSCALING, target, "DescribeAutoScalingGroups", "AutoScalingGroups")
    return cast(
        Mapping[str, Any], current().read(call, lambda asg: asg.describe_auto_scaling_groups(MaxRecords=1))
    )


def _describe_windows(target: Target) -> Mapping[str, Any]:
    call = Call(SSM, target, "DescribeMaintenanceWindows", "WindowIdentities")
    return cast(
        Mapping[str, Any],
        current().read(call, lambda ssm: ssm.describe_maintenance_windows(MaxResults=_SSM_FEWEST)),
    )


def _list_accounts(target: Target) -> Mapping[str, Any]:
    call = Call(ORGANIZATIONS, target, "ListAccounts", "Accounts")
    return cast(Mapping[str, Any], current().read(call, lambda client: client.list_accounts(MaxResults=1)))


def _rules_limit(target: Target) -> Mapping[str, Any]:
    call = Call(QUOTAS, target, "GetServiceQuota", "Quota")
    return cast(
        Mapping[str, Any],
        current().read(
            call, lambda client: client.get_service_quota(ServiceCode="vpc", QuotaCode=RULES_QUOTA)
        ),
    )


def _look_at_rds(action: str, member: str = "", **params: Any) -> Callable[[Target], Mapping[str, Any]]:
    """`member`: as of a Call; of what is looked at only to know whether it may be, none is named."""
    method = xform_name(action)

    def look(target: Target) -> Mapping[str, Any]:
        call = Call(RDS, target, action, member)
        return cast(Mapping[str, Any], current().read(call, lambda rds: getattr(rds, method)(**params)))

    return look


def _describe_security_groups(target: Target) -> Mapping[str, Any]:
    call = Call(EC2, target, "DescribeSecurityGroups", "SecurityGroups")
    return cast(
        Mapping[str, Any],
        current().read(
            call, lambda ec2: ec2.describe_security_groups(MaxResults=_FEWEST, Filters=_managed(target))
        ),
    )


LOOKS: Mapping[str, Callable[[Target], Mapping[str, Any]]] = {
    "ec2:DescribeInstances": _describe_instances,
    "ec2:DescribeVolumes": _describe_volumes,
    "ec2:DescribeSnapshots": _describe_copies,
    "ec2:DescribeTags": _describe_tags,
    "ec2:DescribeImages": _describe_images,
    "ec2:DescribeSnapshotAttribute": _describe_shares,
    "rds:DescribeDBInstances": _look_at_rds("DescribeDBInstances", "DBInstances", MaxRecords=_RDS_FEWEST),
    "rds:DescribeDBClusters": _look_at_rds("DescribeDBClusters", "DBClusters", MaxRecords=_RDS_FEWEST),
    "rds:DescribeDBSnapshots": _look_at_rds("DescribeDBSnapshots", "DBSnapshots", MaxRecords=_RDS_FEWEST),
    "rds:DescribeCertificates": _look_at_rds("DescribeCertificates", "Certificates", MaxRecords=_RDS_FEWEST),
    "ec2:DescribeSecurityGroupRules": _describe_rules,
    "ec2:DescribeSecurityGroups": _describe_security_groups,
    "rds:DescribeAccountAttributes": _look_at_rds("DescribeAccountAttributes"),
    "rds:DescribeDBParameterGroups": _look_at_rds("DescribeDBParameterGroups", MaxRecords=_RDS_FEWEST),
    "rds:DescribeDBSubnetGroups": _look_at_rds("DescribeDBSubnetGroups", MaxRecords=_RDS_FEWEST),
    "rds:DescribeOptionGroups": _look_at_rds("DescribeOptionGroups", MaxRecords=_RDS_FEWEST),
    "rds:DescribeOrderableDBInstanceOptions": _look_at_rds(
        "DescribeOrderableDBInstanceOptions", Engine="mysql", MaxRecords=_RDS_FEWEST
    ),
    "rds:DescribePendingMaintenanceActions": _look_at_rds(
        "DescribePendingMaintenanceActions", MaxRecords=_RDS_FEWEST
    ),
    "rds:DescribeDBEngineVersions": _look_at_rds(
        "DescribeDBEngineVersions", "DBEngineVersions", MaxRecords=_RDS_FEWEST
    ),
    "autoscaling:DescribeAutoScalingGroups": _describe_groups,
    "ssm:DescribeMaintenanceWindows": _describe_windows,
    "organizations:ListAccounts": _list_accounts,
    "servicequotas:GetServiceQuota": _rules_limit,
}
