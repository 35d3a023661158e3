"""What a change of rules would do: which resource would start or stop when, before and after, in the coming days."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infra.domain.content import UNSAID
from infra.domain.duty import Duty, Occurrence, occurrences, turned
from infra.domain.power import Power
from infra.domain.schedule import Action
from infra.models import Resource
from infra.models.account import Automation
from infra.queries.rules import Rules
from medical_audit.domain.canonical import utc_text

DAYS = 14
LINES_SHOWN, NAMES_SHOWN = 60, 5
GROUPS_SHOWN, MEMBERS_SHOWN = 12, 50
_TOKYO = ZoneInfo("Asia/Tokyo")
#: What is done for one resource: instants and actions.
Acts = frozenset[tuple[datetime, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """Equal starts or stops at one instant that only one side has. change: "added" or "removed"."""

    at: datetime
    action: str
    change: str
    names: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class DayChange:
    """Everything that is done on a date (JST) before and after, oldest first."""

    day: date
    before: tuple[tuple[datetime, str], ...]
    after: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Resources for which the same things change on the same days: the first names, and how many they are."""

    names: tuple[str, ...]
    count: int
    days: tuple[DayChange, ...]


@dataclass(frozen=True, slots=True)
class AtOnce:
    """What the change itself makes due, as soon as it is confirmed: the first names, how many they are, and which."""

    action: str
    names: tuple[str, ...]
    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The difference of two sets of rules. `resources`: how many are looked at; `affected`: for how many anything differs;
    `observed`: how many of those lie in accounts in which Toban only observes, and where nothing is done at once."""

    until: datetime
    at_once: tuple[AtOnce, ...]
    lines: tuple[Line, ...]
    groups: tuple[Group, ...]
    resources: int
    affected: int
    observed: int

    def as_json(self) -> dict[str, Any]:
        """For the content that a person confirms: the first groups and lines in full, all of them as numbers."""
        sums: dict[str, int] = {}
        for line in self.lines:
            key = f"{line.change}_{line.action}"
            sums[key] = sums.get(key, 0) + line.count
        return {
            "until": utc_text(self.until),
            "resources": self.resources,
            "affected": self.affected,
            "observed": self.observed,
            "sums": sums,
            "at_once": [
                {"action": one.action, "names": list(one.names), "count": one.count, "ids": list(one.ids)}
                for one in self.at_once
            ],
            "groups": [
                {
                    "names": list(one.names),
                    "count": one.count,
                    "more": one.count - len(one.names),
                    "days": [
                        {"day": day.day.isoformat(), "before": _plain(day.before), "after": _plain(day.after)}
                        for day in one.days
                    ],
                }
                for one in self.groups[:GROUPS_SHOWN]
            ],
            "more_groups": max(0, len(self.groups) - GROUPS_SHOWN),
            "lines": [
                {
                    "at": utc_text(one.at),
                    "action": one.action,
                    "change": one.change,
                    "names": list(one.names),
                    "count": one.count,
                }
                for one in self.lines[:LINES_SHOWN]
            ],
            "more": max(0, len(self.lines) - LINES_SHOWN),
        }


def forecast(
    before: Rules,
    after: Rules,
    resources: Iterable[Resource],
    *,
    now: datetime,
    days: int = DAYS,
    at_once: Collection[Action] = tuple(Action),
) -> Forecast:
    """Compare what would be done for some resources (with their accounts) under two sets of rules. at_once: what the change
    itself may bring about.

    Resources with the same duty are worked out once, so that it costs what differs, not what exists.
    """
    differing: dict[tuple[datetime, str, str], list[str]] = {}
    turning: dict[str, list[tuple[str, str]]] = {}
    alike: dict[tuple[Acts, Acts], list[str]] = {}
    number = affected = observed = 0
    for row, old, new, turn in _each(before, after, resources, now=now, days=days):
        number += 1
        watched = row.account.automation != Automation.ON
        turns = turn is not None and turn.action in at_once and not _is_so(row, turn.action)
        if turn is not None and turns and not watched:
            turning.setdefault(str(turn.action), []).append((str(row), str(row.id)))
        affected += old != new or turns
        observed += watched and (old != new or turns)
        if old == new:
            continue
        alike.setdefault((old, new), []).append(str(row))
        for change, acted in (("removed", old - new), ("added", new - old)):
            for at, action in acted:
                differing.setdefault((at, action, change), []).append(str(row))
    lines = tuple(
        Line(at, action, change, tuple(sorted(names)[:NAMES_SHOWN]), len(names))
        for (at, action, change), names in sorted(differing.items(), key=_order)
    )
    due = tuple(
        AtOnce(
            action,
            tuple(sorted(name for name, _ in found)[:MEMBERS_SHOWN]),
            len(found),
            tuple(pk for _, pk in found),
        )
        for action, found in sorted(turning.items())
    )
    groups = tuple(
        Group(tuple(sorted(names)[:MEMBERS_SHOWN]), len(names), _days(old, new))
        for (old, new), names in sorted(alike.items(), key=lambda item: (-len(item[1]), min(item[1])))
    )
    return Forecast(now + timedelta(days=days), due, lines, groups, number, affected, observed)


def shown_at_once(forecast: Mapping[str, Any]) -> dict[str, str]:
    """What the confirmer of a forecast (its JSON) saw as due at once: the action of each resource, by its id."""
    return {pk: one["action"] for one in forecast.get("at_once", ()) for pk in one["ids"]}


def _is_so(row: Resource, action: Action) -> bool:
    return bool(row.state == {Action.START: Power.RUNNING, Action.STOP: Power.STOPPED}[action])


def compared(
    before: Rules, after: Rules, resources: Iterable[Resource], *, now: datetime, days: int = DAYS
) -> Iterator[tuple[Resource, Acts, Acts]]:
    """Yield each resource with what would be done for it under two sets of rules."""
    for row, old, new, _ in _each(before, after, resources, now=now, days=days):
        yield row, old, new


def _each(
    before: Rules, after: Rules, resources: Iterable[Resource], *, now: datetime, days: int
) -> Iterator[tuple[Resource, Acts, Acts, Occurrence | None]]:
    """The same with what the change itself asks for; alike duties are worked out once."""
    until = now + timedelta(days=days)
    known: dict[Duty, Acts] = {}
    turns: dict[tuple[Duty, Duty], Occurrence | None] = {}

    def acts(duty: Duty) -> Acts:
        if duty not in known:
            found = occurrences(duty, now, until)
            known[duty] = frozenset((one.at, str(one.action)) for one in found if one.suppressed is None)
        return known[duty]

    for row in resources:
        pair = before.duty(row), after.duty(row)
        if pair not in turns:
            turns[pair] = turned(*pair, now)
        yield row, acts(pair[0]), acts(pair[1]), turns[pair]


def _days(old: Acts, new: Acts) -> tuple[DayChange, ...]:
    """The dates on which anything differs, each with all that is done on it."""
    found = []
    for day in sorted({_date(at) for at, _ in old ^ new}):
        sides = (tuple(sorted(one for one in acts if _date(one[0]) == day)) for acts in (old, new))
        found.append(DayChange(day, *sides))
    return tuple(found)


def _date(at: datetime) -> date:
    return at.astimezone(_TOKYO).date()


def _plain(acts: Iterable[tuple[datetime, str]]) -> list[dict[str, str]]:
    return [{"at": utc_text(at), "action": action} for at, action in acts]


def _order(item: tuple[tuple[datetime, str, str], list[str]]) -> tuple[datetime, bool, str]:
    (at, action, change), _ = item
    return at, change == "added", action


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The difference of two contents (infra.domain.content, canonical) as codes with values, for words."""
    if before is None:
        return [{"code": "new_schedule"}, *({"code": "period_added", **one} for one in after["periods"])]
    found: list[dict[str, Any]] = []
    if before["zone"] != after["zone"]:
        found.append({"code": "zone_changed", "before": before["zone"], "after": after["zone"]})
    found += [{"code": "period_removed", **one} for one in before["periods"] if one not in after["periods"]]
    found += [{"code": "period_added", **one} for one in after["periods"] if one not in before["periods"]]
    for name, value in after["options"].items():
        old = before["options"].get(name, UNSAID[name])
        if old != value:
            found.append({"code": "option_changed", "option": name, "before": old, "after": value})
    return found
