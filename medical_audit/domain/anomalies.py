"""What is unusual in the ledger of an operations portal: each rule with its reason, and thresholds that a tenant can tune.

Pure: facts of people's events in order come in, findings with the figures behind them go out. Nothing here says that
somebody did wrong; it says what a reviewer should look at. Rules after research/medical.md §5, those that apply where no
patient is recorded.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from medical_audit.domain.reading import READING


class Rule(StrEnum):
    """Which rule spoke; the words stand in config/words/audits.py."""

    OFF_HOURS = "off_hours"
    REFUSALS = "refusals"
    WRONG_PASSWORDS = "wrong_passwords"
    NEW_NETWORK = "new_network"
    PARALLEL = "parallel"
    HASTY = "hasty"
    MANY_CONFIRMED = "many_confirmed"
    MUCH_EXPORTED = "much_exported"
    MUCH_READ = "much_read"
    DORMANT = "dormant"
    EMERGENCY = "emergency"
    CLOCK_APART = "clock_apart"


@dataclass(frozen=True, slots=True)
class Bound:
    """A threshold: what holds where nothing was decided, and what may be chosen (both ends included)."""

    default: int
    least: int
    most: int


#: Name of a threshold -> its bounds. Hours are of the tenant's day, in its zone.
BOUNDS: Mapping[str, Bound] = {
    "day_begins": Bound(7, 0, 23),
    "day_ends": Bound(20, 1, 24),
    "refusals_hour": Bound(10, 1, 1000),
    "wrong_passwords_hour": Bound(5, 1, 1000),
    "network_days": Bound(90, 1, 400),
    "hasty_seconds": Bound(3, 0, 60),
    "confirmed_minutes": Bound(10, 1, 60),
    "confirmed_many": Bound(50, 1, 1000),
    "exported_rows_day": Bound(100_000, 1, 10_000_000),
    "read_hour": Bound(120, 1, 10_000),
    "dormant_days": Bound(60, 1, 400),
    "clock_seconds": Bound(60, 2, 3600),
    "sample_people": Bound(20, 5, 100),
    "sample_clock": Bound(5, 0, 50),
    "review_days": Bound(10, 1, 31),
}
#: Longest look back that a rule needs besides `Context`; a day, and an hour for clocks that stand apart.
WINDOW = timedelta(hours=25)
_DENIED = "access.denied"
_WRONG = frozenset({"session.failed", "session.reauthentication_failed"})
_PRIVILEGED = frozenset({"operation.entered", "operation.confirmed", "operation.half_confirmed"})
#: Reviewers work when they find the time; what they sign moves nothing.
_REVIEWING = frozenset({"review.sign", "emergency.review"})
_EMERGENCY = "emergency.opened"


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of a person, as the rules need it. `at`: by the portal's clock; `recorded_at`: by the database's own; `known`: it was
    looked at before: it counts, and nothing is found at it any more."""

    event_id: str
    at: datetime
    recorded_at: datetime
    kind: str
    person_id: str
    person: str
    subject_id: str = ""
    subject: str = ""
    operation_id: str = ""
    network: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    known: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules need from before the window: who came from where when (newest last, before the event in hand they
    decide themselves), when operations were entered, which dates are off by the tenant's calendar (the name of the
    holiday or closure; "" for a weekend), and what was found already: rule, person, when."""

    visits: Mapping[str, Sequence[tuple[datetime, str]]] = field(default_factory=dict)
    entered: Mapping[str, datetime] = field(default_factory=dict)
    days_off: Mapping[date, str] = field(default_factory=dict)
    told: Sequence[tuple[str, str, datetime]] = ()

    def told_by(self, rule: Rule) -> list[tuple[str, datetime]]:
        """Of whom and when this rule spoke before."""
        return [(person, at) for name, person, at in self.told if name == rule]


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: the rule, the event at which it spoke, whom it concerns, and the figures for its sentence."""

    rule: Rule
    event_id: str
    at: datetime
    person_id: str
    person: str
    figures: Mapping[str, object]


