"""Reviews: what must be reviewed, what was drawn, what was said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.people import directory
from medical_audit.domain.reviews import Awaited, Standing, due_at, month_name
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.domain.states import State
from medical_audit.models import AccessReview, Anomaly, AnomalyWatch, Event, Link, Operation, ReviewItem
from medical_audit.queries.anomalies import limits_here
from medical_audit.queries.paging import Cursors, Page, page_of
from medical_audit.queries.people import name_or_erased, people_in
from medical_audit.queries.seals import Stored
from medical_audit.tenancy import current_tenant_id

ZONE = ZoneInfo("Asia/Tokyo")
#: The groups that events are drawn from, and whether those are of people.
_GROUPS = {"people": True, "clock": False}
#: Which events are drawn from: of people all but coming, going and looking, which are added up elsewhere, and but what
#: follows by itself from their confirmation; of Toban all. The last two values say whether those of people.
_COUNT = """
SELECT count(*) FROM ledger.event e WHERE e.tenant_id = %s AND e.event_at >= %s AND e.event_at < %s AND (
    %s AND e.actor_type = 'user' AND e.kind NOT LIKE 'session.%%' AND e.kind NOT LIKE '%%viewed'
        AND e.kind NOT IN ('operation.called', 'operation.succeeded')
    OR NOT %s AND e.actor_type <> 'user'
)
"""
_PICK = """
SELECT id, actor_type, actor_id, actor_name FROM (
    SELECT e.id, e.actor_type, e.actor_id, e.actor_name, row_number() OVER (ORDER BY e.event_at, e.ord) AS place
    FROM ledger.event e WHERE e.tenant_id = %s AND e.event_at >= %s AND e.event_at < %s AND (
        %s AND e.actor_type = 'user' AND e.kind NOT LIKE 'session.%%' AND e.kind NOT LIKE '%%viewed'
            AND e.kind NOT IN ('operation.called', 'operation.succeeded')
        OR NOT %s AND e.actor_type <> 'user'
    )
) AS numbered WHERE place = ANY(%s) ORDER BY place
"""
_SEAL = "SELECT number, at, note, hash FROM ledger.checkpoint WHERE at >= %s ORDER BY number LIMIT 1"


@dataclass(frozen=True, slots=True)
class Picked:
    """One event drawn; `actor_id` is "" for what Toban did by itself."""

    event_id: UUID
    actor_id: str
    actor_name: str


def seal_after(until: datetime) -> Stored | None:
    """The first seal that was made at or after this moment of the portal's clock."""
    with connection.cursor() as cursor:
        cursor.execute(_SEAL, [until - _shift()])
        row = cursor.fetchone()
    return Stored(row[0], row[1], row[2], bytes(row[3])) if row else None


def unwatched(until: datetime) -> bool:
    """Whether the rules have still to look at something that was recorded before this moment of the portal's clock."""
    looked = AnomalyWatch.objects.values_list("seq", flat=True).first() or 0
    return Link.objects.filter(seq__gt=looked, event_at__lt=until - _shift()).exists()


def awaited(review: AccessReview) -> Awaited | None:
    """What a review that is begun still waits for."""
    if review.drawn_at is not None:
        return None
    return Awaited.SEAL if seal_after(review.until) is None else Awaited.WATCH


def population(group: str, since: datetime, until: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _drawn_from(group, since, until))
        (count,) = cursor.fetchone()
    return int(count)


def pick(group: str, since: datetime, until: datetime, places: Sequence[int]) -> list[Picked]:
    """The events that stand at these places (from 1) of their group, by time."""
    with connection.cursor() as cursor:
        cursor.execute(_PICK, [*_drawn_from(group, since, until), list(places)])
        rows = cursor.fetchall()
    readable = people_in(current_tenant_id(), [name for *_, name in rows])
    return [
        Picked(event_id, actor_id if actor_type == "user" else "", name_or_erased(name, readable))
        for event_id, actor_type, actor_id, name in rows
    ]


