"""The accounts of an organization beside what Toban knows of them, and those that are taken in together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q

from accounts.domain.permissions import Permission
from infra.domain.onboarding import Feature
from infra.domain.organization import ACTIVE, Member, members_from_json, template
from infra.domain.proofs import check_from_json
from infra.models import AccountSetup, AccountTrust, AwsAccount
from infra.queries.accounts import SeenSetup, is_awaited
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused

#: What can be ticked stands first.
_ORDER = ("free", "coming", "in", "closed")


@dataclass(frozen=True, slots=True)
class Line:
    """One account of the organization; `account`: it is in, `setup`: it is on its way in."""

    member: Member
    account: AwsAccount | None = None
    setup: AccountSetup | None = None

    @property
    def standing(self) -> str:
        """Whether it can be ticked (free), and what it is where it cannot."""
        if self.account is not None:
            return "in"
        if self.setup is not None:
            return "coming"
        return "free" if self.member.state == ACTIVE else "closed"


@dataclass(frozen=True, slots=True)
class Organization:
    """What an account lists. `setup` None: nobody has proven it or switched listing on."""

    account: AwsAccount
    read_role_arn: str
    setup: AccountSetup | None
    lines: Sequence[Line]
    now: datetime

    @property
    def on(self) -> bool:
        return self.setup is not None and Feature.ORGANIZATION in self.setup.features

    @property
    def under_way(self) -> bool:
        row = self.setup
        return row is not None and is_awaited(
            row.listing_asked_at, row.listing_began_at, row.listing_ended_at, self.now
        )

    @property
    def lost(self) -> bool:
        """Asked for, and no worker will end it any more."""
        row = self.setup
        asked = row is not None and row.listing_asked_at is not None and row.listing_ended_at is None
        return asked and not self.under_way

    @property
    def free(self) -> int:
        return sum(1 for one in self.lines if one.standing == "free")


def get_organization(pk: UUID, *, actor: Actor, now: datetime) -> Organization:
    """What an account of the tenant last listed. Raises NotFound, then NotPermitted."""
    account: AwsAccount | None = AwsAccount.objects.filter(id=pk).first()
    if account is None:
        raise NotFound(type="account", id=str(pk))
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    trust = AccountTrust.objects.filter(account=account).first()
    setup: AccountSetup | None = (
        AccountSetup.objects.filter(registered=account).order_by("-started_at", "-id").first()
    )
    members = members_from_json(setup.listing.get("members", ())) if setup else []
    numbers = [one.id for one in members]
    known = {one.account_id: one for one in AwsAccount.objects.filter(account_id__in=numbers)}
    coming = AccountSetup.objects.filter(account_id__in=numbers, closed_at__isnull=True)
    open_ones = {one.account_id: one for one in coming}
    lines = [Line(one, known.get(one.id), open_ones.get(one.id)) for one in members]
    lines.sort(key=lambda one: _ORDER.index(one.standing))
    role = (trust.read_role_arn or trust.role_arn) if trust else ""
    return Organization(account, role, setup, lines, now)


@dataclass(frozen=True, slots=True)
class SeenRollout:
    """Accounts that were begun together, those that were given up left out."""

    id: UUID
    setups: Sequence[SeenSetup]

    @property
    def first(self) -> AccountSetup:
        """All share what Toban is to do, where, and who began when."""
        return self.setups[0].setup

    @property
    def stack_name(self) -> str:
        return f"toban-{self.id.hex[:8]}"

    @property
    def numbers(self) -> str:
        """Of those that are not in yet, as CloudFormation takes them."""
        return ",".join(one.setup.account_id for one in self.setups if one.standing != "in")

    @property
    def under_way(self) -> bool:
        return any(one.under_way for one in self.setups)

    def counted(self, standing: str) -> int:
        return sum(1 for one in self.setups if one.standing == standing)

    @property
    def left(self) -> int:
        """How many are not in yet."""
        return len(self.setups) - self.counted("in")

    @property
    def proven(self) -> int:
        return self.counted("proven")


@dataclass(frozen=True, slots=True)
class ListedRollout:
    """A rollout as the list of accounts names it; `left`: how many of `count` are not in yet."""

    id: UUID
    count: int
    left: int
    started_by_name: str
    started_at: datetime


def split_setups(setups: Sequence[AccountSetup]) -> tuple[list[AccountSetup], list[ListedRollout]]:
    """Those that were begun by themselves, and the rollouts of the others. Needs the tenant bound."""
    alone = [one for one in setups if one.rollout is None]
    found = {one.rollout: one for one in setups if one.rollout is not None}
    kept = AccountSetup.objects.filter(rollout__in=list(found)).filter(
        Q(closed_at__isnull=True) | Q(registered__isnull=False)
    )
    counts = {
        row["rollout"]: (row["count"], row["left"])
        for row in kept.values("rollout").annotate(
            count=Count("id"), left=Count("id", filter=Q(closed_at__isnull=True))
        )
    }
    return alone, [
        ListedRollout(pk, *counts[pk], one.started_by_name, one.started_at)
        for pk, one in found.items()
        if pk is not None
    ]


def get_rollout(rollout: UUID, *, actor: Actor, now: datetime) -> SeenRollout:
    """Raises NotFound, then NotPermitted."""
    rows = AccountSetup.objects.filter(rollout=rollout).order_by("name", "account_id")
    kept = [one for one in rows if one.closed_at is None or one.registered_id is not None]
    if not kept:
        raise NotFound(type="rollout", id=str(rollout))
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    return SeenRollout(
        rollout, [SeenSetup(one, tuple(check_from_json(check) for check in one.proof), now) for one in kept]
    )


def rollout_template(seen: SeenRollout) -> dict[str, object]:
    """The template of a rollout; those that came in keep their place in it. Raises Refused (`no_principal`)."""
    if not settings.AWS_PRINCIPAL_ARN:
        raise Refused("no_principal")
    ids = {one.setup.account_id: one.setup.external_id for one in seen.setups}
    # Listing is switched on for one account alone, by its own policy (ADR 24).
    features = [Feature(one) for one in seen.first.features if one != Feature.ORGANIZATION]
    return template(settings.AWS_PRINCIPAL_ARN, ids, features, managed_only=seen.first.managed_only)
