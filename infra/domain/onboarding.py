"""How a customer lets Toban into an AWS account: two roles with least privilege, and what proves that they are right.

Pure. Policies are plain values, ready for JSON. Sources: docs.aws.amazon.com/IAM/latest/UserGuide (confused deputy and
ExternalId, source identity), docs.aws.amazon.com/service-authorization (actions, resources, condition keys of EC2, RDS).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from infra.domain.role_statements import Policy, leftovers, making, never_marks, statement
from infra.domain.snapshots import PREFIX
from infra.domain.tags import MANAGED, TOBAN

READ_ROLE, OPERATE_ROLE = "TobanRead", "TobanOperate"
#: A server or database carries this tag when the operate role is to be narrowed to such ones.
MANAGED_TAG = (TOBAN, MANAGED)
POLICY_VERSION = "2012-10-17"
#: SourceIdentity tells CloudTrail who: a person (u-<id>) or the clock (sched-<what>); an inventory is `read-inventory`.
SOURCE_IDENTITIES = ("u-*", "sched-*", "read-*")


class Feature(StrEnum):
    """What Toban is to do in an account; each needs actions of its own."""

    SERVERS = "servers"
    DATABASES = "databases"
    VOLUMES = "volumes"
    TAGS = "tags"
    LEFTOVERS = "leftovers"
    TERMINATION = "termination"
    CERTIFICATES = "certificates"
    REACH = "reach"
    MAKING = "making"
    ORGANIZATION = "organization"


#: Chosen by whoever means it: the rights that they need reach further than what Toban does with them, or one account alone has them.
OPTIONAL = frozenset(Feature) - {Feature.SERVERS, Feature.DATABASES, Feature.VOLUMES}

#: What an account that came in without anybody choosing is supposed to do; one account alone lists an organization's.
SUPPOSED = tuple(one for one in Feature if one is not Feature.ORGANIZATION)


class AccountRole(StrEnum):
    """Looking and changing are two roles, so that an inventory never carries the right to change anything."""

    READ = "read"
    OPERATE = "operate"


#: What every inventory looks at, whatever was chosen: without one of these nothing of the account is seen at all.
LOOKS: tuple[str, ...] = (
    "autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances", "ec2:DescribeTags", "ec2:DescribeVolumes",
    "rds:DescribeCertificates", "rds:DescribeDBClusters", "rds:DescribeDBEngineVersions", "rds:DescribeDBInstances",
    "rds:DescribeDBSnapshots", "ssm:DescribeMaintenanceWindows",
)  # fmt: skip
#: What the read role may look at besides, by feature.
READS: Mapping[Feature, tuple[str, ...]] = {
    Feature.SERVERS: (
        "autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances", "ec2:DescribeTags",
        "ssm:DescribeMaintenanceWindows",
    ),
    Feature.DATABASES: (
        "rds:DescribeCertificates", "rds:DescribeDBClusters", "rds:DescribeDBEngineVersions",
        "rds:DescribeDBInstances", "rds:DescribeDBSnapshots",
    ),
    Feature.VOLUMES: ("ec2:DescribeVolumes", "ec2:DescribeTags"),
    Feature.TAGS: ("ec2:DescribeSnapshots", "ec2:DescribeTags", "ec2:DescribeVolumes"),
    Feature.LEFTOVERS: (
        "ec2:DescribeImages", "ec2:DescribeSnapshotAttribute", "ec2:DescribeSnapshots", "ec2:DescribeVolumes",
    ),
    Feature.TERMINATION: ("ec2:DescribeVolumes",),
    Feature.REACH: (
        "ec2:DescribeSecurityGroupRules", "rds:DescribeDBInstances", "servicequotas:GetServiceQuota",
    ),
    Feature.CERTIFICATES: (
        "rds:DescribeCertificates", "rds:DescribeDBEngineVersions", "rds:DescribeDBInstances",
        "rds:DescribePendingMaintenanceActions",
    ),
    Feature.MAKING: (
        "ec2:DescribeSecurityGroups", "rds:DescribeAccountAttributes", "rds:DescribeDBEngineVersions",
        "rds:DescribeDBInstances", "rds:DescribeDBParameterGroups", "rds:DescribeDBSnapshots", "rds:DescribeDBSubnetGroups",
        "rds:DescribeOptionGroups", "rds:DescribeOrderableDBInstanceOptions",
    ),
    Feature.ORGANIZATION: ("organizations:ListAccounts",),
}  # fmt: skip
#: What the operate role may change, by feature. Starting a server with encrypted disks also needs a grant on its key.
CHANGES: Mapping[Feature, tuple[str, ...]] = {
    Feature.SERVERS: ("autoscaling:UpdateAutoScalingGroup", "ec2:StartInstances", "ec2:StopInstances"),
    Feature.DATABASES: (
        "rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBSnapshot", "rds:StartDBCluster",
        "rds:StartDBInstance", "rds:StopDBCluster", "rds:StopDBInstance",
    ),
    Feature.VOLUMES: ("ec2:CreateTags", "ec2:DeleteTags"),
    Feature.TAGS: ("ec2:CreateTags", "ec2:DeleteTags"),
    Feature.LEFTOVERS: (
        "ec2:CreateSnapshot", "ec2:CreateTags", "ec2:CreateVolume", "ec2:DeleteSnapshot", "ec2:DeleteVolume",
        "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ),
    Feature.TERMINATION: ("ec2:ModifyInstanceAttribute",),
    Feature.REACH: ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"),
    Feature.CERTIFICATES: (
        "rds:ApplyPendingMaintenanceAction", "rds:ModifyDBInstance", "rds:StartDBInstance", "rds:StopDBInstance",
    ),
    Feature.MAKING: (
        "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom", "kms:ReEncryptTo", "rds:AddTagsToResource",
        "rds:CopyDBSnapshot", "rds:CreateDBInstance", "rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBSnapshot",
        "rds:RestoreDBInstanceFromDBSnapshot", "secretsmanager:CreateSecret", "secretsmanager:TagResource",
    ),
    Feature.ORGANIZATION: (),
}  # fmt: skip


#: A snapshot is made of a database: AWS asks for the right on the one and on the other.
_POWER = (
    "rds:CreateDBSnapshot",
    "rds:StartDBCluster",
    "rds:StartDBInstance",
    "rds:StopDBCluster",
    "rds:StopDBInstance",
)
#: A stop that makes a snapshot is asked about the snapshot, too.
_SNAPSHOTS = ("rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBSnapshot", "rds:StopDBInstance")


def role_arn(account_id: str, role: AccountRole, *, partition: str = "aws") -> str:
    """The role as the template names it."""
    name = READ_ROLE if role is AccountRole.READ else OPERATE_ROLE
    return f"arn:{partition}:iam::{account_id}:role/{name}"


def trust_policy(principal: str, external_id: str | Policy) -> Policy:
    """Who may assume the roles: Toban's own role, with this ExternalId (or what CloudFormation fills in for it), saying who is behind
    the call."""
    return {
        "Version": POLICY_VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Condition": {
                    "StringEquals": {"sts:ExternalId": external_id},
                    "StringLike": {"sts:SourceIdentity": list(SOURCE_IDENTITIES)},
                },
            }
        ],
    }


def read_policy(features: Iterable[Feature]) -> Policy:
    """Looking only. AWS's Describe actions know no single resources, hence the star."""
    return _policy([statement("TobanLooks", reads_of(features), "*")])


