"""How AWS answers: how long during one look, and how often in the last day it asked to slow down.

The latter is counted where all workers see it (Redis), by account, region and hour; without Redis nobody counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

HOURS = 24
_HOUR_S = 3600
_TIMEOUT_S = 0.4
Place = tuple[str, str]


@dataclass(slots=True)
class Answers:
    """Calls that were answered or failed while somebody listened; the slowest by its name ("ec2:DescribeVolumes")."""

    calls: int = 0
    total_s: float = 0.0
    slowest_s: float = 0.0
    slowest: str = ""

    def add(self, action: str, seconds: float) -> None:
        self.calls += 1
        self.total_s += seconds
        if seconds >= self.slowest_s:
            self.slowest_s, self.slowest = seconds, action

    def as_json(self) -> dict[str, object]:
        """Milliseconds: on average, and of the slowest."""
        average = self.total_s / self.calls if self.calls else 0
        return {
            "calls": self.calls, "ms": round(average * 1000), "slowest_ms": round(self.slowest_s * 1000),
            "slowest": self.slowest,
        }  # fmt: skip


_listening: ContextVar[Answers | None] = ContextVar("toban_aws_answers", default=None)


@contextmanager
def listening() -> Iterator[Answers]:
    """Count the calls of this thread of control."""
    heard = Answers()
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)


def tell(action: str, seconds: float) -> None:
    """A call took so long; whoever listens here counts it."""
    heard = _listening.get()
    if heard is not None:
        heard.add(action, seconds)


class Throttles:
    """Count AWS's refusals for speed. What Redis does not take is not counted; no call waits for it longer than a second."""

    def __init__(self, url: str) -> None:
        self._redis = (
            redis.Redis.from_url(
                url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
            )
            if url
            else None
        )

    def note(self, account_id: str, region: str) -> None:
        """One more, now."""
        if self._redis is None:
            return
        key = _key(account_id, region, int(time.time()) // _HOUR_S)
        try:
            with self._redis.pipeline() as pipe:
                pipe.incr(key).expire(key, (HOURS + 1) * _HOUR_S).execute()
        except redis.RedisError as error:
            logger.warning("a throttle was not counted: %s", type(error).__name__)

    def last_day(self, places: Iterable[Place], now: datetime) -> Mapping[Place, int] | None:
        """How many in the last HOURS hours by (account number, region); None where nobody can say."""
        wanted = list(places)
        if self._redis is None:
            return None
        hour = int(now.timestamp()) // _HOUR_S
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for account_id, region in wanted:
                    pipe.mget([_key(account_id, region, hour - back) for back in range(HOURS)])
                found = pipe.execute()
        except redis.RedisError as error:
            logger.warning("throttles cannot be read: %s", type(error).__name__)
            return None
        return {
            place: sum(int(one) for one in counts if one) for place, counts in zip(wanted, found, strict=True)
        }


def _key(account_id: str, region: str, hour: int) -> str:
    return f"toban:throttled:{{{account_id}:{region}}}:{hour}"
