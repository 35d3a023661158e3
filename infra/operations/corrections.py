"""What is found otherwise than it should be and must not stay so: owed after a look, entered by the next tick on the
ordinary authority, and held by the brake as everything else.

Three cases: schedules that hold their state (enforced), newly found resources that run outside their hours (stop_new),
and databases that AWS started again (it does so after seven days). What somebody started by hand stands (design §3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q

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
from infra.queries.rules import Followed, Rules, rules_at
from medical_audit.domain.states import OPEN
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation
from medical_audit.operations.automatic import Due
from medical_audit.operations.writing import write_rows

DATABASES = (ResourceKind.RDS, ResourceKind.CLUSTER)
#: The wait before what came to nothing is tried again: this long, and twice as long after each further try.
TRY_AGAIN, TRY_AGAIN_MAX = timedelta(hours=1), timedelta(hours=24)
#: Ends that a person chose: what ran before is to run on, the stops of this round were not released, it was called off.
_DECIDED = ("retained", NOT_RELEASED, "cancelled")
#: Deleting an old snapshot says nothing of a database.
_POWER = Q(kind__endswith=".start") | Q(kind__endswith=".stop")
_STATE_OF = {Power.RUNNING: State.RUNNING, Power.STOPPED: State.STOPPED}


def owe_corrections(region: Region, *, now: datetime) -> int:
    """Let the next tick put this region's resources right; returns how many.

    Each change of state that was seen is corrected once; what failed, was missed or dropped is tried again while it is
    still wrong, ever more seldom (TRY_AGAIN, doubled up to TRY_AGAIN_MAX), but not what a person decided against. Never against an override, and never where something is under way or due anyway. Needs the tenant bound.
    """
    if region.account.automation != Automation.ON:
        return 0
    rules = rules_at(now)
    rows = {str(row.id): row for row in _candidates(region, rules, now)}
    stopped = _last_stops([pk for pk, row in rows.items() if row.kind in DATABASES])
    tries = _tries(rows)
    dues = {}
    for pk, row in rows.items():
        duty = rules.duty(row)
        cause = _cause(row, duty, stopped.get(pk), now)
        tried = [one for one in tries.get(pk, ()) if one.due_at >= row.state_since]
        if cause is not None and _may_try(tried, now) and (due := _due(row, duty, cause, rules, now, tried)):
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


def _tries(rows: Mapping[str, Resource]) -> dict[str, list[Operation]]:
    """Earlier corrections of these resources, oldest first, since the first of their states began."""
    if not rows:
        return {}
    found: dict[str, list[Operation]] = {}
    mine = Operation.objects.filter(
        target_type="resource", target_id__in=list(rows), policy="schedule",
        due_at__gte=min(row.state_since for row in rows.values()),
        authority__reason__because__code__in=[str(code) for code in CORRECTIONS],
    )  # fmt: skip
    for one in mine.order_by("due_at", "id"):
        found.setdefault(one.target_id, []).append(one)
    return found


def _may_try(tried: Sequence[Operation], now: datetime) -> bool:
    """Whether a correction is due for a state for which these were tried before."""
    if not tried:
        return True
    last = tried[-1]
    if last.finished_at is None or last.state == OperationState.SUCCEEDED or last.outcome in _DECIDED:
        return False
    return bool(now - last.finished_at >= min(TRY_AGAIN * 2 ** (len(tried) - 1), TRY_AGAIN_MAX))


def _under_way(dues: Mapping[str, Due]) -> set[str]:
    """Those of which a start or stop is under way, or on whose stop a person has yet to decide."""
    mine = Operation.objects.filter(target_type="resource", target_id__in=list(dues))
    states = [str(state) for state in OPEN]
    busy = set(mine.filter(_POWER, state__in=states).values_list("target_id", flat=True))
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
    found: dict[str, datetime] = {}
    done = Operation.objects.filter(
        _POWER, target_type="resource", target_id__in=ids, state=OperationState.SUCCEEDED
    )
    last = done.order_by("target_id", "-finished_at", "-id").distinct("target_id")
    for operation in last:
        if operation.kind.endswith(".stop"):
            found[operation.target_id] = operation.finished_at
    return found


def _cause(row: Resource, duty: Duty, stopped_at: datetime | None, now: datetime) -> Reason | None:
    """Why a resource has to be put right, or None."""
    state, _ = wanted(duty, now)
    real = _STATE_OF[Power(row.state)]
    if state is State.ANY or state is real or not isinstance(duty.schedule, Schedule):
        return None
    action = Action.START if state is State.RUNNING else Action.STOP
    if governing(duty, now) is None and action not in duty.schedule.directions:
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
    return replace(due, dedupe_key=f"{due.dedupe_key}/{len(tried)}") if tried else due
