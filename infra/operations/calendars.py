"""The tenant's calendar: lists of holidays that come in are judged, what the company decides is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from accounts.domain.permissions import Permission
from infra import feeds
from infra.domain.calendar import Calendar, ClosedRange
from infra.domain.holiday_files import BadList, Judgement, ListSource, judge, read_list
from infra.models import Closure, CompanyDay, HolidayList, Resource
from infra.models.calendar import CompanyDayKind, ListState
from infra.operations.plans import replan
from infra.queries.calendars import calendar_of, library_at
from infra.queries.forecast import forecast
from infra.queries.rules import Rules, rules_at
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

CHANGE, ADOPT = "calendar.change", "calendar.adopt"
#: Offered, never in force by themselves: year-end and Obon.
DEFAULT_CLOSURES = (ClosedRange("12-29", "01-03", "年末年始"), ClosedRange("08-13", "08-16", "お盆"))
NAME_MAX = 100
_TOKYO = ZoneInfo("Asia/Tokyo")


def receive_list(
    data: bytes, source: ListSource, *, actor: Actor, now: datetime, url: str = ""
) -> HolidayList:
    """Judge a file that came in: taken over, kept for a person to decide, or refused; the last good list stays until then.

    Returns the row that says which. Raises NotPermitted.
    """
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = HolidayList(
            tenant_id=actor.tenant_id, source=source, url=url[:500], received_at=now,
            received_by_name=actor.name, state=ListState.REFUSED,
        )  # fmt: skip
        try:
            days = read_list(data, source)
            verdict = _judge(days, now)
        except BadList as bad:
            row.problem, row.detail = bad.code, {"detail": bad.detail}
        else:
            row.days = {day.isoformat(): name for day, name in sorted(days.items())}
            row.digest, row.problem = digest(row.days), verdict.code
            row.detail = {
                "added": [day.isoformat() for day in verdict.added],
                "removed": [day.isoformat() for day in verdict.removed],
            }
            row.state = ListState.QUARANTINED if verdict.code else ListState.ADOPTED
        rules = rules_at(now)
        if row.state == ListState.ADOPTED:
            _replace_adopted()
            row.decided_at = now
        row.save(force_insert=True)
        _tell(row, actor, now)
        if row.state == ListState.ADOPTED:
            _replan_all(rules, now)
    return row


def refresh(source: ListSource, url: str, *, actor: Actor, now: datetime, local: bool = False) -> HolidayList:
    """Fetch a list and judge it. A fetch that fails is recorded as a refused list, and the last good one stays.

    local: loopback addresses are allowed (never in production). Raises NotPermitted.
    """
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    try:
        data = feeds.fetch(url, local=local)
    except feeds.FetchFailed as failed:
        with tenant_scope(actor.tenant_id):
            failed_list: HolidayList = HolidayList.objects.create(
                tenant_id=actor.tenant_id, source=source, url=url[:500], received_at=now, state=ListState.REFUSED,
                received_by_name=actor.name, problem=failed.code, detail={"detail": failed.detail},
            )  # fmt: skip
            _tell(failed_list, actor, now)
        return failed_list
    return receive_list(data, source, actor=actor, now=now, url=url)


def enter_change(change: Mapping[str, Any], *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter one change of the company's calendar; another person confirms it.

    change: {"what": "closure"|"closed"|"extra"|"remove", "first", "last", "name"}; dates are MM-DD for a closure and
    YYYY-MM-DD for one day (first only). Raises NotPermitted, Refused (bad_parameter, nothing_changed).
    """
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        parameters = proposal(change, now=now)
        target = OperationTarget("calendar", "tenant", parameters["name"])
        return entry.enter(CHANGE, target, parameters, actor=actor, now=now, reason=reason)


