"""Making an AWS account known to a tenant: it only observes until a confirmed operation switches its clock on."""

from collections.abc import Sequence
from datetime import datetime

from accounts.domain.permissions import Permission
from infra.models import AccountTrust, AwsAccount, Region
from medical_audit.domain.actor import Actor, Subject
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope


def register_account(
    account_id: str,
    name: str,
    *,
    role_arn: str,
    external_id: str,
    regions: Sequence[str],
    actor: Actor,
    now: datetime,
) -> AwsAccount:
    """Keep the account, how to enter it, and the regions to look at. Raises NotPermitted."""
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        account = AwsAccount(tenant_id=actor.tenant_id, account_id=account_id, name=name, created_at=now)
        account.save(force_insert=True)
        AccountTrust.objects.create(
            tenant_id=actor.tenant_id, account=account, role_arn=role_arn, external_id=external_id
        )
        Region.objects.bulk_create(
            [Region(tenant_id=actor.tenant_id, account=account, name=region) for region in regions]
        )
        record(
            "account.registered",
            actor=actor,
            subject=Subject("account", str(account.id), str(account)),
            now=now,
            detail={"account_id": account_id, "role_arn": role_arn, "regions": list(regions)},
        )
    return account
