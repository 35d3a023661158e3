"""Taking stock of one account in one region: what AWS has becomes rows, and each row its plan."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import Q

from infra.aws import answers, clusters, ec2, groups, rds
from infra.aws.windows import list_windows
from infra.domain.aws import AwsError, Database, EbsVolume, Ec2Instance, Problem, Target
from infra.domain.clusters import DbCluster
from infra.domain.groups import ScalingGroup
from infra.domain.maintenance import SsmWindow
from infra.models import Region
from infra.models.account import Looking
from infra.models.resource import ResourceKind
from infra.operations import (
    campaigns,
    corrections,
    database_removals,
    database_terms,
    expiring,
    leftovers,
    pruning,
    reaching,
    stock,
    tagging,
    volume_snapshots,
    volumes,
    windows,
)
from infra.operations.leaving import leave
from infra.queries.rules import published_options
from infra.queries.targets import target_of
from medical_audit.domain.actor import Actor, Subject, schedule_actor, system_actor
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

log = structlog.get_logger(__name__)

#: The look was good, but a part of it was refused.
PARTLY = "partly"
_TOLD = (
    "inventory_at", "inventory_ended_at", "inventory_problem", "inventory_problem_detail", "inventory_problem_since",
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    """One whole look: nothing of it is used unless servers, databases and volumes came back.

    windows: None where no schedule names any, or they could not be read; snapshots (of volumes): None where none are due, or the
    role may not read them. unread: what else could not be read, by kind, unkept: what the database would not take, and why;
    what is known of it stays as it was.
    """

    instances: list[Ec2Instance]
    databases: list[Database]
    volumes: list[EbsVolume]
    clusters: list[DbCluster] = field(default_factory=list)
    groups: list[ScalingGroup] = field(default_factory=list)
    windows: list[SsmWindow] | None = None
    terms: database_terms.Read | None = None
    snapshots: volume_snapshots.Read | None = None
    unread: dict[str, AwsError] = field(default_factory=dict)
    unkept: dict[str, str] = field(default_factory=dict)

    @property
    def machines(self) -> list[Ec2Instance | Database | DbCluster | ScalingGroup]:
        return [*self.instances, *self.databases, *self.clusters, *self.groups]


@dataclass(frozen=True, slots=True)
class Taken:
    """What an inventory did."""

    resources: int = 0
    changed: int = 0
    volumes: int = 0
    tagging: int = 0
    problem: str = ""


def take_inventory(
    tenant_id: UUID, region_id: UUID, *, worker: str, clock: Callable[[], datetime], force: bool = False
) -> Taken | None:
    """Look at one account in one region and keep what is there. None: another worker has just begun.

    The calls are made outside any transaction. A look that fails, for whatever cause, leaves the last good rows as they
    are and says so on the region, one that a newer look has overtaken is dropped; volumes that lack a Name become
    tagging operations.
    """
    actor = system_actor(tenant_id, worker)
    with tenant_scope(tenant_id):
        looked_at = clock()
        before = looked_at - timedelta(seconds=settings.INVENTORY_EVERY_S)
        mine = Region.objects.filter(id=region_id, looking__in=(Looking.ON, Looking.LEAVING))
        if not force:
            # A time in the future: the clock was put back.
            rested = Q(inventory_tried_at__lte=before) | Q(inventory_tried_at__gt=looked_at)
            mine = mine.filter(Q(inventory_tried_at__isnull=True) | rested)
        if not mine.update(inventory_tried_at=looked_at):
            return None
        region = Region.objects.select_related("account").get(id=region_id)
        left = None
        if region.looking == Looking.LEAVING:
            left = Taken(changed=leave(_locked(region_id), actor=actor, now=looked_at))
        target = target_of(region.account.account_id, region.name)
        terms_due = force or database_terms.due(region, looked_at)
        snapshots_due = volume_snapshots.due(region, looked_at)
        asked = [options for _, options in published_options()]
        # Before AWS is asked: a look that fails keeps no way open. A tick serves only tenants with a resource that is due.
        closing = schedule_actor(tenant_id, worker, reaching.PERMISSIONS)
        reaching.enter_closings(actor=closing, now=looked_at)
    if left is not None or target is None:
        return left or _failed(
            region, looked_at, "no_trust", "no role and ExternalId are registered", actor, clock
        )
    named = any(one.get("maintenance_windows") for one in asked)
    kept = region.database_terms if terms_due else None
    try:
        with answers.listening() as heard:
            seen = _look(target, windows_named=named, kept=kept, snapshots_due=snapshots_due, now=looked_at)
        with tenant_scope(tenant_id):
            now = clock()
            region = _locked(region_id)
            if _overtaken(region, looked_at, now):
                Region.objects.filter(id=region_id).update(inventory_ended_at=now)
                return Taken(problem="overtaken")
            region.inventory_answers = heard.as_json()
            if snapshots_due and seen.snapshots is None and volume_snapshots.PART not in seen.unread:
                region.snapshots_at = now
            changed = _keep(region, seen, kept or {}, looked_at=looked_at, actor=actor, now=now)
            _enter_what_is_due(region, worker, prunes=any(one.get("snapshot") for one in asked), now=now)
    except AwsError as error:
        return _failed(region, looked_at, error.told_as, str(error), actor, clock)
    except Exception as error:
        # Whatever it is, people must see that nothing came of the look, and what is behind it is in the log.
        log.exception("inventory_broke", tenant=str(tenant_id), region=str(region_id))
        return _failed(region, looked_at, "internal_error", type(error).__name__, actor, clock)
    entered = tagging.enter_tagging(tenant_id, region_id, now=clock())
    return Taken(len(seen.machines), changed, len(seen.volumes), entered)


def _keep(
    region: Region, seen: Seen, before: Mapping[str, Any], *, looked_at: datetime, actor: Actor, now: datetime
) -> int:
    """Write what was seen, the parts beside servers each for itself; gives how many servers changed. before: the region's terms
    when the look began."""
    replan = windows.keep_windows(region, seen.windows, now=now) if seen.windows is not None else ()
    changed = stock.keep_resources(
        region, seen.machines, unread=seen.unread, replan=replan, looked_at=looked_at, actor=actor, now=now
    )
    with _by_itself(seen, "volumes"):
        volumes.keep_volumes(region, seen.volumes, seen.instances, looked_at=looked_at, now=now)
        leftovers.tell_left_over(region, actor=actor, now=now)
    if seen.terms is not None:
        with _by_itself(seen, "databases"):
            database_terms.keep(region, seen.terms, before=before, looked_at=looked_at, now=now)
            expiring.tell_of_ends(region, actor=actor, now=now)
    if seen.snapshots is not None:
        with _by_itself(seen, volume_snapshots.PART):
            volume_snapshots.keep(region, seen.snapshots, looked_at=looked_at, now=now)
    _say_what_is_missing(region, seen, actor, now)
    region.inventory_at, region.inventory_ended_at = looked_at, now
    region.save(update_fields=[*_TOLD, *database_terms.FIELDS, "snapshots_at", "inventory_answers"])
    return changed


def _enter_what_is_due(region: Region, worker: str, *, prunes: bool, now: datetime) -> None:
    corrections.owe_corrections(region, now=now)
    clock_of_databases = schedule_actor(region.tenant_id, worker, campaigns.PERMISSIONS)
    campaigns.enter_rotations(region, actor=clock_of_databases, now=now)
    database_removals.ask_for_removals(region, actor=clock_of_databases, now=now)
    if prunes:
        clock_actor = schedule_actor(region.tenant_id, worker, pruning.PERMISSIONS)
        pruning.enter_pruning(region, actor=clock_actor, now=now)


@contextmanager
def _by_itself(seen: Seen, part: str) -> Iterator[None]:
    """What the database does not take of one part (anybody may share a snapshot of any name) keeps no other part from being kept."""
    try:
        with transaction.atomic():
            yield
    except (DataError, IntegrityError) as error:
        log.exception("inventory_part_broke", part=part)
        seen.unkept[part] = type(error).__name__


def _locked(region_id: UUID) -> Region:
    """The region's row, held until commit: looks of one region write one after the other."""
    region: Region = (
        Region.objects.select_for_update(of=("self",)).select_related("account").get(id=region_id)
    )
    return region


