"""The state machine of a privileged action (design §2): every state, every legal move."""

from enum import StrEnum


class State(StrEnum):
    ENTERED = "ENTERED"
    CONFIRMED = "CONFIRMED"
    RUNNING = "RUNNING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    MISSED = "MISSED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Phase(StrEnum):
    """Where a RUNNING operation stands: its call is under way, or accepted and being watched."""

    NONE = ""
    CALLING = "calling"
    VERIFYING = "verifying"


#: Legal moves. CONFIRMED -> SUCCEEDED | FAILED: looking before the call showed that the wish is already
#: fulfilled, or can never be. RUNNING | UNKNOWN -> CONFIRMED: provably not applied, tried again later.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.ENTERED: frozenset({State.CONFIRMED, State.REJECTED, State.WITHDRAWN, State.EXPIRED}),
    State.CONFIRMED: frozenset(
        {State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLED, State.MISSED, State.EXPIRED}
    ),
    State.RUNNING: frozenset(
        {State.SUCCEEDED, State.FAILED, State.UNKNOWN, State.CONFIRMED, State.CANCELLED, State.MISSED}
    ),
    State.UNKNOWN: frozenset({State.SUCCEEDED, State.FAILED, State.CONFIRMED, State.MISSED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.MISSED: frozenset(),
    State.REJECTED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}

FINAL = frozenset(state for state, moves in TRANSITIONS.items() if not moves)
OPEN = frozenset(State) - FINAL
#: States that a row reaches without anybody's confirmation.
UNCONFIRMED = frozenset({State.ENTERED, State.REJECTED, State.WITHDRAWN, State.EXPIRED})
#: States whose row waits for a worker; the others wait for a person or for nobody.
WORKABLE = frozenset({State.CONFIRMED, State.RUNNING, State.UNKNOWN})
#: States of an operation on which automatic ones may rest: confirmed, and not come to nothing. The database has them, too.
AUTHORISING = frozenset({State.CONFIRMED, State.RUNNING, State.UNKNOWN, State.SUCCEEDED})
#: Final states that a person should look at.
ENDED_BADLY = frozenset({State.FAILED, State.MISSED})


def may_move(before: State, after: State) -> bool:
    return after in TRANSITIONS[before]
