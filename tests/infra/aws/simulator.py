"""Speak to the AWS simulator's control API, always about one account, so that tests can share the process."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, field
from typing import Any, cast

from infra.domain.aws import Target
from tests.infra.aws.builders import EXTERNAL_ID, instance_id, make_target


@dataclass
class Account:
    """One account of the simulator, seen by the test that owns it."""

    url: str
    target: Target = field(default_factory=make_target)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control API and read its JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sim/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def seed(self, **lists: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Plant resources in this account and give their ids."""
        here = {"account_id": self.target.account_id, "region": self.target.region}
        body = {kind: [here | one for one in ones] for kind, ones in lists.items()}
        return cast(dict[str, list[str]], self.ask("POST", "seed", body | {"seed": instance_id()}))

    def servers(self, count: int, **fields: Any) -> list[str]:
        """Plant equal instances."""
        return self.seed(instances=[fields] * count)["instances"]

    def fault(self, action: str, **rule: Any) -> str:
        """Make an action of this account fail; gives the id of the rule."""
        match = {"account": self.target.account_id, "action": action} | rule.pop("match", {})
        return str(self.ask("POST", "faults", {"match": match} | rule)[0]["id"])

    def trust(self, **fields: Any) -> None:
        """Set whom the account's role lets in."""
        known = {"account_id": self.target.account_id, "external_id": EXTERNAL_ID}
        self.ask("POST", "accounts", known | fields)

    def throttle(self, **custom: Any) -> None:
        """Switch AWS's documented request limits on for this account."""
        self.ask("POST", "buckets", {"preset": "aws", "accounts": [self.target.account_id], **custom})

    def journal(self) -> list[dict[str, Any]]:
        """Give the account's mutating calls, oldest first."""
        return cast(
            list[dict[str, Any]], self.ask("GET", f"journal?account={self.target.account_id}")["entries"]
        )

    def sends(self, action: str) -> list[int]:
        """Give the number of ids in each mutating call of this action."""
        return [len(entry["ids"]) for entry in self.journal() if entry["action"] == action]

    def changed(self) -> list[str]:
        """Give the ids that any call really changed."""
        return [changed for entry in self.journal() for changed in entry["changes"]]

    def count(self, action: str) -> int:
        """Give how often an action, "ec2.DescribeInstances", was called."""
        counts = self.ask("GET", f"counts?account={self.target.account_id}")
        return int(counts["by_action"].get(action, 0))
