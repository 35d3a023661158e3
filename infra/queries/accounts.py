"""AWS accounts as people see them: how each is entered, what its clock may do, and how well it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, OuterRef, Q, Subquery

from accounts.domain.permissions import Permission
from infra.aws.gateway import current
from infra.domain.onboarding import Feature, template
from infra.domain.proofs import Check, Status, check_from_json, proven
from infra.models import AccountSetup, AwsAccount, Region, Resource
from infra.models.account import Looking
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.models import Lane, Operation
from medical_audit.models.lane import Breaker

#: An inventory is late when this many of its intervals went by without one.
LATE_AFTER_INTERVALS = 3
#: A proof or a list that no worker has begun by then was lost on its way to one, and may be asked for again.
PROOF_LOST_AFTER = timedelta(minutes=5)
#: So long after its beginning a worker makes no further call for it. 40 regions with 23 looks each of 0.3 s take 5 minutes.
PROOF_TRIES_FOR = timedelta(minutes=10)
#: Begun longer ago than this it was lost with its worker. The longest call comes to 4 minutes (infra.aws.gateway and config): twice three
#: tries of 20 s at STS, three of 10 s of pacing and 20 s of waiting for an answer, and the pauses between them.
PROOF_ENDS_WITHIN = PROOF_TRIES_FOR + timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RegionHealth:
    """One region: its last whole look and how AWS answered it, what is wrong with looking, how often AWS asked to slow down in the last
    day (None: nobody can say), and whether calls are paused there."""

    region: Region
    lanes: Sequence[Lane]
    resources: int
    late: bool
    throttled: int | None

    @property
    def paused(self) -> Lane | None:
        return next((one for one in self.lanes if one.breaker != Breaker.CLOSED), None)

    @property
    def state(self) -> str:
        """Which state's icon and word stand for it."""
        if self.region.looking != Looking.ON:
            return "waits" if self.region.looking == Looking.WAITS else "left"
        if self.region.inventory_problem or self.paused is not None:
            return "unreachable"
        if self.region.inventory_at is None:
            return "new"
        return "late" if self.late else "ok"


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """One account in the list."""

    account: AwsAccount
    regions: Sequence[RegionHealth]
    waiting: Operation | None

    @property
    def resources(self) -> int:
        return sum(one.resources for one in self.regions)

    @property
    def looked_at(self) -> list[RegionHealth]:
        """Without those that are not looked at any more."""
        return [one for one in self.regions if one.state != "left"]

    @property
    def worst(self) -> str:
        order = ("unreachable", "late", "new", "ok")
        return min((one.state for one in self.regions if one.state in order), key=order.index, default="new")


def list_accounts(*, actor: Actor, now: datetime) -> list[ListedAccount]:
    """Every account of the tenant by name. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    return _with_health(list(AwsAccount.objects.order_by("name", "account_id")), now)


def get_account(pk: UUID, *, actor: Actor, now: datetime) -> ListedAccount:
    """One account. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    account = AwsAccount.objects.filter(id=pk).first()
    if account is None:
        raise NotFound(type="account", id=str(pk))
    return _with_health([account], now)[0]


def _with_health(accounts: Sequence[AwsAccount], now: datetime) -> list[ListedAccount]:
    regions: dict[UUID, list[Region]] = {}
    for region in Region.objects.filter(account__in=accounts).order_by("name"):
        regions.setdefault(region.account_id, []).append(region)
    lanes: dict[str, list[Lane]] = {}
    for lane in Lane.objects.filter(account__in=[one.account_id for one in accounts]).order_by("name"):
        lanes.setdefault("/".join(lane.name.split("/")[:2]), []).append(lane)
    present = Resource.objects.filter(account__in=accounts, gone_at__isnull=True)
    counts = {
        (row["account"], row["region"]): row["number"]
        for row in present.values("account", "region").annotate(number=Count("id"))
    }
    waiting = {
        one.target_id: one
        for one in Operation.objects.filter(
            kind="account.automation", state="ENTERED", target_id__in=[str(one.id) for one in accounts]
        )
    }
    places = [(one.account_id, region.name) for one in accounts for region in regions.get(one.id, ())]
    throttles = current().throttles.last_day(places, now)
    return [
        ListedAccount(
            account,
            [
                RegionHealth(
                    region, lanes.get(f"{account.account_id}/{region.name}", []),
                    counts.get((account.id, region.name), 0), _is_late(region, now),
                    None if throttles is None else throttles[account.account_id, region.name],
                )
                for region in regions.get(account.id, [])
            ],
            waiting.get(str(account.id)),
        )
        for account in accounts
    ]  # fmt: skip


