"""What a session may touch: the policy that came with its AssumeRole, which moto never looks at.

Only the call's own action and its ids are held against it. What AWS asks about besides (a key, a tag at birth) is not.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.ec2.models import ec2_backends

from config.simulator.identify import Call
from config.simulator.trust import listed
from config.simulator.wire import Answer

#: AWS's own limit of a policy's plain text.
CHARACTERS_MAX = 2_048
KEPT = 20_000
_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_TAGGED = "aws:ResourceTag/"


class Sessions:
    """Policies by access key, of the newest sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._policies: OrderedDict[str, str] = OrderedDict()

    def objection(self, call: Call) -> tuple[str, str] | None:
        """AWS's code and sentence where this call is denied, or an AssumeRole has a policy that is too long; None to let it pass."""
        if call.action == "AssumeRole":
            length = len(call.params.get("Policy", ""))
            if length > CHARACTERS_MAX:
                return "ValidationError", f"'policy' must have length less than or equal to {CHARACTERS_MAX}"
            return None
        with self._lock:
            text = self._policies.get(call.access_key)
        if text is None or not call.mutates or _allows(json.loads(text), call):
            return None
        code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
        action = f"{call.service}:{call.action}"
        said = f"is not authorized to perform: {action} because no session policy allows the {action} action"
        return code, f"User: {call.account} {said}"

    def remember(self, call: Call, answer: Answer) -> None:
        """Keep what an AssumeRole that went well was narrowed to."""
        found = _KEY.search(answer.body)
        if call.action != "AssumeRole" or "Policy" not in call.params or found is None:
            return
        with self._lock:
            self._policies[found[1].decode()] = call.params["Policy"]
            while len(self._policies) > KEPT:
                self._policies.popitem(last=False)


def _allows(policy: Mapping[str, Any], call: Call) -> bool:
    mine = [
        one
        for one in policy["Statement"]
        if one["Effect"] == "Allow" and f"{call.service}:{call.action}" in listed(one["Action"])
    ]
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
