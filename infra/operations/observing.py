"""Where nothing is changed at AWS: in accounts that are only observed, before two people switched the automation on, and in regions that
Toban does not look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra.models import AwsAccount
from infra.models.account import Automation
from infra.queries.regions import is_left
from medical_audit.domain.kinds import Kind, OperationTarget

OBSERVED, LEFT = "only_observed", "region_off"


def asking(kind: Kind) -> Kind:
    """The same kind, which is refused where the account of its target's lane is only observed, or its region is not looked at. The gateway
    asks once more before each call (infra.aws.gateway), so that what was entered all the same is never sent."""
    own = kind.refusal

    def refusal(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
        if is_observed(target):
            return OBSERVED
        return LEFT if is_away(target) else own(target, parameters)

    return replace(kind, refusal=refusal)


def is_observed(target: OperationTarget) -> bool:
    """As its facts say (`observed`), where whoever made the target knew it; else one question. Needs the tenant bound."""
    known = (target.facts or {}).get("observed")
    if known is not None:
        return bool(known)
    number = target.lane.partition("/")[0]
    here = AwsAccount.objects.filter(account_id=number, automation_confirmed_at__isnull=True)
    return bool(here.exclude(automation=Automation.ON).exists())


def is_away(target: OperationTarget) -> bool:
    """Whether its region is not looked at: as its facts say (`left`), or one question. Needs the tenant bound."""
    known = (target.facts or {}).get("left")
    if known is not None:
        return bool(known)
    number, region = [*target.lane.split("/"), ""][:2]
    return is_left(number, region)
