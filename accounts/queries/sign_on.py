"""A tenant's identity provider as pages, the door and each request ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from accounts.domain.sign_on import REBIND_HOLDS, SET, UNBIND, WORD_HOLDS, Mode, Replaces
from accounts.domain.terms import AccountKind
from accounts.models import Membership, MemberTerms, SignOnLink, SignOnProvider, User
from accounts.queries.admissions import guest_at
from accounts.queries.terms import over_of_own
from medical_audit.domain.actor import NO_TENANT, Actor
from medical_audit.domain.rights import LEDGER_VIEW, POLICY_EDIT
from medical_audit.domain.seats import over_at
from medical_audit.domain.states import State
from medical_audit.models import Operation, Session
from medical_audit.tenancy import platform_scope, tenant_scope


def provider_at_the_door(tenant_id: UUID) -> SignOnProvider | None:
    """The provider by which people of this tenant may come in now; None for every other id. Needs no scope of its own."""
    if tenant_id == NO_TENANT:
        return None
    with tenant_scope(tenant_id):
        found: SignOnProvider | None = SignOnProvider.objects.exclude(mode=Mode.OFF).first()
    return found


def live_links() -> QuerySet[SignOnLink]:
    """Whom the bound tenant's provider means, now."""
    return SignOnLink.objects.filter(ended_at__isnull=True)


def door_refusal(user_id: UUID, seat: Session | None, tenant_id: UUID) -> str:
    """Why a session does not open the bound tenant: how it began is not how one comes in here; "" where it does.

    What one house's provider says opens nothing of another house, nor does what a provider said that was replaced since, or of
    somebody whom it is to name anew.
    """
    live = live_links().filter(user_id=user_id, issuer=OuterRef("issuer"))
    rows = SignOnProvider.objects.annotate(known=Exists(live))
    row = rows.values("mode", "local_people", "issuer", "client_id", "known").first()
    mode = row["mode"] if row else Mode.OFF
    if seat is not None and seat.via is not None:
        vouches = row is not None and row["known"] and mode != Mode.OFF and seat.via == tenant_id
        same = row is not None and all(seat.claims.get(one) == row[one] for one in ("issuer", "client_id"))
        return "" if vouches and same else "signed_on_elsewhere"
    named = row["local_people"] if row else []
    return "sign_on_required" if mode == Mode.REQUIRED and str(user_id) not in named else ""


def vouched_for(user_id: UUID, *, now: datetime) -> bool:
    """Whether the bound tenant's provider has vouched for this person within `WORD_HOLDS`, where it is required of him.

    Of a program nobody vouches, nor of who is named for emergencies.
    """
    issuer = SignOnProvider.objects.filter(mode=Mode.REQUIRED).exclude(local_people__contains=str(user_id))
    machine = MemberTerms.objects.filter(user_id=user_id, kind=AccountKind.MACHINE)
    fresh = live_links().filter(user_id=user_id, issuer=OuterRef("issuer"), used_at__gt=now - WORD_HOLDS)
    return not issuer.exclude(Exists(machine)).exclude(Exists(fresh)).exists()


def opened_anew(user_id: UUID, *, alone: bool, now: datetime) -> bool:
    """Whether two people decided within `REBIND_HOLDS` that the bound tenant's provider names this person anew: him `alone`, or, where
    that is not asked, everybody."""
    done = Operation.objects.filter(state=State.SUCCEEDED, finished_at__gt=now - REBIND_HOLDS)
    wanted = Q(kind=UNBIND, target_id=str(user_id))
    if not alone:
        wanted |= Q(kind=SET, parameters__replaces__in=[Replaces.CLIENT, Replaces.ISSUER])
    return done.filter(wanted).exists()


def was_somebody_elses(issuer: str, subject: str, user_id: UUID) -> bool:
    """Whether the bound tenant knew this id of the provider as another person's, until its client was changed: that was no word about
    whom the id means, so it does not become anybody else's."""
    ended = SignOnLink.objects.filter(issuer=issuer, subject=subject, ended_at__isnull=False)
    by = list(ended.exclude(user_id=user_id).values_list("ended_operation", flat=True))
    return bool(by) and Operation.objects.filter(id__in=by, kind=SET).exists()


@dataclass(frozen=True, slots=True)
class Known:
    """How the tenant's provider knows a member: its `name`, since when, and when he came in last (None: it does not, or no more)."""

    name: str
    made_at: datetime | None
    used_at: datetime | None


def how_known(user_id: UUID) -> Known | None:
    """None where the bound tenant has no provider."""
    row = SignOnProvider.objects.first()
    if row is None:
        return None
    link = live_links().filter(user_id=user_id, issuer=row.issuer).first()
    return Known(row.name, link.made_at if link else None, link.used_at if link else None)


def name_of_provider(tenant_id: UUID | None) -> str:
    """What stands on its button, or "". Needs no scope of its own."""
    row = provider_at_the_door(tenant_id) if tenant_id is not None else None
    return row.name if row else ""


@dataclass(frozen=True, slots=True)
class Linked:
    """`here`: he is a member still."""

    user: User
    made_at: datetime
    used_at: datetime
    here: bool


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
    """For who may change policies, and who judges them by the ledger. Raises NotPermitted. Needs the tenant bound."""
    if not actor.may(POLICY_EDIT, actor.tenant_id):
        actor.require(LEDGER_VIEW, actor.tenant_id)
    provider = SignOnProvider.objects.first()
    links = live_links().select_related("user").order_by("user__name", "id")
    members = User.objects.filter(id__in=Membership.objects.values("user_id"), is_active=True).order_by(
        "name", "id"
    )
    named = set(provider.local_people) if provider else set()
    everybody = list(members)
    return SignOnPage(
        provider,
        [
            Linked(one.user, one.made_at, one.used_at, one.user in everybody)
            for one in links
            if provider and one.issuer == provider.issuer
        ],
        list(
            Operation.objects.filter(kind__startswith="sign_on.", state=State.ENTERED).order_by("-entered_at")
        ),
        [one for one in everybody if str(one.id) in named],
        [one for one in everybody if one.has_usable_password()],
    )


def last_end(user_id: UUID, *, now: datetime) -> datetime | None:
    """When a session of this person ended last, wherever and however, or should have though nobody has written it down yet;
    None where none ever did. Needs no scope of its own."""
    with platform_scope(user_id=user_id):
        rows = Session.objects.filter(user_id=user_id)
        ended: datetime | None = rows.aggregate(last=Max("ended_at"))["last"]
        ends = [ended] if ended else []
        for one in rows.filter(ended_at__isnull=True):
            idle = timedelta(seconds=one.idle_s)
            over = over_at(started_at=one.started_at, active_at=one.active_at, idle=idle)
            ends += [over] if over <= now else []
    return max(ends, default=None)


def belongs_only_to(user: User, tenant_id: UUID) -> bool:
    """Whether this is the person's only tenant, as ADR 23 counts them: not where he was a guest and is no more. Needs no scope of its
    own."""
    with platform_scope(user_id=user.id):
        others = Membership.own.filter(user=user).exclude(tenant_id=tenant_id)
        left = Q(Exists(over_of_own()), tenant_id__in=guest_at(user.id))
        return not others.exclude(left).exists()
