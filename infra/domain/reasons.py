"""Say why a resource should be on or off, as a code with values for the edge to put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

Param = str | int | date | datetime


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
    ALL_DAY = "all_day"
    NO_PERIOD = "no_period"
    CLOSURE = "closure"  # a day on which the company is closed
    OVERRIDE_RUNNING = "override_running"
    OVERRIDE_STOPPED = "override_stopped"
    OVERRIDE_ALONE = "override_alone"
    SKIPPED_ONCE = "skipped_once"
    FREEZE = "freeze"
    MAINTENANCE = "maintenance"
    NEVER_TOUCH = "never_touch"
    GROUP_MEMBER = "group_member"  # an instance of an Auto Scaling group
    CLUSTER_MEMBER = "cluster_member"  # a database instance of a cluster
    UNSUPPORTED = "unsupported"  # its schedule asks for a stop that AWS, or Toban, would refuse
    ENFORCED = "enforced"  # reality differs from what the schedule holds
    NEWLY_FOUND = "newly_found"
    AUTO_RESTART = "auto_restart"  # AWS starts a stopped database after seven days
    RULES_CHANGED = "rules_changed"  # a person confirmed rules by which another state is wanted from then on


#: Causes of what puts a resource right, instead of beginning or ending its hours.
CORRECTIONS = frozenset({ReasonCode.ENFORCED, ReasonCode.NEWLY_FOUND, ReasonCode.AUTO_RESTART})

# start, stop: "HH:MM" in the schedule's zone. until, since: instants (UTC). day: the local date that decides. weekday: 0 is Monday.
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
    ReasonCode.ALL_DAY: ("day",),
    ReasonCode.NO_PERIOD: (),
    ReasonCode.CLOSURE: ("day", "name"),
    ReasonCode.OVERRIDE_RUNNING: ("until", "person"),
    ReasonCode.OVERRIDE_STOPPED: ("until", "person"),
    ReasonCode.OVERRIDE_ALONE: ("until", "person"),
    ReasonCode.SKIPPED_ONCE: ("until", "person"),
    ReasonCode.FREEZE: ("until", "person"),
    ReasonCode.MAINTENANCE: ("until", "name"),
    ReasonCode.NEVER_TOUCH: (),
    ReasonCode.GROUP_MEMBER: ("name",),
    ReasonCode.CLUSTER_MEMBER: ("name",),
    ReasonCode.UNSUPPORTED: (),
    ReasonCode.ENFORCED: ("state",),
    ReasonCode.NEWLY_FOUND: (),
    ReasonCode.AUTO_RESTART: ("since",),
    ReasonCode.RULES_CHANGED: (),
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
        """Give code and values as one flat JSON object; dates and instants (UTC) as ISO 8601."""
        return {"code": self.code.value, **{name: _plain(value) for name, value in self.params}}


def because(code: ReasonCode, **params: Param) -> Reason:
    """Build a reason; a value that the code does not list, or a missing one, is a TypeError."""
    names = PARAMS[code]
    if len(params) != len(names):
        raise TypeError(f"{code} takes {names}, got {tuple(params)}")
    try:
        return Reason(code, tuple([(name, params[name]) for name in names]))
    except KeyError as missing:
        raise TypeError(f"{code} takes {names}, got {tuple(params)}") from missing


def _plain(value: Param) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