def _is_late(region: Region, now: datetime) -> bool:
    if region.inventory_at is None:
        return False
    late_after = timedelta(seconds=LATE_AFTER_INTERVALS * settings.INVENTORY_EVERY_S)
    return bool(now - region.inventory_at > late_after)


# --- setups ---------------------------------------------------------------------------------------------------------


def is_awaited(
    asked_at: datetime | None, began_at: datetime | None, ended_at: datetime | None, now: datetime
) -> bool:
    """Whether what was asked of a worker is still to be waited for."""
    if asked_at is None or ended_at is not None:
        return False
    return now < (asked_at + PROOF_LOST_AFTER if began_at is None else began_at + PROOF_ENDS_WITHIN)


def may_be_asked(what: str, now: datetime) -> Q:
    """The rows whose `what` ("proof" or "listing") is not awaited, as is_awaited says it."""
    never, ended = Q(**{f"{what}_asked_at__isnull": True}), Q(**{f"{what}_ended_at__isnull": False})
    on_its_way = Q(**{f"{what}_began_at__isnull": True, f"{what}_asked_at__lte": now - PROOF_LOST_AFTER})
    with_its_worker = Q(**{f"{what}_began_at__lte": now - PROOF_ENDS_WITHIN})
    return never | ended | on_its_way | with_its_worker


@dataclass(frozen=True, slots=True)
class SeenSetup:
    """A setup with its proof as of `now`; `under_way` while a worker tries, `lost` when none will end it any more, `proven` when the
    account may come in."""

    setup: AccountSetup
    checks: tuple[Check, ...]
    now: datetime

    @property
    def under_way(self) -> bool:
        row = self.setup
        return is_awaited(row.proof_asked_at, row.proof_began_at, row.proof_ended_at, self.now)

    @property
    def lost(self) -> bool:
        asked = self.setup.proof_asked_at is not None
        return asked and self.setup.proof_ended_at is None and not self.under_way

    @property
    def proven(self) -> bool:
        return self.setup.proof_ended_at is not None and proven(self.checks)

    @property
    def standing(self) -> str:
        """Where it stands on its way in, in one word: which state's icon and word stand for it."""
        if self.setup.registered_id is not None:
            return "in"
        if self.under_way:
            return "trying"
        if self.setup.proof_ended_at is None:
            return "lost" if self.lost else "unproven"
        return "proven" if self.proven else "failed"

    def _ended(self, status: Status) -> list[Check]:
        return [one for one in self.checks if one.status is status]

    @property
    def passed(self) -> list[Check]:
        return self._ended(Status.PASSED)

    @property
    def failed(self) -> list[Check]:
        return self._ended(Status.FAILED)

    @property
    def untried(self) -> list[Check]:
        return self._ended(Status.UNTRIED)


def open_setups(*, actor: Actor) -> list[AccountSetup]:
    """Those that are begun and neither finished nor given up, oldest first. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    return list(AccountSetup.objects.filter(closed_at__isnull=True).order_by("started_at"))


def listers(*, actor: Actor) -> list[AwsAccount]:
    """Those whose organization's accounts can be listed. Raises NotPermitted."""
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    newest = AccountSetup.objects.filter(registered=OuterRef("pk")).order_by("-started_at", "-id")
    rows = AwsAccount.objects.annotate(features=Subquery(newest.values("features")[:1]))
    return list(rows.filter(features__contains=[str(Feature.ORGANIZATION)]).order_by("name"))


def get_setup(pk: UUID, *, actor: Actor, now: datetime) -> SeenSetup:
    """One setup, open or about an account that is in. Raises NotFound, then NotPermitted."""
    wanted = AccountSetup.objects.select_related("registered")
    row = wanted.filter(Q(closed_at__isnull=True) | Q(registered__isnull=False), id=pk).first()
    if row is None:
        raise NotFound(type="setup", id=str(pk))
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    return SeenSetup(row, tuple(check_from_json(one) for one in row.proof), now)


def template_of(row: AccountSetup) -> dict[str, object]:
    """The CloudFormation template of a setup. Raises Refused (`no_principal`) while Toban's own role is not known."""
    if not settings.AWS_PRINCIPAL_ARN:
        raise Refused("no_principal")
    return template(
        settings.AWS_PRINCIPAL_ARN, row.external_id, row.account_id, [Feature(one) for one in row.features],
        managed_only=row.managed_only,
    )  # fmt: skip
