from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.simulator.client import TOKYO, Simulator, error_code, problem


def plant(simulator: Simulator, account: str, *databases: dict[str, Any]) -> Any:
    """Seeds databases and gives an RDS client."""
    seeds = [{"account_id": account, "region": TOKYO, **one} for one in databases]
    simulator.ask("POST", "seed", {"databases": seeds})
    return simulator.client("rds", account)


def status(rds: Any, id: str) -> str:
    """The status of one database."""
    found: str = rds.describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]["DBInstanceStatus"]
    return found


def test_a_database_stops_and_starts_taking_its_time(simulator: Simulator, account: str) -> None:
    rds = plant(simulator, account, {"id": "karte-01"})
    simulator.ask("POST", "delays", {"rds_start": 600, "rds_stop": 600, "account": account})

    stopping = rds.stop_db_instance(DBInstanceIdentifier="karte-01")["DBInstance"]["DBInstanceStatus"]
    refused = error_code(rds.start_db_instance, DBInstanceIdentifier="karte-01")
    simulator.ask("POST", f"settle?account={account}")
    (stopped,) = rds.describe_db_instances(DBInstanceIdentifier="karte-01")["DBInstances"]
    rds.start_db_instance(DBInstanceIdentifier="karte-01")
    starting = status(rds, "karte-01")
    simulator.ask("POST", f"settle?account={account}")

    assert (stopping, refused) == ("stopping", "InvalidDBInstanceState")
    assert stopped["DBInstanceStatus"] == "stopped"
    assert (starting, status(rds, "karte-01")) == ("starting", "available")
    in_a_week = datetime.now(UTC) + timedelta(days=7)
    assert abs(stopped["AutomaticRestartTime"] - in_a_week) < timedelta(minutes=5)
    assert [entry["changes"] for entry in simulator.journal(account, effective=1)] == [
        {"karte-01": {"state": ["available", "stopping"]}},
        {"karte-01": {"state": ["stopped", "starting"]}},
    ]


def test_wrong_states_and_missing_databases_are_refused(simulator: Simulator, account: str) -> None:
    rds = plant(simulator, account, {"id": "on"}, {"id": "off", "state": "stopped"})

    assert error_code(rds.start_db_instance, DBInstanceIdentifier="on") == "InvalidDBInstanceState"
    assert error_code(rds.stop_db_instance, DBInstanceIdentifier="off") == "InvalidDBInstanceState"
    missing = problem(rds.stop_db_instance, DBInstanceIdentifier="none")
    assert missing["Error"]["Code"] == "DBInstanceNotFound"
    assert missing["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("id", "code"),
    [
        ("source", "InvalidDBInstanceState"),
        ("replica", "InvalidDBInstanceState"),
        ("mirrored", "InvalidDBInstanceState"),
        ("member", "InvalidParameterCombination"),
    ],
)
def test_replicas_sources_mirrors_and_cluster_members_are_not_stopped(
    simulator: Simulator, account: str, id: str, code: str
) -> None:
    rds = plant(
        simulator,
        account,
        {"id": "source"},
        {"id": "replica", "replica_of": "source"},
        {"id": "mirrored", "engine": "sqlserver-se", "multi_az": True},
        {"id": "member", "engine": "aurora-mysql", "cluster": "aurora"},
    )

    assert error_code(rds.stop_db_instance, DBInstanceIdentifier=id) == code
    assert status(rds, id) == "available"
    shown = {one["DBInstanceIdentifier"]: one for one in rds.describe_db_instances()["DBInstances"]}
    assert shown["source"]["ReadReplicaDBInstanceIdentifiers"] == ["replica"]
    assert shown["replica"]["ReadReplicaSourceDBInstanceIdentifier"] == "source"
    assert shown["member"]["DBClusterIdentifier"] == "aurora"


@pytest.mark.parametrize("engine", ["mysql", "postgres", "mariadb", "oracle-se2", "sqlserver-se"])
def test_every_engine_of_the_fleet_can_be_planted(simulator: Simulator, account: str, engine: str) -> None:
    rds = plant(simulator, account, {"id": "one", "engine": engine, "tags": {"AutoStop": "19:00"}})

    (one,) = rds.describe_db_instances()["DBInstances"]
    assert one["Engine"] == engine
    assert one["TagList"] == [{"Key": "AutoStop", "Value": "19:00"}]


def test_databases_are_paged_and_filtered(simulator: Simulator, account: str) -> None:
    rds = plant(simulator, account, *({"id": f"db-{n:03d}"} for n in range(45)))

    pages = list(rds.get_paginator("describe_db_instances").paginate(PaginationConfig={"PageSize": 20}))
    some = rds.describe_db_instances(
        Filters=[{"Name": "db-instance-id", "Values": ["db-003", "db-007", "no"]}]
    )

    assert [len(page["DBInstances"]) for page in pages] == [20, 20, 5]
    assert [one["DBInstanceIdentifier"] for one in some["DBInstances"]] == ["db-003", "db-007"]
    assert error_code(rds.describe_db_instances, MaxRecords=19) == "InvalidParameterValue"


def test_a_cluster_takes_its_members_along(simulator: Simulator, account: str) -> None:
    rds = plant(simulator, account, {"id": "member", "engine": "aurora-mysql", "cluster": "aurora"})

    rds.stop_db_cluster(DBClusterIdentifier="aurora")

    assert status(rds, "member") == "stopped"
    assert set(simulator.journal(account)[0]["changes"]) == {"aurora", "member"}


def test_tags_of_databases_are_in_the_journal(simulator: Simulator, account: str) -> None:
    rds = plant(simulator, account, {"id": "one"})
    arn = rds.describe_db_instances()["DBInstances"][0]["DBInstanceArn"]

    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "AutoStop", "Value": "19:00"}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["AutoStop"])

    assert [entry["changes"] for entry in simulator.journal(account)] == [
        {arn: {"tag:AutoStop": [None, "19:00"]}},
        {arn: {"tag:AutoStop": ["19:00", None]}},
    ]
