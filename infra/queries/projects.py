"""The tenant's projects: declared ones, names that only tags carry, and what belongs to none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef, Q

from accounts.domain.permissions import Permission
from infra.domain.projects import ProjectRule
from infra.models import Assignment, Project, Region, Resource
from infra.models.schedule import Scope
from infra.queries.overrides import Entry, entries, live
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import State
from medical_audit.models import Operation

WITHOUT_SHOWN = 50
SET, END = "project.set", "project.end"


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """One project; `row` None where only tags name it. `resources`: how many it has now."""

    name: str
    row: Project | None
    resources: int


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """`without`: resources of no project, by name, WITHOUT_SHOWN at most; `without_count`: how many there are."""

    lines: Sequence[ProjectLine]
    without: Sequence[Resource]
    without_count: int


@dataclass(frozen=True, slots=True)
class Hanging:
    """What speaks of a project by its name and would be lost with it: its schedule, and what holds now or later instead of that."""

    assignment: Assignment | None
    entries: Sequence[Entry]

    @property
    def count(self) -> int:
        return len(self.entries) + (self.assignment is not None)


def hanging_on(name: str, now: datetime) -> Hanging:
    """Needs the tenant bound."""
    assigned = Assignment.objects.filter(scope=str(Scope.PROJECT), project=name).select_related("schedule")
    rows = live(now).filter(scope=str(Scope.PROJECT), project=name).select_related("resource", "schedule")
    return Hanging(assigned.first(), entries(rows.order_by("until", "id")))


def is_there(name: str) -> bool:
    """Whether anything belongs to this project by what holds now. One that was renamed or ended keeps its resources until the next look
    at AWS, and what was said of it by then would hang on nothing. Needs the tenant bound."""
    rows = Resource.objects.filter(project=name, gone_at__isnull=True)
    if not name or not rows.exists():
        return False
    renamed = Q(kind=SET, parameters__before__name=name) & ~Q(parameters__name=name)
    given_up = Operation.objects.filter(
        renamed | Q(kind=END, parameters__name=name), state=str(State.SUCCEEDED)
    ).aggregate(at=Max("confirmed_at"))["at"]
    if given_up is None or Project.objects.filter(name=name).exists():
        return True
    looked = Region.objects.filter(
        account=OuterRef("account"), name=OuterRef("region"), inventory_at__gt=given_up
    )
    return bool(rows.filter(Exists(looked)).exists())


def project_rules() -> tuple[ProjectRule, ...]:
    """Of the bound tenant, by name: the first that takes a resource has it."""
    return tuple(
        ProjectRule(row.name, row.tag_key, tuple(row.tag_values)) for row in Project.objects.order_by("name")
    )


def list_projects(*, actor: Actor) -> ProjectPage:
    """Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    here = Resource.objects.filter(gone_at__isnull=True)
    counts: dict[str, int] = dict(here.values_list("project").annotate(n=Count("id")))
    rows = {row.name: row for row in Project.objects.all()}
    names = sorted({*rows, *counts} - {""})
    without = here.filter(project="").select_related("account").order_by("name", "id")
    return ProjectPage(
        [ProjectLine(name, rows.get(name), counts.get(name, 0)) for name in names],
        list(without[:WITHOUT_SHOWN]),
        counts.get("", 0),
    )


def get_project(project_id: UUID, *, actor: Actor) -> Project:
    """Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    row: Project | None = Project.objects.filter(id=project_id).first()
    if row is None:
        raise NotFound(type="project")
    return row
