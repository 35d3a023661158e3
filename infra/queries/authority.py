"""On whose confirmation the clock acts."""

from infra.domain.duty import Occurrence
from infra.models import AwsAccount
from infra.models.account import Automation
from infra.queries.rules import Followed, Rules
from medical_audit.domain.kinds import Authority


def authority_of(
    account: AwsAccount, followed: Followed | None, rules: Rules, one: Occurrence
) -> Authority | None:
    """The confirmed operation that one automatic action rests on; None while the account only observes.

    What an override asks for rests on that override; a named schedule on its publication; AutoStart and AutoStop on
    the switch-on of the account.
    """
    if account.automation != Automation.ON:
        return None
    override = rules.override(one.window) if one.window else None
    if override is not None:
        return Authority(
            f"override:{override.scope}",
            override.operation,
            override.confirmed_by_id,
            override.confirmed_by_name,
        )
    if followed is not None and followed.named is not None:
        named = followed.named
        return Authority(
            followed.label, named.published_operation, named.published_by_id, named.published_by_name
        )
    return account_authority(account, "tags")


def account_authority(account: AwsAccount, source: str) -> Authority | None:
    """The confirmed switch-on of the account; None while it only observes."""
    if account.automation != Automation.ON or not account.automation_confirmed_by_id:
        return None
    return Authority(
        source,
        account.automation_operation,
        account.automation_confirmed_by_id,
        account.automation_confirmed_by_name,
    )
