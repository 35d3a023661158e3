from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.simulator.client import Simulator, error_code, eventually, problem, states


def waiting(simulator: Simulator, rule: str) -> int:
    """How many calls a rule keeps waiting."""
    return next(int(one["waiting"]) for one in simulator.ask("GET", "faults") if one["id"] == rule)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestLimitExceeded", 503),
        ("UnauthorizedOperation", 403),
        ("InsufficientInstanceCapacity", 500),
        ("InternalError", 500),
    ],
)
def test_an_ec2_error_comes_as_ec2_sends_it(
    simulator: Simulator, account: str, code: str, status: int
) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    simulator.fault(account, match={"action": "StartInstances"}, code=code)

    answer = problem(ec2.start_instances, InstanceIds=ids)

    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer["ResponseMetadata"]["RequestId"]
    assert states(ec2, ids) == ["stopped"]


def test_rds_sts_and_json_services_get_their_own_formats(simulator: Simulator, account: str) -> None:
    rds, kms = simulator.client("rds", account), simulator.client("kms", account)
    simulator.fault(account, code="ThrottlingException", message="ゆっくり")

    for call, arguments in (
        (rds.describe_db_instances, {}),
        (kms.list_keys, {}),
        (
            simulator.client("sts").assume_role,
            {"RoleArn": f"arn:aws:iam::{account}:role/x", "RoleSessionName": "test"},
        ),
    ):
        error = problem(call, **arguments)["Error"]
        assert (error["Code"], error["Message"]) == ("ThrottlingException", "ゆっくり")


def test_rules_count_and_know_account_region_action_and_body(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 2)
    ec2 = simulator.client("ec2", account)
    match = {"service": "ec2", "action": "Start.*", "region": ["ap-northeast-1"], "body": ids[1]}
    rule = simulator.fault(account, match=match, code="InternalError", after=1, times=1)

    ec2.start_instances(InstanceIds=ids[:1])  # another body
    ec2.stop_instances(InstanceIds=ids[:1])  # another action
    ec2.start_instances(InstanceIds=ids[1:])  # let pass
    assert error_code(ec2.start_instances, InstanceIds=ids[1:]) == "InternalError"
    ec2.start_instances(InstanceIds=ids[1:])  # run out

    shown = next(one for one in simulator.ask("GET", "faults") if one["id"] == rule)
    assert (shown["seen"], shown["fired"]) == (3, 1)


def test_rules_of_one_account_leave_others_alone(simulator: Simulator, account: str) -> None:
    simulator.fault(account, code="InternalError")

    simulator.client("ec2", "413333333333").describe_instances()

    assert simulator.ask("DELETE", f"faults?account={account}")[0]["fired"] == 0


