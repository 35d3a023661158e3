"""Databases start and stop by their tags; those that AWS cannot stop are named, never tried."""

import pytest
from pytest_django import Settings

from medical_audit.domain.errors import Refused
from medical_audit.domain.states import State
from tests.infra.operations.duty import Duty, jst

STOP = {"AutoStop": "19:00"}
EVENING = jst(2026, 11, 30, 19, 0)


@pytest.fixture
def evening(duty: Duty) -> Duty:
    duty.clock.now = EVENING
    return duty


def test_a_database_stops_in_the_evening_and_starts_in_the_morning(evening: Duty) -> None:
    evening.aws.seed(databases=[{"id": "orders", "tags": {"AutoStart": "08:30", "AutoStop": "19:00"}}])
    evening.morning()
    assert evening.aws.states()["rds"] == {"orders": "stopped"}
    evening.clock.now = jst(2026, 12, 1)
    evening.morning()
    assert evening.aws.states()["rds"] == {"orders": "available"}
    assert [(row.kind, row.state) for row in evening.operations()] == [
        ("rds.stop", State.SUCCEEDED),
        ("rds.start", State.SUCCEEDED),
    ]


CANNOT = {
    "read replica": ([{"id": "source"}, {"id": "it", "replica_of": "source", "tags": STOP}], "read_replica"),
    "source of a replica": ([{"id": "it", "tags": STOP}, {"id": "copy", "replica_of": "it"}], "has_replicas"),
    "sql server in two zones": (
        [{"id": "it", "engine": "sqlserver-se", "multi_az": True, "tags": STOP}],
        "sqlserver_multi_az",
    ),
    "aurora": ([{"id": "it", "engine": "aurora-mysql", "cluster": "c", "tags": STOP}], "aurora"),
    "member of a cluster": (
        [{"id": "it", "engine": "mysql", "cluster": "c", "tags": STOP}],
        "cluster_member",
    ),
}


@pytest.mark.parametrize(("databases", "why"), CANNOT.values(), ids=CANNOT)
def test_what_aws_cannot_stop_is_a_finding_and_no_call(
    evening: Duty, databases: list[dict[str, object]], why: str
) -> None:
    evening.aws.seed(databases=[*databases, {"id": "plain", "tags": STOP}])
    evening.morning()
    (finding,) = evening.findings()["it"]
    assert (finding.code, finding.tag, finding.value) == (f"unsupported_{why}", "AutoStop", "19:00")
    assert evening.sent("StopDBInstance") == [["plain"]]
    with pytest.raises(Refused) as refused:
        evening.order("rds.stop", "it")
    assert refused.value.code == f"unsupported_{why}"


def test_one_that_got_a_replica_after_entry_fails_without_a_call(evening: Duty) -> None:
    evening.aws.seed(databases=[{"id": "it", "tags": STOP}])
    evening.look()
    evening.tick()
    evening.aws.seed(databases=[{"id": "copy", "replica_of": "it"}])
    evening.work()
    assert evening.outcomes()["it"] == ("FAILED", "unsupported_has_replicas")
    assert evening.sent("StopDBInstance") == []


@pytest.mark.parametrize("state", ["backing-up", "modifying", "starting"])
def test_a_busy_database_is_stopped_when_it_is_free(evening: Duty, state: str) -> None:
    evening.aws.seed(databases=[{"id": "it", "state": state, "tags": STOP}])
    evening.look()
    evening.tick()
    evening.work_for(rounds=1, seconds=60)
    (operation,) = evening.operations()
    assert operation.state == State.CONFIRMED
    assert operation.outcome == ("in_transition" if state == "starting" else "busy")
    assert operation.outcome_detail["aws_state"] == state
    assert evening.sent("StopDBInstance") == []


@pytest.mark.parametrize("state", ["available", "backing-up"])
def test_one_that_serves_already_needs_no_start(duty: Duty, state: str) -> None:
    duty.aws.seed(databases=[{"id": "it", "state": state, "tags": {"AutoStart": "08:30"}}])
    duty.morning()
    assert duty.outcomes()["it"] == ("SUCCEEDED", "already")
    assert duty.sent("StartDBInstance") == []


@pytest.mark.fault
def test_a_hanging_service_is_asked_for_one_database_not_for_all(evening: Duty, settings: Settings) -> None:
    settings.AWS_READ_TIMEOUT_S = 1.0
    evening.aws.seed(databases=[{"id": f"db-{n}", "tags": STOP} for n in range(6)])
    evening.look()
    evening.tick()
    evening.aws.fault(match={"action": "StopDBInstance"}, hang_s=10)
    evening.work()
    states = sorted(evening.outcomes().values())
    assert states == [("CONFIRMED", "unreachable")] * 5 + [("UNKNOWN", "no_answer")]
    evening.aws.no_faults()
    evening.work_for(rounds=3, seconds=30)
    assert set(evening.outcomes().values()) == {("SUCCEEDED", "reached")}


@pytest.mark.fault
def test_one_refused_database_does_not_stop_its_neighbours(evening: Duty) -> None:
    evening.aws.seed(databases=[{"id": f"db-{n}", "tags": STOP} for n in range(3)])
    evening.look()
    evening.tick()
    evening.aws.fault(
        match={"action": "StopDBInstance", "body": "db-1"}, code="InvalidParameterCombination", status=400
    )
    evening.work_for(rounds=1, seconds=10)
    outcomes = evening.outcomes()
    assert outcomes.pop("db-1") == ("FAILED", "invalid")
    assert set(outcomes.values()) == {("SUCCEEDED", "reached")}


def test_the_seventh_days_restart_is_known(duty: Duty) -> None:
    duty.aws.seed(databases=[{"id": "it", "state": "stopped"}])
    duty.look()
    assert duty.resource("it").facts["restarts_at"]
