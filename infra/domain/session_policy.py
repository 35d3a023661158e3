"""What one changing call may touch: a session policy that narrows the operate role to this call and to its targets.

Every changing call of the gateway has a row here. Where the targets do not fit, everything of their kind in this account and region
stands for them, in an account of which only what is tagged as managed may be touched by that tag: a batch stays one call.
Sources: IAM user guide, "Session policies" (at most 2,048 characters; what the role's own and a key's policy allow counts only
inside of it); service authorization reference of EC2, RDS and Auto Scaling (resources of an action, aws:ResourceTag).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.domain.snapshots import PREFIX
from infra.domain.tags import MANAGED, TOBAN

CHARACTERS_MAX = 2_048
#: How AWS writes each kind of resource.
_ARNS: Mapping[str, str] = {
    "instance": "ec2:{region}:{account}:instance/{id}",
    "volume": "ec2:{region}:{account}:volume/{id}",
    # AWS writes no account into the ARN of a snapshot.
    "snapshot": "ec2:{region}::snapshot/{id}",
    "security-group": "ec2:{region}:{account}:security-group/{id}",
    "security-group-rule": "ec2:{region}:{account}:security-group-rule/{id}",
    "group": "autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{id}",
    "secret": "secretsmanager:{region}:{account}:secret:{id}",
    **{one: f"rds:{{region}}:{{account}}:{one}:{{id}}" for one in ("db", "cluster", "og", "pg", "secgrp", "subgrp")},
    "db-snapshot": "rds:{region}:{account}:snapshot:{id}",
}  # fmt: skip
#: EC2 says by the beginning of an id what it is of.
_BEGINNINGS = {"i": "instance", "vol": "volume", "snap": "snapshot", "sg": "security-group"}
_OURS, _OWN = f"{PREFIX}-*", "{id}"
_MANAGED_ONLY: Mapping[str, Any] = {"StringEquals": {f"aws:ResourceTag/{TOBAN}": MANAGED}}
#: What a disk's or database's key is asked for on the caller's behalf, by the service that the call goes to.
_KEY_ACTIONS = (
    "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*",
)  # fmt: skip
#: A server with encrypted disks is started with a grant on their key; nothing else may be granted.
_GRANT = {
    "Effect": "Allow",
    "Action": "kms:CreateGrant",
    "Resource": "*",
    "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
}


@dataclass(frozen=True, slots=True)
class With:
    """What else AWS asks about in the same call. ids: the names of these kinds, "{id}" for the call's own targets."""

    actions: tuple[str, ...]
    kinds: tuple[str, ...]
    ids: str = "*"
    condition: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """What a call acts on. kinds: of its targets; beside: kinds that AWS asks about in the same breath; managed: its targets carry
    Toban=managed where an account was taken in with that; keys: services that ask for the right to use a key."""

    kinds: tuple[str, ...]
    beside: tuple[str, ...] = ()
    managed: bool = False
    keys: tuple[str, ...] = ()
    more: tuple[With, ...] = ()


_LAST_SNAPSHOT = ("rds:CreateDBSnapshot", "rds:AddTagsToResource")
_PARTS = ("og", "pg", "secgrp", "subgrp")
_NEW_DATABASE = (
    With(("rds:AddTagsToResource",), ("db",), _OWN),
    With(("secretsmanager:CreateSecret", "secretsmanager:TagResource"), ("secret",), "rds!db-*"),
)


def _at_birth(action: str, kind: str) -> tuple[With, ...]:
    return (With(("ec2:CreateTags",), (kind,), condition={"StringEquals": {"ec2:CreateAction": action}}),)


