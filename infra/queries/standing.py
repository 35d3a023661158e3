"""How one resource stands: what its schedule wants now, why, what comes next, and whether a person may act on it."""

from dataclasses import dataclass
from datetime import datetime

from infra.domain.power import Power
from infra.domain.reasons import Reason
from infra.domain.schedule import Action, Change, TagSchedule, Unreadable, evaluate
from infra.models import Resource
from infra.models.account import Automation
from infra.queries.schedules import calendar_at, schedule_of


@dataclass(frozen=True, slots=True)
class Standing:
    """`next` is what Toban will really do next: nothing in an account that it only observes (`observed`)."""

    schedule: TagSchedule | None
    reason: Reason
    next: Change | None
    observed: bool


def standing_of(resource: Resource, now: datetime) -> Standing:
    """Needs `resource.account`; asks nothing of the database."""
    schedule = schedule_of(resource.tags, resource.account)
    verdict = evaluate(schedule, now, calendar_at(now))
    readable = None if isinstance(schedule, Unreadable) else schedule
    observed = resource.account.automation != Automation.ON
    acts = resource.scheduled and not observed and resource.gone_at is None
    return Standing(readable, verdict.reason, verdict.next_action if acts else None, observed)


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
