"""Statements of the operate role's policy that take more than one line to think through. Pure.

Sources: docs.aws.amazon.com/service-authorization (actions, resources, condition keys of EC2, RDS, KMS), IAM user guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infra.domain.databases import FOR_A_WHILE, UNTIL_TAG
from infra.domain.snapshots import PREFIX
from infra.domain.tags import TOBAN

Policy = dict[str, Any]

#: Copying an encrypted snapshot takes these, through RDS only, on the key of the original, which may be another account's, and on the
#: new one; and a grant for RDS itself.
_COPY_KEYS = ("kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
#: A volume of an encrypted snapshot takes these on its key, and a grant. Source: Amazon EBS user guide, "Requirements for EBS encryption".
_DISK_KEYS = (
    "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
)  # fmt: skip


def statement(
    sid: str, actions: Sequence[str], resource: str | list[str], condition: Mapping[str, Any] | None = None
) -> Policy:
    found: Policy = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
    return found | {"Condition": dict(condition)} if condition else found


def never_marks(sid: str, actions: Sequence[str], besides: Mapping[str, Any] | None = None) -> Policy:
    """Whoever may tag may not lift what the tag Toban says: neither take something under Toban's hand nor out of its guard.

    In whatever letters: IAM finds aws:ResourceTag/Toban on what carries "toban", too. Source: IAM user guide, "Controlling access to
    AWS resources using tags" (keys are compared without regard to case).
    """
    condition = {"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": [TOBAN]}, **(besides or {})}
    denied = statement(sid, actions, "*", condition)
    return denied | {"Effect": "Deny"}


def making(account_id: str, partition: str) -> list[Policy]:
    """Making a database asks for rights on all that it is made of; only what Toban made for a while may Toban delete.

    The password is made and kept by RDS, for which the caller needs secrets whose names begin as RDS names them. Source: Amazon
    RDS user guide, rds-secrets-manager (permissions); service authorization reference of Amazon RDS.
    """
    made = {"aws:RequestTag/toban:made-by": "toban"}
    # What Toban made to stay is nobody's to delete with this role: only what carries the end of a restore for a while, and its name. This
    # role could put both tags on any database, as AWS tells tagging at birth from tagging later with EC2 alone.
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
        statement("TobanMakesDatabases", calls, database, {"StringEquals": made}),
        statement("TobanMakesOf", calls, parts),
        statement("TobanNamesDatabases", ("rds:AddTagsToResource",), database, {"StringEquals": made}),
        never_marks("TobanMarksNoDatabase", ("rds:AddTagsToResource",)),
        statement(
            "TobanRemovesDatabases", ("rds:CreateDBSnapshot", "rds:DeleteDBInstance"), f"{database[:-1]}{FOR_A_WHILE}*", ours
        ),
        statement(
            "TobanLastSnapshots", ("rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBInstance"),
            f"arn:{partition}:rds:*:{account_id}:snapshot:{PREFIX}-*",
        ),
        # Any snapshot is copied or restored, shared ones of other accounts too; a copy is ours by its name.
        statement(
            "TobanTakesSnapshots", ("rds:CopyDBSnapshot", "rds:RestoreDBInstanceFromDBSnapshot"), f"arn:{partition}:rds:*:*:snapshot:*"
        ),
        # With Oracle, an option group is named as well.
        statement(
            "TobanUpgradesCopies", ("rds:ModifyDBSnapshot",),
            [f"arn:{partition}:rds:*:{account_id}:snapshot:{PREFIX}-*", f"arn:{partition}:rds:*:{account_id}:og:*"],
        ),
        statement("TobanKeysOfCopies", _COPY_KEYS, any_key, via_rds),
        statement(
            "TobanGrantsOfCopies", ("kms:CreateGrant",), any_key, {"Bool": {"kms:GrantIsForAWSResource": "true"}, **via_rds}
        ),
        statement("TobanPasswords", ("secretsmanager:CreateSecret", "secretsmanager:TagResource"), secrets),
        statement("TobanKeysOfDatabases", ("kms:DescribeKey",), f"arn:{partition}:kms:*:{account_id}:key/*", keys),
    ]  # fmt: skip


def leftovers(account_id: str, partition: str, narrowed: Mapping[str, Any] | None) -> list[Policy]:
    """Deleting volumes behind a snapshot, bringing them back with the key they were encrypted with, deleting snapshots."""
    found: list[Policy] = []
    volumes = f"arn:{partition}:ec2:*:{account_id}:volume/*"
    # AWS writes the account into the ARN of a volume, but not into that of a snapshot.
    made = f"arn:{partition}:ec2:*::snapshot/*"
    found.append(
        statement("TobanDeletesVolumes", ("ec2:CreateSnapshot", "ec2:DeleteVolume"), volumes, narrowed)
    )
    found.append(statement("TobanCopiesVolumes", ("ec2:CreateSnapshot",), made))
    of_backups = {"Null": {"aws:ResourceTag/aws:backup:source-resource": "true"}}
    found.append(statement("TobanDeletesSnapshots", ("ec2:DeleteSnapshot",), made, of_backups))
    found.append(statement("TobanRestoresVolumes", ("ec2:CreateVolume",), [volumes, made]))
    at_birth = {"StringEquals": {"ec2:CreateAction": ["CreateSnapshot", "CreateVolume"]}}
    found.append(statement("TobanNamesCopies", ("ec2:CreateTags",), [made, volumes], at_birth))
    # A volume may be encrypted with a key of another account; that account's own policy of the key has to let this one in.
    any_key, via_ec2 = (
        f"arn:{partition}:kms:*:*:key/*",
        {"StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"}},
    )
    found.append(statement("TobanKeysOfVolumes", _DISK_KEYS, any_key, via_ec2))
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}, **via_ec2}
    found.append(statement("TobanGrantsOfVolumes", ("kms:CreateGrant",), any_key, for_aws))
    return found
