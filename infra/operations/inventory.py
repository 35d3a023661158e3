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
from infra.operations import stock, tagging, volumes
from infra.queries.targets import target_of
from medical_audit.domain.actor import Subject, system_actor
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

log = structlog.get_logger(__name__)


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
    so on the region; volumes that lack a Name become tagging operations.
    """
    actor = system_actor(tenant_id, worker)
    with tenant_scope(tenant_id):
        now = clock()
        before = now - timedelta(seconds=settings.INVENTORY_EVERY_S)
        mine = Region.objects.filter(id=region_id)
        if not force:
            mine = mine.filter(Q(inventory_tried_at__isnull=True) | Q(inventory_tried_at__lte=before))
        if not mine.update(inventory_tried_at=now):
            return None
        region = Region.objects.select_related("account").get(id=region_id)
        target = target_of(region.account.account_id, region.name)
    try:
        if target is None:
            raise LookupError("no role and ExternalId are registered for this account")
        seen = _look(target)
    except AwsError as error:
        return _failed(region, str(error.problem), str(error), actor.name, clock)
    except LookupError as error:
        return _failed(region, "no_trust", str(error), actor.name, clock)
    with tenant_scope(tenant_id):
        now = clock()
        region = Region.objects.select_related("account").get(id=region_id)
        changed = stock.keep_resources(region, seen.instances, seen.databases, actor=actor, now=now)
        volumes.keep_volumes(region, seen.volumes, seen.instances, now=now)
        _mended(region, actor.name, now)
        Region.objects.filter(id=region.id).update(
            inventory_at=now, inventory_ended_at=now, inventory_problem="", inventory_problem_detail="", inventory_problem_since=None
        )
    entered = tagging.enter_tagging(tenant_id, region_id, now=clock())
    return Taken(len(seen.instances) + len(seen.databases), changed, len(seen.volumes), entered)


def _look(target: Target) -> Seen:
    return Seen(ec2.list_instances(target), rds.list_databases(target), ec2.list_volumes(target))


def _failed(region: Region, problem: str, detail: str, worker: str, clock: Callable[[], datetime]) -> Taken:
    """Say on the region what went wrong; only a new problem is an event."""
    with tenant_scope(region.tenant_id):
        now = clock()
        row = Region.objects.select_for_update(of=("self",)).select_related("account").get(id=region.id)
        if row.inventory_problem != problem:
            row.inventory_problem_since = now
            _tell(row, "account.unreachable", worker, now, outcome="failed", problem=problem, message=detail[:500])
        row.inventory_problem, row.inventory_problem_detail, row.inventory_ended_at = problem, detail[:2000], now
        row.save(update_fields=["inventory_problem", "inventory_problem_detail", "inventory_problem_since", "inventory_ended_at"])
    log.warning("inventory_failed", account=row.account.account_id, region=row.name, problem=problem)
    return Taken(problem=problem)


def _mended(region: Region, worker: str, now: datetime) -> None:
    if region.inventory_problem:
        _tell(region, "account.reachable", worker, now, problem=region.inventory_problem)


def _tell(region: Region, kind: str, worker: str, now: datetime, outcome: str = "ok", **detail: object) -> None:
    account = region.account
    record(
        kind,
        actor=system_actor(region.tenant_id, worker),
        subject=Subject(type="account", id=str(account.id), name=account.name),
        now=now,
        outcome=outcome,
        detail={"account_id": account.account_id, "region": region.name, **detail},
    )
