"""Reading the ledger of the bound tenant."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F, Func, JSONField, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, ExtractHour, TruncDate

from medical_audit.domain.actor import Actor, ActorType
from medical_audit.domain.canonical import canonical, utc_text
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.personal import TOKEN, Field
from medical_audit.domain.rights import LEDGER_VIEW, OPERATION_VIEW
from medical_audit.domain.working_days import working_days
from medical_audit.models import Event, Link
from medical_audit.queries.links import links_of
from medical_audit.queries.paging import Cursors, Page, page_of
from medical_audit.queries.people import name_or_erased, people_in, references_holding, references_to
from medical_audit.tenancy import current_tenant_id

#: The choices of a filter come from this many newest events: bounded, whatever the ledger's length.
CHOICES_FROM = 2000
#: A text that stands in more readable values than this is not searched for.
REFERENCES_MOST = 200
#: Off hours: before and from these hours on, and the days off of the tenant's calendar, in this zone.
ZONE, OPENS, CLOSES = ZoneInfo("Asia/Tokyo"), 7, 20


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a reader looks for; empty means everything. `since` is inclusive, `until` exclusive.

    `role`: one that the acting person held then; `off_hours`: what people did outside working hours; `proxy`: what was done
    for somebody else.
    """

    kind: str = ""
    actor: str = ""
    role: str = ""
    subject: str = ""
    outcome: str = ""
    address: str = ""
    session: str = ""
    off_hours: bool = False
    proxy: bool = False
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def asked(self) -> dict[str, object]:
        """What was asked for, as plain data: instants as UTC text, and only what is set."""
        return {
            name: utc_text(value) if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value
        }

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> "EventFilter":
        """`asked` read back."""
        given = dict(asked)
        for name in ("since", "until"):
            if name in given:
                given[name] = datetime.fromisoformat(str(given[name]))
        return cls(**given)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An event and its place in the chain; none yet for one of a transaction that has not ended."""

    event: Event
    link: Link | None


@dataclass(frozen=True, slots=True)
class Chain:
    """What the page says of the chain: how many events it holds."""

    events: int


@dataclass(frozen=True, slots=True)
class EventChoices:
    """What filters may offer, taken from the newest events: kinds and outcomes, people by id with their names."""

    kinds: tuple[str, ...]
    outcomes: tuple[str, ...]
    actors: Mapping[str, str]


def list_events(wanted: EventFilter, cursors: Cursors, *, actor: Actor) -> Page:
    """One page of LedgerRow, newest first. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    page = page_of(matching(wanted), ("event_at", "ord"), cursors, descending=True)
    links = links_of(page.rows)
    shown = [LedgerRow(event, links.get((event.id, event.event_at))) for event in page.rows]
    return Page(shown, page.previous, page.next)


def event_choices(*, actor: Actor) -> EventChoices:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    newest = Event.objects.order_by("-event_at", "-ord").values_list(
        "kind", "outcome", "actor_id", "actor_ref"
    )
    kinds, outcomes, actors = set(), set(), dict[str, str]()
    for kind, outcome, actor_id, name in newest[:CHOICES_FROM]:
        kinds.add(kind)
        outcomes.add(outcome)
        actors.setdefault(actor_id, name)
    readable = people_in(actor.tenant_id, actors.values())
    actors = {one: name_or_erased(name, readable) for one, name in actors.items()}
    return EventChoices(
        tuple(sorted(kinds)), tuple(sorted(outcomes)), dict(sorted(actors.items(), key=lambda item: item[1]))
    )


def count_up_to(wanted: EventFilter, limit: int, *, actor: Actor) -> int:
    """How many events match, counted no further than `limit`."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    return matching(wanted).values("id")[:limit].count()


def get_event(event_id: UUID, *, actor: Actor) -> LedgerRow:
    """One event with its link. Raises NotFound before NotPermitted: what is not here is not found, whoever asks."""
    found = list(Event.objects.filter(id=event_id).order_by("event_at"))
    if not found:
        raise NotFound(type="event", id=str(event_id))
    actor.require(LEDGER_VIEW, actor.tenant_id)
    links = links_of(found)
    rows = [LedgerRow(event, links.get((event.id, event.event_at))) for event in found]
    return next((row for row in rows if row.link is not None), rows[0])


def chain_of(*, actor: Actor) -> Chain:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM ledger.head WHERE tenant_id = %s", [actor.tenant_id])
        head = cursor.fetchone()
    return Chain(head[0] if head else 0)


def events_of_operation(operation_id: UUID, *, actor: Actor, limit: int = 200) -> list[Event]:
    """The story of one operation, newest first."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return list(Event.objects.filter(operation_id=str(operation_id)).order_by("-event_at", "-ord")[:limit])


