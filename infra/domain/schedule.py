"""What a schedule says: periods on days, in a zone, with options. Values only; `timeline` and `duty` work with them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from zoneinfo import ZoneInfo

from infra.domain.days import EVERY_DAY, DayRule
from infra.domain.findings import Finding
from infra.domain.times import MIDNIGHT, ClockTime, load_zone


class Action(StrEnum):
    """What a schedule does to a resource."""

    START = "start"
    STOP = "stop"


class State(StrEnum):
    """What is wanted of a resource; ANY leaves it as it is."""

    RUNNING = "running"
    STOPPED = "stopped"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Period:
    """Hours on days. `begin <= t < end` on the local clock.

    Neither time: all day. Only begin: runs from it to the end of the date, is never stopped. Only end: stopped from
    it to the end of the date, never started. An end before the begin belongs to the next day, and the day of the
    begin decides. Equal times never run. stop_every_day: the stop is done on other days, too (AutoStop: what somebody
    started by hand on a Sunday goes off).
    """

    begin: ClockTime | None = None
    end: ClockTime | None = None
    days: DayRule = EVERY_DAY
    name: str = ""
    stop_every_day: bool = False

    @property
    def one_sided(self) -> bool:
        return (self.begin is None) != (self.end is None)

    @property
    def never(self) -> bool:
        return self.begin is not None and self.begin == self.end

    @property
    def runs_from(self) -> ClockTime | None:
        """When it begins to run; None for a period that only stops."""
        return MIDNIGHT if self.begin is None and self.end is None else self.begin


@dataclass(frozen=True, slots=True)
class Options:
    """How a schedule is carried out.

    holidays: closed days of the calendar are observed. enforced: the wanted state is held, not only brought about
    once. retain_running: what ran already at its start is not stopped at its end. stop_new: what is first seen
    running outside its hours is stopped. hibernate: EC2 hibernates, or stops where it cannot. ordered: within a project
    databases start first and stop last. grace_*_min: how late a start or stop may still be done. snapshot: an RDS
    instance is stopped with a snapshot. rds_maintenance: databases run during their weekly maintenance window.
    maintenance_windows: names or ids of SSM maintenance windows during which resources run.
    """

    holidays: bool = True
    enforced: bool = False
    retain_running: bool = False
    stop_new: bool = False
    hibernate: bool = False
    ordered: bool = False
    grace_start_min: int = 60
    grace_stop_min: int = 60
    snapshot: bool = False
    rds_maintenance: bool = False
    maintenance_windows: tuple[str, ...] = ()


OPTION_NAMES = tuple(one.name for one in fields(Options))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Periods in a zone (IANA name); running beats any, any beats stopped. An unknown zone is an UnknownZone.

    tz and one_sided (the periods with one time only) are worked out once, because every evaluation asks for them.
    """

    zone: str
    periods: tuple[Period, ...]
    options: Options = Options()

    tz: ZoneInfo = field(init=False, repr=False, compare=False)
    one_sided: tuple[Period, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tz", load_zone(self.zone))
        object.__setattr__(self, "one_sided", tuple(one for one in self.periods if one.one_sided))

    @property
    def directions(self) -> frozenset[Action]:
        """What it ever does: a schedule that names no end never stops anything, one without a begin never starts."""
        found = set()
        for one in self.periods:
            if not one.never:
                found |= {Action.START} if one.runs_from is not None else set()
                found |= {Action.STOP} if one.end is not None or one.begin is None else set()
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Tags that must not be acted on, and what is wrong with each."""

    findings: tuple[Finding, ...]
