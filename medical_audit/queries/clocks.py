"""How the clocks stood: now, and day by day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, F, Max, Q, When
from django.db.models.functions import Abs, TruncDate

from medical_audit.domain.clocks import ClockState
from medical_audit.models import ClockReading

#: Two minutes without a measurement, and the last one says nothing about now.
STALE = timedelta(minutes=3)
#: One machine measures each minute, not always the same: each one's last word counts for so long. Twice as many readings as that.
COUNTS, SHOWN_MOST = timedelta(hours=1), 120


def last_reading(machine: str = "") -> ClockReading | None:
    """The newest measurement, of one machine or of any."""
    rows = ClockReading.objects.filter(machine=machine) if machine else ClockReading.objects.all()
    found: ClockReading | None = rows.order_by("-at").first()
    return found


@dataclass(frozen=True, slots=True)
class ClockNow:
    """`code`: "over" while any machine that measures is, else how the newest reading was, or "never", or "stale" (none for three
    minutes)."""

    code: str
    reading: ClockReading | None

    @property
    def is_well(self) -> bool:
        return self.code in (ClockState.OK, ClockState.UNCONFIGURED)


def clock_now(now: datetime) -> ClockNow:
    readings = list(ClockReading.objects.order_by("-at")[:SHOWN_MOST])
    if not readings:
        return ClockNow("never", None)
    if now - readings[0].at > STALE:
        return ClockNow("stale", readings[0])
    newest: dict[str, ClockReading] = {}
    for one in readings:
        if now - one.at <= COUNTS:
            newest.setdefault(one.machine, one)
    over = next((one for one in newest.values() if one.state == ClockState.OVER), readings[0])
    return ClockNow(over.state, over)


@dataclass(frozen=True, slots=True)
class ClockDay:
    """One day of a zone: how often it was measured, the largest differences, how often over the limit or without a source."""

    day: date
    readings: int
    machine_ms: int
    database_ms: int | None
    over: int
    silent: int


def clock_days(since: datetime, until: datetime, zone: ZoneInfo) -> list[ClockDay]:
    """Every day of [since, until) with a measurement, in order."""
    rows = (
        ClockReading.objects.filter(at__gte=since, at__lt=until)
        .annotate(day=TruncDate("at", tzinfo=zone))
        .values("day")
        .annotate(
            readings=Count("id"),
            machine=Max(Abs("machine_ms")),
            database=Max(Case(When(database_ms__isnull=False, then=Abs(F("database_ms"))))),
            over=Count("id", filter=Q(state=ClockState.OVER)),
            silent=Count("id", filter=Q(database_ms__isnull=True)),
        )
        .order_by("day")
    )
    return [
        ClockDay(row["day"], row["readings"], row["machine"], row["database"], row["over"], row["silent"])
        for row in rows
    ]
