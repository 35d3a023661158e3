from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.simulator.client import TOKYO, Simulator, error_code, instances, problem, states


@pytest.fixture
def crowd(simulator: Simulator, account: str) -> str:
    """An account with 1,200 instances and 2,400 volumes in one region."""
    plan = {
        "accounts": [account],
        "regions": [TOKYO],
        "instances": 1200,
        "volumes_per": 2,
        "due": 0.25,
        "running": 1,
    }
    simulator.ask("POST", "seed", {"generate": plan})
    return account


def test_1200_instances_come_in_pages_that_count_instances(simulator: Simulator, crowd: str) -> None:
    ec2 = simulator.client("ec2", crowd)

    pages = [instances(page) for page in ec2.get_paginator("describe_instances").paginate(MaxResults=500)]

    assert [len(page) for page in pages] == [500, 500, 200]
    assert len({one["InstanceId"] for page in pages for one in page}) == 1200
    first = ec2.describe_instances()
    assert len(instances(first)) == 1000
    assert first["NextToken"]
    assert len(first["Reservations"]) == 1000


def test_pages_stay_right_while_states_change_under_a_filter(simulator: Simulator, crowd: str) -> None:
    ec2 = simulator.client("ec2", crowd)
    stopped = [{"Name": "instance-state-name", "Values": ["stopped"]}]
    seen = []
    token: dict[str, str] = {}
    while True:
        answer = ec2.describe_instances(Filters=stopped, MaxResults=100, **token)
        ids = [one["InstanceId"] for one in instances(answer)]
        seen += ids
        ec2.start_instances(InstanceIds=ids)
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}

    assert len(seen) == len(set(seen)) == 300


def test_volumes_are_paged_too(simulator: Simulator, crowd: str) -> None:
    ec2 = simulator.client("ec2", crowd)

    pages = list(ec2.get_paginator("describe_volumes").paginate(MaxResults=1000))

    assert [len(page["Volumes"]) for page in pages] == [1000, 1000, 400]
    assert len(ec2.describe_volumes()["Volumes"]) == 2400


def test_page_sizes_and_tokens_are_checked(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)

    for call in (ec2.describe_instances, ec2.describe_volumes):
        assert error_code(call, MaxResults=4) == "InvalidParameterValue"
        assert error_code(call, MaxResults=1001) == "InvalidParameterValue"
        assert error_code(call, NextToken="bm90aGluZw==") == "InvalidParameterValue"
    assert error_code(ec2.describe_instances, MaxResults=5, InstanceIds=ids) == "InvalidParameterCombination"


def test_filters_by_tag_and_state(simulator: Simulator, account: str) -> None:
    early = simulator.servers(account, 2, tags={"AutoStart": "08:30", "Name": "予約受付-web"})
    ec2 = simulator.client("ec2", account)

    def found(name: str, value: str) -> int:
        return len(instances(ec2.describe_instances(Filters=[{"Name": name, "Values": [value]}])))

    assert found("tag:AutoStart", "08:*") == 2
    assert found("tag-key", "AutoStop") == 0
    assert found("instance-state-name", "stopped") == 2
    assert problem(ec2.describe_instances, Filters=[{"Name": "platform", "Values": ["x"]}])["Error"][
        "Code"
    ] == ("InvalidParameterValue")
    (one,) = instances(ec2.describe_instances(InstanceIds=early[:1]))
    assert {tag["Key"]: tag["Value"] for tag in one["Tags"]} == {"AutoStart": "08:30", "Name": "予約受付-web"}


def test_connections_are_kept_open(simulator: Simulator) -> None:
    address = urlsplit(simulator.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/_sim/stats")
        connection.getresponse().read()
        sockets.add(connection.sock)
    connection.close()

    assert len(sockets) == 1
    assert None not in sockets


def test_fifty_connections_at_once(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 50)
    ec2 = simulator.client("ec2", account)

    with ThreadPoolExecutor(50) as pool:
        for _ in range(2):
            list(pool.map(lambda id: ec2.start_instances(InstanceIds=[id]), ids))

    assert set(states(ec2, ids)) == {"running"}
    assert simulator.ask("GET", f"counts?account={account}")["by_action"]["ec2.StartInstances"] == 100
