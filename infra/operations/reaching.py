"""Letting somebody reach a database, for a while or for good, and taking it back: one rule of a security group each.

Opening takes another person; closing a person does himself, and the clock when the time that was confirmed is over. A rule
that stood there before is nobody's to take away here: only what an operation of Toban's added is closed by Toban.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import reach
from infra.domain.aws import AwsError, CallResult, Problem, Target
from infra.domain.reach import (
    USUAL_LIMIT,
    Rule,
    counted,
    description_problem,
    end_problem,
    full_problem,
    port_of,
    rule_as_json,
    rule_from_json,
    same,
    source_of,
    source_problem,
)
from infra.models import Region, Resource
from infra.models.resource import ResourceKind
from infra.operations.database_rounds import LANE_CLASS, LOOK_IN, DatabaseExecutor, Plan, fresh
from infra.operations.snapshotting import database_row
from infra.operations.verdicts import after_error, before_error, health_of, too_late
from infra.queries.databases import terms_here
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import (
    Authority,
    Done,
    Fail,
    Go,
    Health,
    Later,
    OperationTarget,
    Round,
    Verdict,
)
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.automatic import Due, enter_due
from medical_audit.tenancy import tenant_scope

OPEN_KIND, CLOSE_KIND = "reach.open", "reach.close"
PERMISSIONS = frozenset({str(Permission.DATABASE_EDIT)})
#: What is over is taken away, however late: a rule left open is worse than a late one closed.
GRACE = timedelta(days=7)
_OPEN_KEYS = ("aws_id", "group", "port", "source", "description", "until_at")
_CLOSE_KEYS = ("aws_id", "group", "port", "source", "opened")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. until None: for good. source: a security group or an IPv4 network, as typed."""

    group: str
    source: str
    description: str
    until: datetime | None = None


# -- entering ------------------------------------------------------------------------------------------------------


def target_of_reach(row: Resource) -> OperationTarget:
    facts = {"gone": row.gone_at is not None}
    return OperationTarget("resource", str(row.id), row.name or row.aws_id, f"{row.lane}/{LANE_CLASS}", facts)


def rules_here(row: Resource) -> list[Rule] | None:
    """The rules of a database's groups as last read; None where they could not be. Needs the tenant bound."""
    return _rules_of(row, terms_here(row))


def _rules_of(row: Resource, terms: Mapping[str, Any]) -> list[Rule] | None:
    kept, mine = terms.get("rules"), set(row.facts.get("groups", ()))
    return None if kept is None else [rule_from_json(one) for one in kept if one["group"] in mine]


