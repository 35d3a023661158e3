"""What a look at a region reads does not grow with the years that lie behind its databases."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from infra.domain.snapshots import snapshot_name
from infra.models import Override, Resource
from infra.models.schedule import OverrideKind, Scope
from infra.operations import corrections, pruning
from infra.queries.drift import last_actions
from infra.queries.rules import rules_at
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import Cast
from tests.medical_audit.support import execute
from tests.stage import Stage, make_stage


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def past(database: Resource, first: datetime, days: int) -> None:
    """Started and stopped each day, with a snapshot that is deleted when the next one is there; the last one stands."""
    rows = []
    for day in range(days):
        at = first + timedelta(days=day)
        start, stop = (
            operation(database, "rds.start", at - timedelta(hours=1)),
            operation(database, "rds.stop", at, snapshot=True),
        )
        name = snapshot_name(database.aws_id, stop.id)
        rows += [start, stop, operation(database, pruning.KIND, at + timedelta(days=1), snapshot=name)]
    with _as_role("super"), tenant_scope(database.tenant_id):
        execute("SET LOCAL session_replication_role = replica")
        Operation.objects.bulk_create(rows[:-1])
    with _as_role("super"):
        execute("ANALYZE medical_audit_operation")


def operation(database: Resource, kind: str, at: datetime, **parameters: object) -> Operation:
    return Operation(
        tenant_id=database.tenant_id, kind=kind, target_type="resource", target_id=str(database.id), target_name=database.name,
        parameters={"aws_id": database.aws_id, **parameters}, digest="0", entered_by_type="schedule", entered_by_id="tick",
        entered_by_name="tick", entered_at=at, due_at=at, deadline=at, approval_expires_at=at, policy="schedule",
        confirmed_by_id="1", confirmed_by_name="誰か", confirmed_at=at, called_at=at, state="SUCCEEDED", outcome="reached",
        finished_at=at + timedelta(minutes=len(parameters)),
    )  # fmt: skip


def rows_read(database: Resource, ask: Callable[[], object]) -> tuple[object, int]:
    """What is found, and how many rows of operations PostgreSQL read for it. A table of this size it would read whole."""
    count = (
        "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
        " WHERE relname = 'medical_audit_operation'"
    )
    with tenant_scope(database.tenant_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(count)
        [before] = cursor.fetchone()
        found = ask()
        cursor.execute(count)
        [after] = cursor.fetchone()
    return found, after - before


@pytest.mark.parametrize(
    "ask",
    [
        lambda ids: {pk: row.id for pk, row in last_actions(ids).items()},
        corrections._last_stops,
        pruning._stops,
    ],
)
def test_the_years_before_are_not_read(ask: Callable[[list[str]], object], stage: Stage) -> None:
    databases = stage.resources(2, kind="rds")
    ids, now = [str(one.id) for one in databases], clock.now()
    for one in databases:
        past(one, now - timedelta(days=40), 40)
    found, few = rows_read(databases[0], lambda: ask(ids))
    for one in databases:
        past(one, now - timedelta(days=240), 200)
    again, many = rows_read(databases[0], lambda: ask(ids))
    assert found
    assert (again, many) == (found, few)


def test_a_resource_is_judged_without_a_look_at_what_holds_for_others(stage: Stage) -> None:
    """Two thousand of other resources, and one of its own among them."""
    row, looked, now = stage.resource(), [], clock.now()

    @dataclass
    class Other:
        id: uuid.UUID = field(default_factory=uuid.uuid4)

        def __getattr__(self, name: str) -> object:
            looked.append(name)
            return {"scope": Scope.RESOURCE, "resource_id": self.id}[name]

    others: list[Any] = [Other() for _ in range(2000)]
    mine = Override(
        kind=OverrideKind.OVERRIDE, scope=Scope.RESOURCE, resource_id=row.id, wish="running", since=now,
        until=now + timedelta(hours=1),
    )  # fmt: skip
    with tenant_scope(row.tenant_id):
        rules = rules_at(now).with_overrides([*others[:1000], mine, *others[1000:]])
        rules.duty(row)
        looked.clear()
        assert [one.id for one in rules.duty(row).windows] == [str(mine.id)]
        assert rules.overrides_of(row) == [mine]
    assert looked == []