def reads_of(features: Iterable[Feature]) -> tuple[str, ...]:
    """What every inventory looks at, and what these features look at besides."""
    return tuple(sorted({*LOOKS, *(action for one in features for action in READS[one])}))


def operate_policy(
    account_id: str, features: Iterable[Feature], *, managed_only: bool, partition: str = "aws"
) -> Policy:
    """Starting, stopping and naming in this account only; `managed_only` narrows it to what carries MANAGED_TAG."""
    chosen = set(features)
    tagged = {f"aws:ResourceTag/{MANAGED_TAG[0]}": MANAGED_TAG[1]}
    narrowed = {"StringEquals": tagged} if managed_only else None
    found: list[Policy] = []
    if Feature.SERVERS in chosen:
        servers = f"arn:{partition}:ec2:*:{account_id}:instance/*"
        found.append(statement("TobanServers", _of("ec2", Feature.SERVERS), servers, narrowed))
        groups = f"arn:{partition}:autoscaling:*:{account_id}:autoScalingGroup:*:autoScalingGroupName/*"
        found.append(statement("TobanGroups", _of("autoscaling", Feature.SERVERS), groups, narrowed))
        keys = {
            "Bool": {"kms:GrantIsForAWSResource": "true"},
            "StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"},
        }
        found.append(
            statement(
                "TobanKeysOfDisks", ("kms:CreateGrant",), f"arn:{partition}:kms:*:{account_id}:key/*", keys
            )
        )
    if Feature.DATABASES in chosen:
        databases = [f"arn:{partition}:rds:*:{account_id}:{kind}:*" for kind in ("db", "cluster")]
        found.append(statement("TobanDatabases", _POWER, databases, narrowed))
        # Only what Toban has made: the name begins so (infra.domain.snapshots).
        ours = f"arn:{partition}:rds:*:{account_id}:snapshot:{PREFIX}-*"
        found.append(statement("TobanSnapshots", _SNAPSHOTS, ours))
    if Feature.CERTIFICATES in chosen:
        # AWS has no condition on which settings are modified, so that this is a choice of its own.
        single = f"arn:{partition}:rds:*:{account_id}:db:*"
        found.append(statement("TobanCertificates", CHANGES[Feature.CERTIFICATES], single, narrowed))
    if Feature.MAKING in chosen:
        found += making(account_id, partition)
    if Feature.REACH in chosen:
        # A security group carries its own tag, not that of the databases behind it.
        groups = f"arn:{partition}:ec2:*:{account_id}:security-group/*"
        found.append(statement("TobanReach", CHANGES[Feature.REACH], groups, narrowed))
        rules = f"arn:{partition}:ec2:*:{account_id}:security-group-rule/*"
        found.append(statement("TobanReachRules", CHANGES[Feature.REACH], rules))
    if Feature.VOLUMES in chosen:
        only_name = {"ForAllValues:StringEquals": {"aws:TagKeys": ["Name"]}, "Null": {"aws:TagKeys": "false"}}
        volumes = f"arn:{partition}:ec2:*:{account_id}:volume/*"
        found.append(statement("TobanNamesVolumes", CHANGES[Feature.VOLUMES], volumes, only_name))
    if Feature.TAGS in chosen:
        # Which keys a rule copies is decided later, in the portal, by two people.
        kinds = [f"arn:{partition}:ec2:*:{account_id}:volume/*", f"arn:{partition}:ec2:*::snapshot/*"]
        # Without keys DeleteTags means every tag, Toban's mark too, and names none that could be denied.
        keys_named = {"Null": {"aws:TagKeys": "false"}}
        found.append(statement("TobanTagsVolumes", CHANGES[Feature.TAGS], kinds, keys_named))
        # What a volume or snapshot carries from its birth on is that of the one it was made of.
        found.append(
            never_marks("TobanMarksNoVolume", CHANGES[Feature.TAGS], {"Null": {"ec2:CreateAction": "true"}})
        )
    if Feature.LEFTOVERS in chosen:
        found += leftovers(account_id, partition, narrowed)
    if Feature.TERMINATION in chosen:
        servers = f"arn:{partition}:ec2:*:{account_id}:instance/*"
        # The right covers other attributes of a server, too, so that this is a choice of its own.
        found.append(statement("TobanVolumesGoWithServers", CHANGES[Feature.TERMINATION], servers, narrowed))
        # AWS asks about the volume, too, and that does not carry the tag of its server.
        volumes = f"arn:{partition}:ec2:*:{account_id}:volume/*"
        found.append(statement("TobanVolumesOfServers", CHANGES[Feature.TERMINATION], volumes))
    return _policy(found)