def _drawn_from(group: str, since: datetime, until: datetime) -> list[UUID | datetime | bool]:
    """The values of a question about one group ("people", "clock") in one time of the portal's clock."""
    of_people = _GROUPS[group]
    return [current_tenant_id(), since - _shift(), until - _shift(), of_people, of_people]


def _shift() -> timedelta:
    """How far the portal's clock is from the database's: nothing, but for a demo whose clock is shifted."""
    return timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)


def begun_at() -> datetime | None:
    """When the bound tenant's ledger began."""
    first: datetime | None = (
        Event.objects.order_by("event_at", "ord").values_list("event_at", flat=True).first()
    )
    return first + _shift() if first else None


@dataclass(frozen=True, slots=True)
class MonthDue:
    """A month that has ended: until when its review must be signed, and how far it is (review None: not begun)."""

    first: date
    since: datetime
    until: datetime
    due: datetime
    review: AccessReview | None
    overdue: bool

    @property
    def name(self) -> str:
        return month_name(self.first)


def months_due(now: datetime) -> list[MonthDue]:
    """The bound tenant's ended months since its ledger (or what was not purged of it) begins whose review is not signed, the oldest first."""
    began, days = begun_at(), limits_here()["review_days"]
    if began is None:
        return []
    reviews = {row.name: row for row in AccessReview.objects.filter(interim=False)}
    found: list[MonthDue] = []
    first = now.astimezone(ZONE).date().replace(day=1)
    while (until := _midnight(first)) > began:
        first = (first - timedelta(days=1)).replace(day=1)
        review = reviews.get(month_name(first))
        if review is None or not review.signed_at:
            due = due_at(until, days)
            found.append(MonthDue(first, _midnight(first), until, due, review, now > due))
    return found[::-1]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


def list_reviews(cursors: Cursors, *, actor: Actor) -> Page:
    """One page, the newest first. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    return page_of(AccessReview.objects.all(), ("until", "id"), cursors, descending=True)


def get_review(review_id: UUID, *, actor: Actor) -> AccessReview:
    """Raises NotPermitted, NotFound."""
    found: AccessReview | None = AccessReview.objects.filter(id=review_id).first()
    if found is None:
        raise NotFound(type="review", id=str(review_id))
    actor.require(LEDGER_VIEW, actor.tenant_id)
    return found


def standing_of(review: AccessReview) -> Standing:
    """How far it is: a sign-off that was rejected, withdrawn or expired leads back to the events."""
    if review.standing != Standing.WAITING:
        return review.standing
    state = Operation.objects.filter(id=review.operation).values_list("state", flat=True).first()
    return Standing.WAITING if state == State.ENTERED else Standing.DRAWN


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a review with what speaks of it: the event itself, what the rules found at it, and how many more findings it
    stands for."""

    row: ReviewItem
    event: Event | None
    anomalies: Sequence[Anomaly]
    own: bool

    @property
    def more(self) -> int:
        return max(0, self.row.findings - len(self.anomalies))


def own_acts(actor: Actor, who: Collection[str]) -> frozenset[str]:
    """Whose of these acts count as the actor's own: his, and those of accounts that are nobody's own and in his hands."""
    return directory().in_hands_of(actor.tenant_id, actor.id, who) | {actor.id}


def items_of(review: AccessReview, *, actor: Actor) -> list[Item]:
    """What was found unusual first, then what was drawn, each by time."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    rows = list(ReviewItem.objects.filter(review=review))
    ids = [row.event_id for row in rows]
    events: Mapping[UUID, Event] = {event.id: event for event in Event.objects.filter(id__in=ids)}
    found: dict[UUID, list[Anomaly]] = {}
    for one in Anomaly.objects.filter(event_id__in=ids).order_by("rule"):
        found.setdefault(one.event_id, []).append(one)
    mine = own_acts(actor, {row.actor_id for row in rows})
    items = [
        Item(row, events.get(row.event_id), found.get(row.event_id, []), row.actor_id in mine) for row in rows
    ]

    def place(item: Item) -> tuple[bool, float]:
        at = item.event.event_at.timestamp() if item.event else 0.0
        return item.row.why in _GROUPS, at

    return sorted(items, key=place)
