"""Faults 14 and 20: several clocks and workers at once, and one account that holds whoever calls it."""

import pytest

from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.chaos.conftest import HerdOf
from tests.chaos.field import Field
from tests.chaos.judge import judge
from tests.chaos.places import wait_until
from tests.factories import Cast

pytestmark = pytest.mark.chaos


def test_two_clocks_and_four_workers_make_each_transition_once(casts: list[Cast], herd_of: HerdOf) -> None:
    field = Field(casts, accounts=8, servers=25)
    herd = herd_of(field)
    herd.tick(2)
    herd.drain(4)
    field.look()
    wait_until("all have ended", lambda: field.settled(200), within=180)
    said = judge(field)
    assert said.operations == 200
    assert said.faults() == {}
    assert set(said.attempts) == {1}
    assert all(len(call["changes"]) == len(call["ids"]) for call in field.calls())


def test_an_account_that_never_answers_delays_nobody_else(cast: Cast, herd_of: HerdOf) -> None:
    """The hung account has more lanes due than there are workers; two of them are all that it may hold."""
    field = Field(
        [cast], accounts=9, servers=5, regions=("ap-northeast-1", "ap-northeast-3", "us-east-1", "eu-west-1")
    )
    hung = field.accounts[0]
    field.enter()
    hung.fault(match={"service": "ec2"}, hang_s=60)
    herd_of(field, AWS_READ_TIMEOUT_S=30.0, LEASE_S=60.0).drain(4)
    wait_until("the others have ended", lambda: field.settled(8 * 4 * 5), within=180)
    with tenant_scope(cast.tenant.id):
        of_hung = Operation.objects.filter(kind="ec2.start", lane__startswith=f"{hung.number}/")
        assert set(of_hung.values_list("state", flat=True)) == {State.CONFIRMED}
        others = Operation.objects.filter(kind="ec2.start").exclude(lane__startswith=f"{hung.number}/")
        assert set(others.values_list("state", flat=True)) == {State.SUCCEEDED}
