"""Tokens that are turned away leave a trace in their tenant: one that lies in other hands shows there first."""

from datetime import datetime, timedelta

from accounts.models import ApiToken
from medical_audit.domain.actor import Actor, ActorType, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.operations.ledger import record

#: One token turned away at one address for one reason is one event in so long,
TOLD_EVERY = timedelta(hours=1)
#: and no token makes more than so many in that time, from however many addresses it is tried.
TOLD_MOST = 20


def note_refused(token: ApiToken, code: str, *, address: str, now: datetime) -> None:
    """Record it, unless that was just done. Needs the tenant bound. Where another call is just noting one, this one is let go: a
    program that calls without end writes nothing."""
    told = f"{code} {address[:64]}"
    if not _is_news(token, told, now):
        return
    row = ApiToken.objects.filter(id=token.id).select_for_update(skip_locked=True, of=("self",)).first()
    if row is None or not _is_news(row, told, now):
        return
    recent = {name: at for name, at in row.refusals.items() if _within(at, now)}
    ApiToken.objects.filter(id=row.id).update(refusals=recent | {told: utc_text(now)})
    # Who has it in hand is not known: the actor has no id, and his address stands under the key of strangers.
    actor = Actor(row.tenant_id, ActorType.USER, "", row.name, address=address, session=row.session)
    detail: dict[str, object] = {"code": code, "address": address}
    subject = Subject("token", str(row.id), row.name)
    record("token.refused", actor=actor, subject=subject, now=now, outcome="denied", detail=detail)


def _is_news(token: ApiToken, told: str, now: datetime) -> bool:
    recent = [name for name, at in token.refusals.items() if _within(at, now)]
    return told not in recent and len(recent) < TOLD_MOST


def _within(at: str, now: datetime) -> bool:
    return now - datetime.fromisoformat(at) < TOLD_EVERY
