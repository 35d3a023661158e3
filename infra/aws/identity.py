"""Ask AWS who we are in an account: the proof that a role can be assumed and leads where it should."""

from __future__ import annotations

from infra.aws.gateway import Call, current
from infra.aws.sessions import STS
from infra.domain.aws import Target


def caller_account(target: Target) -> str:
    """Give the account id that AWS sees behind the target's role. Raises AwsError."""
    answer = current().read(
        Call(STS, target, "GetCallerIdentity", "Account"), lambda sts: sts.get_caller_identity()
    )
    return answer["Account"]
