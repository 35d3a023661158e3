"""One database and its snapshots, for their pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.domain.permissions import Permission
from infra.domain.databases import (
    EngineVersion,
    Warn,
    expected_facts,
    is_called_for_a_while,
    terms_from_json,
    trust_ends,
    warnings_of,
)
from infra.domain.reach import Rule, counted, full_problem, port_of, rule_from_json
from infra.domain.restart import Restart, restart_of
from infra.domain.snapshots import COMPLETE, SHARED, removal_refusal, snapshot_refusal
from infra.models import DatabaseSnapshot, Region, Resource
from infra.models.resource import ResourceKind
from infra.queries.copies import orphans as orphans_of
from infra.queries.copies import other_copies, source_of
from infra.queries.databases import terms_here
from infra.queries.makings import restored_as
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Event, Operation
from medical_audit.queries.events import events_of_subject
from medical_audit.queries.operations import open_of_target
from medical_audit.queries.paging import Cursors, Page, page_of

SNAPSHOTS_SHOWN = 30


@dataclass(frozen=True, slots=True)
class DatabaseDetail:
    """One database's page. seen_at: the last look at it; read_at: when AWS was last asked of snapshots and certificates.
    restored: the restore that made it for a while, if one did; kept_by: why Toban does not remove that one (a code), or ""."""

    database: Resource
    ends: datetime | None
    version: EngineVersion | None
    unread: bool
    warnings: tuple[Warn, ...]
    restart: Restart | None
    snapshots: Sequence[DatabaseSnapshot]
    snapshots_more: bool
    operations: Sequence[Operation]
    events: Sequence[Event]
    events_more: bool
    snapshot_refusal: str
    may_snapshot: bool
    restored: Operation | None
    kept_by: str
    may_remove: bool
    seen_at: datetime | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """One rule that lets somebody reach a database's port. opened: Toban's operation that added it, or None; until: when Toban
    closes it; closing: somebody has entered that."""

    rule: Rule
    opened: Operation | None
    until: datetime | None
    closing: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """Who reaches one database. ways: None where the rules could not be read; counts: rules of each group in all; limit: how many one
    may hold, None where AWS was not asked; full: groups that take no more, with why (a code)."""

    database: Resource
    port: int
    ways: Sequence[Way] | None
    counts: Mapping[str, int]
    limit: int | None
    full: Mapping[str, str]
    may_open: bool


@dataclass(frozen=True, slots=True)
class SnapshotDetail:
    """One snapshot's page. source: its database, if that still exists; refusal: why it could not be deleted now, or "";
    last_copy: nothing else is left of its database."""

    snapshot: DatabaseSnapshot
    source: Resource | None
    last_copy: bool
    operations: Sequence[Operation]
    events: Sequence[Event]
    refusal: str
    may_delete: bool
    may_restore: bool


def get_database(resource_id: UUID, *, actor: Actor) -> Resource:
    """A database instance with its account, gone ones too. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = Resource.objects.filter(id=resource_id, kind=ResourceKind.RDS).select_related("account")
    row: Resource | None = rows.first()
    if row is None:
        raise NotFound(type="resource", id=str(resource_id))
    return row


def database_detail(resource_id: UUID, *, actor: Actor, now: datetime) -> DatabaseDetail:
    """Raises NotPermitted, NotFound."""
    row = get_database(resource_id, actor=actor)
    region = Region.objects.filter(account=row.account, name=row.region).first()
    terms = terms_from_json(region.database_terms if region is not None else {})
    ends = trust_ends(row.facts, terms)
    restart = restart_of(row.kind, row.state, row.facts, row.state_since)
    listed = list(_snapshots_of(row).order_by("-made_at", "name")[: SNAPSHOTS_SHOWN + 1])
    events, more = events_of_subject("resource", str(row.id), actor=actor)
    facts = row.facts
    return DatabaseDetail(
        database=row,
        ends=ends,
        version=terms.version_of(facts),
        unread=not terms.authorities,
        warnings=warnings_of(expected_facts(facts, row.tags), ends, restart.at if restart else None, now),
        restart=restart,
        snapshots=listed[:SNAPSHOTS_SHOWN],
        snapshots_more=len(listed) > SNAPSHOTS_SHOWN,
        operations=open_of_target("resource", str(row.id), actor=actor),
        events=events,
        events_more=more,
        snapshot_refusal=snapshot_refusal(
            facts.get("engine", ""), facts.get("cluster_id", ""), row.aws_state, row.gone_at is not None
        ),
        may_snapshot=actor.may(Permission.POWER_ENTER, actor.tenant_id) and row.gone_at is None,
        restored=restored_as(row),
        kept_by="" if is_called_for_a_while(row.aws_id) else "name_of_before",
        may_remove=actor.may(Permission.DATABASE_EDIT, actor.tenant_id) and row.gone_at is None,
        seen_at=row.gone_at or (region.inventory_at if region else None),
        read_at=region.database_terms_at if region else None,
    )


