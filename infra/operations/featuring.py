"""What Toban does in an account that is in: changed by two people, used once the roles are proven to allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from accounts.domain.permissions import Permission
from infra.domain.features import rights_of_all
from infra.domain.onboarding import Feature
from infra.models import AccountSetup, AwsAccount, Region
from infra.operations import reaching, rotating, snapshot_copies
from infra.operations.automation import target_of_account
from infra.operations.setups import begin_again, read_features
from infra.operations.standing import Stands, standing_in
from infra.queries.makings import CREATE, REMOVE, RESTORE
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.states import OPEN
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

KIND = "account.features"
#: What rests on a feature until it is over, and the kinds that begin and end it.
_RESTS = {
    Feature.REACH: (Stands.REACH, (reaching.OPEN_KIND, reaching.CLOSE_KIND)),
    Feature.MAKING: (Stands.RESTORES, (RESTORE, CREATE, REMOVE, snapshot_copies.KIND)),
    Feature.CERTIFICATES: (Stands.ROTATES, (rotating.KIND,)),
}


def enter_features(
    account_id: UUID, features: Sequence[str], *, managed_only: bool, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter what Toban is to do in an account from now on; another person confirms it, seeing which rights come and go.

    Raises NotPermitted, NotFound, Refused (bad_parameter, nothing_changed, reason_missing, and what keeps a feature from being taken away:
    feature_busy, feature_restores, feature_reach, feature_rotates; `target` names what stands there).
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    wanted = read_features(features)
    with tenant_scope(actor.tenant_id):
        account: AwsAccount | None = AwsAccount.objects.filter(id=account_id).first()
        if account is None:
            raise NotFound(type="account", id=str(account_id))
        held = begin_again(account_id, actor=actor, now=now)
        if (held.features, held.managed_only) == (wanted, managed_only):
            raise Refused("nothing_changed")
        if kept := _kept_by(account, held, wanted, now, managed_only=managed_only):
            raise Refused(kept[0], target=kept[1])
        parameters = {
            "before": str(held.id), "features_before": held.features, "features": wanted, "managed_before": held.managed_only,
            "managed_only": managed_only,
        }  # fmt: skip
        return entry.enter(KIND, target_of_account(account), parameters, actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Before and after, and the AWS actions that the new template allows more and no more."""
    before, after = (
        rights_of_all(map(Feature, parameters[name])) for name in ("features_before", "features")
    )
    tags = {"managed_only": "yes" if parameters["managed_only"] else "no"}
    return {
        "sentence": KIND, "call": "", "features": parameters["features"], **tags,
        "rights_more": sorted(after - before), "rights_less": sorted(before - after),
        "before": {
            "features": parameters["features_before"], "managed_only": "yes" if parameters["managed_before"] else "no",
        },
    }  # fmt: skip


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """What went is used no more at once; what came is used once the roles are proven. Raises StaleContent (rules_changed, and what keeps a
    feature from being taken away)."""
    given = operation.parameters
    # By itself and first: whoever changes the account's regions meanwhile leaves the row that held as it is, and adds one.
    account = AwsAccount.objects.select_for_update().get(id=operation.target_id)
    rows = AccountSetup.objects.filter(registered=operation.target_id).select_for_update(of=("self",))
    held: AccountSetup = rows.order_by("-started_at", "-id")[0]
    if str(held.id) != given["before"] or held.features != given["features_before"]:
        raise StaleContent("rules_changed", name=operation.target_name)
    if kept := _kept_by(account, held, given["features"], now, managed_only=given["managed_only"]):
        raise StaleContent(kept[0], target=kept[1])
    new = succeed(held, operation, now)
    new.features, new.managed_only = given["features"], given["managed_only"]
    new.in_force = [one for one in held.in_force if one in new.features]
    new.save(force_insert=True)
    waits = [one for one in new.features if one not in new.in_force]
    return {"setup": str(new.id), "waits_for_proof": waits}


def _kept_by(
    account: AwsAccount, held: AccountSetup, wanted: Sequence[str], now: datetime, *, managed_only: bool
) -> tuple[str, str] | None:
    """Why the account cannot be changed to this (a code, and what stands there): a feature that goes is needed yet, or roles that allow
    only what carries the mark from now on might not reach what is."""
    gone = {Feature(one) for one in held.features} - {Feature(one) for one in wanted}
    narrowed = managed_only and not held.managed_only
    for feature, (what, kinds) in _RESTS.items():
        goes = feature in gone
        if not goes and not narrowed:
            continue
        here = Operation.objects.filter(lane__startswith=f"{account.account_id}/", kind__in=kinds)
        if goes and (busy := here.filter(state__in=OPEN).order_by("entered_at", "id").first()):
            return "feature_busy", busy.target_name
        for region in Region.objects.filter(account=account).select_related("account").order_by("name"):
            for one in standing_in(region, now):
                if one.what is what and (goes or not one.managed):
                    return f"feature_{what}", one.name
    return None


def succeed(held: AccountSetup, operation: Operation, now: datetime) -> AccountSetup:
    """The unsaved row that takes the place of the one that holds, with what was proven and listed by then."""
    # Those that were taken in together go on sharing the template that they came in with.
    new: AccountSetup = AccountSetup.objects.get(id=held.id)
    new.pk, new.rollout, new.closed_at = uuid4(), None, now
    # The newest holds, also where two were confirmed at one instant.
    new.started_at = max(now, held.started_at + timedelta(microseconds=1))
    new.started_by_id, new.started_by_name = operation.entered_by_id, operation.entered_by_name
    if new.proof_ended_at is None:
        new.proof, new.proof_asked_at, new.proof_began_at = [], None, None
    if new.listing_ended_at is None:
        new.listing_asked_at = new.listing_began_at = None
    return new
