"""Choosing what to be told of, reading it, and the mails about it.

A mail is recorded before it is given to the mail server, and its end afterwards. What ends in between is sent again: a
notice that comes twice is better than one that never comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Greatest

from accounts.domain.mailboxes import is_mailbox
from accounts.domain.notices import topics_of
from accounts.models import NoticeChoice, NoticeDelivery, Tenant, User
from accounts.models.notice import DeliveryState
from accounts.queries.notices import News, Waiting, choice_of, head_seq, news_since, urgent_seq, waiting_since
from accounts.queries.people import actor_in
from accounts.queries.terms import kept_out
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.rights import OPERATION_VIEW, OWN_CHANGE
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

#: A person gets one mail at most in this time; what comes meanwhile stands in the next one.
MAIL_EVERY = timedelta(minutes=5)
#: After a mail that could not be sent the next one is tried this much later.
TRY_AGAIN = timedelta(minutes=10)
LINES = 20
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Digest:
    """One mail to be sent: `news` and `waiting` are cut to LINES each, `items` counts all."""

    delivery: UUID
    tenant: Tenant
    address: str
    language: str
    person: str
    news: Sequence[News]
    waiting: Sequence[Waiting]
    items: int

    @property
    def more(self) -> int:
        return self.items - len(self.news) - len(self.waiting)


def choose(
    *, inbox: Sequence[str], mail: Sequence[str], address: str, language: str, actor: Actor, now: datetime
) -> NoticeChoice:
    """Keep what this person wants to be told of, with an event; mails begin with what happens from now on.

    Raises NotPermitted, Refused (bad_mail).
    """
    actor.require(OWN_CHANGE, actor.tenant_id)
    if address and not is_mailbox(address):
        raise Refused("bad_mail")
    with tenant_scope(actor.tenant_id, user_id=UUID(actor.id)):
        row = choice_of(actor)
        before = {"inbox": row.inbox, "mail": row.mail, "address": row.address}
        written = ["inbox", "mail", "address", "language", "person_name", "changed_at"]
        if not row.mail or row.address != address:
            row.mailed_seq = head_seq()
            written.append("mailed_seq")
        row.inbox, row.mail, row.address, row.language = topics_of(inbox), topics_of(mail), address, language
        row.person_name, row.changed_at = actor.name, now
        NoticeChoice.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["tenant_id", "person_id"], update_fields=written
        )
        if before != {"inbox": row.inbox, "mail": row.mail, "address": row.address}:
            _tell_chosen(before, row, actor, now)
    return row


def choose_inbox(
    inbox: Sequence[str], language: str, *, actor: Actor, now: datetime, seen: Callable[[NoticeChoice], None]
) -> NoticeChoice:
    """Keep what stands in this person's inbox and nothing else: where mails go, and about what, stays as it stands by then.

    `seen` raises where the choice is another one than the caller read; it is asked while the row is held. Raises NotPermitted.
    """
    actor.require(OWN_CHANGE, actor.tenant_id)
    with tenant_scope(actor.tenant_id, user_id=UUID(actor.id)):
        row = _held(actor, now, seen)
        before = row.inbox
        row.inbox, row.language, row.person_name, row.changed_at = topics_of(inbox), language, actor.name, now
        row.save(update_fields=["inbox", "language", "person_name", "changed_at"])
        if row.inbox != before:
            _tell_chosen({"inbox": before, "mail": row.mail, "address": row.address}, row, actor, now)
    return row


def _held(actor: Actor, now: datetime, seen: Callable[[NoticeChoice], None]) -> NoticeChoice:
    """The person's row, made if there is none, held until commit and seen as it was read."""
    rows = NoticeChoice.objects.filter(person_id=actor.id).select_for_update()
    row: NoticeChoice | None = rows.first()
    if row is None:
        made = choice_of(actor)
        seen(made)
        made.changed_at = now
        NoticeChoice.objects.bulk_create([made], ignore_conflicts=True)
        row = rows.get()
        if row.id == made.id:
            return row
    seen(row)
    return row


def _tell_chosen(before: dict[str, object], row: NoticeChoice, actor: Actor, now: datetime) -> None:
    after = {"inbox": row.inbox, "mail": row.mail, "address": row.address}
    subject = Subject("user", actor.id, actor.name)
    record("member.notices_chosen", actor=actor, subject=subject, now=now, detail={"before": before, **after})