#: More hosts than this in one list help nobody; those of its project stand first.
HOSTS_SHOWN = 500


def hosts_beside(row: Resource, *, actor: Actor) -> list[Resource]:
    """The EC2 instances of its account and region, those of its project first. Raises NotPermitted."""
    found = list(_hosts(row, actor).order_by("name", "id")[:HOSTS_SHOWN])
    return sorted(found, key=lambda one: one.project != row.project or not row.project)


def host_page(row: Resource, cursors: Cursors, *, actor: Actor) -> Page:
    """The same one page at a time, to its end, by name. Raises NotPermitted, Refused."""
    return page_of(_hosts(row, actor), ("name", "id"), cursors)


def _hosts(row: Resource, actor: Actor) -> QuerySet[Resource]:
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    return Resource.objects.filter(
        account=row.account, region=row.region, kind=ResourceKind.EC2, gone_at__isnull=True
    )


def get_opened(operation_id: UUID, *, actor: Actor) -> Operation:
    """The operation that let somebody in. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    row: Operation | None = Operation.objects.filter(id=operation_id, kind="reach.open").first()
    if row is None:
        raise NotFound(type="operation", id=str(operation_id))
    return row


def reach_of(row: Resource, *, actor: Actor) -> Reach:
    """Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    port, groups = port_of(row.facts), list(row.facts.get("groups", ()))
    terms = terms_here(row)
    kept, limit = terms.get("rules"), terms.get("rules_limit")
    rules = [rule_from_json(one) for one in kept or ()]
    counts = {one: counted(rules, one) for one in groups}
    return Reach(
        database=row,
        port=port,
        ways=None if kept is None else _ways(row, rules, port),
        counts=counts,
        limit=limit,
        full={one: code for one, count in counts.items() if (code := full_problem(count, limit))},
        may_open=actor.may(Permission.DATABASE_EDIT, actor.tenant_id) and row.gone_at is None,
    )


def _ways(row: Resource, rules: Sequence[Rule], port: int) -> list[Way]:
    """What lets to everybody first, then what Toban added, then the rest."""
    added = Operation.objects.filter(
        kind="reach.open",
        target_type="resource",
        target_id=str(row.id),
        state=State.SUCCEEDED,
        outcome="reach_opened",
    )
    by_rule = {one.outcome_detail.get("rule"): one for one in added.order_by("entered_at")}
    closing = Operation.objects.filter(
        kind="reach.close", target_type="resource", target_id=str(row.id), state__in=OPEN
    )
    closed = {one.parameters["opened"] for one in closing}
    ways = []
    for rule in rules:
        if rule.group in row.facts.get("groups", ()) and rule.opens(port):
            opened = by_rule.get(rule.id)
            until = opened.parameters["until_at"] if opened is not None else ""
            end = datetime.fromisoformat(until) if until else None
            ways.append(Way(rule, opened, end, opened is not None and str(opened.id) in closed))
    return sorted(ways, key=lambda one: (not one.rule.to_everybody, one.opened is None, one.rule.source))


def snapshot_detail(snapshot_id: UUID, *, actor: Actor) -> SnapshotDetail:
    """Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = DatabaseSnapshot.objects.filter(id=snapshot_id).select_related("account")
    row: DatabaseSnapshot | None = rows.first()
    if row is None:
        raise NotFound(type="snapshot", id=str(snapshot_id))
    source = source_of(row)
    under_way = open_of_target("snapshot", str(row.id), actor=actor)
    events, _more = events_of_subject("snapshot", str(row.id), actor=actor)
    refusal = removal_refusal(
        row.name, row.kind, row.state, row.facts.get("tags", {}), row.gone_at is not None
    )
    return SnapshotDetail(
        snapshot=row,
        source=source,
        last_copy=row.kind != SHARED and source is None and row.gone_at is None and not other_copies(row),
        operations=under_way,
        events=events,
        refusal=refusal
        or ("only_observed" if row.account.only_observed else "operation_open" if under_way else ""),
        may_delete=(may := actor.may(Permission.DATABASE_EDIT, actor.tenant_id) and row.gone_at is None),
        may_restore=may and row.state == COMPLETE,
    )


def list_snapshots(orphans: bool, q: str, cursors: Cursors, *, actor: Actor) -> Page:
    """One page of DatabaseSnapshot with its account, by name. orphans: only of databases that exist no more.
    Raises NotPermitted, Refused."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows: QuerySet[DatabaseSnapshot] = DatabaseSnapshot.objects.filter(gone_at__isnull=True)
    if orphans:
        rows = orphans_of(rows)
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(database__icontains=q))
    return page_of(rows.select_related("account"), ("name", "id"), cursors)


def _snapshots_of(row: Resource) -> QuerySet[DatabaseSnapshot]:
    found: QuerySet[DatabaseSnapshot] = DatabaseSnapshot.objects.filter(
        account=row.account, region=row.region, database=row.aws_id, gone_at__isnull=True
    ).exclude(kind=SHARED)
    return found
