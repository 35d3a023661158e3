from __future__ import annotations

from typing import Any

from tests.simulator.client import TOKYO, Simulator, error_code


def plant(simulator: Simulator, account: str, *volumes: dict[str, Any]) -> list[str]:
    """Seeds volumes and gives their ids."""
    seeds = [{"account_id": account, "region": TOKYO, **one} for one in volumes]
    ids: list[str] = simulator.ask("POST", "seed", {"seed": f"volumes-{account}", "volumes": seeds})[
        "volumes"
    ]
    return ids


def test_a_volume_may_hang_on_two_instances(simulator: Simulator, account: str) -> None:
    hosts = simulator.servers(account, 2)
    places = [{"instance_id": host, "device": "/dev/sdm"} for host in hosts]
    (shared,) = plant(simulator, account, {"volume_type": "io2", "multi_attach": True, "attachments": places})
    ec2 = simulator.client("ec2", account)

    (volume,) = ec2.describe_volumes(VolumeIds=[shared])["Volumes"]
    assert [one["InstanceId"] for one in volume["Attachments"]] == hosts
    assert volume["MultiAttachEnabled"] is True
    by_host = [{"Name": "attachment.instance-id", "Values": [hosts[1]]}]
    assert [one["VolumeId"] for one in ec2.describe_volumes(Filters=by_host)["Volumes"]] == [shared]

    assert error_code(ec2.detach_volume, VolumeId=shared) == "IncorrectState"
    ec2.detach_volume(VolumeId=shared, InstanceId=hosts[0])
    ec2.detach_volume(VolumeId=shared)
    (volume,) = ec2.describe_volumes(VolumeIds=[shared])["Volumes"]
    assert (volume["State"], volume["Attachments"]) == ("available", [])
    assert [entry["changes"] for entry in simulator.journal(account)][1:] == [
        {shared: {f"attachment:{host}": ["/dev/sdm", None]}} for host in hosts
    ]


def test_an_ordinary_volume_hangs_on_one_instance_only(simulator: Simulator, account: str) -> None:
    hosts = simulator.servers(account, 2)
    (plain,) = plant(simulator, account, {"attachments": [{"instance_id": hosts[0]}]})
    ec2 = simulator.client("ec2", account)

    again = {"VolumeId": plain, "InstanceId": hosts[1], "Device": "/dev/sdf"}
    assert error_code(ec2.attach_volume, **again) == "VolumeInUse"
    assert error_code(ec2.delete_volume, VolumeId=plain) == "VolumeInUse"
    ec2.detach_volume(VolumeId=plain)
    ec2.attach_volume(**again)
    (volume,) = ec2.describe_volumes(VolumeIds=[plain])["Volumes"]
    assert [one["InstanceId"] for one in volume["Attachments"]] == [hosts[1]]


def test_tagging_checks_ids_and_limits(simulator: Simulator, account: str) -> None:
    (volume,) = plant(simulator, account, {"size_gib": 100})
    ec2 = simulator.client("ec2", account)

    def tag(ids: list[str], key: str = "Name", value: str = "x") -> str:
        return error_code(ec2.create_tags, Resources=ids, Tags=[{"Key": key, "Value": value}])

    assert tag([volume, "vol-00000000000000000"]) == "InvalidVolume.NotFound"
    assert tag(["i-00000000000000000"]) == "InvalidInstanceID.NotFound"
    assert tag([volume], key="aws:name") == "InvalidParameterValue"
    assert tag([volume], value="長" * 257) == "InvalidParameterValue"
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "Name", "Value": "長" * 256}])
    assert len(simulator.journal(account, effective=1)) == 1


def test_terminating_takes_the_root_volume_along_and_leaves_the_data(
    simulator: Simulator, account: str
) -> None:
    (host,) = simulator.servers(account, 1)
    root, data = plant(
        simulator,
        account,
        {"attachments": [{"instance_id": host, "device": "/dev/xvda", "delete_on_termination": True}]},
        {"attachments": [{"instance_id": host, "device": "/dev/sde"}]},
    )
    ec2 = simulator.client("ec2", account)

    ec2.terminate_instances(InstanceIds=[host])

    assert error_code(ec2.describe_volumes, VolumeIds=[root]) == "InvalidVolume.NotFound"
    assert ec2.describe_volumes(VolumeIds=[data])["Volumes"][0]["State"] == "available"
