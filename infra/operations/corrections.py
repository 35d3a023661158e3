"""What is found otherwise than it should be and must not stay so: owed after a look, entered by the next tick on the
ordinary authority, and held by the brake as everything else.

Three cases: schedules that hold their state (enforced), newly found resources that run outside their hours (stop_new),
and databases that AWS started again (it does so after seven days). What somebody started by hand stands (design §3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from infra.domain.calendar import Calendar
from infra.domain.drift import RESTART_SLACK, RESTARTED_AFTER
from infra.domain.duty import Duty, Occurrence, governing, wanted
from infra.domain.power import Power
from infra.domain.reasons import CORRECTIONS, Reason, ReasonCode, because
from infra.domain.schedule import Action, Schedule, State
from infra.models import HeldRound, Region, Resource
from infra.models.account import Automation
from infra.models.resource import ResourceKind
from infra.operations.dues import due_of
from infra.operations.owing import owe_due
from infra.operations.rounds import NOT_RELEASED
from infra.queries.authority import authority_of
from infra.queries.drift import newest_each
from infra.queries.rules import Followed, Rules, rules_at
from medical_audit.domain.states import OPEN
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation
from medical_audit.operations.automatic import Due
from medical_audit.operations.writing import write_rows

DATABASES = (ResourceKind.RDS, ResourceKind.CLUSTER)
#: The wait before what came to nothing is tried again: this long, and twice as long after each further try.
TRY_AGAIN, TRY_AGAIN_MAX, MOST_DOUBLINGS = timedelta(hours=1), timedelta(hours=24), 5
#: Older tries are forgotten.
TRIES_KEPT = timedelta(days=3)
#: Ends that a person chose, or that nobody answered: what ran before is to run on, the stops of this round were not
#: released, it was called off. They hold for a day.
_DECIDED = ("retained", NOT_RELEASED, "cancelled")
#: Deleting an old snapshot says nothing of a database.
_POWER = Q(kind__endswith=".start") | Q(kind__endswith=".stop")
_CLOSED = (ReasonCode.HOLIDAY, ReasonCode.CLOSURE)
log = structlog.get_logger(__name__)
_STATE_OF = {Power.RUNNING: State.RUNNING, Power.STOPPED: State.STOPPED}


def owe_corrections(region: Region, *, now: datetime) -> int:
    """Let the next tick put this region's resources right; returns how many.

    Each change of state that was seen is corrected once; what failed, was missed or dropped is tried again while it is
    still wrong, ever more seldom (TRY_AGAIN, doubled up to TRY_AGAIN_MAX; what a person decided against after that).
    Never against an override, and never where something is under way or due anyway. Needs the tenant bound.
    """
    if region.account.automation != Automation.ON:
        return 0
    rules = rules_at(now)
    rows = {str(row.id): row for row in _candidates(region, rules, now)}
    stopped = _last_stops([pk for pk, row in rows.items() if row.kind in DATABASES])
    wrong = {
        pk: (row, cause)
        for pk, row in rows.items()
        if (cause := _cause_said(row, rules, stopped.get(pk), now)) is not None
    }
    tries = _tries(wrong, now)
    dues = {}
    for pk, (row, cause) in wrong.items():
        tried = tries.get(pk, [])
        if _may_try(tried, row, now) and (due := _due(row, rules.duty(row), cause, rules, now, tried)):
            dues[pk] = due
    taken_up = _under_way(dues)
    new = [pk for pk in dues if pk not in taken_up]
    if not new:
        return 0
    # Only now locked: most looks find nothing to put right. What has fallen due meanwhile is the tick's.
    mine = Resource.objects.filter(id__in=new).exclude(next_change_at__isnull=False, next_change_at__lte=now)
    locked = list(mine.select_for_update().order_by("id"))
    for row in locked:
        owe_due(row, dues[str(row.id)], now)
    write_rows(locked, ("owed", "next_change_at", "next_action"))
    return len(locked)


def _tries(ids: Collection[str], now: datetime) -> dict[str, list[Operation]]:
    """The last corrections of these resources, oldest first, that came to nothing one after the other; or the last one, if
    it succeeded. What a state did in between says nothing: a start that AWS takes back is seen as another state."""
    if not ids:
        return {}
    found: dict[str, list[Operation]] = {}
    mine = Operation.objects.filter(
        target_type="resource", target_id__in=list(ids), policy="schedule", due_at__gte=now - TRIES_KEPT,
        authority__reason__because__code__in=[str(code) for code in CORRECTIONS],
    )  # fmt: skip
    for one in mine.order_by("due_at", "id"):
        before = found.get(one.target_id, [])
        fresh = bool(before) and before[-1].state == OperationState.SUCCEEDED
        found[one.target_id] = [one] if fresh or one.state == OperationState.SUCCEEDED else [*before, one]
    return found


def _may_try(tried: Sequence[Operation], row: Resource, now: datetime) -> bool:
    """Whether a correction is due after these were tried."""
    if not tried:
        return True
    last = tried[-1]
    if last.finished_at is None:
        return False
    if last.state == OperationState.SUCCEEDED:
        return bool(last.due_at < row.state_since)
    doublings = min(len(tried) - 1, MOST_DOUBLINGS)
    wait = TRY_AGAIN_MAX if last.outcome in _DECIDED else min(TRY_AGAIN * 2**doublings, TRY_AGAIN_MAX)
    return bool(now - last.finished_at >= wait)


def _under_way(dues: Mapping[str, Due]) -> set[str]:
    """Those of which a start or stop is under way, or on whose stop a person has yet to decide."""
    mine = Operation.objects.filter(target_type="resource", target_id__in=list(dues))
    states = [str(state) for state in OPEN]
    # One that is started to get its certificate is stopped again by that, not by its schedule.
    under_way = _POWER | Q(kind="rds.certificate")
    busy = set(mine.filter(under_way, state__in=states).values_list("target_id", flat=True))
    rounds = HeldRound.objects.filter(settled_at__isnull=True).values_list("items", flat=True)
    held = {item["resource"] for items in rounds for item in items}
    return busy | (held & set(dues))


def _candidates(region: Region, rules: Rules, now: datetime) -> list[Resource]:
    holding = [
        one.revision.id
        for one in rules.published.values()
        if one.schedule.options.enforced or one.schedule.options.stop_new
    ]
    rows = Resource.objects.filter(
        Q(schedule_revision__in=holding) | Q(kind__in=DATABASES, state=Power.RUNNING),
        account=region.account, region=region.name, gone_at__isnull=True,
        state__in=[str(power) for power in _STATE_OF],
    )  # fmt: skip
    # What the tick is just about to do is not corrected.
    due = Q(next_change_at__isnull=False, next_change_at__lte=now)
    return list(rows.exclude(due).select_related("account").order_by("id"))


def _last_stops(ids: Sequence[str]) -> dict[str, datetime]:
    """When Toban's last word on each database was a stop that succeeded: the instant it ended."""
    done = Operation.objects.filter(_POWER, state=OperationState.SUCCEEDED)
    # One that found it stopped has not stopped it.
    last = newest_each(done.exclude(kind__endswith=".stop", outcome="already"), ids)
    stops = last.filter(kind__endswith=".stop").values_list("target_id", "finished_at")
    return {target: at for target, at in stops if at is not None}


