"""Instances and volumes over the wire: everything is read, one bad id stops nobody, nothing is sent in vain."""

from __future__ import annotations

import pytest

from infra.aws import ec2
from infra.aws.config import Config
from infra.aws.gateway import Gateway, using
from infra.aws.pacing import make_pacer
from infra.domain.aws import InstanceVolume, LeaseLost, Problem
from tests.infra.aws.builders import instance_id
from tests.infra.aws.conftest import Valkey
from tests.infra.aws.simulator import Account


def test_all_pages_of_instances_are_read(account: Account) -> None:
    ids = account.servers(1200)
    assert {instance.id for instance in ec2.list_instances(account.target)} == set(ids)
    assert account.count("ec2.DescribeInstances") == 2


def test_an_instance_is_read_whole(account: Account) -> None:
    one = instance_id()
    account.seed(
        instances=[
            {
                "id": one,
                "state": "stopped",
                "tags": {"Name": "会計サーバー", "AutoStart": "08:30"},
                "instance_type": "m6i.large",
                "zone": "ap-northeast-1c",
                "launched_at": "2026-01-02T03:04:05+00:00",
                "hibernation": True,
            }
        ],
        volumes=[{"id": "vol-0abc", "attachments": [{"instance_id": one, "delete_on_termination": True}]}],
    )
    instance = ec2.describe_instances(account.target, [one])[one]
    assert (instance.name, instance.state, instance.instance_type) == ("会計サーバー", "stopped", "m6i.large")
    assert instance.state_reason.startswith("Client.UserInitiatedShutdown")
    assert instance.tags == {"Name": "会計サーバー", "AutoStart": "08:30"}
    assert (instance.zone, instance.hibernation) == ("ap-northeast-1c", True)
    assert instance.launched_at is not None
    assert instance.launched_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert InstanceVolume("vol-0abc", "/dev/sdf", True) in instance.volumes


def test_a_volume_is_read_whole(account: Account) -> None:
    host, other = account.servers(2)
    account.seed(
        volumes=[
            {
                "id": "vol-0def",
                "size_gib": 100,
                "volume_type": "io2",
                "tags": {"Name": "データ"},
                "multi_attach": True,
                "created_at": "2026-01-02T03:04:05+00:00",
                "attachments": [{"instance_id": host}, {"instance_id": other, "device": "/dev/sdg"}],
            },
            {"id": "vol-0123"},
        ]
    )
    volumes = {volume.id: volume for volume in ec2.list_volumes(account.target)}
    volume = volumes["vol-0def"]
    assert (volume.name, volume.size_gib, volume.volume_type) == ("データ", 100, "io2")
    assert (volume.state, volume.multi_attach) == ("in-use", True)
    assert [(one.instance_id, one.device) for one in volume.attachments] == [
        (host, "/dev/sdf"),
        (other, "/dev/sdg"),
    ]
    assert volume.created_at is not None
    assert volume.created_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert (volumes["vol-0123"].name, volumes["vol-0123"].attachments) == ("", ())


def test_unknown_ids_are_absent_and_the_calls_are_few(account: Account) -> None:
    ids = account.servers(390)
    missing = [instance_id() for _ in range(10)]
    found = ec2.describe_instances(account.target, [*missing, *ids])
    assert set(found) == set(ids)
    assert account.count("ec2.DescribeInstances") == 2
    volumes = account.seed(volumes=[{}] * 3)["volumes"]
    assert set(ec2.describe_volumes(account.target, [*volumes, "vol-0gone"])) == set(volumes)


def test_a_wildcard_is_not_an_id(account: Account) -> None:
    account.servers(2)
    assert ec2.describe_instances(account.target, ["*", "i-*"]) == {}


def test_nothing_asked_is_nothing_called(account: Account) -> None:
    assert ec2.describe_instances(account.target, []) == {}
    assert ec2.start_instances(account.target, []) == {}
    assert account.ask("GET", f"counts?account={account.target.account_id}")["total"] == 0


def test_starts_and_stops_are_batched_and_say_which_request_it_was(account: Account) -> None:
    ids = account.servers(150)
    started = ec2.start_instances(account.target, ids)
    assert list(started) == ids
    assert all(result.accepted and not result.error for result in started.values())
    assert account.sends("StartInstances") == [100, 50]
    assert {result.request_id for result in started.values()} == {
        entry["request_id"] for entry in account.journal()
    }
    stopped = ec2.stop_instances(account.target, ids)
    assert all(result.accepted for result in stopped.values())
    assert account.sends("StopInstances") == [100, 50]


def test_what_is_there_already_is_accepted_and_changes_nothing(account: Account) -> None:
    ids = account.servers(2, state="running")
    assert all(result.accepted for result in ec2.start_instances(account.target, ids).values())
    assert account.changed() == []


def test_one_missing_id_of_sixty_costs_one_more_call(account: Account) -> None:
    ids = account.servers(59)
    gone = instance_id()
    results = ec2.start_instances(account.target, [*ids[:30], gone, *ids[30:]])
    assert account.sends("StartInstances") == [60, 59]
    assert sorted(account.changed()) == sorted(ids)
    error = results.pop(gone).error
    assert error is not None
    assert (error.problem, error.code) == (Problem.GONE, "InvalidInstanceID.NotFound")
    assert gone in error.ids
    assert error.request_id
    assert all(result.accepted for result in results.values())


