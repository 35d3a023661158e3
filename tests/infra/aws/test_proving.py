"""The proof of an account's roles: made by Toban's own CloudFormation template, let in by their own trust policy."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from config.simulator.trust import CALLER
from infra.aws import ec2, proving
from infra.aws.gateway import current
from infra.aws.proving import prove
from infra.domain import onboarding
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.features import counting, lacking, regions_counting
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
STS_REGION = "ap-northeast-1"
EXTERNAL_ID = "0f9c2b7d5e8a4c21b6d3e0f1a2b3c4d5"


def customer(account: Account, service: str) -> Any:
    return customer_client(account.target.account_id, service, account.url)


def create_stack(
    account: Account,
    *,
    external_id: str = EXTERNAL_ID,
    principal: str = CALLER,
    features: Sequence[Feature] = EVERY,
) -> None:
    template = onboarding.template(
        principal, external_id, account.target.account_id, features, managed_only=False
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
        "kms:GenerateDataKeyWithoutPlaintext",
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
    account: Account, made_with: dict[str, Any], why: str
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


@pytest.mark.parametrize("feature", EVERY)
def test_each_feature_is_proven_by_its_own_template(account: Account, feature: Feature) -> None:
    create_stack(account, features=[feature])
    account.seed(instances=[{}], volumes=[{}])
    checks = prove(target_of(account), [REGION], [feature])
    assert [one for one in checks if one.status is Status.FAILED] == []
    assert proven(checks)
    assert counting(checks, [feature]) == [feature]


def test_tags_at_birth_are_proven_where_nothing_else_may_be_tagged(account: Account) -> None:
    """Without the right to tag what it makes, Toban could make no snapshot before it deletes a volume."""
    create_stack(account, features=[Feature.LEFTOVERS])
    account.seed(volumes=[{}])
    iam = customer(account, "iam")
    policy = onboarding.operate_policy(account.target.account_id, [Feature.LEFTOVERS], managed_only=False)
    without = [one for one in policy["Statement"] if one["Sid"] != "TobanNamesCopies"]
    iam.put_role_policy(
        RoleName="TobanOperate", PolicyName="TobanOperate", PolicyDocument=json.dumps(policy | {"Statement": without})
    )  # fmt: skip
    checks = prove(target_of(account), [REGION], [Feature.LEFTOVERS])
    assert {(one.code, one.missing) for one in checks if one.status is Status.FAILED} == {
        ("may_not", "ec2:CreateTags")
    }


def test_a_trust_that_was_changed_lets_nobody_in_from_memory(account: Account) -> None:
    create_stack(account)
    target = target_of(account)
    assert proven(prove(target, [REGION], [Feature.SERVERS]))
    nobody = onboarding.trust_policy("arn:aws:iam::999999999999:role/other", EXTERNAL_ID)
    for role in ("TobanRead", "TobanOperate"):
        customer(account, "iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(nobody))
    checks = prove(target, [REGION], [Feature.SERVERS])
    assert {one.status for one in checks if one.code == "right_id"} == {Status.FAILED}


@pytest.mark.parametrize(
    ("off", "on"), [("ap-northeast-3", "ap-northeast-1"), ("ap-northeast-1", "ap-northeast-3")]
)
def test_a_region_that_is_not_switched_on_is_named_and_its_neighbour_proven(
    account: Account, off: str, on: str
) -> None:
    """EC2 and RDS know nobody there, whatever the role may do; the stack is not to blame."""
    create_stack(account)
    for service, code, message in (
        ("ec2", "AuthFailure", "AWS was not able to validate the provided access credentials"),
        ("rds", "InvalidClientTokenId", "The security token included in the request is invalid."),
        *(
            [("sts", "InvalidClientTokenId", "The security token included in the request is invalid.")]
            if off != STS_REGION
            else []
        ),
        ("autoscaling", "InvalidClientTokenId", "The security token included in the request is invalid."),
    ):
        account.fault(".*", code=code, status=403, message=message, match={"service": service, "region": off})
    checks = prove(target_of(account), ["ap-northeast-3", "ap-northeast-1"], [Feature.SERVERS])
    failed = [(one.code, one.subject, one.missing) for one in checks if one.status is Status.FAILED]
    assert failed == [("region_off", off, "")]
    assert f"ec2:DescribeInstances {on}" in {one.subject for one in checks if one.code == "may"}
    assert counting(checks, [Feature.SERVERS]) == [Feature.SERVERS], "its rights were found elsewhere"


def test_a_look_that_was_not_answered_proves_nothing(account: Account) -> None:
    create_stack(account)
    account.fault("DescribeVolumes", code="InternalError", status=500, message="try later")
    checks = prove(target_of(account), [REGION], [Feature.VOLUMES])
    assert {(one.code, one.subject) for one in checks if one.status is Status.FAILED} == {
        ("not_answered", f"ec2:DescribeVolumes {REGION}")
    }
    assert counting(checks, [Feature.VOLUMES]) == []


def test_a_region_that_does_not_answer_is_left_after_its_first_look_and_its_neighbour_tried_on(
    account: Account,
) -> None:
    """Each look that nobody answers takes 20 seconds, and 40 regions may be chosen."""
    create_stack(account)
    account.seed(instances=[{}], volumes=[{}])
    account.fault(
        "DescribeTags",
        code="InternalError",
        status=500,
        message="try later",
        match={"region": "ap-northeast-3"},
    )
    checks = prove(target_of(account), ["ap-northeast-3", REGION], [Feature.SERVERS, Feature.VOLUMES])
    there = [(one.code, one.subject) for one in checks if one.subject.endswith("ap-northeast-3")]
    assert there[-2:] == [
        ("not_answered", "ec2:DescribeTags ap-northeast-3"),
        ("rest_untried", "ap-northeast-3"),
    ]
    assert there.count(("rest_untried", "ap-northeast-3")) == 1
    assert {one.subject for one in checks if one.code == "nothing_there"} == set(), (
        "tried on what stands in the other"
    )
    assert not proven(checks)
    assert regions_counting(checks, ["ap-northeast-3", REGION]) == [REGION]


def test_where_no_region_is_seen_whole_what_was_seen_serves(account: Account) -> None:
    create_stack(account)
    account.seed(instances=[{}])
    account.fault("DescribeTags", code="InternalError", status=500, message="try later")
    checks = prove(target_of(account), [REGION], [Feature.SERVERS])
    assert ("may", "ec2:StopInstances") in {(one.code, one.subject) for one in checks}
    assert {one.subject for one in checks if one.code == "not_answered"} == {f"ec2:DescribeTags {REGION}"}
    untried = {one.action for one in lacking(checks, [Feature.DATABASES]) if one.role is AccountRole.READ}
    assert "rds:DescribeDBInstances" in untried, "a look that was left out proves no right"


def test_what_was_not_tried_in_time_is_no_proof(account: Account) -> None:
    create_stack(account)
    account.seed(instances=[{}], volumes=[{}])
    looks = len(onboarding.reads_of([Feature.SERVERS]))
    for tries in (0, 3, looks + 1):
        turns = itertools.chain([True] * tries, itertools.repeat(False))
        checks = prove(target_of(account), [REGION], [Feature.SERVERS], may_go_on=turns.__next__)
        assert {one.subject for one in checks if one.code == "out_of_time"} == {REGION}
        assert len([one for one in checks if one.code == "may"]) == tries
        assert not proven(checks)
        assert counting(checks, [Feature.SERVERS]) == []


def test_what_an_organization_forbids_is_no_missing_statement(account: Account) -> None:
    create_stack(account)
    account.seed(instances=[{}])
    account.fault(
        "StopInstances", code="UnauthorizedOperation", status=403,
        message="User: x is not authorized to perform: ec2:StopInstances with an explicit deny in a service control policy",
    )  # fmt: skip
    checks = prove(target_of(account), [REGION], [Feature.SERVERS])
    assert {(one.code, one.missing) for one in checks if one.status is Status.FAILED} == {
        ("denied_service_control", "")
    }
    (lack,) = lacking(checks, [Feature.SERVERS])
    assert lack.denied is not None
    assert lack.denied.code == "denied_service_control"
