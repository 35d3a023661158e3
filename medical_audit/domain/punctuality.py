"""Whether what the clock had planned was done in time: the planned instant against the one at which it was verified."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from medical_audit.domain.states import OPEN, State

#: What is verified this much later than planned, or not done yet by then, is late.
LATE_AFTER = timedelta(minutes=10)
#: The outcome of an action that was not needed: what it wanted was already so.
ALREADY = "already"


class Kept(StrEnum):
    """What became of one planned action.

    on_time: verified within LATE_AFTER of its instant, or already so. late: verified later than that, or still not done.
    missed: its time passed without it. failed: it was tried and did not happen. due: under way, not late yet.
    left_out: nobody wanted it any longer when its turn came.
    """

    ON_TIME = "on_time"
    LATE = "late"
    MISSED = "missed"
    FAILED = "failed"
    DUE = "due"
    LEFT_OUT = "left_out"


#: Those that say how well a plan was kept; `due` is too early to say, `left_out` was not wanted.
JUDGED = (Kept.ON_TIME, Kept.LATE, Kept.MISSED, Kept.FAILED)
MISSED_STATES = frozenset({State.MISSED, State.EXPIRED})


def kept(state: State, outcome: str, due_at: datetime, finished_at: datetime | None, now: datetime) -> Kept:
    """Judge one operation of the clock by its row; instants are aware."""
    if state in OPEN:
        return Kept.LATE if now - due_at > LATE_AFTER else Kept.DUE
    if state in MISSED_STATES:
        return Kept.MISSED
    if state == State.FAILED:
        return Kept.FAILED
    if state != State.SUCCEEDED:
        return Kept.LEFT_OUT
    late = outcome != ALREADY and finished_at is not None and finished_at - due_at > LATE_AFTER
    return Kept.LATE if late else Kept.ON_TIME
