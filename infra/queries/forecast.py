"""What a change of rules would do: which resource would start or stop when, before and after, in the coming days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from infra.domain.duty import Duty, occurrences
from infra.models import Resource
from infra.models.account import Automation
from infra.queries.rules import Rules
from medical_audit.domain.canonical import utc_text

DAYS = 14
LINES_SHOWN, NAMES_SHOWN = 60, 5


@dataclass(frozen=True, slots=True)
class Line:
    """Equal starts or stops at one instant that only one side has. change: "added" or "removed"."""

    at: datetime
    action: str
    change: str
    names: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The difference of two sets of rules. `resources`: how many are looked at; `affected`: for how many anything differs;
    `observed`: how many of those lie in accounts in which Toban only observes."""

    until: datetime
    lines: tuple[Line, ...]
    resources: int
    affected: int
    observed: int

    def as_json(self) -> dict[str, Any]:
        """For the content that a person confirms: the first lines in full, all of them as numbers."""
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
    before: Rules, after: Rules, resources: Iterable[Resource], *, now: datetime, days: int = DAYS
) -> Forecast:
    """Compare what would be done for some resources (with their accounts) under two sets of rules.

    Resources with the same duty are worked out once, so that it costs what differs, not what exists.
    """
    until = now + timedelta(days=days)
    known: dict[Duty, frozenset[tuple[datetime, str]]] = {}

    def acts(duty: Duty) -> frozenset[tuple[datetime, str]]:
        if duty not in known:
            found = occurrences(duty, now, until)
            known[duty] = frozenset((one.at, str(one.action)) for one in found if one.suppressed is None)
        return known[duty]

    groups: dict[tuple[datetime, str, str], list[str]] = {}
    number = affected = observed = 0
    for row in resources:
        number += 1
        old, new = acts(before.duty(row)), acts(after.duty(row))
        if old == new:
            continue
        affected += 1
        observed += row.account.automation != Automation.ON
        for change, acted in (("removed", old - new), ("added", new - old)):
            for at, action in acted:
                groups.setdefault((at, action, change), []).append(str(row))
    lines = tuple(
        Line(at, action, change, tuple(sorted(names)[:NAMES_SHOWN]), len(names))
        for (at, action, change), names in sorted(groups.items(), key=_order)
    )
    return Forecast(until, lines, number, affected, observed)


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
        old = before["options"].get(name)
        if old != value:
            found.append({"code": "option_changed", "option": name, "before": old, "after": value})
    return found
