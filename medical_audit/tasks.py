"""Wake-ups. The rows are the queue: each task may be lost, repeated or run twice at once without harm."""

import os
import socket
import threading
from uuid import UUID

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from medical_audit import clock, time_source
from medical_audit.domain.actor import NO_TENANT, system_actor
from medical_audit.operations import (
    answers,
    clocks,
    emergencies,
    execution,
    partitions,
    proxies,
    reviewing,
    seats,
    watching,
)
from medical_audit.operations.exports import making
from medical_audit.operations.heartbeat import beat
from medical_audit.queries import queue
from medical_audit.queries.emergencies import emergency_tenants

#: Two sweeps: by then the lane has been woken again, and a queue of old messages would only be in the way.
WAKE_EXPIRES_S = 20
log = structlog.get_logger(__name__)


def worker_name() -> str:
    """Which thread of which process on which machine: stands in the ledger as who executed."""
    return f"worker:{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 10000}"


@shared_task
def drain_lane(tenant_id: str, lane: str) -> int:
    return execution.drain_lane(UUID(tenant_id), lane, worker=worker_name(), clock=clock.now)


@shared_task
def sweep() -> None:
    """Close what waited too long, tenant by tenant, and wake a worker for each lane with work due."""
    now = clock.now()
    for tenant_id in queue.overdue_tenants(now):
        try:
            execution.expire_overdue(tenant_id, actor=system_actor(tenant_id, "sweeper"), now=now)
        except Exception:
            log.exception("sweep_failed", tenant=str(tenant_id))
    for tenant_id in queue.proxy_tenants():
        try:
            proxies.escalate(tenant_id, actor=system_actor(tenant_id, "sweeper"), now=now)
        except Exception:
            log.exception("escalation_failed", tenant=str(tenant_id))
    for tenant_id in emergency_tenants(now):
        try:
            emergencies.close_overdue(tenant_id, actor=system_actor(tenant_id, "sweeper"), now=now)
        except Exception:
            log.exception("emergency_not_closed", tenant=str(tenant_id))
    for tenant_id, lane in queue.due_lanes(now, limit=500):
        wake(tenant_id, lane)


@shared_task
def close_sessions() -> int:
    """End the sessions that nobody ended; one person's trouble does not keep the others' open."""
    now, ended = clock.now(), 0
    for user_id in queue.silent_people(now):
        try:
            ended += seats.sweep(user_id, actor=seats.keeper(NO_TENANT), now=now)
        except Exception:
            log.exception("session_sweep_failed", person=str(user_id))
    beat("sessions", now)
    return ended


@shared_task
def forget_answers() -> int:
    """Answers that were kept for a call that is sent twice go when nobody can send it any more; one tenant's trouble stops no other."""
    now, forgotten = clock.now(), 0
    for tenant_id in queue.tenants():
        try:
            forgotten += answers.forget_over(tenant_id, now=now)
        except Exception:
            log.exception("answers_not_forgotten", tenant=str(tenant_id))
    return forgotten


@shared_task
def read_clocks() -> str:
    """How far this machine's clock, the database's and the time server's stand apart."""
    skew, machine = time_source.measure(), socket.gethostname()
    return str(
        clocks.keep_reading(skew, machine, actor=system_actor(NO_TENANT, "clock"), now=clock.now()).state
    )


@shared_task
def watch() -> int:
    """Look for what is unusual and for reviews that are overdue, tenant by tenant; one tenant's trouble stops no other."""
    now, found = clock.now(), 0
    for tenant_id in queue.tenants():
        try:
            found += watching.watch(tenant_id, actor=system_actor(tenant_id, "watch"), now=now)
            reviewing.remind(tenant_id, actor=system_actor(tenant_id, "watch"), now=now)
        except Exception:
            log.exception("watch_failed", tenant=str(tenant_id))
    return found


@shared_task
def make_exports(tenant_id: str) -> int:
    """Make the files that people of this tenant asked for."""
    tenant = UUID(tenant_id)
    return making.make_due(tenant, actor=system_actor(tenant, "exporter"), clock=clock.now)


@shared_task
def kick_exports() -> None:
    """Wake a worker for each tenant with an export to make or to remove."""
    now = clock.now()
    for tenant_id in queue.due_exports(now, now - making.LEFT_BEHIND):
        wake_exports(tenant_id)


@shared_task
def ensure_partitions() -> int:
    return partitions.ensure(months=24)


def queue_of(lane: str) -> str:
    """Lanes with a class of their own ('<account>/<region>/<class>') are background work for the inventory workers."""
    return "inventory" if lane.count("/") > 1 else "aws"


def wake_exports(tenant_id: UUID) -> None:
    """Ask for a tenant's exports to be made; a broker that does not answer costs one beat."""
    try:
        make_exports.apply_async((str(tenant_id),), queue="inventory", expires=WAKE_EXPIRES_S)
    except (OSError, OperationalError) as error:
        log.warning("wake_failed", lane="exports", error=type(error).__name__)


def wake(tenant_id: UUID, lane: str) -> None:
    """Ask for a drain; a broker that does not answer costs one sweep, never the caller."""
    try:
        drain_lane.apply_async((str(tenant_id), lane), queue=queue_of(lane), expires=WAKE_EXPIRES_S)
    except (OSError, OperationalError) as error:
        log.warning("wake_failed", lane=lane, error=type(error).__name__)
