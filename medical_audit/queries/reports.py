"""Reports of a period for auditors: plain rows with a hash, so that a print-out can be held against a second run."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db.models import Count, Max

from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import digest, utc_text
from medical_audit.domain.errors import NotFound
from medical_audit.domain.people import directory
from medical_audit.domain.reports import Cell, Column, Made, Report, as_of
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import Emergency, Event, Operation, Visit
from medical_audit.queries.anomalies import limits_here
from medical_audit.queries.emergencies import count_acts
from medical_audit.queries.report_rows import clock_rows, review_rows, session_rows

#: No page shows more rows: one that nobody can read to its end proves nothing. A file takes ten times as many.
ROWS_MOST = 2000

#: Events that may tell of changed roles: what was confirmed about a person, what he agreed to, and the first roles of a founding.
ROLE_EVENTS = ("operation.succeeded", "member.admitted", "member.granted")

Maker = Callable[[datetime, datetime, Actor, datetime], Made]


def make_report(
    name: str, since: datetime, until: datetime, *, actor: Actor, now: datetime, most: int = ROWS_MOST
) -> Report:
    """The report `name` of [since, until), at most `most` rows of it. Raises NotPermitted, NotFound (no such report)."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    maker = REPORTS.get(name)
    if maker is None:
        raise NotFound(type="report", id=name)
    columns, rows, totals = maker(since, until, actor, now)
    judged = as_of(until, now)
    sha256 = digest(
        {
            "report": name, "tenant": str(actor.tenant_id), "since": utc_text(since), "until": utc_text(until),
            "as_of": utc_text(judged), "columns": [column.name for column in columns], "rows": [[_plain(cell) for cell in row] for row in rows],
        }
    )  # fmt: skip
    return Report(name, since, until, judged, columns, rows[:most], totals, sha256, max(0, len(rows) - most))


#: Above so many rows or things to read a report is made by a worker, and not while somebody waits for the page.
LONG = 2000


def is_long(name: str, since: datetime, until: datetime) -> bool:
    """Whether the report is made of so much that nobody should wait for it. Raises NotFound. Needs the tenant bound."""
    if name not in REPORTS:
        raise NotFound(type="report", id=name)
    shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
    events = Event.objects.filter(event_at__gte=since - shift, event_at__lt=until - shift)
    entered = Operation.objects.filter(entered_at__gte=since, entered_at__lt=until)
    visits = Visit.objects.filter(entered_at__gte=since, entered_at__lt=until)
    sources: dict[str, Any] = {
        "accounts": visits,
        "sessions": visits,
        "confirmations": entered.exclude(policy="schedule"),
        "roles": events.filter(kind__in=ROLE_EVENTS, subject_type="user"),
        "exports": events.filter(kind__endswith="exported"),
    }
    return name in sources and sources[name].order_by().values("tenant_id")[: LONG + 1].count() > LONG


def register_report(name: str, maker: Maker) -> None:
    """Declare a report of a floor above; called once per process from its `ready()`, before any address is made."""
    REPORTS[name] = maker


def _plain(cell: Cell) -> object:
    return utc_text(cell) if isinstance(cell, datetime) else cell


# -- accounts --------------------------------------------------------------------------------------------------------------


