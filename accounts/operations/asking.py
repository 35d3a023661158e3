"""What two people of a tenant decided about somebody of another house waits until he agrees (ADR 22)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.admitting import GUEST_LONGEST, NOT_FOR_GUESTS, Answer
from accounts.domain.terms import AccountKind
from accounts.models import Admission, Tenant, User
from accounts.queries.admissions import agreed_here
from accounts.queries.terms import is_ones_own
from medical_audit.domain.errors import Refused
from medical_audit.models import Operation

#: Days are counted whole, until the end of the last one.
A_DAY = timedelta(days=1)


def ask(operation: Operation, given: Mapping[str, Any], role: str, now: datetime) -> None:
    """A part of an operation that is being applied: from now on the person can answer. What was asked before is replaced.

    `given`: terms as `parameters_of` gives them; `role`: "" where only they change. Raises Refused (no_such_person).
    """
    user = User.objects.get(id=UUID(operation.target_id))
    if not is_ones_own(user):
        raise Refused("no_such_person", name=user.username)
    lay_aside(user.id, now)
    ends = given["ends_at"]
    Admission(
        id=uuid.uuid4(), tenant_id=operation.tenant_id, user=user, role=role, kind=given["kind"], company=given["company"], reason=operation.reason,
        house=Tenant.objects.values_list("name", flat=True).get(id=operation.tenant_id), operation=str(operation.id),
        asked_at=now, ends_at=datetime.fromisoformat(ends) if ends else None,
    ).save(force_insert=True)  # fmt: skip


def lay_aside(user_id: UUID, now: datetime) -> None:
    """A newer decision of the bound tenant holds: what was asked before is asked no more."""
    Admission.objects.filter(user_id=user_id, answer=Answer.OPEN).update(
        answer=Answer.REPLACED, answered_at=now
    )


def must_agree(user_id: UUID, given: Mapping[str, Any], now: datetime) -> bool:
    """Whether these terms are more than what a guest of the bound tenant agreed to. Raises Refused (guest_is_ones_own,
    guest_too_long: who comes in for some days is asked anew after as many as at first, and belongs here as staff or not at all)."""
    agreed = agreed_here(user_id)
    if agreed is None:
        return False
    if given["kind"] in NOT_FOR_GUESTS:
        raise Refused("guest_is_ones_own")
    ends = datetime.fromisoformat(given["ends_at"]) if given["ends_at"] else None
    same = given["kind"] == (agreed.kind or AccountKind.VENDOR)
    if same and (agreed.ends_at is None or (ends is not None and ends <= agreed.ends_at)):
        return False
    if given["kind"] == AccountKind.VENDOR and (ends is None or ends > now + GUEST_LONGEST + A_DAY):
        raise Refused("guest_too_long", days=GUEST_LONGEST.days)
    return True