def enter_open(
    resource_id: UUID, wish: Wish, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter that a source may reach a database. Raises NotPermitted, NotFound, Refused: gone, port_unknown, group_not_its_own,
    what is wrong with the source, the description or the end, rule_exists, group_full, group_full_unread, rules_unread,
    operation_open."""
    with tenant_scope(actor.tenant_id):
        row = database_row(resource_id)
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        key = f"form/{actor.id}/{token}/{OPEN_KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if problem := wish_problem(row, wish, now):
            raise Refused(problem, target=str(row))
        parameters = {
            "aws_id": row.aws_id, "group": wish.group, "port": port_of(row.facts), "source": source_of(wish.source),
            "description": wish.description.strip(), "until_at": utc_text(wish.until) if wish.until else "",
        }  # fmt: skip
        alike = Operation.objects.filter(kind=OPEN_KIND, target_id=str(row.id), state__in=OPEN)
        if alike.filter(parameters__source=parameters["source"], parameters__group=wish.group).exists():
            raise Refused("operation_open", target=str(row))
        return entry.enter(
            OPEN_KIND, target_of_reach(row), parameters, actor=actor, now=now, reason=reason, dedupe_key=key
        )


def wish_problem(row: Resource, wish: Wish, now: datetime) -> str:
    """What is wrong with a wish (a code), or "". Needs the tenant bound."""
    if problem := source_problem(wish.source) or description_problem(wish.description):
        return problem
    source, terms = source_of(wish.source), terms_here(row)
    rules = _rules_of(row, terms)
    checks = (
        ("gone", row.gone_at is not None),
        ("port_unknown", not port_of(row.facts)),
        ("group_not_its_own", wish.group not in row.facts.get("groups", ())),
        (end_problem(source, wish.until, now), True),
        ("rules_unread", rules is None),
        ("rule_exists", same(rules or (), wish.group, port_of(row.facts), source) is not None),
        (full_problem(counted(rules or (), wish.group), terms.get("rules_limit")), True),
    )
    return next((code for code, holds in checks if code and holds), "")


def enter_close(opened_id: UUID, *, actor: Actor, now: datetime, reason: str, token: str = "") -> Operation:
    """Enter that what an operation opened is closed. Raises NotPermitted, NotFound, Refused (not_open)."""
    with tenant_scope(actor.tenant_id):
        opened: Operation | None = Operation.objects.filter(id=opened_id, kind=OPEN_KIND).first()
        if opened is None:
            raise NotFound(type="operation", id=str(opened_id))
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        key = f"form/{actor.id}/{token}/{CLOSE_KIND}/{opened.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if opened.id not in {one.id for one in open_now([opened.target_id])}:
            raise Refused("not_open", target=opened.target_name)
        target = OperationTarget("resource", opened.target_id, opened.target_name, opened.lane)
        return entry.enter(
            CLOSE_KIND, target, _closing(opened), actor=actor, now=now, reason=reason, dedupe_key=key
        )


def open_now(databases: Sequence[str]) -> list[Operation]:
    """What Toban has opened for these databases (ids) and nobody has begun to close, oldest first."""
    rows = Operation.objects.filter(kind=OPEN_KIND, state=State.SUCCEEDED, outcome="reach_opened")
    mine = list(
        rows.filter(target_type="resource", target_id__in=list(databases)).order_by("entered_at", "id")
    )
    closing = Operation.objects.filter(
        target_type="resource", target_id__in=list(databases), kind=CLOSE_KIND, state__in=[*OPEN, State.SUCCEEDED],
        parameters__opened__in=[str(one.id) for one in mine],
    )  # fmt: skip
    over = set(closing.values_list("parameters__opened", flat=True))
    return [one for one in mine if str(one.id) not in over]


def enter_closings(region: Region, *, actor: Actor, now: datetime) -> list[Operation]:
    """Enter the closing of everything whose confirmed time is over, in one region. Needs the tenant bound."""
    here = Resource.objects.filter(account=region.account, region=region.name, kind=ResourceKind.RDS)
    ids = [str(pk) for pk in here.values_list("id", flat=True)]
    if not ids:
        return []
    rows = Operation.objects.filter(
        target_type="resource",
        target_id__in=ids,
        kind=OPEN_KIND,
        state=State.SUCCEEDED,
        outcome="reach_opened",
    )
    due = [one for one in rows.exclude(parameters__until_at="") if _until(one) <= now]
    left = {one.id for one in open_now([one.target_id for one in due])} if due else set()
    dues = [
        Due(
            kind=CLOSE_KIND,
            target=OperationTarget("resource", one.target_id, one.target_name, one.lane),
            parameters=_closing(one),
            due_at=_until(one),
            grace=now - _until(one) + GRACE,
            dedupe_key=f"{CLOSE_KIND}/{one.id.hex}/{now:%Y%m%d}",
            authority=Authority("reach", str(one.id), one.confirmed_by_id, one.confirmed_by_name),
            reason={"source": "reach"},
        )
        for one in due
        if one.id in left
    ]
    return enter_due(dues, actor=actor, now=now) if dues else []


def _until(one: Operation) -> datetime:
    return datetime.fromisoformat(one.parameters["until_at"])


def _closing(opened: Operation) -> dict[str, Any]:
    given = opened.parameters
    return {name: given[name] for name in ("aws_id", "group", "port", "source")} | {"opened": str(opened.id)}


# -- the kinds -----------------------------------------------------------------------------------------------------


def clean_open(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _OPEN_KEYS}


def clean_close(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _CLOSE_KEYS}


def shown_open(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    call = "ec2:AuthorizeSecurityGroupIngress"
    return {"sentence": OPEN_KIND, "call": call, "lane": target.lane, **parameters}


def shown_close(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    call = "ec2:RevokeSecurityGroupIngress"
    return {"sentence": CLOSE_KIND, "call": call, "lane": target.lane, **parameters}


def refusal(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
    """Whatever way it was entered: nobody opens a database to everybody."""
    return source_problem(parameters["source"]) or None


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
            others = region.database_terms.get("rules", ())
            kept = [one for one in others if one["group"] not in plan.groups]
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

    def _found(self, plan: Plan, one: Operation) -> Rule | None:
        assert isinstance(plan, RulePlan)
        given = one.parameters
        return same(plan.rules, given["group"], given["port"], given["source"])