def _overtaken(region: Region, looked_at: datetime, now: datetime) -> bool:
    """A look that began after this one is already kept (one in the future is no look: the clock was put back)."""
    left = region.looking != Looking.ON
    return left or (region.inventory_at is not None and looked_at < region.inventory_at <= now)


def _look(
    target: Target, *, windows_named: bool, kept: Mapping[str, Any] | None, snapshots_due: bool, now: datetime
) -> Seen:
    """kept: what is known of databases besides their list, where that is to be read anew; else None."""
    seen = Seen(ec2.list_instances(target), rds.list_databases(target), ec2.list_volumes(target))
    with _allowed(seen, ResourceKind.CLUSTER):
        seen.clusters = clusters.list_clusters(target)
    with _allowed(seen, ResourceKind.ASG):
        seen.groups = groups.list_groups(target)
    if windows_named:
        try:
            seen.windows = list_windows(target)
        except AwsError as error:
            # Servers are looked at all the same; the windows last known go on to hold.
            seen.unread["window"] = error
    if kept is not None:
        seen.terms = database_terms.read(target, seen.databases, kept, now)
        seen.unread |= seen.terms.unread
    if snapshots_due:
        try:
            seen.snapshots = volume_snapshots.read(target)
        except AwsError as error:
            seen.unread[volume_snapshots.PART] = error
    return seen


