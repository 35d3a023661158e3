"""The quarterly look at every right: begun by the clock or a person, decided by somebody else, reminded of, closed when whole.

A right that is to be taken is settled when it is gone: until then its round stays open, and when the operation that was to take
it came to nothing, the right is open again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from accounts.domain.permissions import Permission
from accounts.domain.recertifying import REMIND_EVERY, TERM, Decision, first_day_of_quarter, quarter_of
from accounts.models import Membership, Recertification, RecertificationItem, Tenant, User
from accounts.operations import members
from accounts.queries.recertifying import turned_down
from medical_audit.domain.actor import Actor, ActorType, Subject
from medical_audit.domain.errors import AlreadyMoved, NotFound, Refused
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope


def begin(*, actor: Actor, now: datetime) -> Recertification:
    """Begin this quarter's round with every right as it stands. Raises NotPermitted, Refused (recertified_already)."""
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        return _begin(actor, now)


def look_after(*, actor: Actor, now: datetime) -> None:
    """What the clock does: begins a quarter's round where nobody has, and reminds of one that is not decided."""
    with tenant_scope(actor.tenant_id):
        tenant = Tenant.objects.get(id=actor.tenant_id)
        today = now.astimezone(ZoneInfo(tenant.time_zone)).date()
        founded = tenant.created_at.astimezone(ZoneInfo(tenant.time_zone)).date()
        known = Recertification.objects.filter(name=quarter_of(today)).exists()
        if not known and founded < first_day_of_quarter(today):
            _begin(actor, now)
        open_again(actor=actor, now=now)
        for one in Recertification.objects.filter(closed_at__isnull=True):
            _close_if_whole(one.id, actor, now)
        late = Recertification.objects.filter(closed_at__isnull=True, begun_at__lte=now - REMIND_EVERY)
        for one in late.exclude(reminded_at__gt=now - REMIND_EVERY).select_for_update(skip_locked=True):
            Recertification.objects.filter(id=one.id).update(reminded_at=now)
            left = RecertificationItem.objects.filter(recertification=one, decision=Decision.OPEN).count()
            _tell(
                "member.recertification_due",
                one,
                actor,
                now,
                {"left": left, "due_at": one.due_at.isoformat()},
            )


def decide(
    item_ids: Sequence[UUID], decision: str, *, actor: Actor, now: datetime, reason: str
) -> list[tuple[str, str]]:
    """Keep these rights, or enter that each is taken; gives the name and the code of what could not be decided.

    Raises NotPermitted, Refused (nothing_chosen, bad_parameter, reason_missing).
    """
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    actor.require_somebody()
    if not item_ids:
        raise Refused("nothing_chosen")
    if decision not in (Decision.KEEP, Decision.TAKE):
        raise Refused("bad_parameter", name="decision", allowed="keep, take")
    if not reason.strip():
        raise Refused("reason_missing")
    with tenant_scope(actor.tenant_id):
        open_again(actor=actor, now=now)
    refused = []
    for item_id in item_ids:
        try:
            with tenant_scope(actor.tenant_id):
                _decide(item_id, Decision(decision), actor, now, reason.strip()[:500])
        except (Refused, NotFound, AlreadyMoved) as wrong:
            refused.append((str(wrong.params.get("name", "")), wrong.code))
    return refused


def _decide(item_id: UUID, decision: Decision, actor: Actor, now: datetime, reason: str) -> None:
    rows = RecertificationItem.objects.filter(id=item_id, recertification__closed_at__isnull=True)
    item: RecertificationItem | None = rows.select_related("user").select_for_update(of=("self",)).first()
    if item is None:
        raise NotFound(type="recertification")
    if item.decision != Decision.OPEN:
        raise AlreadyMoved("decided_already", name=item.user.name)
    if str(item.user_id) == actor.id:
        raise Refused("own_rights", name=item.user.name)
    held = Membership.objects.filter(user_id=item.user_id, role=item.role).exists()
    if not held:
        decision = Decision.GONE
    elif decision == Decision.TAKE:
        item.operation = str(
            members.enter_revoke(item.user_id, item.role, actor=actor, now=now, reason=reason).id
        )
    item.decision, item.reason, item.decided_at = decision, reason, now
    item.decided_by_id, item.decided_by_name = actor.id, actor.name
    item.save(
        update_fields=["decision", "reason", "decided_at", "decided_by_id", "decided_by_name", "operation"]
    )
    detail: dict[str, object] = {"role": item.role, "decision": str(decision)}
    subject = Subject("user", str(item.user_id), item.user.name)
    record("member.recertified", actor=actor, subject=subject, now=now, reason=reason, detail=detail)
    _close_if_whole(item.recertification_id, actor, now)


