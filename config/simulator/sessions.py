"""What a session may do: the policies of its role, and the one that came with its AssumeRole, which moto never looks at.

Of a role's own policies the actions are held against a call, and what they say of the tags that a call of EC2 writes, at birth too; of a
session's policy also the call's ids. What AWS asks about besides (a key, the tags of a target) is not looked at. A role without inline
policies may do everything (moto's way).
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from moto.ec2.models import ec2_backends

from config.simulator.identify import Call
from config.simulator.policies import Asked, allows, listed
from config.simulator.trust import policies_of
from config.simulator.wire import Answer

#: AWS's own limit of a policy's plain text.
CHARACTERS_MAX = 2_048
KEPT = 20_000
_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_TAGGED = "aws:ResourceTag/"
_TAG_KEY, _BORN_KEY = r"Tag\.\d+\.Key", r"TagSpecification\.\d+\.Tag\.\d+\.Key"


@dataclass(frozen=True, slots=True)
class _Session:
    account: str
    role: str
    policy: str


class Sessions:
    """Whose the newest access keys are, and what they are narrowed to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def objection(self, call: Call) -> tuple[str, str] | None:
        """AWS's code and sentence where this call is denied, or an AssumeRole has a policy that is too long; None to let it pass."""
        if call.action == "AssumeRole":
            length = len(call.params.get("Policy", ""))
            if length > CHARACTERS_MAX:
                return "ValidationError", f"'policy' must have length less than or equal to {CHARACTERS_MAX}"
            return None
        with self._lock:
            session = self._sessions.get(call.access_key)
        if session is None or call.service == "sts":
            return None
        action = f"{call.service}:{call.action}"
        own = [_read(text) for text in policies_of(session.account, session.role)]
        statements = [one for policy in own for one in policy["Statement"]]
        for asked in _asks(call, action) if own else ():
            if not allows(statements, asked):
                return _denied(call, asked.action, session.role, "identity-based")
        if session.policy and call.mutates and not _allows(_read(session.policy), call, action):
            return _denied(call, action, session.role, "session")
        return None

    def remember(self, call: Call, answer: Answer) -> None:
        """Keep whose key an AssumeRole that went well gave."""
        found = _KEY.search(answer.body)
        if call.action != "AssumeRole" or found is None:
            return
        with self._lock:
            self._sessions[found[1].decode()] = _Session(
                call.account, call.params.get("RoleArn", ""), call.params.get("Policy", "")
            )
            while len(self._sessions) > KEPT:
                self._sessions.popitem(last=False)


def _asks(call: Call, action: str) -> list[Asked]:
    """What a call asks for: itself, and of EC2 what it writes on what it makes. Source: EC2 user guide, supported-iam-actions-tagging."""
    named = {
        part: [value for key, value in call.params.items() if re.fullmatch(part, key)]
        for part in (_TAG_KEY, _BORN_KEY)
    }
    tags = {"aws:TagKeys": named[_TAG_KEY]} if named[_TAG_KEY] else {}
    asked = [Asked(action, context=tags, known=_is_known)]
    if call.service == "ec2" and named[_BORN_KEY]:
        born = {"aws:TagKeys": named[_BORN_KEY], "ec2:CreateAction": [call.action]}
        asked.append(Asked("ec2:CreateTags", context=born, known=_is_known))
    return asked


def _is_known(key: str) -> bool:
    return key in ("aws:TagKeys", "ec2:CreateAction")


def _denied(call: Call, action: str, role: str, kind: str) -> tuple[str, str]:
    code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
    return (
        code,
        f"User: {role} is not authorized to perform: {action} because no {kind} policy allows the {action} action",
    )


@lru_cache(maxsize=512)
def _read(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(text)
    return found


def _acts(statement: Mapping[str, Any], action: str) -> bool:
    return statement["Effect"] == "Allow" and any(
        fnmatchcase(action, one) for one in listed(statement["Action"])
    )


def _allows(policy: Mapping[str, Any], call: Call, action: str) -> bool:
    mine = [one for one in policy["Statement"] if _acts(one, action)]
    return bool(mine) and all(any(_covers(one, id, call) for one in mine) for id in call.ids)


def _covers(statement: Mapping[str, Any], id: str, call: Call) -> bool:
    named = any(_names(pattern, id, call) for pattern in listed(statement["Resource"]))
    return named and all(
        _tags(id, call).get(key.removeprefix(_TAGGED)) in listed(values)
        for key, values in statement.get("Condition", {}).get("StringEquals", {}).items()
        if key.startswith(_TAGGED)
    )


def _names(pattern: str, id: str, call: Call) -> bool:
    """Whether a pattern of ARNs is about this id, in the account and region of the call."""
    if id.startswith("arn:"):
        return fnmatchcase(id, pattern)
    _arn, _partition, service, region, account, rest = pattern.split(":", 5)
    name = re.split(r"[:/]", rest, maxsplit=1)[1].rpartition("autoScalingGroupName/")[2]
    here = service == call.service and region == call.region and account in ("", call.account)
    return here and fnmatchcase(id.lower(), name.lower())


def _tags(id: str, call: Call) -> Mapping[str, str]:
    found: Mapping[str, str] = ec2_backends[call.account][call.region].tags.get(id, {})
    return found
