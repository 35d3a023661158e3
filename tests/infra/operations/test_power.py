"""Starting servers while AWS misbehaves: neighbours start, nothing is done twice, and what failed says why."""

import pytest
from pytest_django import Settings

from medical_audit.domain.states import State
from tests.conftest import AsRole
from tests.infra.operations.duty import Duty, jst, stranger_cast
from tests.medical_audit.support import plant
from tests.simulated import Clock, ask, make_account

TAGS = {"AutoStart": "08:30"}
pytestmark = pytest.mark.fault


def due(duty: Duty, count: int = 1, **fields: object) -> list[str]:
    """Servers that are due now, looked at and entered."""
    ids: list[str] = duty.aws.seed(instances=[{"tags": TAGS} | fields] * count)["instances"]
    duty.look()
    duty.tick()
    return ids


def test_a_hundred_and_twenty_are_started_in_two_calls(duty: Duty) -> None:
    ids = due(duty, 120)
    duty.work_for(rounds=1, seconds=10)
    assert [len(one) for one in duty.sent("StartInstances")] == [100, 20]
    assert set(duty.outcomes().values()) == {("SUCCEEDED", "reached")}
    assert len(duty.outcomes()) == len(ids)


def test_one_terminated_since_the_look_fails_alone(duty: Duty) -> None:
    *rest, dead = due(duty, 8)
    duty.console("ec2").terminate_instances(InstanceIds=[dead])
    duty.work_for(rounds=1, seconds=10)
    outcomes = duty.outcomes()
    assert outcomes.pop(dead) == ("FAILED", "gone")
    assert outcomes == dict.fromkeys(rest, ("SUCCEEDED", "reached"))
    assert duty.resource(dead).state == "gone"


def test_one_that_aws_knows_no_more_at_the_call_fails_alone(duty: Duty) -> None:
    *rest, dead = due(duty, 8)
    message = f"The instance ID '{dead}' does not exist"
    duty.aws.fault(match={"action": "StartInstances", "body": dead}, code="InvalidInstanceID.NotFound", status=400,
                   message=message)  # fmt: skip
    duty.work_for(rounds=1, seconds=10)
    outcomes = duty.outcomes()
    assert outcomes.pop(dead) == ("FAILED", "gone")
    assert outcomes == dict.fromkeys(rest, ("SUCCEEDED", "reached"))
    assert len(duty.sent("StartInstances")) <= 3


def test_an_answer_that_was_lost_is_settled_by_looking(duty: Duty, settings: Settings) -> None:
    settings.AWS_READ_TIMEOUT_S = 1.0
    (one,) = due(duty)
    duty.aws.fault(match={"action": "StartInstances"}, times=1, apply_then_lose=True)
    duty.work()
    assert duty.outcomes()[one] == ("UNKNOWN", "no_answer")
    duty.work_for(rounds=1, seconds=10)
    assert duty.outcomes()[one] == ("SUCCEEDED", "reached")
    assert duty.effects(one) == ["StartInstances"]
    assert len(duty.sent("StartInstances")) == 1
    assert [event["operation"] for event in duty.events("operation.unknown")] == [
        str(duty.operations()[0].id)
    ]


def test_a_call_that_hangs_is_unknown_and_sent_again_once_nothing_is_seen_of_it(
    duty: Duty, settings: Settings
) -> None:
    settings.AWS_READ_TIMEOUT_S = 1.0
    (one,) = due(duty)
    duty.aws.fault(match={"action": "StartInstances"}, times=1, hang_s=10)
    duty.work()
    assert duty.outcomes()[one] == ("UNKNOWN", "no_answer")
    duty.work_for(rounds=3, seconds=10)
    assert duty.outcomes()[one] == ("SUCCEEDED", "reached")
    assert duty.effects(one) == ["StartInstances"]


def test_a_look_that_hangs_before_the_call_waits(duty: Duty, settings: Settings) -> None:
    settings.AWS_READ_TIMEOUT_S = 1.0
    (one,) = due(duty)
    duty.aws.fault(match={"action": "DescribeInstances"}, times=1, hang_s=10)
    duty.work()
    assert duty.outcomes()[one] == ("CONFIRMED", "no_answer")
    assert duty.sent("StartInstances") == []
    duty.work_for(rounds=2, seconds=20)
    assert duty.outcomes()[one] == ("SUCCEEDED", "reached")


def test_throttled_starts_are_sent_again(duty: Duty) -> None:
    ids = due(duty, 3)
    duty.aws.fault(match={"action": "StartInstances"}, times=1, code="RequestLimitExceeded", status=503)
    duty.work()
    assert set(duty.outcomes().values()) == {("CONFIRMED", "throttled")}
    duty.work_for(rounds=2, seconds=30)
    assert duty.outcomes() == dict.fromkeys(ids, ("SUCCEEDED", "reached"))


