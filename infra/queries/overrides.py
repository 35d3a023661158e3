"""What holds for a while instead of the schedules, one line for each confirmed entry, whatever the number of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.db.models import Q, QuerySet

from accounts.domain.permissions import Permission
from infra.models import Override, Resource
from infra.models.schedule import OverrideKind, Scope
from medical_audit.domain.actor import Actor

#: So many resources of an entry are named in its line.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its first row stands for all (`row.id` is what ends it); `resources` are those it names one by one."""

    row: Override
    resources: Sequence[Resource]

    @property
    def until(self) -> datetime:
        """When it stops to hold: its end, or the moment at which a person ended it."""
        return min(self.row.until, self.row.ended_at) if self.row.ended_at else self.row.until

    @property
    def more(self) -> int:
        """How many of its resources a line that names three leaves out."""
        return max(0, len(self.resources) - NAMED)


def live(now: datetime) -> QuerySet[Override]:
    """Rows that hold now or later."""
    rows: QuerySet[Override] = Override.objects.filter(until__gt=now)
    return rows.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=now))


def entries(rows: Iterable[Override]) -> list[Entry]:
    """Rows (with resource and schedule) as entries, in the order of their first rows."""
    grouped: dict[str, list[Override]] = {}
    for row in rows:
        grouped.setdefault(row.operation, []).append(row)
    return [
        Entry(found[0], sorted((one.resource for one in found if one.resource), key=attrgetter("name")))
        for found in grouped.values()
    ]


def live_entries(*, actor: Actor, now: datetime) -> list[Entry]:
    """What holds now or later, the first to end first. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    return entries(live(now).select_related("resource", "schedule").order_by("until", "id"))


def freeze_of(now: datetime) -> Override | None:
    """The freeze of the whole tenant that holds now. Needs the tenant bound."""
    row: Override | None = (
        live(now)
        .filter(kind=str(OverrideKind.FREEZE), scope=str(Scope.TENANT), since__lte=now)
        .order_by("-until")
        .first()
    )
    return row
