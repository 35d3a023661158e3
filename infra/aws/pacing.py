"""Wait for one's turn, so that all workers together stay below AWS's own request limits.

AWS gives every (account, region, action) a bucket of tokens and refuses when it is empty. The same buckets
are kept here, in Redis and by the clock of Redis, so that a call waits a moment instead of being refused. A
turn is a reservation: the bucket may go below zero, and who comes next waits longer, in the order of coming.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.aws import metrics
from infra.aws.config import Config
from infra.domain.aws import AwsError, Problem

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit AWS documents: `burst` tokens at most, `refill` tokens a second."""

    burst: int
    refill: float


# docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html (requests; describes as filtered or paged)
_EC2_READ = Bucket(100, 20)
_EC2_WRITE = Bucket(50, 5)
_EC2_REQUESTS = {
    "StartInstances": Bucket(5, 2),
    "StopInstances": Bucket(50, 5),
    "CreateTags": Bucket(100, 10),
    "DeleteTags": Bucket(100, 10),
}
# The same page: a second bucket counts the resources that a request names.
_EC2_RESOURCES = {"StartInstances": Bucket(1000, 2), "StopInstances": Bucket(1000, 20)}
# docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-api-throttling.html: one bucket for all actions
_RDS = Bucket(300, 12)
# AWS documents no buckets for these; ours are below what others report as refused, each action by itself.
_UNDOCUMENTED = {"autoscaling": Bucket(20, 5), "organizations": Bucket(10, 2), "ssm": Bucket(5, 1)}

# AWS counts when a call arrives: one that overtakes the first call's journey by a moment would be refused.
_MARGIN_S = 0.1
_REDIS_TIMEOUT_S = 0.4  # each of connect and answer, so that a hanging Redis costs a call less than a second
_REDIS_REST_S = 5.0  # how long a Redis that failed is left alone

_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local longest = tonumber(ARGV[1])
local wait, levels = 0, {}
for i, key in ipairs(KEYS) do
  local burst, refill, cost = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1])
  local seen = redis.call('HMGET', key, 'level', 'at')
  local passed = math.max(0, now - (tonumber(seen[2]) or now))
  local level = math.min(burst, (tonumber(seen[1]) or burst) + passed * refill / 1000) - cost
  if level < 0 then wait = math.max(wait, math.ceil(-level / refill * 1000)) end
  levels[i] = level
end
if wait > longest then return {0, wait} end
for i, key in ipairs(KEYS) do
  local burst, refill = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
  redis.call('HSET', key, 'level', levels[i], 'at', now)
  redis.call('PEXPIRE', key, math.ceil((burst - levels[i]) / refill * 1000) + 60000)
end
return {1, wait}
"""

_DRAIN = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local burst, refill = tonumber(ARGV[1]), tonumber(ARGV[2])
local seen = redis.call('HMGET', KEYS[1], 'level', 'at')
local passed = math.max(0, now - (tonumber(seen[2]) or now))
local level = math.min(0, (tonumber(seen[1]) or burst) + passed * refill / 1000)
redis.call('HSET', KEYS[1], 'level', level, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - level) / refill * 1000) + 60000)
return math.ceil((1 - level) / refill * 1000)
"""


@dataclass(frozen=True, slots=True)
class Draw:
    """What one call takes from one bucket."""

    key: str
    bucket: Bucket
    cost: int


class Store(Protocol):
    """Where the levels stand. `take` reserves from all or none and says whether, and the wait in seconds."""

    def take(self, draws: Sequence[Draw], longest_s: float) -> tuple[bool, float]: ...

    def drain(self, draw: Draw) -> float: ...


