"""What the company itself has decided about its days: entered with its effect, confirmed by another person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from accounts.domain.permissions import Permission
from infra.domain.calendar import Calendar, ClosedRange
from infra.domain.schedule import Action
from infra.models import Closure, CompanyDay, Resource
from infra.models.calendar import CompanyDayKind
from infra.operations.plans import replan
from infra.queries.calendars import calendar_of, company_differences
from infra.queries.forecast import forecast, shown_at_once
from infra.queries.rules import Rules, rules_at
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

CHANGE, SET = "calendar.change", "calendar.set"
#: Offered, never in force by themselves: year-end and Obon.
DEFAULT_CLOSURES = (ClosedRange("12-29", "01-03", "年末年始"), ClosedRange("08-13", "08-16", "お盆"))
NAME_MAX, CHANGES_MAX = 100, 500


def enter_change(change: Mapping[str, Any], *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter one change of the company's calendar; another person confirms it.

    change: {"what": "closure"|"closed"|"extra"|"remove", "first", "last", "name"}; dates are MM-DD for a closure and
    YYYY-MM-DD for one day (first only). Raises NotPermitted, Refused (bad_parameter, bad_name, nothing_changed).
    """
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        clean = _clean(change)
        parameters = clean | _parameters([clean], now)
        target = OperationTarget("calendar", "tenant", parameters["name"])
        return entry.enter(CHANGE, target, parameters, actor=actor, now=now, reason=reason)


def enter_changes(
    changes: Sequence[Mapping[str, Any]], *, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter several changes as one, all or nothing; as `enter_change` otherwise."""
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    if not 1 <= len(changes) <= CHANGES_MAX:
        raise Refused("bad_parameter", name="changes", allowed=f"1-{CHANGES_MAX}")
    with tenant_scope(actor.tenant_id):
        parameters = _parameters([_clean(one) for one in changes], now)
        target = OperationTarget("calendar", "tenant", str(len(changes)))
        return entry.enter(SET, target, parameters, actor=actor, now=now, reason=reason)


@dataclass(frozen=True, slots=True)
class Looked:
    """What changes would do: the calendar after them, what differs in it as codes, and the next 14 days."""

    after: Calendar
    differences: list[dict[str, Any]]
    forecast: dict[str, Any]


def look_at(changes: Sequence[Mapping[str, Any]], *, now: datetime) -> Looked:
    """What changes would do, without entering them. Needs the tenant bound.

    Raises Refused (bad_parameter, bad_name, nothing_changed where one of them changes nothing).
    """
    before = after = calendar_of(now)
    for one in map(_clean, changes):
        changed = _changed(after, one)
        if changed is None:
            raise Refused("nothing_changed", name=one["name"])
        after = changed
    rules = rules_at(now)
    rows = Resource.objects.filter(gone_at__isnull=True).select_related("account").order_by("id")
    # A day that becomes a closed one, or an ordinary one, stops nothing before the usual hour (design §3).
    seen = forecast(rules, rules.with_calendar(after), rows, now=now, at_once=(Action.START,))
    return Looked(after, company_differences(before, after), seen.as_json())


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    sentence = CHANGE if "what" in parameters else SET
    names = ("changes", "differences", "forecast")
    return {"sentence": sentence, "call": "", **{name: parameters[name] for name in names}}


def apply_change(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write the changes and plan everything anew. Raises StaleContent when what they would do is not what was shown."""
    before = after = calendar_of(now)
    for one in operation.parameters["changes"]:
        changed = _changed(after, one)
        if changed is None:
            raise StaleContent("nothing_changed", name=one["name"])
        after = changed
    if company_differences(before, after) != operation.parameters["differences"]:
        raise StaleContent("stale_content", name=operation.target_name)
    rules = rules_at(now)
    for one in operation.parameters["changes"]:
        _write(one, operation)
    return {"resources": replan_all(rules, now, shown_at_once(operation.parameters["forecast"]))}


def replan_all(before: Rules, now: datetime, at_once: Mapping[str, str] = MappingProxyType({})) -> int:
    """Plan every resource of the bound tenant anew from now on, after what held by the rules `before`; returns how many."""
    rows = Resource.objects.filter(gone_at__isnull=True).select_related("account").order_by("id")
    return replan(rows.select_for_update(of=("self",)), before, rules_at(now), now=now, at_once=at_once)


def _parameters(changes: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    looked = look_at(changes, now=now)
    return {"changes": changes, "differences": looked.differences, "forecast": looked.forecast}


def _write(change: Mapping[str, Any], operation: Operation) -> None:
    what, first, last = change["what"], change["first"], change["last"]
    yearly = len(first) == len("MM-DD")
    if yearly:
        Closure.objects.filter(first=first, last=last).delete()
    else:
        CompanyDay.objects.filter(day=first).delete()
    if what == "remove":
        return
    made = {"tenant_id": operation.tenant_id, "name": change["name"], "operation": str(operation.id)}
    if yearly:
        Closure.objects.create(first=first, last=last, **made)
    else:
        CompanyDay.objects.create(day=first, kind=what, **made)


def _clean(change: Mapping[str, Any]) -> dict[str, Any]:
    what, first = str(change.get("what", "")), str(change.get("first", ""))
    last, name = str(change.get("last") or first), str(change.get("name", "")).strip()
    if what not in ("closure", CompanyDayKind.CLOSED, CompanyDayKind.EXTRA, "remove"):
        raise Refused("bad_parameter", name="what", allowed="closure, closed, extra, remove")
    if what != "remove" and not (1 <= len(name) <= NAME_MAX and name.isprintable()):
        raise Refused("bad_name", name=name[:NAME_MAX])
    try:
        if what == "closure" or (what == "remove" and len(first) == len("MM-DD")):
            ClosedRange(first, last, name)
        else:
            first = last = date.fromisoformat(first).isoformat()
    except ValueError:
        raise Refused("bad_parameter", name="first", allowed="12-29, 2026-12-28") from None
    return {"what": what, "first": first, "last": last, "name": name or first}


def _changed(before: Calendar, change: Mapping[str, Any]) -> Calendar | None:
    """The calendar after a change, or None where it changes nothing."""
    what, first, last, name = change["what"], change["first"], change["last"], change["name"]
    ranges = {(one.first, one.last): one for one in before.ranges}
    closed, extra = dict(before.closed), dict(before.extra)
    if len(first) == len("MM-DD"):
        ranges.pop((first, last), None)
        if what == "closure":
            ranges[first, last] = ClosedRange(first, last, name)
    else:
        day = date.fromisoformat(first)
        closed.pop(day, None)
        extra.pop(day, None)
        if what != "remove":
            (closed if what == CompanyDayKind.CLOSED else extra)[day] = name
    kept = tuple(sorted(ranges.values(), key=lambda one: (one.first, one.last)))
    after = Calendar(before.holidays, before.coverage, kept, closed, extra)
    return after if company_differences(before, after) else None
