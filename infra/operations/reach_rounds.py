"""The rounds of opening and closing a way to a database: look at the rules of the group, add or take one, look again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.aws import rds, reach
from infra.domain.aws import AwsError, CallResult, Problem, Target
from infra.domain.reach import (
    USUAL_LIMIT,
    Rule,
    counted,
    full_problem,
    port_of,
    rule_as_json,
    same,
)
from infra.domain.tags import hands_off
from infra.models import Region
from infra.operations.database_rounds import LOOK_IN, DatabaseExecutor, Plan, fresh
from infra.operations.verdicts import after_error, before_error, health_of, too_late
from medical_audit.domain.kinds import Done, Drop, Fail, Go, Health, Later, Round, Verdict
from medical_audit.domain.states import State
from medical_audit.models import Operation


@dataclass(slots=True)
class RulePlan(Plan):
    """rules: what stands now in the groups that were looked at; limit: how many each may hold, None where that was not asked or may not
    be; promised: what this round adds to each."""

    rules: list[Rule] = field(default_factory=list)
    groups: frozenset[str] = frozenset()
    limit: int | None = None
    promised: Counter[str] = field(default_factory=Counter)


class ReachExecutor(DatabaseExecutor):
    """Look at the rules of the group, add or take one, look again."""

    def __init__(self, *, opens: bool) -> None:
        self.opens = opens

    def prepare(self, operations: Sequence[Operation], now: datetime) -> RulePlan:
        return RulePlan(super().prepare(operations, now).target)

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        found = self._found(plan, one)
        if self.opens:
            if code := self._no_longer_meant(plan, one):
                return Drop(code)
            if found is not None:
                return Fail("rule_exists", detail={"rule": found.id})
            until = one.parameters["until_at"]
            if until and datetime.fromisoformat(until) <= now:
                return Fail("end_past")
            return too_late(one, now) or self._fits(plan, one.parameters["group"])
        return Done("already") if found is None else too_late(one, now) or Go({"rule": found.id})

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        found = self._found(plan, one)
        if self.opens and found is not None and found.description != one.parameters["description"]:
            return Fail("rule_exists", detail={"rule": found.id})
        if self.opens and found is not None:
            return Done("reach_opened", detail={"rule": found.id})
        if not self.opens and found is None:
            return Done("reach_closed", detail=one.outcome_detail)
        return (
            Later("not_yet", LOOK_IN, one.outcome_detail)
            if fresh(one, now) or one.state != State.UNKNOWN
            else Go()
        )

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        given = one.parameters
        if self.opens:
            result = reach.add_rule(
                target,
                given["group"],
                given["port"],
                given["source"],
                given["description"],
                still_ours=still_ours,
            )
        else:
            result = reach.take_rule(
                target, given["group"], one.outcome_detail["rule"], still_ours=still_ours
            )
        return result, {}

    def refused(self, plan: Plan, one: Operation, error: AwsError) -> Verdict:
        """Somebody was quicker with the same rule: it is his, so this one has failed; or with the last place in the group."""
        codes = {Problem.EXISTS: "rule_exists", Problem.QUOTA: "group_full"}
        code = codes.get(error.problem)
        return Fail(code, error.request_id) if code else after_error(error)

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows at once what stands in these groups."""
        assert isinstance(plan, RulePlan)
        if plan.target is None or not plan.groups:
            return
        here = Region.objects.filter(account__account_id=plan.target.account_id, name=plan.target.region)
        for region in here.select_for_update(of=("self",)):
            if "rules" not in region.database_terms:
                continue  # of the other groups here nothing is known, which must not look like no rules
            kept = [one for one in region.database_terms["rules"] if one["group"] not in plan.groups]
            region.database_terms = region.database_terms | {
                "rules": kept + [rule_as_json(one) for one in plan.rules]
            }
            region.save(update_fields=["database_terms"])

    def _look(
        self,
        plan: Plan,
        operations: Sequence[Operation],
        judge: Callable[[Operation], Verdict],
        *,
        before: bool,
    ) -> Round:
        assert isinstance(plan, RulePlan)
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        groups = frozenset(one.parameters["group"] for one in operations)
        try:
            plan.rules = reach.list_rules(plan.target, groups)
            if before and self.opens:
                names = [str(one.parameters["aws_id"]) for one in operations]
                plan.databases = rds.describe_databases(plan.target, names)
            # Below AWS's usual limit it makes no difference.
            wanted = (
                Counter(one.parameters["group"] for one in operations) if before and self.opens else Counter()
            )
            if any(counted(plan.rules, group) + more > USUAL_LIMIT for group, more in wanted.items()):
                plan.limit = reach.rules_limit(plan.target)
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), LOOK_IN, seen=False)
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        plan.groups = groups
        return Round({one.id: judge(one) for one in operations}, Health.GOOD)

    @staticmethod
    def _fits(plan: Plan, group: str) -> Verdict:
        """Two that are opened in one round must not both take the last place."""
        assert isinstance(plan, RulePlan)
        held = counted(plan.rules, group) + plan.promised[group]
        if full := full_problem(held, plan.limit):
            return Fail(full, detail={"rules": held})
        plan.promised[group] += 1
        return Go()

    @staticmethod
    def _no_longer_meant(plan: Plan, one: Operation) -> str:
        """Why the group that was confirmed is not the way to the database any more (a code), or ""."""
        seen = plan.databases.get(str(one.parameters["aws_id"]).lower())
        if seen is None:
            return "gone"
        if code := hands_off(seen.tags):
            return code
        if one.parameters["group"] not in seen.groups:
            return "group_not_its_own"
        port = port_of({"port": seen.port, "engine": seen.engine})
        return "" if port == one.parameters["port"] else "port_changed"

    def _found(self, plan: Plan, one: Operation) -> Rule | None:
        """The rule that would be opened stands already; or the one that Toban opened, which nobody else's is taken for."""
        assert isinstance(plan, RulePlan)
        given = one.parameters
        if wanted := given.get("rule", ""):
            return next((rule for rule in plan.rules if rule.id == wanted), None)
        return same(plan.rules, given["group"], given["port"], given["source"])
