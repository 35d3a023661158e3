"""Faults 5, 6, 7 and 10: broker, database and workers die under real Celery processes; nothing is lost.

How late it gets is measured by `./toban bench broker`, not asserted here.
"""

from collections.abc import Iterator

import pytest
from django.db import connection

from config.datafolder import DataFolder
from medical_audit.domain.states import State
from medical_audit.models import Lane
from medical_audit.tenancy import tenant_scope
from tests import factories
from tests.chaos.broker import WITHIN, dies_and_comes_back, forgets_everything
from tests.chaos.field import Field
from tests.chaos.house import House
from tests.chaos.judge import judge
from tests.chaos.places import wait_until

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[House]:
    folder = DataFolder(tmp_path_factory.mktemp("house") / "data")
    folder.prepare()
    house = House(folder)
    try:
        house.make()
        yield house
    finally:
        house.close()


@pytest.fixture
def house(built: House) -> Iterator[House]:
    """Servers up, processes at work, its database ours."""
    with built.inside():
        built.up()
        built.run()
        yield built


def test_a_broker_that_forgets_everything_loses_nothing(house: House) -> None:
    field, _ = forgets_everything(house)
    assert judge(field).faults() == {}


def test_a_broker_that_dies_and_comes_back_loses_nothing(house: House) -> None:
    field, _ = dies_and_comes_back(house)
    assert judge(field).faults() == {}


def test_a_database_that_crashes_in_the_middle_loses_nothing(house: House) -> None:
    field = Field([factories.make_cast()], accounts=6, servers=5, shift=house.shift)
    field.rough(500, 1000)
    field.look()
    wait_until("calls are under way", lambda: State.RUNNING in field.states(), within=WITHIN)
    house.servers.kill({"postgres"})
    house.up()
    connection.close()
    wait_until("all have ended", lambda: field.settled(30), within=WITHIN)
    assert judge(field).faults() == {}


def test_a_worker_asked_to_stop_ends_its_batch_gives_its_lanes_back_and_leaves_the_rest(house: House) -> None:
    field = Field([factories.make_cast()], accounts=1, servers=200, shift=house.shift)
    field.accounts[0].fault(match={"action": "StartInstances"}, latency_ms=2500)
    field.look()
    wait_until("a call is under way", lambda: State.RUNNING in field.states(), within=WITHIN)
    going = house.processes.children["aws"]
    going.terminate()
    assert going.wait(60) == 0
    left = field.states()
    with tenant_scope(field.tenants[0]):
        assert list(Lane.objects.filter(leased_until__isnull=False)) == []
    house.run()
    wait_until("all have ended", lambda: field.settled(200), within=WITHIN)
    assert judge(field).faults() == {}
    assert left[State.CONFIRMED] >= 100
