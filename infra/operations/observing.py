"""Accounts that are only observed: nobody enters there what would change something at AWS, before two people switched the automation on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra.models import AwsAccount
from infra.models.account import Automation
from medical_audit.domain.kinds import Kind, OperationTarget

CODE = "only_observed"


def asking(kind: Kind) -> Kind:
    """The same kind, which is refused where the account of its target's lane is only observed. The gateway asks once more before each
    call (infra.aws.gateway), so that what was entered all the same is never sent."""
    own = kind.refusal

    def refusal(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
        return CODE if is_observed(target) else own(target, parameters)

    return replace(kind, refusal=refusal)


def is_observed(target: OperationTarget) -> bool:
    """As its facts say (`observed`), where whoever made the target knew it; else one question. Needs the tenant bound."""
    known = (target.facts or {}).get("observed")
    if known is not None:
        return bool(known)
    number = target.lane.partition("/")[0]
    here = AwsAccount.objects.filter(account_id=number, automation_confirmed_at__isnull=True)
    return bool(here.exclude(automation=Automation.ON).exists())
