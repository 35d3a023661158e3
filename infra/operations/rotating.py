"""Giving one database a new certificate: start it if it is stopped, change it, look at it, stop it again if it was stopped.

Entered by the clock when a wave of a confirmed campaign begins (infra.operations.campaigns). How the database was found is
kept with the intent to touch it, in the row of the database; which step is next is seen each time. So a worker may die at
any moment: nothing is done twice, and what was stopped is stopped again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra import handshake
from infra.aws import certificates, rds
from infra.domain.aws import AwsError, CallResult, Database, Target
from infra.domain.duty import wanted
from infra.domain.rotation import AVAILABLE, SETTLES, STOPPED, Step, next_step, others_pending
from infra.domain.schedule import State as Wish
from infra.domain.tags import hands_off
from infra.models import Resource
from infra.models.account import Automation
from infra.operations.database_rounds import LOOK_IN, PAUSE, DatabaseExecutor, Plan, fresh
from infra.operations.facts import facts_of
from infra.operations.memory import keep_word
from infra.operations.verdicts import after_error, detail_of
from infra.queries.rules import rules_at
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.kinds import (
    Accepted,
    Again,
    Done,
    Fail,
    Go,
    Later,
    OperationTarget,
    Round,
    Unknown,
    Verdict,
)
from medical_audit.domain.states import WORKABLE, State
from medical_audit.models import Operation

KIND = "rds.certificate"
#: Where the row of a database keeps how it was found: {operation, found, at, refused}.
MEMORY = "rotation"
#: Of one step: a start takes minutes, a change with its restart rarely longer.
VERIFY_WITHIN = timedelta(hours=3)
#: A start, a change and a stop, each tried again a few times.
MAX_ATTEMPTS = 12
_KEYS = ("aws_id", "ca", "before", "until_at", "campaign", "wave", "renew_from")
_CODES = {Step.START: "rotation_started", Step.MODIFY: "rotation_changed", Step.STOP: "rotation_put_back"}
#: An answer of AWS's that trying again does not change; what was stopped is stopped again, and then it has failed.
PATIENT = frozenset({*_CODES.values(), "rotation_continues", "rotation_slow", "certificate_not_presented"})


@dataclass(slots=True)
class RotationPlan(Plan):
    """rows: the databases by operation. memory: what is kept of each from now on; None: nothing any more. stay_on: those that were
    stopped and that somebody has wanted to run since (operations).
    renewals: what AWS has planned for those whose authority stays the same."""

    rows: dict[UUID, Resource] = field(default_factory=dict)
    memory: dict[UUID, dict[str, str] | None] = field(default_factory=dict)
    stay_on: frozenset[UUID] = frozenset()
    renewals: dict[UUID, str] = field(default_factory=dict)


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    call = "rds:StartDBInstance, rds:ModifyDBInstance, rds:StopDBInstance"
    return {"sentence": KIND, "call": call, "lane": target.lane, **parameters}


class RotationExecutor(DatabaseExecutor):
    """One call a round, after a look that shows that it is the next."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> RotationPlan:
        plan = super().prepare(operations, now)
        targets = [one.target_id for one in operations]
        found = Resource.objects.filter(id__in=targets).select_related("account")
        rows = {str(row.id): row for row in found}
        named = {one.id: rows[one.target_id] for one in operations if one.target_id in rows}
        return RotationPlan(plan.target, rows=named, stay_on=_wanted_on(named, now))

    def databases_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["aws_id"],)

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        """Go with the step that is next, or what is to be said of the end."""
        assert isinstance(plan, RotationPlan)
        seen = self._seen(plan, one)
        if seen is None:
            return self._ended(plan, one, Fail("gone"))
        step, told = self._step(plan, one, seen, now), self._told(plan, one, seen)
        if step is Step.CHECK:
            return self._checked(plan, one, seen, now)
        if step is Step.WAIT:
            return Later("in_transition", PAUSE, told)
        if step is Step.DONE:
            return self._ended(plan, one, self._finished(plan, one, told))
        refusal = self._refusal(plan, one, step, seen)
        if refusal and step is Step.MODIFY and self._goes_back(plan, one):
            plan.memory[one.id] = {**self._kept(plan, one), "refused": refusal}
            step, refusal = Step.STOP, ""
        if refusal == "pending_changes":
            told |= {"pending": ", ".join(others_pending(seen.pending))}
        return (
            self._ended(plan, one, Fail(refusal, detail=told)) if refusal else Go({**told, "step": str(step)})
        )

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        """Whether the call has come to what it was for; if so, the row goes back to the queue for the next step."""
        assert isinstance(plan, RotationPlan)
        seen = self._seen(plan, one)
        if seen is None:
            return self._ended(plan, one, Fail("gone"))
        step, told = self._step(plan, one, seen, now), self._told(plan, one, seen)
        called = one.outcome_detail.get("step", "")
        if self._goes_back(plan, one) and _late(one, now):
            if str(step) == called == Step.MODIFY:
                plan.memory[one.id] = {**self._kept(plan, one), "refused": "did_not_reach"}
            return Again("rotation_slow", PAUSE, told)
        if step is Step.WAIT:
            return Later("in_transition", PAUSE, told)
        if str(step) == called:
            shown_yet = not fresh(one, now) and one.state == State.UNKNOWN
            return (
                Again("rotation_continues", timedelta(0), told)
                if shown_yet
                else Later("not_yet", LOOK_IN, told)
            )
        code = _CODES.get(Step(called), "rotation_continues") if called else "rotation_continues"
        return Again(code, timedelta(0), told)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """How each was found, before anything of it is changed; with the intent, or not at all."""
        assert isinstance(plan, RotationPlan)
        for one in operations:
            step, kept = one.outcome_detail.get("step"), self._kept(plan, one)
            # Somebody may have stopped it since it was first touched: then it is to be stopped again in the end.
            if step == Step.START or (step == Step.MODIFY and not kept):
                found = STOPPED if step == Step.START else "available"
                plan.memory[one.id] = {"operation": str(one.id), "found": found, "at": utc_text(now)}
        self._write_memory(plan)

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        step, name = one.outcome_detail["step"], one.parameters["aws_id"]
        if step == Step.START:
            return rds.start_database(target, name, still_ours=still_ours), {}
        if step == Step.STOP:
            return rds.stop_database(target, name, still_ours=still_ours), {}
        if renewal := plan.renewals.get(one.id) if isinstance(plan, RotationPlan) else "":
            arn = plan.databases[name.lower()].arn
            return certificates.renew(target, arn, renewal, still_ours=still_ours), {}
        return rds.change_authority(target, name, one.parameters["ca"], still_ours=still_ours), {}

    def refused(self, plan: Plan, one: Operation, error: AwsError) -> Verdict:
        """A change that AWS refuses for good ends only once the database is as it was found."""
        assert isinstance(plan, RotationPlan)
        seen = self._seen(plan, one)
        told = {**(self._told(plan, one, seen) if seen is not None else {}), **detail_of(error)}
        verdict = replace(after_error(error), detail=told)
        if isinstance(verdict, Unknown):
            # The step must be known when the answer is looked for.
            return replace(verdict, detail={**one.outcome_detail, **told})
        if (
            isinstance(verdict, Fail)
            and self._goes_back(plan, one)
            and one.outcome_detail["step"] == Step.MODIFY
        ):
            plan.memory[one.id] = {**self._kept(plan, one), "refused": verdict.code}
            return Later("rotation_continues", timedelta(0), told)
        return self._ended(plan, one, verdict) if isinstance(verdict, Fail) else verdict

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows the new certificate at once; what an inventory compares is compared anew."""
        assert isinstance(plan, RotationPlan)
        self._write_memory(plan)
        for row in plan.rows.values():
            seen = plan.databases.get(row.aws_id.lower())
            if seen is None:
                continue
            facts = facts_of(seen)["facts"]
            if any(facts[name] != row.facts.get(name) for name in ("ca", "certificate_until")):
                Resource.objects.filter(id=row.id).update(facts=facts, fingerprint="")

    def look_more(self, plan: Plan, target: Target, operations: Sequence[Operation]) -> None:
        """What AWS has planned for those that keep their authority."""
        assert isinstance(plan, RotationPlan)
        for one in operations:
            seen = self._seen(plan, one)
            if one.parameters.get("renew_from") and seen is not None and not _renewed(one, seen):
                plan.renewals[one.id] = certificates.planned_renewal(target, seen.arn)

    def _refusal(self, plan: RotationPlan, one: Operation, step: Step, seen: Database) -> str:
        """Why the next step is not taken (a code), or ""; what was begun is still put back."""
        if step not in (Step.START, Step.MODIFY):
            return self._given_up(plan, one, step)
        others = not one.parameters.get("renew_from") and others_pending(seen.pending)
        pending = "pending_changes" if others else ""
        return hands_off(seen.tags) or self._off(plan, one) or self._no_renewal(plan, one, step) or pending

    @staticmethod
    def _off(plan: RotationPlan, one: Operation) -> str:
        """A start that no change may follow is not made: starting belongs to another feature, too."""
        allowed = plan.target.allowed if plan.target is not None else None
        change = (
            "rds:ApplyPendingMaintenanceAction"
            if one.parameters.get("renew_from")
            else "rds:ModifyDBInstance"
        )
        return "feature_off" if allowed is not None and change not in allowed else ""

    def _no_renewal(self, plan: RotationPlan, one: Operation, step: Step) -> str:
        """Why a renewal cannot be had (a code), or "": a stop drops what AWS had planned, and without a plan AWS does none."""
        if not one.parameters.get("renew_from"):
            return ""
        if step is Step.START:
            return "renewal_needs_running"
        return "no_renewal_planned" if step is Step.MODIFY and not plan.renewals.get(one.id) else ""

    def _given_up(self, plan: RotationPlan, one: Operation, step: Step) -> str:
        """Why it came to nothing (a code); "" while it goes on."""
        return self._kept(plan, one).get("refused", "") or "window_over" if step is Step.GIVE_UP else ""

    def _look(
        self,
        plan: Plan,
        operations: Sequence[Operation],
        judge: Callable[[Operation], Verdict],
        *,
        before: bool,
    ) -> Round:
        """However a look ends: what is told of a rotation goes on saying how its database was found."""
        assert isinstance(plan, RotationPlan)
        looked = super()._look(plan, operations, judge, before=before)
        told = {one.id: _with_found(plan, one, looked.verdicts[one.id]) for one in operations}
        return replace(looked, verdicts=told)

    # -- what is seen ---------------------------------------------------------------------------------------------

    def _seen(self, plan: RotationPlan, one: Operation) -> Database | None:
        return plan.databases.get(one.parameters["aws_id"].lower()) if one.id in plan.rows else None

    def _kept(self, plan: RotationPlan, one: Operation) -> dict[str, str]:
        if one.id in plan.memory:
            return plan.memory[one.id] or {}
        kept: dict[str, str] = plan.rows[one.id].memory.get(MEMORY, {})
        return kept if kept.get("operation") == str(one.id) else {}

    def _step(self, plan: RotationPlan, one: Operation, seen: Database, now: datetime) -> Step:
        kept = self._kept(plan, one)
        open_yet = now < datetime.fromisoformat(one.parameters["until_at"]) and "refused" not in kept
        ca = seen.ca if _renewed(one, seen) else ""
        found = STOPPED if self._goes_back(plan, one) else ""
        return next_step(seen.state, ca, one.parameters["ca"], found, going_on=open_yet)

    def _goes_back(self, plan: RotationPlan, one: Operation) -> bool:
        """Whether it is to be stopped again: it was found so, and nobody has wanted it to run since."""
        return self._kept(plan, one).get("found") == STOPPED and one.id not in plan.stay_on

    def _told(self, plan: RotationPlan, one: Operation, seen: Database) -> dict[str, Any]:
        kept = self._kept(plan, one)
        told = {
            "aws_state": seen.state,
            "ca": seen.ca,
            "found": kept.get("found", ""),
            "tls": kept.get("tls", ""),
            "also": "rotation_left_on" if one.id in plan.stay_on and seen.state == AVAILABLE else "",
        }
        return {name: value for name, value in told.items() if value}

    def _checked(self, plan: RotationPlan, one: Operation, seen: Database, now: datetime) -> Verdict:
        """The CA is read back; now what a client would see. Then it is stopped again, or done."""
        tls = handshake_of(seen)
        changed_at = one.accepted_at or one.called_at
        if tls == "other" and (changed_at is None or now - changed_at < SETTLES):
            return Later("certificate_not_presented", PAUSE, self._told(plan, one, seen))
        kept = {**self._kept(plan, one), "operation": str(one.id), "tls": tls}
        plan.memory[one.id] = kept
        told = self._told(plan, one, seen)
        if self._goes_back(plan, one):
            return Go({**told, "step": str(Step.STOP)})
        return self._ended(plan, one, self._finished(plan, one, told))

    def _finished(self, plan: RotationPlan, one: Operation, told: Mapping[str, Any]) -> Done | Fail:
        kept = self._kept(plan, one)
        if kept.get("tls") == "other":
            return Fail("certificate_not_presented", detail=told)
        if not kept.get("found"):
            return Done("already", detail=told)
        return Done("rotated" if kept.get("tls") == "seen" else "rotated_unseen", detail=told)

    def _ended(self, plan: RotationPlan, one: Operation, verdict: Done | Fail) -> Done | Fail:
        if one.id in plan.rows:
            plan.memory[one.id] = None
        return verdict

    def _write_memory(self, plan: RotationPlan) -> None:
        for operation, kept in plan.memory.items():
            row = plan.rows[operation]
            if (row.memory.get(MEMORY) or None) != kept:
                row.memory = {name: value for name, value in row.memory.items() if name != MEMORY}
                row.memory |= {MEMORY: kept} if kept else {}
                keep_word(row.id, MEMORY, kept)


def _with_found(plan: RotationPlan, one: Operation, verdict: Verdict) -> Verdict:
    kept = plan.rows[one.id].memory.get(MEMORY, {}) if one.id in plan.rows else {}
    if kept.get("operation") != str(one.id) or isinstance(verdict, Accepted):
        return verdict
    return replace(verdict, detail={"found": kept["found"], **(verdict.detail or {})})


def _late(one: Operation, now: datetime) -> bool:
    """Whether what AWS accepted has not come for long: of what was to be stopped again nobody gives up waiting."""
    return one.state == State.RUNNING and one.verify_until is not None and now > one.verify_until


def _wanted_on(rows: Mapping[UUID, Resource], now: datetime) -> frozenset[UUID]:
    """Of databases that were found stopped (by operation), those that a person or the clock has wanted to run since."""
    stopped = {
        one: row
        for one, row in rows.items()
        if (kept := row.memory.get(MEMORY, {})).get("operation") == str(one) and kept.get("found") == STOPPED
    }
    if not stopped:
        return frozenset()
    since = {one: datetime.fromisoformat(row.memory[MEMORY]["at"]) for one, row in stopped.items()}
    orders = Operation.objects.filter(
        target_type="resource", target_id__in=[str(row.id) for row in stopped.values()], kind__in=("rds.start", "rds.stop"),
        state__in=[*WORKABLE, State.SUCCEEDED],
    ).exclude(finished_at__lt=min(since.values()))  # fmt: skip
    newest = {order.target_id: order for order in orders.order_by("entered_at", "id")}
    rules = rules_at(now)
    found = set()
    for one, row in stopped.items():
        order, duty = newest.get(str(row.id)), rules.duty(row)
        if order is not None and (order.finished_at is None or order.finished_at >= since[one]):
            turned_on = order.kind == "rds.start"
        else:
            runs = [wanted(duty, at)[0] is Wish.RUNNING for at in (since[one], now)]
            turned_on = row.account.automation == Automation.ON and runs == [False, True]
        if turned_on:
            found.add(one)
    return frozenset(found)


def _renewed(one: Operation, seen: Database) -> bool:
    """Whether it has another certificate than it had: always so where its authority is what changes."""
    before = one.parameters.get("renew_from", "")
    return not before or (
        seen.certificate_until is not None and seen.certificate_until > datetime.fromisoformat(before)
    )


def handshake_of(seen: Database) -> str:
    """seen: it shows the certificate of which AWS gave the end; other: it shows another; unreachable: not from here;
    unspoken: its engine's TLS cannot be looked at from outside."""
    try:
        found = handshake.look(seen.engine, seen.address, seen.port, vpc=seen.vpc_id)
    except handshake.Unreachable:
        return "unreachable"
    except handshake.Unspoken:
        return "unspoken"
    said = seen.certificate_until
    same = said is not None and abs(found.until - said) < timedelta(days=1)
    return "seen" if same else "other"
