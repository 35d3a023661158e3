"""Mails about what happened, on the queue of background work, messages to receivers on one of their own: neither keeps the
clock waiting. And, on the clock's, the end of what was for a time."""

from uuid import UUID

import structlog
from celery import Task, shared_task
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from kombu.exceptions import OperationalError

from accounts import mail
from accounts.operations import clearing, dispatching, following, notices, recertifying, terms
from accounts.queries import channels
from accounts.queries.people import tenant_ids
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.tasks import worker_name
from medical_audit.tenancy import tenant_scope

VISIT_EXPIRES_S = 30
log = structlog.get_logger(__name__)


@shared_task
def send_digests() -> int:
    """One mail a person and tenant with what is new; returns how many were sent. One tenant's trouble stops no other."""
    if not mail.is_set_up():
        return 0
    ready: list[tuple[notices.Digest, mail.Letter]] = []
    for tenant_id in tenant_ids():
        try:
            digests = notices.prepare(tenant_id, now=clock.now())
        except Exception:
            log.exception("digest_failed", tenant=str(tenant_id))
            continue
        ready += [(one, letter) for one in digests if (letter := _written(one)) is not None]
    answers = mail.deliver(letter for _digest, letter in ready)
    return sum(_settled(digest, problem) for (digest, _letter), problem in zip(ready, answers, strict=True))


def _written(digest: notices.Digest) -> mail.Letter | None:
    """None for what cannot be written: one person's trouble stops nobody else's mail."""
    try:
        return letter_of(digest)
    except Exception as error:
        log.exception("digest_failed", delivery=str(digest.delivery))
        _settled(digest, type(error).__name__)
    return None


def _settled(digest: notices.Digest, problem: str) -> bool:
    """Whether it is recorded as sent."""
    if problem:
        log.warning("mail_failed", delivery=str(digest.delivery), problem=problem)
    try:
        notices.settle(digest, problem, now=clock.now())
    except Exception:
        log.exception("mail_not_settled", delivery=str(digest.delivery))
        return False
    return not problem


@shared_task
def end_terms() -> int:
    """End what hangs on terms that are over; one tenant's trouble stops no other. Nobody gets in meanwhile: each request asks."""
    ended = 0
    for tenant_id in tenant_ids():
        try:
            ended += terms.end_overdue(actor=system_actor(tenant_id, "terms"), now=clock.now())
        except Exception:
            log.exception("terms_not_ended", tenant=str(tenant_id))
    return ended


@shared_task
def look_after_rights() -> None:
    """Begin each quarter's look at the rights and remind of what nobody decided; one tenant's trouble stops no other."""
    for tenant_id in tenant_ids():
        try:
            recertifying.look_after(actor=system_actor(tenant_id, "rights"), now=clock.now())
        except Exception:
            log.exception("rights_not_looked_after", tenant=str(tenant_id))


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


@shared_task
def clear_channels() -> int:
    """Take away rooms of who has left and secrets that nothing is signed with; one tenant's trouble stops no other."""
    gone = 0
    for tenant_id in tenant_ids():
        try:
            gone += clearing.clear(actor=system_actor(tenant_id, "channels"), now=clock.now())
        except Exception:
            log.exception("channels_not_cleared", tenant=str(tenant_id))
    return gone


@shared_task
def kick_channels() -> None:
    """Have the ledger of every tenant read on whose events go outside."""
    for tenant_id in channels.tenants_with_channels():
        if not _send(follow_channels, str(tenant_id)):
            return


@shared_task
def follow_channels(tenant_id: str) -> None:
    """Make dispatches of what happened, and ask for a visit at each receiver for which something is due."""
    tenant = UUID(tenant_id)
    following.follow(tenant, now=clock.now())
    with tenant_scope(tenant):
        due = channels.due_channels(clock.now())
    for channel_id in due:
        if not _send(visit_channel, tenant_id, str(channel_id)):
            return


@shared_task
def visit_channel(tenant_id: str, channel_id: str) -> None:
    """Send what is due to one receiver."""
    done = dispatching.serve(UUID(tenant_id), UUID(channel_id), worker=worker_name(), clock=clock.now)
    if done.done or done.failed:
        log.info("channel", tenant=tenant_id, channel=channel_id, sent=done.done, failed=done.failed)
    if done.more:
        _send(visit_channel, tenant_id, channel_id)


def _send(task: Task, *arguments: str) -> bool:
    """A broker that does not answer costs one beat, never the caller."""
    try:
        task.apply_async(arguments, expires=VISIT_EXPIRES_S)
    except (OSError, OperationalError) as error:
        log.warning("kick_failed", error=type(error).__name__)
        return False
    return True


def wake_channel(tenant_id: UUID, channel_id: UUID) -> bool:
    """Ask for a visit at once."""
    return _send(visit_channel, str(tenant_id), str(channel_id))
