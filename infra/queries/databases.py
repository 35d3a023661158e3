"""Reading the fleet of databases of the bound tenant: what needs a look first stands first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.domain.permissions import Permission
from infra.domain.databases import (
    EngineVersion,
    Terms,
    Warn,
    expected_facts,
    terms_from_json,
    trust_ends,
    warnings_of,
)
from infra.domain.duty import Change
from infra.domain.reasons import Reason
from infra.domain.restart import Restart, restart_of
from infra.models import AwsAccount, Region, Resource
from infra.models.resource import ResourceKind
from infra.queries.rules import rules_at
from infra.queries.standing import standing_of
from medical_audit.domain.actor import Actor
from medical_audit.queries.paging import Cursors, Page, page_among

#: More than this on one page helps nobody; filters lead to the rest.
SHOWN = 500
_NO_TERMS = terms_from_json({})


@dataclass(frozen=True, slots=True)
class DatabaseFilter:
    """What a reader looks for; empty means everything. warning: a Warn, or "any"."""

    engine: str = ""
    account: str = ""
    ca: str = ""
    warning: str = ""
    q: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """One database. ends: when clients stop to trust it; renewed: AWS renews its own certificate by itself, None where AWS
    did not say. unread: AWS's word on certificates could not be read in its region."""

    resource: Resource
    warnings: tuple[Warn, ...]
    ends: datetime | None
    version: EngineVersion | None
    restart: Restart | None
    reason: Reason
    next: Change | None
    hands_off: str
    unread: bool


@dataclass(frozen=True, slots=True)
class Fleet:
    """One page. counts: of each filter's values, over all databases; total: all, matching: those of the filter."""

    rows: Sequence[DatabaseRow]
    total: int
    matching: int
    engines: Mapping[str, int]
    accounts: Mapping[str, int]
    account_names: Mapping[str, str]
    authorities: Mapping[str, int]
    warnings: Mapping[str, int]
    unread: Sequence[str]
    may_make: bool


_Judged = tuple[Resource, tuple[Warn, ...], datetime | None, Restart | None]


def terms_by_lane() -> dict[tuple[UUID, str], Terms]:
    """What AWS said in each region, by account row and name of the region."""
    rows = Region.objects.filter(database_terms__has_key="authorities")
    return {(row.account_id, row.name): terms_from_json(row.database_terms) for row in rows}


def terms_here(row: Resource) -> Mapping[str, Any]:
    """What AWS said in a database's region, as it is kept (infra.operations.database_terms); nothing before the first look."""
    region = Region.objects.filter(account=row.account, name=row.region).first()
    return region.database_terms if region is not None else {}


def fleet(wanted: DatabaseFilter, *, actor: Actor, now: datetime) -> Fleet:
    """Every database, gravest first, then by name. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    terms = terms_by_lane()
    judged, found = _found(wanted, terms, now)
    rows = _rows(found[:SHOWN], terms, now)
    everything = [row for row, *_ in judged]
    return Fleet(
        rows=rows,
        total=len(judged),
        matching=len(found),
        engines=Counter(str(row.facts.get("engine", "")) for row in everything),
        accounts=Counter(row.account.account_id for row in everything),
        account_names=dict(AwsAccount.objects.order_by("account_id").values_list("account_id", "name")),
        authorities=Counter(str(row.facts.get("ca", "")) for row in everything),
        warnings=Counter(str(warn) for _, warnings, *_ in judged for warn in warnings),
        may_make=actor.may(Permission.DATABASE_EDIT, actor.tenant_id),
        unread=sorted(
            {
                f"{row.account.name} {row.region}"
                for row in everything
                if (row.account_id, row.region) not in terms
            }
        ),
    )


def database_rows(wanted: DatabaseFilter, cursors: Cursors, *, actor: Actor, now: datetime) -> Page:
    """The same one page at a time, to its end. Raises NotPermitted, Refused."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    terms = terms_by_lane()
    page = page_among(_found(wanted, terms, now)[1], lambda one: str(one[0].id), cursors)
    return replace(page, rows=_rows(page.rows, terms, now))


def _found(
    wanted: DatabaseFilter, terms: Mapping[tuple[UUID, str], Terms], now: datetime
) -> tuple[list[_Judged], list[_Judged]]:
    """All of them, and those that are wanted, gravest first."""
    here = Resource.objects.filter(kind=ResourceKind.RDS, gone_at__isnull=True).select_related("account")
    judged = [_judged(row, terms, now) for row in here.order_by("name", "id")]
    found = [one for one in judged if _matches(one, wanted)]
    found.sort(key=lambda one: [list(Warn).index(warn) for warn in one[1]] or [len(Warn)])
    return judged, found


def _rows(
    found: Sequence[_Judged], terms: Mapping[tuple[UUID, str], Terms], now: datetime
) -> list[DatabaseRow]:
    rules = rules_at(now)
    rows = []
    for row, warnings, ends, restart in found:
        standing = standing_of(row, rules, now)
        known = terms.get((row.account_id, row.region), _NO_TERMS)
        rows.append(
            DatabaseRow(
                row,
                warnings,
                ends,
                known.version_of(row.facts),
                restart,
                standing.reason,
                standing.next,
                standing.hands_off,
                not known.authorities,
            )
        )
    return rows


def _judged(row: Resource, terms: Mapping[tuple[UUID, str], Terms], now: datetime) -> _Judged:
    ends = trust_ends(row.facts, terms.get((row.account_id, row.region), _NO_TERMS))
    restart = restart_of(row.kind, row.state, row.facts, row.state_since)
    facts = expected_facts(row.facts, row.tags)
    return row, warnings_of(facts, ends, restart.at if restart else None, now), ends, restart


def _matches(one: _Judged, wanted: DatabaseFilter) -> bool:
    row, warnings, *_ = one
    words = wanted.q.lower()
    return (
        (not wanted.engine or row.facts.get("engine") == wanted.engine)
        and (not wanted.account or row.account.account_id == wanted.account)
        and (not wanted.ca or row.facts.get("ca") == wanted.ca)
        and (
            not wanted.warning or (bool(warnings) if wanted.warning == "any" else wanted.warning in warnings)
        )
        and (not words or any(words in text.lower() for text in (row.name, row.aws_id, row.project)))
    )


def databases_of(ids: Sequence[UUID]) -> list[Resource]:
    """The databases among these ids, gone ones too, with their accounts, by name."""
    rows = Resource.objects.filter(Q(id__in=ids), kind=ResourceKind.RDS).select_related("account")
    return list(rows.order_by("name", "id"))


def every_database() -> list[UUID]:
    """Ids of all databases that exist. Needs the tenant bound."""
    return list(
        Resource.objects.filter(kind=ResourceKind.RDS, gone_at__isnull=True).values_list("id", flat=True)
    )
