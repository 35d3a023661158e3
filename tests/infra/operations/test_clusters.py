"""Aurora clusters start and stop as a whole; what AWS cannot stop is named and never tried."""

from __future__ import annotations

from typing import Any

import pytest

from medical_audit.domain.errors import Refused
from tests.infra.operations.duty import Duty, jst
from tests.simulated import ask

BOTH = {"AutoStart": "08:30", "AutoStop": "19:00"}
STOP = {"AutoStop": "19:00"}


@pytest.fixture
def evening(duty: Duty) -> Duty:
    duty.clock.now = jst(2026, 11, 30, 19, 0)
    return duty


def planted(duty: Duty, **cluster: Any) -> None:
    """A cluster with a writer and a reader."""
    engine = cluster.get("engine", "aurora-mysql")
    members = () if cluster.get("mode") == "serverless" else (1, 2)  # v1 shows none
    duty.aws.seed(
        clusters=[{"id": "karte", **cluster}],
        databases=[{"id": f"karte-{n}", "engine": engine, "cluster": "karte"} for n in members],
    )


def test_a_cluster_stops_in_the_evening_and_starts_in_the_morning(evening: Duty) -> None:
    planted(evening, tags=BOTH)
    evening.morning()
    assert evening.aws.states()["clusters"] == {"karte": "stopped"}
    row = evening.resource("karte")
    assert (row.kind, row.state, row.facts["members"]) == ("cluster", "stopped", ["karte-1", "karte-2"])
    evening.clock.now = jst(2026, 12, 1)
    evening.morning()
    assert evening.aws.states()["clusters"] == {"karte": "available"}
    assert [(one.kind, one.state, one.outcome) for one in evening.operations()] == [
        ("cluster.stop", "SUCCEEDED", "reached"),
        ("cluster.start", "SUCCEEDED", "reached"),
    ]
    assert (evening.sent("StopDBCluster"), evening.sent("StartDBCluster")) == ([["karte"]], [["karte"]])


def test_the_countdown_to_awss_own_restart_is_kept(evening: Duty) -> None:
    planted(evening, tags=STOP)
    evening.morning()
    evening.clock.pass_(minutes=5)
    evening.look()
    facts = evening.resource("karte").facts
    assert facts["restarts_at"] > facts["stopped_at"] > "2026"
    assert facts["restarts_at"].endswith("+00:00")


CANNOT = {
    "multi-az db cluster": ({"engine": "mysql"}, "multi_az_cluster"),
    "serverless v1": ({"mode": "serverless"}, "serverless_v1"),
    "parallel query": ({"mode": "parallelquery"}, "parallel_query"),
    "global database": ({"global_cluster": "g"}, "global_database"),
    "read replicas": ({"replicas": ["arn:aws:rds:us-east-1:1:cluster:copy"]}, "cluster_has_replicas"),
}


@pytest.mark.parametrize(("fields", "why"), CANNOT.values(), ids=CANNOT)
def test_what_aws_cannot_stop_is_a_finding_and_no_call(
    evening: Duty, fields: dict[str, Any], why: str
) -> None:
    planted(evening, tags=STOP, **fields)
    evening.morning()
    (finding,) = evening.findings()["karte"]
    assert (finding.code, finding.tag) == (f"unsupported_{why}", "AutoStop")
    with pytest.raises(Refused) as refused:
        evening.order("cluster.stop", "karte")
    assert refused.value.code == f"unsupported_{why}"
    assert evening.sent("StopDBCluster") == []


def test_a_cluster_that_joined_a_global_database_after_entry_fails_without_a_call(evening: Duty) -> None:
    planted(evening, tags=STOP)
    evening.look()
    evening.tick()
    ask(f"accounts/{evening.aws.number}", method="DELETE")
    planted(evening, tags=STOP, global_cluster="g")
    evening.work()
    assert evening.outcomes()["karte"] == ("FAILED", "unsupported_global_database")
    assert evening.sent("StopDBCluster") == []


@pytest.mark.parametrize("action", ["start", "stop"])
def test_a_member_is_refused_with_what_to_do_instead(evening: Duty, action: str) -> None:
    planted(evening)
    evening.look()
    with pytest.raises(Refused) as refused:
        evening.order(f"rds.{action}", "karte-1")
    assert refused.value.code == "unsupported_aurora"
    row = evening.resource("karte-1")
    assert (row.scheduled, row.facts["cluster_id"]) == (False, "karte")


def test_what_the_role_may_not_read_yet_spoils_nothing_else(duty: Duty) -> None:
    """A role from before clusters and groups were read: servers and databases go on, and the page says what is missing."""
    planted(duty, tags=STOP)
    duty.aws.seed(instances=[{"tags": {"Name": "web"}}])
    duty.look()
    message = "User is not authorized to perform: rds:DescribeDBClusters"
    duty.aws.fault(match={"action": "DescribeDBClusters"}, code="AccessDenied", status=403, message=message)
    for _look in range(2):
        duty.clock.pass_(minutes=5)
        duty.look()
    region = duty.region()
    assert (region.inventory_problem, region.inventory_at) == ("partly", duty.clock())
    assert region.inventory_problem_detail == "rds:DescribeDBClusters: permission"
    assert duty.resource("karte").gone_at is None
    assert [one["detail"]["problem"] for one in duty.events("account.partly_read")] == ["partly"]
    duty.aws.no_faults()
    duty.clock.pass_(minutes=5)
    duty.look()
    assert duty.region().inventory_problem == ""
    assert len(duty.events("account.reachable")) == 1


@pytest.mark.fault
def test_an_answer_that_was_lost_is_settled_by_looking(evening: Duty) -> None:
    planted(evening, tags=STOP)
    evening.look()
    evening.tick()
    evening.aws.fault(match={"action": "StopDBCluster"}, times=1, apply_then_lose=True)
    evening.work()
    assert evening.outcomes()["karte"][0] == "UNKNOWN"
    evening.work_for(rounds=2, seconds=10)
    assert evening.outcomes()["karte"] == ("SUCCEEDED", "reached")
    assert len(evening.sent("StopDBCluster")) == 1
