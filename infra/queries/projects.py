"""The tenant's projects: declared ones, names that only tags carry, and what belongs to none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from accounts.domain.permissions import Permission
from infra.domain.projects import ProjectRule
from infra.models import Project, Resource
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound

WITHOUT_SHOWN = 50


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
