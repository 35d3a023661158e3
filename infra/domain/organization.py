"""The accounts of an AWS organization, and one template that lets Toban into many of them.

Pure. Sources: AWS Organizations API reference, ListAccounts (states of an account); CloudFormation user guide, "Mappings" (at most 200
attributes in one), StackSets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infra.domain import onboarding
from infra.domain.onboarding import Feature
from infra.domain.role_statements import Policy

#: So many accounts are begun at once; a mapping in a template holds 200.
AT_ONCE = 50
ACTIVE = "ACTIVE"
_MAPPING, _KEY = "ExternalIds", "Id"
_ACCOUNT, _PARTITION = "${AWS::AccountId}", "${AWS::Partition}"


@dataclass(frozen=True, slots=True)
class Member:
    """One account of an organization. state: as AWS says it, ACTIVE for one that can be worked in."""

    id: str
    name: str
    state: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def members_from_json(kept: Sequence[Mapping[str, str]]) -> list[Member]:
    """Read back what `as_json` wrote."""
    return [Member(one["id"], one["name"], one["state"]) for one in kept]


def template(
    principal: str, external_ids: Mapping[str, str], features: Sequence[Feature], *, managed_only: bool
) -> Policy:
    """Both roles as one CloudFormation template for all accounts in `external_ids` (account number to ExternalId).

    Each stack takes the ExternalId of the account that it stands in; in an account that is not named AWS refuses to make it.
    """
    external_id = {"Fn::FindInMap": [_MAPPING, {"Ref": "AWS::AccountId"}, _KEY]}
    policies = {
        onboarding.READ_ROLE: onboarding.read_policy(features),
        onboarding.OPERATE_ROLE: onboarding.operate_policy(
            _ACCOUNT, features, managed_only=managed_only, partition=_PARTITION
        ),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Roles with which Toban looks at and operates {len(external_ids)} accounts",
        "Mappings": {_MAPPING: {account: {_KEY: one} for account, one in sorted(external_ids.items())}},
        **onboarding.roles(
            onboarding.trust_policy(principal, external_id),
            {name: _substituted(policy) for name, policy in policies.items()},
        ),
    }


def _substituted(part: Any) -> Any:
    """CloudFormation fills in the account and partition that a stack stands in."""
    if isinstance(part, dict):
        return {key: _substituted(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_substituted(value) for value in part]
    return {"Fn::Sub": part} if isinstance(part, str) and "${AWS::" in part else part