class RedisStore:
    """Keep levels where all workers see them. Raises redis.RedisError when Redis does not answer in time."""

    def __init__(self, url: str) -> None:
        client = redis.Redis.from_url(
            url,
            socket_timeout=_REDIS_TIMEOUT_S,
            socket_connect_timeout=_REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._take = client.register_script(_TAKE)
        self._drain = client.register_script(_DRAIN)

    def take(self, draws: Sequence[Draw], longest_s: float) -> tuple[bool, float]:
        args: list[float] = [math.floor(longest_s * 1000)]
        for draw in draws:
            args += [draw.bucket.burst, draw.bucket.refill, draw.cost]
        granted, wait_ms = self._take(keys=[draw.key for draw in draws], args=args)
        return bool(granted), int(wait_ms) / 1000

    def drain(self, draw: Draw) -> float:
        return int(self._drain(keys=[draw.key], args=[draw.bucket.burst, draw.bucket.refill])) / 1000


class LocalStore:
    """Keep levels in this process: what is left when Redis is not there."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, draws: Sequence[Draw], longest_s: float) -> tuple[bool, float]:
        with self._lock:
            now = self._monotonic()
            levels = [(draw, self._level(draw, now) - draw.cost) for draw in draws]
            wait = max(max(0.0, -level / draw.bucket.refill) for draw, level in levels)
            if wait > longest_s:
                return False, wait
            for draw, level in levels:
                self._levels[draw.key] = (level, now)
            return True, wait

    def drain(self, draw: Draw) -> float:
        with self._lock:
            now = self._monotonic()
            level = min(0.0, self._level(draw, now))
            self._levels[draw.key] = (level, now)
            return (1 - level) / draw.bucket.refill

    def _level(self, draw: Draw, now: float) -> float:
        level, at = self._levels.get(draw.key, (float(draw.bucket.burst), now))
        return min(draw.bucket.burst, level + (now - at) * draw.bucket.refill)


class Pacer:
    """Give turns by the shared store, or by the process's own while the shared one does not answer."""

    def __init__(
        self,
        *,
        shared: Store | None,
        max_wait_s: float,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._local = LocalStore(monotonic)
        self._max_wait_s = max_wait_s
        self._sleep = sleep
        self._monotonic = monotonic
        self._rests_until = -math.inf

    def wait_turn(self, account_id: str, region: str, action: str, *, resources: int = 1) -> None:
        """Sleep until the call may go. action: "ec2:StartInstances". resources: how many ids it names.

        Raises AwsError(THROTTLED) with retry_after_s, and takes nothing, when the wait would be too long.
        """
        service, _, name = action.partition(":")
        draws = _draws(account_id, region, action, resources)
        granted, wait_s = self._with_store(lambda store: store.take(draws, self._max_wait_s))
        if not granted:
            metrics.PACING_REFUSED.labels(service, name).inc()
            raise AwsError(
                Problem.THROTTLED,
                action=action,
                message=f"not sent: {wait_s:.0f} s of calls are already waiting for {account_id} in {region}",
                code="PacedByToban",
                retry_after_s=wait_s,
            )
        metrics.PACING_WAIT.labels(service, name).observe(wait_s)
        if wait_s > 0:
            self._sleep(wait_s + _MARGIN_S)

    def throttled(self, account_id: str, region: str, action: str) -> float:
        """Empty our bucket, because AWS's turned out emptier than ours; gives the seconds to stay away.

        Others use the same AWS bucket: the customer's own console and tools.
        """
        request = _draws(account_id, region, action, 1)[0]
        return max(1.0, self._with_store(lambda store: store.drain(request)))

    def _with_store(self, use: Callable[[Store], T]) -> T:
        if self._shared is None:
            return use(self._local)
        if self._monotonic() >= self._rests_until:
            try:
                return use(self._shared)
            except redis.RedisError as exc:
                self._rests_until = self._monotonic() + _REDIS_REST_S
                logger.warning("pacing goes on without redis for %s s: %s", _REDIS_REST_S, type(exc).__name__)
        metrics.PACING_FALLBACK.inc()
        return use(self._local)


def _draws(account_id: str, region: str, action: str, resources: int) -> list[Draw]:
    service, _, name = action.partition(":")
    # The braces keep the keys of one account and region on one node of a Redis cluster.
    prefix = f"toban:pace:{{{account_id}:{region}}}:{service}"
    if service == "rds":
        return [Draw(prefix, _RDS, 1)]
    if service in _UNDOCUMENTED:
        return [Draw(f"{prefix}:{name}", _UNDOCUMENTED[service], 1)]
    usual = _EC2_READ if name.startswith("Describe") else _EC2_WRITE
    draws = [Draw(f"{prefix}:{name}", _EC2_REQUESTS.get(name, usual), 1)]
    if name in _EC2_RESOURCES:
        draws.append(Draw(f"{prefix}:{name}:resources", _EC2_RESOURCES[name], resources))
    return draws


def make_pacer(config: Config) -> Pacer:
    """Build the pacer the configuration asks for; without a redis_url each process paces itself."""
    shared = RedisStore(config.redis_url) if config.redis_url else None
    return Pacer(shared=shared, max_wait_s=config.pacing_max_wait_s)