ROWS: Mapping[str, Row] = {
    "autoscaling:UpdateAutoScalingGroup": Row(("group",), managed=True),
    "ec2:AuthorizeSecurityGroupIngress": Row(("security-group",), ("security-group-rule",), managed=True),
    "ec2:CreateSnapshot": Row(("volume",), ("snapshot",), managed=True, keys=("ec2",), more=_at_birth("CreateSnapshot", "snapshot")),
    "ec2:CreateTags": Row(("instance", "volume", "snapshot")),
    "ec2:CreateVolume": Row(("snapshot",), ("volume",), keys=("ec2",), more=_at_birth("CreateVolume", "volume")),
    "ec2:DeleteSnapshot": Row(("snapshot",)),
    "ec2:DeleteTags": Row(("instance", "volume", "snapshot")),
    "ec2:DeleteVolume": Row(("volume",), managed=True),
    "ec2:ModifyInstanceAttribute": Row(("instance",), ("volume",), managed=True),
    "ec2:RevokeSecurityGroupIngress": Row(("security-group",), ("security-group-rule",), managed=True),
    "ec2:StartInstances": Row(("instance",), managed=True),
    "ec2:StopInstances": Row(("instance",), managed=True),
    "rds:AddTagsToResource": Row(("db-snapshot",)),
    "rds:ApplyPendingMaintenanceAction": Row(("db",), managed=True),
    # A snapshot that another account shares is named by its ARN.
    "rds:CopyDBSnapshot": Row(
        ("db-snapshot",), ("db-snapshot", "og"), keys=("rds",), more=(With(("rds:AddTagsToResource",), ("db-snapshot",), _OWN),)
    ),
    "rds:CreateDBInstance": Row(("db",), _PARTS, keys=("rds", "secretsmanager"), more=_NEW_DATABASE),
    "rds:CreateDBSnapshot": Row(("db-snapshot",), ("db",), more=(With(("rds:AddTagsToResource",), ("db-snapshot",), _OWN),)),
    "rds:DeleteDBInstance": Row(
        ("db",), more=(With(_LAST_SNAPSHOT, ("db",), _OWN), With(("rds:DeleteDBInstance", *_LAST_SNAPSHOT), ("db-snapshot",), _OURS))
    ),
    "rds:DeleteDBSnapshot": Row(("db-snapshot",)),
    "rds:ModifyDBInstance": Row(("db",), managed=True),
    "rds:ModifyDBSnapshot": Row(("db-snapshot",), ("og",)),
    "rds:RestoreDBInstanceFromDBSnapshot": Row(
        ("db",), ("db-snapshot", *_PARTS), keys=("rds", "secretsmanager"), more=_NEW_DATABASE
    ),
    "rds:StartDBCluster": Row(("cluster",), managed=True),
    "rds:StartDBInstance": Row(("db",), managed=True),
    "rds:StopDBCluster": Row(("cluster",), managed=True),
    # A stop that makes a snapshot is asked about the snapshot, too.
    "rds:StopDBInstance": Row(
        ("db",), managed=True,
        more=(With(_LAST_SNAPSHOT, ("db",), _OWN), With(("rds:StopDBInstance", *_LAST_SNAPSHOT), ("db-snapshot",), _OURS)),
    ),
}  # fmt: skip


def session_policies(
    action: str,
    ids: Sequence[str],
    *,
    account_id: str,
    region: str,
    role_arn: str,
    managed_only: bool = False,
    beside: Mapping[str, str] | None = None,
    tag_keys: Iterable[str] = (),
    characters: int = CHARACTERS_MAX,
) -> tuple[str, ...]:
    """The policies as JSON, the narrowest first; the last one names kinds and no targets. Those that do not fit into `characters` are
    left out.

    ids: as the call names them, or whole ARNs; beside: of a row's `beside` kinds the one that this call is about; tag_keys: the keys of
    tags that the call writes, by which it is narrowed then instead of by its targets, so that one session serves a whole run. Raises
    KeyError for an action without a row: a changing call that nobody has thought through is not made.
    """
    row = ROWS[action]
    partition = role_arn.split(":")[1] if role_arn.count(":") > 1 else "aws"
    place = _Place(partition, region, account_id)
    kinds = [kind for kind in row.kinds if not ids or any(_kind(row, one) == kind for one in ids)]
    condition = dict(_MANAGED_ONLY) if managed_only and row.managed else {}
    everything = _text(action, row, place, place.arns(kinds, ["*"]), ["*"], {}, condition)
    if tag_keys:
        keys = condition | {"ForAllValues:StringEquals": {"aws:TagKeys": sorted(tag_keys)}}
        by_keys = _text(action, row, place, place.arns(kinds, ["*"]), ["*"], {}, keys)
        if len(by_keys) <= characters:
            return by_keys, everything
    if not ids:
        return (everything,)
    named = [place.arn(_kind(row, one), one) for one in ids]
    exact = _text(action, row, place, named, ids, beside or {}, {})
    return (exact, everything) if len(exact) <= characters else (everything,)


@dataclass(frozen=True, slots=True)
class _Place:
    partition: str
    region: str
    account: str

    def arn(self, kind: str, one: str) -> str:
        if one.startswith("arn:"):
            return one
        return f"arn:{self.partition}:{_ARNS[kind].format(region=self.region, account=self.account, id=one)}"

    def arns(self, kinds: Iterable[str], ids: Sequence[str]) -> list[str]:
        return [self.arn(kind, one) for kind in kinds for one in ids]


def _kind(row: Row, one: str) -> str:
    return row.kinds[0] if len(row.kinds) == 1 else _BEGINNINGS[one.partition("-")[0]]


def _text(
    action: str,
    row: Row,
    place: _Place,
    targets: Sequence[str],
    ids: Sequence[str],
    beside: Mapping[str, str],
    condition: Mapping[str, Any],
) -> str:
    others = [place.arn(kind, beside.get(kind, "*")) for kind in row.beside]
    statements: list[Mapping[str, Any]] = [_allow([action], targets, condition)]
    statements += [_allow([action], others)] if others else []
    statements += [
        _allow(one.actions, place.arns(one.kinds, ids if one.ids == _OWN else [one.ids]), one.condition)
        for one in row.more
    ]
    if action == "ec2:StartInstances":
        statements.append(_GRANT)
    if row.keys:
        via = {"StringLike": {"kms:ViaService": [f"{one}.{place.region}.*" for one in row.keys]}}
        statements.append(_allow(_KEY_ACTIONS, ["*"], via))
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _allow(
    actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return found | {"Condition": condition} if condition else found