def test_instances_in_the_wrong_state_do_not_stop_the_others(account: Account) -> None:
    ids = account.servers(40)
    account.ask("POST", "delays", {"account": account.target.account_id, "ec2_stop": 600})
    stopping = account.servers(10, state="running")
    ec2.stop_instances(account.target, stopping)
    results = ec2.start_instances(account.target, [*stopping, *ids])
    assert account.sends("StartInstances") == [50, 49, 40]
    assert {results[one].error.problem for one in stopping if results[one].error} == {Problem.WRONG_STATE}  # type: ignore[union-attr]
    assert all(results[one].accepted for one in ids)


def test_a_malformed_id_is_invalid_and_the_others_go(account: Account) -> None:
    ids = account.servers(3)
    account.fault(
        "StartInstances",
        code="InvalidInstanceID.Malformed",
        status=400,
        message='Invalid id: "server-1"',
        match={"body": "server-1"},
    )
    results = ec2.start_instances(account.target, ["server-1", *ids])
    assert results["server-1"].error is not None
    assert results["server-1"].error.problem is Problem.INVALID
    assert all(results[one].accepted for one in ids)


def test_a_type_without_capacity_does_not_stop_the_other_types(account: Account) -> None:
    free = account.servers(20, instance_type="t3.medium")
    full = account.servers(4, instance_type="p5.48xlarge", no_capacity=True)
    results = ec2.start_instances(account.target, [*free, *full])
    assert all(results[one].accepted for one in free)
    assert account.sends("StartInstances") == [24, 20, 4, 1, 1, 1, 1]
    for one in full:
        error = results[one].error
        assert error is not None
        assert (error.problem, error.code) == (Problem.NO_CAPACITY, "InsufficientInstanceCapacity")


def test_a_denial_names_the_missing_action_for_every_id(account: Account) -> None:
    ids = account.servers(3)
    account.fault(
        "StartInstances",
        code="UnauthorizedOperation",
        message="You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/toban/x is not"
        " authorized to perform: ec2:StartInstances because no identity-based policy allows it",
    )
    results = ec2.start_instances(account.target, ids)
    errors = [result.error for result in results.values()]
    assert {error.problem for error in errors if error} == {Problem.PERMISSION}
    assert {error.missing_action for error in errors if error} == {"ec2:StartInstances"}
    assert account.sends("StartInstances") == [3]


def test_nothing_is_sent_once_the_lease_is_lost(account: Account) -> None:
    ids = account.servers(150)
    answers = iter([True, False])
    with pytest.raises(LeaseLost) as caught:
        ec2.start_instances(account.target, ids, still_ours=lambda: next(answers))
    assert account.sends("StartInstances") == [100]
    assert list(caught.value.results) == ids[:100]
    for refused in (
        lambda: ec2.stop_instances(account.target, ids, still_ours=lambda: False),
        lambda: ec2.tag(account.target, ids, {"Name": "x"}, still_ours=lambda: False),
    ):
        with pytest.raises(LeaseLost):
            refused()
    assert account.sends("StopInstances") == account.sends("CreateTags") == []


def test_the_lease_is_asked_again_before_a_call_is_repeated(account: Account) -> None:
    ids = account.servers(2)
    account.fault("StartInstances", code="ExpiredToken", times=1)
    answers = iter([True, False])
    with pytest.raises(LeaseLost):
        ec2.start_instances(account.target, ids, still_ours=lambda: next(answers))
    assert account.changed() == []


def test_tags_are_set_in_large_batches(account: Account) -> None:
    volumes = account.seed(volumes=[{}] * 501)["volumes"]
    results = ec2.tag(account.target, volumes, {"Name": "会計サーバー", "toban:served": "i-1"})
    assert all(result.accepted and result.request_id for result in results.values())
    assert account.sends("CreateTags") == [500, 1]
    assert {volume.name for volume in ec2.list_volumes(account.target)} == {"会計サーバー"}


def test_a_volume_that_is_gone_or_full_of_tags_does_not_stop_the_others(account: Account) -> None:
    volumes = account.seed(volumes=[{}] * 20)["volumes"]
    full = account.seed(volumes=[{"tags": {f"k{n}": "" for n in range(50)}}])["volumes"][0]
    gone = "vol-0123456789abcdef0"
    results = ec2.tag(account.target, [*volumes, full, gone], {"Name": "x"})
    assert all(results[one].accepted for one in volumes)
    problems = {one: results[one].error.problem for one in (full, gone) if results[one].error}  # type: ignore[union-attr]
    assert problems == {full: Problem.INVALID, gone: Problem.GONE}
    assert len(account.sends("CreateTags")) == 3


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"": "x"},
        {"aws:autoscaling:groupName": "x"},
        {"AWS:x": "x"},
        {"Name": "あ" * 257},
        {"k" * 129: "x"},
        {f"k{n}": "" for n in range(51)},
    ],
)
def test_tags_that_aws_would_refuse_are_never_sent(account: Account, tags: dict[str, str]) -> None:
    results = ec2.tag(account.target, ["vol-1", "vol-2"], tags)
    assert [result.error.problem for result in results.values() if result.error] == [Problem.INVALID] * 2
    assert account.count("ec2.CreateTags") == 0


def test_paced_calls_are_not_throttled_by_aws(account: Account, gateway: Gateway, valkey: Valkey) -> None:
    ids = account.servers(8)
    ec2.list_instances(account.target)
    account.throttle()
    paced = Gateway(gateway.config, pacer=make_pacer(Config(redis_url=valkey.url)))
    paced.clients, paced.credentials = gateway.clients, gateway.credentials
    with using(paced):
        results = [ec2.start_instances(account.target, [one])[one] for one in ids]
    assert all(result.accepted for result in results)
