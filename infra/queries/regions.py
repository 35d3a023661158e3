"""In which regions of an account that is in Toban looks, and which wait for a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts.domain.permissions import Permission
from infra.models import AwsAccount, Region
from infra.models.account import Looking
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import State
from medical_audit.models import Operation

KIND = "account.regions"
CHOSEN = (Looking.ON, Looking.WAITS)


@dataclass(frozen=True, slots=True)
class SeenRegions:
    """`regions`: also those that are not looked at any more; `waiting`: a change that waits for its confirmation."""

    account: AwsAccount
    regions: Sequence[Region]
    waiting: Operation | None

    @property
    def chosen(self) -> list[str]:
        return [one.name for one in self.regions if one.looking in CHOSEN]

    @property
    def states(self) -> list[str]:
        return [one.looking for one in self.regions]

    @property
    def version(self) -> str:
        """Changes with each decision and with what a proof found."""
        return ":".join(f"{one.name}={one.looking}" for one in self.regions)


def get_regions(pk: UUID, *, actor: Actor) -> SeenRegions:
    """Raises NotFound, then NotPermitted."""
    account: AwsAccount | None = AwsAccount.objects.filter(id=pk).first()
    if account is None:
        raise NotFound(type="account", id=str(pk))
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    waiting = Operation.objects.filter(kind=KIND, state=State.ENTERED, target_id=str(account.id)).first()
    return SeenRegions(account, list(Region.objects.filter(account=account).order_by("name")), waiting)


def chosen_regions(account: UUID) -> list[str]:
    """Names of those that are looked at, or will be once the roles are proven there. Needs the tenant bound."""
    rows = Region.objects.filter(account=account, looking__in=CHOSEN)
    return list(rows.order_by("name").values_list("name", flat=True))


def left_regions() -> QuerySet[Region]:
    """Those in which nothing is changed: left, on their way out, or not proven yet. Needs the tenant bound."""
    rows: QuerySet[Region] = Region.objects.exclude(looking=Looking.ON)
    return rows


def left_places() -> frozenset[tuple[UUID, str]]:
    """The same as (id of the account, name of the region)."""
    return frozenset(left_regions().values_list("account_id", "name"))


def is_left(number: str, name: str) -> bool:
    """Whether a region of an account (12 digits) is one of these. Needs the tenant bound."""
    return left_regions().filter(account__account_id=number, name=name).exists()
