"""SSM maintenance windows as rows: one that is under way stays as it is until it has ended, whatever AWS shows next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from infra.domain.maintenance import SsmWindow, under_way
from infra.models import MaintenanceWindow, Region
from infra.queries.rules import published_options


def named_windows() -> dict[str, set[UUID]]:
    """Names and ids of windows that published schedules name, each with the revisions that do. Needs the tenant bound."""
    named: dict[str, set[UUID]] = {}
    for revision, options in published_options():
        for name in options.get("maintenance_windows", ()):
            named.setdefault(name, set()).add(revision)
    return named


def keep_windows(region: Region, found: Sequence[SsmWindow], *, now: datetime) -> set[UUID]:
    """Write what AWS shows of the windows that schedules name; gives the revisions whose windows have changed.

    The caller holds the region's row. What lies behind is kept once more, so that a tick that comes late still sees its
    end. Needs the tenant bound.
    """
    named = named_windows()
    mine = [one for one in found if one.name in named or one.id in named]
    here = MaintenanceWindow.objects.filter(account=region.account, region=region.name)
    known = {row.window_id: row for row in here}
    touched: set[UUID] = set()
    for one in mine:
        row = known.pop(one.id, None) or MaintenanceWindow(
            tenant_id=region.tenant_id, account=region.account, region=region.name, window_id=one.id
        )
        before = _told(row)
        _change(row, one, now)
        row.seen_at = now
        row.save()
        if _told(row) != before:
            touched |= _revisions(named, row)
    gone = [row for row in known.values() if not _holds(row, now)]
    for row in gone:
        touched |= _revisions(named, row)
    MaintenanceWindow.objects.filter(id__in=[row.id for row in gone]).delete()
    return touched


def _change(row: MaintenanceWindow, one: SsmWindow, now: datetime) -> None:
    if row.next_at is not None and _holds(row, now):
        return
    if row.next_at is not None and row.next_at <= now:
        row.previous_at = row.next_at
    row.name, row.enabled, row.duration_hours, row.next_at = (
        one.name,
        one.enabled,
        one.duration_hours,
        one.next_at,
    )


def _holds(row: MaintenanceWindow, now: datetime) -> bool:
    return row.enabled and row.next_at is not None and under_way(row.next_at, row.duration_hours, now)


def _told(row: MaintenanceWindow) -> tuple[object, ...]:
    return (row.name, row.enabled, row.duration_hours, row.next_at)


def _revisions(named: dict[str, set[UUID]], row: MaintenanceWindow) -> set[UUID]:
    return named.get(row.name, set()) | named.get(row.window_id, set())
