"""Admissions: what waits for a person's own answer, and where he is a guest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from accounts.domain.admitting import Answer
from accounts.models import Admission
from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.tenancy import platform_scope


def waiting_for_person(user_id: UUID, *, now: datetime) -> Sequence[Admission]:
    """What tenants ask of this person, the newest first. Needs no scope of its own."""
    with platform_scope(user_id=user_id):
        rows = Admission.own.filter(_in_time(now), user_id=user_id, answer=Answer.OPEN)
        return list(rows.order_by("-asked_at", "id"))


def waiting_here(*, actor: Actor, now: datetime) -> Sequence[Admission]:
    """Whom the bound tenant has asked and who has not answered. Raises NotPermitted."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Admission.objects.filter(_in_time(now), answer=Answer.OPEN).select_related("user")
    return list(rows.order_by("asked_at", "id"))


def guest_at(user_id: UUID) -> set[UUID]:
    """The tenants into which he came by an admission: none of them is where he belongs. Needs his own scope."""
    rows = Admission.own.filter(user_id=user_id, answer=Answer.ACCEPTED).exclude(role="")
    return set(rows.values_list("tenant_id", flat=True))


def agreed_here(user_id: UUID) -> Admission | None:
    """What this guest of the bound tenant agreed to last; None for everybody else."""
    rows = Admission.objects.filter(user_id=user_id, answer=Answer.ACCEPTED)
    found: Admission | None = rows.order_by("-answered_at").first()
    return found


def _in_time(now: datetime) -> Q:
    return Q(ends_at__isnull=True) | Q(ends_at__gt=now)
