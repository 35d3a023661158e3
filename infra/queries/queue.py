"""Where something is due, over all tenants: ids only."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import connection


def due_tenants(now: datetime) -> list[UUID]:
    """Tenants with a resource whose schedule speaks at or before now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.due_tenants(%s)", [now])
        return [row[0] for row in cursor.fetchall()]


def due_inventories(before: datetime, now: datetime) -> list[tuple[UUID, UUID]]:
    """Regions (tenant, region) that are looked at, or to be told of as left, last looked at before an instant, or after now (the clock was
    put back); longest ago first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, region_id FROM queue.due_inventories(%s, %s)", [before, now])
        return list(cursor.fetchall())


def every_region() -> list[tuple[UUID, UUID]]:
    """All regions of all tenants that are looked at, whenever that last was."""
    ever = datetime.max.replace(tzinfo=UTC)
    return due_inventories(ever, ever)


def due_feeds(now: datetime) -> list[tuple[UUID, UUID]]:
    """Addresses of lists of holidays (tenant, feed) that are due, the longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, feed_id FROM queue.due_feeds(%s)", [now])
        return list(cursor.fetchall())
