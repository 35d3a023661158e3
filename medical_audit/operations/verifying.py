"""Verifications: asked for on a page, carried out beside the sealer, told in the ledger."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import DatabaseError, IntegrityError, connection, transaction

from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.anchoring import Anchor
from medical_audit.domain.notes import VerifierKey
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import VerificationRun
from medical_audit.models.verification import BROKEN, OPEN, Verdict
from medical_audit.operations.ledger import record
from medical_audit.queries.queue import due_verifications
from medical_audit.queries.sealed import Report, verify_ledger
from medical_audit.queries.verification import length_of
from medical_audit.tenancy import tenant_scope

log = structlog.get_logger(__name__)
#: One that says nothing for so long was left behind by a sealer that died; another takes it up.
LEFT_BEHIND = timedelta(minutes=15)


def ask(*, actor: Actor, now: datetime) -> VerificationRun:
    """Ask for the tenant's ledger to be verified; one that is on its way already is given back. Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    run = VerificationRun(
        tenant_id=actor.tenant_id, asked_by_id=actor.id, asked_by_name=actor.name, asked_at=now
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        waiting: VerificationRun = VerificationRun.objects.get(verdict__in=OPEN)
        return waiting
    record(
        "ledger.verification_asked",
        actor=actor,
        subject=Subject("tenant", str(actor.tenant_id)),
        now=now,
        detail={"verification": str(run.id)},
    )
    return run


class Verifier:
    """Carries out one verification at a time in a thread of its own, so that sealing goes on meanwhile."""

    def __init__(
        self,
        keys: Sequence[VerifierKey],
        anchors: Sequence[Anchor],
        *,
        approvers: Sequence[VerifierKey] = (),
        clock: Callable[[], datetime],
        tsa_ca_file: str = "",
    ) -> None:
        self.keys, self.anchors, self.approvers = list(keys), list(anchors), list(approvers)
        self.clock, self.tsa_ca_file = clock, tsa_ca_file
        self._job: _Job | None = None

    def step(self) -> None:
        """Tell how far it is, take up the next one; to be called every second or two."""
        if self._job is not None:
            self._job.tell()
            if self._job.is_alive():
                return
            self._job = None
        for tenant_id in due_verifications(self.clock() - LEFT_BEHIND):
            run = _take(tenant_id, now=self.clock(), left_behind=self.clock() - LEFT_BEHIND)
            if run is not None:
                self._job = _Job(
                    run,
                    self.keys,
                    self.anchors,
                    self.approvers,
                    clock=self.clock,
                    tsa_ca_file=self.tsa_ca_file,
                )
                self._job.start()
                return

    def finish(self) -> None:
        """Wait for the one in hand."""
        if self._job is not None:
            self._job.join()


def _take(tenant_id: UUID, *, now: datetime, left_behind: datetime) -> VerificationRun | None:
    """The tenant's waiting run, which is ours from now on; None: another sealer was first."""
    with tenant_scope(tenant_id):
        total = length_of(tenant_id)
        waiting = VerificationRun.objects.filter(verdict=Verdict.ASKED) | VerificationRun.objects.filter(
            verdict=Verdict.RUNNING, started_at__lt=left_behind
        )
        for run in waiting[:1]:
            taken = VerificationRun.objects.filter(
                id=run.id, verdict=run.verdict, started_at=run.started_at
            ).update(verdict=Verdict.RUNNING, started_at=now, total=total, checked=0)
            if taken:
                run.refresh_from_db()
                found: VerificationRun = run
                return found
    return None


