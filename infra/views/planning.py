"""A tenant's planning file: written out, and read in with a look at what it would change before anything is entered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.planning_file import SCHEMA_FILE, read_planning
from infra.domain.yaml_tree import BYTES_MAX, BadFile, FileProblem
from infra.forms.planning import ImportForm
from infra.operations import planning
from infra.queries.planning import export_planning


@require_safe
def export(request: TenantRequest, slug: str) -> HttpResponse:
    """The file of this tenant as it is now."""
    text = export_planning(actor=request.actor, now=request.now)
    return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers={
        "Content-Disposition": f'attachment; filename="toban-{slug}.yaml"'})  # fmt: skip


@require_safe
def schema(request: TenantRequest, slug: str) -> HttpResponse:
    """The JSON Schema of the file."""
    request.actor.require(Permission.RESOURCE_VIEW, request.tenant.id)
    return HttpResponse(SCHEMA_FILE.read_bytes(), content_type="application/schema+json")


@require_http_methods(["GET", "HEAD", "POST"])
def planning_page(request: TenantRequest, slug: str) -> HttpResponse:
    """Take a file out, or read one in: first only looked at, then entered as it was seen."""
    request.actor.require(Permission.RESOURCE_VIEW, request.tenant.id)
    can_edit = all(
        request.actor.may(right, request.tenant.id)
        for right in (Permission.SCHEDULE_EDIT, Permission.CALENDAR_EDIT)
    )
    if request.method != "POST":
        return render(request, "infra/planning.html", {"can_edit": can_edit, "limit": BYTES_MAX})
    for right in (Permission.SCHEDULE_EDIT, Permission.CALENDAR_EDIT):
        request.actor.require(right, request.tenant.id)
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form=form, missing=True)
    data = form.data_of_file()
    remove = form.cleaned_data["remove"]
    try:
        file = read_planning(data)
        steps = planning.compare(
            file, remove=remove, actor=request.actor, now=request.now, local=settings.LOCAL
        )
    except BadFile as bad:
        return _page(request, form=form, problems=bad.problems)
    seen = planning.digest_of_steps(steps)
    asked = form.cleaned_data["then"] == "enter"
    reason = form.cleaned_data["reason"].strip()
    if not asked or seen != form.cleaned_data["seen"] or not reason:
        looked = {
            "text": data.decode("utf-8-sig"), "steps": steps, "seen": seen, "remove": remove,
            "changed": asked and seen != form.cleaned_data["seen"], "no_reason": asked and not reason,
        }  # fmt: skip
        return _page(request, form=form, **looked, status=422 if asked else 200)
    done = planning.enter_all(
        file, remove=remove, actor=request.actor, now=request.now, reason=reason, local=settings.LOCAL
    )
    number = sum(step.state == "enter" for step in done)
    messages.success(
        request,
        _("%(n)s steps were entered. Each waits for its confirmation by another person.") % {"n": number},
    )
    return redirect("medical_audit:operations", slug=slug)


def _page(
    request: TenantRequest, *, form: ImportForm, status: int = 422, problems: Sequence[FileProblem] = (),
    missing: bool = False, **looked: Any,
) -> HttpResponse:  # fmt: skip
    steps = looked.get("steps", [])
    context = {
        "can_edit": True, "limit": BYTES_MAX, "form": form, "problems": problems, "missing": missing, **looked,
        "to_enter": sum(step.state == "enter" for step in steps), "looked": "steps" in looked,
    }  # fmt: skip
    return render(request, "infra/planning.html", context, status=status)
