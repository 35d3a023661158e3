"""A changing call may touch its own targets, or, where they do not fit, their kind in its account and region."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.domain.session_policy import CHARACTERS_MAX, session_policy

ROLE = "arn:aws:iam::123456789012:role/TobanOperator"


def policy(action: str, ids: list[str], role_arn: str = ROLE) -> list[dict[str, Any]]:
    text = session_policy(action, ids, account_id="123456789012", region="ap-northeast-1", role_arn=role_arn)
    assert len(text) <= CHARACTERS_MAX
    return list(json.loads(text)["Statement"]) if text else []


def test_a_start_may_start_these_and_grant_their_keys() -> None:
    first, grant = policy("ec2:StartInstances", ["i-1", "i-2"])
    assert first["Resource"] == [
        f"arn:aws:ec2:ap-northeast-1:123456789012:instance/{one}" for one in ("i-1", "i-2")
    ]
    assert first["Action"] == "ec2:StartInstances"
    assert (grant["Action"], grant["Condition"]) == (
        "kms:CreateGrant",
        {"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )


def test_a_batch_that_does_not_fit_stays_one_call() -> None:
    few = [f"i-{number:017x}" for number in range(20)]
    assert len(policy("ec2:StopInstances", few)[0]["Resource"]) == 20
    many = [f"i-{number:017x}" for number in range(100)]
    assert policy("ec2:StopInstances", many)[0]["Resource"] == [
        "arn:aws:ec2:ap-northeast-1:123456789012:instance/*"
    ]


def test_a_stop_with_a_snapshot_may_make_ours_and_no_other() -> None:
    stop, copy = policy("rds:StopDBInstance", ["karte"])
    assert stop["Resource"] == ["arn:aws:rds:ap-northeast-1:123456789012:db:karte"]
    assert copy["Resource"][1] == "arn:aws:rds:ap-northeast-1:123456789012:snapshot:toban-*"


@pytest.mark.parametrize(
    "action", ["ec2:CreateVolume", "ec2:CreateTags", "rds:ModifyDBInstance", "ec2:DescribeInstances"]
)
def test_what_needs_more_than_its_targets_is_bounded_by_its_role_alone(action: str) -> None:
    assert policy(action, ["x"]) == []


def test_other_partitions_have_their_own_names() -> None:
    (one,) = policy("ec2:StopInstances", ["i-1"], "arn:aws-cn:iam::123456789012:role/x")
    assert one["Resource"][0].startswith("arn:aws-cn:ec2:")