def test_a_reset_applies_nothing(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    simulator.fault(account, match={"action": "StartInstances"}, reset=True, times=1)

    with pytest.raises(ConnectionClosedError):
        ec2.start_instances(InstanceIds=ids)

    assert states(ec2, ids) == ["stopped"]
    (entry,) = simulator.journal(account)
    assert (entry["code"], entry["changes"], entry["answered"]) == ("reset", {}, False)


def test_a_lost_answer_has_been_applied(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    simulator.fault(account, match={"action": "StartInstances"}, apply_then_lose=True, times=1)

    with pytest.raises(ConnectionClosedError):
        ec2.start_instances(InstanceIds=ids)

    assert states(ec2, ids) == ["running"]
    (entry,) = simulator.journal(account)
    assert (entry["code"], list(entry["changes"]), entry["answered"]) == (None, ids, False)


def test_a_hang_ends_with_a_cut_or_with_the_removal_of_its_rule(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    rule = simulator.fault(account, match={"action": "StartInstances"}, hang_s=300)

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(ec2.start_instances, InstanceIds=ids)
        eventually(lambda: waiting(simulator, rule), 1)
        simulator.ask("DELETE", f"faults/{rule}")
        with pytest.raises((ConnectionClosedError, ReadTimeoutError)):
            hanging.result()

    assert states(ec2, ids) == ["stopped"]


@pytest.mark.parametrize(("where", "meanwhile"), [("before", "stopped"), ("after", "running")])
def test_a_held_call_stands_before_or_after_its_effect_and_then_goes_on(
    simulator: Simulator, account: str, where: str, meanwhile: str
) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    rule = simulator.fault(account, match={"action": "StartInstances"}, hold=where)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ec2.start_instances, InstanceIds=ids)
        eventually(lambda: waiting(simulator, rule), 1)
        assert states(ec2, ids) == [meanwhile]
        simulator.ask("DELETE", f"faults/{rule}")
        assert held.result()["StartingInstances"][0]["CurrentState"]["Name"] == "pending"

    assert states(ec2, ids) == ["running"]


def test_latency_comes_before_the_answer(simulator: Simulator, account: str) -> None:
    ec2 = simulator.client("ec2", account)
    rule = simulator.fault(account, match={"service": "ec2"}, latency_ms=[300_000, 400_000])

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(ec2.describe_instances)
        eventually(lambda: waiting(simulator, rule), 1)
        assert not late.done()
        simulator.ask("DELETE", f"faults/{rule}")
        assert late.result()["Reservations"] == []


def test_an_answer_of_ones_own(simulator: Simulator, account: str) -> None:
    ec2 = simulator.client("ec2", account)
    text = "<DescribeRegionsResponse><regionInfo><item><regionName>moon-1</regionName></item></regionInfo></DescribeRegionsResponse>"
    simulator.fault(account, match={"action": "DescribeRegions"}, answer=text)

    assert [one["RegionName"] for one in ec2.describe_regions()["Regions"]] == ["moon-1"]


def test_a_word_the_rules_do_not_know_is_refused(simulator: Simulator) -> None:
    assert simulator.refused("POST", "faults", {"match": {}, "latncy_ms": 5})[0] == 400
    assert simulator.refused("POST", "faults", {"match": {"acount": "x"}})[0] == 400
    assert simulator.refused("DELETE", "faults/nothing")[0] == 404


def test_what_moto_cannot_do_is_an_aws_error_and_not_a_page(simulator: Simulator, account: str) -> None:
    ec2 = simulator.client("ec2", account)

    with pytest.raises(ClientError, match="InvalidAction"):
        ec2.describe_volume_status()


def test_documented_buckets_refuse_the_sixth_start_at_once(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2, rds = simulator.client("ec2", account), simulator.client("rds", account)
    # Without refilling, so that a slow machine gives no sixth token.
    custom = {"ec2.StartInstances": [5, 0], "rds.DescribeDBInstances": [1, 0]}
    simulator.ask("POST", "buckets", {"preset": "aws", "accounts": [account], "custom": custom})
    try:
        for _ in range(5):
            ec2.start_instances(InstanceIds=ids)
        assert error_code(ec2.start_instances, InstanceIds=ids) == "RequestLimitExceeded"
        rds.describe_db_instances()
        assert error_code(rds.describe_db_instances) == "ThrottlingException"
        ec2.stop_instances(InstanceIds=ids)
        assert simulator.journal(account)[5]["code"] == "RequestLimitExceeded"
    finally:
        simulator.ask("DELETE", "buckets")


def test_a_storm_of_resources_has_a_bucket_of_its_own(simulator: Simulator, account: str) -> None:
    ec2 = simulator.client("ec2", account)
    simulator.ask("POST", "buckets", {"accounts": [account]})

    ids = [f"i-{n:017x}" for n in range(1001)]

    assert error_code(ec2.start_instances, InstanceIds=ids) == "RequestLimitExceeded"
    assert error_code(ec2.start_instances, InstanceIds=ids[:1000]) == "InvalidInstanceID.NotFound"
