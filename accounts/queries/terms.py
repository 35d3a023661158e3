"""Whose terms let him in at this moment, by the database's own clock: a clock of ours that stands still lets nobody stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from accounts.domain.terms import AccountKind
from accounts.models import MemberTerms, User
from medical_audit.domain.actor import ENVELOPE
from medical_audit.queries.emergencies import open_right
from medical_audit.tenancy import platform_scope


def outside() -> QuerySet[MemberTerms]:
    """Terms of the bound tenant that have not begun or are over."""
    rows: QuerySet[MemberTerms] = MemberTerms.objects.filter(_over())
    return rows


def outside_of_own() -> QuerySet[MemberTerms]:
    """The same over all tenants of the bound person, for an outer query of memberships."""
    rows: QuerySet[MemberTerms] = MemberTerms.own.filter(
        _over(), user_id=OuterRef("user_id"), tenant_id=OuterRef("tenant_id")
    )
    return rows


def over_of_own() -> QuerySet[MemberTerms]:
    """As `outside_of_own`, without those that have not begun yet."""
    rows: QuerySet[MemberTerms] = MemberTerms.own.filter(
        ends_at__lte=_now(), user_id=OuterRef("user_id"), tenant_id=OuterRef("tenant_id")
    )
    return rows


def kept_out(user_id: UUID) -> str:
    """Why an account of this kind sees no page of the bound tenant now: "machine_sees_no_page", "emergency_sealed", or ""."""
    kind = MemberTerms.objects.filter(user_id=user_id).values_list("kind", flat=True).first()
    if kind == AccountKind.EMERGENCY:
        return "" if open_right(str(user_id)).exists() else "emergency_sealed"
    return "machine_sees_no_page" if kind == AccountKind.MACHINE else ""


#: Accounts by which nobody decides: what is entered or confirmed must be one person's (ADR 14, 22).
NO_ONE: Final[dict[str, str]] = {
    AccountKind.MACHINE: "program",
    AccountKind.SHARED: "shared",
    AccountKind.EMERGENCY: ENVELOPE,
}


def kind_of(user_field: str) -> Subquery:
    """The kind of account that the bound tenant knows, for an outer query whose `user_field` names the person."""
    held = MemberTerms.objects.filter(user_id=OuterRef(user_field))
    return Subquery(held.values("kind")[:1])


def is_emergency(user_id: UUID) -> bool:
    """Whether the bound tenant knows this account as one that lies in a sealed envelope."""
    return MemberTerms.objects.filter(user_id=user_id, kind=AccountKind.EMERGENCY).exists()


def is_ones_own(user: User) -> bool:
    """Whether somebody else's tenant may let this account in: it is one person's, and he has come.

    Whoever holds the link of an account without a password would come in, too, as would everybody who shares one. Needs no scope of
    its own.
    """
    with platform_scope(user_id=user.id):
        kept = MemberTerms.own.filter(user_id=user.id, kind__in=list(NO_ONE))
        return user.has_usable_password() and not kept.exists()


def days_of(terms: MemberTerms | None, zone: ZoneInfo) -> dict[str, str]:
    """First and last day as a form shows them ("2026-11-30", or "")."""
    first, ends = (terms.begins_at, terms.ends_at) if terms else (None, None)
    return {
        "first": first.astimezone(zone).date().isoformat() if first else "",
        "last": (ends.astimezone(zone).date() - timedelta(days=1)).isoformat() if ends else "",
    }


def is_machine(user_id: UUID) -> bool:
    """Whether the bound tenant knows this account as a program's, which sees no page."""
    return MemberTerms.objects.filter(user_id=user_id, kind=AccountKind.MACHINE).exists()


def _over() -> Q:
    return Q(begins_at__gt=_now()) | Q(ends_at__lte=_now())


def _now() -> CombinedExpression:
    return Now() + timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
