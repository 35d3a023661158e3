"""Lists of national holidays that come in: judged, taken over, kept for a person, or refused; fetched every month.

The last good list stays in force until another one is adopted. What a feed gives is judged exactly as what a person
uploads: by itself only a list that neither takes a known day away nor adds one that the shipped list does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from accounts.domain.permissions import Permission
from infra import feeds
from infra.domain.holiday_files import BadList, Judgement, ListSource, judge, read_list
from infra.models import HolidayFeed, HolidayList
from infra.models.calendar import ListState
from infra.operations.calendars import replan_all
from infra.queries.calendars import TOKYO, calendar_of, library_at
from infra.queries.rules import rules_at
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

ADOPT = "calendar.adopt"
#: After a fetch that gave no list, and for as long as one that is under way may take.
RETRY = timedelta(days=1)
#: So soon after the last try nobody fetches again.
PAUSE = timedelta(minutes=1)
#: On the first of each month from 08:00 in Tokyo on; tenants are spread over so many minutes.
MONTHLY_AT, SPREAD_MIN = time(8, 0, tzinfo=TOKYO), 600
FEED_SOURCES = (ListSource.CABINET, ListSource.ICAL)


def receive_list(data: bytes, source: ListSource, *, actor: Actor, now: datetime) -> HolidayList:
    """Judge a file that a person sent; returns the row that says what became of it. Raises NotPermitted."""
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        return _receive(data, source, "", actor, now)


def set_feed(
    source: ListSource,
    url: str,
    *,
    actor: Actor,
    now: datetime,
    local: bool = False,
    seen: str | None = None,
) -> None:
    """Say from which address a source's list is fetched every month, first at once; "" takes the address away.

    `seen`: the address in whose place it comes ("": none), where the caller read one. Raises NotPermitted, StaleContent
    (feed_changed), Refused (bad_url, https_only, private_address, nothing_changed).
    """
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    if source not in FEED_SOURCES:
        raise Refused("bad_parameter", name="source", allowed=", ".join(FEED_SOURCES))
    url = url.strip()
    if url:
        try:
            feeds.check(url, local=local)
        except feeds.FetchFailed as failed:
            raise Refused(failed.code, url=failed.detail) from None
    with tenant_scope(actor.tenant_id):
        feed: HolidayFeed | None = HolidayFeed.objects.filter(source=source).select_for_update().first()
        before = feed.url if feed else ""
        if seen is not None and seen != before:
            raise StaleContent("feed_changed")
        if url == before:
            raise Refused("nothing_changed", name=url)
        feed = feed or HolidayFeed(tenant_id=actor.tenant_id, source=source)
        kept = str(feed.id)
        if url:
            feed.url, feed.next_at, feed.tried_at, feed.problem, feed.detail = url, now, None, "", ""
            feed.changed_by_name, feed.changed_at = actor.name, now
            feed.save()
        else:
            feed.delete()
        _tell_feed("calendar.feed_set", kept, source, actor, now, url=url, before=before)


def refresh(
    feed_id: UUID, *, actor: Actor, now: datetime, asked: bool = False, local: bool = False
) -> HolidayList | None:
    """Fetch the list of one feed and judge it; None where nothing was fetched, because somebody just did or it failed.

    asked: a person asks for it now (he needs the right to, and only a try a moment ago stands in his way); otherwise it
    must be due. Whoever moves `next_at` on has it, so that two beats fetch it once. A fetch that fails is recorded and
    tried again the next day. local: loopback addresses are allowed (never in production).
    Raises NotPermitted, NotFound (asked, and there is no such feed), Refused (just_tried).
    """
    if asked:
        actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    feed = _claimed(feed_id, actor.tenant_id, now, asked=asked)
    if feed is None:
        return None
    try:
        data = feeds.fetch(feed.url, local=local)
    except feeds.FetchFailed as failed:
        with tenant_scope(actor.tenant_id):
            _settle(feed, problem=failed.code, detail=failed.detail)
            _tell_feed("calendar.feed_failed", str(feed.id), feed.source, actor, now, outcome="failed", url=feed.url,
                       problem=failed.code, detail=failed.detail)  # fmt: skip
        return None
    with tenant_scope(actor.tenant_id):
        row = _receive(data, ListSource(feed.source), feed.url, actor, now)
        refused = row.state == ListState.REFUSED
        said = str(row.detail.get("detail", "")) if refused else ""
        _settle(feed, problem=row.problem if refused else "", detail=said, good=None if refused else now)
    return row


def enter_adopt(list_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a waiting list is taken over after all. Raises NotPermitted, NotFound and as `entry.enter`."""
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _waiting(list_id)
        parameters = {
            "list": str(row.id), "source": row.source, "digest": row.digest, "days": len(row.days),
            "problem": row.problem, "added": _named(row, "added"), "removed": row.detail["removed"],
        }  # fmt: skip
        target = OperationTarget("holiday_list", str(row.id), row.source)
        return entry.enter(ADOPT, target, parameters, actor=actor, now=now, reason=reason)


