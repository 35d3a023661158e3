"""How a customer lets Toban into an AWS account: two roles with least privilege, and what proves that they are right.

Pure. Policies are plain values, ready for JSON. Sources: docs.aws.amazon.com/IAM/latest/UserGuide (confused deputy and
ExternalId, source identity), docs.aws.amazon.com/service-authorization (actions, resources, condition keys of EC2, RDS).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from infra.domain.databases import UNTIL_TAG
from infra.domain.snapshots import PREFIX
from infra.domain.tags import MANAGED, TOBAN

READ_ROLE, OPERATE_ROLE = "TobanRead", "TobanOperate"
#: A server or database carries this tag when the operate role is to be narrowed to such ones.
MANAGED_TAG = (TOBAN, MANAGED)
POLICY_VERSION = "2012-10-17"
#: SourceIdentity tells CloudTrail who: a person (u-<id>) or the clock (sched-<what>); an inventory is `read-inventory`.
SOURCE_IDENTITIES = ("u-*", "sched-*", "read-*")

Policy = dict[str, Any]


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


class AccountRole(StrEnum):
    """Looking and changing are two roles, so that an inventory never carries the right to change anything."""

    READ = "read"
    OPERATE = "operate"


#: What the read role may look at, by feature.
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


#: Copying an encrypted snapshot takes these, through RDS only, on the key of the original, which may be another account's, and on the
#: new one; and a grant for RDS itself.
_COPY_KEYS = ("kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
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
    return _policy([_statement("TobanLooks", _actions(READS, features), "*")])


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
        found.append(_statement("TobanServers", _of("ec2", Feature.SERVERS), servers, narrowed))
        groups = f"arn:{partition}:autoscaling:*:{account_id}:autoScalingGroup:*:autoScalingGroupName/*"
        found.append(_statement("TobanGroups", _of("autoscaling", Feature.SERVERS), groups, narrowed))
        keys = {
            "Bool": {"kms:GrantIsForAWSResource": "true"},
            "StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"},
        }
        found.append(
            _statement(
                "TobanKeysOfDisks", ("kms:CreateGrant",), f"arn:{partition}:kms:*:{account_id}:key/*", keys
            )
        )
    if Feature.DATABASES in chosen:
        databases = [f"arn:{partition}:rds:*:{account_id}:{kind}:*" for kind in ("db", "cluster")]
        found.append(_statement("TobanDatabases", _POWER, databases, narrowed))
        # Only what Toban has made: the name begins so (infra.domain.snapshots).
        ours = f"arn:{partition}:rds:*:{account_id}:snapshot:{PREFIX}-*"
        found.append(_statement("TobanSnapshots", _SNAPSHOTS, ours))
    if Feature.CERTIFICATES in chosen:
        # AWS has no condition on which settings are modified, so that this is a choice of its own.
        single = f"arn:{partition}:rds:*:{account_id}:db:*"
        found.append(_statement("TobanCertificates", CHANGES[Feature.CERTIFICATES], single, narrowed))
    if Feature.MAKING in chosen:
        found += _making(account_id, partition)
    if Feature.REACH in chosen:
        # A security group carries its own tag, not that of the databases behind it.
        groups = f"arn:{partition}:ec2:*:{account_id}:security-group/*"
        found.append(_statement("TobanReach", CHANGES[Feature.REACH], groups, narrowed))
        rules = f"arn:{partition}:ec2:*:{account_id}:security-group-rule/*"
        found.append(_statement("TobanReachRules", CHANGES[Feature.REACH], rules))
    if Feature.VOLUMES in chosen:
        only_name = {"ForAllValues:StringEquals": {"aws:TagKeys": ["Name"]}, "Null": {"aws:TagKeys": "false"}}
        volumes = f"arn:{partition}:ec2:*:{account_id}:volume/*"
        found.append(_statement("TobanNamesVolumes", CHANGES[Feature.VOLUMES], volumes, only_name))
    if Feature.TAGS in chosen:
        # Which keys a rule copies is decided later, in the portal, by two people.
        kinds = [f"arn:{partition}:ec2:*:{account_id}:volume/*", f"arn:{partition}:ec2:*::snapshot/*"]
        found.append(_statement("TobanTagsVolumes", CHANGES[Feature.TAGS], kinds))
        # What a volume or snapshot carries from its birth on is that of the one it was made of.
        found.append(
            _never_marks("TobanMarksNoVolume", CHANGES[Feature.TAGS], {"Null": {"ec2:CreateAction": "true"}})
        )
    if Feature.LEFTOVERS in chosen:
        volumes = f"arn:{partition}:ec2:*:{account_id}:volume/*"
        # AWS writes the account into the ARN of a volume, but not into that of a snapshot.
        made = f"arn:{partition}:ec2:*::snapshot/*"
        found.append(
            _statement("TobanDeletesVolumes", ("ec2:CreateSnapshot", "ec2:DeleteVolume"), volumes, narrowed)
        )
        found.append(_statement("TobanCopiesVolumes", ("ec2:CreateSnapshot",), made))
        of_backups = {"Null": {"aws:ResourceTag/aws:backup:source-resource": "true"}}
        found.append(_statement("TobanDeletesSnapshots", ("ec2:DeleteSnapshot",), made, of_backups))
        found.append(_statement("TobanRestoresVolumes", ("ec2:CreateVolume",), [volumes, made]))
        at_birth = {"StringEquals": {"ec2:CreateAction": ["CreateSnapshot", "CreateVolume"]}}
        found.append(_statement("TobanNamesCopies", ("ec2:CreateTags",), [made, volumes], at_birth))
    if Feature.TERMINATION in chosen:
        servers = f"arn:{partition}:ec2:*:{account_id}:instance/*"
        # The right covers other attributes of a server, too, so that this is a choice of its own.
        found.append(_statement("TobanVolumesGoWithServers", CHANGES[Feature.TERMINATION], servers, narrowed))
        # AWS asks about the volume, too, and that does not carry the tag of its server.
        volumes = f"arn:{partition}:ec2:*:{account_id}:volume/*"
        found.append(_statement("TobanVolumesOfServers", CHANGES[Feature.TERMINATION], volumes))
    return _policy(found)


def _never_marks(sid: str, actions: Sequence[str], besides: Mapping[str, Any] | None = None) -> Policy:
    """Whoever may tag may not lift what the tag Toban says: neither take something under Toban's hand nor out of its guard."""
    condition = {"ForAnyValue:StringEquals": {"aws:TagKeys": [TOBAN]}, **(besides or {})}
    denied = _statement(sid, actions, "*", condition)
    return denied | {"Effect": "Deny"}


