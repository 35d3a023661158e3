"""Auto Scaling groups: their sizes are written down before they are set to nothing, and given back at the start."""

from __future__ import annotations

from typing import Any

import pytest

from infra.models import Resource
from medical_audit.domain.errors import Refused
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty, jst

BOTH = {"AutoStart": "08:30", "AutoStop": "19:00"}
SIZES = {"min": 1, "desired": 2, "max": 4}


@pytest.fixture
def evening(duty: Duty) -> Duty:
    duty.clock.now = jst(2026, 11, 30, 19, 0)
    return duty


def planted(duty: Duty, **group: Any) -> None:
    duty.aws.seed(groups=[{"id": "web", "tags": BOTH, **SIZES, **group}])
    duty.look()


def morning_after(duty: Duty) -> None:
    duty.clock.now = jst(2026, 12, 1)
    duty.morning()


def sizes(duty: Duty) -> str:
    return duty.aws.states()["groups"]["web"]


def resize(duty: Duty, least: int, desired: int, most: int) -> None:
    duty.console("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="web", MinSize=least, DesiredCapacity=desired, MaxSize=most
    )


def test_a_group_stops_in_the_evening_and_has_its_sizes_back_in_the_morning(evening: Duty) -> None:
    planted(evening)
    evening.morning()
    assert sizes(evening) == "0/0/0"
    row = evening.resource("web")
    assert (row.state, row.memory["sizes"]) == ("stopped", SIZES)
    assert (row.facts["sizes"]["desired"], row.facts["members"]) == (
        0,
        [],
    )  # without waiting for the next look
    morning_after(evening)
    assert sizes(evening) == "1/2/4"
    assert [(one.kind, one.state, one.outcome) for one in evening.operations()] == [
        ("asg.stop", "SUCCEEDED", "reached"),
        ("asg.start", "SUCCEEDED", "reached"),
    ]
    assert evening.resource("web").state == "running"


def test_a_group_is_on_only_when_enough_instances_are_in_service(evening: Duty) -> None:
    planted(evening)
    evening.morning()
    evening.aws.seed(delays={"asg_start": 600})
    morning_after(evening)
    assert evening.outcomes()["web"][0] == "RUNNING"
    assert evening.resource("web").state == "transition"


def test_what_is_remembered_outlives_looks_and_a_stop_of_what_is_off(evening: Duty) -> None:
    planted(evening)
    evening.morning()
    evening.clock.pass_(minutes=5)
    evening.look()
    evening.clock.now = jst(2026, 12, 1, 19, 0)
    evening.morning()
    assert evening.resource("web").memory["sizes"] == SIZES
    assert evening.operations(kind="asg.stop")[-1].outcome == "already"


def test_sizes_that_somebody_gave_meanwhile_are_left_alone(evening: Duty) -> None:
    planted(evening)
    evening.morning()
    resize(evening, 0, 0, 3)
    morning_after(evening)
    assert sizes(evening) == "0/0/3"
    (start,) = evening.operations(kind="asg.start")
    assert (start.state, start.outcome, start.outcome_detail["sizes"]) == ("FAILED", "sizes_changed", "0/0/3")


def test_a_group_that_somebody_started_by_hand_needs_no_start(evening: Duty) -> None:
    planted(evening)
    evening.morning()
    resize(evening, 2, 3, 5)
    morning_after(evening)
    assert sizes(evening) == "2/3/5"
    assert evening.outcomes()["web"] == ("SUCCEEDED", "already")