Limits = Mapping[str, int]
Check = Callable[[Sequence[Seen], Context, Limits, tzinfo], Iterator[Found]]


def limits_of(decided: Mapping[str, int]) -> dict[str, int]:
    """What holds: the tenant's own thresholds, else ours. Raises ValueError for one that is unknown or out of bounds."""
    for name, value in decided.items():
        bound = BOUNDS.get(name)
        if bound is None or not bound.least <= value <= bound.most:
            raise ValueError(name)
    held = {name: decided.get(name, bound.default) for name, bound in BOUNDS.items()}
    if held["day_begins"] >= held["day_ends"]:
        raise ValueError("day_ends")
    return held


def find(events: Iterable[Seen], context: Context, limits: Limits, zone: tzinfo) -> list[Found]:
    """All findings among events in order of time, at those that are not known yet.

    The same events always give the same findings, also when they are looked at bit by bit: then `context.told` holds what was
    found before, and the events of the day before come along as known.
    """
    seen = list(events)
    found = [one for check in CHECKS for one in check(seen, context, limits, zone)]
    return sorted(found, key=lambda one: (one.at, one.event_id, one.rule))


def _found(rule: Rule, event: Seen, **figures: object) -> Found:
    """A sign-in that failed is done by nobody known: it concerns him whose name was used."""
    unknown = event.kind == "session.failed"
    person_id, person = (event.subject_id, event.subject) if unknown else (event.person_id, event.person)
    return Found(rule, event.event_id, event.at, person_id, person, figures)


