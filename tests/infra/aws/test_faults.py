"""What the network and AWS do to a call: known refusals, silence, and what was provably never sent."""

from __future__ import annotations

import socket

import pytest

from infra.aws import ec2, metrics, rds
from infra.aws.config import Config
from infra.aws.gateway import Gateway, using
from infra.domain.aws import AwsError, Problem
from tests.infra.aws.conftest import unhurried
from tests.infra.aws.simulator import Account

HTML = "<html><body>Bad gateway</body></html>"


def problem_of_start(account: Account, one: str) -> Problem | None:
    error = ec2.start_instances(account.target, [one])[one].error
    return error.problem if error else None


def counted(service: str, action: str, outcome: str) -> float:
    return metrics.CALLS.labels(service, action, outcome)._value.get()


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"code": "UnauthorizedOperation"}, Problem.PERMISSION),
        ({"code": "RequestLimitExceeded"}, Problem.THROTTLED),
        ({"code": "IncorrectInstanceState"}, Problem.WRONG_STATE),
        ({"code": "InsufficientInstanceCapacity"}, Problem.NO_CAPACITY),
        ({"code": "InvalidKMSKey.InvalidState", "status": 400, "message": "disabled"}, Problem.KEY),
        ({"code": "UnsupportedOperation", "status": 400, "message": "spot"}, Problem.UNSUPPORTED),
        ({"code": "InvalidParameterValue", "status": 400, "message": "no"}, Problem.INVALID),
        ({"code": "SomethingNew", "status": 400, "message": "?"}, Problem.OTHER),
        ({"code": "InternalError"}, Problem.NO_ANSWER),
        ({"code": "Unavailable"}, Problem.NO_ANSWER),
        ({"answer": HTML, "status": 502, "content_type": "text/html"}, Problem.NO_ANSWER),
        ({"answer": HTML, "status": 200, "content_type": "text/html"}, Problem.NO_ANSWER),
        ({"answer": "", "status": 503}, Problem.NO_ANSWER),
        ({"reset": True}, Problem.NO_ANSWER),
        ({"apply_then_lose": True}, Problem.NO_ANSWER),
    ],
)
def test_a_start_that_fails_is_sent_once_and_named(
    account: Account, rule: dict[str, object], problem: Problem
) -> None:
    one = account.servers(1)[0]
    account.fault("StartInstances", **rule)
    before = counted("ec2", "StartInstances", problem.value)
    assert problem_of_start(account, one) is problem
    assert account.sends("StartInstances") == [1]
    assert counted("ec2", "StartInstances", problem.value) == before + 1


@pytest.mark.parametrize(
    "action", ["DescribeInstances", "DescribeVolumes", "DescribeDBInstances", "CreateTags"]
)
def test_a_page_of_a_proxy_is_not_taken_for_an_empty_account(account: Account, action: str) -> None:
    account.fault(action, answer=HTML, content_type="text/html")
    calls = {
        "DescribeInstances": lambda: ec2.list_instances(account.target),
        "DescribeVolumes": lambda: ec2.list_volumes(account.target),
        "DescribeDBInstances": lambda: rds.list_databases(account.target),
        "CreateTags": lambda: _raised(ec2.tag(account.target, ["vol-1"], {"Name": "x"})["vol-1"].error),
    }
    with pytest.raises(AwsError) as caught:
        calls[action]()
    assert caught.value.problem is Problem.NO_ANSWER


def _raised(error: AwsError | None) -> None:
    if error:
        raise error


def test_a_start_that_hangs_is_unsettled_and_may_have_worked(
    account: Account, impatient_gateway: Gateway
) -> None:
    one = account.servers(1)[0]
    ec2.list_instances(account.target)
    rule = account.fault("StartInstances", hang_s=60, apply_then_lose=True)
    with using(impatient_gateway):
        assert problem_of_start(account, one) is Problem.NO_ANSWER
    account.ask("DELETE", f"faults/{rule}")
    assert account.changed() == [one]


