"""The proof of an account's roles: made by Toban's own CloudFormation template, let in by their own trust policy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from config.simulator.trust import CALLER
from infra.aws import ec2, proving
from infra.aws.gateway import current
from infra.aws.proving import prove
from infra.domain import onboarding
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.onboarding import AccountRole, Feature
from infra.domain.proofs import Check, Status, proven
from tests.infra.aws.builders import REGION, make_target
from tests.infra.aws.simulator import Account
from tests.simulated import customer_client

EVERY = tuple(Feature)
#: What AWS offers a dry run for.
TRIED = (
    "StartInstances", "StopInstances", "CreateTags", "CreateSnapshot", "CreateVolume", "DeleteVolume",
    "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "DeleteTags",
    "ModifyInstanceAttribute",
)  # fmt: skip
EXTERNAL_ID = "0f9c2b7d5e8a4c21b6d3e0f1a2b3c4d5"


def customer(account: Account, service: str) -> Any:
    return customer_client(account.target.account_id, service, account.url)


def create_stack(account: Account, *, external_id: str = EXTERNAL_ID, principal: str = CALLER) -> None:
    template = onboarding.template(
        principal, external_id, account.target.account_id, EVERY, managed_only=False
    )
    template.pop("Rules")  # moto does not know assertions
    customer(account, "cloudformation").create_stack(StackName="toban", TemplateBody=json.dumps(template))


def target_of(account: Account) -> Target:
    number = account.target.account_id
    return replace(
        make_target(account_id=number, external_id=EXTERNAL_ID),
        role_arn=onboarding.role_arn(number, AccountRole.OPERATE),
        read_role_arn=onboarding.role_arn(number, AccountRole.READ),
    )


def ended(checks: list[Check]) -> set[tuple[str, str, str]]:
    return {(one.code, str(one.role), str(one.status)) for one in checks}


def test_roles_made_by_the_template_prove_right(account: Account) -> None:
    create_stack(account)
    account.seed(instances=[{}], volumes=[{}])
    checks = prove(target_of(account), [REGION], EVERY)
    assert proven(checks)
    door = {
        (code, role, "passed")
        for code in ("no_id", "wrong_id", "right_id", "right_account")
        for role in ("read", "operate")
    }
    assert door <= ended(checks)
    tried = {one.subject for one in checks if one.code == "may" and one.role is AccountRole.OPERATE}
    assert tried == {f"ec2:{name}" for name in TRIED}
    assert {one.subject for one in checks if one.code == "no_dry_run"} == {
        "autoscaling:UpdateAutoScalingGroup",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "rds:AddTagsToResource",
        "rds:ApplyPendingMaintenanceAction",
        "rds:CopyDBSnapshot",
        "rds:CreateDBInstance",
        "rds:CreateDBSnapshot",
        "rds:DeleteDBInstance",
        "rds:DeleteDBSnapshot",
        "rds:ModifyDBInstance",
        "rds:ModifyDBSnapshot",
        "rds:RestoreDBInstanceFromDBSnapshot",
        "rds:StartDBCluster",
        "rds:StartDBInstance",
        "rds:StopDBCluster",
        "rds:StopDBInstance",
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
    }
    effects = account.ask("GET", f"journal?account={account.target.account_id}&effective=1")["entries"]
    assert not [one for one in effects if one["action"] in TRIED]


def test_a_role_that_lets_everybody_in_is_no_proof(account: Account) -> None:
    checks = prove(target_of(account), [REGION], EVERY)
    assert ("no_id", "read", "failed") in ended(checks)
    assert ("wrong_id", "operate", "failed") in ended(checks)
    assert not proven(checks)


@pytest.mark.parametrize(
    ("made_with", "why"),
    [
        ({"external_id": "somebody-elses"}, "an old template"),
        ({"principal": "arn:aws:iam::999999999999:role/other"}, "another installation"),
    ],
)
def test_a_stack_of_another_template_is_refused_at_the_door(
    account: Account, made_with: dict[str, str], why: str
) -> None:
    create_stack(account, **made_with)
    checks = prove(target_of(account), [REGION], EVERY)
    assert {one.status for one in checks if one.code == "right_id"} == {Status.FAILED}, why
    assert not proven(checks)
    assert not [one for one in checks if one.code == "may"], "nothing is tried in a role that was not entered"


def test_a_missing_right_is_named_with_its_role_and_region(account: Account) -> None:
    create_stack(account)
    account.seed(instances=[{}], volumes=[{}])
    for action in ("DescribeVolumes", "StopInstances"):
        account.fault(
            action, code="UnauthorizedOperation", status=403,
            message=f"You are not authorized to perform this operation. User: x is not authorized to perform: ec2:{action}",
        )  # fmt: skip
    checks = prove(target_of(account), [REGION], EVERY)
    failed = {(one.role, one.missing, one.subject) for one in checks if one.status is Status.FAILED}
    assert failed == {
        (AccountRole.READ, "ec2:DescribeVolumes", f"ec2:DescribeVolumes {REGION}"),
        (AccountRole.OPERATE, "ec2:StopInstances", f"ec2:StopInstances {REGION}"),
    }


def test_an_empty_account_leaves_untried_what_needs_something_to_try_on(account: Account) -> None:
    create_stack(account)
    checks = prove(target_of(account), [REGION], [Feature.SERVERS, Feature.VOLUMES])
    assert proven(checks)
    assert {one.subject for one in checks if one.code == "nothing_there"} >= {"ec2:CreateTags"}


def test_where_only_managed_things_may_be_touched_the_dry_runs_are_of_those(account: Account) -> None:
    create_stack(account)
    target, wanted = replace(target_of(account), managed_only=True), [Feature.SERVERS, Feature.LEFTOVERS]

    def untried() -> set[str]:
        return {one.subject for one in prove(target, [REGION], wanted) if one.code == "nothing_there"}

    account.servers(1)
    account.seed(volumes=[{}])
    of_managed = {"ec2:StartInstances", "ec2:StopInstances", "ec2:CreateSnapshot", "ec2:DeleteVolume"}
    assert untried() >= of_managed
    account.servers(1, tags={"Toban": "managed"})
    account.seed(volumes=[{"tags": {"Toban": "managed"}}])
    assert not untried() & of_managed


def test_a_snapshot_of_aws_backup_is_none_to_try_deleting_on() -> None:
    backup = {"SnapshotId": "snap-1", "Tags": [{"Key": "aws:backup:source-resource", "Value": "x"}]}
    for rows, tried in (([backup], ""), ([backup, {"SnapshotId": "snap-2"}], "snap-2")):
        seen = proving._found(
            proving._Seen(), "ec2:DescribeSnapshots", {"Snapshots": rows}, managed_only=False
        )
        assert seen.snapshot == tried


def test_reads_and_changes_go_in_roles_of_their_own(account: Account) -> None:
    """A change goes in the operate role, every look in the read role: here the read role lets nobody in."""
    create_stack(account)
    (instance,) = account.servers(1)
    nobody = onboarding.trust_policy("arn:aws:iam::999999999999:role/other", EXTERNAL_ID)
    iam = customer(account, "iam")
    role = iam.create_role(RoleName="Nobody", AssumeRolePolicyDocument=json.dumps(nobody))["Role"]
    target = replace(target_of(account), read_role_arn=role["Arn"])
    assert ec2.start_instances(target, [instance])[instance].accepted
    with pytest.raises(AwsError) as refused:
        ec2.list_instances(target)
    assert refused.value.problem is Problem.ROLE_REFUSED


def test_the_trail_of_the_customer_says_who_looks_and_who_acts(account: Account) -> None:
    """Without a SourceIdentity, or with one of another form, the role lets nobody in."""
    create_stack(account)
    target = target_of(account)
    assert current().assume(replace(target, source="u-3f9c0d5e"), EXTERNAL_ID)
    with pytest.raises(AwsError):
        current().assume(replace(target, source="somebody"), EXTERNAL_ID)
