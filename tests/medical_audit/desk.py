"""Kinds of operations for tests, and an outside world that says what it is told to say."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.domain.permissions import Permission, Role
from medical_audit.domain.actor import Actor, schedule_actor
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import (
    Accepted,
    Authority,
    Done,
    Go,
    Health,
    Kind,
    OperationTarget,
    Policy,
    Round,
    Verdict,
    register,
)
from medical_audit.models import Event, Lane, Operation
from medical_audit.operations import entry, execution
from medical_audit.operations.automatic import Due, enter_due
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import MONDAY_0830, Cast, proof
from tests.simulated import Clock, new_account_id

SELF, OTHER, APPLY = "test.self", "test.other", "test.apply"
Say = Callable[[Operation], Verdict]
SOON = timedelta(seconds=5)


@dataclass
class Outside:
    """What the outside answers, per phase, and what it was asked: [(phase, [target ids])]."""

    check: Say = lambda row: Go()
    call: Say = lambda row: Accepted("req-1", SOON)
    observe: Say = lambda row: Done("reached")
    health: Health = Health.GOOD
    before_call: Callable[[], None] = lambda: None
    before_remember: Callable[[], None] = lambda: None
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def called(self) -> list[str]:
        """Targets that were called, one for each time."""
        return [target for phase, targets in self.asked if phase == "call" for target in targets]

    def answer(self, phase: str, rows: Sequence[Operation]) -> Round:
        assert not connection.in_atomic_block, (
            f"{phase} inside a transaction: it would hold locks while AWS thinks"
        )
        self.asked.append((phase, [row.target_id for row in rows]))
        say: Say = getattr(self, phase)
        code = "" if self.health in (Health.GOOD, Health.UNTOUCHED) else "scripted"
        return Round({row.id: say(row) for row in rows}, self.health, code)


class Scripted:
    """An executor at the gateway's place: each lane has its own outside."""

    outsides: Mapping[str, Outside] = {}

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Outside:
        assert connection.in_atomic_block
        return self.outsides[operations[0].lane]

    def check(self, plan: Outside, operations: Sequence[Operation], now: datetime) -> Round:
        return plan.answer("check", operations)

    def intend(self, plan: Outside, operations: Sequence[Operation], now: datetime) -> None:
        assert connection.in_atomic_block

    def call(self, plan: Outside, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        plan.before_call()
        if not still_ours():
            raise LeaseLost
        return plan.answer("call", operations)

    def observe(self, plan: Outside, operations: Sequence[Operation], now: datetime) -> Round:
        return plan.answer("observe", operations)

    def remember(self, plan: Outside, now: datetime) -> None:
        assert connection.in_atomic_block
        plan.before_remember()


SCRIPTED = Scripted()
#: What a local kind did, by operation; raising makes it break.
APPLIED: list[UUID] = []


def _apply(operation: Operation, now: datetime) -> dict[str, Any]:
    if operation.parameters.get("break"):
        raise ZeroDivisionError
    APPLIED.append(operation.id)
    return {"done": "yes"}


def _refusal(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
    return str((target.facts or {}).get("refused") or "") or None


def _kind(name: str, policy: Policy, **changes: Any) -> Kind:
    given: dict[str, Any] = {
        "name": name,
        "enter_permission": Permission.POWER_ENTER,
        "confirm_permission": Permission.POWER_CONFIRM,
        "policy": policy,
        "clean": dict,
        "shown": lambda target, parameters: {"sentence": name, "target": target.id},
        "refusal": _refusal,
        "executor": SCRIPTED,
        "max_attempts": 3,
        "batch": 3,
    }
    return Kind(**given | changes)


def register_kinds() -> None:
    local: dict[str, Any] = {
        "enter_permission": Permission.AUTOMATION_ENTER,
        "confirm_permission": Permission.AUTOMATION_CONFIRM,
        "executor": None,
        "apply": _apply,
    }
    for kind in (
        _kind(SELF, Policy.SELF, proxied=True),
        _kind(OTHER, Policy.OTHER),
        _kind(APPLY, Policy.OTHER, **local),
    ):
        register(kind)


@dataclass
class Desk:
    """One tenant's people at work in one lane, with a clock that stands until it is moved."""

    cast: Cast
    lane: str
    outside: Outside
    clock: Clock
    confirmed_authority: Authority | None = None

    @property
    def tenant_id(self) -> UUID:
        return self.cast.tenant.id

    def actor(self, role: Role) -> Actor:
        return self.cast.actor(role)

    def target(self, name: str = "", **facts: Any) -> OperationTarget:
        return OperationTarget("ec2", name or f"i-{uuid.uuid4().hex[:8]}", name or "web", self.lane, facts)

    def enter(
        self, kind: str = OTHER, role: Role = Role.OPERATOR, *, reason: str = "because", **given: Any
    ) -> Operation:
        target = given.pop("target", None) or (
            OperationTarget("account", "1", "account")
            if kind == APPLY
            else self.target(**given.pop("facts", {}))
        )
        parameters = given.pop("parameters", {})
        return entry.enter(
            kind, target, parameters, actor=self.actor(role), now=self.clock(), reason=reason, **given
        )

    def confirm(self, operation: Operation, role: Role = Role.APPROVER) -> Operation:
        return self.confirm_as(operation, self.actor(role))

    def confirm_as(self, operation: Operation, actor: Actor) -> Operation:
        now = self.clock()
        return entry.confirm(
            operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof(actor, now)
        )

    def confirmed(self, count: int = 1, kind: str = OTHER) -> list[Operation]:
        return [self.confirm(self.enter(kind)) for _ in range(count)]

    def due(self, key: str, *, at: datetime | None = None, **changes: Any) -> Due:
        given = {
            "kind": SELF,
            "target": self.target(key),
            "parameters": {},
            "due_at": at or self.clock(),
            "dedupe_key": f"{self.lane} {key}",
            "authority": changes.get("authority") or self.authority(),
            "reason": {"code": "tags"},
        }
        return Due(**given | changes)  # type: ignore[arg-type]

    def authority(self) -> Authority:
        """What the clock's entries rest on: entered by the administrator, confirmed by the approver."""
        if self.confirmed_authority is None:
            with _as_role("web"):
                basis = self.confirm(self.enter(APPLY, Role.ADMINISTRATOR))
            self.confirmed_authority = Authority(
                "tags", str(basis.id), basis.confirmed_by_id, basis.confirmed_by_name
            )
        return self.confirmed_authority

    def scheduled(self, *keys: str) -> list[Operation]:
        """Entered by the clock, confirmed by the authority behind it."""
        dues = [self.due(key) for key in keys]
        with _as_role("scheduler"):
            return enter_due(dues, actor=self.clockwork(), now=self.clock())

    def clockwork(self) -> Actor:
        return schedule_actor(self.tenant_id, "tick", frozenset({str(Permission.POWER_ENTER)}))

    def drain(self, worker: str = "worker-1") -> int:
        with _as_role("worker"):
            return self.drain_here(worker)

    def drain_here(self, worker: str = "worker-1") -> int:
        return execution.drain_lane(self.tenant_id, self.lane, worker=worker, clock=self.clock)

    def row(self, operation: Operation) -> Operation:
        with tenant_scope(self.tenant_id):
            found: Operation = Operation.objects.get(id=operation.id)
            return found

    def lane_row(self) -> Lane:
        with tenant_scope(self.tenant_id):
            found: Lane = Lane.objects.get(name=self.lane)
            return found

    def story(self, operation: Operation) -> list[str]:
        """The kinds of an operation's events in order, without their common beginning."""
        with tenant_scope(self.tenant_id):
            kinds = (
                Event.objects.filter(operation_id=str(operation.id))
                .order_by("ord")
                .values_list("kind", flat=True)
            )
            return [kind.removeprefix("operation.") for kind in kinds]


def make_desk(cast: Cast) -> Desk:
    lane = f"{new_account_id()}/ap-northeast-1"
    outside = Outside()
    Scripted.outsides = {**Scripted.outsides, lane: outside}
    return Desk(cast, lane, outside, Clock(MONDAY_0830))