def mark_read(up_to: int, *, actor: Actor, now: datetime) -> None:
    """Everything up to this place in the chain is read; what came since stays unread, and nothing becomes unread again."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    with tenant_scope(actor.tenant_id, user_id=UUID(actor.id)):
        place = max(0, min(up_to, head_seq()))
        row = choice_of(actor)
        row.seen_seq, row.changed_at = place, now
        NoticeChoice.objects.bulk_create([row], ignore_conflicts=True)
        NoticeChoice.objects.filter(person_id=actor.id).update(seen_seq=Greatest("seen_seq", place))


def prepare(tenant_id: UUID, *, now: datetime) -> list[Digest]:
    """Claim and record the mails that are due in one tenant: one a person, nothing for somebody who may see nothing. What is
    urgent waits for no MAIL_EVERY.

    A second run at the same time claims others, or none.
    """
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(id=tenant_id)
        due = NoticeChoice.objects.exclude(mail=[]).exclude(address="")
        ready = Q(mail_after__isnull=True) | Q(mail_after__lte=now)
        if (urgent := urgent_seq(now)) is not None:
            ready |= Q(mailed_seq__lt=urgent)
        rows = due.filter(ready).order_by("id")
        return [
            digest
            for row in rows.select_for_update(skip_locked=True)
            if (digest := _apart(row, tenant, now)) is not None
        ]


def _apart(row: NoticeChoice, tenant: Tenant, now: datetime) -> Digest | None:
    """One person's trouble is nobody else's."""
    try:
        with transaction.atomic():
            return _digest(row, tenant, now)
    except Exception:
        log.exception("digest_failed", choice=str(row.id))
        return None


def _digest(row: NoticeChoice, tenant: Tenant, now: datetime) -> Digest | None:
    if row.mail_after is not None and row.mail_after > now and _under_way(row, now):
        return None
    up_to = head_seq()
    user = User.objects.only("id", "name", "is_active").filter(id=row.person_id).first()
    if user is None:
        return None
    try:
        actor = actor_in(tenant, user, session="", address="", request="")
        actor.require(OPERATION_VIEW, tenant.id)
    except (NotFound, NotPermitted):
        return None  # he has left the tenant, or may see nothing any more
    if kept_out(user.id):
        return None  # nor does a mail tell what a sealed account may not open
    waits, waiting = waiting_since(actor, row.mail, row.mailed_seq, now=now, limit=LINES)
    news, number = news_since(row.mail, row.mailed_seq, now=now, limit=LINES)
    if not number and not waiting:
        return None
    NoticeDelivery.objects.filter(person_id=row.person_id, state=DeliveryState.SENDING).update(
        state=DeliveryState.UNKNOWN, ended_at=now
    )
    delivery = NoticeDelivery(
        tenant_id=tenant.id, person_id=row.person_id, person_name=row.person_name, address=row.address,
        items=number + waiting, up_to_seq=up_to, state=DeliveryState.SENDING, begun_at=now,
    )  # fmt: skip
    delivery.save(force_insert=True)
    row.mail_after = now + TRY_AGAIN
    row.save(update_fields=["mail_after"])
    return Digest(
        delivery.id,
        tenant,
        row.address,
        row.language,
        row.person_name,
        news,
        waits,
        number + waiting,
    )


def _under_way(row: NoticeChoice, now: datetime) -> bool:
    """Whether a mail to this person is being sent, or was not taken a moment ago: then what is urgent waits, too. Asked while
    the row is held."""
    lately = NoticeDelivery.objects.filter(person_id=row.person_id, begun_at__gt=now - TRY_AGAIN)
    return lately.exclude(state=DeliveryState.SENT).exists()


def settle(digest: Digest, problem: str, *, now: datetime) -> None:
    """Record how a mail ended: "" for sent. What was not sent stands in the next one."""
    with tenant_scope(digest.tenant.id):
        mine = NoticeDelivery.objects.filter(id=digest.delivery, state=DeliveryState.SENDING)
        state = DeliveryState.FAILED if problem else DeliveryState.SENT
        if not mine.update(state=state, problem=problem[:200], ended_at=now) or problem:
            return
        sent = NoticeDelivery.objects.get(id=digest.delivery)
        NoticeChoice.objects.filter(person_id=sent.person_id).update(
            mailed_seq=Greatest("mailed_seq", sent.up_to_seq), mail_after=now + MAIL_EVERY
        )
