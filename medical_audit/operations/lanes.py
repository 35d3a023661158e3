"""Leasing a lane, keeping it, and its circuit breaker.

One worker holds a lane at a time, so one account that hangs holds at most `LANES_PER_ACCOUNT` workers. Each
lease raises the fence; every write of its holder first proves, in the same transaction, that the fence is its own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from medical_audit.domain.actor import Subject, system_actor
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import Health
from medical_audit.models import Lane
from medical_audit.models.lane import Breaker
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

REFUSED_PROBE = timedelta(minutes=15)


@dataclass(slots=True)
class Lease:
    """What a worker holds. `keep` is asked right before every outside call."""

    tenant_id: UUID
    lane: str
    worker: str
    fence: int
    clock: Callable[[], datetime]
    until: float = field(default=0.0)
    """Monotonic seconds: this process trusts its lease no longer than this, whatever the database says."""

    healthy: bool = field(default=False)
    """The breaker was closed without a failure when we last saw it: more good news need not be written."""

    paused: bool = field(default=False)
    """The breaker opened while we held the lane: what is not begun yet waits for the next lease."""

    def hold(self) -> None:
        """Prove and extend the lease inside the caller's transaction; raises LeaseLost."""
        end = time.monotonic() + settings.LEASE_S
        now = self.clock()
        mine = Lane.objects.filter(name=self.lane, fence=self.fence, leased_until__gt=now)
        if time.monotonic() > self.until or not mine.update(
            leased_until=now + timedelta(seconds=settings.LEASE_S)
        ):
            raise LeaseLost(lane=self.lane, fence=self.fence)
        self.until = end

    def keep(self, for_s: float = 0.0) -> bool:
        """Is the lane still ours for one more call, of at most `for_s` seconds? Extends the lease once a third of it is used,
        or when that call might outlast it."""
        left = self.until - time.monotonic()
        if left <= 0:
            return False
        if left > max(settings.LEASE_S * 2 / 3, for_s):
            return True
        try:
            with tenant_scope(self.tenant_id):
                self.hold()
        except LeaseLost:
            return False
        return True


def lease_lane(tenant_id: UUID, lane: str, *, worker: str, clock: Callable[[], datetime]) -> Lease | None:
    """Take the lane, or None: somebody holds it, its breaker is open, or its account has enough workers already."""
    account = lane_group(lane)
    with tenant_scope(tenant_id):
        now = clock()
        _one_at_a_time(account)
        Lane.objects.bulk_create(
            [Lane(tenant_id=tenant_id, name=lane, account=account)], ignore_conflicts=True
        )
        row = Lane.objects.filter(name=lane).select_for_update(skip_locked=True).first()
        if (
            row is None
            or (row.leased_until and row.leased_until > now)
            or (row.open_until and row.open_until > now)
        ):
            return None
        others = Lane.objects.filter(account=account, leased_until__gt=now).exclude(id=row.id)
        if others.count() >= settings.LANES_PER_ACCOUNT:
            return None
        begin = time.monotonic()
        row.fence, row.worker, row.served_at = row.fence + 1, worker[:120], now
        row.leased_until = now + timedelta(seconds=settings.LEASE_S)
        row.save(update_fields=["fence", "worker", "served_at", "leased_until"])
    return Lease(
        tenant_id, lane, worker, row.fence, clock, until=begin + settings.LEASE_S, healthy=_is_healthy(row)
    )


def lane_group(lane: str) -> str:
    """Lanes of one account and class share a bound on workers: '<account>/<region>[/<class>]' -> '<account>[/<class>]'."""
    account, _, rest = lane.partition("/")
    _, _, lane_class = rest.partition("/")
    return f"{account}/{lane_class}" if lane_class else account


def release_lane(lease: Lease) -> None:
    """Give the lane back at once, if it is still ours."""
    with tenant_scope(lease.tenant_id):
        Lane.objects.filter(name=lease.lane, fence=lease.fence).update(leased_until=None)


def note_health(lease: Lease, health: Health, code: str) -> None:
    """Tell the breaker what the outside said. Opens after consecutive failures, at once when the account refuses us."""
    if health == Health.UNTOUCHED or (health == Health.GOOD and lease.healthy):
        return
    with tenant_scope(lease.tenant_id):
        now = lease.clock()
        row = Lane.objects.filter(name=lease.lane, fence=lease.fence).select_for_update().first()
        if row is None:
            return
        before = row.breaker
        if health == Health.GOOD:
            row.failures, row.breaker, row.breaker_reason, row.open_until = 0, Breaker.CLOSED, "", None
        elif health == Health.REFUSED:
            row.failures, row.breaker, row.breaker_reason = row.failures + 1, Breaker.REFUSED, code
            row.open_until = now + REFUSED_PROBE
        else:
            row.failures += 1
            if row.failures >= settings.BREAKER_AFTER:
                row.breaker, row.breaker_reason = Breaker.OPEN, code
                row.open_until = now + _open_for(row.failures)
        lease.paused = row.open_until is not None and row.open_until > now
        lease.healthy = _is_healthy(row)
        row.save(update_fields=["failures", "breaker", "breaker_reason", "open_until"])
        if row.breaker != before:
            record(
                "breaker.closed" if row.breaker == Breaker.CLOSED else "breaker.opened",
                actor=system_actor(lease.tenant_id, lease.worker),
                subject=Subject(type="lane", id=lease.lane, name=lease.lane),
                now=now,
                detail={"breaker": str(row.breaker), "code": code, "failures": row.failures},
            )


def _is_healthy(row: Lane) -> bool:
    return row.breaker == Breaker.CLOSED and row.failures == 0


def _open_for(failures: int) -> timedelta:
    doubled: float = settings.BREAKER_OPEN_S * 2 ** max(0, failures - settings.BREAKER_AFTER)
    return timedelta(seconds=min(doubled, settings.BREAKER_OPEN_MAX_S))


def _one_at_a_time(account: str) -> None:
    """Serialise leasing per account until commit, so that counting its held lanes cannot be overtaken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"lease:{account}"])
