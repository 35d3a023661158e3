"""What somebody changes in AWS behind Toban's back is seen, explained, recorded once, and left as it is."""

from __future__ import annotations

from accounts.domain.permissions import Role
from infra.domain.drift import DriftCause
from infra.models import Resource
from infra.queries.drift import Drift, drift_of, drifted, last_actions
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty

OFFICE = {"AutoStart": "08:30", "AutoStop": "19:00"}


def started(duty: Duty, **fields: object) -> str:
    """A server that Toban has started in the morning."""
    [aws_id] = duty.aws.seed(instances=[{"state": "stopped", "tags": OFFICE, **fields}])["instances"]
    duty.morning()
    assert duty.outcomes()[aws_id] == ("SUCCEEDED", "reached")
    return str(aws_id)


def seen(duty: Duty, aws_id: str) -> Drift | None:
    """The drift as the resource's page shows it; the list's filter must say the same."""
    viewer = duty.aws.cast.actor(Role.VIEWER)
    with tenant_scope(viewer.tenant_id):
        row = Resource.objects.get(aws_id=aws_id)
        found = drift_of(row, last_actions([str(row.id)]).get(str(row.id)))
        assert drifted(actor=viewer).filter(id=row.id).exists() == (found is not None)
    return found


def test_a_server_that_somebody_stops_in_aws_is_shown_recorded_once_and_left_alone(duty: Duty) -> None:
    aws_id = started(duty)
    duty.look()
    assert seen(duty, aws_id) is None
    duty.clock.pass_(minutes=10)
    duty.console("ec2").stop_instances(InstanceIds=[aws_id])
    for _ in range(3):
        duty.clock.pass_(minutes=5)
        duty.look()
        duty.tick()
        duty.work()
    found = seen(duty, aws_id)
    assert found is not None
    assert (found.expected, found.found, found.cause) == ("running", "stopped", DriftCause.BY_HAND)
    assert "User" in found.words
    [event] = duty.events("resource.drifted")
    assert event["detail"]["cause"] == "by_hand"
    assert event["detail"]["last"] == str(found.action.id)
    assert duty.aws.states()["ec2"][aws_id] == "stopped", "a change by hand stands until the next planned one"


def test_what_a_person_asks_of_toban_is_no_drift(duty: Duty) -> None:
    aws_id = started(duty)
    duty.clock.pass_(minutes=10)
    duty.order("ec2.stop", aws_id)
    duty.work_for(rounds=2, seconds=15)
    duty.look()
    assert duty.resource(aws_id).state == "stopped"
    assert seen(duty, aws_id) is None
    assert duty.events("resource.drifted") == []


def test_a_start_that_fell_back_is_a_failure_and_no_drift(duty: Duty) -> None:
    [aws_id] = duty.aws.seed(
        instances=[{"state": "stopped", "tags": OFFICE, "bounce": "Client.InvalidKMSKey.InvalidState"}]
    )["instances"]
    duty.look()
    duty.tick()
    duty.work_for(rounds=4, seconds=20)
    duty.look()
    assert duty.outcomes()[aws_id][0] == "FAILED"
    assert seen(duty, aws_id) is None


def test_a_server_put_right_by_hand_has_drifted_no_longer(duty: Duty) -> None:
    aws_id = started(duty)
    console = duty.console("ec2")
    for change in (console.stop_instances, console.start_instances):
        duty.clock.pass_(minutes=5)
        change(InstanceIds=[aws_id])
        duty.look()
    assert seen(duty, aws_id) is None
    assert len(duty.events("resource.drifted")) == 1


def test_one_that_toban_never_touched_cannot_drift(duty: Duty) -> None:
    [aws_id] = duty.aws.seed(instances=[{"state": "running", "tags": {"Name": "free"}}])["instances"]
    duty.look()
    duty.clock.pass_(minutes=5)
    duty.console("ec2").stop_instances(InstanceIds=[aws_id])
    duty.look()
    assert seen(duty, aws_id) is None
    assert duty.events("resource.drifted") == []
