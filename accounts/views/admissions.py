"""What tenants ask of a person who has an account already; only he answers, and nothing counts before he has."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import AcceptForm
from accounts.models import User
from accounts.operations import admitting, passkeys, second_factor, signing
from accounts.queries.admissions import waiting_for_person
from accounts.requests import SeatedRequest, own_address, seat_of
from accounts.views.second_factor import person_of
from medical_audit import clock
from medical_audit.domain.errors import NotFound, NotReauthenticated, Refused
from medical_audit.forms import not_proven

#: A browser was shown what waits: it is not led there again before the next sign-in.
SHOWN = "admissions_shown"


@never_cache
@require_safe
@login_required
def admissions(request: SeatedRequest) -> HttpResponse:
    """A session that one tenant's identity provider vouched for is told nothing of other tenants."""
    request.session[SHOWN] = True
    return _page(request)


@sensitive_post_parameters("password", "code")
@never_cache
@require_POST
@login_required
def admission(request: SeatedRequest, pk: UUID) -> HttpResponse:
    """Accept (`then=accept`), proven by password and second factor, or refuse."""
    assert isinstance(request.user, User)
    user, now, person = request.user, clock.now(), person_of(request, request.user)
    if seat_of(request).via is not None or not any(
        one.id == pk for one in waiting_for_person(user.id, now=now)
    ):
        raise Http404
    form = AcceptForm(request.POST, auto_id=f"{pk}_%s")
    try:
        if request.POST.get("then") != "accept":
            row = admitting.refuse(pk, user, actor=person, now=now)
            messages.success(
                request,
                _("Refused. %(house)s is told so, and you belong there no more than before.")
                % {"house": row.house},
            )
            return redirect("accounts:home")
        if not form.is_valid():
            return _page(request, pk, form)
        given = form.cleaned_data
        proof = signing.reauthenticate(user, given["password"], given["code"], actor=person, now=now)
        row = admitting.accept(pk, user, actor=person, now=now, proof=proof)
    except NotReauthenticated as wrong:
        form.add_error(*not_proven(wrong.code))
        return _page(request, pk, form)
    except Refused as refused:
        form.refused = refused.code
        return _page(request, pk, form)
    except NotFound as missing:
        raise Http404 from missing
    messages.success(request, _("Accepted. You belong to %(house)s from now on.") % {"house": row.house})
    return redirect("accounts:tenants")


def _page(request: SeatedRequest, sent: UUID | None = None, form: AcceptForm | None = None) -> HttpResponse:
    """`sent`: whose form comes back with what is wrong (422)."""
    assert isinstance(request.user, User)
    user, via = request.user, seat_of(request).via
    rows = waiting_for_person(user.id, now=clock.now()) if via is None else []
    context = {
        "rows": [
            {"one": one, "form": form if form and one.id == sent else AcceptForm(auto_id=f"{one.id}_%s")} for one in rows
        ],
        "signed_on_elsewhere": via is not None, "enrolled": second_factor.is_enrolled(user.id),
        "passkeys_here": passkeys.count_here(user.id, own_address(request)),
    }  # fmt: skip
    return render(request, "accounts/admissions.html", context, status=422 if form else 200)
