"""Wake-ups of this floor, on a queue of its own: however long a Redmine hangs, nothing else waits for it."""

from uuid import UUID

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from medical_audit import clock
from medical_audit.tasks import worker_name
from redmine_sync.operations import connecting, sending
from redmine_sync.queries import servers

VISIT_EXPIRES_S = 30
log = structlog.get_logger(__name__)


@shared_task
def kick() -> None:
    """Ask for a visit at every connected server, and at drafts that wait to be looked at."""
    for tenant_id, server_id in servers.connected_tenants():
        if not wake(tenant_id, server_id):
            return


@shared_task
def visit(tenant_id: str, server_id: str) -> None:
    """Look at a server if somebody asked for it, then read and write what is due."""
    tenant, server = UUID(tenant_id), UUID(server_id)
    connecting.probe_if_asked(tenant, server, clock=clock.now)
    done = sending.serve(tenant, server, worker=worker_name(), clock=clock.now)
    if done.sent or done.failed or done.read:
        log.info("redmine", tenant=tenant_id, sent=done.sent, failed=done.failed, read=done.read)
    if done.more:
        wake(tenant, server)


def wake(tenant_id: UUID, server_id: UUID) -> bool:
    """Ask for a visit; a broker that does not answer costs one beat, never the caller."""
    try:
        visit.apply_async((str(tenant_id), str(server_id)), queue="tickets", expires=VISIT_EXPIRES_S)
    except (OSError, OperationalError) as error:
        log.warning("kick_failed", error=type(error).__name__)
        return False
    return True
