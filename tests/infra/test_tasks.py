"""The wake-ups: one tenant's trouble is its own, and what is asked twice is done once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from queue import Empty

import pytest
from structlog.testing import capture_logs

from config.celery import app
from infra import tasks
from infra.models import Region, Resource
from medical_audit import clock
from medical_audit.models import Heartbeat, Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import make_cast
from tests.infra.operations.duty import JST
from tests.simulated import Account, Clock, make_account


def due_now(account: Account, as_role: AsRole, planned_from: datetime | None) -> None:
    """Plant one server whose stop came due just now by the database's clock."""
    minute = f"{clock.now().astimezone(JST):%H:%M}"
    account.seed(instances=[{"state": "running", "tags": {"AutoStop": minute}}])
    with as_role("worker"):
        account.inventory(Clock(clock.now()))
        with tenant_scope(account.cast.tenant.id):
            Resource.objects.update(next_change_at=clock.now(), planned_from=planned_from)


def entered(account: Account) -> int:
    with tenant_scope(account.cast.tenant.id):
        return Operation.objects.filter(kind="ec2.stop").count()


@pytest.fixture
def asked() -> Iterator[dict[str, list[list[object]]]]:
    """What the tasks put on the broker, by queue, read at the end of the test's own reading."""
    seen: dict[str, list[list[object]]] = {"aws": [], "inventory": []}
    _read(seen)
    for messages in seen.values():
        messages.clear()
    yield seen
    _read(seen)


def _read(seen: dict[str, list[list[object]]]) -> None:
    with app.connection_for_read() as connection:
        for name, messages in seen.items():
            with connection.SimpleQueue(name) as waiting:
                while True:
                    try:
                        message = waiting.get(block=False)
                    except Empty:
                        break
                    message.ack()
                    messages.append(message.payload[0])


def test_a_row_that_breaks_the_engine_is_looked_at_later_and_stops_nobody_elses_tick(
    aws: Account, as_role: AsRole, asked: dict[str, list[list[object]]]
) -> None:
    broken = make_account(make_cast(), now=clock.now())
    before = clock.now() - timedelta(hours=12)
    due_now(aws, as_role, before)
    due_now(broken, as_role, None)  # no code writes this; the engine breaks on it
    with as_role("scheduler"), capture_logs() as logs:
        tasks.tick()
        beat = Heartbeat.objects.get(name="tick")
    assert entered(aws) == 1
    assert entered(broken) == 0
    assert [line["tenant"] for line in logs if line["event"] == "schedule_failed"] == [
        str(broken.cast.tenant.id)
    ]
    assert beat.at > before
    _read(asked)
    assert [str(aws.cast.tenant.id), aws.lane] in asked["aws"]


def test_an_inventory_that_is_due_is_asked_for_and_done_once(
    aws: Account, as_role: AsRole, asked: dict[str, list[list[object]]]
) -> None:
    tenant, region = str(aws.cast.tenant.id), str(aws.region.id)
    with as_role("scheduler"):
        tasks.kick_inventories()
    _read(asked)
    assert [tenant, region] in asked["inventory"]
    with as_role("worker"), capture_logs() as logs:
        tasks.take_inventory(tenant, region)
        tasks.take_inventory(tenant, region)
    assert [line["region"] for line in logs if line["event"] == "inventory"] == [region]
    asked["inventory"].clear()
    with as_role("scheduler"):
        tasks.kick_inventories()
    _read(asked)
    assert [tenant, region] not in asked["inventory"]
    with tenant_scope(aws.cast.tenant.id):
        assert Region.objects.get(id=aws.region.id).inventory_problem == ""
