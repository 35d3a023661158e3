"""What was decided after a change was entered is not undone unseen when that change is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.operations.ruling import enter_rules as enter_brake
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.anomalies import BOUNDS
from medical_audit.domain.errors import Refused
from medical_audit.models import Operation
from medical_audit.operations import entry, watching
from medical_audit.operations.confirm_policies import enter_confirm_policy
from medical_audit.operations.policies import enter_policy
from medical_audit.queries.policies import Policy
from medical_audit.tenancy import tenant_scope
from tests.factories import Cast, proof

Entered = Callable[[int, Actor], Operation]


def session_policy(number: int, actor: Actor) -> Operation:
    return enter_policy(Policy(idle_minutes=5 + number), actor=actor, now=clock.now(), reason="規程")


def confirm_policy(number: int, actor: Actor) -> Operation:
    policy, role = (("other", ""), ("two", Role.APPROVER))[number]
    return enter_confirm_policy("ec2.start", policy, role, actor=actor, now=clock.now(), reason="規程")


def thresholds(number: int, actor: Actor) -> Operation:
    name, bound = next(iter(BOUNDS.items()))
    return watching.enter_rules(
        {name: bound.least + number}, actor=actor, now=clock.now(), reason="規程"
    )  # fmt: skip


def brake(number: int, actor: Actor) -> Operation:
    return enter_brake(brake_percent=30 + number, brake_least=5, actor=actor, now=clock.now(), reason="規程")


@pytest.mark.parametrize("entered", [session_policy, confirm_policy, thresholds, brake])
def test_of_two_changes_to_the_same_rules_the_second_confirmed_is_refused(
    cast: Cast, entered: Entered
) -> None:
    enterer, confirmer = cast.actor(Role.ADMINISTRATOR), cast.actor(Role.APPROVER)
    first, second = entered(0, enterer), entered(1, enterer)

    def confirm(operation: Operation) -> None:
        now = clock.now() + timedelta(seconds=1)
        with tenant_scope(cast.tenant.id):
            entry.confirm(
                operation.id,
                actor=confirmer,
                now=now,
                seen_digest=operation.digest,
                proof=proof(confirmer, now),
            )

    confirm(second)
    with pytest.raises(Refused, match="rules_changed"):
        confirm(first)
