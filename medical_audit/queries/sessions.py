"""Sessions of the bound tenant: the month added up, the list, and one's own over all tenants."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, QuerySet, Sum

from medical_audit.domain.actor import Actor
from medical_audit.domain.counting import LONGEST, Discrepancy, Row, Told, compare
from medical_audit.domain.errors import NotFound
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.domain.seats import End, end_event
from medical_audit.models import Event, FailedSignIn, Session, Visit
from medical_audit.queries.paging import Cursors, Page, page_of
from medical_audit.queries.people import name_or_erased, people_in
from medical_audit.queries.purges import gone_up_to
from medical_audit.tenancy import current_tenant_id

BEGINNING = "session.entered"
ENDS = {end_event(end): str(end) for end in End}
#: So long after coming in the event of it is written at the latest.
BESIDE = timedelta(minutes=1)
#: One's own past that the page shows.
OWN_SHOWN = 30


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """`state`: "open", "parallel" or how it ended; `person`: an id. Empty means everything."""

    state: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class PersonCount:
    """One person's sessions that began in the period; `ends` by how they ended, `failed` sign-ins under his name."""

    person_id: str
    name: str
    begun: int
    ends: Mapping[str, int]
    still_open: int
    parallel: int
    failed: int


@dataclass(frozen=True, slots=True)
class Account:
    """A period added up: `begun == ended + still_open`, or `faults` says what does not fit. `purged`: sessions that are left out,
    because the record of them is gone by a purge."""

    people: list[PersonCount]
    begun: int
    ended: int
    still_open: int
    failed: int
    faults: list[Discrepancy]
    purged: int = 0

    @property
    def adds_up(self) -> bool:
        return not self.faults and self.begun == self.ended + self.still_open


def account_of(since: datetime, until: datetime, *, actor: Actor, now: datetime) -> Account:
    """The sessions that began in [since, until), checked one by one against the ledger. Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    entered = list(Visit.objects.filter(entered_at__gte=since, entered_at__lt=until))
    here = {visit.session for visit in entered}
    # Who comes in at midnight is written down a moment later: the row says to which period he belongs.
    beside = [*_told([BEGINNING], since - BESIDE, since), *_told([BEGINNING], until, until + BESIDE)]
    begun = [*_told([BEGINNING], since, until), *(one for one in beside if one.session in here)]
    kept, gone = _kept_since(), set[str]()
    if kept is not None:
        known = {one.session for one in begun}
        gone = {one.session for one in entered if one.entered_at < kept and one.session not in known}
    # After an outage sessions are ended whenever somebody sweeps again.
    swept = max((one.ended_at + BESIDE for one in entered if one.ended_at), default=until)
    told = [*begun, *_told(list(ENDS), since, max(until + LONGEST, swept))]
    # An end within the period may belong to a session of the period before, one after it to a later one.
    elsewhere = Visit.objects.filter(session__in={one.session for one in told} - here)
    foreign = gone.union(elsewhere.values_list("session", flat=True))
    begun_here = {one.session for one in begun} - foreign
    visits = [one for one in entered if one.session not in gone]
    rows = [Row(one.session, one.user_name, one.entered_at, one.end) for one in visits]
    faults = compare(rows, [one for one in told if one.session not in foreign], now=now)
    people = _people(visits, _failed(since, until))
    return Account(
        people=people,
        begun=len(begun_here),
        ended=sum(sum(person.ends.values()) for person in people),
        still_open=sum(person.still_open for person in people),
        failed=sum(person.failed for person in people),
        faults=faults,
        purged=len(gone),
    )


def _kept_since() -> datetime | None:
    """From when on the record is there, where older parts of it were purged; None: nothing was."""
    if not gone_up_to(current_tenant_id()):
        return None
    first = Event.objects.order_by("event_at", "ord").values_list("event_at", flat=True).first()
    return first + timedelta(seconds=settings.TOBAN_CLOCK_OFFSET) if first else None


def _in_order(ends: Counter[str]) -> dict[str, int]:
    """In the same order for everybody."""
    return {str(end): ends[end] for end in End if ends[end]}


def _people(visits: list[Visit], failed: Mapping[str, tuple[str, int]]) -> list[PersonCount]:
    by_person: dict[str, list[Visit]] = {}
    for visit in visits:
        by_person.setdefault(str(visit.user_id), []).append(visit)
    found = []
    for person_id in {*by_person, *failed}:
        own = by_person.get(person_id, [])
        found.append(
            PersonCount(
                person_id=person_id,
                name=own[0].user_name if own else failed[person_id][0],
                begun=len(own),
                ends=_in_order(Counter(visit.end for visit in own if visit.end)),
                still_open=sum(not visit.end for visit in own),
                parallel=sum(bool(visit.parallel_with) for visit in own),
                failed=failed.get(person_id, ("", 0))[1],
            )
        )
    return sorted(found, key=lambda one: (one.name, one.person_id))


def _told(kinds: list[str], since: datetime, until: datetime) -> Iterator[Told]:
    """What the ledger says of sessions, by its own clock: a demo's shifted one is shifted back."""
    shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
    rows = Event.objects.filter(kind__in=kinds, event_at__gte=since - shift, event_at__lt=until - shift)
    told = list(rows.order_by("event_at", "ord").values_list("kind", "subject_ref", "body"))
    readable = people_in(current_tenant_id(), {person for _, person, _ in told})
    for kind, person, body in told:
        session = str(json.loads(body)["detail"].get("session", ""))
        yield Told(session, name_or_erased(person, readable), ENDS.get(kind, ""))


