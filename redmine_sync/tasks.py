"""Wake-ups of this floor, on a queue of its own: however long a Redmine hangs, nothing else waits for it."""

from uuid import UUID

import structlog
from celery import Task, shared_task
from kombu.exceptions import OperationalError

from medical_audit import clock
from medical_audit.tasks import worker_name
from redmine_sync.operations import connecting, fetching, receiving, repository_leaving, sending
from redmine_sync.queries import repositories, servers

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
    connecting.probe_if_asked(tenant, server, worker=worker_name(), clock=clock.now)
    done = sending.serve(tenant, server, worker=worker_name(), clock=clock.now)
    if done.sent or done.failed or done.read:
        log.info("redmine", tenant=tenant_id, sent=done.sent, failed=done.failed, read=done.read)
    if done.more:
        wake(tenant, server)


def wake(tenant_id: UUID, server_id: UUID) -> bool:
    """Ask for a visit; a broker that does not answer costs one beat, never the caller."""
    return _send(visit, str(tenant_id), str(server_id))


@shared_task
def kick_repositories() -> None:
    """Ask for a visit at every repository at which something is due: a poll, a push, a look, a removal."""
    for tenant_id, repository_id in repositories.due(clock.now()):
        if not wake_repository(tenant_id, repository_id):
            return


@shared_task
def visit_repository(tenant_id: str, repository_id: str) -> None:
    """Do what is due at one repository."""
    tenant, repository = UUID(tenant_id), UUID(repository_id)
    if repository_leaving.remove_mirror_if_asked(tenant, repository, clock=clock.now):
        return
    if fetching.serve(tenant, repository, worker=worker_name(), clock=clock.now):
        wake_repository(tenant, repository)


@shared_task
def note_refused(project: str) -> None:
    """A delivery for this project came whose signature was nobody's: said on the pages of its repositories."""
    receiving.note_refused(project, now=clock.now())


def wake_repository(tenant_id: UUID, repository_id: UUID) -> bool:
    """Ask for a visit; a broker that does not answer costs one beat, never the caller."""
    return _send(visit_repository, str(tenant_id), str(repository_id))


def tell_refused(project: str) -> None:
    """Asked for whether or not there is such a project, so that the answer takes as long."""
    _send(note_refused, project)


def _send(task: Task, *arguments: str) -> bool:
    try:
        task.apply_async(arguments, expires=VISIT_EXPIRES_S)
    except (OSError, OperationalError) as error:
        log.warning("kick_failed", error=type(error).__name__)
        return False
    return True
