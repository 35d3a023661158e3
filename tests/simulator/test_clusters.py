"""Clusters as AWS has them, where moto lets everything pass: they take time, take their members along, and are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.client import TOKYO, Simulator, error_code


def plant(simulator: Simulator, account: str, **fields: Any) -> Any:
    """One cluster with two members; gives an RDS client."""
    here = {"account_id": account, "region": TOKYO}
    engine = fields.get("engine", "aurora-mysql")
    cluster = here | {"id": "karte", **fields}
    members = [here | {"id": f"karte-{n}", "engine": engine, "cluster": "karte"} for n in (1, 2)]
    if fields.get("mode") == "serverless":
        members = []  # v1 shows none
    simulator.ask("POST", "seed", {"clusters": [cluster], "databases": members})
    return simulator.client("rds", account)


def cluster_of(rds: Any) -> dict[str, Any]:
    found: dict[str, Any] = rds.describe_db_clusters(DBClusterIdentifier="karte")["DBClusters"][0]
    return found


def test_a_cluster_stops_with_its_members_and_says_when_aws_starts_it_again(
    simulator: Simulator, account: str
) -> None:
    rds = plant(simulator, account, tags={"AutoStop": "19:00"}, maintenance="sun:18:00-sun:18:30")
    simulator.ask("POST", "delays", {"rds_stop": 600, "account": account})
    before = cluster_of(rds)
    rds.stop_db_cluster(DBClusterIdentifier="karte")
    assert cluster_of(rds)["Status"] == "stopping"
    simulator.ask("POST", f"settle?account={account}")
    stopped = cluster_of(rds)
    assert (before["Status"], stopped["Status"]) == ("available", "stopped")
    assert before.get("AutomaticRestartTime") is None
    assert stopped["AutomaticRestartTime"] is not None
    assert before["TagList"] == [{"Key": "AutoStop", "Value": "19:00"}]
    assert before["PreferredMaintenanceWindow"] == "sun:18:00-sun:18:30"
    states = {one["DBInstanceStatus"] for one in rds.describe_db_instances()["DBInstances"]}
    assert states == {"stopped"}
    rds.start_db_cluster(DBClusterIdentifier="karte")
    assert cluster_of(rds)["Status"] == "available"


@pytest.mark.parametrize(
    "fields",
    [{"engine": "mysql"}, {"mode": "serverless"}, {"global_cluster": "g"}, {"replicas": ["arn:x"]}],
    ids=str,
)
def test_what_aws_cannot_stop_is_refused(simulator: Simulator, account: str, fields: dict[str, Any]) -> None:
    rds = plant(simulator, account, **fields)
    assert error_code(rds.stop_db_cluster, DBClusterIdentifier="karte") == "InvalidParameterCombination"
    assert cluster_of(rds)["Status"] == "available"


def test_wrong_states_and_missing_clusters_are_refused(simulator: Simulator, account: str) -> None:
    rds = plant(simulator, account)
    assert error_code(rds.start_db_cluster, DBClusterIdentifier="karte") == "InvalidDBClusterStateFault"
    assert error_code(rds.stop_db_cluster, DBClusterIdentifier="none") == "DBClusterNotFoundFault"
