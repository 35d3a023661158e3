"""Starting and stopping EC2 and RDS instances: look, call in batches, look again."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.aws import ec2, rds
from infra.aws.batches import not_sent
from infra.domain.aws import (
    AwsError,
    CallResult,
    Database,
    Ec2Instance,
    Problem,
    Target,
    problem_of_state_reason,
    stop_refusal,
)
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.power import Power, ec2_power, rds_power
from infra.domain.schedule import Action
from infra.models import Resource
from infra.operations.judging import no_longer_wanted
from infra.operations.neighbours import held_back
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.rules import Rules, rules_at
from infra.queries.targets import target_of
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import Accepted, Done, Drop, Fail, Go, Health, Later, Round, Verdict
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation
from medical_audit.operations.writing import write_rows

#: How long after a call AWS may still show what was before it, and when a fall is certain.
SHOWN_AFTER, BOUNCE_AFTER = timedelta(seconds=10), timedelta(seconds=30)
#: hibernate (EC2 stop), retain (stop), ordered (within the project).
OPTIONS = ("hibernate", "retain", "ordered")
NO_HIBERNATION = frozenset({Problem.INVALID, Problem.UNSUPPORTED})
SEEN_FIELDS = ("state", "aws_state", "state_since", "fingerprint")


@dataclass(slots=True)
class Seen:
    """One machine as AWS just showed it."""

    power: Power
    aws_state: str
    tags: Mapping[str, str]
    state_reason: str = ""
    stop_refusal: str = ""


@dataclass(slots=True)
class Plan:
    """What a batch needs: whom to ask, the resource of each operation, and what was seen on the way."""

    target: Target | None
    resources: Mapping[UUID, Resource]
    rules: Rules
    held: Mapping[UUID, Drop | Later | Go]
    now: datetime
    seen: dict[UUID, Seen] = field(default_factory=dict)


class PowerExecutor:
    """`service` is ec2 or rds; `action` what is wanted."""

    def __init__(self, service: str, action: Action, look_in: timedelta) -> None:
        self.service, self.action, self.look_in = service, action, look_in
        self.goal = Power.RUNNING if action is Action.START else Power.STOPPED

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        rows = {
            str(row.id): row
            for row in Resource.objects.filter(id__in=[one.target_id for one in operations]).select_related(
                "account"
            )
        }
        account, _, region = operations[0].lane.partition("/")
        resources = {one.id: rows[one.target_id] for one in operations if one.target_id in rows}
        held = held_back(operations, resources, self.action, now)
        return Plan(target_of(account, region), resources, rules_at(now), held, now)

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, now, self._before)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, now, self._after)

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        """One call may serve several operations: a person may order what the clock just entered too."""
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        wishes: dict[str, list[UUID]] = defaultdict(list)
        for one in operations:
            wishes[plan.resources[one.id].aws_id].append(one.id)
        try:
            asleep = {
                plan.resources[one.id].aws_id
                for one in operations
                if one.parameters.get("hibernate") and plan.resources[one.id].facts.get("hibernation")
            }
            results = self._send(plan.target, list(wishes), asleep, still_ours)
        except GatewayLeaseLost as lost:
            raise LeaseLost(lane=operations[0].lane) from lost
        verdicts = {
            one: self._answered(result) for aws_id, result in results.items() for one in wishes[aws_id]
        }
        errors = [result.error for result in results.values()]
        return Round(verdicts, *health_of(errors))

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows what was just seen, without waiting for the next inventory (which compares anew)."""
        changed = {}
        for operation_id, seen in plan.seen.items():
            row = plan.resources[operation_id]
            if (row.state, row.aws_state) != (seen.power, seen.aws_state):
                row.state, row.aws_state, row.state_since, row.fingerprint = (
                    seen.power,
                    seen.aws_state,
                    now,
                    "",
                )
                changed[row.id] = row
        if changed:
            rows = Resource.objects.filter(id__in=changed).select_for_update(of=("self",)).order_by("id")
            ordered = [changed[row.id] for row in rows.only("id")]
            write_rows(ordered, SEEN_FIELDS)

    # -- looking ----------------------------------------------------------------------------------------------

    def _look(
        self,
        plan: Plan,
        operations: Sequence[Operation],
        now: datetime,
        judge: Callable[[Plan, Operation, Resource, Seen, datetime], Verdict],
    ) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        verdicts: dict[UUID, Verdict] = {
            one.id: Fail("gone") for one in operations if one.id not in plan.resources
        }
        asked = [one for one in operations if one.id in plan.resources]
        try:
            found = self._describe(plan.target, [plan.resources[one.id].aws_id for one in asked])
        except AwsError as error:
            uncalled = judge == self._before
            verdict = (
                before_error(error) if uncalled else Later(str(error.problem), self.look_in * 3, seen=False)
            )
            return Round(verdicts | dict.fromkeys((one.id for one in asked), verdict), *health_of([error]))
        for one in asked:
            row = plan.resources[one.id]
            seen = found.get(row.aws_id)
            if seen is None:
                verdicts[one.id] = Fail("gone")
                continue
            plan.seen[one.id] = seen
            verdicts[one.id] = judge(plan, one, row, seen, now)
        return Round(verdicts, Health.GOOD if asked else Health.UNTOUCHED)

    def _before(self, plan: Plan, operation: Operation, row: Resource, seen: Seen, now: datetime) -> Verdict:
        if seen.power == Power.GONE:
            return Fail("gone", detail={"aws_state": seen.aws_state})
        if operation.policy == "schedule" and (
            drop := no_longer_wanted(plan.rules, row, operation, now, seen.tags)
        ):
            return drop
        if seen.power == self.goal:
            return Done("already", detail={"aws_state": seen.aws_state})
        held = plan.held.get(operation.id)
        if held is not None and not isinstance(held, Go):
            return too_late(operation, now) or held
        return too_late(operation, now) or self._hindrance(seen) or held or Go()

    def _hindrance(self, seen: Seen) -> Fail | Later | None:
        """What AWS would answer with a refusal, now or for good."""
        if self.action is Action.STOP and seen.stop_refusal:
            return Fail(f"unsupported_{seen.stop_refusal}")
        if seen.power != (Power.STOPPED if self.goal == Power.RUNNING else Power.RUNNING):
            return Later("in_transition", self.look_in, detail={"aws_state": seen.aws_state})
        if self.service == "rds" and self.goal == Power.STOPPED and seen.aws_state != "available":
            return Later("busy", self.look_in * 3, detail={"aws_state": seen.aws_state})
        return None

    def _after(self, plan: Plan, operation: Operation, row: Resource, seen: Seen, now: datetime) -> Verdict:
        if seen.power == self.goal:
            return Done("reached", detail={"aws_state": seen.aws_state})
        if seen.power == Power.GONE:
            return Fail("gone", detail={"aws_state": seen.aws_state})
        if seen.power == Power.TRANSITION:
            return Later("in_transition", self.look_in)
        if operation.state == OperationState.UNKNOWN:
            shown = operation.called_at is None or now - operation.called_at >= SHOWN_AFTER
            return Go() if shown else Later("not_yet", self.look_in)
        return self._back_where_it_was(operation, seen, now)

    def _back_where_it_was(self, operation: Operation, seen: Seen, now: datetime) -> Verdict:
        """Accepted, yet in its old state: not yet shown, or fallen back (a refused disk key does that).

        For a moment AWS may still show the state and reason from before the call, which prove nothing.
        """
        since = now - (operation.accepted_at or now)
        if since < SHOWN_AFTER:
            return Later("not_yet", self.look_in)
        problem = problem_of_state_reason(seen.state_reason)
        detail = {"aws_state": seen.aws_state, "state_reason": seen.state_reason}
        if self.action is Action.START and problem is not None:
            return Fail(str(problem), detail=detail)
        return Fail("fell_back", detail=detail) if since > BOUNCE_AFTER else Later("not_yet", self.look_in)

    # -- calling ----------------------------------------------------------------------------------------------

    def _describe(self, target: Target, ids: list[str]) -> dict[str, Seen]:
        if self.service == "ec2":
            return {key: _seen_instance(one) for key, one in ec2.describe_instances(target, ids).items()}
        return {key: _seen_database(one) for key, one in rds.describe_databases(target, ids).items()}

    def _send(
        self, target: Target, ids: list[str], asleep: set[str], still_ours: Callable[[], bool]
    ) -> dict[str, CallResult]:
        """`asleep`: those that are to hibernate, or to stop where AWS refuses that."""
        start = self.action is Action.START
        if self.service == "ec2" and start:
            return ec2.start_instances(target, ids, still_ours=still_ours)
        if self.service == "ec2":
            slept = (
                ec2.stop_instances(target, sorted(asleep), hibernate=True, still_ours=still_ours)
                if asleep
                else {}
            )
            refused = {
                aws_id
                for aws_id, result in slept.items()
                if result.error and result.error.problem in NO_HIBERNATION
            }
            plain = [aws_id for aws_id in ids if aws_id not in slept or aws_id in refused]
            return slept | (ec2.stop_instances(target, plain, still_ours=still_ours) if plain else {})
        change = rds.start_database if start else rds.stop_database
        results: dict[str, CallResult] = {}
        for aws_id in ids:
            results[aws_id] = result = change(target, aws_id, still_ours=still_ours)
            if result.error is not None and stops_the_rest(result.error):
                rest = not_sent(result.error)
                return dict.fromkeys(ids, CallResult(False, "", rest)) | results
        return results

    def _answered(self, result: CallResult) -> Verdict:
        if result.error is not None:
            return after_error(result.error)
        return Accepted(result.request_id, self.look_in)


def _seen_instance(one: Ec2Instance) -> Seen:
    return Seen(ec2_power(one.state), one.state, one.tags, one.state_reason)


def _seen_database(one: Database) -> Seen:
    return Seen(rds_power(one.state), one.state, one.tags, stop_refusal=str(stop_refusal(one) or ""))


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The machine, and how the schedule wants it done; only what is asked for."""
    asked = {name: True for name in OPTIONS if parameters.get(name)}
    return {"aws_id": str(parameters["aws_id"]), **asked}
