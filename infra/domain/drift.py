"""Why something is in another state than Toban's last action left it in, as far as AWS says."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from infra.domain.power import Power

#: AWS starts a stopped database after seven days (RDS user guide, "Stopping an Amazon RDS DB instance temporarily").
RESTARTED_AFTER = timedelta(days=7)
#: The stop is seen some time after it began, and AWS takes some time to start.
RESTART_SLACK = timedelta(hours=6)
RESTARTING_KINDS = frozenset({"rds", "cluster"})


class DriftCause(StrEnum):
    """by_hand: somebody with rights in AWS. from_inside: shut down by its own operating system. spot: AWS took spot
    capacity back. aws: AWS stopped it for reasons of its own. aws_restart: AWS starts a stopped database after seven days.
    outside: started outside Toban; AWS does not say by whom."""

    BY_HAND = "by_hand"
    FROM_INSIDE = "from_inside"
    SPOT = "spot"
    AWS = "aws"
    AWS_RESTART = "aws_restart"
    OUTSIDE = "outside"


#: How StateReason and StateTransitionReason begin (EC2 API reference, StateReason).
_STOPPED_BY = (
    ("Client.UserInitiated", DriftCause.BY_HAND),
    ("User initiated", DriftCause.BY_HAND),
    ("Client.InstanceInitiated", DriftCause.FROM_INSIDE),
    ("Server.Spot", DriftCause.SPOT),
    ("Server.", DriftCause.AWS),
)


def drift_cause(
    kind: str, found: Power, state_reason: str, changed_at: datetime, left_at: datetime
) -> DriftCause:
    """Who or what changed the state: `found` since `changed_at`, after Toban left it otherwise at `left_at`."""
    if found is Power.STOPPED:
        return next(
            (cause for start, cause in _STOPPED_BY if state_reason.startswith(start)), DriftCause.OUTSIDE
        )
    by_itself = kind in RESTARTING_KINDS and changed_at - left_at >= RESTARTED_AFTER - RESTART_SLACK
    return DriftCause.AWS_RESTART if by_itself else DriftCause.OUTSIDE
