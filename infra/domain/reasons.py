"""Say why a resource should be on or off, as a code with values for the edge to put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

Param = str | int | date


class ReasonCode(StrEnum):
    """Every answer to "why is it on or off now"; `PARAMS` lists the values each one carries."""

    NOT_SCHEDULED = "not_scheduled"
    UNREADABLE = "unreadable"
    WORKING_DAY = "working_day"
    WEEKEND = "weekend"  # a weekday on which the schedule does not start
    HOLIDAY = "holiday"
    BEFORE_START = "before_start"
    WITHIN = "within"
    AFTER_STOP = "after_stop"
    START_ONLY_WAITING = "start_only_waiting"
    START_ONLY_FIRED = "start_only_fired"
    STOP_ONLY_WAITING = "stop_only_waiting"
    STOP_ONLY_FIRED = "stop_only_fired"


# start, stop: "HH:MM" in the schedule's zone. day: the local date that decides. weekday: 0 is Monday.
PARAMS: Mapping[ReasonCode, tuple[str, ...]] = {
    ReasonCode.NOT_SCHEDULED: (),
    ReasonCode.UNREADABLE: ("findings",),
    ReasonCode.WORKING_DAY: ("day",),
    ReasonCode.WEEKEND: ("day", "weekday"),
    ReasonCode.HOLIDAY: ("day", "name"),
    ReasonCode.BEFORE_START: ("day", "start"),
    ReasonCode.WITHIN: ("day", "start", "stop"),
    ReasonCode.AFTER_STOP: ("day", "stop"),
    ReasonCode.START_ONLY_WAITING: ("day", "start"),
    ReasonCode.START_ONLY_FIRED: ("day", "start"),
    ReasonCode.STOP_ONLY_WAITING: ("day", "stop"),
    ReasonCode.STOP_ONLY_FIRED: ("day", "stop"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason and its values, in the order of `PARAMS`; made with `because`."""

    code: ReasonCode
    params: tuple[tuple[str, Param], ...] = ()

    def values(self) -> dict[str, Param]:
        """Give the values by name, for a sentence with placeholders."""
        return dict(self.params)

    def as_json(self) -> dict[str, str | int]:
        """Give code and values as one flat JSON object, dates as ISO 8601."""
        plain = {k: v.isoformat() if isinstance(v, date) else v for k, v in self.params}
        return {"code": self.code.value, **plain}


def because(code: ReasonCode, **params: Param) -> Reason:
    """Build a reason; a value that the code does not list, or a missing one, is a TypeError."""
    names = PARAMS[code]
    if len(params) != len(names):
        raise TypeError(f"{code} takes {names}, got {tuple(params)}")
    try:
        return Reason(code, tuple([(name, params[name]) for name in names]))
    except KeyError as missing:
        raise TypeError(f"{code} takes {names}, got {tuple(params)}") from missing