def proposal(change: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """The parameters of a change, with what it would do in the next 14 days. Needs the tenant bound."""
    clean = _clean(change)
    before = calendar_of(now)
    after = _changed(before, clean)
    if after is None:
        raise Refused("nothing_changed", name=clean["name"])
    rules = rules_at(now)
    rows = Resource.objects.filter(gone_at__isnull=True).select_related("account").order_by("id")
    seen = forecast(rules, rules.with_calendar(after), rows, now=now)
    return clean | {"forecast": seen.as_json()}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = ("what", "first", "last", "name", "forecast")
    return {"sentence": CHANGE, "call": "", **{name: parameters[name] for name in names}}


def apply_change(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write the change and plan everything anew. Raises StaleContent when there is nothing to change any more."""
    given = operation.parameters
    if _changed(calendar_of(now), given) is None:
        raise StaleContent("nothing_changed", name=given["name"])
    what, rules = given["what"], rules_at(now)
    if what == "remove":
        Closure.objects.filter(first=given["first"], last=given["last"]).delete()
        if len(given["first"]) > 5:
            CompanyDay.objects.filter(day=given["first"]).delete()
    elif what == "closure":
        Closure.objects.create(
            tenant_id=operation.tenant_id, first=given["first"], last=given["last"], name=given["name"],
            operation=str(operation.id),
        )  # fmt: skip
    else:
        CompanyDay.objects.filter(day=given["first"]).delete()
        CompanyDay.objects.create(
            tenant_id=operation.tenant_id, day=given["first"], kind=what, name=given["name"],
            operation=str(operation.id),
        )  # fmt: skip
    return {"resources": _replan_all(rules, now)}


def enter_adopt(list_id: Any, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a quarantined list is taken over after all. Raises NotPermitted, NotFound, Refused (round_settled)."""
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row: HolidayList | None = HolidayList.objects.filter(id=list_id, state=ListState.QUARANTINED).first()
        if row is None:
            raise NotFound(type="holiday_list", id=str(list_id))
        parameters = {
            "list": str(row.id), "source": row.source, "digest": row.digest, "days": len(row.days),
            "problem": row.problem, "added": row.detail["added"], "removed": row.detail["removed"],
        }  # fmt: skip
        target = OperationTarget("holiday_list", str(row.id), row.source)
        return entry.enter(ADOPT, target, parameters, actor=actor, now=now, reason=reason)


def shown_adopt(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": ADOPT, "call": "", **parameters}


def apply_adopt(operation: Operation, now: datetime) -> dict[str, Any]:
    """Put the list in force. Raises StaleContent when it is not waiting, or not as it was shown, any more."""
    rows = HolidayList.objects.filter(id=operation.parameters["list"], state=ListState.QUARANTINED)
    row = rows.select_for_update().first()
    if row is None or row.digest != operation.parameters["digest"]:
        raise StaleContent("list_settled")
    rules = rules_at(now)
    _replace_adopted()
    row.state, row.decided_at, row.operation = ListState.ADOPTED, now, str(operation.id)
    row.save()
    return {"resources": _replan_all(rules, now)}


def _judge(days: Mapping[date, str], now: datetime) -> Judgement:
    library = library_at(now)
    return judge(
        days,
        trusted=calendar_of(now).holidays,
        library=library.holidays,
        today=now.astimezone(_TOKYO).date(),
    )


def _replace_adopted() -> None:
    HolidayList.objects.filter(state=ListState.ADOPTED).update(state=ListState.REPLACED)


def _replan_all(before: Rules, now: datetime) -> int:
    rows = Resource.objects.filter(gone_at__isnull=True).select_related("account").order_by("id")
    return replan(rows.select_for_update(of=("self",)), before, rules_at(now), now=now)


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
    ranges, closed, extra = list(before.ranges), dict(before.closed), dict(before.extra)
    if what == "closure":
        if any((one.first, one.last) == (first, last) for one in ranges):
            return None
        ranges.append(ClosedRange(first, last, name))
    elif what == "remove":
        ranges = [one for one in ranges if (one.first, one.last) != (first, last)]
        day = date.fromisoformat(first) if len(first) > len("MM-DD") else None
        if day is not None:
            closed.pop(day, None)
            extra.pop(day, None)
        if (len(ranges), len(closed), len(extra)) == (
            len(before.ranges),
            len(before.closed),
            len(before.extra),
        ):
            return None
    else:
        day = date.fromisoformat(first)
        mine, other = (closed, extra) if what == CompanyDayKind.CLOSED else (extra, closed)
        if mine.get(day) == name:
            return None
        mine[day] = name
        other.pop(day, None)
    return Calendar(before.holidays, before.coverage, tuple(ranges), closed, extra)


def _tell(row: HolidayList, actor: Actor, now: datetime) -> None:
    record(
        f"calendar.list_{row.state}",
        actor=actor,
        subject=Subject("holiday_list", str(row.id), str(row.source)),
        now=now,
        outcome="failed" if row.state == ListState.REFUSED else "ok",
        detail={"source": str(row.source), "url": row.url, "problem": row.problem, "days": len(row.days),
                "digest": row.digest, **row.detail},
    )  # fmt: skip