def test_another_group_of_the_same_name_does_not_take_over_what_is_remembered(evening: Duty) -> None:
    planted(evening)
    evening.morning()
    evening.console("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    evening.aws.seed(groups=[{"id": "web", "tags": BOTH, "min": 0, "desired": 0, "max": 0}])
    morning_after(evening)
    assert sizes(evening) == "0/0/0"
    assert evening.outcomes()["web"] == ("FAILED", "no_sizes")


@pytest.mark.parametrize(
    ("tag", "end"),
    [({}, "no_sizes"), ({"TobanSizes": "4"}, "bad_sizes"), ({"TobanSizes": "2/1/4"}, "bad_sizes")],
    ids=str,
)
def test_a_group_of_unknown_sizes_is_not_guessed(duty: Duty, tag: dict[str, str], end: str) -> None:
    planted(duty, min=0, desired=0, max=0, tags=BOTH | tag)
    duty.tick()
    duty.work()
    assert duty.outcomes()["web"] == ("FAILED", end)
    assert (sizes(duty), duty.sent("UpdateAutoScalingGroup")) == ("0/0/0", [])


def test_a_tag_tells_the_sizes_where_nothing_is_remembered(duty: Duty) -> None:
    planted(duty, min=0, desired=0, max=0, tags=BOTH | {"TobanSizes": "2/3/6"})
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    assert (sizes(duty), duty.outcomes()["web"]) == ("2/3/6", ("SUCCEEDED", "reached"))


def test_a_suspended_launch_is_said_before_the_call(duty: Duty) -> None:
    planted(duty, min=0, desired=0, max=0, tags=BOTH | {"TobanSizes": "2/3/6"}, suspended=["Launch"])
    duty.tick()
    duty.work()
    assert duty.outcomes()["web"] == ("FAILED", "launch_suspended")
    assert duty.sent("UpdateAutoScalingGroup") == []


@pytest.mark.parametrize(
    ("fields", "end"),
    [({"suspended": ["Terminate"]}, "terminate_suspended"), ({"protected": True}, "scale_in_protected")],
    ids=str,
)
def test_what_would_keep_instances_running_is_said_before_the_call(
    evening: Duty, fields: dict[str, Any], end: str
) -> None:
    planted(evening, **fields)
    evening.tick()
    evening.work()
    assert (evening.outcomes()["web"], sizes(evening)) == (("FAILED", end), "1/2/4")


def test_instances_of_a_group_have_no_plan_of_their_own_and_are_refused(evening: Duty) -> None:
    planted(evening)
    with tenant_scope(evening.aws.cast.tenant.id):
        members = list(Resource.objects.filter(kind="ec2"))
    assert len(members) == 2
    assert [(one.scheduled, one.tags["AutoStop"]) for one in members] == [(False, "19:00")] * 2
    assert evening.findings() == {}
    for action in ("start", "stop"):
        with pytest.raises(Refused) as refused:
            evening.order(f"ec2.{action}", members[0].aws_id)
        assert refused.value.code == "unsupported_group_member"


def test_a_server_that_joined_a_group_after_entry_is_left_to_it(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"state": "stopped"}])["instances"]
    planted(duty)
    duty.order("ec2.start", one)
    duty.console("autoscaling").attach_instances(AutoScalingGroupName="web", InstanceIds=[one])
    duty.work()
    assert duty.outcomes()[one] == ("FAILED", "unsupported_group_member")
    assert duty.sent("StartInstances") == []


@pytest.mark.fault
def test_a_scaling_under_way_is_waited_for(evening: Duty) -> None:
    planted(evening)
    evening.tick()
    evening.aws.fault(match={"action": "UpdateAutoScalingGroup"}, times=1, code="ScalingActivityInProgress")
    evening.work()
    assert evening.outcomes()["web"] == ("CONFIRMED", "wrong_state")
    evening.work_for(rounds=2, seconds=15)
    assert (evening.outcomes()["web"], sizes(evening)) == (("SUCCEEDED", "reached"), "0/0/0")


@pytest.mark.fault
def test_a_group_deleted_since_the_look_is_gone(evening: Duty) -> None:
    planted(evening)
    evening.tick()
    evening.console("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    evening.work()
    assert evening.outcomes()["web"] == ("FAILED", "gone")