def _accounts(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """Everybody with a role: what he may, when he was last here, how he proved himself; privileged and dormant ones marked.

    What came after the period does not change it.
    """
    privileged, judged = _privileged_roles(), as_of(until, now)
    ever = Visit.objects.filter(entered_at__lt=until)
    last = {str(key): at for key, at in ever.values_list("user_id").annotate(at=Max("entered_at"))}
    visits = Visit.objects.filter(entered_at__gte=since, entered_at__lt=until)
    counts = {str(key): n for key, n in visits.values_list("user_id").annotate(n=Count("id"))}
    weak = {str(user) for user, factors in visits.values_list("user_id", "factors") if len(factors or []) < 2}
    dormant_after = timedelta(days=limits_here()["dormant_days"])
    rows: list[list[Cell]] = []
    totals = Counter[str]()
    for member in directory().members(actor.tenant_id):
        seen = last.get(member.id)
        is_privileged = bool(privileged & set(member.roles))
        is_dormant = seen is None or judged - seen >= dormant_after
        totals.update(
            people=1, privileged=is_privileged, dormant=is_dormant, both=is_privileged and is_dormant,
            password_only=member.id in weak,
        )  # fmt: skip
        rows.append(
            [
                member.name, list(member.roles), is_privileged, seen, counts.get(member.id, 0), is_dormant,
                member.id in weak if member.id in counts else None,
            ]
        )  # fmt: skip
    columns = (
        Column("person"), Column("roles", "roles"), Column("privileged", "yes"), Column("last_seen", "moment"),
        Column("visits", "number"), Column("dormant", "yes"), Column("password_only", "yes"),
    )  # fmt: skip
    return columns, rows, dict(totals)


def _privileged_roles() -> set[str]:
    """Roles that may confirm anything, or change who may."""
    return {
        role
        for right in ("power.confirm", "schedule.confirm", "policy.edit", "session.end")
        for role in directory().roles_with(right)
    }


# -- confirmations ---------------------------------------------------------------------------------------------------------


def _confirmations(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """What people entered, by kind: how it was confirmed, in whose name, how long it took; the sum is what was entered."""
    entered = Operation.objects.filter(entered_at__gte=since, entered_at__lt=until).exclude(policy="schedule")
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    waits: dict[str, list[float]] = defaultdict(list)
    fields = ("kind", "state", "on_behalf_of_id", "entered_at", "confirmed_at", "authority")
    for kind, state, behalf, at, confirmed, authority in entered.values_list(*fields):
        counter = by_kind[kind]
        counter["entered"] += 1
        counter["proxied"] += bool(behalf)
        counter["deputies"] += "deputy_for" in (authority or {})
        if confirmed:
            counter["confirmed"] += 1
            waits[kind].append((confirmed - at).total_seconds() / 60)
        else:
            counter["waiting" if state == "ENTERED" else state.lower()] += 1
    names = ("entered", "confirmed", "waiting", "rejected", "withdrawn", "expired", "proxied", "deputies")
    rows: list[list[Cell]] = [
        [
            kind,
            *(by_kind[kind][name] for name in names),
            round(median(waits[kind]), 1) if waits[kind] else None,
        ]
        for kind in sorted(by_kind)
    ]
    totals = {name: sum(counter[name] for counter in by_kind.values()) for name in names}
    columns = [Column("operation", "operation"), *(Column(name, "number") for name in names)]
    return [*columns, Column("median_wait", "minutes")], rows, totals


# -- readers of the ledger -------------------------------------------------------------------------------------------------


def _events(since: datetime, until: datetime, **wanted: Any) -> list[tuple[Event, Mapping[str, Any]]]:
    shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
    rows = Event.objects.filter(event_at__gte=since - shift, event_at__lt=until - shift, **wanted)
    return [(event, event.said) for event in rows.order_by("event_at", "ord")]


def _roles(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """Each change of somebody's roles: the roles before and after it as its own event tells them, who asked and who confirmed."""
    changes = [
        (event, body["detail"])
        for event, body in _events(since, until, kind__in=ROLE_EVENTS, subject_type="user")
        if "roles_after" in body.get("detail", {}) or event.kind == "member.granted"
    ]
    ids = [event.operation_id for event, _ in changes if event.operation_id]
    entries = Event.objects.filter(kind="operation.entered", operation_id__in=ids)
    entered = {one.operation_id: one for one in entries}
    rows: list[list[Cell]] = []
    for event, detail in changes:
        entry = entered.get(event.operation_id)
        rows.append(
            [
                event.at, event.subject_name, detail.get("roles_before", []), detail.get("roles_after", [detail.get("role", "")]), event.actor_name,
                entry.actor_name if entry else "", str(entry.said.get("reason", "")) if entry else "",
            ]
        )  # fmt: skip
    columns = (
        Column("at", "moment"), Column("person"), Column("before", "roles"), Column("after", "roles"), Column("by"),
        Column("asked_by"), Column("reason"),
    )  # fmt: skip
    people = {event.subject_id for event, _ in changes}
    return columns, rows, {"changes": len(rows), "people": len(people)}


def _exports(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """What left the portal as a file: by whom, how much, for what, and the file's own hash."""
    rows: list[list[Cell]] = []
    for event, body in _events(since, until, kind__endswith="exported"):
        detail = body.get("detail", {})
        number = detail.get("rows", detail.get("events", 0))
        rows.append(
            [event.at, event.actor_name, event.kind, number if isinstance(number, int) else 0,
             str(body.get("reason") or detail.get("purpose") or ""), str(detail.get("sha256", ""))]
        )  # fmt: skip
    columns = (
        Column("at", "moment"), Column("person"), Column("what", "event"), Column("rows", "number"), Column("purpose"),
        Column("sha256", "hash"),
    )  # fmt: skip
    return columns, rows, {"exports": len(rows), "rows": sum(int(str(row[3])) for row in rows)}


def _emergencies(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """Each opening of an emergency right, what was done under it, and what its review said."""
    rows: list[list[Cell]] = []
    found = Emergency.objects.filter(opened_at__gte=since, opened_at__lt=until).order_by("opened_at", "id")
    for one in found:
        rows.append(
            [one.opened_at, one.person_name, one.reason, one.opened_by_name, one.closed_at, count_acts(one),
             one.reviewed_by_name, one.verdict]
        )  # fmt: skip
    columns = (
        Column("at", "moment"), Column("person"), Column("reason"), Column("opened_by"), Column("closed", "moment"),
        Column("acts", "number"), Column("reviewed"), Column("verdict"),
    )  # fmt: skip
    return columns, rows, {"emergencies": len(rows), "open_reviews": sum(not row[6] for row in rows)}


#: In the order in which they are listed; floors above add their own (`register_report`).
REPORTS: dict[str, Maker] = {
    "reviews": review_rows,
    "accounts": _accounts,
    "sessions": session_rows,
    "confirmations": _confirmations,
    "roles": _roles,
    "exports": _exports,
    "emergencies": _emergencies,
    "clocks": clock_rows,
}
