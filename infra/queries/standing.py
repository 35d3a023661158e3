"""How one resource stands: what is wanted of it now, why, what comes next, and whether a person may act on it."""

from dataclasses import dataclass
from datetime import datetime

from infra.domain.duty import Change, Duty, evaluate
from infra.domain.power import Power
from infra.domain.reasons import Reason, ReasonCode
from infra.domain.schedule import Action, Schedule
from infra.domain.tags import TOBAN
from infra.models import Override, Resource
from infra.queries.rules import Followed, Rules


@dataclass(frozen=True, slots=True)
class Standing:
    """`next` is what Toban will really do next: nothing in an account whose automation is not on (`automation`: on, off or
    observe), and nothing with what the tag Toban=never keeps it from (`never`); there `would` says what it would do. `followed`: which
    schedule and where from. `overrides`: the governing one first."""

    duty: Duty
    schedule: Schedule | None
    followed: Followed | None
    reason: Reason
    next: Change | None
    would: Change | None
    automation: str
    never: bool
    overrides: tuple[Override, ...]

    @property
    def hands_off(self) -> str:
        """Why nothing is done whatever the schedule says: "never", "observed" (nor by hand), "off" (by the clock alone), or ""."""
        return "never" if self.never else {"observe": "observed", "off": "off"}.get(self.automation, "")


def standing_of(resource: Resource, rules: Rules, now: datetime) -> Standing:
    """Needs `resource.account`; asks nothing of the database."""
    duty = rules.duty(resource)
    never = duty.excluded is not None and duty.excluded.code is ReasonCode.NEVER_TOUCH
    verdict = evaluate(duty, now)
    tags = {name: value for name, value in resource.tags.items() if name != TOBAN} if never else None
    followed, without = rules.followed(resource, tags), rules.duty(resource, tags) if never else duty
    automation = resource.account.standing
    present = resource.gone_at is None and (resource.scheduled or never)
    would = (evaluate(without, now) if never else verdict).next_action if present else None
    return Standing(
        duty=duty,
        schedule=without.schedule if isinstance(without.schedule, Schedule) else None,
        followed=followed if isinstance(followed, Followed) else None,
        reason=verdict.reason,
        next=would if automation == "on" and not never else None,
        would=would,
        automation=automation,
        never=never,
        overrides=tuple(one for one in rules.overrides_of(resource) if (one.ended_at or one.until) > now),
    )


#: Kinds for whose end no start or stop has to wait: a snapshot, or the deletion of an old one, may take hours.
BESIDE = ("rds.prune", "rds.snapshot")


_REFUSED_STATES = {
    (Action.START, Power.RUNNING): "already_running",
    (Action.STOP, Power.STOPPED): "already_stopped",
}


def refusal_of(resource: Resource, action: Action, *, busy: bool) -> str:
    """Why a start or stop by hand cannot be entered now (a code), or "". Needs `resource.account`."""
    state = Power(resource.state)
    if resource.gone_at is not None or state is Power.GONE:
        return "gone"
    if busy or resource.account.only_observed:
        return "only_observed" if resource.account.only_observed else "operation_open"
    if cannot := resource.facts.get(f"{action}_refusal", ""):
        return f"unsupported_{cannot}"
    if state is Power.TRANSITION:
        return "state_changing"
    if state is Power.UNKNOWN:
        return "state_unknown"
    return _REFUSED_STATES.get((action, state), "")
