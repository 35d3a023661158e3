"""Taking stock of one account in one region: what AWS has becomes rows, and each row its plan."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q

from infra.aws import ec2, rds
from infra.domain.aws import AwsError, Database, EbsVolume, Ec2Instance, Target
from infra.models import Region
from infra.operations import corrections, stock, tagging, volumes
from infra.queries.targets import target_of
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

log = structlog.get_logger(__name__)

_TOLD = (
    "inventory_at", "inventory_ended_at", "inventory_problem", "inventory_problem_detail", "inventory_problem_since",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """One whole look: nothing of it is used unless all three lists came back."""

    instances: list[Ec2Instance]
    databases: list[Database]
    volumes: list[EbsVolume]


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

    The calls are made outside any transaction. A look that fails leaves the last good rows as they are and says
    so on the region, one that a newer look has overtaken is dropped; volumes that lack a Name become tagging
    operations.
    """
    actor = system_actor(tenant_id, worker)
    with tenant_scope(tenant_id):
        looked_at = clock()
        before = looked_at - timedelta(seconds=settings.INVENTORY_EVERY_S)
        mine = Region.objects.filter(id=region_id)
        if not force:
            # A time in the future: the clock was put back.
            rested = Q(inventory_tried_at__lte=before) | Q(inventory_tried_at__gt=looked_at)
            mine = mine.filter(Q(inventory_tried_at__isnull=True) | rested)
        if not mine.update(inventory_tried_at=looked_at):
            return None
        region = Region.objects.select_related("account").get(id=region_id)
        target = target_of(region.account.account_id, region.name)
    if target is None:
        return _failed(region, looked_at, "no_trust", "no role and ExternalId are registered", actor, clock)
    try:
        seen = _look(target)
    except AwsError as error:
        return _failed(region, looked_at, str(error.problem), str(error), actor, clock)
    with tenant_scope(tenant_id):
        now = clock()
        region = _locked(region_id)
        if _overtaken(region, looked_at, now):
            Region.objects.filter(id=region_id).update(inventory_ended_at=now)
            return Taken(problem="overtaken")
        changed = stock.keep_resources(
            region, seen.instances, seen.databases, looked_at=looked_at, actor=actor, now=now
        )
        volumes.keep_volumes(region, seen.volumes, seen.instances, now=now)
        if region.inventory_problem:
            _tell(region, "account.reachable", actor, now, problem=region.inventory_problem)
        region.inventory_at, region.inventory_ended_at = looked_at, now
        region.inventory_problem, region.inventory_problem_detail, region.inventory_problem_since = (
            "",
            "",
            None,
        )
        region.save(update_fields=_TOLD)
        corrections.owe_corrections(region, now=now)
    entered = tagging.enter_tagging(tenant_id, region_id, now=clock())
    return Taken(len(seen.instances) + len(seen.databases), changed, len(seen.volumes), entered)


def _locked(region_id: UUID) -> Region:
    """The region's row, held until commit: looks of one region write one after the other."""
    region: Region = (
        Region.objects.select_for_update(of=("self",)).select_related("account").get(id=region_id)
    )
    return region


def _overtaken(region: Region, looked_at: datetime, now: datetime) -> bool:
    """A look that began after this one is already kept (one in the future is no look: the clock was put back)."""
    return region.inventory_at is not None and looked_at < region.inventory_at <= now


def _look(target: Target) -> Seen:
    return Seen(ec2.list_instances(target), rds.list_databases(target), ec2.list_volumes(target))


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
