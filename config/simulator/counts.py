"""How often each action was called, by account and region."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from config.simulator.identify import Call


class Counts:
    """Counters since the start or the last reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._errors: Counter[tuple[str, str, str]] = Counter()

    def add(self, call: Call) -> None:
        """Counts a request as it arrives."""
        with self._lock:
            self._calls[call.account, call.region, call.key] += 1

    def add_error(self, call: Call, code: str) -> None:
        """Counts an answer that was an error, or none."""
        with self._lock:
            self._errors[call.account, call.region, f"{call.key} {code}"] += 1

    def reset(self, account: str | None = None) -> None:
        """Forgets everything, or what one account did."""
        with self._lock:
            for counter in (self._calls, self._errors):
                for key in [key for key in counter if account in (None, key[0])]:
                    del counter[key]

    def read(self, account: str | None = None, region: str | None = None) -> dict[str, Any]:
        """Sums by action and by account/region, of everything or of one account or region."""
        with self._lock:
            calls, errors = dict(self._calls), dict(self._errors)
        by_action: Counter[str] = Counter()
        by_target: dict[str, Counter[str]] = {}
        by_error: Counter[str] = Counter()
        for (who, where, key), n in calls.items():
            if account in (None, who) and region in (None, where):
                by_action[key] += n
                by_target.setdefault(f"{who}/{where}", Counter())[key] += n
        for (who, where, key), n in errors.items():
            if account in (None, who) and region in (None, where):
                by_error[key] += n
        return {
            "total": sum(by_action.values()),
            "by_action": dict(sorted(by_action.items())),
            "by_target": {target: dict(sorted(keys.items())) for target, keys in sorted(by_target.items())},
            "errors": dict(sorted(by_error.items())),
        }