class _Job(threading.Thread):
    def __init__(
        self,
        run: VerificationRun,
        keys: Sequence[VerifierKey],
        anchors: Sequence[Anchor],
        approvers: Sequence[VerifierKey],
        *,
        clock: Callable[[], datetime],
        tsa_ca_file: str,
    ) -> None:
        super().__init__(name="verification", daemon=True)
        self.row, self.keys, self.anchors, self.approvers, self.clock = run, keys, anchors, approvers, clock
        self.tsa_ca_file = tsa_ca_file
        self.checked = 0

    def tell(self) -> None:
        with tenant_scope(self.row.tenant_id):
            VerificationRun.objects.filter(id=self.row.id, verdict=Verdict.RUNNING).update(
                checked=self.checked
            )

    def run(self) -> None:
        try:
            report = verify_ledger(
                [self.row.tenant_id],
                self.keys,
                self.anchors,
                approvers=self.approvers,
                tsa_ca_file=self.tsa_ca_file,
                tell=self._count,
            )
            close(self.row, report, now=self.clock(), actor=system_actor(self.row.tenant_id, "sealer"))
        except DatabaseError as error:
            # It stays RUNNING, and is taken up again as one that was left behind.
            log.error("verification_failed", error=type(error).__name__)
        except Exception as error:
            # It would stand there as running for ever, under the last verdict that says intact.
            log.exception("verification_broken")
            give_up(
                self.row,
                type(error).__name__,
                now=self.clock(),
                actor=system_actor(self.row.tenant_id, "sealer"),
            )
        finally:
            connection.close()

    def _count(self, checked: int) -> None:
        self.checked = checked


def close(run: VerificationRun, report: Report, *, now: datetime, actor: Actor) -> None:
    """Keep the verdict and say it in the ledger. The seals are the platform's, and what excuses one stands in its chain: their damage
    is this tenant's too."""
    (chain,) = report.chains
    damage = chain.damage or report.platform.damage or report.seals.damage
    of = "chain" if chain.damage else "platform" if report.platform.damage else "seals" if damage else ""
    gone = chain.gone[-1].last if chain.gone else 0
    verdict = Verdict.DAMAGED if damage else Verdict.UNSAID if report.seals.cannot_say else Verdict.INTACT
    anchors = [
        {"name": one.name, "number": one.number, "problem": one.problem} for one in report.seals.anchors
    ]
    result: dict[str, object] = {
        "verdict": str(verdict),
        "finished_at": now,
        "checked": chain.events,
        "damage": damage.kind if damage else "",
        "damage_of": of,
        "damage_seq": damage.seq if damage else None,
        "sealed": max(0, chain.sealed - gone),
        "seal": report.seals.number,
        "anchors": anchors,
        "silences": len(report.seals.gaps),
        "problem": (damage and damage.operation) or report.seals.cannot_say[:300],
    }
    detail: dict[str, object] = {
        "verification": str(run.id),
        "verdict": str(verdict),
        "events": chain.events,
        "sealed": chain.sealed,
        "seal": report.seals.number,
        **({"gone": gone} if gone else {}),
        **({"restores": len(report.seals.restores)} if report.seals.restores else {}),
    }
    if damage is not None:
        detail |= {"damage": damage.kind, "of": of, "number": damage.seq}
        detail |= {"operation": damage.operation} if damage.operation else {}
    _keep(run, verdict, result, detail, now=now, actor=actor)


def give_up(run: VerificationRun, why: str, *, now: datetime, actor: Actor) -> None:
    """Nothing can be said: the verification itself failed. `why`: what for, in a word of the program."""
    problem = f"{BROKEN}{why}"[:300]
    result: dict[str, object] = {"verdict": str(Verdict.UNSAID), "finished_at": now, "problem": problem}
    detail: dict[str, object] = {
        "verification": str(run.id), "verdict": str(Verdict.UNSAID), "problem": problem,
    }  # fmt: skip
    _keep(run, Verdict.UNSAID, result, detail, now=now, actor=actor)


def _keep(
    run: VerificationRun,
    verdict: Verdict,
    result: dict[str, object],
    detail: dict[str, object],
    *,
    now: datetime,
    actor: Actor,
) -> None:
    with tenant_scope(run.tenant_id):
        if VerificationRun.objects.filter(id=run.id, verdict=Verdict.RUNNING).update(**result):
            record(
                "ledger.verified",
                actor=actor,
                subject=Subject("tenant", str(run.tenant_id)),
                now=now,
                outcome="ok" if verdict == Verdict.INTACT else "failed",
                detail=detail,
            )
