"""What is found otherwise than it should be and must not stay so: owed after a look, entered by the next tick on the
ordinary authority, and held by the brake as everything else.

Three cases: schedules that hold their state (enforced), newly found resources that run outside their hours (stop_new),
and databases that run although Toban stopped them (AWS starts a stopped database after seven days).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from infra.domain.drift import RESTART_SLACK, RESTARTED_AFTER
from infra.domain.duty import Duty, Occurrence, governing, wanted
from infra.domain.power import Power
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.schedule import Action, Schedule, State
from infra.models import HeldRound, Region, Resource
from infra.models.account import Automation
from infra.models.resource import ResourceKind
from infra.operations.dues import due_of
from infra.operations.owing import owe_due
from infra.queries.authority import authority_of
from infra.queries.rules import Followed, Rules, rules_at
from medical_audit.domain.states import OPEN
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation
from medical_audit.operations.automatic import Due
from medical_audit.operations.writing import write_rows

DATABASES = (ResourceKind.RDS, ResourceKind.CLUSTER)
_STATE_OF = {Power.RUNNING: State.RUNNING, Power.STOPPED: State.STOPPED}


def owe_corrections(region: Region, *, now: datetime) -> int:
    """Let the next tick put this region's resources right; returns how many. Each change of state that was seen is corrected
    once at most.

    Never against an override, and never where something is under way or due anyway. Needs the tenant bound.
    """
    if region.account.automation != Automation.ON:
        return 0
    rules = rules_at(now)
    rows = {str(row.id): row for row in _candidates(region, rules, now)}
    stopped = _last_stops([pk for pk, row in rows.items() if row.kind in DATABASES])
    dues = {}
    for pk, row in rows.items():
        duty = rules.duty(row)
        cause = _cause(row, duty, stopped.get(pk), now)
        if cause is not None and (due := _due(row, duty, cause, rules, now)):
            dues[pk] = due
    taken_up = _taken_up(dues)
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


def _taken_up(dues: Mapping[str, Due]) -> set[str]:
    """Those of which something is under way, that were corrected already, or on which a person has yet to decide."""
    mine = Operation.objects.filter(target_type="resource", target_id__in=list(dues))
    busy = set(mine.filter(state__in=[str(s) for s in OPEN]).values_list("target_id", flat=True))
    keys = {due.dedupe_key: pk for pk, due in dues.items()}
    done = Operation.objects.filter(dedupe_key__in=list(keys)).values_list("dedupe_key", flat=True)
    rounds = HeldRound.objects.filter(settled_at__isnull=True).values_list("items", flat=True)
    held = {item["resource"] for items in rounds for item in items}
    return busy | {keys[key] for key in done} | (held & set(dues))


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
    power = Q(kind__endswith=".start") | Q(
        kind__endswith=".stop"
    )  # deleting an old snapshot says nothing of it
    done = Operation.objects.filter(
        power, target_type="resource", target_id__in=ids, state=OperationState.SUCCEEDED
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
    if stopped_at is not None and stopped_at <= row.state_since:
        return _restart(row, stopped_at)
    confirmed = row.account.automation_confirmed_at
    new = row.first_seen_at >= row.state_since and confirmed is not None and row.first_seen_at > confirmed
    return because(ReasonCode.NEWLY_FOUND) if options.stop_new and new else None


def _restart(row: Resource, stopped_at: datetime) -> Reason:
    """Started by AWS for sure after seven days; before that, by AWS or by somebody outside Toban."""
    by_aws = row.state_since - stopped_at >= RESTARTED_AFTER - RESTART_SLACK
    code = ReasonCode.AUTO_RESTART if by_aws else ReasonCode.STARTED_OUTSIDE
    return because(code, since=row.state_since)


def _due(row: Resource, duty: Duty, cause: Reason, rules: Rules, now: datetime) -> Due | None:
    state, _ = wanted(duty, now)
    action = Action.START if state is State.RUNNING else Action.STOP
    window = governing(duty, now)
    one = Occurrence(now, action, None, cause, window.id if window else "")
    found = rules.followed(row)
    followed = found if isinstance(found, Followed) else None
    authority = authority_of(row.account, followed, rules, one)
    if authority is None:
        return None
    # One observed change of state is one correction, whenever it is looked at.
    return due_of(row, one, duty, followed, authority, key_at=row.state_since)
