"""Late and missed: the rule in Python and the rule asked of the database are one rule."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accounts.domain.permissions import Role
from medical_audit.domain.punctuality import LATE_AFTER, Kept, kept
from medical_audit.domain.states import FINAL, State
from medical_audit.models import Operation
from medical_audit.queries.operations import OperationFilter, count_operations, list_operations
from medical_audit.queries.paging import Cursors
from medical_audit.queries.punctuality import kept_between
from medical_audit.tenancy import tenant_scope
from tests.factories import MONDAY_0830, Cast
from tests.medical_audit.support import plant

DUE = MONDAY_0830
NOW = DUE + timedelta(hours=2)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("state", "outcome", "after", "now", "expected"),
    [
        (State.SUCCEEDED, "reached", LATE_AFTER, NOW, Kept.ON_TIME),
        (State.SUCCEEDED, "reached", LATE_AFTER + SECOND, NOW, Kept.LATE),
        (State.SUCCEEDED, "already", LATE_AFTER + SECOND, NOW, Kept.ON_TIME),
        (State.FAILED, "key", SECOND, NOW, Kept.FAILED),
        (State.MISSED, "grace_passed", SECOND, NOW, Kept.MISSED),
        (State.EXPIRED, "", SECOND, NOW, Kept.MISSED),
        (State.CANCELLED, "superseded", SECOND, NOW, Kept.LEFT_OUT),
        (State.CONFIRMED, "", None, DUE + LATE_AFTER, Kept.DUE),
        (State.CONFIRMED, "", None, DUE + LATE_AFTER + SECOND, Kept.LATE),
        (State.RUNNING, "", None, NOW, Kept.LATE),
        (State.UNKNOWN, "no_answer", None, DUE + SECOND, Kept.DUE),
    ],
)
def test_what_became_of_a_planned_action(
    state: State, outcome: str, after: timedelta | None, now: datetime, expected: Kept
) -> None:
    finished = DUE + after if after is not None else None
    assert kept(state, outcome, DUE, finished, now) is expected


def rows(cast: Cast) -> list[Operation]:
    """One planned start in every state, twice where an early and a late one differ; and a start by hand, a tag, an old one."""
    made = []
    for state in State:
        for after in (timedelta(minutes=1), timedelta(minutes=30)):
            for outcome in ("reached", "already"):
                made.append(row(cast, state, DUE, after, outcome=outcome))
    made.append(row(cast, State.SUCCEEDED, DUE, timedelta(minutes=30), policy="self"))
    made.append(row(cast, State.SUCCEEDED, DUE, timedelta(minutes=30), target_type="volume"))
    made.append(row(cast, State.SUCCEEDED, DUE, timedelta(minutes=30), kind="rds.certificate"))
    made.append(row(cast, State.SUCCEEDED, DUE - timedelta(days=40), timedelta(minutes=30)))
    return made


def row(cast: Cast, state: State, due: datetime, after: timedelta, **fields: str) -> Operation:
    values = {
        "kind": "ec2.start", "policy": "schedule", "target_type": "resource", "outcome": "reached",
    } | fields  # fmt: skip
    return plant(
        Operation(
            tenant_id=cast.tenant.id, target_id="r", target_name="web", digest="d" * 64,
            entered_by_type="schedule", entered_by_id="schedule", entered_by_name="schedule", entered_at=due, due_at=due,
            deadline=due + timedelta(hours=1), approval_expires_at=due, confirmed_by_id="p", confirmed_by_name="P",
            state=state, finished_at=due + after if state in FINAL else None, **values,
        )
    )  # fmt: skip


def test_the_database_judges_each_row_as_the_rule_does_and_the_months_figure_is_the_lists(cast: Cast) -> None:
    made, viewer = rows(cast), cast.actor(Role.VIEWER)
    begin, end = DUE.replace(day=1), DUE + timedelta(days=5)
    mine = [
        one
        for one in made
        if (one.policy, one.target_type, one.kind, one.due_at) == ("schedule", "resource", "ec2.start", DUE)
    ]
    with tenant_scope(cast.tenant.id):
        figure = kept_between(begin, end, actor=viewer, now=NOW)
        for kind in Kept:
            wanted = OperationFilter(kept=str(kind), since=begin, until=end)
            expected = {
                one.id
                for one in mine
                if kept(State(one.state), one.outcome, one.due_at, one.finished_at, NOW) is kind
            }
            found = list_operations(wanted, Cursors(size=200), actor=viewer, now=NOW).rows
            assert {one.id for one in found} == expected, kind
            assert count_operations(wanted, actor=viewer, now=NOW).total == len(expected)
            assert figure[kind] == len(expected)
        assert sum(figure.values()) == len(mine)
        nonsense = OperationFilter(kept="nonsense")
        assert list_operations(nonsense, Cursors(), actor=viewer, now=NOW).rows == []
