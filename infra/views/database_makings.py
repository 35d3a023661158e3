"""Making databases, step by step: a snapshot beside its original; the removal of one that was there for a while."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.creations import (
    STORAGE_LEAST,
    Creation,
    creation_troubles,
    longest_name,
    usual_user,
    wish_anew,
)
from infra.domain.databases import FOR_A_WHILE, is_called_for_a_while
from infra.domain.makings import Stock, free_name, stay_troubles
from infra.forms import database_makings as forms
from infra.forms.schedules import ReasonForm
from infra.operations import database_creations, database_removals, database_restores
from infra.operations.database_restores import Restore
from infra.queries import database_pages, making_pages
from infra.queries.makings import restored_as, stock_of
from medical_audit.domain.errors import Refused


@require_http_methods(["GET", "HEAD", "POST"])
def database_restore(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """A snapshot beside its original; on POST the next step, and in the end its entry, for another person to confirm."""
    page = making_pages.restore_page(pk, actor=request.actor)
    request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    posted, zone = request.method == "POST", ZoneInfo(request.tenant.time_zone)
    back = reverse("infra:snapshot", args=[slug, pk])
    if page.stock is None:
        context = {"page": page, "snapshot": page.snapshot, "back": back, "known": False}
        return render(request, "infra/database_restore.html", context, status=422 if posted else 200)
    given = forms.with_fix(request.POST)
    form = forms.RestoreForm(given if posted else None, initial=_initial(request, page, zone))
    forms.forgive(form, given)
    step = forms.step_of(given, form, forms.STEPS) if posted else 1
    refused = ""
    if posted and given.get("go") == "enter" and form.is_valid():
        until = form.until_in(zone)
        asked = Restore(form.wish(), form.tags(), until, form.cleaned_data["protected"])
        try:
            operation = database_restores.enter_restore(
                pk, asked, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"],
                token=form.cleaned_data["token"],
            )  # fmt: skip
        except Refused as why:
            refused, step = why.code, forms.LAST
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    wish, staying = form.wish(), form["stays"].value() != forms.FOR_A_WHILE
    protected = bool(form["protected"].value()) and staying
    tags = form.tags() if posted and not form.errors.keys() & {"autostart", "autostop"} else {}
    until = form.until_in(zone) if posted and form.is_bound and not form.errors.get("until") else None
    asked = Restore(wish, tags, until, protected)
    end = database_restores.end_problem(until, request.now)
    context = {
        "page": page,
        "known": True,
        "back": back,
        "snapshot": page.snapshot,
        "form": form,
        "step": step,
        "carried": _carried(form, step),
        "choices": making_pages.choices(wish, page.source.engine, page.source.version, page.stock),
        "wish": wish,
        "staying": staying,
        "troubles": [*stay_troubles(wish, for_a_while=not staying), *making_pages.troubles_of(wish, page)],
        "region": page.snapshot.region,
        "end_problem": end,
        "plan": making_pages.plan(wish, page, tags, protected=protected) if step == forms.LAST else [],
        "request_json": database_restores.request_of(page.snapshot, asked) if step == forms.LAST else {},
        "refused": refused,
        "token": form["token"].value() if posted else uuid.uuid4().hex,
    }
    moved = posted and given.get("go") == str(step)
    status = 200 if not posted or moved or given.get("fix") else 422
    return render(request, "infra/database_restore.html", context, status=status)


def _initial(request: TenantRequest, page: making_pages.RestorePage, zone: ZoneInfo) -> dict[str, object]:
    """How the form begins: as the original is, in working hours, for a while."""
    assert page.stock is not None
    local = request.now.astimezone(zone)
    name = free_name(f"{FOR_A_WHILE}{page.snapshot.database[:35]}-{local:%Y%m%d}", page.stock.names)
    wish = making_pages.proposal(page, name)
    tags = page.original.tags if page.original is not None else {}
    return {
        "aws_id": wish.aws_id, "stays": forms.FOR_A_WHILE, "until": forms.proposed_end(request.now, zone),
        "project": tags.get("Project", ""), "autostart": tags.get("AutoStart", ""), "autostop": tags.get("AutoStop", "") or "19:00",
        "db_class": wish.db_class, "subnet_group": wish.subnet_group, "groups": list(wish.groups),
        "option_group": wish.option_group, "parameter_group": wish.parameter_group, "protected": True,
    }  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def database_new(request: TenantRequest, slug: str) -> HttpResponse:
    """A new database; on POST the next step, and in the end its entry, for another person to confirm."""
    places = making_pages.places(actor=request.actor)
    request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    posted = request.method == "POST"
    back = reverse("infra:databases", args=[slug])
    if not places:
        context = {"known": False, "back": back}
        return render(request, "infra/database_new.html", context, status=422 if posted else 200)
    given = forms.with_fix(request.POST)
    place = next((one for one in places if one.key == given.get("offer")), places[0])
    stock = stock_of(place.region.account, place.region.name) or Stock()
    if posted and given.get("of") != place.key:
        given = forms.proposed_place(given, wish_anew(place.offer, stock, ""), place.key)
    form = forms.CreationForm(given if posted else None, initial=_usual(place))
    forms.forgive(form, given)
    step = forms.step_of(given, form, forms.CREATION_STEPS) if posted else 1
    asked = _asked(form, place) if posted else None
    refused = ""
    if asked is not None and given.get("go") == "enter" and form.is_valid():
        try:
            operation = database_creations.enter_creation(
                place.region.id, asked, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"],
                token=form.cleaned_data["token"],
            )  # fmt: skip
        except Refused as why:
            refused, step = why.code, forms.LAST
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    last = asked if step == forms.LAST else None
    wish = form.wish()
    context = {
        "known": True,
        "back": back,
        "places": places,
        "place": place,
        "form": form,
        "step": step,
        "carried": [*_carried(form, step, forms.CREATION_STEPS), ("of", place.key if posted else "")],
        "choices": making_pages.choices(wish, place.offer.engine, place.offer.version, stock),
        "wish": wish,
        "staying": True,
        "longest": longest_name(place.offer.engine),
        "troubles": creation_troubles(asked.creation, stock) if asked is not None else [],
        "region": place.region.name,
        "plan": making_pages.creation_plan(last.creation, stock, last.tags, protected=last.protected) if last is not None else [],
        "request_json": database_creations.request_of(last) if last is not None else {},
        "refused": refused,
        "token": form["token"].value() if posted else uuid.uuid4().hex,
    }  # fmt: skip
    moved = posted and given.get("go") == str(step)
    status = 200 if not posted or moved or given.get("fix") else 422
    return render(request, "infra/database_new.html", context, status=status)


def _usual(place: making_pages.Place) -> dict[str, object]:
    return {
        "offer": place.key, "user": usual_user(place.offer.engine), "storage_gib": STORAGE_LEAST, "backup_days": 7,
        "autostop": "19:00", "protected": True,
    }  # fmt: skip


def _asked(form: forms.CreationForm, place: making_pages.Place) -> database_creations.Asked | None:
    """What stands in the form, once its first step can be read."""
    form.is_valid()
    given = form.cleaned_data
    if "storage_gib" not in given or "backup_days" not in given:
        return None
    creation = Creation(
        engine=place.offer.engine, version=place.offer.version, wish=form.wish(),
        db_name=str(form["db_name"].value() or "").strip(), user=str(form["user"].value() or "").strip(),
        storage_gib=given["storage_gib"], backup_days=given["backup_days"],
    )  # fmt: skip
    return database_creations.Asked(creation, form.tags(), bool(given.get("protected")))


def _carried(
    form: forms.MakingForm, step: int, steps: Mapping[int, tuple[str, ...]] = forms.STEPS
) -> list[tuple[str, str]]:
    """Names and values of what the other steps asked for, to be sent along."""
    found = []
    for name in (name for number, names in steps.items() if number != step for name in names):
        if name not in form.fields:
            continue
        value = form[name].value()
        if isinstance(value, list | tuple):
            found += [(name, str(one)) for one in value]
        elif value not in (None, False, ""):
            found.append((name, "on" if value is True else str(value)))
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def database_remove(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """One that was restored for a while goes early; on POST that is entered, for another person to confirm."""
    row = database_pages.get_database(pk, actor=request.actor)
    request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    posted = request.method == "POST"
    form = ReasonForm(request.POST if posted else None)
    restored = restored_as(row)
    refused = "" if restored is not None else "not_a_test_restore"
    if restored is not None and not is_called_for_a_while(row.aws_id):
        restored, refused = None, "name_of_before"
    if posted and form.is_valid():
        try:
            operation = database_removals.enter_removal(
                pk, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"], token=form.cleaned_data["token"]
            )  # fmt: skip
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "database": row,
        "restored": restored,
        "parameters": database_removals.parameters_of(row, restored) if restored is not None else {},
        "form": form,
        "refused": refused,
        "token": form["token"].value() if posted else uuid.uuid4().hex,
    }
    return render(request, "infra/database_remove.html", context, status=422 if posted else 200)
