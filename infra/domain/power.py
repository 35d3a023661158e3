"""What AWS's own words for a state mean for somebody who wants a machine on or off."""

from enum import StrEnum


class Power(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    TRANSITION = "transition"
    UNKNOWN = "unknown"
    GONE = "gone"


_EC2 = {
    "pending": Power.TRANSITION,
    "running": Power.RUNNING,
    "stopping": Power.TRANSITION,
    "stopped": Power.STOPPED,
    "shutting-down": Power.GONE,
    "terminated": Power.GONE,
}
#: States in which a database serves, or is on and merely busy.
_RDS_ON = frozenset(
    {
        "available", "backing-up", "configuring-enhanced-monitoring", "configuring-iam-database-auth",
        "configuring-log-exports", "modifying", "maintenance", "rebooting", "renaming", "resetting-master-credentials",
        "storage-config-upgrade", "storage-optimization", "upgrading", "storage-full",
    }
)  # fmt: skip
#: What only clusters say while they serve.
_CLUSTER_ON = frozenset(
    {"backtracking", "failing-over", "promoting", "resetting-master-credentials", "update-iam-db-auth"}
)
_RDS_MOVING = frozenset({"starting", "stopping", "creating", "delete-precheck"})
_RDS_GONE = frozenset({"deleting"})


def ec2_power(state: str) -> Power:
    return _EC2.get(state, Power.UNKNOWN)


def rds_power(state: str) -> Power:
    """Source: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html, DB instance status."""
    if state == "stopped":
        return Power.STOPPED
    if state in _RDS_ON:
        return Power.RUNNING
    if state in _RDS_MOVING:
        return Power.TRANSITION
    return Power.GONE if state in _RDS_GONE else Power.UNKNOWN


def cluster_power(state: str) -> Power:
    """Source: docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html, DB cluster status."""
    return Power.RUNNING if state in _CLUSTER_ON else rds_power(state)