@contextmanager
def _allowed(seen: Seen, part: str) -> Iterator[None]:
    """What the role may not read (it may be older than this part) does not keep the rest from being seen."""
    try:
        yield
    except AwsError as error:
        if error.problem is not Problem.PERMISSION:
            raise
        seen.unread[part] = error


def _say_what_is_missing(region: Region, seen: Seen, actor: Actor, now: datetime) -> None:
    """Say on the region what could not be read or kept; only a change is an event."""
    unread = [f"{error.action}: {error.told_as}" for error in seen.unread.values()]
    unread += [f"{part}: {why}" for part, why in seen.unkept.items()]
    detail = "; ".join(sorted(unread))
    before = region.inventory_problem
    if not unread and before:
        _tell(region, "account.reachable", actor, now, problem=before)
    elif unread and (before, region.inventory_problem_detail) != (PARTLY, detail):
        _tell(region, "account.partly_read", actor, now, outcome="failed", problem=PARTLY, message=detail)
        region.inventory_problem_since = now
    region.inventory_problem, region.inventory_problem_detail = (PARTLY, detail) if unread else ("", "")
    region.inventory_problem_since = region.inventory_problem_since if unread else None


def _failed(
    region: Region,
    looked_at: datetime,
    problem: str,
    detail: str,
    actor: Actor,
    clock: Callable[[], datetime],
) -> Taken:
    """Say on the region what went wrong; only a new problem is an event."""
    with tenant_scope(region.tenant_id):
        now = clock()
        row = _locked(region.id)
        row.inventory_ended_at = now
        if not _overtaken(row, looked_at, now):
            if row.inventory_problem != problem:
                row.inventory_problem_since = now
                _tell(
                    row,
                    "account.unreachable",
                    actor,
                    now,
                    outcome="failed",
                    problem=problem,
                    message=detail[:500],
                )
            row.inventory_problem, row.inventory_problem_detail = problem, detail[:2000]
        row.save(update_fields=_TOLD)
    log.warning("inventory_failed", account=row.account.account_id, region=row.name, problem=problem)
    return Taken(problem=problem)


def _tell(
    region: Region, kind: str, actor: Actor, now: datetime, outcome: str = "ok", **detail: object
) -> None:
    account = region.account
    record(
        kind,
        actor=actor,
        subject=Subject(type="account", id=str(account.id), name=account.name),
        now=now,
        outcome=outcome,
        detail={"account_id": account.account_id, "region": region.name, **detail},
    )
