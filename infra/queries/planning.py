"""A tenant's published schedules, company calendar and assignments, as its planning file says them."""

from __future__ import annotations

from datetime import datetime

from accounts.domain.permissions import Permission
from infra.domain.planning_file import (
    AssignmentEntry,
    CalendarEntries,
    ScheduleEntry,
    Target,
    write_planning,
)
from infra.models import Assignment, HolidayFeed, Resource
from infra.models.schedule import Scope
from infra.queries.calendars import calendar_of
from infra.queries.rules import rules_at
from medical_audit.domain.actor import Actor


def export_planning(*, actor: Actor, now: datetime) -> str:
    """The file of the bound tenant: what is published and confirmed, no drafts. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    published = rules_at(now).published.values()
    schedules = [
        ScheduleEntry(one.named.name, one.named.description, one.revision.content) for one in published
    ]
    names = {one.named.id: one.named.name for one in published}
    rows = Assignment.objects.select_related("resource__account")
    assignments = [
        AssignmentEntry(target_of(row), names[row.schedule_id]) for row in rows if row.schedule_id in names
    ]
    return write_planning(schedules, calendar_entries(now), assignments)


def calendar_entries(now: datetime) -> CalendarEntries:
    """The company's days and addresses of lists as they are. Needs the tenant bound."""
    calendar = calendar_of(now)
    return CalendarEntries(
        closures={(one.first, one.last): one.name for one in calendar.ranges},
        closed={day.isoformat(): name for day, name in calendar.closed.items()},
        working={day.isoformat(): name for day, name in calendar.extra.items()},
        feeds=dict(HolidayFeed.objects.values_list("source", "url")),
    )


def target_of(row: Assignment) -> Target:
    if row.scope == Scope.RESOURCE and row.resource is not None:
        return Target("resource", resource_key(row.resource))
    return Target("project", (row.project,)) if row.scope == Scope.PROJECT else Target("tenant")


def resource_key(row: Resource) -> tuple[str, str, str, str]:
    """What names a resource outside of one installation; needs its account."""
    return row.account.account_id, row.region, row.kind, row.aws_id


def resources_by_key(keys: set[tuple[str, ...]]) -> dict[tuple[str, ...], Resource]:
    """The resources of the bound tenant that these keys name."""
    rows = Resource.objects.filter(aws_id__in={key[-1] for key in keys}, gone_at__isnull=True)
    found = {resource_key(row): row for row in rows.select_related("account")}
    return {key: found[key] for key in keys if key in found}
