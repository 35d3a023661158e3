"""Try whether an account's roles are right: who is let in, and what each role may do, without changing anything."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from botocore import xform_name

from infra.aws.gateway import Call, current
from infra.aws.identity import caller_account
from infra.aws.sessions import AUTOSCALING, EC2, ORGANIZATIONS, QUOTAS, RDS, SSM
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.onboarding import CHANGES, READS, AccountRole, Feature
from infra.domain.proofs import Check, Status
from infra.domain.reach import RULES_QUOTA
from infra.domain.tags import MANAGED, TOBAN

#: How AWS answers a dry run that would have been allowed.
_WOULD_SUCCEED = "DryRunOperation"
_FEWEST = 5  # the smallest page that DescribeInstances and DescribeVolumes take
_RDS_FEWEST = 20
_SSM_FEWEST = 10
_OF_BACKUP = "aws:backup:source-resource"
#: Asked once: it has no regions.
_GLOBAL = "organizations:"


@dataclass(frozen=True, slots=True)
class _Seen:
    """Something to try a dry run on; "" where the account has none."""

    instance: str = ""
    volume: str = ""
    zone: str = ""
    group: str = ""
    snapshot: str = ""


def prove(target: Target, regions: Sequence[str], features: Sequence[Feature]) -> list[Check]:
    """Try everything and give one Check each, in the order in which a person reads them. Never raises AwsError.

    target: both roles and the ExternalId, region ignored. Regions are tried one by one, because one may not be enabled.
    """
    first = replace(target, region=regions[0])
    checks: list[Check] = []
    for role in AccountRole:
        checks += _door(_in(first, role), role)
    seen = _Seen()
    if _entered(checks, AccountRole.READ):
        for one in _looks(target, regions, features):
            if isinstance(one, Check):
                checks.append(one)
            else:
                seen = one
    if _entered(checks, AccountRole.OPERATE):
        checks += _dry_runs(first, features, seen)
    return checks


def _in(target: Target, role: AccountRole) -> Target:
    """The target as if it had this role only, so that also what merely looks is done in it."""
    return target.reading if role is AccountRole.READ else replace(target, read_role_arn="")


def _entered(checks: Sequence[Check], role: AccountRole) -> bool:
    return any(one.code == "right_id" and one.role is role and one.status is Status.PASSED for one in checks)


def _door(target: Target, role: AccountRole) -> Iterator[Check]:
    """The role lets in who brings the right ExternalId, and nobody else. Source: IAM user guide, confused deputy."""
    for code, external_id in (("no_id", None), ("wrong_id", secrets.token_hex(16))):
        yield _kept_out(code, target, role, external_id)
    try:
        account = caller_account(target)
    except AwsError as error:
        yield Check("right_id", role, Status.FAILED, target.role_arn, error.message)
        return
    yield Check("right_id", role, Status.PASSED, target.role_arn)
    same = account == target.account_id
    yield Check("right_account", role, Status.PASSED if same else Status.FAILED, account)


def _kept_out(code: str, target: Target, role: AccountRole, external_id: str | None) -> Check:
    try:
        current().assume(target, external_id)
    except AwsError as error:
        refused = error.problem is Problem.ROLE_REFUSED
        return Check(
            code, role, Status.PASSED if refused else Status.UNTRIED, message="" if refused else error.message
        )
    return Check(code, role, Status.FAILED)


def _looks(target: Target, regions: Sequence[str], features: Sequence[Feature]) -> Iterator[Check | _Seen]:
    """Look, as an inventory would, in every region; what is found serves the dry runs."""
    seen = _Seen()
    wanted = sorted({action for feature in features for action in READS[feature]})
    for region in regions:
        here = replace(target, region=region)
        for action in wanted:
            if action.startswith(_GLOBAL) and region != regions[0]:
                continue
            try:
                answer = _LOOKS[action](here)
            except AwsError as error:
                yield _failed(error, AccountRole.READ, action, region)
                continue
            yield Check("may", AccountRole.READ, Status.PASSED, f"{action} {region}")
            if region == regions[0]:
                seen = _found(seen, action, answer, managed_only=target.managed_only)
    yield seen


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


def _describe_databases(target: Target) -> Mapping[str, Any]:
    call = Call(RDS, target, "DescribeDBInstances", "DBInstances")
    return cast(
        Mapping[str, Any], current().read(call, lambda rds: rds.describe_db_instances(MaxRecords=_RDS_FEWEST))
    )


def _describe_clusters(target: Target) -> Mapping[str, Any]:
    call = Call(RDS, target, "DescribeDBClusters", "DBClusters")
    return cast(
        Mapping[str, Any], current().read(call, lambda rds: rds.describe_db_clusters(MaxRecords=_RDS_FEWEST))
    )


def _describe_snapshots(target: Target) -> Mapping[str, Any]:
    call = Call(RDS, target, "DescribeDBSnapshots", "DBSnapshots")
    return cast(
        Mapping[str, Any], current().read(call, lambda rds: rds.describe_db_snapshots(MaxRecords=_RDS_FEWEST))
    )


def _describe_certificates(target: Target) -> Mapping[str, Any]:
    call = Call(RDS, target, "DescribeCertificates", "Certificates")
    return cast(
        Mapping[str, Any], current().read(call, lambda rds: rds.describe_certificates(MaxRecords=_RDS_FEWEST))
    )


def _describe_versions(target: Target) -> Mapping[str, Any]:
    call = Call(RDS, target, "DescribeDBEngineVersions", "DBEngineVersions")
    return cast(
        Mapping[str, Any],
        current().read(call, lambda rds: rds.describe_db_engine_versions(MaxRecords=_RDS_FEWEST)),
    )


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
        if error.code != _WOULD_SUCCEED and error.problem is not Problem.GONE:
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


def _look_at_rds(action: str, **params: Any) -> Callable[[Target], Mapping[str, Any]]:
    """What is looked at only to know whether it may be: the answer itself serves nothing."""
    method = xform_name(action)

    def look(target: Target) -> Mapping[str, Any]:
        call = Call(RDS, target, action)
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


_LOOKS: Mapping[str, Callable[[Target], Mapping[str, Any]]] = {
    "ec2:DescribeInstances": _describe_instances,
    "ec2:DescribeVolumes": _describe_volumes,
    "ec2:DescribeSnapshots": _describe_copies,
    "ec2:DescribeTags": _describe_tags,
    "ec2:DescribeImages": _describe_images,
    "ec2:DescribeSnapshotAttribute": _describe_shares,
    "rds:DescribeDBInstances": _describe_databases,
    "rds:DescribeDBClusters": _describe_clusters,
    "rds:DescribeDBSnapshots": _describe_snapshots,
    "rds:DescribeCertificates": _describe_certificates,
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
    "rds:DescribeDBEngineVersions": _describe_versions,
    "autoscaling:DescribeAutoScalingGroups": _describe_groups,
    "ssm:DescribeMaintenanceWindows": _describe_windows,
    "organizations:ListAccounts": _list_accounts,
    "servicequotas:GetServiceQuota": _rules_limit,
}


def _found(seen: _Seen, action: str, answer: Mapping[str, Any], *, managed_only: bool) -> _Seen:
    if action == "ec2:DescribeInstances":
        ids = [
            one["InstanceId"]
            for reservation in answer["Reservations"]
            for one in reservation.get("Instances", ())
        ]
        return replace(seen, instance=ids[0] if ids else "")
    # A rule does not carry the tags of its group.
    if action == "ec2:DescribeSecurityGroupRules" and answer["SecurityGroupRules"] and not managed_only:
        return replace(seen, group=answer["SecurityGroupRules"][0]["GroupId"])
    if action == "ec2:DescribeSecurityGroups" and answer["SecurityGroups"]:
        return replace(seen, group=answer["SecurityGroups"][0]["GroupId"])
    if action == "ec2:DescribeSnapshots":
        # Those of AWS Backup are not this role's to delete.
        ids = [
            one["SnapshotId"] for one in answer["Snapshots"]
            if _OF_BACKUP not in {tag["Key"] for tag in one.get("Tags", ())}
        ]  # fmt: skip
        return replace(seen, snapshot=ids[0] if ids else "")
    if action == "ec2:DescribeVolumes" and answer["Volumes"]:
        first = answer["Volumes"][0]
        return replace(seen, volume=first["VolumeId"], zone=first.get("AvailabilityZone", ""))
    return seen


def _dry_runs(target: Target, features: Sequence[Feature], seen: _Seen) -> Iterator[Check]:
    """What EC2 would answer. RDS has no dry run, and without a server or volume there is nothing to ask about."""
    # An address that nobody has (RFC 5737).
    way: Any = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "192.0.2.1/32"}]}
    rule = {"GroupId": seen.group, "IpPermissions": [way], "DryRun": True}
    tries: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
        "ec2:AuthorizeSecurityGroupIngress": (seen.group, lambda ec2: ec2.authorize_security_group_ingress(**rule)),
        "ec2:RevokeSecurityGroupIngress": (seen.group, lambda ec2: ec2.revoke_security_group_ingress(**rule)),
        "ec2:CreateSnapshot": (seen.volume, lambda ec2: ec2.create_snapshot(VolumeId=seen.volume, DryRun=True)),
        "ec2:CreateVolume": (
            seen.zone, lambda ec2: ec2.create_volume(AvailabilityZone=seen.zone, Size=1, DryRun=True),
        ),
        "ec2:DeleteSnapshot": (
            seen.snapshot, lambda ec2: ec2.delete_snapshot(SnapshotId=seen.snapshot, DryRun=True),
        ),
        "ec2:DeleteVolume": (seen.volume, lambda ec2: ec2.delete_volume(VolumeId=seen.volume, DryRun=True)),
        "ec2:StartInstances": (seen.instance, lambda ec2: ec2.start_instances(InstanceIds=[seen.instance], DryRun=True)),
        "ec2:StopInstances": (seen.instance, lambda ec2: ec2.stop_instances(InstanceIds=[seen.instance], DryRun=True)),
        "ec2:CreateTags": (
            seen.volume,
            lambda ec2: ec2.create_tags(Resources=[seen.volume], Tags=[{"Key": "Name", "Value": "-"}], DryRun=True),
        ),
        "ec2:ModifyInstanceAttribute": (
            seen.instance,
            lambda ec2: ec2.modify_instance_attribute(
                InstanceId=seen.instance, BlockDeviceMappings=[{"DeviceName": "/dev/sdzz", "Ebs": {"DeleteOnTermination": False}}], DryRun=True
            ),
        ),
        "ec2:DeleteTags": (
            seen.volume, lambda ec2: ec2.delete_tags(Resources=[seen.volume], Tags=[{"Key": "Name", "Value": "-"}], DryRun=True),
        ),
    }  # fmt: skip
    for action in sorted({action for feature in features for action in CHANGES[feature]}):
        if action not in tries:
            yield Check("no_dry_run", AccountRole.OPERATE, Status.UNTRIED, action)
            continue
        subject, send = tries[action]
        if not subject:
            yield Check("nothing_there", AccountRole.OPERATE, Status.UNTRIED, action)
            continue
        call = Call(EC2, target, action.partition(":")[2])
        # A zone is where something would be made, and no id of anything.
        ids = [] if subject == seen.zone else [subject]
        try:
            current().mutate(call, send, ids=ids, still_ours=None)
        except AwsError as error:
            if error.code == _WOULD_SUCCEED:
                yield Check("may", AccountRole.OPERATE, Status.PASSED, action)
            else:
                yield _failed(error, AccountRole.OPERATE, action, target.region)
        else:
            yield Check("dry_run_ignored", AccountRole.OPERATE, Status.FAILED, action)


def _failed(error: AwsError, role: AccountRole, action: str, region: str) -> Check:
    """A missing right is a failure that names it; anything else leaves open whether the right is there."""
    if error.problem is Problem.PERMISSION:
        code = "region_off" if error.code == "OptInRequired" else "may_not"
        return Check(
            code, role, Status.FAILED, f"{action} {region}", error.message, error.missing_action or action
        )
    return Check("not_answered", role, Status.UNTRIED, f"{action} {region}", error.message)
