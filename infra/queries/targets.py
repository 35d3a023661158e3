"""Whom to speak to at AWS for an account and region."""

from infra.domain.aws import Target
from infra.models import AccountTrust


def target_of(account_id: str, region: str) -> Target | None:
    """The gateway's target of a 12-digit account number in the bound tenant; None when it has no trust yet."""
    trust = AccountTrust.objects.filter(account__account_id=account_id).select_related("account").first()
    if trust is None:
        return None
    return Target(
        tenant_id=trust.tenant_id,
        account_id=account_id,
        region=region,
        role_arn=trust.role_arn,
        read_role_arn=trust.read_role_arn,
        external_id=trust.external_id,
    )
