"""Overrides: what is in force, entering one for a resource, a selection or a project, skipping once, ending early."""

from __future__ import annotations

import uuid
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.schedule import State
from infra.forms.fleet import ids_of
from infra.forms.schedules import OverrideForm, local
from infra.models import HeldRound, Override, Resource, TenantRules
from infra.models.schedule import OverrideKind
from infra.operations import overriding, ruling
from infra.operations.overriding import Wanted
from infra.queries.overrides import entries, live, live_entries
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.forms import text_of

ENDED_SHOWN = 20


@require_safe
def override_list(request: TenantRequest, slug: str) -> HttpResponse:
    request.actor.require(Permission.RESOURCE_VIEW, request.tenant.id)
    over = Override.objects.exclude(id__in=live(request.now).values("id"))
    context = {
        "live": live_entries(actor=request.actor, now=request.now),
        "over": entries(over.select_related("resource", "schedule").order_by("-until")[:ENDED_SHOWN]),
        "rules": TenantRules.objects.first(),
        "rounds": HeldRound.objects.filter(settled_at__isnull=True).exclude(operation="").order_by("held_at"),
        "can_enter": request.actor.may(Permission.OVERRIDE_ENTER, request.tenant.id),
        "can_freeze": request.actor.may(Permission.SCHEDULE_EDIT, request.tenant.id),
    }
    return render(request, "infra/override_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: TenantRequest, slug: str) -> HttpResponse:
    """Keep running, keep stopped or leave alone until a stated end; or leave out the next start or stop once."""
    request.actor.require(Permission.OVERRIDE_ENTER, request.tenant.id)
    given = request.POST if request.method == "POST" else request.GET
    ids, project = ids_of(given), text_of(given, "project", 300)
    skip, freeze = given.get("skip") == "yes", given.get("freeze") == "yes"
    resources = list(Resource.objects.filter(id__in=ids, gone_at__isnull=True).order_by("name", "id"))
    if len(resources) != len(ids):
        raise NotFound(type="resource")
    zone = ZoneInfo(request.tenant.time_zone)
    skipped = overriding.skip_next(ids[0], actor=request.actor, now=request.now) if skip and ids else None
    form = OverrideForm(
        _with_skip(request.POST, skipped, zone) if request.method == "POST" else None,
        initial={"token": uuid.uuid4().hex, "wish": "any" if freeze else "running"},
    )
    refused = ""
    if request.method == "POST" and form.is_valid():
        wanted = skipped or Wanted(
            wish=State.ANY if freeze else State(form.cleaned_data["wish"]),
            until=local(form.cleaned_data["until"].replace(tzinfo=None), zone),
            resources=tuple(ids),
            project=project,
            kind=OverrideKind.FREEZE if freeze else OverrideKind.OVERRIDE,
        )
        try:
            operation = overriding.enter_override(
                wanted, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"],
                token=form.cleaned_data["token"],
            )  # fmt: skip
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context: dict[str, Any] = {
        "resources": resources, "project": project, "skip": skipped, "freeze": freeze, "form": form, "refused": refused,
        "choices": _ends(request.now, zone), "nothing": not (ids or project or freeze),
    }  # fmt: skip
    return render(
        request, "infra/override_enter.html", context, status=422 if request.method == "POST" else 200
    )


@require_POST
def change_rules(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter a change of the brake; another person confirms it."""
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    percent, least = text_of(request.POST, "brake_percent"), text_of(request.POST, "brake_least")
    operation = ruling.enter_rules(
        brake_percent=_number(percent, "brake_percent") if percent else None,
        brake_least=_number(least, "brake_least"),
        actor=request.actor,
        now=request.now,
        reason=text_of(request.POST, "reason", 500),
    )
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Refused("bad_parameter", name=name, allowed="1-100")
    return int(text)


@require_POST
def end(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter the early end of an override; its enterer may confirm it himself."""
    request.actor.require(Permission.OVERRIDE_ENTER, request.tenant.id)
    try:
        pk = UUID(text_of(request.POST, "override"))
    except ValueError:
        raise NotFound(type="override") from None
    operation = overriding.enter_end(
        pk, actor=request.actor, now=request.now, reason=text_of(request.POST, "reason", 500)
    )
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _with_skip(posted: QueryDict, skipped: Wanted | None, zone: ZoneInfo) -> QueryDict:
    """A skip has its wish and its end already."""
    if skipped is None:
        return posted
    given = posted.copy()
    given["wish"], given["until"] = "any", f"{skipped.until.astimezone(zone):%Y-%m-%dT%H:%M}"
    return given


def _ends(now: datetime, zone: ZoneInfo) -> list[tuple[str, str]]:
    """Ends that people choose often: tonight, tomorrow morning, Monday morning."""
    today = now.astimezone(zone)
    found = []
    for key, day, clock in (
        ("tonight", today.date(), time(22)),
        ("tomorrow", today.date() + timedelta(days=1), time(8, 0)),
        ("monday", today.date() + timedelta(days=7 - today.weekday()), time(8, 0)),
    ):
        moment = datetime.combine(day, clock, zone)
        if moment > now:
            found.append((key, f"{moment:%Y-%m-%dT%H:%M}"))
    return found
