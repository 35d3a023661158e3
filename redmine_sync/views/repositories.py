"""Pages of repositories: the list, a new one, and one with what GitHub sent, what was done, its keys and its removal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.forms import cursors_of, text_of
from redmine_sync import tasks
from redmine_sync.domain.checks import is_enough
from redmine_sync.domain.keys import fingerprint_of
from redmine_sync.domain.removal import BY_HAND, STEPS, Step
from redmine_sync.forms import RepositoryForm
from redmine_sync.models import Repository, RepositoryState, ServerState
from redmine_sync.operations import registering, repository_keys, repository_leaving
from redmine_sync.queries import repositories, servers


@require_safe
def repository_list(request: TenantRequest, slug: str) -> HttpResponse:
    context = {
        "server": servers.server_in(ServerState.ACTIVE),
        "rows": repositories.list_repositories(actor=request.actor),
        "may_edit": _may_edit(request),
        "mirrors": settings.MIRRORS,
    }
    return render(request, "redmine_sync/repository_list.html", context)


@sensitive_post_parameters("service_key")
@require_http_methods(["GET", "POST"])
def repository_new(request: TenantRequest, slug: str) -> HttpResponse:
    """Keep an address with new keys, and have a worker look at it. The webhook's secret is shown in the answer, this once."""
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    if request.method == "GET":
        return _new_page(request, RepositoryForm())
    form = RepositoryForm(request.POST)
    if not form.is_valid():
        return _new_page(request, form)
    try:
        row, secret = registering.save_draft(**form.cleaned_data, actor=request.actor, now=request.now)
    except Refused as refused:
        return _new_page(request, form, refused.code)
    _wake(row)
    return _page(request, row.id, secret=secret)


@require_safe
def repository(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """One repository; `?part=live` gives only what changes while something is looked at or fetched."""
    if request.GET.get("part") == "live":
        row = repositories.get_repository(pk, actor=request.actor)
        return render(request, "redmine_sync/_repository_live.html", _live(request, row))
    return _page(request, pk)


@require_POST
def fetch(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    repositories.get_repository(pk, actor=request.actor)
    row = registering.ask_fetch(pk, actor=request.actor, now=request.now)
    _wake(row)
    messages.info(request, _("Toban is fetching. The page shows each step."))
    return _back(request, pk)


@sensitive_post_parameters("service_key")
@require_POST
def do(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What an administrator does at a repository without a second person: look, keys, older commits, steps of a removal."""
    repositories.get_repository(pk, actor=request.actor)
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    what = text_of(request.POST, "do")
    who: dict[str, Any] = {"actor": request.actor, "now": request.now}
    if what == "secret":
        try:
            return _page(request, pk, secret=repository_keys.exchange_hook_secret(pk, **who))
        except Refused as refused:
            return _page(request, pk, refused=refused.code)
    deeds: dict[str, Callable[[], Any]] = {
        "look": partial(registering.ask_look, pk, **who),
        "backfill": partial(registering.ask_fetch, pk, backfill=True, **who),
        "end_secret": partial(repository_keys.end_old_hook_secret, pk, **who),
        "key": partial(repository_keys.exchange_deploy_key, pk, **who),
        "service_key": partial(
            registering.change_service_key, pk, text_of(request.POST, "service_key", 200), **who
        ),
        "drop": partial(registering.drop_draft, pk, **who),
        "step": partial(repository_leaving.tick, pk, text_of(request.POST, "step"), **who),
        "end": partial(repository_leaving.end_when_done, pk, **who),
    }
    if what not in deeds:
        raise NotFound(type="deed")
    try:
        deeds[what]()
    except Refused as refused:
        return _page(request, pk, refused=refused.code)
    transaction.on_commit(partial(tasks.wake_repository, request.tenant.id, pk))
    if what in ("drop", "end"):
        return redirect("redmine_sync:repositories", slug=slug)
    return _back(request, pk)


@require_POST
def enter(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Enter that it is registered, gets another host key, or is removed; a second person confirms it."""
    repositories.get_repository(pk, actor=request.actor)
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    entering = {
        "register": registering.enter_register,
        "repin": registering.enter_repin,
        "leave": repository_leaving.enter_leave,
    }.get(text_of(request.POST, "what"), registering.enter_register)
    reason = text_of(request.POST, "reason", 500)
    if not reason:
        return _page(request, pk, refused="reason_missing")
    try:
        operation = entering(pk, actor=request.actor, now=request.now, reason=reason)
    except Refused as refused:
        return _page(request, pk, refused=refused.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _may_edit(request: TenantRequest) -> bool:
    return request.actor.may(Permission.TICKET_EDIT, request.tenant.id)


def _wake(row: Repository) -> None:
    transaction.on_commit(partial(tasks.wake_repository, row.tenant_id, row.id))


def _back(request: TenantRequest, pk: UUID) -> HttpResponse:
    return redirect("redmine_sync:repository", slug=request.tenant.slug, pk=pk)


def _new_page(request: TenantRequest, form: RepositoryForm, refused: str = "") -> HttpResponse:
    server = servers.server_in(ServerState.ACTIVE)
    context = {
        "server": server,
        "form": form,
        "projects": server.report.get("projects", []) if server else [],
        "has_service_key": server is not None and repositories.has_service_key(server),
        "mirrors": settings.MIRRORS,
        "refused": refused,
    }
    return render(request, "redmine_sync/repository_new.html", context, status=422 if form.is_bound else 200)


def _live(request: TenantRequest, row: Repository) -> dict[str, Any]:
    looks = row.look_asked_at is not None and (row.looked_at is None or row.looked_at < row.look_asked_at)
    checks = row.report.get("checks", [])
    return {
        "row": row,
        "looks": looks,
        "checks": checks,
        "ready": row.state == RepositoryState.DRAFT and not looks and is_enough(checks),
        "host_key_new": row.state == RepositoryState.ACTIVE
        and row.report.get("host_key", "") not in ("", row.host_key),
        "runs": repositories.recent_runs(row, actor=request.actor),
        "backfill": repositories.last_backfill(row, actor=request.actor),
        "waits": looks or repositories.is_busy(row),
        "may_edit": _may_edit(request),
    }


def _page(request: TenantRequest, pk: UUID, *, secret: str = "", refused: str = "") -> HttpResponse:
    row = repositories.get_repository(pk, actor=request.actor)
    page = repositories.deliveries(row, cursors_of(request.GET), actor=request.actor)
    steps = [
        {
            "code": str(step), "done": row.removal.get(str(step)), "by_hand": step in BY_HAND,
            "asked": step == Step.MIRROR and "mirror_asked" in row.removal,
        }
        for step in STEPS
    ]  # fmt: skip
    context = _live(request, row) | {
        "keys": repositories.keys_of(row, actor=request.actor),
        "secret": secret,
        "refused": refused,
        "page": page,
        "deliveries": page.rows,
        "hook_url": f"{settings.TOBAN_URL.rstrip('/')}/githook?project_id={row.redmine_identifier}",
        "fingerprint": fingerprint_of(row.host_key),
        "mirror": repositories.mirror_in_redmine(row),
        "name_in_redmine": repositories.name_in_redmine(row),
        "left_server": row.server.state != ServerState.ACTIVE,
        "steps": steps,
        "removal_done": all(step["done"] for step in steps),
        "may_fetch": request.actor.may(Permission.TICKET_DECIDE, request.tenant.id),
    }
    return render(request, "redmine_sync/repository.html", context, status=422 if refused else 200)
