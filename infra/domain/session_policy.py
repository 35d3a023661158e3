"""What one changing call may touch: a session policy that narrows the operate role to this call, and to its targets where they fit.

Source: IAM user guide, "Session policies" (the plain text of all policies of an AssumeRole together is at most 2,048 characters).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from infra.domain.snapshots import PREFIX

CHARACTERS_MAX = 2_048
#: How AWS writes what a call acts on; {id} as the call names it.
_ARNS: Mapping[str, str] = {
    "ec2:StartInstances": "ec2:{region}:{account}:instance/{id}",
    "ec2:StopInstances": "ec2:{region}:{account}:instance/{id}",
    "ec2:DeleteVolume": "ec2:{region}:{account}:volume/{id}",
    # AWS writes no account into the ARN of a snapshot.
    "ec2:DeleteSnapshot": "ec2:{region}::snapshot/{id}",
    "rds:StartDBInstance": "rds:{region}:{account}:db:{id}",
    "rds:StopDBInstance": "rds:{region}:{account}:db:{id}",
    "rds:StartDBCluster": "rds:{region}:{account}:cluster:{id}",
    "rds:StopDBCluster": "rds:{region}:{account}:cluster:{id}",
    "rds:DeleteDBSnapshot": "rds:{region}:{account}:snapshot:{id}",
    "autoscaling:UpdateAutoScalingGroup": "autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{id}",
}
#: A server with encrypted disks is started with a grant on their key; nothing else may be granted.
_GRANT = {
    "Effect": "Allow",
    "Action": "kms:CreateGrant",
    "Resource": "*",
    "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
}
#: A stop that makes a snapshot is asked about the snapshot, too.
_WITH_SNAPSHOT = ("rds:StopDBInstance", "rds:CreateDBSnapshot", "rds:AddTagsToResource")


def session_policy(
    action: str,
    ids: Sequence[str],
    *,
    account_id: str,
    region: str,
    role_arn: str,
    characters: int = CHARACTERS_MAX,
) -> str:
    """The policy as JSON; "" for an action that needs more than its own targets, which the role alone bounds.

    Where the targets do not fit into `characters`, everything of their kind in this account and region stands for them: a
    batch stays one call.
    """
    pattern = _ARNS.get(action)
    if pattern is None or not ids:
        return ""
    partition = role_arn.split(":")[1] if role_arn.count(":") > 1 else "aws"
    arns = [
        f"arn:{partition}:{pattern.format(region=region, account=account_id, id=one)}" for one in (*ids, "*")
    ]
    exact = _text(action, arns[:-1], partition, region, account_id)
    return exact if len(exact) <= characters else _text(action, arns[-1:], partition, region, account_id)


def _text(action: str, arns: Sequence[str], partition: str, region: str, account_id: str) -> str:
    statements: list[Mapping[str, object]] = [{"Effect": "Allow", "Action": action, "Resource": list(arns)}]
    if action == "ec2:StartInstances":
        statements.append(_GRANT)
    if action == "rds:StopDBInstance":
        snapshots = f"arn:{partition}:rds:{region}:{account_id}:snapshot:{PREFIX}-*"
        statements.append({"Effect": "Allow", "Action": list(_WITH_SNAPSHOT), "Resource": [*arns, snapshots]})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
