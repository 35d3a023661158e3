"""AWS's request throttling: token buckets per account, region and action."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.simulator.identify import Call


@dataclass(frozen=True, slots=True)
class Bucket:
    """`burst` tokens at most, `refill` more per second; a call takes `cost` of them."""

    name: str
    burst: float
    refill: float
    cost: int = 1


# Sources: AWS's pages "Request throttling for the Amazon EC2 API" and "Throttling in the Amazon RDS API".
_EC2: dict[str, tuple[int, int]] = {
    "StartInstances": (5, 2),
    "RunInstances": (5, 2),
    "StopInstances": (50, 5),
    "TerminateInstances": (100, 5),
    "CreateTags": (100, 10),
    "DeleteTags": (100, 10),
    "CreateSnapshot": (100, 5),
    "CreateVolume": (100, 5),
    "DeleteVolume": (100, 5),
    "DeleteSnapshot": (100, 5),
}
# A second bucket counts the instances of one call: a storm of starts has to be staggered.
_EC2_RESOURCES: dict[str, tuple[int, int]] = {
    "StartInstances": (1000, 2),
    "RunInstances": (1000, 2),
    "StopInstances": (1000, 20),
    "TerminateInstances": (1000, 20),
}
_UNPAGED = {
    "DescribeInstances", "DescribeInstanceStatus", "DescribeNetworkInterfaces", "DescribeSecurityGroups",
    "DescribeSnapshots", "DescribeSpotInstanceRequests", "DescribeVolumes",
}  # fmt: skip
_PAGED_OR_FILTERED = re.compile(r"(?:^|&)(?:Filter\.1|MaxResults|InstanceId\.1|VolumeId\.1)")


def documented(call: Call) -> list[Bucket]:
    """The buckets AWS documents for this call; none for services other than EC2 and RDS."""
    action = call.action
    if call.service == "rds":
        return [Bucket("rds", 300, 12)]
    if call.service != "ec2":
        return []
    if action in _EC2:
        buckets = [Bucket(action, *_EC2[action])]
    elif action.startswith(("Describe", "Get", "List", "Search")):
        if action in _UNPAGED and not _PAGED_OR_FILTERED.search(call.text):
            return [Bucket(f"{action} unpaged", 50, 10)]
        return [Bucket(action, 100, 20)]
    else:
        buckets = [Bucket(action, 50, 5)]
    if action in _EC2_RESOURCES:
        buckets.append(
            Bucket(f"{action} resources", *_EC2_RESOURCES[action], cost=max(1, len(set(call.ids))))
        )
    return buckets


class Throttle:
    """Switched on for all accounts or for some; off unless asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._everyone = False
        self._accounts: set[str] = set()
        self._custom: dict[str, tuple[float, float]] = {}
        self._levels: dict[tuple[str, str, str], tuple[float, float]] = {}

    def switch_on(
        self, *, accounts: Sequence[str] | None = None, custom: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        """Puts the documented buckets in force, `custom` ({"ec2.StartInstances": [burst, refill]}) over them."""
        with self._lock:
            self._custom.update(
                {key: (float(pair[0]), float(pair[1])) for key, pair in (custom or {}).items()}
            )
            if accounts is None:
                self._everyone = True
            else:
                self._accounts.update(accounts)
            self._levels.clear()

    def switch_off(self, account: str | None = None) -> None:
        """Ends throttling, for one account or for all."""
        with self._lock:
            if account is None:
                self._everyone, self._custom = False, {}
                self._accounts.clear()
            else:
                self._accounts.discard(account)
            self._levels.clear()

    def state(self) -> dict[str, object]:
        """Who is throttled."""
        return {"all": self._everyone, "accounts": sorted(self._accounts), "custom": self._custom}

    def refuses(self, call: Call) -> bool:
        """Takes the tokens of a call; True if one bucket has too few (then none is emptied further)."""
        if not (self._everyone or call.account in self._accounts):
            return False
        custom = self._custom.get(call.key)
        buckets = [Bucket(call.action, *custom)] if custom else documented(call)
        now = time.monotonic()
        with self._lock:
            levels: list[tuple[tuple[str, str, str], float, int]] = []
            for bucket in buckets:
                key = (call.account, call.region, f"{call.service}.{bucket.name}")
                level, since = self._levels.get(key, (bucket.burst, now))
                levels.append((key, min(bucket.burst, level + (now - since) * bucket.refill), bucket.cost))
            enough = all(level >= cost for _, level, cost in levels)
            for key, level, cost in levels:
                self._levels[key] = (level - cost if enough else level, now)
        return not enough

    @staticmethod
    def code(call: Call) -> str:
        """The error AWS gives over the limit."""
        return "RequestLimitExceeded" if call.service == "ec2" else "ThrottlingException"