def test_a_read_that_hangs_is_not_repeated(account: Account, impatient_gateway: Gateway) -> None:
    ec2.list_volumes(account.target)
    rule = account.fault("DescribeInstances", hang_s=60)
    with using(impatient_gateway), pytest.raises(AwsError) as caught:
        ec2.list_instances(account.target)
    account.ask("DELETE", f"faults/{rule}")
    assert caught.value.problem is Problem.NO_ANSWER
    assert account.count("ec2.DescribeInstances") == 1


@pytest.mark.parametrize(
    "rule", [{"code": "RequestLimitExceeded"}, {"code": "InternalError"}, {"reset": True}]
)
def test_a_read_is_repeated_a_little(account: Account, rule: dict[str, object]) -> None:
    ids = account.servers(2)
    account.fault("DescribeInstances", times=2, **rule)
    assert set(ec2.describe_instances(account.target, ids)) == set(ids)
    account.fault("DescribeInstances", **rule)
    with pytest.raises(AwsError):
        ec2.list_instances(account.target)
    assert account.count("ec2.DescribeInstances") == 3 + 3


def test_a_denied_read_is_not_repeated(account: Account) -> None:
    account.fault("DescribeInstances", code="UnauthorizedOperation")
    with pytest.raises(AwsError) as caught:
        ec2.list_instances(account.target)
    assert caught.value.missing_action == "ec2:DescribeInstances"
    assert account.count("ec2.DescribeInstances") == 1


def test_throttled_says_when_to_come_again_and_spares_the_rest(account: Account) -> None:
    ids = account.servers(150)
    account.fault("StartInstances", code="RequestLimitExceeded")
    results = ec2.start_instances(account.target, ids)
    errors = [result.error for result in results.values()]
    assert {error.problem for error in errors if error} == {Problem.THROTTLED}
    assert all(error is not None and error.retry_after_s for error in errors)
    assert account.sends("StartInstances") == [100]


def test_refused_connections_leave_nothing_unsettled(account: Account, gateway: Gateway) -> None:
    ids = account.servers(2)
    ec2.list_instances(account.target)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        nowhere = Gateway(Config(endpoint_url=endpoint), pacer=unhurried(), sleep=lambda seconds: None)
        with using(nowhere):
            at_sts = ec2.start_instances(account.target, ids)
        nowhere.credentials = gateway.credentials
        with using(nowhere):
            at_ec2 = ec2.start_instances(account.target, ids)
            at_rds = rds.stop_database(account.target, "db-1")
    errors = [result.error for result in [*at_sts.values(), *at_ec2.values(), at_rds]]
    assert {error.problem for error in errors if error} == {Problem.UNREACHABLE}
    assert [error.action for error in errors if error] == [
        "sts:AssumeRole",
        "sts:AssumeRole",
        "ec2:StartInstances",
        "ec2:StartInstances",
        "rds:StopDBInstance",
    ]


def test_a_name_that_nobody_knows_is_unreachable(gateway: Gateway, account: Account) -> None:
    nowhere = Gateway(
        Config(endpoint_url="http://aws.invalid"), pacer=unhurried(), sleep=lambda seconds: None
    )
    with using(nowhere), pytest.raises(AwsError) as caught:
        ec2.list_instances(account.target)
    assert caught.value.problem is Problem.UNREACHABLE


def test_silence_from_sts_leaves_nothing_unsettled(account: Account) -> None:
    one = account.servers(1)[0]
    account.fault("AssumeRole", code="InternalFailure")
    assert problem_of_start(account, one) is Problem.UNREACHABLE
    assert account.journal() == []
    assert account.count("sts.AssumeRole") == 3


def test_a_sign_in_that_fails_is_not_repeated_again_by_the_read_behind_it(account: Account) -> None:
    account.fault("AssumeRole", code="InternalFailure")
    with pytest.raises(AwsError) as caught:
        ec2.list_instances(account.target)
    assert caught.value.problem is Problem.UNREACHABLE
    assert account.count("sts.AssumeRole") == 3
