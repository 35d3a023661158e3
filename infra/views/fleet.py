"""Today, resources, volumes, and entering a start or stop: parse, one query or operation, a page."""

import uuid
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.fleet import (
    RESOURCES,
    VOLUMES_PAGE,
    EnterForm,
    action_of,
    filter_count,
    ids_of,
    resource_filter,
    resource_filters,
    resource_state_tabs,
    volume_filter,
    volume_filters,
    volume_state_tabs,
)
from infra.operations import by_hand
from infra.queries import band, detail, keeping, resources, volumes
from infra.queries import today as days
from infra.queries.calendars import calendar_notices
from infra.queries.overrides import Entry
from medical_audit import tasks
from medical_audit.domain.actor import Principal
from medical_audit.domain.errors import NotReauthenticated
from medical_audit.domain.punctuality import JUDGED
from medical_audit.domain.states import State
from medical_audit.forms import cursors_of, not_proven, text_of
from medical_audit.forms.filters import unread
from medical_audit.models import Operation


def wants_live(request: HttpRequest) -> bool:
    """Only the part that changes is asked for, by a page that is open already."""
    return request.GET.get("part") == "live"


@require_safe
def today(request: TenantRequest, slug: str) -> HttpResponse:
    zone = ZoneInfo(request.tenant.time_zone)
    seen = days.today(actor=request.actor, now=request.now, zone=zone)
    context = {
        "now": request.now,
        "day": {"date": seen.date, "reason": seen.reason},
        "counts": seen.counts,
        "now_percent": seen.now_percent,
        "rows": [_band_row(row, slug) | {"override": seen.of_projects.get(row.project)} for row in seen.rows],
        "calendar_notices": calendar_notices(request.now),
        "wrong": seen.wrong,
        "wrong_total": seen.wrong_total,
        "waiting": seen.waiting,
        "waiting_total": seen.waiting_total,
        "upcoming": seen.upcoming,
        "upcoming_total": seen.upcoming_total,
        "overrides": seen.overrides,
        "overrides_total": seen.overrides_total,
        "drifted": seen.drifted,
        "drifted_total": seen.drifted_total,
    }
    if wants_live(request):
        return render(request, "infra/_today_live.html", context)
    month = keeping.month_kept(actor=request.actor, now=request.now, zone=zone)
    counts = [{"kept": str(one), "count": month.counts[one]} for one in JUDGED]
    return render(request, "infra/today.html", context | {"month_kept": month, "month_kept_counts": counts})


def _band_row(row: band.BandRow, slug: str) -> dict[str, Any]:
    query = urlencode({"project": row.project or resources.NO_PROJECT})
    url = f"{reverse('infra:resources', args=[slug])}?{query}"
    marks = [
        {
            "percent": mark.percent,
            "at": mark.at,
            "action": mark.action,
            "status": mark.status,
            "count": mark.count,
            "url": url,
        }
        for mark in row.marks
    ]
    return {"label": row.project or pgettext("project", "None"), "spans": row.spans, "marks": marks}


@require_safe
def resource_list(request: TenantRequest, slug: str) -> HttpResponse:
    wanted = resource_filter(request.GET)
    page = resources.list_resources(wanted, cursors_of(request.GET), actor=request.actor, now=request.now)
    context: dict[str, Any] = {
        "rows": page.rows,
        "page": page,
        "can_enter": request.actor.may(Permission.POWER_ENTER, request.tenant.id),
        "fleet_is_empty": not page.rows and resources.fleet_is_empty(actor=request.actor),
    }
    if wants_live(request):
        return render(request, "infra/_resource_rows.html", context)
    counts = resources.count_resources(wanted, actor=request.actor, now=request.now)
    context |= {
        "unread": unread(request.GET, RESOURCES),
        "state_filter": resource_state_tabs(wanted, counts),
        "total": counts.total,
        "filters": resource_filters(wanted, counts),
        "filter_count": filter_count(wanted),
        "q": wanted.q,
    }
    return render(request, "infra/resource_list.html", context)