def apply_revoke(operation: Operation, now: datetime) -> dict[str, Any]:
    """`members.apply_revoke`, and the round that this was the last of is closed with it."""
    applied = members.apply_revoke(operation, now)
    actor = Actor(operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name)
    for item in RecertificationItem.objects.filter(
        operation=str(operation.id), recertification__closed_at__isnull=True
    ):
        _close_if_whole(item.recertification_id, actor, now)
    return applied


def open_again(*, actor: Actor, now: datetime) -> int:
    """What was to be taken by an operation that came to nothing is undecided again; gives how many. Needs the tenant bound."""
    rows = list(turned_down().select_for_update(of=("self",)).order_by("id"))
    names = dict(User.objects.filter(id__in=[one.user_id for one in rows]).values_list("id", "name"))
    for item in rows:
        detail: dict[str, object] = {"role": item.role, "operation": item.operation}
        item.decision, item.reason, item.decided_at, item.operation = Decision.OPEN, "", None, ""
        item.decided_by_id = item.decided_by_name = ""
        item.save(
            update_fields=[
                "decision",
                "reason",
                "decided_at",
                "decided_by_id",
                "decided_by_name",
                "operation",
            ]
        )
        subject = Subject("user", str(item.user_id), names[item.user_id])
        record("member.recertification_reopened", actor=actor, subject=subject, now=now, detail=detail)
    return len(rows)


def _close_if_whole(round_id: UUID, actor: Actor, now: datetime) -> None:
    row = Recertification.objects.select_for_update().get(id=round_id)
    items = list(RecertificationItem.objects.filter(recertification=row))
    decisions = Counter(one.decision for one in items)
    held = set(Membership.objects.values_list("user_id", "role"))
    done = {
        str(one)
        for one in Operation.objects.filter(
            id__in=[UUID(one.operation) for one in items if one.operation], state=State.SUCCEEDED
        ).values_list("id", flat=True)
    }
    pending = any(
        one.decision == Decision.TAKE and one.operation not in done and (one.user_id, one.role) in held
        for one in items
    )
    if row.closed_at is None and not decisions[Decision.OPEN] and not pending:
        row.closed_at = now
        row.save(update_fields=["closed_at"])
        counts = {str(one): decisions[one] for one in (Decision.KEEP, Decision.TAKE, Decision.GONE)}
        _tell("member.recertification_closed", row, actor, now, dict(counts))


def _begin(actor: Actor, now: datetime) -> Recertification:
    tenant = Tenant.objects.get(id=actor.tenant_id)
    name = quarter_of(now.astimezone(ZoneInfo(tenant.time_zone)).date())
    row = Recertification(
        tenant_id=tenant.id, name=name, begun_at=now, begun_by_name=actor.name, due_at=now + TERM
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Refused("recertified_already", name=name) from None
    held = Membership.objects.filter(user__is_active=True).order_by("user_id", "role")
    items = [
        RecertificationItem(
            tenant_id=tenant.id,
            recertification=row,
            user_id=one.user_id,
            role=one.role,
            granted_at=one.granted_at,
        )
        for one in held
    ]
    RecertificationItem.objects.bulk_create(items)
    _tell("member.recertification_begun", row, actor, now, {"rights": len(items)})
    return row


def _tell(kind: str, row: Recertification, actor: Actor, now: datetime, detail: dict[str, object]) -> None:
    record(
        kind, actor=actor, subject=Subject("recertification", str(row.id), row.name), now=now, detail=detail
    )
