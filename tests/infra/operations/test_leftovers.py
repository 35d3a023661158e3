"""A volume that serves nothing for two weeks is recorded as left over, once, until it serves again or is gone."""

from __future__ import annotations

from accounts.domain.permissions import Role
from infra.operations import leftovers
from tests.infra.operations.duty import Duty


def test_it_is_recorded_once_after_two_weeks_and_once_when_it_is_over(duty: Duty) -> None:
    seeded = duty.aws.seed(
        instances=[{"tags": {"Name": "ehr-web-01", "Project": "電子カルテ"}}],
        volumes=[
            {"tags": {"Name": "old-data", "Project": "電子カルテ"}, "size_gib": 100},
            {"tags": {"Name": "older-data"}},
        ],
    )
    duty.look()
    duty.clock.pass_(days=13)
    duty.look()
    assert duty.events("volume.left_over") == []
    duty.clock.pass_(days=1, seconds=1)
    duty.look()
    duty.look()
    told = {event["subject"]["name"]: event["detail"] for event in duty.events("volume.left_over")}
    assert set(told) == {"old-data", "older-data"}
    detail = told["old-data"]
    assert (detail["project"], detail["days"], detail["volume"]) == ("電子カルテ", 14, seeded["volumes"][0])
    assert detail["gib"] == 100
    who = duty.aws.cast.actor(Role.OPERATOR)
    leftovers.snooze(
        [duty.volume(seeded["volumes"][0]).id], days=30, reason="監査まで", actor=who, now=duty.clock()
    )
    duty.clock.pass_(days=29)
    duty.look()
    assert len(duty.events("volume.left_over")) == 2
    duty.clock.pass_(days=2)
    duty.look()
    assert [event["subject"]["name"] for event in duty.events("volume.left_over")][2:] == ["old-data"]
    ec2 = duty.console("ec2")
    ec2.attach_volume(VolumeId=seeded["volumes"][0], InstanceId=seeded["instances"][0], Device="/dev/sdf")
    ec2.delete_volume(VolumeId=seeded["volumes"][1])
    duty.clock.pass_(minutes=10)
    duty.look()
    duty.look()
    over = {event["subject"]["name"]: event["detail"] for event in duty.events("volume.taken_up")}
    assert {name: one["gone"] for name, one in over.items()} == {"old-data": False, "older-data": True}
    assert duty.volume(seeded["volumes"][0]).left_over_at is None
