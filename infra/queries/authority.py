"""On whose confirmation the clock acts in an account."""

from infra.models import AwsAccount
from infra.models.account import Automation
from medical_audit.domain.kinds import Authority


def authority_of(account: AwsAccount, source: str) -> Authority | None:
    """The confirmed switch-on that automatic actions of this account rest on; None while it only observes."""
    if account.automation != Automation.ON or not account.automation_confirmed_by_id:
        return None
    return Authority(
        source=source,
        operation=account.automation_operation,
        person_id=account.automation_confirmed_by_id,
        person_name=account.automation_confirmed_by_name,
    )
