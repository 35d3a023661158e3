"""What Toban does in an account that is in: changed by two people, used once the roles are proven to allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from accounts.domain.permissions import Permission
from infra.domain.features import rights_of_all
from infra.domain.onboarding import Feature
from infra.models import AccountSetup, AwsAccount
from infra.operations.automation import target_of_account
from infra.operations.setups import begin_again, read_features
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

KIND = "account.features"


def enter_features(
    account_id: UUID, features: Sequence[str], *, managed_only: bool, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter what Toban is to do in an account from now on; another person confirms it, seeing which rights come and go.

    Raises NotPermitted, NotFound, Refused (bad_parameter, nothing_changed, reason_missing).
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
    """What went is used no more at once; what came is used once the roles are proven. Raises StaleContent (rules_changed)."""
    given = operation.parameters
    # By itself and first: whoever changes the account's regions meanwhile leaves the row that held as it is, and adds one.
    AwsAccount.objects.select_for_update().get(id=operation.target_id)
    rows = AccountSetup.objects.filter(registered=operation.target_id).select_for_update(of=("self",))
    held: AccountSetup = rows.order_by("-started_at", "-id")[0]
    if str(held.id) != given["before"] or held.features != given["features_before"]:
        raise StaleContent("rules_changed", name=operation.target_name)
    new = succeed(held, operation, now)
    new.features, new.managed_only = given["features"], given["managed_only"]
    new.in_force = [one for one in held.in_force if one in new.features]
    new.save(force_insert=True)
    waits = [one for one in new.features if one not in new.in_force]
    return {"setup": str(new.id), "waits_for_proof": waits}


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
