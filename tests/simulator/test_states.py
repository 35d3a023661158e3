from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.client import OSAKA, Simulator, error_code, eventually, instances, problem, states


def test_without_delay_the_answer_says_pending_and_the_instance_runs(
    simulator: Simulator, account: str
) -> None:
    ids = simulator.servers(account, 2)
    ec2 = simulator.client("ec2", account)

    answer = ec2.start_instances(InstanceIds=ids)["StartingInstances"]

    assert [(one["PreviousState"]["Name"], one["CurrentState"]["Name"]) for one in answer] == [
        ("stopped", "pending")
    ] * 2
    assert states(ec2, ids) == ["running", "running"]


def test_with_delay_instances_pass_through_pending_and_stopping(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    simulator.ask("POST", "delays", {"ec2_start": 600, "ec2_stop": [500, 600], "account": account})

    ec2.start_instances(InstanceIds=ids)
    assert states(ec2, ids) == ["pending"]
    assert error_code(ec2.stop_instances, InstanceIds=ids) == "IncorrectInstanceState"
    assert simulator.ask("POST", f"settle?account={account}") == {"settled": 1}
    assert states(ec2, ids) == ["running"]

    ec2.stop_instances(InstanceIds=ids)
    assert states(ec2, ids) == ["stopping"]
    assert error_code(ec2.start_instances, InstanceIds=ids) == "IncorrectInstanceState"
    simulator.ask("POST", f"settle?account={account}")
    assert states(ec2, ids) == ["stopped"]


def test_a_delay_ends_by_itself(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    simulator.ask("POST", "delays", {"ec2_start": 0.3, "account": account})

    ec2.start_instances(InstanceIds=ids)

    eventually(lambda: states(ec2, ids), ["running"])


def test_delays_of_one_account_are_not_those_of_another(simulator: Simulator, account: str) -> None:
    simulator.ask("POST", "delays", {"ec2_start": 600, "account": account})
    ids = simulator.servers("414444444444", 1)
    ec2 = simulator.client("ec2", "414444444444")

    ec2.start_instances(InstanceIds=ids)

    assert states(ec2, ids) == ["running"]


def test_starting_what_runs_is_accepted_and_changes_nothing(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1, state="running")
    ec2 = simulator.client("ec2", account)

    (answer,) = ec2.start_instances(InstanceIds=ids)["StartingInstances"]

    assert answer["PreviousState"] == answer["CurrentState"] == {"Code": 16, "Name": "running"}
    assert simulator.journal(account)[0]["changes"] == {}


def test_one_unknown_id_is_named_and_nothing_is_done(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 2)
    ec2 = simulator.client("ec2", account)

    error = problem(ec2.start_instances, InstanceIds=[*ids, "i-0badc0de0badc0de0"])["Error"]

    assert error == {
        "Code": "InvalidInstanceID.NotFound",
        "Message": "The instance ID 'i-0badc0de0badc0de0' does not exist",
    }
    assert states(ec2, ids) == ["stopped", "stopped"]


def test_ids_of_the_wrong_shape_are_malformed(simulator: Simulator, account: str) -> None:
    ec2 = simulator.client("ec2", account)

    assert error_code(ec2.start_instances, InstanceIds=["i-xyz"]) == "InvalidInstanceID.Malformed"


def test_one_instance_in_the_wrong_state_is_named_and_nothing_is_done(
    simulator: Simulator, account: str
) -> None:
    ids = simulator.servers(account, 2)
    ec2 = simulator.client("ec2", account)
    ec2.terminate_instances(InstanceIds=ids[:1])

    error = problem(ec2.start_instances, InstanceIds=ids)["Error"]

    assert error["Code"] == "IncorrectInstanceState"
    assert ids[0] in error["Message"]
    assert states(ec2, ids) == ["terminated", "stopped"]


def test_an_instance_may_be_terminated_while_it_is_on_its_way(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    simulator.ask("POST", "delays", {"ec2_start": 600, "account": account})
    ec2.start_instances(InstanceIds=ids)

    ec2.terminate_instances(InstanceIds=ids)

    assert states(ec2, ids) == ["terminated"]


@pytest.mark.parametrize("reason", ["Client.InvalidKMSKey.InvalidState", "Client.InternalError"])
@pytest.mark.parametrize("delay", [0, 600])
def test_a_start_with_a_refused_key_falls_back_to_stopped(
    simulator: Simulator, account: str, reason: str, delay: int
) -> None:
    ids = simulator.servers(account, 1, bounce=reason)
    ec2 = simulator.client("ec2", account)
    simulator.ask("POST", "delays", {"ec2_start": delay, "account": account})

    (answer,) = ec2.start_instances(InstanceIds=ids)["StartingInstances"]

    def shown() -> tuple[str, Any]:
        (one,) = instances(ec2.describe_instances(InstanceIds=ids))
        return one["State"]["Name"], one.get("StateReason", {}).get("Code")

    assert answer["CurrentState"]["Name"] == "pending"
    if delay:
        assert shown() == ("pending", None)
        simulator.ask("POST", f"settle?account={account}")
    assert shown() == ("stopped", reason)


def test_a_mark_may_be_taken_away(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1, no_capacity=True)
    ec2 = simulator.client("ec2", account)
    answer = problem(ec2.start_instances, InstanceIds=ids)

    simulator.ask("POST", "marks", {"id": ids[0]})
    ec2.start_instances(InstanceIds=ids)

    assert answer["Error"]["Code"] == "InsufficientInstanceCapacity"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert ids[0] not in answer["Error"]["Message"]
    assert states(ec2, ids) == ["running"]


def test_no_capacity_for_one_leaves_the_others_of_the_call_stopped(
    simulator: Simulator, account: str
) -> None:
    full = simulator.servers(account, 1, no_capacity=True)
    others = simulator.servers(account, 2, region=OSAKA)
    ec2 = simulator.client("ec2", account)
    beside = ec2.run_instances(ImageId="ami-0a1b2c3d4e5f60718", MinCount=1, MaxCount=1)["Instances"][0][
        "InstanceId"
    ]
    ec2.stop_instances(InstanceIds=[beside])

    assert error_code(ec2.start_instances, InstanceIds=[beside, *full]) == "InsufficientInstanceCapacity"
    assert states(ec2, [beside, *full]) == ["stopped", "stopped"]

    osaka = simulator.client("ec2", account, OSAKA)
    osaka.start_instances(InstanceIds=others)
    assert states(osaka, others) == ["running", "running"]


def test_a_rebooted_instance_has_to_run(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)

    assert error_code(ec2.reboot_instances, InstanceIds=ids) == "IncorrectInstanceState"
    assert states(ec2, ids) == ["stopped"]


def test_an_instance_hibernates_only_if_it_was_launched_for_it(simulator: Simulator, account: str) -> None:
    (ready,) = simulator.servers(account, 1, state="running", hibernation=True)
    (plain,) = simulator.servers(account, 1, region=OSAKA, state="running")
    ec2 = simulator.client("ec2", account)
    ec2.stop_instances(InstanceIds=[ready], Hibernate=True)
    (found,) = instances(ec2.describe_instances())
    osaka = simulator.client("ec2", account, OSAKA)
    refused = error_code(osaka.stop_instances, InstanceIds=[plain], Hibernate=True)
    assert (found["State"]["Name"], found["StateReason"]["Code"]) == (
        "stopped",
        "Client.UserInitiatedHibernate",
    )
    assert refused == "UnsupportedHibernationConfiguration"
