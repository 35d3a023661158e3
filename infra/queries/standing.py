"""How one resource stands: what is wanted of it now, why, what comes next, and whether a person may act on it."""

from dataclasses import dataclass
from datetime import datetime

from infra.domain.duty import Change, Duty, evaluate
from infra.domain.power import Power
from infra.domain.reasons import Reason
from infra.domain.schedule import Action, Schedule
from infra.models import Override, Resource
from infra.models.account import Automation
from infra.queries.rules import Followed, Rules


@dataclass(frozen=True, slots=True)
class Standing:
    """`next` is what Toban will really do next: nothing in an account that it only observes (`observed`), where
    `would` says what it would do. `followed`: which schedule and where from. `overrides`: the governing one first."""

    duty: Duty
    schedule: Schedule | None
    followed: Followed | None
    reason: Reason
    next: Change | None
    would: Change | None
    observed: bool
    overrides: tuple[Override, ...]


def standing_of(resource: Resource, rules: Rules, now: datetime) -> Standing:
    """Needs `resource.account`; asks nothing of the database."""
    followed, duty = rules.followed(resource), rules.duty(resource)
    verdict = evaluate(duty, now)
    observed = resource.account.automation != Automation.ON
    present = resource.scheduled and resource.gone_at is None
    would = verdict.next_action if present else None
    return Standing(
        duty=duty,
        schedule=duty.schedule if isinstance(duty.schedule, Schedule) else None,
        followed=followed if isinstance(followed, Followed) else None,
        reason=verdict.reason,
        next=None if observed else would,
        would=would,
        observed=observed,
        overrides=tuple(one for one in rules.overrides_of(resource) if (one.ended_at or one.until) > now),
    )


_REFUSED_STATES = {
    (Action.START, Power.RUNNING): "already_running",
    (Action.STOP, Power.STOPPED): "already_stopped",
}


def refusal_of(resource: Resource, action: Action, *, busy: bool) -> str:
    """Why a start or stop by hand cannot be entered now (a code), or ""."""
    state = Power(resource.state)
    if resource.gone_at is not None or state is Power.GONE:
        return "gone"
    if busy:
        return "operation_open"
    if state is Power.TRANSITION:
        return "state_changing"
    if state is Power.UNKNOWN:
        return "state_unknown"
    if refusal := _REFUSED_STATES.get((action, state)):
        return refusal
    cannot_stop = resource.facts.get("stop_refusal", "") if action is Action.STOP else ""
    return f"unsupported_{cannot_stop}" if cannot_stop else ""
