"""Giving one database a new certificate: start it if it is stopped, change it, look at it, stop it again if it was stopped.

Entered by the clock when a wave of a confirmed campaign begins (infra.operations.campaigns). How the database was found is
kept with the intent to touch it, in the row of the database; which step is next is seen each time. So a worker may die at
any moment: nothing is done twice, and what was stopped is stopped again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra import handshake
from infra.aws import certificates, rds
from infra.domain.aws import AwsError, CallResult, Database, Target
from infra.domain.rotation import SETTLES, STOPPED, Step, next_step
from infra.domain.tags import hands_off
from infra.models import Resource
from infra.operations.database_rounds import LOOK_IN, PAUSE, DatabaseExecutor, Plan, fresh
from infra.operations.facts import facts_of
from infra.operations.verdicts import after_error, detail_of
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.kinds import Again, Done, Fail, Go, Later, OperationTarget, Unknown, Verdict
from medical_audit.domain.states import State
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
PATIENT = frozenset({*_CODES.values(), "rotation_continues", "certificate_not_presented"})


@dataclass(slots=True)
class RotationPlan(Plan):
    """rows: the databases by operation. memory: what is kept of each from now on; None: nothing any more.
    renewals: what AWS has planned for those whose authority stays the same."""

    rows: dict[UUID, Resource] = field(default_factory=dict)
    memory: dict[UUID, dict[str, str] | None] = field(default_factory=dict)
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
        wanted = [one.target_id for one in operations]
        rows = {str(row.id): row for row in Resource.objects.filter(id__in=wanted)}
        named = {one.id: rows[one.target_id] for one in operations if one.target_id in rows}
        return RotationPlan(plan.target, rows=named)

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
        refusals = (
            self._hands_off(step, seen),
            self._no_renewal(plan, one, step),
            self._given_up(plan, one, step),
        )
        if refusal := next(filter(None, refusals), ""):
            return self._ended(plan, one, Fail(refusal, detail=told))
        return Go({**told, "step": str(step)})

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        """Whether the call has come to what it was for; if so, the row goes back to the queue for the next step."""
        assert isinstance(plan, RotationPlan)
        seen = self._seen(plan, one)
        if seen is None:
            return self._ended(plan, one, Fail("gone"))
        step, told = self._step(plan, one, seen, now), self._told(plan, one, seen)
        called = one.outcome_detail.get("step", "")
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
        verdict = after_error(error)
        if isinstance(verdict, Unknown):
            # The step must be known when the answer is looked for.
            return Unknown(verdict.code, verdict.request_id, {**one.outcome_detail, **detail_of(error)})
        kept = self._kept(plan, one)
        if (
            isinstance(verdict, Fail)
            and kept.get("found") == STOPPED
            and one.outcome_detail["step"] == Step.MODIFY
        ):
            plan.memory[one.id] = {**kept, "refused": verdict.code}
            return Later("rotation_continues", timedelta(0), dict(verdict.detail or {}))
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

    @staticmethod
    def _hands_off(step: Step, seen: Database) -> str:
        """Why it is not to be touched by what it says now (a code), or ""; what was begun is still put back."""
        return hands_off(seen.tags) if step in (Step.START, Step.MODIFY) else ""

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
        return next_step(seen.state, ca, one.parameters["ca"], kept.get("found", ""), going_on=open_yet)

    def _told(self, plan: RotationPlan, one: Operation, seen: Database) -> dict[str, Any]:
        kept = self._kept(plan, one)
        told = {
            "aws_state": seen.state,
            "ca": seen.ca,
            "found": kept.get("found", ""),
            "tls": kept.get("tls", ""),
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
        if kept.get("found") == STOPPED:
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
                Resource.objects.filter(id=row.id).update(memory=row.memory)


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
        found = handshake.look(seen.engine, seen.address, seen.port)
    except handshake.Unreachable:
        return "unreachable"
    except handshake.Unspoken:
        return "unspoken"
    said = seen.certificate_until
    same = said is not None and abs(found.until - said) < timedelta(days=1)
    return "seen" if same else "other"
