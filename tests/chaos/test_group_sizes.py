"""A worker dies round the call that sets a group to nothing: its sizes are never lost, whatever moment it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from infra.models import Resource
from medical_audit.domain.states import FINAL
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.chaos.conftest import HerdOf
from tests.chaos.field import Field, Trap
from tests.chaos.places import wait_until
from tests.factories import MONDAY_0830, Cast

pytestmark = pytest.mark.chaos
WITHIN = 90.0
PATIENT = {"LEASE_S": 3.0, "AWS_READ_TIMEOUT_S": 30.0}
SIZES = {"min": 2, "desired": 3, "max": 6}


@pytest.fixture
def field(cast: Cast) -> Field:
    """One account with one group, whose stop at 19:00 is entered."""
    made = Field([cast], accounts=1, servers=0, since=MONDAY_0830 + timedelta(hours=10, minutes=31))
    made.accounts[0].seed(groups=[{"id": "web", "tags": {"AutoStop": "19:00"}, **SIZES}])
    assert made.enter() == 1
    return made


def row_of(field: Field) -> Resource:
    with tenant_scope(field.tenants[0]):
        row: Resource = Resource.objects.get(kind="asg")
        return row


def ended(field: Field) -> list[tuple[str, str]]:
    with tenant_scope(field.tenants[0]):
        rows = Operation.objects.filter(kind="asg.stop", state__in=FINAL)
        return [(str(row.state), row.outcome) for row in rows]


@pytest.mark.parametrize(
    ("moment", "calls"),
    [
        pytest.param({"hang_s": 60}, 2, id="remembered, never applied"),
        pytest.param({"hold": "after"}, 1, id="applied, never answered"),
    ],
)
def test_sizes_outlive_a_worker_killed_between_remembering_and_the_answer(
    field: Field, herd_of: HerdOf, moment: dict[str, Any], calls: int
) -> None:
    (account,) = field.accounts
    trap = Trap(account, match={"action": "UpdateAutoScalingGroup"}, times=1, **moment)
    herd = herd_of(field, **PATIENT)
    (worker,) = herd.drain()
    wait_until("the call is under way", trap.holds, within=WITHIN)
    assert row_of(field).memory["sizes"] == SIZES
    herd.kill(worker)
    trap.open()
    herd.drain()
    wait_until("it has ended", lambda: bool(ended(field)), within=WITHIN)
    assert ended(field) == [("SUCCEEDED", "reached")]
    assert account.states()["groups"] == {"web": "0/0/0"}
    assert row_of(field).memory["sizes"] == SIZES
    sent = [one for one in account.journal() if one["action"] == "UpdateAutoScalingGroup"]
    assert len(sent) == 1
    assert account.calls()["autoscaling.UpdateAutoScalingGroup"] == calls
