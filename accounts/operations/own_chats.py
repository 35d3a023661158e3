"""A person's own room in Slack or Teams: what he is told there is his choice, as his mail address is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from accounts.domain.channels import CHATS, fingerprint_of, host_of
from accounts.domain.notices import topics_of
from accounts.models import Channel, ChannelSecret
from accounts.models.channel import ChannelState
from accounts.operations.channels import end, judge_address
from accounts.queries.channels import SECRET_NAME
from medical_audit import sealing
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import Refused
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.operations.ledger import record
from medical_audit.queries.following import last_seq
from medical_audit.tenancy import tenant_scope


def choose_chat(
    kind: str, topics: Sequence[str], url: str, language: str, *, actor: Actor, now: datetime
) -> Channel | None:
    """Keep which topics one is told of in one's own room; no topic ends it and destroys its address. `url` "" keeps the address
    that is there; what comes of it begins with what happens from now on.

    Raises NotPermitted, Refused (bad_parameter, chat_address_missing, and what judge_address does).
    """
    actor.require(OPERATION_VIEW, actor.tenant_id)
    if kind not in CHATS:
        raise Refused("bad_parameter", name="kind", allowed=", ".join(CHATS))
    wanted, url = topics_of(topics), url.strip()
    if url:
        judge_address(kind, url)
    with tenant_scope(actor.tenant_id, user_id=UUID(actor.id)):
        rows = Channel.objects.filter(person_id=actor.id, kind=kind, state=ChannelState.ACTIVE)
        row: Channel | None = rows.select_for_update().first()
        if not wanted:
            if row is not None:
                end(row, now)
                _tell("channel.own_ended", row, actor, now)
            return None
        if row is None and not url:
            raise Refused("chat_address_missing")
        if row is not None and not url and (row.wanted, row.language) == (wanted, language):
            return row
        row = row or Channel(
            tenant_id=actor.tenant_id, kind=kind, name=kind, person_id=actor.id, made_at=now,
            from_seq=last_seq(), state=ChannelState.ACTIVE,
        )  # fmt: skip
        row.person_name, row.wanted, row.language = actor.name, wanted, language
        row.problem, row.problem_since = "", None
        if url:
            row.host = host_of(url)
        row.save()
        if url:
            _keep(row, url, now)
        _tell("channel.own_chosen", row, actor, now)
    return row


def _keep(row: Channel, url: str, now: datetime) -> None:
    ChannelSecret.objects.filter(channel=row).delete()
    ChannelSecret(
        tenant_id=row.tenant_id, channel=row, fingerprint=fingerprint_of(url), live=True, made_at=now,
        sealed=sealing.seal(url, tenant_id=row.tenant_id, field=SECRET_NAME),
    ).save(force_insert=True)  # fmt: skip


def _tell(kind: str, row: Channel, actor: Actor, now: datetime) -> None:
    subject = Subject("channel", str(row.id), row.name)
    record(kind, actor=actor, subject=subject, now=now, detail={"host": row.host, "topics": row.wanted})
