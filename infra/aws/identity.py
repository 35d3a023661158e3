"""Ask AWS who we are in an account: the proof that a role can be assumed and leads where it should."""

from __future__ import annotations

from dataclasses import replace

from infra.aws.gateway import Call, current
from infra.aws.sessions import STS
from infra.domain.aws import Target


def caller_account(target: Target) -> str:
    """Give the account id that AWS sees behind the target's role. Raises AwsError."""
    answer = current().read(
        Call(STS, target, "GetCallerIdentity", "Account"), lambda sts: sts.get_caller_identity()
    )
    return answer["Account"]


def caller_anew(target: Target) -> str:
    """The same with credentials that STS gives now: those of before would get in for an hour after the role's trust has changed.

    Asked at the STS that gave them, because a region in which the account has not opted in knows nobody. Raises AwsError.
    """
    gateway = current()
    gateway.credentials.forget(target.reading)
    return caller_account(replace(target, region=gateway.config.sts_region))