@require_safe
def resource_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    seen = detail.resource_detail(pk, actor=request.actor, now=request.now)
    context = {
        "resource": seen.resource,
        "schedule": seen.standing.schedule,
        "reason": seen.standing.reason,
        "next": seen.standing.next,
        "standing": seen.standing,
        "would": seen.standing.would,
        "drift": seen.drift,
        "restart": seen.restart,
        "planned": seen.planned,
        "followed": seen.standing.followed,
        "overrides": [Entry(row, ()) for row in seen.standing.overrides],
        "today": seen.days[0].reason if seen.days else None,
        "days": seen.days,
        "findings": seen.findings,
        "operations": seen.operations,
        "buttons": seen.buttons,
        "events": [{"event": event} for event in seen.events],
        "events_more": seen.events_more,
        "more_url": f"{reverse('medical_audit:ledger', args=[slug])}?{urlencode({'subject': str(seen.resource.id)})}",
        "seen_at": seen.seen_at,
        "volumes": seen.volumes,
    }
    return render(
        request, "infra/_resource_live.html" if wants_live(request) else "infra/resource_detail.html", context
    )


@require_safe
def volume_list(request: TenantRequest, slug: str) -> HttpResponse:
    wanted = volume_filter(request.GET, request.now)
    page = volumes.list_volumes(wanted, cursors_of(request.GET), actor=request.actor)
    counts = volumes.count_volumes(wanted, actor=request.actor)
    context = {
        "rows": page.rows,
        "page": page,
        "unread": unread(request.GET, VOLUMES_PAGE),
        "state_filter": volume_state_tabs(wanted, counts),
        "total": counts.total,
        "filters": volume_filters(wanted, counts, text_of(request.GET, "unattached")),
        "filter_count": filter_count(wanted),
        "q": wanted.q,
        "fleet_is_empty": not page.rows and not filter_count(wanted),
    }
    return render(request, "infra/volume_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def operation_enter(request: TenantRequest, slug: str) -> HttpResponse:
    """What would be entered; on POST it is, and confirmed in the same step if that was pressed with the password."""
    given = request.POST if request.method == "POST" else request.GET
    action, ids = action_of(given), ids_of(given)
    shown = by_hand.preview(action, ids, actor=request.actor, now=request.now)
    if request.method != "POST":
        return _enter_page(
            request,
            shown,
            EnterForm(
                initial={"token": uuid.uuid4().hex},
                may_confirm=shown.may_confirm,
                principals=shown.principals,
                signed_on=request.signed_on,
            ),
        )
    form = EnterForm(
        given, may_confirm=shown.may_confirm, principals=shown.principals, signed_on=request.signed_on
    )
    if not form.is_valid():
        return _enter_page(request, shown, form)
    confirmation = None
    if form.confirms:
        try:
            proof = request.reauthenticate(form.cleaned_data["password"], form.cleaned_data["code"])
        except NotReauthenticated as refused:
            form.add_error(*not_proven(refused.code))
            return _enter_page(request, shown, form)
        confirmation = by_hand.Confirmation(proof, _digests(given.getlist("seen")))
    operations = by_hand.enter_by_hand(
        action,
        ids,
        actor=request.actor,
        now=request.now,
        reason=form.cleaned_data["reason"],
        token=form.cleaned_data["token"],
        confirmation=confirmation,
        behalf=Principal(chosen, "") if (chosen := form.cleaned_data.get("behalf", "")) else None,
    )
    _wake(operations)
    if len(operations) == 1:
        return redirect("medical_audit:operation", slug=slug, pk=operations[0].id)
    return redirect(f"{reverse('medical_audit:operations', args=[slug])}?mine=yes")


def _enter_page(request: TenantRequest, shown: by_hand.Preview, form: EnterForm) -> HttpResponse:
    context = {
        "action": shown.action,
        "groups": shown.groups,
        "refused": shown.refused,
        "count": shown.count,
        "policy": shown.policy,
        "policy_role": shown.policy_role,
        "form": form,
        "token": form["token"].value(),
        "seen": [f"{resource_id}:{digest}" for resource_id, digest in shown.digests.items()],
    }
    return render(request, "infra/operation_enter.html", context, status=422 if form.errors else 200)


def _digests(pairs: list[str]) -> dict[str, str]:
    return dict(pair.split(":", 1) for pair in pairs if ":" in pair)


def _wake(operations: list[Operation]) -> None:
    """Workers of each lane are woken when the confirmation is committed."""
    for tenant_id, lane in {
        (one.tenant_id, one.lane) for one in operations if one.state == State.CONFIRMED and one.lane
    }:
        transaction.on_commit(partial(tasks.wake, tenant_id, lane))