def _cause_said(row: Resource, rules: Rules, stopped_at: datetime | None, now: datetime) -> Reason | None:
    """The same, or None where it cannot be worked out: one resource never keeps a look at the others from being kept."""
    try:
        return _cause(row, rules.duty(row), stopped_at, now)
    except Exception:
        log.exception("correction_failed", resource=str(row.id), tenant=str(row.tenant_id))
        return None


def _cause(row: Resource, duty: Duty, stopped_at: datetime | None, now: datetime) -> Reason | None:
    """Why a resource has to be put right, or None."""
    state, reason = wanted(duty, now)
    real = _STATE_OF[Power(row.state)]
    if state is State.ANY or state is real or not isinstance(duty.schedule, Schedule):
        return None
    action = Action.START if state is State.RUNNING else Action.STOP
    silent = governing(duty, now) is None and action not in duty.schedule.directions
    if silent or (reason.code in _CLOSED and _in_its_hours(duty, now)):
        return None
    options = duty.schedule.options
    if options.enforced:
        return because(ReasonCode.ENFORCED, state=str(real))
    if action is not Action.STOP:
        return None
    if stopped_at is not None and row.state_since - stopped_at >= RESTARTED_AFTER - RESTART_SLACK:
        return because(ReasonCode.AUTO_RESTART, since=row.state_since)
    confirmed = row.account.automation_confirmed_at
    new = row.first_seen_at >= row.state_since and confirmed is not None and row.first_seen_at > confirmed
    return because(ReasonCode.NEWLY_FOUND) if options.stop_new and new else None


def _in_its_hours(duty: Duty, now: datetime) -> bool:
    """Whether it would run now, were this not a closed day: what runs then is stopped at its usual hour (design §3)."""
    return wanted(replace(duty, calendar=Calendar()), now)[0] is State.RUNNING


def _due(
    row: Resource, duty: Duty, cause: Reason, rules: Rules, now: datetime, tried: Sequence[Operation]
) -> Due | None:
    state, _ = wanted(duty, now)
    action = Action.START if state is State.RUNNING else Action.STOP
    window = governing(duty, now)
    one = Occurrence(now, action, None, cause, window.id if window else "")
    found = rules.followed(row)
    followed = found if isinstance(found, Followed) else None
    authority = authority_of(row.account, followed, rules, one)
    if authority is None:
        return None
    # One observed change of state, and the end of each try, is one correction, whenever it is looked at.
    due = due_of(row, one, duty, followed, authority, key_at=row.state_since)
    return replace(due, dedupe_key=f"{due.dedupe_key}/{tried[-1].id.hex}") if tried else due