def test_no_capacity_waits_and_the_neighbours_start(duty: Duty) -> None:
    *rest, full = due(duty, 5)
    ask("marks", {"id": full, "no_capacity": True})
    duty.work_for(rounds=1, seconds=10)
    assert duty.outcomes() == dict.fromkeys(rest, ("SUCCEEDED", "reached")) | {
        full: ("CONFIRMED", "no_capacity")
    }
    ask("marks", {"id": full})
    duty.work_for(rounds=2, seconds=60)
    assert duty.outcomes()[full] == ("SUCCEEDED", "reached")


def test_no_capacity_is_waited_for_until_the_deadline_however_many_tries_that_takes(duty: Duty) -> None:
    (full,) = due(duty)
    ask("marks", {"id": full, "no_capacity": True})
    duty.work_for(rounds=12, seconds=60)
    (operation,) = duty.operations()
    assert (operation.state, operation.outcome) == (State.CONFIRMED, "no_capacity")
    assert operation.attempts > 10
    ask("marks", {"id": full})
    duty.work_for(rounds=2, seconds=60)
    assert duty.outcomes()[full] == ("SUCCEEDED", "reached")


def test_no_capacity_until_the_deadline_is_missed_for_want_of_it(duty: Duty) -> None:
    (full,) = due(duty)
    ask("marks", {"id": full, "no_capacity": True})
    duty.work_for(rounds=61, seconds=60)
    assert duty.outcomes()[full] == ("MISSED", "no_capacity")


def test_no_capacity_that_shows_only_after_the_call_is_waited_for_as_well(duty: Duty) -> None:
    """AWS accepts the start, and lets the server fall back for want of capacity."""
    (full,) = due(duty)
    ask("marks", {"id": full, "bounce": "Server.InsufficientInstanceCapacity"})
    duty.work_for(rounds=4, seconds=10)
    (operation,) = duty.operations()
    assert (operation.state, operation.outcome) == (State.CONFIRMED, "no_capacity")
    assert "InsufficientInstanceCapacity" in operation.outcome_detail["state_reason"]
    ask("marks", {"id": full})
    duty.work_for(rounds=8, seconds=15)
    assert duty.outcomes()[full] == ("SUCCEEDED", "reached")


def test_a_look_that_fails_in_between_does_not_end_the_patience(duty: Duty) -> None:
    (full,) = due(duty)
    ask("marks", {"id": full, "no_capacity": True})
    duty.work_for(rounds=6, seconds=61)
    duty.aws.fault(match={"action": "DescribeInstances"}, times=1, code="RequestLimitExceeded", status=503)
    duty.work_for(rounds=1, seconds=61)
    ask("marks", {"id": full})
    duty.work_for(rounds=3, seconds=61)
    assert duty.outcomes()[full] == ("SUCCEEDED", "reached")


def test_no_capacity_after_every_call_is_missed_at_the_deadline(duty: Duty) -> None:
    (full,) = due(duty)
    ask("marks", {"id": full, "bounce": "Server.InsufficientInstanceCapacity"})
    duty.work_for(rounds=80, seconds=50)
    assert duty.outcomes()[full] == ("MISSED", "no_capacity")


def test_a_missing_permission_is_named(duty: Duty) -> None:
    (one,) = due(duty)
    duty.aws.fault(match={"action": "StartInstances"}, code="UnauthorizedOperation", status=403,
                   message="You are not authorized to perform this operation.")  # fmt: skip
    duty.work()
    (operation,) = duty.operations()
    assert (operation.state, operation.outcome) == (State.FAILED, "permission")
    assert operation.outcome_detail["missing_action"] == "ec2:StartInstances"
    assert duty.events("operation.failed")[0]["detail"]["detail"]["missing_action"] == "ec2:StartInstances"
    assert one in duty.outcomes()


def test_a_refused_role_fails_what_is_due_and_opens_the_breaker(duty: Duty, settings: Settings) -> None:
    (one,) = due(duty)
    settings.AWS_READ_TIMEOUT_S = 19.0  # another gateway, which has no credentials yet
    ask("accounts", {"account_id": duty.aws.number, "refuse": True})
    duty.work()
    assert duty.outcomes()[one] == ("FAILED", "role_refused")
    assert duty.lane().breaker == "refused"
    assert [event["detail"]["code"] for event in duty.events("breaker.opened")] == ["role_refused"]


def test_a_start_that_falls_back_for_its_key_says_so(duty: Duty) -> None:
    (one,) = due(duty)
    ask("marks", {"id": one, "bounce": "Client.InvalidKMSKey.InvalidState"})
    duty.work_for(rounds=2, seconds=10)
    (operation,) = duty.operations()
    assert (operation.state, operation.outcome) == (State.FAILED, "key")
    assert "KMS key" in operation.outcome_detail["state_reason"]
    assert len(duty.sent("StartInstances")) == 1


