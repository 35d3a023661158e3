"""Wake-ups of this floor: the tick of every tenant with something due, and inventories."""

from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError

from infra.operations import holiday_lists, inventory, organizing, setups
from infra.operations import tick as ticking
from infra.queries import queue
from infra.queries.accounts import PROOF_LOST_AFTER
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.operations import heartbeat
from medical_audit.tasks import wake, worker_name

#: One beat asks for so many lists at most, so that slow servers of some do not fill the workers for all.
FEEDS_AT_ONCE = 20
log = structlog.get_logger(__name__)


@shared_task
def tick() -> int:
    """Enter what is due, tenant by tenant; one tenant's trouble never stops another's tick."""
    now = clock.now()
    entered = 0
    for tenant_id in queue.due_tenants(now):
        try:
            done = ticking.tick(tenant_id, now=now)
        except Exception:
            log.exception("tick_failed", tenant=str(tenant_id))
            continue
        entered += len(done.entered)
        for lane in done.lanes:
            wake(tenant_id, lane)
    heartbeat.beat("tick", now)
    return entered


@shared_task
def kick_inventories() -> None:
    """Ask for each inventory that is due; the task itself claims it, so asking twice is harmless."""
    now = clock.now()
    before = now - timedelta(seconds=settings.INVENTORY_EVERY_S)
    for tenant_id, region_id in queue.due_inventories(before, now):
        try:
            take_inventory.apply_async((str(tenant_id), str(region_id)), expires=60)
        except (OSError, OperationalError) as error:
            log.warning("kick_failed", error=type(error).__name__)
            return


@shared_task
def take_inventory(tenant_id: str, region_id: str, force: bool = False) -> None:
    """`force`: somebody asked for it now, whenever the last one was."""
    taken = inventory.take_inventory(
        UUID(tenant_id), UUID(region_id), worker=worker_name(), clock=clock.now, force=force
    )
    if taken is not None:
        log.info("inventory", tenant=tenant_id, region=region_id, resources=taken.resources, changed=taken.changed,
                 tagging=taken.tagging, problem=taken.problem)  # fmt: skip


@shared_task
def prove_account(tenant_id: str, setup_id: str) -> None:
    """Try the roles of an account that is to be taken in; asked twice, the second finds nothing to do."""
    setups.run_proof(UUID(tenant_id), UUID(setup_id), worker=worker_name(), clock=clock.now)


def kick_proof(tenant_id: UUID, setup_id: UUID) -> None:
    """Ask for a proof; with the broker away the page says after a while that it may be asked for again."""
    try:
        # Of many that are asked for at once the last waits for the others.
        prove_account.apply_async((str(tenant_id), str(setup_id)), expires=PROOF_LOST_AFTER.seconds)
    except (OSError, OperationalError) as error:
        log.warning("kick_failed", error=type(error).__name__)


@shared_task
def list_organization(tenant_id: str, setup_id: str) -> None:
    """Ask AWS Organizations for its accounts; asked twice, the second finds nothing to do."""
    organizing.run_listing(UUID(tenant_id), UUID(setup_id), worker=worker_name(), clock=clock.now)


def kick_listing(tenant_id: UUID, setup_id: UUID) -> None:
    """As kick_proof."""
    try:
        list_organization.apply_async((str(tenant_id), str(setup_id)), expires=PROOF_LOST_AFTER.seconds)
    except (OSError, OperationalError) as error:
        log.warning("kick_failed", error=type(error).__name__)


@shared_task
def kick_feeds() -> None:
    """Ask for each list of holidays that is due; the task itself claims it, so asking twice is harmless."""
    for tenant_id, feed_id in queue.due_feeds(clock.now())[:FEEDS_AT_ONCE]:
        try:
            refresh_feed.apply_async((str(tenant_id), str(feed_id)), expires=300)
        except (OSError, OperationalError) as error:
            log.warning("kick_failed", error=type(error).__name__)
            return


@shared_task
def refresh_feed(tenant_id: str, feed_id: str) -> None:
    """Fetch one tenant's list; whatever it gives stays with this tenant and this task."""
    actor = system_actor(UUID(tenant_id), "calendar")
    row = holiday_lists.refresh(UUID(feed_id), actor=actor, now=clock.now(), local=settings.LOCAL)
    if row is not None:
        log.info("feed", tenant=tenant_id, feed=feed_id, state=row.state, problem=row.problem)
