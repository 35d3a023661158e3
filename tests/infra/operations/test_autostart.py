"""Auto-start, from the tag in AWS to the running server and its record (the hand-made job of every morning)."""

import pytest

from infra.models import Resource
from infra.operations.tick import tick
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.queries.verification import verify
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import MONDAY_0830
from tests.simulated import Account, Clock


@pytest.fixture
def monday() -> Clock:
    return Clock(MONDAY_0830)


def test_seven_stopped_servers_in_seven_reservations_run_after_one_tick(
    aws: Account, monday: Clock, as_role: AsRole
) -> None:
    tags = {"Name": "web", "AutoStart": "08:30"}
    ids = aws.seed(instances=[{"state": "stopped", "tags": tags} for _ in range(7)])["instances"]
    with as_role("worker"):
        aws.inventory(monday)
    with as_role("scheduler"):
        assert len(tick(aws.cast.tenant.id, now=monday()).entered) == 7
    with as_role("worker"):
        assert aws.drain(monday) == 7
        monday.pass_(seconds=10)
        aws.drain(monday)
    assert {aws.states()["ec2"][one] for one in ids} == {"running"}
    assert aws.calls()["ec2.StartInstances"] == 1
    with tenant_scope(aws.cast.tenant.id):
        rows = list(Operation.objects.filter(kind="ec2.start"))
        assert [row.state for row in rows] == [State.SUCCEEDED] * 7
        assert {row.confirmed_by_name for row in rows} == {"approver"}
        for row in rows:
            story = list(
                Event.objects.filter(operation_id=str(row.id)).order_by("ord").values_list("kind", flat=True)
            )
            assert story == ["operation.entered", "operation.confirmed", "operation.called", "operation.accepted",
                             "operation.succeeded"]  # fmt: skip
        assert set(Resource.objects.values_list("state", flat=True)) == {"running"}
    with as_role("audit"):
        assert verify(aws.cast.tenant.id).intact


def test_a_second_tick_ten_minutes_later_calls_nothing(aws: Account, monday: Clock, as_role: AsRole) -> None:
    aws.seed(instances=[{"state": "stopped", "tags": {"AutoStart": "08:30"}}])
    with as_role("worker"):
        aws.inventory(monday)
    with as_role("scheduler"):
        tick(aws.cast.tenant.id, now=monday())
    with as_role("worker"):
        aws.drain(monday)
        monday.pass_(seconds=10)
        aws.drain(monday)
    before = aws.calls()
    monday.pass_(minutes=10)
    with as_role("scheduler"):
        assert tick(aws.cast.tenant.id, now=monday()).resources == 0
    with as_role("worker"):
        assert aws.drain(monday) == 0
    assert aws.calls() == before
