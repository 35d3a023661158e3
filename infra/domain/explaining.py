"""Explain one schedule at one instant from plain data: the engine's own answer in English, for scripts and checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from infra.domain.calendar import Calendar
from infra.domain.content import FieldProblem, read_period
from infra.domain.duty import Duty, next_change, wanted
from infra.domain.findings import shown
from infra.domain.reasons import Reason, ReasonCode
from infra.domain.schedule import Period, Schedule, State
from infra.domain.times import UnknownZone, load_zone

_SENTENCES: Mapping[ReasonCode, str] = {
    ReasonCode.WITHIN: "{day}: inside {start}-{stop}",
    ReasonCode.ALL_DAY: "{day}: all day",
    ReasonCode.BEFORE_START: "{day}: before {start}",
    ReasonCode.AFTER_STOP: "{day}: after {stop}",
    ReasonCode.WEEKEND: "{day}: no period is for this day",
    ReasonCode.HOLIDAY: "{day}: holiday",
    ReasonCode.NO_PERIOD: "the schedule has no period",
    ReasonCode.START_ONLY_WAITING: "{day}: before {start}, nothing stops it",
    ReasonCode.START_ONLY_FIRED: "{day}: started at {start}",
    ReasonCode.STOP_ONLY_WAITING: "{day}: before {stop}, nothing starts it",
    ReasonCode.STOP_ONLY_FIRED: "{day}: stopped at {stop}",
}
#: Zones and calendars say nothing sensible outside of these years.
EARLIEST, LATEST = 1900, 9900
#: Far more than a schedule of the portal may have: what is asked here is worked out for whoever asks.
MOST_PERIODS = 1000
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_KEYS = ("timezone", "periods", "override", "holidays")


class Unexplained(ValueError):
    """What was asked cannot be read: `field` says where, `problem` what and how to put it right."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


def explain(asked: object) -> dict[str, Any]:
    """Answer {"id", "schedule", "at"} with {"id", "state", "reason", "next_change"}; raises Unexplained.

    next_change is ISO 8601 in the schedule's zone, or None where the state never changes.
    """
    if not isinstance(asked, Mapping):
        raise Unexplained("", "one JSON object a line is needed")
    given = asked.get("schedule")
    if not isinstance(given, Mapping):
        raise Unexplained("schedule", "an object with timezone and periods is needed")
    for key in given:
        if key not in _KEYS:
            raise Unexplained(f"schedule.{shown(str(key))}", f"unknown key; known are {', '.join(_KEYS)}")
    schedule = _schedule(given)
    at = _instant(asked.get("at"))
    override = given.get("override")
    if override is not None:
        if override not in (State.RUNNING, State.STOPPED):
            raise Unexplained("schedule.override", 'null, "running" or "stopped" is needed')
        return {
            "id": asked.get("id"),
            "state": override,
            "reason": f"override: {override}",
            "next_change": None,
        }
    duty = Duty(schedule, Calendar(_holidays(given.get("holidays"))))
    state, reason = wanted(duty, at)
    change = next_change(duty, at)
    return {
        "id": asked.get("id"),
        "state": str(state),
        "reason": _sentence(reason),
        "next_change": change.at.astimezone(schedule.tz).isoformat() if change else None,
    }


def _schedule(given: Mapping[str, Any]) -> Schedule:
    zone, periods = given.get("timezone"), given.get("periods")
    try:
        if not isinstance(zone, str):
            raise UnknownZone(shown(repr(zone)))
        load_zone(zone)
    except UnknownZone as unknown:
        raise Unexplained(
            "schedule.timezone", f"{unknown} is no IANA time zone; like Asia/Tokyo"
        ) from unknown
    if not isinstance(periods, list):
        raise Unexplained("schedule.periods", "a list is needed")
    if len(periods) > MOST_PERIODS:
        raise Unexplained("schedule.periods", f"{len(periods)} periods; {MOST_PERIODS} at most")
    return Schedule(zone, tuple(_period(one, number) for number, one in enumerate(periods)))


def _period(one: object, number: int) -> Period:
    problems: list[FieldProblem] = []
    read = read_period(one, f"schedule.periods.{number}", problems)
    if read is None:
        first = problems[0]
        cure = dict(first.params).get("suggestion")
        problem = f"{first.code}: {first.value}" + (f"; write {cure}" if cure else "")
        raise Unexplained(first.path, problem)
    return read[0]


def _holidays(given: object) -> dict[date, str]:
    if given is None:
        return {}
    if not isinstance(given, list):
        raise Unexplained("schedule.holidays", "a list of YYYY-MM-DD is needed")
    return {_date(one): "" for one in given}


@lru_cache(maxsize=1 << 12)
def _day(text: str) -> date:
    return date.fromisoformat(text)


def _date(one: object) -> date:
    try:
        if not isinstance(one, str) or not _DATE.fullmatch(one):
            raise ValueError(one)
        return _day(one)
    except ValueError as bad:
        raise Unexplained("schedule.holidays", f"{shown(str(one))} is no date; like 2026-11-23") from bad


def _instant(given: object) -> datetime:
    try:
        if not isinstance(given, str):
            raise ValueError(given)
        at = datetime.fromisoformat(given)
    except ValueError as bad:
        raise Unexplained("at", f"{shown(str(given))} is no instant; like 2026-11-30T08:30:00+09:00") from bad
    if not EARLIEST <= at.year <= LATEST:
        raise Unexplained("at", f"{shown(given)} is too far away; years {EARLIEST} to {LATEST}")
    if at.tzinfo is None:
        raise Unexplained("at", f"{shown(given)} has no offset; like 2026-11-30T08:30:00+09:00")
    return at.astimezone(UTC)


def _sentence(reason: Reason) -> str:
    values = reason.values()
    sentence = _SENTENCES[reason.code].format_map(values)
    return f"{sentence} {values['name']}".strip() if reason.code is ReasonCode.HOLIDAY else sentence
