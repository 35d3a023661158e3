"""Starting and stopping what runs: look, write down what is going to be overwritten, call in batches, look again."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.aws import ec2
from infra.domain.aws import AwsError, Problem, Target, hibernated, problem_of_state_reason
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.groups import OFF
from infra.domain.power import Power
from infra.domain.schedule import Action
from infra.domain.snapshots import snapshot_name
from infra.models import Resource
from infra.operations.facts import facts_of
from infra.operations.judging import no_longer_wanted
from infra.operations.machines import Changed, Machine, Seen, Wish, sizes_to_start
from infra.operations.neighbours import held_back
from infra.operations.verdicts import after_error, before_error, health_of, too_late, wait_of
from infra.queries.rules import Rules, rules_at
from infra.queries.targets import source_of, target_of
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import Accepted, Again, Done, Drop, Fail, Go, Health, Later, Round, Verdict
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation
from medical_audit.operations.writing import write_rows

#: How long after a call AWS may still show what was before it, and when a fall is certain.
SHOWN_AFTER, BOUNCE_AFTER = timedelta(seconds=10), timedelta(seconds=30)
#: hibernate (EC2 stop), snapshot (RDS stop), retain (stop), ordered (within the project).
OPTIONS = ("hibernate", "snapshot", "retain", "ordered")
SEEN_FIELDS = ("state", "aws_state", "state_since", "fingerprint")


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
    """One machine's kind (infra.operations.machines) and what is wanted of it."""

    def __init__(self, machine: Machine, action: Action) -> None:
        self.machine, self.action, self.look_in = machine, action, machine.look_in
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
        return _with_keys(plan, self._look(plan, operations, now, self._after))

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """Write down the sizes of groups before they are set to nothing; with the intent, or not at all."""
        kept: dict[UUID, Resource] = {}
        for one in operations:
            group = plan.seen[one.id].group
            if self.action is Action.STOP and group is not None and group.sizes != OFF:
                row = plan.resources[one.id]
                row.memory = {
                    "sizes": group.sizes.as_json(), "at": utc_text(now), "operation": str(one.id), "arn": group.arn,
                }  # fmt: skip
                kept[row.id] = row
        if kept:
            rows = Resource.objects.filter(id__in=kept).select_for_update(of=("self",)).order_by("id")
            write_rows([kept[row.id] for row in rows.only("id")], ("memory",))

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        """One call may serve several operations: a person may order what the clock just entered too.

        What different people or rules stand behind goes in calls of their own, so that CloudTrail can tell them apart.
        """
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        wishes: dict[str, Wish] = {}
        asked: dict[str, list[UUID]] = defaultdict(list)
        sources: dict[str, list[str]] = defaultdict(list)
        for one in operations:
            wish = self._wish(plan, one)
            if wish.aws_id not in wishes:
                sources[source_of(one)].append(wish.aws_id)
            wishes[wish.aws_id] = _both(wishes.get(wish.aws_id), wish)
            asked[wish.aws_id].append(one.id)
        results: dict[str, Changed] = {}
        try:
            for source, ids in sources.items():
                behind = replace(plan.target, source=source)
                changed = self.machine.change(behind, self.action, [wishes[one] for one in ids], still_ours)
                results |= changed
        except GatewayLeaseLost as lost:
            raise LeaseLost(lane=operations[0].lane) from lost
        verdicts = {one: self._answered(changed) for key, changed in results.items() for one in asked[key]}
        return Round(verdicts, *health_of([changed.result.error for changed in results.values()]))

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows what was just seen, without waiting for the next inventory (which compares anew)."""
        changed, resized = {}, {}
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
                if seen.group is not None:
                    row.facts = facts_of(seen.group)["facts"]
                    resized[row.id] = row
        if changed:
            rows = Resource.objects.filter(id__in=changed).select_for_update(of=("self",)).order_by("id")
            ordered = [changed[row.id] for row in rows.only("id")]
            write_rows(ordered, SEEN_FIELDS)
            write_rows([row for row in ordered if row.id in resized], ("facts",))

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
            found = self.machine.describe(plan.target, [plan.resources[one.id].aws_id for one in asked])
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
        return too_late(operation, now) or self._hindrance(row, seen) or held or Go()

    def _hindrance(self, row: Resource, seen: Seen) -> Fail | Later | None:
        """What AWS would answer with a refusal, now or for good."""
        if refusal := seen.refused.get(self.action):
            return Fail(f"unsupported_{refusal}")
        return self.machine.hindrance(seen, self.action, sizes_to_start(row.memory, seen))

    def _after(self, plan: Plan, operation: Operation, row: Resource, seen: Seen, now: datetime) -> Verdict:
        if seen.power == self.goal:
            return self._reached(operation, seen)
        if seen.power == Power.GONE:
            return Fail("gone", detail={"aws_state": seen.aws_state})
        if seen.power == Power.TRANSITION:
            return Later("in_transition", self.look_in)
        if operation.state == OperationState.UNKNOWN:
            shown = operation.called_at is None or now - operation.called_at >= SHOWN_AFTER
            return Go() if shown else Later("not_yet", self.look_in)
        return self._back_where_it_was(operation, seen, now)

    def _reached(self, operation: Operation, seen: Seen) -> Done:
        """It is as wanted; of one that was to hibernate, whether it does, and if not, why."""
        detail = {"aws_state": seen.aws_state}
        if self.action is Action.STOP and operation.parameters.get("snapshot"):
            name = snapshot_name(operation.parameters["aws_id"], operation.id)
            return Done("reached", detail=detail | {"snapshot": name})
        if self.action is Action.START or not operation.parameters.get("hibernate"):
            return Done("reached", detail=detail)
        if hibernated(seen.state_reason):
            return Done("hibernated", detail=detail)
        if not seen.hibernation:
            return Done("stopped_unprepared", detail=detail)
        why = operation.outcome_detail.get("no_hibernation", "")
        return Done("stopped_instead", detail=detail | {"message": why} if why else detail)

    def _back_where_it_was(self, operation: Operation, seen: Seen, now: datetime) -> Verdict:
        """Accepted, yet in its old state: not yet shown, or fallen back (a refused disk key does that).

        For a moment AWS may still show the state and reason from before the call, which prove nothing.
        """
        since = now - (operation.accepted_at or now)
        if since < SHOWN_AFTER:
            return Later("not_yet", self.look_in)
        problem = problem_of_state_reason(seen.state_reason)
        detail = {"aws_state": seen.aws_state, "state_reason": seen.state_reason}
        if self.action is Action.START and problem is Problem.NO_CAPACITY:
            return Again(str(problem), wait_of(problem), detail)
        if self.action is Action.START and problem is not None:
            return Fail(str(problem), detail=detail)
        return Fail("fell_back", detail=detail) if since > BOUNCE_AFTER else Later("not_yet", self.look_in)

    # -- calling ----------------------------------------------------------------------------------------------

    def _wish(self, plan: Plan, operation: Operation) -> Wish:
        row, seen = plan.resources[operation.id], plan.seen[operation.id]
        asleep = bool(operation.parameters.get("hibernate")) and seen.hibernation
        return Wish(
            row.aws_id,
            hibernate=asleep,
            snapshot=snapshot_name(row.aws_id, operation.id) if operation.parameters.get("snapshot") else "",
            sizes=sizes_to_start(row.memory, seen),
        )

    def _answered(self, changed: Changed) -> Verdict:
        if changed.result.error is not None:
            return after_error(changed.result.error)
        return Accepted(changed.result.request_id, self.look_in, changed.detail)


def _both(one: Wish | None, other: Wish) -> Wish:
    """Two operations on one machine are one call: as careful as either of them."""
    if one is None:
        return other
    return replace(other, hibernate=one.hibernate or other.hibernate, snapshot=one.snapshot or other.snapshot)


def _with_keys(plan: Plan, seen: Round) -> Round:
    """Name the KMS keys of servers that fell back for theirs; where AWS does not say, the failure stands without."""
    fallen = {
        one: verdict
        for one, verdict in seen.verdicts.items()
        if isinstance(verdict, Fail) and verdict.code == Problem.KEY
    }
    if not fallen or plan.target is None:
        return seen
    try:
        keys = ec2.keys_of(plan.target, [plan.resources[one].aws_id for one in fallen])
    except AwsError:
        return seen
    named = {
        one: replace(verdict, detail={**(verdict.detail or {}), "keys": ", ".join(found)})
        for one, verdict in fallen.items()
        if (found := keys.get(plan.resources[one].aws_id))
    }
    return replace(seen, verdicts={**seen.verdicts, **named})


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The machine, and how the schedule wants it done; only what is asked for."""
    asked = {name: True for name in OPTIONS if parameters.get(name)}
    return {"aws_id": str(parameters["aws_id"]), **asked}
