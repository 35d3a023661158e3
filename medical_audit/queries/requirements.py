"""Requirements of the guidelines as data, and what this very installation shows for each of them right now.

The texts stand in medical_audit/guidelines/requirements.json: guideline, version, clause and validity. No version is
written into code or templates. The words there are ours; the guideline's own text is not repeated.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from medical_audit.domain.actor import Actor
from medical_audit.domain.reading import READING
from medical_audit.domain.reports import Report
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import Event
from medical_audit.queries.overview import Overview, overview_of
from medical_audit.queries.policies import policy_here
from medical_audit.queries.reports import make_report
from medical_audit.queries.tested import Ran, results, worst_of

_FILE = Path(__file__).resolve().parent.parent / "guidelines" / "requirements.json"


@dataclass(frozen=True, slots=True)
class Version:
    """One edition of a guideline and the days on which it is in force (`until` None: still is)."""

    guideline: str
    name: Mapping[str, str]
    version: str
    since: date
    until: date | None

    def in_force(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row. `clauses`: (guideline, version) -> clause; `toban` and `absent` are texts by language, exactly one is there:
    what Toban does, or why it does nothing. `evidence`: a key of EVIDENCE or ""; `screen`: a URL name or ""."""

    id: str
    title: Mapping[str, str]
    clauses: Mapping[tuple[str, str], str]
    toban: Mapping[str, str] | None
    absent: Mapping[str, str] | None
    evidence: str
    screen: str
    tests: Sequence[str]


@cache
def versions() -> tuple[Version, ...]:
    """Every edition, the newest of each guideline first."""
    found = [
        Version(
            one["id"],
            one["name"],
            edition["version"],
            date.fromisoformat(edition["valid_from"]),
            date.fromisoformat(edition["valid_to"]) if edition["valid_to"] else None,
        )
        for one in _content()["guidelines"]
        for edition in reversed(one["versions"])
    ]
    return tuple(found)


@cache
def requirements() -> tuple[Requirement, ...]:
    return tuple(
        Requirement(
            row["id"],
            row["title"],
            {(one["guideline"], one["version"]): one["clause"] for one in row["clauses"]},
            row["toban"],
            row["not_applicable"],
            row["evidence"],
            row["screen"],
            tuple(row["tests"]),
        )
        for row in _content()["requirements"]
    )


def _content() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))


# -- evidence --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is so right now: `code` is good, mind or bad, `figures` go into the sentence of its kind."""

    kind: str
    code: str
    figures: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the evidence is taken from, looked at once for all rows."""

    overview: Overview
    accounts: Report
    confirmations: Report
    roles: Report
    exports: Report
    idle: int
    views: int
    refusals: int


def _if(wrong: object, code: str = "mind") -> str:
    return code if wrong else "good"


EVIDENCE: Mapping[str, Callable[[_Looked], tuple[str, Mapping[str, object]]]] = {
    "sessions": lambda seen: (
        _if(not seen.overview.complete.account.adds_up, "bad"),
        {"begun": seen.overview.complete.account.begun, "ended": seen.overview.complete.account.ended},
    ),
    "unusual": lambda seen: (_if(seen.overview.complete.watch.late), {"number": seen.overview.unusual.number}),
    "views": lambda seen: ("good", {"number": seen.views}),
    "factors": lambda seen: (
        _if(seen.accounts.totals["password_only"]), {"number": seen.accounts.totals["password_only"]},
    ),
    "accounts": lambda seen: (
        _if(seen.accounts.totals["both"]),
        {"people": seen.accounts.totals["people"], "number": seen.accounts.totals["both"]},
    ),
    "roles": lambda seen: ("good", {"number": seen.roles.totals["changes"]}),
    "confirmations": lambda seen: (
        "good",
        {"entered": seen.confirmations.totals["entered"], "confirmed": seen.confirmations.totals["confirmed"]},
    ),
    "proxies": lambda seen: (_if(seen.overview.sign.proxies), {"number": seen.overview.sign.proxies}),
    "emergencies": lambda seen: (
        _if(seen.overview.sign.emergencies, "bad"), {"number": seen.overview.sign.emergencies},
    ),
    "events": lambda seen: ("good", {"number": seen.overview.complete.events}),
    "verification": lambda seen: (seen.overview.intact.code, {}),
    "reviews": lambda seen: (
        _if(any(one.overdue for one in seen.overview.sign.months), "bad"), {"number": len(seen.overview.sign.months)},
    ),
    "clock": lambda seen: (_if(not seen.overview.complete.clock.is_well), {}),
    "seal": lambda seen: (
        _if(seen.overview.complete.seal != "sealed"),
        {"sealed": seen.overview.complete.sealed, "events": seen.overview.complete.events},
    ),
    "anchors": lambda seen: (
        _if(seen.overview.intact.behind or not seen.overview.intact.view.anchors),
        {"number": len(seen.overview.intact.view.anchors) + len(seen.overview.intact.view.streams)},
    ),
    "exports": lambda seen: ("good", {"number": seen.exports.totals["exports"]}),
    "refusals": lambda seen: ("good", {"number": seen.refusals}),
    "policy": lambda seen: ("good", {"minutes": seen.idle}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement with its evidence (None: it has none, or does not apply) and what is known of its tests."""

    requirement: Requirement
    evidence: Evidence | None
    tests: Sequence[Ran]

    @property
    def tested(self) -> str:
        """passed only if all are known to have passed."""
        return worst_of(self.tests)


def requirement_lines(since: datetime, until: datetime, *, actor: Actor, now: datetime) -> list[Line]:
    """Every requirement with what is so now and was in [since, until). Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    made = {
        name: make_report(name, since, until, actor=actor, now=now)
        for name in ("accounts", "confirmations", "roles", "exports")
    }
    period = Event.objects.filter(event_at__gte=since, event_at__lt=until)
    seen = _Looked(
        overview=overview_of(since, until, actor=actor, now=now),
        idle=policy_here().idle_minutes,
        views=period.filter(kind__in=READING).count(),
        refusals=period.filter(kind="access.denied").count(),
        **made,
    )
    ran = results()
    return [
        Line(row, _evidence(row.evidence, seen), [ran.get(name, Ran(name)) for name in row.tests])
        for row in requirements()
    ]


def _evidence(kind: str, seen: _Looked) -> Evidence | None:
    if not kind:
        return None
    code, figures = EVIDENCE[kind](seen)
    return Evidence(kind, code, figures)
