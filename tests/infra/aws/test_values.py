"""The plain values: what they refuse to tell, and what they know about databases and bounced starts."""

from __future__ import annotations

import pickle

import pytest

from infra.domain.aws import (
    AwsError,
    CallResult,
    LeaseLost,
    Problem,
    StopRefusal,
    problem_of_state_reason,
    stop_refusal,
)
from tests.infra.aws.builders import EXTERNAL_ID, make_database, make_target


def test_a_target_never_shows_its_external_id() -> None:
    target = make_target()
    assert EXTERNAL_ID not in repr(target) + str(target) + f"{[target]}"
    assert target.account_id in repr(target)


def test_an_error_survives_the_way_to_another_process() -> None:
    error = AwsError(
        Problem.GONE,
        action="ec2:StartInstances",
        message="no such thing",
        code="X",
        ids=("i-1",),
        retry_after_s=3,
    )
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert vars(copy) == vars(error)
    assert str(copy) == str(error) == "ec2:StartInstances: gone (X): no such thing"
    assert copy.args == ("no such thing",)


def test_a_lost_lease_is_not_an_aws_error_and_keeps_what_was_settled() -> None:
    lost = LeaseLost("ec2:StartInstances", {"i-1": CallResult(True, "r-1")})
    assert not isinstance(lost, AwsError)
    assert lost.results["i-1"].accepted


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"multi_az": True}, None),
        ({"engine": "sqlserver-se"}, None),
        ({"engine": "sqlserver-se", "multi_az": True}, StopRefusal.SQLSERVER_MULTI_AZ),
        ({"replica_of": "db-0"}, StopRefusal.READ_REPLICA),
        ({"replicas": ("db-2",)}, StopRefusal.HAS_REPLICAS),
        ({"engine": "aurora-mysql", "cluster_id": "c"}, StopRefusal.AURORA),
        ({"engine": "mysql", "cluster_id": "c"}, StopRefusal.CLUSTER_MEMBER),
    ],
)
def test_what_aws_cannot_stop_is_known_before_the_call(
    changes: dict[str, object], refusal: StopRefusal | None
) -> None:
    assert stop_refusal(make_database(**changes)) is refusal


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("", None),
        ("Client.UserInitiatedShutdown: User initiated shutdown", None),
        ("Client.InstanceInitiatedShutdown: Instance initiated shutdown", None),
        ("Server.ScheduledStop: Stopped due to a scheduled retirement", None),
        ("Client.InternalError: Client error on launch", Problem.KEY),
        ("Client.InvalidKMSKey.InvalidState: The KMS key is disabled", Problem.KEY),
        ("Server.InsufficientInstanceCapacity: no room", Problem.NO_CAPACITY),
        ("Server.InternalError: An internal error occurred", Problem.OTHER),
    ],
)
def test_a_start_that_bounced_says_why(reason: str, problem: Problem | None) -> None:
    assert problem_of_state_reason(reason) is problem