def turn_down(list_id: UUID, *, actor: Actor, now: datetime, reason: str) -> None:
    """Say that a waiting list is not taken over; the same file does not ask again. Nothing in force changes.

    Raises NotPermitted, NotFound, Refused (reason_missing).
    """
    actor.require(Permission.CALENDAR_EDIT, actor.tenant_id)
    if not reason.strip():
        raise Refused("reason_missing")
    with tenant_scope(actor.tenant_id):
        row = _waiting(list_id)
        row.state, row.decided_at = ListState.REFUSED, now
        row.save()
        _tell(row, actor, now, reason=reason)


def shown_adopt(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    changed = [{"code": "holiday_added", **one} for one in parameters["added"]]
    changed += [{"code": "holiday_removed", "day": day} for day in parameters["removed"]]
    return {"sentence": ADOPT, "call": "", "differences": changed, **parameters}


def apply_adopt(operation: Operation, now: datetime) -> dict[str, Any]:
    """Put the list in force. Raises StaleContent when it is not waiting, or not as it was shown, any more."""
    rows = HolidayList.objects.filter(id=operation.parameters["list"], state=ListState.QUARANTINED)
    row = rows.select_for_update().first()
    if row is None or row.digest != operation.parameters["digest"]:
        raise StaleContent("list_settled")
    rules = rules_at(now)
    row.state, row.decided_at, row.operation = ListState.ADOPTED, now, str(operation.id)
    _step_aside(row, system_actor(operation.tenant_id, "calendar"), now)
    row.save()
    return {"resources": replan_all(rules, now)}


def monthly(tenant_id: UUID, now: datetime) -> datetime:
    """When a feed is next due after a good fetch: the first of the next month, each tenant at its own minute."""
    local = now.astimezone(TOKYO).date()
    first = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime.combine(first, MONTHLY_AT).astimezone(UTC) + timedelta(minutes=tenant_id.int % SPREAD_MIN)


def _receive(data: bytes, source: ListSource, url: str, actor: Actor, now: datetime) -> HolidayList:
    _one_at_a_time(actor.tenant_id)
    rules = rules_at(now)
    row = HolidayList(
        tenant_id=actor.tenant_id, source=source, url=url[:500], received_at=now,
        received_by_name=actor.name, state=ListState.REFUSED,
    )  # fmt: skip
    try:
        days = read_list(data, source)
        row.days = {day.isoformat(): name for day, name in sorted(days.items())}
        row.digest = digest(row.days)
        if known := _known(row):
            _tell(known, actor, now, kind="calendar.list_unchanged", url=url)
            return known
        verdict = _judge(days, now)
    except BadList as bad:
        row.days, row.digest, row.problem, row.detail = {}, "", bad.code, {"detail": bad.detail}
    else:
        row.problem = verdict.code
        row.detail = {
            "added": [day.isoformat() for day in verdict.added],
            "removed": [day.isoformat() for day in verdict.removed],
        }
        row.state = ListState.QUARANTINED if verdict.code else ListState.ADOPTED
        _step_aside(row, actor, now)
    if row.state == ListState.ADOPTED:
        row.decided_at = now
    row.save(force_insert=True)
    _tell(row, actor, now)
    if row.state == ListState.ADOPTED:
        replan_all(rules, now)
    return row


def _known(row: HolidayList) -> HolidayList | None:
    """The same list of the same source, where it is in force, waits, or was turned down by a person."""
    same: HolidayList | None = (
        HolidayList.objects.filter(source=row.source, digest=row.digest)
        .exclude(state=ListState.REPLACED)
        .order_by("-received_at")
        .first()
    )
    return same


def _judge(days: Mapping[date, str], now: datetime) -> Judgement:
    today = now.astimezone(TOKYO).date()
    return judge(days, trusted=calendar_of(now).holidays, library=library_at(now).holidays, today=today)


def _step_aside(row: HolidayList, actor: Actor, now: datetime) -> None:
    """An older list of the same source waits no longer, and one in force makes room for one that is adopted."""
    older = Q(state=ListState.QUARANTINED, source=row.source)
    if row.state == ListState.ADOPTED:
        older |= Q(state=ListState.ADOPTED)
    for one in HolidayList.objects.filter(older).exclude(id=row.id).select_for_update():
        one.state = ListState.REPLACED
        one.save(update_fields=["state"])
        _tell(one, actor, now)


def _waiting(list_id: UUID) -> HolidayList:
    row: HolidayList | None = (
        HolidayList.objects.filter(id=list_id, state=ListState.QUARANTINED).select_for_update().first()
    )
    if row is None:
        raise NotFound(type="holiday_list", id=str(list_id))
    return row


def _named(row: HolidayList, which: str) -> list[dict[str, str]]:
    return [{"day": day, "name": row.days[day]} for day in row.detail[which]]


def _claimed(feed_id: UUID, tenant_id: UUID, now: datetime, *, asked: bool) -> HolidayFeed | None:
    with tenant_scope(tenant_id):
        row = HolidayFeed.objects.filter(id=feed_id)
        free = Q(tried_at__isnull=True) | Q(tried_at__lte=now - PAUSE)
        ours = row.filter(free if asked else Q(next_at__lte=now)).update(tried_at=now, next_at=now + RETRY)
        feed: HolidayFeed | None = row.first()
    if asked and feed is None:
        raise NotFound(type="holiday_feed", id=str(feed_id))
    if asked and not ours:
        raise Refused("just_tried")
    return feed if ours else None


def _settle(feed: HolidayFeed, *, problem: str, detail: str, good: datetime | None = None) -> None:
    """Keep how the try ended, unless the address was changed meanwhile."""
    ended: dict[str, Any] = {"problem": problem, "detail": detail[:300]}
    if good is not None:
        ended |= {"succeeded_at": good, "next_at": monthly(feed.tenant_id, good)}
    HolidayFeed.objects.filter(id=feed.id, url=feed.url).update(**ended)


def _one_at_a_time(tenant_id: UUID) -> None:
    """Two lists that come in at once are judged one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"calendar:{tenant_id}"])


def _tell(
    row: HolidayList, actor: Actor, now: datetime, *, kind: str = "", reason: str = "", **more: Any
) -> None:
    record(
        kind or f"calendar.list_{row.state}",
        actor=actor,
        subject=Subject("holiday_list", str(row.id), str(row.source)),
        now=now,
        outcome="failed" if row.state == ListState.REFUSED and not kind else "ok",
        reason=reason,
        detail={"source": str(row.source), "url": row.url, "problem": row.problem, "days": len(row.days),
                "digest": row.digest, **row.detail, **more},
    )  # fmt: skip


def _tell_feed(
    kind: str, feed_id: str, source: str, actor: Actor, now: datetime, *, outcome: str = "ok", **detail: Any
) -> None:
    subject = Subject("holiday_feed", feed_id, str(source))
    record(
        kind, actor=actor, subject=subject, now=now, outcome=outcome, detail={"source": str(source), **detail}
    )