def events_of_subject(
    subject_type: str, subject_id: str, *, actor: Actor, limit: int = 50
) -> tuple[list[Event], bool]:
    """What happened to one thing, newest first, and whether there is more."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Event.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by(
        "-event_at", "-ord"
    )
    found = list(rows[: limit + 1])
    return found[:limit], len(found) > limit


def matching(wanted: EventFilter) -> QuerySet[Event]:
    """The events of the bound tenant that match, in no order yet.

    What has no column of its own is looked for in the canonical text first, which is quick, and then read as JSON, so that
    nothing that only looks alike is found.
    """
    rows: QuerySet[Event] = Event.objects.all()
    exact = {
        "kind": wanted.kind,
        "actor_id": wanted.actor,
        "subject_id": wanted.subject,
        "outcome": wanted.outcome,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.since:
        rows = rows.filter(event_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(event_at__lt=wanted.until)
    if wanted.q:
        rows = events_holding(rows, wanted.q)
    if wanted.off_hours:
        rows = _off_hours(rows.filter(actor_type=str(ActorType.USER)))
    return _by_the_body(rows, wanted)


def events_holding(rows: QuerySet[Event], text: str) -> QuerySet[Event]:
    """With this text in what was written, or in what can be read of the people in it. Raises Refused (text_too_common)."""
    tokens = references_holding(current_tenant_id(), text)
    if len(tokens) > REFERENCES_MOST:
        raise Refused("text_too_common", limit=REFERENCES_MOST)
    # The letters of a reference say nothing: what is found in the text has to stand in it without them, too.
    said = Func(F("body"), Value(TOKEN.pattern), Value("~"), Value("g"), function="regexp_replace")
    rows = rows.annotate(said_text=Cast(said, TextField()))
    found = Q(body__icontains=text) & Q(said_text__icontains=text)
    for token in tokens:
        found |= Q(body__contains=token)
    return rows.filter(found)


def _off_hours(rows: QuerySet[Event]) -> QuerySet[Event]:
    """Before and after work, and all day on the days off of the tenant's calendar."""
    ends = [rows.order_by(f"{sign}event_at").values_list("event_at", flat=True).first() for sign in ("", "-")]
    first, last = (None if end is None else end.astimezone(ZONE).date() for end in ends)
    if first is None or last is None:
        return rows
    off = working_days().days_off(first, last)
    rows = rows.annotate(day=TruncDate("event_at", tzinfo=ZONE), hour=ExtractHour("event_at", tzinfo=ZONE))
    return rows.filter(Q(day__in=list(off)) | Q(hour__lt=OPENS) | Q(hour__gte=CLOSES))


def _from_address(rows: QuerySet[Event], address: str) -> QuerySet[Event]:
    """Events of before ADR 19 hold the address itself, later ones what refers to it, another one for each person."""
    alike, exact = Q(), Q()
    for text in (address, *references_to(current_tenant_id(), Field.ADDRESS, address)):
        alike |= Q(body__contains=canonical({"address": text})[1:-1])
        exact |= Q(parsed__address=text)
    return rows.filter(alike).annotate(parsed=Cast("body", JSONField())).filter(exact)


def _by_the_body(rows: QuerySet[Event], wanted: EventFilter) -> QuerySet[Event]:
    said: dict[str, Any] = {}
    if wanted.address:
        rows = _from_address(rows, wanted.address)
    if wanted.session:
        rows = rows.filter(body__contains=canonical({"session": wanted.session})[1:-1])
        said["parsed__session"] = wanted.session
    if wanted.proxy:
        rows = rows.filter(body__contains='"behalf":{')
        said["parsed__has_key"] = "behalf"
    if wanted.role:
        rows = rows.filter(body__contains=canonical(wanted.role))
        said["parsed__actor__roles__contains"] = [wanted.role]
    if not said:
        return rows
    return rows.annotate(parsed=Cast("body", JSONField())).filter(**said)