def _failed(since: datetime, until: datetime) -> dict[str, tuple[str, int]]:
    shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
    rows = Event.objects.filter(
        kind="session.failed", event_at__gte=since - shift, event_at__lt=until - shift
    )
    counted = list(rows.order_by("subject_id").values_list("subject_id", "subject_ref").annotate(Count("id")))
    readable = people_in(current_tenant_id(), [name for _, name, _ in counted])
    found: dict[str, tuple[str, int]] = {}
    for person, name, count in counted:
        before = found.get(person, ("", 0))[1]
        found[person] = (name_or_erased(name, readable), before + count)
    return found


def list_visits(
    wanted: SessionFilter, since: datetime, until: datetime, cursors: Cursors, *, actor: Actor
) -> Page:
    """The sessions that began in [since, until), newest first. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    rows: QuerySet[Visit] = Visit.objects.filter(entered_at__gte=since, entered_at__lt=until)
    if wanted.state == "open":
        rows = rows.filter(ended_at__isnull=True)
    elif wanted.state == "parallel":
        rows = rows.exclude(parallel_with="")
    elif wanted.state:
        rows = rows.filter(end=wanted.state)
    if wanted.person:
        rows = rows.filter(user_id=wanted.person)
    return page_of(rows, ("entered_at", "id"), cursors, descending=True)


def open_parallel(*, actor: Actor) -> int:
    """How many open sessions of this tenant belong to somebody who sits in two networks at once."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    return Visit.objects.filter(ended_at__isnull=True).exclude(parallel_with="").count()


def get_visit(visit_id: UUID, *, actor: Actor) -> Visit:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    visit: Visit | None = Visit.objects.filter(id=visit_id).first()
    if visit is None:
        raise NotFound(type="session")
    return visit


def own_sessions(user_id: UUID, *, via: UUID | None = None) -> list[Session]:
    """One's own sessions, open ones first, then the newest; needs a scope bound to this person.

    `via`: the tenant whose provider vouched for who asks; he is told of the sessions that it began, and of no others.
    """
    rows = _own(user_id, via)
    running = list(rows.filter(ended_at__isnull=True).order_by("-started_at"))
    return running + list(rows.filter(ended_at__isnull=False).order_by("-started_at")[:OWN_SHOWN])


def get_own_session(user_id: UUID, session_id: UUID, *, via: UUID | None = None) -> Session:
    """One's own session; another's is a missing one, as is what `own_sessions` does not tell. Raises NotFound."""
    session: Session | None = _own(user_id, via).filter(id=session_id).first()
    if session is None:
        raise NotFound(type="session")
    return session


def _own(user_id: UUID, via: UUID | None) -> QuerySet[Session]:
    rows: QuerySet[Session] = Session.objects.filter(user_id=user_id)
    return rows.filter(via=via) if via is not None else rows


def own_failures(user_id: UUID, since: date) -> int:
    """How often somebody failed to sign in under this person's name since that day (JST)."""
    rows = FailedSignIn.objects.filter(account=str(user_id), day__gte=since)
    return int(rows.aggregate(n=Sum("count"))["n"] or 0)


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong passwords since the last right one, from one address or many, and when the newest was."""

    address: str
    strikes: int
    last_at: datetime


def failures_of_account(account: str, since: datetime) -> list[Failures]:
    """By place, for one name (`account` as FailedSignIn keeps it)."""
    rows = FailedSignIn.objects.filter(account=account[:64], last_at__gte=since, strikes__gt=0)
    return [Failures(*row) for row in rows.values_list("address", "strikes", "last_at")]


def failures_from_address(address: str, since: datetime) -> Failures | None:
    """From one address, over all names."""
    rows = FailedSignIn.objects.filter(address=address[:64], day__gte=since.date(), last_at__gte=since)
    found = rows.aggregate(n=Sum("strikes"), last=Max("last_at"))
    return Failures(address, found["n"], found["last"]) if found["n"] else None
