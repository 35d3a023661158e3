"""The sealer's round: a seal, its copies to the anchors, what was confirmed to go, and how each went. It never holds up
anybody's work."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import DatabaseError, connection

from medical_audit.anchors.timestamps import TimeStamper, check_time
from medical_audit.domain.actor import NO_TENANT, Actor, system_actor
from medical_audit.domain.anchoring import Anchor, AnchorDoubt, AnchorError, Payload, newest_of
from medical_audit.domain.checkpoint import note_hash
from medical_audit.domain.notes import BadNote, Signer, VerifierKey, open_note
from medical_audit.operations.burying import PurgeRefused, carry_out, due_purges
from medical_audit.operations.erasures import forget_strangers, sign_erasures, signed_since
from medical_audit.operations.holding import Holding
from medical_audit.operations.sealing import Known, Sealed, SealRefused, seal
from medical_audit.queries import seals
from medical_audit.queries.purges import PURGE_DUTY
from medical_audit.queries.seals import ANCHOR_DUTY, Duty, Stored
from medical_audit.queries.streams import STAMP
from medical_audit.tenancy import platform_scope

log = structlog.get_logger(__name__)
#: A seal is made each minute, and whenever a tenant has this many events that no seal covers.
SEALED_MOST = 1000
FORGETS_EVERY = timedelta(hours=1)
SEALER: Actor = system_actor(NO_TENANT, "sealer")


class Sealer:
    """One process's memory between rounds: the newest checkpoint that it has seen here or in an anchor."""

    def __init__(
        self,
        signer: Signer,
        keys: Sequence[VerifierKey],
        anchors: Sequence[Anchor],
        *,
        approvers: Sequence[VerifierKey] = (),
        clock: Callable[[], datetime],
        wall: Callable[[], float],
        stamper: TimeStamper | None = None,
        stamp_every: timedelta = timedelta(hours=1),
    ) -> None:
        self.signer, self.keys, self.anchors = signer, list(keys), list(anchors)
        self.approvers, self.clock, self.wall = list(approvers), clock, wall
        self.stamper, self.stamp_every = stamper, stamp_every
        self.known: Known | None = None
        self.most = SEALED_MOST
        self._asked: set[str] = set()
        self._holding = Holding()
        self._withheld: frozenset[UUID] = frozenset()
        self._refused = ""
        self._forgot_at: datetime | None = None

    def round(self) -> Sealed | None:
        """Seal and anchor once. A refusal is reported and None, as is what nobody foresaw: no line of an anchor, and no row, ends the
        sealer. A database that is away raises its own error."""
        try:
            return self._round()
        except DatabaseError:
            raise
        except Exception:
            log.exception("seal_broken")
            self._refused = "broken"
            report("seal", 0, "broken")
            return None

    def _round(self) -> Sealed | None:
        try:
            self._ask_anchors()
            self._holding.look(self.signer, actor=SEALER, now=self.clock())
            sealed = seal(
                self.signer, self.keys, actor=SEALER, clock=self.clock, wall=self.wall, known=self.known,
                approvers=self.approvers, cause=self._refused,
            )  # fmt: skip
        except SealRefused as refusal:
            log.error("seal_refused", code=refusal.code, why=str(refusal))
            self._refused = refusal.code
            report("seal", 0, refusal.code)
            return None
        self._refused = ""
        if sealed is not None:
            self.known = Known(sealed.number, note_hash(sealed.note))
            self._withheld = frozenset(one.tenant_id for one in sealed.withheld)
            for one in sealed.withheld:
                log.error("seal_withheld", tenant=str(one.tenant_id), seq=one.seq)
            report("seal", sealed.number, "")
        self._forget()
        sign_erasures(self.signer)
        self._anchor()
        if sealed is not None and self.stamper is not None:
            self._stamp(sealed, self.stamper)
        self._let_go()
        return sealed

    def has_much(self) -> bool:
        """Whether some tenant has so many events behind its last seal that the next one is not waited for. What the last round did not
        seal waits for the minute: a damaged chain, and all of them where the sealer does not go on."""
        if self._refused:
            return False
        with platform_scope():
            return any(
                one.seq - (one.head.size if one.head else 0) >= self.most
                for one in seals.progress()
                if one.tenant_id not in self._withheld
            )

    def _forget(self) -> None:
        now = self.clock()
        if self._forgot_at is None or now - self._forgot_at >= FORGETS_EVERY:
            self._forgot_at = now
            forget_strangers(actor=SEALER, now=now)

    def _ask_anchors(self) -> None:
        """Each anchor once: what it holds must still be in the database, or the sealer does not go on behind it. Before all have
        answered nothing is sealed: behind a restore that only the one that is away could tell, the seals would fork for good."""
        waiting = [anchor for anchor in self.anchors if anchor.name not in self._asked]
        if not waiting:
            return
        with platform_scope():
            done = seals.duties()
        away = []
        for anchor in waiting:
            newest = None
            try:
                newest = newest_of(anchor, _hint(anchor, done))
            except AnchorDoubt as error:
                log.error("anchor_forged", anchor=anchor.name, why=str(error))
            except AnchorError as error:
                away.append(f"{anchor.name}: {error}")
                continue
            self._asked.add(anchor.name)
            if newest is not None and not self._is_ours(newest):
                log.error("anchor_forged", anchor=anchor.name, number=newest.number)
            elif newest is not None and (self.known is None or newest.number > self.known.number):
                self.known = Known(newest.number, note_hash(newest.note))
        if away:
            raise SealRefused("anchor_unread", "; ".join(away))

    def _is_ours(self, payload: Payload) -> bool:
        try:
            open_note(payload.note, self.keys, number=payload.number)
        except BadNote:
            return False
        return True

    def _anchor(self) -> None:
        with platform_scope():
            newest, done = seals.newest_checkpoint(), seals.duties()
        if newest is None:
            return
        for anchor in self.anchors:
            problem = ""
            try:
                self._bring(anchor, newest, _hint(anchor, done))
            except AnchorError as error:
                problem = str(error)
                log.warning("anchor_failed", anchor=anchor.name, why=problem)
            report(f"{ANCHOR_DUTY}{anchor.name}", newest.number, problem)

    def _bring(self, anchor: Anchor, newest: Stored, hint: int) -> None:
        """Put the newest seal there. What it has is asked of itself: the row that says so is no evidence, and others may write it."""
        there = newest_of(anchor, hint)
        if there is not None and not self._is_ours(there):
            # Nothing is put over it: behind a foreign line a cut record's next seal would look like the newest there ever was.
            raise AnchorDoubt(f"what is there as seal {there.number} is no seal of ours")
        before = there.number if there else 0
        if before >= newest.number:
            return
        with platform_scope():
            heads = tuple(head for number, head in seals.heads_at(newest.number) if number > before)
            last = seals.checkpoint(before)
        erased = signed_since(seals.sealed_at(last.note) if last else None)
        anchor.put(Payload(newest.number, newest.note, heads, erased))

    def _let_go(self) -> None:
        """Carry out the purges that people confirmed; what a hold or the database refuses is tried again each minute."""
        for tenant_id, operation_id in due_purges():
            problem = ""
            try:
                sealer = system_actor(tenant_id, "sealer")
                stone = carry_out(operation_id, self.signer, self.keys, actor=sealer, now=self.clock())
                log.info("purged", tenant=str(tenant_id), first=stone.first, last=stone.last)
            except (PurgeRefused, DatabaseError) as error:
                problem = error.code if isinstance(error, PurgeRefused) else type(error).__name__
                log.error("purge_refused", tenant=str(tenant_id), operation=str(operation_id), why=str(error))
            report(f"{PURGE_DUTY}{tenant_id}", self.known.number if self.known else 0, problem)

    def _stamp(self, sealed: Sealed, stamper: TimeStamper) -> None:
        """Have this seal stamped, if it is time for one; an authority that is away is asked again with the next seal."""
        with platform_scope():
            before = seals.duties().get(STAMP)
        if before is not None and before.done_at and sealed.at - before.done_at < self.stamp_every:
            return
        problem = ""
        try:
            stamp = stamper.stamp(sealed.note)
            check_time(stamp.at, sealed.at, stamper.url)
        except AnchorError as error:
            problem = str(error)
            log.warning("stamp_failed", why=problem)
        else:
            with platform_scope(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT ledger.keep_stamp(%s, %s, %s, %s)",
                    [sealed.number, stamp.at, stamper.url, stamp.token],
                )
        report(STAMP, sealed.number, problem)


def _hint(anchor: Anchor, done: Mapping[str, Duty]) -> int:
    duty = done.get(f"{ANCHOR_DUTY}{anchor.name}")
    return duty.number if duty else 0


def report(name: str, number: int, problem: str) -> None:
    """Say how a duty went; empty `problem`: done, up to checkpoint `number`."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT ledger.report_duty(%s, %s, %s)", [name, number, problem])