def _off_hours(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    """A privileged step at night or on a day off, once a person and night."""

    def night_of(at: datetime) -> date:
        return (at.astimezone(zone) - timedelta(hours=limits["day_begins"])).date()

    told = {(person, night_of(at)) for person, at in context.told_by(Rule.OFF_HOURS)}
    for event in events:
        here = event.at.astimezone(zone)
        within = (
            here.date() not in context.days_off and limits["day_begins"] <= here.hour < limits["day_ends"]
        )
        if event.known or event.kind not in _PRIVILEGED or event.detail.get("kind") in _REVIEWING or within:
            continue
        night = night_of(event.at)
        if (event.person_id, night) not in told:
            told.add((event.person_id, night))
            named = {"day": name} if (name := context.days_off.get(here.date())) else {}
            yield _found(Rule.OFF_HOURS, event, time=f"{here:%H:%M}", weekday=here.weekday(), **named)


def _too_many(
    rule: Rule,
    events: Iterable[Seen],
    context: Context,
    limit: int,
    span: timedelta,
    whose: Callable[[Seen], str] = lambda event: event.person_id,
) -> Iterator[Found]:
    """The event with which a person reaches `limit` within `span`; told again only after `span` has passed."""
    recent: dict[str, deque[datetime]] = defaultdict(deque)
    told: dict[str, datetime] = {}
    for who, at in context.told_by(rule):
        told[who] = max(at, told.get(who, at))
    for event in events:
        who = whose(event)
        times = recent[who]
        times.append(event.at)
        while times[0] <= event.at - span:
            times.popleft()
        if not event.known and len(times) >= limit and (who not in told or told[who] <= event.at - span):
            told[who] = event.at
            yield _found(rule, event, count=len(times), minutes=int(span.total_seconds() // 60))


def _refusals(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    denied = (event for event in events if event.kind == _DENIED)
    yield from _too_many(Rule.REFUSALS, denied, context, limits["refusals_hour"], timedelta(hours=1))


def _wrong_passwords(
    events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo
) -> Iterator[Found]:
    wrong = (event for event in events if event.kind in _WRONG)
    yield from _too_many(
        Rule.WRONG_PASSWORDS,
        wrong,
        context,
        limits["wrong_passwords_hour"],
        timedelta(hours=1),
        lambda event: event.subject_id if event.kind == "session.failed" else event.person_id,
    )


def _new_network(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    """Somebody who was here before comes from where he did not come from for long."""
    for event in events:
        before = [one for one in context.visits.get(event.person_id, ()) if one[0] < event.at]
        if event.known or event.kind != "session.entered" or not event.network or not before:
            continue
        since = event.at - timedelta(days=limits["network_days"])
        if event.network not in {network for at, network in before if at >= since}:
            yield _found(Rule.NEW_NETWORK, event, network=event.network, days=limits["network_days"])


def _parallel(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    for event in events:
        if event.kind in ("session.parallel", "session.elsewhere") and not event.known:
            yield _found(Rule.PARALLEL, event)


def _hasty(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    """Confirmed so soon after its entry that it can hardly have been read."""
    for event in events:
        entered = context.entered.get(event.operation_id)
        confirms = event.kind in ("operation.confirmed", "operation.half_confirmed") and not event.known
        if not confirms or entered is None:
            continue
        passed = event.at - entered
        if passed < timedelta(seconds=limits["hasty_seconds"]):
            yield _found(Rule.HASTY, event, seconds=round(max(0.0, passed.total_seconds()), 1))


def _many_confirmed(
    events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo
) -> Iterator[Found]:
    confirmed = (event for event in events if event.kind == "operation.confirmed")
    span = timedelta(minutes=limits["confirmed_minutes"])
    yield from _too_many(Rule.MANY_CONFIRMED, confirmed, context, limits["confirmed_many"], span)


def _much_exported(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    """Rows that one person carried away in one day of the zone, told once a day."""
    rows: dict[tuple[str, date], int] = defaultdict(int)
    told = {(person, at.astimezone(zone).date()) for person, at in context.told_by(Rule.MUCH_EXPORTED)}
    for event in events:
        if not event.kind.endswith(".exported"):
            continue
        key = (event.person_id, event.at.astimezone(zone).date())
        rows[key] += _rows(event.detail)
        if not event.known and key not in told and rows[key] >= limits["exported_rows_day"]:
            told.add(key)
            yield _found(Rule.MUCH_EXPORTED, event, rows=rows[key])


def _rows(detail: Mapping[str, object]) -> int:
    value = detail.get("rows", detail.get("events", 0))
    return value if isinstance(value, int) else 0


def _much_read(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    read = (event for event in events if event.kind in READING)
    yield from _too_many(Rule.MUCH_READ, read, context, limits["read_hour"], timedelta(hours=1))


def _dormant(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    """Somebody comes in who was away for long: an account that another may have taken over."""
    for event in events:
        before = [at for at, _network in context.visits.get(event.person_id, ()) if at < event.at]
        if event.known or event.kind != "session.entered" or not before:
            continue
        away = event.at - max(before)
        if away >= timedelta(days=limits["dormant_days"]):
            yield _found(Rule.DORMANT, event, days=away.days)


def _emergency(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    """Each opening of an emergency right, by whom it was opened."""
    for event in events:
        if event.kind == _EMERGENCY and not event.known:
            yield _found(Rule.EMERGENCY, event, holder=event.subject)


def _clock_apart(events: Sequence[Seen], context: Context, limits: Limits, zone: tzinfo) -> Iterator[Found]:
    """The portal's time of an event and the database's own differ, once a day."""
    last = max((at for _, at in context.told_by(Rule.CLOCK_APART)), default=None)
    for event in events:
        apart = abs(event.at - event.recorded_at)
        if event.known or apart < timedelta(seconds=limits["clock_seconds"]):
            continue
        if last is None or event.at - last >= timedelta(days=1):
            last = event.at
            yield _found(Rule.CLOCK_APART, event, seconds=round(apart.total_seconds()))


CHECKS: tuple[Check, ...] = (
    _off_hours, _refusals, _wrong_passwords, _new_network, _parallel, _hasty, _many_confirmed, _much_exported, _much_read,
    _dormant, _emergency, _clock_apart,
)  # fmt: skip