def test_the_keys_of_one_that_fell_back_are_named(duty: Duty) -> None:
    one, other = due(duty, 2)
    keys = [f"arn:aws:kms:ap-northeast-1:{duty.aws.number}:key/{n}" for n in range(3)]
    duty.aws.seed(volumes=[
        {"key_id": keys[0], "attachments": [{"instance_id": one}]},
        {"key_id": keys[1], "attachments": [{"instance_id": one, "device": "/dev/sdg"}]},
        {"attachments": [{"instance_id": one, "device": "/dev/sdh"}]},
        {"key_id": keys[2], "attachments": [{"instance_id": other}]},
    ])  # fmt: skip
    ask("marks", {"id": one, "bounce": "Client.InvalidKMSKey.InvalidState"})
    duty.work_for(rounds=2, seconds=10)
    failed = duty.operations(state=State.FAILED)
    assert [row.outcome_detail["keys"] for row in failed] == [f"{keys[0]}, {keys[1]}"]
    assert duty.outcomes()[other] == ("SUCCEEDED", "reached")
    assert duty.aws.calls()["ec2.DescribeVolumes"] == 2  # one look of the inventory, one for the keys


def test_a_fall_for_a_key_stands_also_where_the_keys_cannot_be_read(duty: Duty) -> None:
    (one,) = due(duty)
    ask("marks", {"id": one, "bounce": "Client.InternalError"})
    duty.aws.fault(match={"action": "DescribeVolumes"}, code="UnauthorizedOperation", status=403)
    duty.work_for(rounds=2, seconds=10)
    assert duty.outcomes()[one] == ("FAILED", "key")


def test_the_reason_of_an_earlier_fall_is_not_taken_for_this_one(duty: Duty) -> None:
    """The key was mended; AWS shows the old state and reason for a moment after the new start."""
    (one,) = due(duty)
    ask("marks", {"id": one, "bounce": "Client.InvalidKMSKey.InvalidState"})
    duty.work_for(rounds=1, seconds=5)
    assert duty.outcomes()[one][0] == "RUNNING"


def test_a_server_that_is_still_stopping_is_waited_for(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"state": "running", "tags": TAGS}], delays={"ec2_stop": 60})[
        "instances"
    ]
    duty.console("ec2").stop_instances(InstanceIds=[one])
    duty.look()
    duty.tick()
    duty.work_for(rounds=2, seconds=10)
    assert duty.outcomes()[one] == ("CONFIRMED", "in_transition")
    assert duty.sent("StartInstances") == []
    ask(f"settle?account={duty.aws.number}", {})
    duty.work_for(rounds=2, seconds=10)
    assert duty.outcomes()[one] == ("SUCCEEDED", "reached")


def test_an_order_by_hand_and_the_clock_at_the_same_moment_both_end_well(duty: Duty) -> None:
    (one,) = due(duty)
    duty.order("ec2.start", one)
    duty.work_for(rounds=1, seconds=10)
    assert {row.policy: row.state for row in duty.operations()} == {
        "schedule": State.SUCCEEDED,
        "self": State.SUCCEEDED,
    }
    assert duty.effects(one) == ["StartInstances"]


def test_an_account_that_hangs_leaves_another_tenants_work_alone(
    duty: Duty, as_role: AsRole, settings: Settings
) -> None:
    settings.AWS_READ_TIMEOUT_S = 1.0
    theirs = Duty(make_account(stranger_cast(duty.aws.cast), on=False), Clock(duty.clock()), as_role)
    # Its clock was on once; there is nobody else in that tenant who could confirm it.
    theirs.aws.row.automation_confirmed_at = duty.clock()
    plant(theirs.aws.row, force_insert=False)
    (hung,) = due(duty)
    (fine,) = theirs.aws.seed(instances=[{"tags": TAGS}])["instances"]
    theirs.look()
    duty.aws.fault(match={"service": "ec2"}, hang_s=10)
    duty.work()
    theirs.order("ec2.start", fine)
    theirs.work_for(rounds=1, seconds=10)
    assert theirs.outcomes() == {fine: ("SUCCEEDED", "reached")}
    assert theirs.lane().breaker == "closed"
    assert duty.outcomes()[hung] == ("CONFIRMED", "no_answer")
    assert hung not in theirs.aws.states()["ec2"]


def test_what_is_seen_by_the_way_shows_on_the_page(duty: Duty) -> None:
    (one,) = due(duty)
    duty.work_for(rounds=1, seconds=10)
    row = duty.resource(one)
    assert (row.state, row.state_since) == ("running", jst(2026, 11, 30).replace(second=10))
