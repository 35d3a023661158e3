"""Pages of this floor: tickets with what is stuck and where people decide; the Redmine and its rules."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.forms import cursors_of, text_of
from medical_audit.forms.filters import TEXT, one_of, unread
from redmine_sync import tasks
from redmine_sync.domain.checks import is_enough
from redmine_sync.domain.topics import CHOSEN
from redmine_sync.forms import ConnectForm, DraftForm, RuleForm
from redmine_sync.models import RedmineServer, ServerState
from redmine_sync.operations import connecting, deciding, ruling, waking
from redmine_sync.queries import servers, tickets

STATES = ("diverged", "open", "snoozed", "wanted", "closed", "orphaned")
TICKETS = {"state": one_of(STATES), "q": TEXT}


@require_safe
def ticket_list(request: TenantRequest, slug: str) -> HttpResponse:
    actor = request.actor
    wanted = tickets.TicketFilter(state=text_of(request.GET, "state"), q=text_of(request.GET, "q"))
    page = tickets.list_tickets(wanted, cursors_of(request.GET), actor=actor)
    counts = tickets.count_tickets(actor=actor)
    options = [
        {"value": state, "family": "ticket", "count": counts.get(state, 0)}
        for state in STATES
        if counts.get(state) or state == wanted.state
    ]
    context = {
        "server": servers.server_in(ServerState.ACTIVE),
        "backlog": tickets.backlog(request.now, actor=actor),
        "stuck": tickets.stuck(actor=actor),
        "diverged": tickets.diverged(actor=actor),
        "pushable": deciding.PUSHABLE,
        "rows": page.rows,
        "page": page,
        "q": wanted.q,
        "unread": unread(request.GET, TICKETS),
        "state_filter": {"name": "state", "value": wanted.state, "options": options},
        "total": sum(count for state, count in counts.items() if state != "diverged"),
        "may_decide": actor.may(Permission.TICKET_DECIDE, request.tenant.id),
    }
    return render(request, "redmine_sync/ticket_list.html", context)


@require_safe
def redmine(request: TenantRequest, slug: str) -> HttpResponse:
    """The Redmine and its rules; `?part=live` gives only what the look found, while somebody waits for it."""
    request.actor.require(Permission.OPERATION_VIEW, request.tenant.id)
    if request.GET.get("part") == "live":
        return render(request, "redmine_sync/_probe.html", _drafted())
    return _page(request)


@sensitive_post_parameters("key")
@require_POST
def draft(request: TenantRequest, slug: str) -> HttpResponse:
    """Keep address and key, and have a worker look at the server."""
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    form = DraftForm(request.POST)
    if not form.is_valid():
        return _page(request, draft_form=form)
    try:
        row = connecting.save_draft(**form.cleaned_data, actor=request.actor, now=request.now)
    except Refused as refused:
        return _page(request, draft_form=form, refused=refused.code)
    return _looked_at(request, row)


@require_POST
def probe(request: TenantRequest, slug: str) -> HttpResponse:
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    row = connecting.ask_probe(_id_of(request, "server"), actor=request.actor, now=request.now)
    return _looked_at(request, row)


@require_POST
def connect(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter that the draft is connected; another person confirms it."""
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    form = ConnectForm(request.POST)
    if not form.is_valid():
        return _page(request, connect_form=form)
    try:
        operation = connecting.enter_connect(
            _id_of(request, "server"), **form.cleaned_data, actor=request.actor, now=request.now
        )
    except Refused as refused:
        return _page(request, connect_form=form, refused=refused.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def hook(request: TenantRequest, slug: str) -> HttpResponse:
    """Make an address at which this Redmine may say that something changed, or end it. The secret is shown in the answer,
    this once."""
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    server = _id_of(request, "server")
    if text_of(request.POST, "do") == "end":
        waking.end(server, actor=request.actor, now=request.now)
        return redirect("redmine_sync:redmine", slug=slug)
    try:
        secret = waking.exchange_secret(server, actor=request.actor, now=request.now)
    except Refused as refused:
        return _page(request, refused=refused.code)
    return _page(request, status=200, secret=secret)


@require_POST
def leave(request: TenantRequest, slug: str) -> HttpResponse:
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    reason = text_of(request.POST, "reason", 500)
    operation = connecting.enter_leave(
        _id_of(request, "server"), actor=request.actor, now=request.now, reason=reason
    )
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def rule(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter which troubles of a project become tickets; another person confirms it."""
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    form = RuleForm(request.POST)
    if not form.is_valid():
        return _page(request, rule_form=form)
    try:
        operation = ruling.enter_rule(**form.cleaned_data, actor=request.actor, now=request.now)
    except Refused as refused:
        return _page(request, rule_form=form, refused=refused.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def rule_end(request: TenantRequest, slug: str) -> HttpResponse:
    request.actor.require(Permission.TICKET_EDIT, request.tenant.id)
    reason = text_of(request.POST, "reason", 500)
    operation = ruling.enter_end(_id_of(request, "rule"), actor=request.actor, now=request.now, reason=reason)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def decide_entry(request: TenantRequest, slug: str) -> HttpResponse:
    """Try what is stuck again, or discard it."""
    request.actor.require(Permission.TICKET_DECIDE, request.tenant.id)
    decide = {"retry": deciding.retry, "discard": deciding.discard}.get(
        text_of(request.POST, "do"), deciding.retry
    )
    decide(_id_of(request, "entry"), actor=request.actor, now=request.now)
    return _decided(request)


@require_POST
def decide_ticket(request: TenantRequest, slug: str) -> HttpResponse:
    """Where both sides differ: push ours, or take theirs."""
    request.actor.require(Permission.TICKET_DECIDE, request.tenant.id)
    push = text_of(request.POST, "do") == "push"
    decide = deciding.push_ours if push else deciding.take_theirs
    decide(_id_of(request, "ticket"), actor=request.actor, now=request.now)
    return _decided(request)


def _decided(request: TenantRequest) -> HttpResponse:
    server = servers.server_in(ServerState.ACTIVE)
    if server is not None:
        transaction.on_commit(partial(tasks.wake, server.tenant_id, server.id))
    return redirect("redmine_sync:tickets", slug=request.tenant.slug)


def _looked_at(request: TenantRequest, row: RedmineServer) -> HttpResponse:
    transaction.on_commit(partial(tasks.wake, row.tenant_id, row.id))
    messages.info(request, _("Toban is looking at the Redmine. The page shows what it found."))
    return redirect("redmine_sync:redmine", slug=request.tenant.slug)


def _id_of(request: TenantRequest, name: str) -> UUID:
    try:
        return UUID(text_of(request.POST, name))
    except ValueError:
        raise NotFound(type=name) from None


def _rule_to_change(request: TenantRequest) -> dict[str, Any]:
    """What the form begins with: the rule that was chosen, or what most want."""
    chosen = text_of(request.GET, "rule")
    row = next((one for one in servers.rules(actor=request.actor) if str(one.id) == chosen), None)
    if row is None:
        return {"failures": True, "approval_wait_min": 15}
    return {
        "project": row.project, "goal": f"{row.redmine_project}:{row.tracker}", "failures": row.failures,
        "approvals": row.approvals, "approval_wait_min": row.approval_wait_min,
    } | {f"topic_{code}": how for code, how in row.topics.items()}  # fmt: skip


def _hook_url(active: RedmineServer | None) -> str:
    if active is None:
        return ""
    return f"{settings.TOBAN_URL.rstrip('/')}{reverse('hooks:redminehook', kwargs={'pk': active.id})}"


def _drafted() -> dict[str, Any]:
    row = servers.server_in(ServerState.DRAFT)
    waits = row is not None and (
        row.probed_at is None or (row.probe_asked_at or row.drafted_at) > row.probed_at
    )
    ready = row is not None and not waits and is_enough(row.report.get("checks", []))
    return {"draft": row, "probe_waits": waits, "draft_ready": ready}


def _page(request: TenantRequest, status: int = 422, **more: Any) -> HttpResponse:
    """The whole page; `status` where there is something to add, such as a form that comes back with what is wrong with it."""
    active = servers.server_in(ServerState.ACTIVE)
    may_edit = request.actor.may(Permission.TICKET_EDIT, request.tenant.id)
    context: dict[str, Any] = {
        "server": active,
        "statuses": {one["id"]: one["name"] for one in (active.report.get("statuses", []) if active else [])},
        "goals": [
            one
            for one in (active.report.get("projects", []) if active else [])
            if one["usable"] and one["field"]
        ],
        "rules": servers.rules(actor=request.actor),
        "rules_here": servers.rules_at(active) if active else {},
        "closed_goals": [
            one["id"] for one in (active.report.get("projects", []) if active else []) if not one["usable"]
        ],
        "projects": servers.projects_in_use(actor=request.actor),
        "may_edit": may_edit,
        "draft_form": DraftForm(initial={"language": "ja"}),
        "connect_form": ConnectForm(initial={"snooze_days": 7}),
        "rule_form": RuleForm(initial=_rule_to_change(request)),
        "refused": "",
        "secret": "",
        "has_hook": active is not None and servers.has_hook(active),
        "hook_url": _hook_url(active),
        **_drafted(),
    } | more
    form = context["rule_form"]
    context["topics"] = [
        {"code": one.code, "digest": one.digest, "how": form[f"topic_{one.code}"].value() or ""}
        for one in CHOSEN
    ]
    goal = str(form["goal"].value() or "").split(":")
    context["chosen_goal"] = [
        int(part) for part in goal if part.isascii() and part.isdigit() and len(part) < 10
    ]
    known = context["draft"] or active
    context["url"] = context["draft_form"]["url"].value() or (known.url if known else "")
    return render(request, "redmine_sync/redmine.html", context, status=status if more else 200)
