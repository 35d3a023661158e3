"""Making an AWS account known to a tenant: it only observes until a confirmed operation switches its clock on."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError

from accounts.domain.permissions import Permission
from infra.aws.regions import PARTITION, alike, partition_of
from infra.models import AccountTrust, AwsAccount, Region
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import Refused
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/[\x21-\x7e]{1,150}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]+){1,3}-[1-9][0-9]?", re.ASCII)
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9+=,.@:/-]{2,64}", re.ASCII)


def register_account(
    account_id: str,
    name: str,
    *,
    role_arn: str,
    external_id: str,
    regions: Sequence[str],
    actor: Actor,
    now: datetime,
    read_role_arn: str = "",
) -> AwsAccount:
    """Keep the account, how to enter it, and the regions to look at. read_role_arn: "" where role_arn serves for both.

    Raises NotPermitted, Refused: `bad_parameter`, `region_unknown`, `region_other_partition` with the field's name, `account_taken` when any customer has this
    account already, `external_id_taken`.
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    roles = [role_arn, *([read_role_arn] if read_role_arn else [])]
    check_account(account_id, name, roles, external_id, regions)
    trust = AccountTrust(
        tenant_id=actor.tenant_id, role_arn=role_arn, read_role_arn=read_role_arn, external_id=external_id
    )
    try:
        with tenant_scope(actor.tenant_id):
            return _keep(account_id, name.strip(), trust, regions, actor=actor, now=now)
    except IntegrityError as error:
        if "external_id" in str(error):
            raise Refused("external_id_taken", name="external_id") from error
        if any(name in str(error) for name in ("account_id", "role_arn", "read_role_once")):
            raise Refused("account_taken", name="account_id", account_id=account_id) from error
        raise


def check_account(
    account_id: str, name: str, role_arns: Sequence[str], external_id: str, regions: Sequence[str]
) -> None:
    """Refuse what AWS would not understand, naming the field. A role of another account is no key to this one."""
    if not _ACCOUNT.fullmatch(account_id):
        raise Refused("bad_parameter", name="account_id", allowed="000000000000")
    if not 1 <= len(name.strip()) <= 100:
        raise Refused("bad_parameter", name="name", allowed="1-100")
    for role_arn in role_arns:
        role = _ROLE.fullmatch(role_arn)
        if role is None or role[1] != account_id:
            raise Refused("bad_parameter", name="role_arn", allowed=f"arn:aws:iam::{account_id}:role/...")
    if not _EXTERNAL_ID.fullmatch(external_id):
        raise Refused("bad_parameter", name="external_id", allowed="2-64 [A-Za-z0-9+=,.@:/-]")
    check_regions(regions, role_arns[0].split(":")[1])


def check_regions(regions: Sequence[str], partition: str = PARTITION) -> None:
    """Refuse none, one twice, and one that is none of the roles' partition: its looks would fail for ever, or the roles not be found.

    Raises Refused: `bad_parameter`, `region_unknown`, `region_other_partition`, each with the field's name.
    """
    known = [region for region in regions if _REGION.fullmatch(region) and len(region) <= 30]
    if not known or len(set(known)) != len(regions):
        raise Refused("bad_parameter", name="regions", allowed="ap-northeast-1")
    for region in regions:
        if not (found := partition_of(region)):
            raise Refused(
                "region_unknown", name="regions", region=region, alike=", ".join(alike(region, partition))
            )
        if found != partition:
            raise Refused("region_other_partition", name="regions", region=region)


def _keep(
    account_id: str, name: str, trust: AccountTrust, regions: Sequence[str], *, actor: Actor, now: datetime
) -> AwsAccount:
    account = AwsAccount(tenant_id=actor.tenant_id, account_id=account_id, name=name, created_at=now)
    account.save(force_insert=True)
    trust.account = account
    trust.save(force_insert=True)
    Region.objects.bulk_create(
        [Region(tenant_id=actor.tenant_id, account=account, name=one) for one in regions]
    )
    record(
        "account.registered",
        actor=actor,
        subject=Subject("account", str(account.id), str(account)),
        now=now,
        detail={"account_id": account_id, "role_arn": trust.role_arn, "regions": list(regions)},
    )
    return account
