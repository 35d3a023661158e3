"""What a person is told of, and by which way."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import mail
from accounts.domain.channels import CHATS
from accounts.domain.notices import Topic
from accounts.forms import NoticeForm
from accounts.operations import notices, own_chats
from accounts.queries.channels import own_chats as chats_of
from accounts.queries.notices import choice_of, list_deliveries
from accounts.requests import TenantRequest
from medical_audit.domain.errors import Refused
from medical_audit.queries.paging import Cursors

DELIVERIES_SHOWN = 10


@sensitive_post_parameters("slack_url", "teams_url")
@require_http_methods(["GET", "HEAD", "POST"])
def inbox_settings(request: TenantRequest, slug: str) -> HttpResponse:
    """Each person picks what stands in his inbox, what is mailed to him, and what comes into his own room of a chat."""
    choice, chats = choice_of(request.actor), chats_of(request.actor)
    initial: dict[str, Any] = {
        "inbox": choice.inbox, "mail": choice.mail, "address": choice.address or request.user.email,
        **{str(kind): chats[kind].wanted if kind in chats else [] for kind in CHATS},
    }  # fmt: skip
    form = NoticeForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid() and _kept(request, form):
        messages.success(request, _("Your choice is saved."))
        return redirect("inbox:list", slug=slug)
    ways = ("inbox", "mail", *map(str, CHATS))
    context = {
        "form": form,
        "topics": [
            {"topic": str(one), "ways": [{"way": way, "on": str(one) in (form[way].value() or [])} for way in ways]}
            for one in Topic
        ],
        "chats": [{"kind": str(kind), "row": chats.get(kind), "url": form[f"{kind}_url"]} for kind in CHATS],
        "mail_is_set_up": mail.is_set_up(),
        "deliveries": list_deliveries(Cursors(size=DELIVERIES_SHOWN), actor=request.actor).rows,
    }  # fmt: skip
    return render(request, "accounts/inbox_settings.html", context, status=422 if form.errors else 200)


def _kept(request: TenantRequest, form: NoticeForm) -> bool:
    """All of it, or nothing: what a chat refuses stands at its field."""
    given, language = form.cleaned_data, get_language() or "ja"
    with suppress(_NotKept), transaction.atomic():
        for kind in CHATS:
            try:
                own_chats.choose_chat(
                    kind, given[kind], given[f"{kind}_url"], language, actor=request.actor, now=request.now
                )
            except Refused as refused:
                form.refuse(f"{kind}_url", refused.code)
        if form.errors:
            raise _NotKept
        notices.choose(
            inbox=given["inbox"], mail=given["mail"], address=given["address"], language=language,
            actor=request.actor, now=request.now,
        )  # fmt: skip
        return True
    return False


class _NotKept(Exception):
    """Something was refused, so that nothing of it is kept."""
