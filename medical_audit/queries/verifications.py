"""What the verification page says: is it complete, is it intact, how far is it sealed, who else holds a copy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from medical_audit.domain.actor import Actor
from medical_audit.domain.checkpoint import Checkpoint
from medical_audit.domain.notes import BadNote
from medical_audit.domain.restoring import Loss
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import VerificationRun
from medical_audit.models.verification import OPEN
from medical_audit.queries import seals
from medical_audit.queries.purges import gone_up_to
from medical_audit.queries.restores import losses_of, restores
from medical_audit.queries.streams import StampLine, StreamLine, stamp_line, stream_lines
from medical_audit.queries.verification import length_of

#: Two intervals without a seal, and every page says so.
LATE = timedelta(seconds=120)
_STATE = """
SELECT c.at, clock_timestamp(),
    (SELECT l.linked_at FROM ledger.link l WHERE l.tenant_id = %(tenant)s AND l.seq = 1 + coalesce(
        (SELECT max(t.size) FROM ledger.tree_head t WHERE t.tenant_id = %(tenant)s), 0))
FROM ledger.checkpoint c ORDER BY c.number DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class SealState:
    """`code`: sealed, late (no seal for two intervals), withheld (this tenant's chain is not sealed further), never."""

    code: str
    since: datetime | None

    @property
    def is_well(self) -> bool:
        return self.code == "sealed"


@dataclass(frozen=True, slots=True)
class AnchorLine:
    """`behind`: how many seals it lacks; `since`: when it last took one; `oldest`: how old the oldest it lacks is."""

    name: str
    number: int
    behind: int
    since: datetime | None
    lag: timedelta | None
    problem: str


@dataclass(frozen=True, slots=True)
class SealLine:
    """The newest seal: `clock`: the sealer's clock against the database's."""

    number: int
    at: datetime
    age: timedelta
    clock: timedelta


@dataclass(frozen=True, slots=True)
class RestoreLine:
    """A restore that two people signed: the seals behind `new` up to `old` were given up, and this tenant's events `loss`."""

    at: datetime
    old: int
    new: int
    approvers: str
    reason: str
    loss: Loss | None


@dataclass(frozen=True, slots=True)
class VerificationView:
    open: VerificationRun | None
    last: VerificationRun | None
    runs: tuple[VerificationRun, ...]
    events: int
    sealed: int
    state: SealState
    refusal: str
    seal: SealLine | None
    anchors: tuple[AnchorLine, ...]
    streams: tuple[StreamLine, ...]
    stamp: StampLine | None
    guarded: bool
    keys: tuple[str, ...]
    restores: tuple[RestoreLine, ...]
    gone: int

    @property
    def unsealed(self) -> int:
        return self.events - self.sealed


def last_finished(*, actor: Actor) -> VerificationRun | None:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    found: VerificationRun | None = (
        VerificationRun.objects.exclude(verdict__in=OPEN).order_by("-finished_at").first()
    )
    return found


def seal_state(*, actor: Actor) -> SealState:
    """How the tenant's ledger is sealed right now, by the database's own clock."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, {"tenant": actor.tenant_id})
        row = cursor.fetchone()
    if row is None:
        return SealState("never", None)
    at, now, unsealed_since = row
    if now - at > LATE:
        return SealState("late", _shown(at))
    if unsealed_since is not None and at - unsealed_since > LATE:
        return SealState("withheld", _shown(unsealed_since))
    return SealState("sealed", _shown(at))


def verification_view(*, actor: Actor) -> VerificationView:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    runs = tuple(VerificationRun.objects.order_by("-asked_at")[:10])
    newest, now, head = seals.newest_checkpoint(), seals.database_clock(), seals.last_head(actor.tenant_id)
    duties, events = seals.duties(), length_of(actor.tenant_id)
    streams = stream_lines(
        actor.tenant_id, duties, events=events, newest=newest.number if newest else 0, now=now
    )
    stamp = stamp_line(duties, now=now)
    return VerificationView(
        open=next((run for run in runs if run.is_open), None),
        last=last_finished(actor=actor),
        runs=tuple(run for run in runs if not run.is_open),
        events=events,
        sealed=head[1].size if head else 0,
        state=seal_state(actor=actor),
        refusal=duties["seal"].problem if "seal" in duties else "",
        seal=None
        if newest is None
        else SealLine(newest.number, _shown(newest.at), now - newest.at, _clock(newest.note)),
        anchors=_anchors(newest, duties, now),
        streams=tuple(replace(one, since=one.since and _shown(one.since)) for one in streams),
        stamp=stamp and replace(stamp, at=stamp.at and _shown(stamp.at)),
        guarded=seals.is_guarded(),
        keys=tuple(str(key) for key in settings.TOBAN_SEAL_PUBLIC_KEYS),
        restores=_restores(actor),
        gone=gone_up_to(actor.tenant_id),
    )


def _restores(actor: Actor) -> tuple[RestoreLine, ...]:
    lost = losses_of(actor.tenant_id)
    return tuple(
        RestoreLine(
            one.statement.at,
            one.statement.old,
            one.statement.new,
            ", ".join(one.approvers),
            one.statement.reason,
            lost.get(one.statement.epoch),
        )
        for one in restores(settings.TOBAN_APPROVER_KEYS)
    )


def _shown(at: datetime) -> datetime:
    """By the clock that the pages show: the database's, but for a demo whose clock is shifted."""
    return at + timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)


def _anchors(
    newest: seals.Stored | None, duties: Mapping[str, seals.Duty], now: datetime
) -> tuple[AnchorLine, ...]:
    if newest is None:
        return ()
    found = []
    for name, duty in duties.items():
        if name.startswith(seals.ANCHOR_DUTY):
            behind = newest.number - duty.number
            first = seals.checkpoint(duty.number + 1) if behind else None
            found.append(
                AnchorLine(
                    name.removeprefix(seals.ANCHOR_DUTY),
                    duty.number,
                    behind,
                    None if duty.done_at is None else _shown(duty.done_at),
                    now - first.at if first else None,
                    duty.problem,
                )
            )
    return tuple(found)


def _clock(note: str) -> timedelta:
    try:
        return timedelta(milliseconds=Checkpoint.parse(note.rpartition("\n\n")[0] + "\n").clock_ms)
    except BadNote:
        return timedelta(0)
