"""How long a resource stays pending, stopping or starting."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence

KINDS = (
    "ec2_start",
    "ec2_stop",
    "rds_start",
    "rds_stop",
    "rds_snapshot",
    "rds_modify",
    "rds_make",
    "ebs_snapshot",
    "ebs_delete",
    "asg_start",
    "asg_stop",
)
Span = tuple[float, float]


class Delays:
    """Seconds by kind, for everybody and by account; 0 (the state is final at once) unless set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._everyone: dict[str, Span] = {}
        self._accounts: dict[str, dict[str, Span]] = {}

    def set(self, values: Mapping[str, float | Sequence[float]], account: str | None = None) -> None:
        """Sets seconds, or [low, high] for a delay by chance between them, of some kinds."""
        spans = {}
        for kind, value in values.items():
            if kind not in KINDS:
                raise ValueError(f"unknown delay {kind}; known: {', '.join(KINDS)}")
            low, high = value if isinstance(value, Sequence) else (value, value)
            spans[kind] = (float(low), float(high))
        with self._lock:
            target = self._everyone if account is None else self._accounts.setdefault(account, {})
            target.update(spans)

    def forget(self, account: str) -> None:
        """Gives an account the common delays again."""
        with self._lock:
            self._accounts.pop(account, None)

    def seconds(self, kind: str, account: str) -> float:
        """How long this change is to take."""
        low, high = self._accounts.get(account, {}).get(kind) or self._everyone.get(kind, (0.0, 0.0))
        return random.uniform(low, high) if high else 0.0

    def read(self) -> dict[str, object]:
        """Everything set."""
        with self._lock:
            return {
                "all": dict(self._everyone),
                "accounts": {key: dict(of) for key, of in self._accounts.items()},
            }
