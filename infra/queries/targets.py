"""Whom to speak to at AWS for an account and region."""

from infra.domain.aws import Target
from infra.domain.features import ALWAYS, changes_of
from infra.domain.onboarding import Feature
from infra.models import AccountTrust
from infra.queries.in_force import newest_setups
from infra.queries.regions import is_left
from medical_audit.domain.kinds import Policy
from medical_audit.models import Operation


def target_of(account_id: str, region: str) -> Target | None:
    """The gateway's target of a 12-digit account number in the bound tenant; None when it has no trust yet."""
    trust = AccountTrust.objects.filter(account__account_id=account_id).select_related("account").first()
    if trust is None:
        return None
    holds = newest_setups([account_id]).values("managed_only", "in_force").first()
    return Target(
        tenant_id=trust.tenant_id,
        account_id=account_id,
        region=region,
        role_arn=trust.role_arn,
        read_role_arn=trust.read_role_arn,
        external_id=trust.external_id,
        managed_only=bool(holds and holds["managed_only"]),
        observed=trust.account.only_observed,
        left=is_left(account_id, region),
        allowed=changes_of(map(Feature, holds["in_force"])) | ALWAYS if holds else None,
    )


def source_of(operation: Operation) -> str:
    """Who is behind a call, as the customer's CloudTrail keeps it (SourceIdentity): the person who confirmed it, or the
    confirmed operation that the clock acts under. Source: IAM user guide, "Monitor and control actions taken with assumed
    roles"; both lead to one name in the ledger.
    """
    if operation.policy == Policy.SCHEDULE:
        return f"sched-{operation.authority['operation']}"
    return f"u-{operation.confirmed_by_id}"
