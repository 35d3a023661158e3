"""Why a state changed outside Toban, as far as AWS says, and when AWS starts a stopped database again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.domain.drift import RESTARTED_AFTER, DriftCause, drift_cause
from infra.domain.power import Power
from infra.domain.restart import Restart, restart_of

LEFT = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
SOON, LONG = LEFT + timedelta(hours=1), LEFT + RESTARTED_AFTER - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("Client.UserInitiatedShutdown: User initiated shutdown", DriftCause.BY_HAND),
        ("User initiated (2026-11-30 01:02:03 GMT)", DriftCause.BY_HAND),
        ("Client.InstanceInitiatedShutdown: Instance initiated shutdown", DriftCause.FROM_INSIDE),
        ("Server.SpotInstanceTermination: Spot instance termination", DriftCause.SPOT),
        ("Server.SpotInstanceShutdown: stopped due to interruption", DriftCause.SPOT),
        ("Server.ScheduledStop: Stopped due to scheduled retirement", DriftCause.AWS),
        ("Client.VolumeLimitExceeded: Volume limit exceeded", DriftCause.OUTSIDE),
        ("", DriftCause.OUTSIDE),
    ],
)
def test_a_stop_is_explained_with_awss_own_words(words: str, cause: DriftCause) -> None:
    assert drift_cause("ec2", Power.STOPPED, words, SOON, LEFT) is cause


@pytest.mark.parametrize(
    ("kind", "changed_at", "cause"),
    [
        ("rds", LONG, DriftCause.AWS_RESTART),
        ("cluster", LONG, DriftCause.AWS_RESTART),
        ("rds", SOON, DriftCause.OUTSIDE),
        ("ec2", LONG, DriftCause.OUTSIDE),
    ],
)
def test_only_databases_are_restarted_by_aws_and_only_after_seven_days(
    kind: str, changed_at: datetime, cause: DriftCause
) -> None:
    words = "Client.UserInitiatedShutdown: of the stop before"
    assert drift_cause(kind, Power.RUNNING, words, changed_at, LEFT) is cause


def test_awss_own_instant_goes_before_the_estimate() -> None:
    told = {"restarts_at": "2026-12-06T10:00:00+00:00"}
    assert restart_of("rds", "stopped", told, LEFT) == Restart(
        datetime(2026, 12, 6, 10, 0, tzinfo=UTC), False
    )
    assert restart_of("cluster", "stopped", {}, LEFT) == Restart(LEFT + timedelta(days=7), True)


@pytest.mark.parametrize(("kind", "state"), [("rds", "running"), ("rds", "transition"), ("ec2", "stopped")])
def test_nothing_else_is_restarted(kind: str, state: str) -> None:
    assert restart_of(kind, state, {}, LEFT) is None
