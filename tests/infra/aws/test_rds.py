"""Databases over the wire."""

from __future__ import annotations

import pytest

from infra.aws import rds
from infra.domain.aws import AwsError, LeaseLost, Problem
from tests.infra.aws.simulator import Account


def database(name: str, **fields: object) -> dict[str, object]:
    return {"id": name, "engine": "postgres", **fields}


def test_all_pages_of_databases_are_read(account: Account) -> None:
    ids = account.seed(databases=[database(f"db-{n}") for n in range(120)])["databases"]
    assert {one.id for one in rds.list_databases(account.target)} == set(ids)
    assert account.count("rds.DescribeDBInstances") == 2


def test_a_database_is_read_whole(account: Account) -> None:
    account.seed(
        databases=[
            database(
                "karte",
                tags={"AutoStop": "19:00"},
                db_class="db.r6g.large",
                multi_az=True,
                zone="ap-northeast-1c",
            ),
            database("karte-replica", replica_of="karte"),
            database("member", engine="aurora-postgresql", cluster="cluster-1"),
        ]
    )
    found = {one.id: one for one in rds.list_databases(account.target)}
    karte = found["karte"]
    assert (karte.state, karte.engine, karte.db_class) == ("available", "postgres", "db.r6g.large")
    assert (karte.multi_az, karte.zone, karte.tags) == (True, "ap-northeast-1c", {"AutoStop": "19:00"})
    assert karte.arn.endswith(":db:karte")
    assert karte.created_at is not None
    assert karte.created_at.tzinfo is not None
    assert karte.replicas == ("karte-replica",)
    assert found["karte-replica"].replica_of.endswith("karte")
    assert found["member"].cluster_id == "cluster-1"
    assert karte.automatic_restart_at is None


def test_unknown_databases_are_absent_and_case_does_not_matter(account: Account) -> None:
    account.seed(databases=[database("db-a"), database("db-b")])
    found = rds.describe_databases(account.target, ["DB-A", "db-b", "db-z"])
    assert {asked: one.id for asked, one in found.items()} == {"DB-A": "db-a", "db-b": "db-b"}
    assert rds.describe_databases(account.target, ["db-z"]) == {}


def test_a_database_is_stopped_and_started(account: Account) -> None:
    account.seed(databases=[database("db-a")])
    stopped = rds.stop_database(account.target, "db-a")
    assert stopped.accepted
    assert stopped.request_id
    after = rds.describe_databases(account.target, ["db-a"])["db-a"]
    assert after.state == "stopped"
    assert after.automatic_restart_at is not None
    assert rds.start_database(account.target, "db-a").accepted
    assert rds.describe_databases(account.target, ["db-a"])["db-a"].state == "available"


def test_what_cannot_be_done_to_a_database_has_a_name(account: Account) -> None:
    account.seed(databases=[database("db-a"), database("db-c", state="stopped")])
    errors = [
        rds.start_database(account.target, "db-a").error,
        rds.stop_database(account.target, "db-c").error,
        rds.stop_database(account.target, "db-z").error,
    ]
    assert [error.problem for error in errors if error] == [
        Problem.WRONG_STATE,
        Problem.WRONG_STATE,
        Problem.GONE,
    ]
    assert all(error and error.request_id for error in errors)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("ThrottlingException", Problem.THROTTLED),
        ("InsufficientDBInstanceCapacity", Problem.NO_CAPACITY),
        ("AccessDenied", Problem.PERMISSION),
        ("KMSKeyNotAccessibleFault", Problem.KEY),
    ],
)
def test_refusals_of_rds_have_a_name(account: Account, code: str, problem: Problem) -> None:
    account.seed(databases=[database("db-a")])
    account.fault("StopDBInstance", code=code, status=400, message="no")
    error = rds.stop_database(account.target, "db-a").error
    assert error is not None
    assert error.problem is problem
    assert len(account.journal()) == 1


def test_nothing_is_sent_once_the_lease_is_lost(account: Account) -> None:
    account.seed(databases=[database("db-a")])
    for change in (rds.start_database, rds.stop_database):
        with pytest.raises(LeaseLost):
            change(account.target, "db-a", still_ours=lambda: False)
    assert account.journal() == []


def test_a_list_that_fails_raises(account: Account) -> None:
    account.fault("DescribeDBInstances", code="AccessDenied")
    with pytest.raises(AwsError) as caught:
        rds.list_databases(account.target)
    assert caught.value.problem is Problem.PERMISSION
