"""Projects: whose each is, which resources it takes, what belongs to none; declaring one is entered here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.projects import ProjectForm
from infra.models import Project
from infra.operations import projects
from infra.queries.projects import get_project, hanging_on, list_projects
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of


@require_http_methods(["GET", "HEAD", "POST"])
def project_list(request: TenantRequest, slug: str) -> HttpResponse:
    """All of them; a new one is entered here."""
    name = text_of(request.GET, "name", 300)
    if request.method != "POST":
        return _list(request, ProjectForm(initial={"name": name, "tag_key": "Project", "tag_values": name}))
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    return _enter(request, ProjectForm(request.POST), None)


@require_http_methods(["GET", "HEAD", "POST"])
def project_change(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What is to hold of a project that is declared."""
    row = get_project(pk, actor=request.actor)
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    if request.method == "POST":
        return _enter(request, ProjectForm(request.POST), row.id)
    given = {
        "name": row.name, "owner": row.owner, "tag_key": row.tag_key, "tag_values": ", ".join(row.tag_values),
    }  # fmt: skip
    return _list(request, ProjectForm(initial=given), changed=row)


@require_POST
def project_end(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    row = get_project(pk, actor=request.actor)
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    reason = text_of(request.POST, "reason", 500)
    operation = projects.enter_end(row.id, actor=request.actor, now=request.now, reason=reason)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _enter(request: TenantRequest, form: ProjectForm, project_id: UUID | None) -> HttpResponse:
    if form.is_valid():
        given = form.cleaned_data
        try:
            operation = projects.enter_project(
                given["name"], given["owner"], given["tag_key"], given["tag_values"], project_id=project_id,
                actor=request.actor, now=request.now, reason=given["reason"],
            )  # fmt: skip
        except Refused as refused:
            form.refused = refused.code
        else:
            return redirect("medical_audit:operation", slug=request.tenant.slug, pk=operation.id)
    changed = get_project(project_id, actor=request.actor) if project_id else None
    return _list(request, form, changed=changed, status=422)


def _list(
    request: TenantRequest, form: ProjectForm, *, status: int = 200, changed: Project | None = None
) -> HttpResponse:
    context: dict[str, Any] = {
        "page": list_projects(actor=request.actor),
        "form": form,
        "changed": changed,
        "hanging": hanging_on(changed.name, request.now) if changed else None,
        "may_edit": request.actor.may(Permission.SCHEDULE_EDIT, request.tenant.id),
    }
    return render(request, "infra/project_list.html", context, status=status)
