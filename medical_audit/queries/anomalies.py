"""Facts for the rules, and what they found."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Min

from medical_audit.domain.actor import Actor
from medical_audit.domain.anomalies import BOUNDS, WINDOW, Context, Seen, limits_of
from medical_audit.domain.personal import readable
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.domain.seats import network_of
from medical_audit.domain.working_days import working_days
from medical_audit.models import Anomaly, AnomalyRules, AnomalyWatch, Link, Operation, Visit
from medical_audit.queries.paging import Cursors, Page, page_of
from medical_audit.queries.people import people_in
from medical_audit.tenancy import current_tenant_id

#: Without a look for this long the page says that nobody watches.
WATCH_LATE = timedelta(minutes=5)
_PEOPLE = """
SELECT e.id, e.event_at, e.body, l.seq <= %s FROM ledger.event e JOIN ledger.link l ON l.event_id = e.id
WHERE e.tenant_id = %s AND e.actor_type = 'user' AND e.event_at >= %s AND e.event_at <= %s AND l.seq <= %s
ORDER BY e.event_at, e.ord
"""


def limits_here() -> dict[str, int]:
    """The bound tenant's thresholds."""
    row = AnomalyRules.objects.values_list("limits", flat=True).first()
    return limits_of({name: value for name, value in (row or {}).items() if name in BOUNDS})


def page_after(seq: int, most: int) -> int:
    """The place of the chain up to which the next `most` places after `seq` reach; `seq` where there are none."""
    placed = Link.objects.filter(seq__gt=seq).order_by("seq").values_list("seq", flat=True)[:most]
    return max(placed, default=seq)


def people_events(after: int, last: int) -> Iterator[Seen]:
    """What people did from place `after` of the chain (exclusive) to `last`, and what they did in the window before that, which is
    known; in order, needs a tenant bound."""
    shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
    span = Link.objects.filter(seq__gt=after, seq__lte=last).aggregate(Min("event_at"), Max("event_at"))
    since, until = span["event_at__min"] - WINDOW, span["event_at__max"]
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [after, current_tenant_id(), since, until, last])
        while rows := cursor.fetchmany(2000):
            people = people_in(current_tenant_id(), [text for _, _, text, _ in rows])
            for event_id, event_at, text, known in rows:
                yield _seen(str(event_id), event_at + shift, readable(json.loads(text), people), known=known)


def _seen(event_id: str, recorded_at: datetime, body: Mapping[str, object], *, known: bool) -> Seen:
    actor, subject, detail = (_part(body, name) for name in ("actor", "subject", "detail"))
    address = str(detail.get("address") or body.get("address") or "")
    return Seen(
        event_id=event_id,
        at=datetime.fromisoformat(str(body["at"])),
        recorded_at=recorded_at,
        kind=str(body["kind"]),
        person_id=str(actor.get("id", "")),
        person=str(actor.get("name", "")),
        subject_id=str(subject.get("id", "")),
        subject=str(subject.get("name", "")),
        operation_id=str(body.get("operation") or ""),
        network=network_of(address) if address else "",
        detail=detail,
        known=known,
    )


def _part(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def context_of(events: Sequence[Seen], zone: tzinfo) -> Context:
    """Earlier visits of those who come in, when what is confirmed was entered, the days off in `zone`, and what was found before."""
    people = {event.person_id for event in events if event.kind == "session.entered"}
    visits: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    longest = timedelta(days=max(BOUNDS["network_days"].most, BOUNDS["dormant_days"].most))
    if events and people:
        rows = Visit.objects.filter(user_id__in=people, entered_at__gte=events[0].at - longest)
        for person, at, network in rows.order_by("entered_at").values_list(
            "user_id", "entered_at", "network"
        ):
            visits[str(person)].append((at, network))
    ids = {event.operation_id for event in events if event.kind.endswith("confirmed") and event.operation_id}
    entered = Operation.objects.filter(id__in=ids).values_list("id", "entered_at")
    days = [event.at.astimezone(zone).date() for event in events]
    off = working_days().days_off(min(days), max(days)) if days else {}
    since = min((event.at for event in events), default=None)
    told = Anomaly.objects.filter(at__gte=since - WINDOW) if since else Anomaly.objects.none()
    return Context(
        visits=visits, entered={str(one): at for one, at in entered}, days_off=off,
        told=list(told.values_list("rule", "person_id", "at")),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watch:
    """Whether somebody looks: when last, and whether that is too long ago."""

    looked_at: datetime | None
    late: bool


def watch_of(*, actor: Actor, now: datetime) -> Watch:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    at = AnomalyWatch.objects.aggregate(at=Max("looked_at"))["at"]
    return Watch(at, at is None or now - at > WATCH_LATE)


@dataclass(frozen=True, slots=True)
class AnomalyFilter:
    """`rule` and `person` (an id); empty means everything."""

    rule: str = ""
    person: str = ""


def list_anomalies(
    wanted: AnomalyFilter, since: datetime, until: datetime, cursors: Cursors, *, actor: Actor
) -> Page:
    """The findings about [since, until), newest first. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    rows = Anomaly.objects.filter(at__gte=since, at__lt=until)
    if wanted.rule:
        rows = rows.filter(rule=wanted.rule)
    if wanted.person:
        rows = rows.filter(person_id=wanted.person)
    return page_of(rows, ("at", "id"), cursors, descending=True)


def anomaly_counts(since: datetime, until: datetime, *, actor: Actor) -> dict[str, int]:
    """How often each rule spoke in [since, until); the most frequent first."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    rows = Anomaly.objects.filter(at__gte=since, at__lt=until).values_list("rule")
    return dict(rows.annotate(n=Count("id")).order_by("-n", "rule"))


def rules_row() -> AnomalyRules | None:
    found: AnomalyRules | None = AnomalyRules.objects.first()
    return found


def anomaly_of(event_ids: Sequence[UUID]) -> Mapping[UUID, list[Anomaly]]:
    """Findings by the event at which they were made."""
    found: dict[UUID, list[Anomaly]] = defaultdict(list)
    for row in Anomaly.objects.filter(event_id__in=event_ids).order_by("rule"):
        found[row.event_id].append(row)
    return found
