"""Mails about what happened. They run on the queue of background work, never on the clock's."""

import structlog
from celery import shared_task
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts import mail
from accounts.operations import notices
from accounts.queries.people import tenant_ids
from medical_audit import clock

log = structlog.get_logger(__name__)


@shared_task
def send_digests() -> int:
    """One mail a person and tenant with what is new; returns how many were sent. One tenant's trouble stops no other."""
    if not mail.is_set_up():
        return 0
    ready: list[tuple[notices.Digest, mail.Letter]] = []
    for tenant_id in tenant_ids():
        try:
            ready += [(one, letter_of(one)) for one in notices.prepare(tenant_id, now=clock.now())]
        except Exception:
            log.exception("digest_failed", tenant=str(tenant_id))
    sent = 0
    answers = mail.deliver(letter for _digest, letter in ready)
    for (digest, _letter), problem in zip(ready, answers, strict=True):
        notices.settle(digest, problem, now=clock.now())
        sent += not problem
        if problem:
            log.warning("mail_failed", delivery=str(digest.delivery), problem=problem)
    return sent


def letter_of(digest: notices.Digest) -> mail.Letter:
    """The mail in the person's language; its links lead to the portal, where he signs in."""
    home = settings.TOBAN_URL.rstrip("/")
    slug = digest.tenant.slug
    context = {
        "digest": digest,
        "home": home,
        "inbox": home + reverse("inbox:list", args=[slug]),
        "settings": home + reverse("inbox:settings", args=[slug]),
    }
    with translation.override(digest.language):
        subject, _, text = render_to_string("accounts/digest.txt", context).partition("\n")
    return mail.Letter(digest.address, subject, text.lstrip("\n"))