def template(
    principal: str, external_id: str, account_id: str, features: Sequence[Feature], *, managed_only: bool,
    partition: str = "aws",
) -> Policy:  # fmt: skip
    """Both roles as one CloudFormation template (its JSON form), to be created as one stack in the account."""
    trust = trust_policy(principal, external_id)
    policies = {
        READ_ROLE: read_policy(features),
        OPERATE_ROLE: operate_policy(account_id, features, managed_only=managed_only, partition=partition),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Roles with which Toban looks at and operates account {account_id}",
        "Rules": {
            "RightAccount": {
                "Assertions": [
                    {
                        "Assert": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, account_id]},
                        "AssertDescription": f"This template was made for account {account_id}.",
                    }
                ]
            }
        },
        **roles(trust, policies),
    }


def roles(trust: Policy, policies: Mapping[str, Policy]) -> Policy:
    """The resources and outputs of a template: one role for each policy by name. A role that nothing is allowed has none."""
    return {
        "Resources": {
            name: {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": name,
                    "MaxSessionDuration": 3600,
                    "AssumeRolePolicyDocument": trust,
                    "Policies": [{"PolicyName": name, "PolicyDocument": policy}]
                    if policy["Statement"]
                    else [],
                },
            }
            for name, policy in policies.items()
        },
        "Outputs": {name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in policies},
    }


def missing_statements(
    action: str,
    role: AccountRole,
    account_id: str,
    features: Iterable[Feature],
    *,
    managed_only: bool,
    partition: str = "aws",
) -> list[Policy]:
    """The statements to add where AWS says that an action is missing: all of the account's own policy that hold it, no wider than
    there; one for the action alone where it is in none."""
    whole = (
        read_policy(features)
        if role is AccountRole.READ
        else operate_policy(account_id, features, managed_only=managed_only, partition=partition)
    )
    # A policy takes each Sid once, and the one of the whole statement may stand there already.
    sid = "TobanAlso" + "".join(part[:1].upper() + part[1:] for part in action.split(":")).replace("*", "")
    found = [one for one in whole["Statement"] if action in one["Action"]]
    if not any(one["Effect"] == "Allow" for one in found):
        return [statement(sid, (action,), "*")]
    return [
        dict(one) | {"Sid": f"{sid}{number if number > 1 else ''}", "Action": [action]}
        for number, one in enumerate(found, start=1)
    ]


def _of(service: str, feature: Feature) -> tuple[str, ...]:
    return tuple(action for action in CHANGES[feature] if action.startswith(f"{service}:"))


def _policy(statements: Sequence[Policy]) -> Policy:
    return {"Version": POLICY_VERSION, "Statement": list(statements)}
