"""Faults by rule: what goes wrong, for whom, how often. Rules match by account, so tests can share a simulator."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.simulator.identify import Call

_MATCH = {"service", "action", "account", "region", "body"}
_FIELDS = {
    "id", "match", "times", "after", "probability", "latency_ms", "code", "status", "message",
    "reset", "hang_s", "apply_then_lose", "hold", "answer", "content_type",
}  # fmt: skip
_ENDLESS = 1 << 60


@dataclass
class Rule:
    """One fault.

    match: service and action are regular expressions that must match whole; account and region a text or a
        list; body a text that must stand in the request (an instance id, say).
    times, after, probability: fire at most so often, let so many matching calls pass first, by chance.
    latency_ms: wait first; a number, or [low, high]. Goes together with any of the following.
    code, status, message: answer with this AWS error, nothing is applied.
    reset: cut the connection, nothing is applied.
    hang_s: say nothing for so long, then cut; nothing is applied unless apply_then_lose is set too.
    apply_then_lose: the call takes effect, the answer never arrives.
    hold: "before" or "after" applying: wait until the rule is removed, then go on as if nothing had been.
    answer: text to answer with instead of asking moto.
    """

    id: str
    match: Mapping[str, Any] = field(default_factory=dict)
    times: int = _ENDLESS
    after: int = 0
    probability: float = 1.0
    latency_ms: float | Sequence[float] = 0
    code: str | None = None
    status: int | None = None
    message: str | None = None
    reset: bool = False
    hang_s: float = 0
    apply_then_lose: bool = False
    hold: str | None = None
    answer: str | None = None
    content_type: str = "text/xml"
    seen: int = 0
    fired: int = 0
    waiting: int = 0
    removed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def matches(self, call: Call) -> bool:
        """Whether the rule speaks about this call."""
        want = self.match
        return (
            _is_one_of(call.account, want.get("account"))
            and _is_one_of(call.region, want.get("region"))
            and ("service" not in want or re.fullmatch(want["service"], call.service) is not None)
            and ("action" not in want or re.fullmatch(want["action"], call.action) is not None)
            and ("body" not in want or want["body"] in call.text)
        )

    def delay(self) -> None:
        """Waits the rule's latency; a removed rule waits no longer."""
        span = self.latency_ms
        wait_ms = random.uniform(*span) if isinstance(span, Sequence) else span
        if wait_ms:
            self.wait_for_removal(wait_ms / 1000)

    def wait_for_removal(self, seconds: float | None = None) -> None:
        """Holds the call until the rule is removed, at most `seconds`."""
        with self.lock:
            self.waiting += 1
        try:
            self.removed.wait(seconds)
        finally:
            with self.lock:
                self.waiting -= 1

    def to_json(self) -> dict[str, Any]:
        """What GET /_sim/faults shows."""
        shown = {name: getattr(self, name) for name in sorted(_FIELDS) if name in vars(self)}
        shown["times"] = None if self.times == _ENDLESS else self.times
        return shown | {"seen": self.seen, "fired": self.fired, "waiting": self.waiting}


def _is_one_of(value: str, wanted: str | Sequence[str] | None) -> bool:
    if wanted is None:
        return True
    return value == wanted if isinstance(wanted, str) else value in wanted


def rule_from_json(raw: Mapping[str, Any], *, id: str) -> Rule:
    """Reads one rule. Raises ValueError for a word it does not know, so that a typo is not a silent no-op."""
    unknown = set(raw) - _FIELDS | (set(raw.get("match", ())) - _MATCH)
    if unknown:
        raise ValueError(f"unknown words in a fault rule: {', '.join(sorted(unknown))}")
    if raw.get("hold") not in (None, "before", "after"):
        raise ValueError("hold is 'before' or 'after'")
    values = {name: value for name, value in raw.items() if value is not None}
    return Rule(**(values | {"id": str(raw.get("id") or id)}))


class FaultBook:
    """The rules in force, oldest first; the first that matches and has not run out fires."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._made = 0

    def add(self, raws: Sequence[Mapping[str, Any]]) -> list[Rule]:
        """Adds rules after the present ones; one with a known id takes that one's place."""
        with self._lock:
            added = []
            for raw in raws:
                self._made += 1
                added.append(rule_from_json(raw, id=f"fault-{self._made}"))
            for rule in added:
                self._drop([old for old in self._rules if old.id == rule.id])
                self._rules.append(rule)
            return added

    def remove(self, *, id: str | None = None, account: str | None = None) -> list[Rule]:
        """Removes one rule, the rules of one account, or all; held calls go on."""
        with self._lock:
            gone = [
                rule
                for rule in self._rules
                if (id is None or rule.id == id)
                and (account is None or account in _as_list(rule.match.get("account")))
            ]
            self._drop(gone)
            return gone

    def _drop(self, rules: Sequence[Rule]) -> None:
        for rule in rules:
            self._rules.remove(rule)
            rule.removed.set()

    def rules(self) -> list[Rule]:
        """A copy of the rules."""
        with self._lock:
            return list(self._rules)

    def take(self, call: Call) -> Rule | None:
        """The rule that fires for this call, counted, or None."""
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if not rule.matches(call):
                    continue
                rule.seen += 1
                if rule.seen <= rule.after or rule.fired >= rule.times:
                    continue
                if rule.probability < 1 and random.random() >= rule.probability:
                    continue
                rule.fired += 1
                return rule
        return None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
