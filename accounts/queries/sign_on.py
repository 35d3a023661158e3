"""A tenant's identity provider as pages, the door and each request ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.domain.sign_on import WORD_HOLDS, Mode
from accounts.domain.terms import AccountKind
from accounts.models import Membership, MemberTerms, SignOnLink, SignOnProvider, User
from medical_audit.domain.actor import NO_TENANT, Actor
from medical_audit.domain.rights import POLICY_EDIT
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.tenancy import platform_scope, tenant_scope


def provider_at_the_door(tenant_id: UUID) -> SignOnProvider | None:
    """The provider by which people of this tenant may come in now; None for every other id. Needs no scope of its own."""
    if tenant_id == NO_TENANT:
        return None
    with tenant_scope(tenant_id):
        found: SignOnProvider | None = SignOnProvider.objects.exclude(mode=Mode.OFF).first()
    return found


def door_refusal(user_id: UUID, via: UUID | None, tenant_id: UUID) -> str:
    """Why a session does not open the bound tenant: how it began is not how one comes in here; "" where it does.

    `via`: the tenant whose provider vouched for the person, None for a password. What one house's provider says opens
    nothing of another house.
    """
    row = SignOnProvider.objects.values("mode", "local_people").first()
    mode = row["mode"] if row else Mode.OFF
    if via is not None:
        return "" if via == tenant_id and mode != Mode.OFF else "signed_on_elsewhere"
    named = row["local_people"] if row else []
    return "sign_on_required" if mode == Mode.REQUIRED and str(user_id) not in named else ""


def vouched_for(user_id: UUID, *, now: datetime) -> bool:
    """Whether the bound tenant's provider has vouched for this person within `WORD_HOLDS`, where it is required of him.

    Of a program nobody vouches, nor of who is named for emergencies.
    """
    issuer = SignOnProvider.objects.filter(mode=Mode.REQUIRED).exclude(local_people__contains=str(user_id))
    machine = MemberTerms.objects.filter(user_id=user_id, kind=AccountKind.MACHINE)
    fresh = SignOnLink.objects.filter(
        user_id=user_id, issuer=OuterRef("issuer"), used_at__gt=now - WORD_HOLDS
    )
    return not issuer.exclude(Exists(machine)).exclude(Exists(fresh)).exists()


def name_of_provider(tenant_id: UUID | None) -> str:
    """What stands on its button, or "". Needs no scope of its own."""
    row = provider_at_the_door(tenant_id) if tenant_id is not None else None
    return row.name if row else ""


@dataclass(frozen=True, slots=True)
class Linked:
    user: User
    made_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class SignOnPage:
    """`waiting`: changes that wait for their confirmation; `local_people`: whom a password lets in where it is required;
    `candidates`: members who could be named for that."""

    provider: SignOnProvider | None
    links: Sequence[Linked]
    waiting: Sequence[Operation]
    local_people: Sequence[User]
    candidates: Sequence[User]


def sign_on_page(*, actor: Actor) -> SignOnPage:
    """For who may change policies. Raises NotPermitted. Needs the tenant bound."""
    actor.require(POLICY_EDIT, actor.tenant_id)
    provider = SignOnProvider.objects.first()
    links = SignOnLink.objects.select_related("user").order_by("user__name", "id")
    members = User.objects.filter(id__in=Membership.objects.values("user_id"), is_active=True).order_by(
        "name", "id"
    )
    named = set(provider.local_people) if provider else set()
    everybody = list(members)
    return SignOnPage(
        provider,
        [
            Linked(one.user, one.made_at, one.used_at)
            for one in links
            if provider and one.issuer == provider.issuer
        ],
        list(
            Operation.objects.filter(kind__startswith="sign_on.", state=State.ENTERED).order_by("-entered_at")
        ),
        [one for one in everybody if str(one.id) in named],
        [one for one in everybody if one.has_usable_password()],
    )


def belongs_only_to(user: User, tenant_id: UUID) -> bool:
    """Whether this is the person's only tenant. Needs no scope of its own."""
    with platform_scope(user_id=user.id):
        return not Membership.own.filter(user=user).exclude(tenant_id=tenant_id).exists()
