"""Credentials are fetched once, renewed in time, never mixed up and never written down."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.aws import ec2, identity
from infra.aws.gateway import Gateway
from infra.aws.sessions import EC2, KEPT_AT_LEAST, CredentialCache, RoleCredentials
from infra.domain.aws import AwsError, Problem, Target
from tests.infra.aws.builders import EXTERNAL_ID, make_target
from tests.infra.aws.simulator import Account

NOON = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)


class FakeSts:
    """Give credentials for an hour."""

    def __init__(self) -> None:
        self.now = NOON
        self.asked: list[Target] = []
        self.refusal: BaseException | None = None
        self.open = threading.Event()
        self.open.set()

    def assume(self, target: Target) -> RoleCredentials:
        self.asked.append(target)
        assert self.open.wait(10)
        if self.refusal:
            raise self.refusal
        return RoleCredentials(f"key-{len(self.asked)}", "secret", "token", self.now + timedelta(hours=1))

    def cache(self) -> CredentialCache:
        return CredentialCache(self.assume, now=lambda: self.now)


def refused() -> AwsError:
    return AwsError(Problem.ROLE_REFUSED, action="sts:AssumeRole", message="no")


def test_credentials_are_kept_until_five_minutes_before_they_expire() -> None:
    sts, target = FakeSts(), make_target()
    cache = sts.cache()
    first = cache.get(target)
    sts.now += timedelta(minutes=54)
    assert cache.get(target) is first
    sts.now += timedelta(minutes=1)
    assert cache.get(target) is not first
    assert len(sts.asked) == 2


def test_each_tenant_role_and_external_id_has_its_own() -> None:
    sts, target = FakeSts(), make_target()
    cache = sts.cache()
    others = [make_target(), make_target(account_id=target.account_id, external_id="another-external-id")]
    keys = {cache.get(one).access_key for one in [target, *others]}
    assert len(keys) == 3


def test_expired_ones_are_renewed_once_however_many_say_so() -> None:
    sts, target = FakeSts(), make_target()
    cache = sts.cache()
    stale = cache.get(target)
    renewed = {cache.get(target, stale=stale).access_key for _ in range(5)}
    assert renewed == {"key-2"}


def test_threads_that_come_together_ask_once() -> None:
    sts, target = FakeSts(), make_target()
    cache = sts.cache()
    sts.open.clear()
    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(cache.get, target) for _ in range(8)]
        sts.open.set()
        assert len({future.result().access_key for future in futures}) == 1
    assert len(sts.asked) == 1


def test_a_refusal_is_not_kept() -> None:
    sts, target = FakeSts(), make_target()
    cache = sts.cache()
    sts.refusal = refused()
    with pytest.raises(AwsError):
        cache.get(target)
    sts.refusal = None
    assert cache.get(target).access_key == "key-2"


def test_a_fetcher_that_is_stopped_leaves_nobody_waiting() -> None:
    sts, target = FakeSts(), make_target()
    cache = sts.cache()
    sts.refusal = SystemExit()
    with pytest.raises(SystemExit):
        cache.get(target)
    sts.refusal = None
    assert cache.get(target).access_key == "key-2"


def test_credentials_do_not_show_in_repr() -> None:
    shown = repr(RoleCredentials("AKIA-x", "secret-x", "token-x", NOON))
    assert not any(part in shown for part in ("AKIA-x", "secret-x", "token-x"))


def test_a_client_outside_of_a_role_signs_nothing(gateway: Gateway) -> None:
    client = gateway.clients.in_role(EC2, "ap-northeast-1")
    with pytest.raises(LookupError):
        client.describe_instances()


@pytest.mark.parametrize("threads", [16])
def test_two_hundred_calls_over_twenty_accounts_are_never_mixed_up(gateway: Gateway, threads: int) -> None:
    targets = [make_target() for _ in range(20)] * 10
    with ThreadPoolExecutor(threads) as pool:
        seen = list(pool.map(identity.caller_account, targets))
    assert seen == [target.account_id for target in targets]


def test_one_client_serves_all_accounts_of_a_region(gateway: Gateway) -> None:
    with ThreadPoolExecutor(16) as pool:
        clients = list(pool.map(lambda _: gateway.clients.in_role(EC2, "eu-west-1"), range(32)))
    assert len({id(client) for client in clients}) == 1


def test_a_role_is_assumed_once_for_many_calls(account: Account) -> None:
    for _ in range(3):
        ec2.list_instances(account.target)
    assert account.count("sts.AssumeRole") == 1


@pytest.mark.parametrize("trust", [{"refuse": True}, {"external_id": "what-the-customer-expects"}])
def test_a_refused_role_is_named_and_not_asked_again_and_again(
    account: Account, trust: dict[str, object]
) -> None:
    ids = account.servers(2)
    account.trust(**trust)
    with pytest.raises(AwsError) as caught:
        ec2.list_instances(account.target)
    assert caught.value.problem is Problem.ROLE_REFUSED
    assert caught.value.action == "sts:AssumeRole"
    results = ec2.start_instances(account.target, ids)
    assert {result.error.problem for result in results.values() if result.error} == {Problem.ROLE_REFUSED}
    assert account.count("sts.AssumeRole") == 2
    assert account.journal() == []


def test_a_role_of_another_account_is_refused_without_a_call(account: Account) -> None:
    other = make_target()
    crossed = Target(
        other.tenant_id, account.target.account_id, other.region, other.role_arn, other.external_id
    )
    with pytest.raises(AwsError) as caught:
        ec2.list_instances(crossed)
    assert (caught.value.problem, caught.value.code) == (Problem.INVALID, "RoleOfOtherAccount")
    assert account.count("sts.AssumeRole") == 0


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestExpired"])
def test_expired_credentials_are_renewed_once_and_the_call_repeated(account: Account, code: str) -> None:
    ids = account.servers(3)
    account.fault("StartInstances", code=code, times=1)
    results = ec2.start_instances(account.target, ids)
    assert all(result.accepted for result in results.values())
    assert account.count("sts.AssumeRole") == 2
    assert account.sends("StartInstances") == [3, 3]


def test_credentials_that_stay_expired_are_not_renewed_for_ever(account: Account) -> None:
    ids = account.servers(1)
    account.fault("StartInstances", code="ExpiredToken")
    results = ec2.start_instances(account.target, ids)
    assert not results[ids[0]].accepted
    assert account.sends("StartInstances") == [1, 1]
    assert account.count("sts.AssumeRole") == 2


def test_no_secret_reaches_the_log_even_at_debug(
    account: Account, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ids = account.servers(2)
    ec2.start_instances(account.target, [*ids, "i-00000000000000000"])
    stranger = Account(account.url)
    stranger.trust(refuse=True)
    with pytest.raises(AwsError) as caught:
        ec2.list_instances(stranger.target)
    credentials = gateway.credentials.get(account.target)
    secrets = [EXTERNAL_ID, credentials.secret_key, credentials.session_token]
    written = caplog.text + repr(caught.value) + repr(account.target)
    assert "InvalidInstanceID.NotFound" in written
    assert not any(secret in written for secret in secrets)


def test_a_changing_session_may_touch_its_own_targets_only(account: Account, gateway: Gateway) -> None:
    ids, asked = account.servers(2), []
    events = gateway.clients.own_sts().meta.events
    events.register(
        "provide-client-params.sts.AssumeRole", lambda params, **_more: asked.append(params.get("Policy"))
    )
    ec2.list_instances(account.target)
    ec2.start_instances(account.target, ids[:1])
    ec2.start_instances(account.target, ids)
    looked, one, both = asked
    assert looked is None
    assert (ids[0] in one, ids[1] in one) == (True, False)
    assert all(pk in both for pk in ids)


def test_tagging_with_many_values_needs_one_session(account: Account, gateway: Gateway) -> None:
    ids, asked = account.servers(3), []
    events = gateway.clients.own_sts().meta.events
    events.register(
        "provide-client-params.sts.AssumeRole", lambda params, **_more: asked.append(params.get("Policy"))
    )
    for number, one in enumerate(ids):
        assert ec2.tag(account.target, [one], {"Name": f"web-{number}"})[one].accepted
    (policy,) = asked
    assert '{"aws:TagKeys":["Name"]}' in policy


def test_sessions_that_are_over_do_not_pile_up() -> None:
    sts = FakeSts()
    cache, target = sts.cache(), make_target()
    for number in range(KEPT_AT_LEAST):
        cache.get(replace(target, policy=str(number)))
    sts.now += timedelta(hours=1)
    cache.get(target)
    assert len(cache._asked) == 1


def test_a_batch_that_does_not_fit_into_a_policy_goes_in_one_call(account: Account) -> None:
    ids = account.servers(100)
    assert all(one.accepted for one in ec2.start_instances(account.target, ids).values())
    assert account.sends("StartInstances") == [100]
    tagged = ec2.tag(account.target, ids, {"Name": "web"})
    assert all(one.accepted for one in tagged.values())
    assert account.sends("CreateTags") == [100]


def test_a_batch_of_what_is_tagged_as_managed_goes_in_one_call_and_nothing_else_is_touched(
    account: Account,
) -> None:
    target = replace(account.target, managed_only=True)
    tagged, bare = account.servers(40, tags={"Toban": "managed"}), account.servers(1)
    assert all(one.accepted for one in ec2.start_instances(target, tagged).values())
    assert account.sends("StartInstances") == [40]
    refused = ec2.stop_instances(target, [*tagged, *bare])[bare[0]].error
    assert refused is not None
    assert refused.problem is Problem.PERMISSION


def test_a_policy_that_sts_cannot_pack_gives_way_to_the_wider_one(account: Account) -> None:
    ids = account.servers(2)
    account.fault("AssumeRole", code="PackedPolicyTooLarge", match={"body": ids[0]})
    assert all(one.accepted for one in ec2.start_instances(account.target, ids).values())
    assert account.sends("StartInstances") == [2]
