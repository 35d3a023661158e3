"""Receivers of the tenant's events: which there are, entering one, its log, its dead letters."""

from functools import partial
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import tasks
from accounts.domain.channels import CHATS, OFFERED, ChannelKind
from accounts.domain.notices import Topic
from accounts.domain.permissions import Permission
from accounts.forms import ChannelForm
from accounts.models import Channel
from accounts.models.channel import ChannelState, DispatchState
from accounts.operations import channels, dispatching
from accounts.queries.channels import (
    Standing,
    count_dispatches,
    get_channel,
    get_dispatch,
    list_channels,
    list_dispatches,
    secrets_of,
)
from accounts.requests import TenantRequest
from medical_audit.domain.errors import Refused
from medical_audit.forms import cursors_of, text_of
from medical_audit.models import Operation


@sensitive_post_parameters("url")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def channel_list(request: TenantRequest, slug: str) -> HttpResponse:
    """Which receivers there are; a new one is entered here, and the secret of a webhook is shown this once."""
    rows = list_channels(actor=request.actor)
    if request.method == "POST":
        request.actor.require(Permission.CHANNEL_EDIT, request.tenant.id)
        form = ChannelForm(request.POST)
        if form.is_valid() and (entered := _entered(request, form)) is not None:
            if not entered.text:
                return redirect("medical_audit:operation", slug=slug, pk=entered.operation.id)
            return _list(request, list_channels(actor=request.actor), ChannelForm(), entered=entered)
        return _list(request, rows, form, status=422)
    return _list(request, rows, ChannelForm(initial={"kind": ChannelKind.WEBHOOK, "language": "ja"}))


def _entered(request: TenantRequest, form: ChannelForm) -> channels.Entered | None:
    given = form.cleaned_data
    try:
        return channels.enter_open(
            given["kind"], given["name"], given["url"], given["wanted"], given["language"],
            actor=request.actor, now=request.now, reason=given["reason"],
        )  # fmt: skip
    except Refused as refused:
        form.refused = refused.code
        return None


def _list(
    request: TenantRequest,
    rows: object,
    form: ChannelForm,
    *,
    status: int = 200,
    entered: channels.Entered | None = None,
) -> HttpResponse:
    context = {"rows": rows, "entered": entered, **_form(request, form)}
    return render(request, "accounts/channel_list.html", context, status=status)


def _form(request: TenantRequest, form: ChannelForm) -> dict[str, object]:
    return {
        "form": form,
        "kinds": [str(one) for one in ChannelKind],
        "offered": OFFERED,
        "topics": [str(one) for one in Topic],
        "chosen": form["events"].value() or [],
        "chosen_topics": form["topics"].value() or [],
        "may_edit": request.actor.may(Permission.CHANNEL_EDIT, request.tenant.id),
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def channel_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """One receiver with its log; another name, address or other events are entered here."""
    found = get_channel(pk, actor=request.actor)
    if request.method != "POST":
        return _detail(request, found)
    request.actor.require(Permission.CHANNEL_EDIT, request.tenant.id)
    form = ChannelForm(request.POST, fixed=found.row.kind)
    if form.is_valid():
        given = form.cleaned_data
        try:
            operation = channels.enter_change(
                pk, given["name"], given.get("url", ""), given["wanted"], given["language"],
                actor=request.actor, now=request.now, reason=given["reason"],
            )  # fmt: skip
        except Refused as refused:
            form.refused = refused.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    return _detail(request, found, form=form, status=422)


@require_POST
def channel_do(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Enter a new secret or the end of a receiver, or have every dead letter sent once more."""
    found = get_channel(pk, actor=request.actor)
    request.actor.require(Permission.CHANNEL_EDIT, request.tenant.id)
    do, reason = text_of(request.POST, "do"), text_of(request.POST, "reason", 500)
    try:
        if do == "rotate":
            entered = channels.enter_rotate(pk, actor=request.actor, now=request.now, reason=reason)
            return _detail(request, found, entered=entered)
        if do == "end":
            ended = channels.enter_end(pk, actor=request.actor, now=request.now, reason=reason)
            return redirect("medical_audit:operation", slug=slug, pk=ended.id)
    except Refused as refused:
        return _detail(request, found, refused=refused.code, status=422)
    count = dispatching.replay_all(pk, actor=request.actor, now=request.now)
    said = ngettext("%(n)s message is sent once more.", "%(n)s messages are sent once more.", count)
    messages.success(request, said % {"n": count})
    return _woken(request, found.row)


@require_POST
def dispatch_decide(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Send one message once more, or leave a dead letter out for good."""
    get_dispatch(pk, actor=request.actor)
    if text_of(request.POST, "do") == "discard":
        one = dispatching.discard(pk, actor=request.actor, now=request.now)
    else:
        one = dispatching.replay(pk, actor=request.actor, now=request.now)
        messages.success(request, _("The message is sent once more."))
    return _woken(request, one.channel)


def _woken(request: TenantRequest, row: Channel) -> HttpResponse:
    transaction.on_commit(partial(tasks.wake_channel, row.tenant_id, row.id))
    return redirect("people:channel", slug=request.tenant.slug, pk=row.id)


def _detail(
    request: TenantRequest,
    found: Standing,
    *,
    form: ChannelForm | None = None,
    entered: channels.Entered | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    row = found.row
    shown = text_of(request.GET, "state")
    page = list_dispatches(row.id, shown, cursors_of(request.GET), actor=request.actor)
    counts = count_dispatches(row.id, actor=request.actor)
    filled = form or ChannelForm(initial=_initial(row), fixed=row.kind)
    own = bool(row.person_id)
    context = {
        "standing": found,
        "row": row,
        "is_chat": row.kind in CHATS,
        "secrets": secrets_of(row, request.now),
        "entered": entered,
        "refused": refused,
        "dispatches": page.rows,
        "page": page,
        "state_filter": {
            "name": "state", "value": shown,
            "options": [
                {"value": one, "family": "dispatch", "count": counts[one]} for one in DispatchState.values if one in counts
            ],
        },
        "total": sum(counts.values()),
        "last": Operation.objects.filter(id=row.operation).first() if row.operation else None,
        **_form(request, filled),
    }  # fmt: skip
    context["may_edit"] = context["may_edit"] and row.state == ChannelState.ACTIVE and not own
    return render(request, "accounts/channel_detail.html", context, status=status)


def _initial(row: Channel) -> dict[str, object]:
    """What the form of a change begins with."""
    offered = [one for one in row.wanted if one in OFFERED]
    typed = " ".join(one for one in row.wanted if one not in OFFERED)
    return {
        "name": row.name, "url": row.url, "language": row.language, "events": offered, "patterns": typed, "topics": row.wanted,
    }  # fmt: skip
