from __future__ import annotations

import pytest

from config.simulator.trust import CALLER
from tests.simulator.client import Simulator, error_code, running

ROLE = "arn:aws:iam::{}:role/TobanOperator"


def test_a_registered_account_lets_in_who_shows_its_external_id(simulator: Simulator, account: str) -> None:
    simulator.ask(
        "POST", "accounts", {"account_id": account, "role_arn": ROLE.format(account), "external_id": "x-1"}
    )

    keys = simulator.sign_in(account, ExternalId="x-1")

    identity = simulator.client("sts", account, ExternalId="x-1").get_caller_identity()
    assert identity["Account"] == account
    assert keys["aws_access_key_id"].startswith("ASIA")


@pytest.mark.parametrize("shown", [{}, {"ExternalId": "x-2"}])
def test_a_missing_or_wrong_external_id_is_denied(
    simulator: Simulator, account: str, shown: dict[str, str]
) -> None:
    simulator.ask("POST", "accounts", {"account_id": account, "external_id": "x-1"})

    sts = simulator.client("sts")

    code = error_code(sts.assume_role, RoleArn=ROLE.format(account), RoleSessionName="test", **shown)
    assert code == "AccessDenied"


def test_another_role_than_the_registered_one_is_denied(simulator: Simulator, account: str) -> None:
    simulator.ask("POST", "accounts", {"account_id": account, "role_arn": ROLE.format(account)})

    sts = simulator.client("sts")

    other = f"arn:aws:iam::{account}:role/Administrator"
    assert error_code(sts.assume_role, RoleArn=other, RoleSessionName="test") == "AccessDenied"


def test_an_account_that_refuses_lets_nobody_in(simulator: Simulator, account: str) -> None:
    simulator.ask("POST", "accounts", {"account_id": account, "external_id": "x-1", "refuse": True})

    sts = simulator.client("sts")

    arguments = {"RoleArn": ROLE.format(account), "RoleSessionName": "test", "ExternalId": "x-1"}
    assert error_code(sts.assume_role, **arguments) == "AccessDenied"


def test_an_account_nobody_registered_is_let_in(simulator: Simulator, account: str) -> None:
    assert simulator.sign_in(account)


def test_accounts_do_not_see_each_other(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)

    stranger = simulator.client("ec2", "499999999999")

    assert error_code(stranger.describe_instances, InstanceIds=ids) == "InvalidInstanceID.NotFound"


def test_strict_refuses_unknown_accounts_and_keys_outlive_a_restart(
    simulator: Simulator, account: str
) -> None:
    keys = simulator.sign_in(account)
    with running() as restarted:
        restarted.ask("POST", "trust", {"strict": True})
        restarted.servers(account, 1)
        sts = restarted.client("sts")
        denied = error_code(sts.assume_role, RoleArn=ROLE.format(account), RoleSessionName="test")
        # The old process's keys still lead into their own account, not into the default one.
        found = restarted.with_keys("ec2", keys).describe_instances()["Reservations"]

    assert denied == "AccessDenied"
    assert [one["OwnerId"] for one in found] == [account]


def test_a_role_that_a_stack_made_lets_in_whom_its_trust_policy_names(
    simulator: Simulator, account: str
) -> None:
    trust = {
        "Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {"sts:ExternalId": "x-1"}, "StringLike": {"sts:SourceIdentity": ["u-*"]}},
    }  # fmt: skip
    role = {"RoleName": "TobanOperator", "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}  # fmt: skip
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}}

    made = simulator.ask("POST", "stack", {"account": account, "template": template})

    assert made == {"roles": [ROLE.format(account)]}
    sts = simulator.client("sts")
    arguments = {"RoleArn": ROLE.format(account), "RoleSessionName": "test"}
    assert sts.assume_role(**arguments, ExternalId="x-1", SourceIdentity="u-1")["Credentials"]
    for wrong in ({}, {"ExternalId": "x-1"}, {"ExternalId": "x-2", "SourceIdentity": "u-1"},
                  {"ExternalId": "x-1", "SourceIdentity": "somebody"}):  # fmt: skip
        assert error_code(sts.assume_role, **arguments, **wrong) == "AccessDenied"
