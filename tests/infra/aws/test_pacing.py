"""All workers together keep to AWS's buckets, and a Redis that is gone or hangs stops nobody."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from infra.aws import metrics
from infra.aws.pacing import Bucket, Draw, LocalStore, Pacer, RedisStore, Store
from infra.domain.aws import AwsError, Problem
from tests.infra.aws.builders import REGION, make_target
from tests.infra.aws.conftest import Valkey

START = "ec2:StartInstances"


class Clock:
    """A monotonic clock that moves when somebody sleeps by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def local_pacer(clock: Clock, shared: Store | None = None) -> Pacer:
    return Pacer(shared=shared, max_wait_s=10, sleep=clock.sleep, monotonic=clock)


def shared_pacer(valkey: Valkey, slept: list[float], max_wait_s: float = 10) -> Pacer:
    return Pacer(shared=RedisStore(valkey.url), max_wait_s=max_wait_s, sleep=slept.append)


def turns(url: str, account: str, count: int) -> list[float]:
    """Take turns in four threads and give the waits, without waiting."""
    slept: list[float] = []
    pacer = Pacer(shared=RedisStore(url), max_wait_s=60, sleep=slept.append)
    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(pacer.wait_turn, account, REGION, START) for _ in range(count)]:
            future.result()
    return slept + [0.0] * (count - len(slept))


def fallbacks() -> float:
    return metrics.PACING_FALLBACK._value.get()


def test_five_starts_go_at_once_then_two_a_second() -> None:
    clock = Clock()
    pacer = local_pacer(clock)
    for _ in range(9):
        pacer.wait_turn("1", REGION, START)
    assert clock.slept == pytest.approx([0.6, 0.5, 0.5, 0.5])
    clock.now += 60
    for _ in range(5):
        pacer.wait_turn("1", REGION, START)
    assert len(clock.slept) == 4


def test_accounts_and_regions_do_not_wait_for_each_other() -> None:
    clock = Clock()
    pacer = local_pacer(clock)
    for account in ("1", "2"):
        for region in ("ap-northeast-1", "ap-northeast-3"):
            for _ in range(5):
                pacer.wait_turn(account, region, START)
    assert clock.slept == []


def test_all_rds_actions_share_one_bucket() -> None:
    clock = Clock()
    pacer = local_pacer(clock)
    for turn in range(301):
        pacer.wait_turn("1", REGION, "rds:StopDBInstance" if turn % 2 else "rds:DescribeDBInstances")
    assert clock.slept == [pytest.approx(1 / 12 + 0.1)]


def test_processes_and_threads_share_one_bucket(valkey: Valkey) -> None:
    account = make_target().account_id
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        waits = [wait for part in pool.starmap(turns, [(valkey.url, account, 12)] * 2) for wait in part]
    elapsed = time.monotonic() - began
    assert 5 <= waits.count(0) <= 5 + 2 * elapsed + 1
    assert max(waits) >= (24 - 5) / 2 - elapsed


def test_a_queue_that_is_too_long_sends_the_call_away_and_takes_nothing(valkey: Valkey) -> None:
    slept: list[float] = []
    account = make_target().account_id
    pacer = shared_pacer(valkey, slept, max_wait_s=0)
    refused: list[AwsError] = []
    while len(refused) < 3:
        try:
            pacer.wait_turn(account, REGION, START)
        except AwsError as error:
            refused.append(error)
    assert {error.problem for error in refused} == {Problem.THROTTLED}
    assert all(0 < (error.retry_after_s or 0) <= 0.5 for error in refused)
    assert slept == []


def test_a_storm_of_starts_is_staggered_by_the_number_of_instances(valkey: Valkey) -> None:
    slept: list[float] = []
    account = make_target().account_id
    pacer = shared_pacer(valkey, slept)
    for _ in range(10):
        pacer.wait_turn(account, REGION, START, resources=100)
    with pytest.raises(AwsError) as caught:
        pacer.wait_turn(account, REGION, START, resources=100)
    assert caught.value.problem is Problem.THROTTLED
    assert (caught.value.retry_after_s or 0) > 10


def test_when_aws_throttles_anyway_the_next_call_waits(valkey: Valkey) -> None:
    slept: list[float] = []
    account = make_target().account_id
    pacer = shared_pacer(valkey, slept)
    stay_away_s = pacer.throttled(account, REGION, "ec2:StopInstances")
    assert stay_away_s == 1
    pacer.wait_turn(account, REGION, "ec2:StopInstances")
    local = Clock()
    without_redis = local_pacer(local)
    without_redis.throttled(account, REGION, "ec2:StopInstances")
    without_redis.wait_turn(account, REGION, "ec2:StopInstances")
    assert local.slept == [pytest.approx(0.3)]


def test_a_clock_that_jumps_back_blocks_nobody(valkey: Valkey) -> None:
    store = RedisStore(valkey.url)
    draw = Draw(f"toban:test:{make_target().account_id}", Bucket(5, 2), 1)
    store.take([draw], 10)
    client = redis.Redis.from_url(valkey.url)
    client.hset(draw.key, "at", str(int(time.time() * 1000) + 10**9))
    assert store.take([draw], 10) == (True, 0)
    assert 0 < client.pttl(draw.key) < 10**6


def test_keys_go_away_by_themselves(valkey: Valkey) -> None:
    draw = Draw(f"toban:test:{make_target().account_id}", Bucket(5, 2), 1)
    RedisStore(valkey.url).take([draw], 10)
    assert 0 < redis.Redis.from_url(valkey.url).pttl(draw.key) <= 61_000


def test_without_redis_the_process_paces_itself(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    pacer = local_pacer(clock, RedisStore("unix:///nonexistent/valkey.sock?db=0"))
    before = fallbacks()
    for _ in range(7):
        pacer.wait_turn("1", REGION, START)
    assert clock.slept == pytest.approx([0.6, 0.5])
    assert fallbacks() - before == 7
    assert len([record for record in caplog.records if "without redis" in record.message]) == 1


def test_a_frozen_redis_is_given_up_and_found_again(valkey: Valkey) -> None:
    clock = Clock()
    pacer = local_pacer(clock, RedisStore(valkey.url))
    account = make_target().account_id
    before = fallbacks()
    valkey.freeze()
    try:
        pacer.wait_turn(account, REGION, START)
        pacer.throttled(account, REGION, START)
    finally:
        valkey.thaw()
    assert fallbacks() - before == 2
    clock.now += 60
    pacer.wait_turn(account, REGION, START)
    assert fallbacks() - before == 2


def test_a_redis_that_failed_is_left_alone_for_a_while() -> None:
    class Failing:
        asked = 0

        def take(self, draws: Sequence[Draw], longest_s: float) -> tuple[bool, float]:
            self.asked += 1
            raise redis.ConnectionError

        def drain(self, draw: Draw) -> float:
            raise AssertionError

    clock, failing = Clock(), Failing()
    pacer = local_pacer(clock, failing)
    for _ in range(5):
        pacer.wait_turn("1", REGION, "ec2:DescribeInstances")
    assert failing.asked == 1
    clock.now += 6
    pacer.wait_turn("1", REGION, "ec2:DescribeInstances")
    assert failing.asked == 2


def test_a_local_level_never_exceeds_the_burst() -> None:
    clock = Clock()
    store = LocalStore(clock)
    draw = Draw("k", Bucket(2, 1), 1)
    clock.now += 1000
    assert [store.take([draw], 10) for _ in range(3)] == [(True, 0), (True, 0), (True, 1)]
