"""Where work is due, over all tenants: ids and lane names only, through functions that show nothing else."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from medical_audit.domain.seats import LIFETIME, SILENCE


def due_lanes(now: datetime, *, limit: int) -> list[tuple[UUID, str]]:
    """Lanes that a worker could serve now: healthy ones first, then who waited longest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, lane FROM queue.due_lanes(%s, %s)", [now, limit])
        return list(cursor.fetchall())


def due_verifications(left_behind: datetime) -> list[UUID]:
    """Tenants where somebody waits for a verification, or one was begun before `left_behind` and not ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tenant_id FROM queue.due_verifications(%s)", [left_behind])
        return [row[0] for row in cursor.fetchall()]


def due_exports(now: datetime, left_behind: datetime) -> list[UUID]:
    """Tenants where an export waits to be made, was left behind, or has lain long enough."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.due_exports(%s, %s)", [now, left_behind])
        return [row[0] for row in cursor.fetchall()]


def overdue_tenants(now: datetime) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.overdue_tenants(%s)", [now])
        return [row[0] for row in cursor.fetchall()]


def silent_people(now: datetime) -> list[UUID]:
    """Whose sessions nobody ended although their time is over: ids only."""
    limits = [int(one.total_seconds()) for one in (SILENCE, LIFETIME)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id FROM queue.silent_sessions(%s, %s, %s)", [now, *limits])
        return [row[0] for row in cursor.fetchall()]


def proxy_tenants() -> list[UUID]:
    """Tenants in which a proxy entry waits for its confirmation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.proxy_tenants()")
        return [row[0] for row in cursor.fetchall()]


def tenants() -> list[UUID]:
    """Every tenant's id, for processes that serve them in turn; no other role may ask."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.tenants()")
        return [row[0] for row in cursor.fetchall()]