def _making(account_id: str, partition: str) -> list[Policy]:
    """Making a database asks for rights on all that it is made of; only what Toban made for a while may Toban delete.

    The password is made and kept by RDS, for which the caller needs secrets whose names begin as RDS names them. Source: Amazon
    RDS user guide, rds-secrets-manager (permissions); service authorization reference of Amazon RDS.
    """
    made = {"aws:RequestTag/toban:made-by": "toban"}
    # What Toban made to stay is nobody's to delete with this role: only what carries the end of a restore for a while.
    ours = {
        "StringEquals": {"aws:ResourceTag/toban:made-by": "toban"},
        "Null": {f"aws:ResourceTag/{UNTIL_TAG}": "false"},
    }
    parts = [f"arn:{partition}:rds:*:{account_id}:{kind}:*" for kind in ("og", "pg", "secgrp", "subgrp")]
    database = f"arn:{partition}:rds:*:{account_id}:db:*"
    calls = ("rds:CreateDBInstance", "rds:RestoreDBInstanceFromDBSnapshot")
    secrets = f"arn:{partition}:secretsmanager:*:{account_id}:secret:rds!db-*"
    any_key, via_rds = (
        f"arn:{partition}:kms:*:*:key/*",
        {"StringLike": {"kms:ViaService": "rds.*.amazonaws.com"}},
    )
    keys = {"StringLike": {"kms:ViaService": ["rds.*.amazonaws.com", "secretsmanager.*.amazonaws.com"]}}
    return [
        _statement("TobanMakesDatabases", calls, database, {"StringEquals": made}),
        _statement("TobanMakesOf", calls, parts),
        _statement("TobanNamesDatabases", ("rds:AddTagsToResource",), database, {"StringEquals": made}),
        _never_marks("TobanMarksNoDatabase", ("rds:AddTagsToResource",)),
        _statement(
            "TobanRemovesDatabases", ("rds:CreateDBSnapshot", "rds:DeleteDBInstance"), database, ours
        ),
        _statement(
            "TobanLastSnapshots", ("rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBInstance"),
            f"arn:{partition}:rds:*:{account_id}:snapshot:{PREFIX}-*",
        ),
        # Any snapshot is copied or restored, shared ones of other accounts too; a copy is ours by its name.
        _statement(
            "TobanTakesSnapshots", ("rds:CopyDBSnapshot", "rds:RestoreDBInstanceFromDBSnapshot"), f"arn:{partition}:rds:*:*:snapshot:*"
        ),
        # With Oracle, an option group is named as well.
        _statement(
            "TobanUpgradesCopies", ("rds:ModifyDBSnapshot",),
            [f"arn:{partition}:rds:*:{account_id}:snapshot:{PREFIX}-*", f"arn:{partition}:rds:*:{account_id}:og:*"],
        ),
        _statement("TobanKeysOfCopies", _COPY_KEYS, any_key, via_rds),
        _statement(
            "TobanGrantsOfCopies", ("kms:CreateGrant",), any_key, {"Bool": {"kms:GrantIsForAWSResource": "true"}, **via_rds}
        ),
        _statement("TobanPasswords", ("secretsmanager:CreateSecret", "secretsmanager:TagResource"), secrets),
        _statement("TobanKeysOfDatabases", ("kms:DescribeKey",), f"arn:{partition}:kms:*:{account_id}:key/*", keys),
    ]  # fmt: skip


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
        return [_statement(sid, (action,), "*")]
    return [
        dict(one) | {"Sid": f"{sid}{number if number > 1 else ''}", "Action": [action]}
        for number, one in enumerate(found, start=1)
    ]


def _actions(table: Mapping[Feature, tuple[str, ...]], features: Iterable[Feature]) -> tuple[str, ...]:
    return tuple(sorted({action for one in features for action in table[one]}))


def _of(service: str, feature: Feature) -> tuple[str, ...]:
    return tuple(action for action in CHANGES[feature] if action.startswith(f"{service}:"))


def _statement(
    sid: str, actions: Sequence[str], resource: str | list[str], condition: Mapping[str, Any] | None = None
) -> Policy:
    found: Policy = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
    return found | {"Condition": dict(condition)} if condition else found


def _policy(statements: Sequence[Policy]) -> Policy:
    return {"Version": POLICY_VERSION, "Statement": list(statements)}
