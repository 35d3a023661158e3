"""In which regions of an account that is in Toban looks: changed by two people; one that comes is looked at once the roles are proven
there, one that goes keeps what was known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.models import AccountSetup, AwsAccount, Region, Resource
from infra.models.account import Looking
from infra.operations.automation import target_of_account
from infra.operations.featuring import succeed
from infra.operations.onboarding import check_regions
from infra.operations.setups import begin_again
from infra.operations.standing import standing_in
from infra.queries.regions import KIND, chosen_regions
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.states import OPEN
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope


def enter_regions(
    account_id: UUID, regions: Sequence[str], *, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter in which regions of an account Toban is to look from now on, all of them; another person confirms it.

    Raises NotPermitted, NotFound, Refused (bad_parameter, nothing_changed, reason_missing, and what keeps a region from being left:
    region_busy, region_restores, region_reach, region_rotates; `target` names what stands there).
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    check_regions(regions)
    with tenant_scope(actor.tenant_id):
        account: AwsAccount | None = AwsAccount.objects.filter(id=account_id).first()
        if account is None:
            raise NotFound(type="account", id=str(account_id))
        held = begin_again(account_id, actor=actor, now=now)
        before, after = chosen_regions(account_id), sorted(regions)
        if before == after:
            raise Refused("nothing_changed")
        gone = [one for one in before if one not in after]
        if kept := _kept_by(account, gone, now):
            raise Refused(kept[0], target=kept[1])
        here = Resource.objects.filter(account=account, region__in=gone, gone_at__isnull=True)
        parameters = {
            "before": str(held.id), "regions_before": before, "regions": after, "resources_left": here.count(),
        }  # fmt: skip
        return entry.enter(KIND, target_of_account(account), parameters, actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Before and after, and how many servers and databases are not looked at any more."""
    return {
        "sentence": KIND, "call": "", "regions": parameters["regions"], "resources_left": parameters["resources_left"],
        "before": {"regions": parameters["regions_before"]},
    }  # fmt: skip


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """What went is looked at no more, and a worker says so of what stands in it; what came waits for a proof. Raises StaleContent
    (rules_changed, and what keeps a region from being left)."""
    given = operation.parameters
    account = AwsAccount.objects.select_for_update().get(id=operation.target_id)
    rows = AccountSetup.objects.filter(registered=account).select_for_update(of=("self",))
    held: AccountSetup = rows.order_by("-started_at", "-id")[0]
    before = chosen_regions(account.id)
    if str(held.id) != given["before"] or before != given["regions_before"]:
        raise StaleContent("rules_changed", name=operation.target_name)
    gone = [one for one in before if one not in given["regions"]]
    came = [one for one in given["regions"] if one not in before]
    if kept := _kept_by(account, gone, now):
        raise StaleContent(kept[0], target=kept[1])
    here = Region.objects.filter(account=account)
    here.filter(name__in=gone, looking=Looking.WAITS).update(looking=Looking.LEFT)
    # Due at once, for the worker.
    here.filter(name__in=gone, looking=Looking.ON).update(looking=Looking.LEAVING, inventory_tried_at=None)
    known = set(here.filter(name__in=came).values_list("name", flat=True))
    here.filter(name__in=known).update(looking=Looking.WAITS)
    Region.objects.bulk_create(
        [
            Region(tenant_id=operation.tenant_id, account=account, name=one, looking=Looking.WAITS)
            for one in came
            if one not in known
        ]
    )
    new = succeed(held, operation, now)
    new.regions = given["regions"]
    new.save(force_insert=True)
    return {"setup": str(new.id), "came": came, "gone": gone}


def _kept_by(account: AwsAccount, names: Sequence[str], now: datetime) -> tuple[str, str] | None:
    """Why one of these cannot be left (a code, and what stands there): something has not ended, or something confirmed is still to come,
    which only looks begin."""
    for region in (
        Region.objects.filter(account=account, name__in=names).select_related("account").order_by("name")
    ):
        if _busy(account, region.name):
            return "region_busy", region.name
        if standing := next(standing_in(region, now), None):
            return f"region_{standing.what}", standing.name
    return None


def _busy(account: AwsAccount, region: str) -> bool:
    """Whether something that was entered here has not ended."""
    lane = f"{account.account_id}/{region}"
    here = Operation.objects.filter(lane__startswith=lane, state__in=[str(state) for state in OPEN])
    return any(row == lane or row.startswith(f"{lane}/") for row in here.values_list("lane", flat=True))
