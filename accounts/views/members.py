"""Members of a tenant: who they are, inviting, giving and taking roles, closing an account; the table of roles."""

from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.domain.permissions import Permission, Role
from accounts.domain.reissue import Reissue
from accounts.domain.terms import AccountKind, end_of
from accounts.forms import AdmitForm, InviteForm, IssueForm, TermsForm
from accounts.models import Membership
from accounts.operations import admitting, links, members, terms, tokens, unbinding
from accounts.queries.admissions import waiting_here
from accounts.queries.members import list_members, table_of_roles
from accounts.queries.sign_on import how_known
from accounts.queries.terms import days_of
from accounts.requests import TenantRequest
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.forms import text_of

#: Two forms of the page ask for the same things.
GUEST = "id_guest_%s"


@require_http_methods(["GET", "HEAD", "POST"])
def member_list(request: TenantRequest, slug: str) -> HttpResponse:
    """POST enters an invitation and shows its link, once; another person confirms it."""
    actor = request.actor
    if request.method == "POST":
        actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    return _list(
        request, InviteForm(request.POST if request.method == "POST" else None), AdmitForm(auto_id=GUEST)
    )


def _list(request: TenantRequest, form: InviteForm, admit: AdmitForm) -> HttpResponse:
    """The page; an invitation that was sent is entered, what was refused stands beside its form (422)."""
    actor, invited, link = request.actor, None, ""
    if form.is_bound and form.is_valid():
        try:
            invited = members.enter_invite(**form.cleaned_data, actor=actor, now=request.now)
        except Refused as refused:
            form.refused = refused.code
        else:
            link = request.build_absolute_uri(reverse("accounts:invitation", args=[invited.link]))
    context = {
        "rows": list_members(actor=actor, now=request.now),
        "form": form,
        "admit": admit,
        "roles": [str(role) for role in Role],
        "table": table_of_roles(),
        "may_edit": actor.may(Permission.MEMBER_EDIT, actor.tenant_id),
        "may_see_sign_on": actor.may(Permission.POLICY_EDIT, actor.tenant_id)
        or actor.may(Permission.LEDGER_VIEW, actor.tenant_id),
        "invited": invited,
        "admissions": waiting_here(actor=actor, now=request.now),
        "link": link,
    }
    failed = (form.is_bound and invited is None) or admit.is_bound
    return render(request, "accounts/members.html", context, status=422 if failed else 200)


def _issue(request: TenantRequest, pk: UUID, reason: str) -> HttpResponse:
    """Enter a token of a program; the page shows it, once."""
    form = IssueForm(request.POST)
    if not form.is_valid():
        raise Refused("bad_parameter", name=next(iter(form.errors)), allowed="")
    given, zone = form.cleaned_data, ZoneInfo(request.tenant.time_zone)
    until = end_of(given["last_day"], zone)
    made = tokens.enter_issue(
        pk, given["name"], given["networks"].replace(",", " ").split(), until, actor=request.actor, now=request.now, reason=reason,
    )  # fmt: skip
    return render(request, "accounts/token_issued.html", {"made": made})


@require_POST
def member_admit(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter that somebody who has an account already comes in for some days; another person confirms it."""
    request.actor.require(Permission.MEMBER_EDIT, request.actor.tenant_id)
    form = AdmitForm(request.POST, auto_id=GUEST)
    if not form.is_valid():
        return _list(request, InviteForm(), form)
    try:
        operation = admitting.enter_admit(**form.cleaned_data, actor=request.actor, now=request.now)
    except Refused as refused:
        form.refused = refused.code
        return _list(request, InviteForm(), form)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def admission_take_back(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """The tenant asks no more: whoever has not agreed yet is not let in."""
    admitting.take_back(pk, actor=request.actor, now=request.now)
    messages.success(request, _("Taken back. Nobody is let in by it."))
    return redirect("people:members", slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
def member_change(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """One member. POST enters that he gets or loses a role, belongs on other terms, gets a way in anew or a token, is named anew by the
    provider, or that his account is closed; another person confirms it."""
    if not Membership.objects.filter(user_id=pk).exists():
        raise NotFound(type="user", id=str(pk))
    request.actor.require(Permission.MEMBER_EDIT, request.actor.tenant_id)
    if request.method != "POST":
        return _member(request, pk)
    try:
        return _enter(request, slug, pk)
    except Refused as refused:
        return _member(request, pk, refused)


def _member(request: TenantRequest, pk: UUID, refused: Refused | None = None) -> HttpResponse:
    people = list_members(actor=request.actor, now=request.now)
    one = next(person for person in people if person.user.id == pk)
    zone = ZoneInfo(request.tenant.time_zone)
    context = {
        "one": one, "others": [person for person in people if person.user.id != pk], "given": request.POST, "refused": refused,
        "roles": [str(role) for role in Role], "kinds": [str(kind) for kind in AccountKind],
        "reissues": [str(what) for what in Reissue], "signs_on": how_known(pk), **days_of(one.terms, zone),
    }  # fmt: skip
    return render(request, "accounts/member.html", context, status=422 if refused else 200)


def _enter(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    then, role = text_of(request.POST, "then"), text_of(request.POST, "role", 20)
    actor, now, reason = request.actor, request.now, text_of(request.POST, "reason", 500)
    if then == "grant":
        operation = members.enter_grant(pk, role, actor=actor, now=now, reason=reason)
    elif then == "revoke":
        operation = members.enter_revoke(pk, role, actor=actor, now=now, reason=reason)
    elif then == "close":
        operation = members.enter_close(pk, actor=actor, now=now, reason=reason)
    elif then == "unbind":
        operation = unbinding.enter_unbind(pk, actor=actor, now=now, reason=reason)
    elif then == "terms":
        form = TermsForm(request.POST)
        if not form.is_valid():
            raise Refused("bad_parameter", name=next(iter(form.errors)), allowed="")
        operation = terms.enter_terms(pk, form.terms(), actor=actor, now=now, reason=reason)
    elif then == "issue":
        return _issue(request, pk, reason)
    elif then == "reissue":
        what = text_of(request.POST, "what", 20)
        given = links.enter_reissue(pk, what, actor=actor, now=now, reason=reason)
        link = request.build_absolute_uri(reverse("accounts:invitation", args=[given.link]))
        return render(request, "accounts/reissued.html", {"given": given, "link": link})
    else:
        raise Refused(
            "bad_parameter", name="then", allowed="grant, revoke, close, terms, reissue, issue, unbind"
        )
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)
