"""訂正: what was confirmed stays; a correction is a new version beside it, confirmed on its own (workflows §5 test 23)."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations.correcting import enter_correction
from medical_audit.queries.versions import Version, versions_of
from medical_audit.tenancy import tenant_scope
from tests.medical_audit.desk import Desk
from tests.medical_audit.threads import race

O, A, D = Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR  # noqa: E741


def correct(desk: Desk, operation: Operation, says: str, role: Role = O) -> Operation:
    return enter_correction(operation.id, says, actor=desk.actor(role), now=desk.clock(), reason="誤記のため")


def versions(desk: Desk, operation: Operation) -> list[Version]:
    actor = desk.actor(A)
    with tenant_scope(desk.tenant_id):
        return versions_of(operation, actor=actor)


def test_a_correction_is_a_new_version_and_the_old_one_stays_readable(desk: Desk) -> None:
    first = desk.confirm(desk.enter(reason="保守の為"))
    second = correct(desk, first, "月例保守のため")
    assert (second.corrects, second.version, second.state) == (first.id, 2, State.ENTERED)
    assert [one.stands for one in versions(desk, first)] == [True, False]
    desk.confirm(second)
    third = desk.confirm(correct(desk, first, "月例保守(11月)のため"))
    assert (third.corrects, third.version) == (second.id, 3)
    chain = versions(desk, third)
    assert [(one.number, one.before, one.says, one.stands) for one in chain] == [
        (1, "", "保守の為", True),
        (2, "保守の為", "月例保守のため", True),
        (3, "月例保守のため", "月例保守(11月)のため", True),
    ]
    assert desk.row(first).reason == "保守の為"
    assert desk.outside.called() == []


def test_it_is_confirmed_by_another_person(desk: Desk) -> None:
    second = correct(desk, desk.confirm(desk.enter()), "ほかの理由")
    with pytest.raises(NotPermitted, match="another_person_must_confirm"):
        desk.confirm(second, O)
    assert desk.confirm(second, D).state == State.SUCCEEDED


def test_which_version_it_corrects_is_confirmed_with_it(desk: Desk) -> None:
    first = desk.confirm(desk.enter())
    second = correct(desk, first, "ほかの理由")
    with pytest.raises(DatabaseError, match="never changes"), tenant_scope(desk.tenant_id):
        Operation.objects.filter(id=second.id).update(corrects=None)


def test_one_correction_at_a_time_and_only_of_what_was_confirmed(desk: Desk) -> None:
    waiting = desk.enter()
    with pytest.raises(Refused, match="not_confirmed"):
        correct(desk, waiting, "ほかの理由")
    first = desk.confirm(waiting)
    with pytest.raises(Refused, match="nothing_changed"):
        correct(desk, first, "because")
    second = correct(desk, first, "ほかの理由")
    with pytest.raises(Refused, match="correction_waits"):
        correct(desk, first, "別の理由")
    with pytest.raises(Refused, match="not_confirmed"):
        correct(desk, desk.confirm(second), "別の理由")


def test_of_two_corrections_at_one_moment_the_second_is_told_to_wait(desk: Desk) -> None:
    first = desk.confirm(desk.enter())
    outcomes = race(2, lambda number: correct(desk, first, f"理由{number}"))
    (refused,) = [one for one in outcomes if isinstance(one, Exception)]
    assert isinstance(refused, Refused)
    assert refused.code == "correction_waits"


def test_a_viewer_corrects_nothing(desk: Desk) -> None:
    with pytest.raises(NotPermitted):
        correct(desk, desk.confirm(desk.enter()), "x", Role.VIEWER)
