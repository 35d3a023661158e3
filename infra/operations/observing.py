"""Where something is not changed at AWS: in accounts that are only observed, before two people switched the automation on, in regions that
Toban does not look at, and where no feature that it is for is in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from infra.domain.features import is_offered
from infra.models import AwsAccount
from infra.models.account import Automation
from infra.queries.in_force import LEFT, OBSERVED, OFF, features_in_force, is_off
from infra.queries.regions import is_left
from medical_audit.domain.kinds import Kind, OperationTarget


def asking(kind: Kind) -> Kind:
    """The same kind, which is refused where the account of its target's lane is only observed, its region is not looked at, or no feature
    that it is for is in force. The gateway asks once more before each call (infra.aws.gateway), so that what was entered all the same is never sent."""
    own = kind.refusal

    def refusal(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
        if is_observed(target):
            return OBSERVED
        if is_away(target):
            return LEFT
        return OFF if is_without_feature(target, kind.name) else own(target, parameters)

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


def is_without_feature(target: OperationTarget, kind: str) -> bool:
    """Whether no feature that a kind is for is in force in its account: as its facts say (`in_force`, the features, or None where nobody
    chose any), or one question. Needs the tenant bound."""
    facts = target.facts or {}
    if "in_force" in facts:
        return not is_offered(kind, facts["in_force"])
    return is_off(target.lane.partition("/")[0], kind)


def knowing_features(targets: Sequence[OperationTarget]) -> list[OperationTarget]:
    """The same, which know by one question for all of them what is in force in their accounts. Needs the tenant bound."""
    found = features_in_force({one.lane.partition("/")[0] for one in targets})
    return [
        replace(one, facts={**(one.facts or {}), "in_force": found.get(one.lane.partition("/")[0])})
        for one in targets
    ]
