"""What a named problem of AWS means for an operation, before and after its call, and for the lane."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from infra.domain.aws import AwsError, Problem
from medical_audit.domain.kinds import Fail, Health, Later, Unknown
from medical_audit.models import Operation

#: Seconds to wait before the next try; capacity (the gateway's own advice) is bounded by the setting.
_WAIT_S = {
    Problem.THROTTLED: 5.0,
    Problem.WRONG_STATE: 15.0,
    Problem.NO_CAPACITY: 60.0,
    Problem.UNREACHABLE: 15.0,
    Problem.NO_ANSWER: 15.0,
}
_LANE_FAILS = frozenset({Problem.THROTTLED, Problem.UNREACHABLE, Problem.NO_ANSWER})


def detail_of(error: AwsError) -> dict[str, str]:
    """What a person and AWS support need; nothing secret is in an AwsError."""
    detail = {
        "aws_code": error.code, "message": error.message[:500], "missing_action": error.missing_action,
        "denial": error.denial or "",
    }  # fmt: skip
    return {key: str(value) for key, value in detail.items() if value}


def before_error(error: AwsError) -> Fail | Later:
    """The look before a call failed: nothing was applied, so wait where waiting can help."""
    if error.problem in _WAIT_S:
        wait = wait_of(error.problem, error.retry_after_s)
        return Later(str(error.problem), wait, detail=detail_of(error))
    return Fail(str(error.problem), error.request_id, detail=detail_of(error))


def after_error(error: AwsError) -> Fail | Later | Unknown:
    """The call itself failed: without an answer its effect is unknown, with one it was not applied."""
    if error.problem is Problem.NO_ANSWER:
        return Unknown(str(error.problem), error.request_id, detail=detail_of(error))
    return before_error(error)


def stops_the_rest(error: AwsError) -> bool:
    """What came next would fare no better: the role is refused, the account is busy, or nobody answers."""
    return error.problem is Problem.ROLE_REFUSED or error.problem in _LANE_FAILS


def too_late(operation: Operation, now: datetime) -> Later | None:
    """Nobody came for it in time. Waiting is over, which makes it MISSED (the clock's wish) or FAILED (a person's)."""
    return Later("not_started_in_time", timedelta(0)) if now > operation.deadline else None


def health_of(errors: Sequence[AwsError | None]) -> tuple[Health, str]:
    """Good when anything was answered; refused when the account as a whole turns us away."""
    named = [error for error in errors if error is not None]
    if not errors or len(named) < len(errors):
        return (Health.GOOD if errors else Health.UNTOUCHED), ""
    problems = {error.problem for error in named}
    if Problem.ROLE_REFUSED in problems:
        return Health.REFUSED, str(Problem.ROLE_REFUSED)
    if problems <= _LANE_FAILS:
        return Health.FAILING, str(named[0].problem)
    return Health.GOOD, ""


def wait_of(problem: Problem, advised_s: float | None = None) -> timedelta:
    """How long to wait before the next try: what AWS advises, if that is longer, and never beyond the setting."""
    seconds = max(_WAIT_S[problem], advised_s or 0.0)
    return timedelta(seconds=min(seconds, settings.RETRY_WAIT_MAX_S))
