"""Auto Scaling groups and maintenance windows as AWS has them, where moto is quicker or knows less."""

from __future__ import annotations

from typing import Any

from tests.simulator.client import TOKYO, Simulator, error_code


def plant(simulator: Simulator, account: str, **fields: Any) -> Any:
    """One group; gives an Auto Scaling client."""
    group = {"account_id": account, "region": TOKYO, "id": "web", **fields}
    simulator.ask("POST", "seed", {"groups": [group]})
    return simulator.client("autoscaling", account)


def group_of(autoscaling: Any) -> dict[str, Any]:
    found: dict[str, Any] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    return found


def resize(autoscaling: Any, least: int, desired: int, most: int) -> None:
    autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="web", MinSize=least, DesiredCapacity=desired, MaxSize=most
    )


def lifecycles(autoscaling: Any) -> list[str]:
    return sorted(one["LifecycleState"] for one in group_of(autoscaling)["Instances"])


def test_instances_carry_the_groups_name_and_its_tags(simulator: Simulator, account: str) -> None:
    plant(simulator, account, tags={"Project": "emr"})
    found = simulator.client("ec2", account).describe_instances()["Reservations"]
    tags = [{tag["Key"]: tag["Value"] for tag in one["Instances"][0]["Tags"]} for one in found]
    assert tags == [{"aws:autoscaling:groupName": "web", "Project": "emr"}] * 2


def test_instances_come_and_go_in_time(simulator: Simulator, account: str) -> None:
    autoscaling = plant(simulator, account, min=0, desired=0, max=0)
    simulator.ask("POST", "delays", {"asg_start": 600, "asg_stop": 600, "account": account})
    resize(autoscaling, 1, 2, 4)
    assert lifecycles(autoscaling) == ["Pending", "Pending"]
    simulator.ask("POST", f"settle?account={account}")
    assert lifecycles(autoscaling) == ["InService", "InService"]
    resize(autoscaling, 0, 0, 0)
    assert lifecycles(autoscaling) == ["Terminating", "Terminating"]
    changes = [one["changes"]["web"] for one in simulator.journal(account, effective=1)]
    assert changes == [{"sizes": ["0/0/0", "1/2/4"]}, {"sizes": ["1/2/4", "0/0/0"]}]


def test_sizes_that_contradict_each_other_change_nothing(simulator: Simulator, account: str) -> None:
    autoscaling = plant(simulator, account, min=1, desired=2, max=4)
    for sizes in ((3, 2, 4), (1, 5, 4), (3, 3, 2)):
        asked = dict(zip(("MinSize", "DesiredCapacity", "MaxSize"), sizes, strict=True))
        code = error_code(autoscaling.update_auto_scaling_group, AutoScalingGroupName="web", **asked)
        assert code == "ValidationError"
    assert (group_of(autoscaling)["DesiredCapacity"], len(group_of(autoscaling)["Instances"])) == (2, 2)


def test_suspended_processes_leave_the_instances_as_they_are(simulator: Simulator, account: str) -> None:
    autoscaling = plant(simulator, account, min=1, desired=1, max=4, suspended=["Launch", "Terminate"])
    (before,) = group_of(autoscaling)["Instances"]
    resize(autoscaling, 1, 3, 4)
    assert len(group_of(autoscaling)["Instances"]) == 1
    resize(autoscaling, 0, 0, 0)
    assert [one["InstanceId"] for one in group_of(autoscaling)["Instances"]] == [before["InstanceId"]]


def test_a_protected_instance_stays_although_none_is_desired(simulator: Simulator, account: str) -> None:
    autoscaling = plant(simulator, account, min=1, desired=1, max=4, protected=True)
    resize(autoscaling, 0, 0, 0)
    assert lifecycles(autoscaling) == ["InService"]


def test_maintenance_windows_show_their_next_execution_in_pages(simulator: Simulator, account: str) -> None:
    windows = [
        {"account_id": account, "region": TOKYO, "id": f"mw-{n:017x}", "name": f"保守{n}",
         "next_at": "2026-12-06T02:00+09:00"} for n in range(12)
    ]  # fmt: skip
    simulator.ask("POST", "seed", {"windows": windows})
    ssm = simulator.client("ssm", account)
    first = ssm.describe_maintenance_windows(MaxResults=10)
    rest = ssm.describe_maintenance_windows(MaxResults=10, NextToken=first["NextToken"])
    assert (len(first["WindowIdentities"]), len(rest["WindowIdentities"])) == (10, 2)
    assert first["WindowIdentities"][0]["NextExecutionTime"] == "2026-12-05T17:00Z"
    assert "NextToken" not in rest
