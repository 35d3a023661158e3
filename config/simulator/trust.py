"""Whom an account lets in: the trust policy of its role, which moto never looks at."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from config.simulator.identify import Call
from config.simulator.policies import listed

#: Who Toban is here: the owner of its access key.
CALLER = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/toban"


@dataclass(frozen=True, slots=True)
class Trusted:
    """An account's role: who asks for another role, or without the right ExternalId, is refused."""

    account_id: str
    role_arn: str | None = None
    external_id: str | None = None
    refuse: bool = False


class Trust:
    """Registered accounts. Of others, a role that was made in IAM is entered as its trust policy says, as AWS does it;
    a role that nobody made lets everybody in (moto's way) unless `strict` is set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: dict[str, Trusted] = {}
        self._sources: dict[str, list[str]] = {}
        self.strict = False

    def register(self, account: Trusted) -> None:
        """Adds an account or replaces what was known of it."""
        with self._lock:
            self._accounts[account.account_id] = account

    def forget(self, account_id: str) -> None:
        """Takes an account out."""
        with self._lock:
            self._accounts.pop(account_id, None)

    def accounts(self) -> list[dict[str, Any]]:
        """What is registered, by account id."""
        with self._lock:
            return [asdict(one) for _, one in sorted(self._accounts.items())]

    def sources(self, account_id: str) -> list[str]:
        """Who stood behind each sign-in to an account so far (SourceIdentity, "" without one), oldest first."""
        with self._lock:
            return list(self._sources.get(account_id, ()))

    def objection(self, call: Call) -> str | None:
        """AWS's sentence if this AssumeRole is to be denied, None to let it pass."""
        asked = call.params.get("RoleArn", "")
        with self._lock:
            self._sources.setdefault(call.account, []).append(call.params.get("SourceIdentity", ""))
            known = self._accounts.get(call.account)
        document = _trust_document(call.account, asked)
        if known is None and document is not None:
            welcome = _lets_in(document, call)
        elif known is None:
            welcome = not self.strict
        else:
            welcome = (
                not known.refuse
                and known.role_arn in (None, asked)
                and (known.external_id is None or call.params.get("ExternalId") == known.external_id)
            )
        if welcome:
            return None
        return f"User: {CALLER} is not authorized to perform: sts:AssumeRole on resource: {asked}"


def _trust_document(account_id: str, arn: str) -> Mapping[str, Any] | None:
    """The trust policy of a role that somebody made in this account; None where there is no such role."""
    for role in iam_backends[account_id]["aws"].roles.values():
        if role.arn == arn:
            found: Mapping[str, Any] = json.loads(role.assume_role_policy_document)
            return found
    return None


def policies_of(account_id: str, arn: str) -> list[str]:
    """The inline policies of a role that somebody made in this account, as JSON; none where there is no such role."""
    for role in iam_backends[account_id]["aws"].roles.values():
        if role.arn == arn:
            return [text if isinstance(text, str) else json.dumps(text) for text in role.policies.values()]
    return []


def make_roles(account_id: str, template: Mapping[str, Any]) -> list[str]:
    """Make the IAM roles of a CloudFormation template in an account, anew where they stand already; gives their ARNs."""
    backend = iam_backends[account_id]["aws"]
    made = []
    for resource in template["Resources"].values():
        given = _filled_in(resource["Properties"], account_id, template)
        for old in [role for role in backend.roles.values() if role.name == given["RoleName"]]:
            backend.roles.pop(old.id)
        role = backend.create_role(
            role_name=given["RoleName"], assume_role_policy_document=json.dumps(given["AssumeRolePolicyDocument"]),
            path="/", permissions_boundary=None, description="", tags=[], max_session_duration=given["MaxSessionDuration"],
        )  # fmt: skip
        for policy in given.get("Policies", ()):
            backend.put_role_policy(role.name, policy["PolicyName"], json.dumps(policy["PolicyDocument"]))
        made.append(role.arn)
    return made


def _filled_in(part: Any, account_id: str, template: Mapping[str, Any]) -> Any:
    """What CloudFormation makes of its functions in a stack of this account, as far as Toban's templates use them."""
    if isinstance(part, list):
        return [_filled_in(one, account_id, template) for one in part]
    if not isinstance(part, dict):
        return part
    if "Fn::Sub" in part:
        return part["Fn::Sub"].replace("${AWS::AccountId}", account_id).replace("${AWS::Partition}", "aws")
    if "Fn::FindInMap" in part:
        mapping, _account, key = part["Fn::FindInMap"]
        return template["Mappings"][mapping][account_id][key]
    return {key: _filled_in(one, account_id, template) for key, one in part.items()}


def _lets_in(document: Mapping[str, Any], call: Call) -> bool:
    """Whether every action that the call needs is allowed: a SourceIdentity needs one of its own."""
    needed = {"sts:AssumeRole"} | ({"sts:SetSourceIdentity"} if "SourceIdentity" in call.params else set())
    allowed = {
        action
        for statement in document["Statement"]
        if statement["Effect"] == "Allow" and _is_for(statement, call)
        for action in listed(statement["Action"])
    }
    return needed <= allowed


def _is_for(statement: Mapping[str, Any], call: Call) -> bool:
    principals = listed(statement.get("Principal", {}).get("AWS", ()))
    if CALLER not in principals:
        return False
    given = {f"sts:{name}": call.params.get(name) for name in ("ExternalId", "SourceIdentity")}
    conditions = statement.get("Condition", {})
    equal = all(
        given.get(key) in listed(values) for key, values in conditions.get("StringEquals", {}).items()
    )
    alike = all(
        any(fnmatchcase(given.get(key) or "", pattern) for pattern in listed(values))
        for key, values in conditions.get("StringLike", {}).items()
    )
    return equal and alike and set(conditions) <= {"StringEquals", "StringLike"}
