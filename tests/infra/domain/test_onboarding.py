"""Least privilege, word for word: each policy holds exactly what the features that were switched on need."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from config.simulator.policies import Asked, allows
from infra.domain import onboarding
from infra.domain.onboarding import AccountRole, Feature
from infra.domain.proofs import DOOR, Check, Status, check_from_json, proven
from infra.domain.role_statements import Policy

ACCOUNT = "111122223333"
SETS = [
    combination for size in (1, 2, 3) for combination in itertools.combinations(Feature, size)
]  # fmt: skip


def actions_of(policy: Policy) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def _arns(statement: Mapping[str, Any]) -> list[str]:
    resource = statement["Resource"]
    return resource if isinstance(resource, list) else [resource]


@pytest.mark.parametrize("features", SETS)
def test_each_role_holds_what_its_features_need_and_nothing_else(features: tuple[Feature, ...]) -> None:
    looks = {*onboarding.LOOKS, *(action for one in features for action in onboarding.READS[one])}
    changes = {action for one in features for action in onboarding.CHANGES[one]}
    keys = {"kms:CreateGrant"} if Feature.SERVERS in features else set()
    assert actions_of(onboarding.read_policy(features)) == looks
    assert actions_of(onboarding.operate_policy(ACCOUNT, features, managed_only=False)) == changes | keys


def test_the_role_that_looks_changes_nothing() -> None:
    looks = actions_of(onboarding.read_policy(Feature)) - {
        "organizations:ListAccounts",
        "servicequotas:GetServiceQuota",
    }
    assert all(":Describe" in action for action in looks)


def test_nothing_is_operated_outside_the_account() -> None:
    policy = onboarding.operate_policy(ACCOUNT, Feature, managed_only=False)
    arns = [arn for one in policy["Statement"] for arn in _arns(one)]
    # The ARN of a snapshot names no account (service authorization reference, Amazon EC2). A database snapshot that another account
    # shares is copied or restored from there, with its key; nothing of that account is changed.
    copied = {"arn:aws:rds:*:*:snapshot:*", "arn:aws:kms:*:*:key/*"}
    assert {arn for arn in arns if f":{ACCOUNT}:" not in arn} - {"*"} == {
        "arn:aws:ec2:*::snapshot/*",
        *copied,
    }
    elsewhere = [one for one in policy["Statement"] if copied & set(_arns(one))]
    assert {action for one in elsewhere for action in one["Action"] if action.startswith("rds:")} == {
        "rds:CopyDBSnapshot", "rds:RestoreDBInstanceFromDBSnapshot",
    }  # fmt: skip
    for one in elsewhere:
        if "arn:aws:kms:*:*:key/*" in _arns(one):
            via = one["Condition"]["StringLike"]["kms:ViaService"]
            assert via in ("rds.*.amazonaws.com", "ec2.*.amazonaws.com"), (
                "through the service that the call goes to, and no other"
            )
            if "kms:CreateGrant" in one["Action"]:
                assert one["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_only_the_tag_name_may_be_set_and_none_may_be_set_without_naming_it() -> None:
    policy = onboarding.operate_policy(ACCOUNT, [Feature.VOLUMES], managed_only=False)
    (statement,) = policy["Statement"]
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Name"]},
        "Null": {"aws:TagKeys": "false"},
    }


@pytest.mark.parametrize("features", [[Feature.VOLUMES], [Feature.TAGS], list(Feature)])
def test_no_call_takes_every_tag_off_at_once(features: list[Feature]) -> None:
    """DeleteTags without keys means all of them, Toban's mark too, and names none by which a Deny could know it (EC2 API reference)."""
    policy = onboarding.operate_policy(ACCOUNT, features, managed_only=True)["Statement"]
    for arn in (
        f"arn:aws:ec2:ap-northeast-1:{ACCOUNT}:volume/vol-1",
        "arn:aws:ec2:ap-northeast-1::snapshot/snap-1",
    ):
        assert not allows(policy, Asked("ec2:DeleteTags", arn))
    named = {"aws:TagKeys": ["Name"]}
    volume = f"arn:aws:ec2:ap-northeast-1:{ACCOUNT}:volume/vol-1"
    assert allows(policy, Asked("ec2:DeleteTags", volume, named))


def test_managed_only_binds_starts_and_stops_to_the_tag() -> None:
    policy = onboarding.operate_policy(ACCOUNT, [Feature.SERVERS, Feature.DATABASES], managed_only=True)
    bound = {statement["Sid"]: statement.get("Condition") for statement in policy["Statement"]}
    managed = {"StringEquals": {"aws:ResourceTag/Toban": "managed"}}
    assert bound["TobanServers"] == bound["TobanGroups"] == bound["TobanDatabases"] == managed


def test_databases_are_started_and_stopped_and_only_snapshots_of_toban_deleted() -> None:
    power, snapshots = onboarding.operate_policy(ACCOUNT, [Feature.DATABASES], managed_only=False)[
        "Statement"
    ]
    assert power["Resource"] == [f"arn:aws:rds:*:{ACCOUNT}:{kind}:*" for kind in ("db", "cluster")]
    verbs = {action.removeprefix("rds:") for action in power["Action"]}
    assert verbs == {
        "StartDBInstance",
        "StopDBInstance",
        "StartDBCluster",
        "StopDBCluster",
        "CreateDBSnapshot",
    }
    assert snapshots["Resource"] == f"arn:aws:rds:*:{ACCOUNT}:snapshot:toban-*"
    assert "rds:DeleteDBSnapshot" in snapshots["Action"]


def test_only_a_database_that_was_restored_for_a_while_can_be_deleted() -> None:
    policy = onboarding.operate_policy(ACCOUNT, [Feature.MAKING], managed_only=False)
    [deleting] = [
        one
        for one in policy["Statement"]
        if "rds:DeleteDBInstance" in one["Action"] and ":db:" in one["Resource"]
    ]
    assert deleting["Resource"] == f"arn:aws:rds:*:{ACCOUNT}:db:toban-tmp-*"
    assert deleting["Condition"] == {
        "StringEquals": {"aws:ResourceTag/toban:made-by": "toban"},
        "Null": {"aws:ResourceTag/toban:until": "false"},
    }


def test_a_disk_key_is_granted_to_ec2_only() -> None:
    policy = onboarding.operate_policy(ACCOUNT, [Feature.SERVERS], managed_only=False)
    (keys,) = [one for one in policy["Statement"] if one["Action"] == ["kms:CreateGrant"]]
    assert keys["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_only_toban_with_this_id_and_a_name_behind_the_call_gets_in() -> None:
    (statement,) = onboarding.trust_policy("arn:aws:iam::999988887777:role/toban", "abc")["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::999988887777:role/toban"}
    assert statement["Condition"]["StringEquals"] == {"sts:ExternalId": "abc"}
    assert statement["Condition"]["StringLike"] == {"sts:SourceIdentity": ["u-*", "sched-*", "read-*"]}


def test_the_template_is_json_that_cloudformation_takes_in_this_account_only() -> None:
    made = onboarding.template("arn:aws:iam::9:role/t", "abc", ACCOUNT, list(Feature), managed_only=False)
    assert len(json.dumps(made)) < 51_200, "CloudFormation takes a template body of at most 51,200 bytes"
    assert set(made["Resources"]) == {"TobanRead", "TobanOperate"}
    (assertion,) = made["Rules"]["RightAccount"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "AWS::AccountId"}, ACCOUNT]}


@pytest.mark.parametrize(
    ("action", "role", "resource"),
    [
        ("ec2:StopInstances", AccountRole.OPERATE, f"arn:aws:ec2:*:{ACCOUNT}:instance/*"),
        ("rds:DescribeDBInstances", AccountRole.READ, "*"),
        (
            "autoscaling:UpdateAutoScalingGroup",
            AccountRole.OPERATE,
            f"arn:aws:autoscaling:*:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/*",
        ),
        ("ec2:Something", AccountRole.OPERATE, "*"),
    ],
)
def test_what_is_missing_is_named_as_a_statement_to_add(
    action: str, role: AccountRole, resource: str
) -> None:
    (statement,) = onboarding.missing_statements(action, role, ACCOUNT, Feature, managed_only=False)
    assert (statement["Action"], statement["Resource"]) == ([action], resource)


@pytest.mark.parametrize("managed_only", [True, False])
def test_a_statement_to_add_is_no_wider_than_the_template(managed_only: bool) -> None:
    """Each of each action: as many as there are, with the template's resources and conditions."""
    for features in (
        [Feature.SERVERS],
        [Feature.DATABASES, Feature.MAKING],
        [Feature.TAGS, Feature.LEFTOVERS],
    ):
        whole = onboarding.operate_policy(ACCOUNT, features, managed_only=managed_only)["Statement"]
        for action in {action for one in whole for action in one["Action"]}:
            found = onboarding.missing_statements(
                action, AccountRole.OPERATE, ACCOUNT, features, managed_only=managed_only
            )
            assert [(one["Resource"], one.get("Condition"), one["Effect"]) for one in found] == [
                (one["Resource"], one.get("Condition"), one["Effect"])
                for one in whole
                if action in one["Action"]
            ]
            assert len({one["Sid"] for one in found}) == len(found)


NEVER_MARKED = {"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": ["Toban"]}}
#: What is made of something takes its tags along, the tag Toban too (EC2 user guide, supported-iam-actions-tagging).
AFTER_BIRTH = {"Null": {"ec2:CreateAction": "true"}}


@pytest.mark.parametrize("features", [[Feature.TAGS], [Feature.MAKING], list(Feature)])
def test_no_role_that_tags_can_set_the_tag_that_binds_it(features: list[Feature]) -> None:
    """Allowed by one statement, denied by another: a volume tagged as managed could be deleted, a database modified."""
    policy = onboarding.operate_policy(ACCOUNT, features, managed_only=True)["Statement"]
    tagging = {"ec2:CreateTags", "ec2:DeleteTags", "rds:AddTagsToResource"}
    for one in policy:
        if one["Effect"] == "Allow" and (mine := tagging & set(one["Action"])):
            keys = json.dumps(one.get("Condition", {}))
            denied = {
                action
                for other in policy
                if other["Effect"] == "Deny" and other["Resource"] == "*"
                and other["Condition"] in (NEVER_MARKED, NEVER_MARKED | AFTER_BIRTH)
                for action in other["Action"]
            }  # fmt: skip
            assert mine <= denied or '"Name"' in keys or "CreateAction" in keys, one["Sid"]


@pytest.mark.parametrize("key", ["Toban", "toban", "TOBAN"])
@pytest.mark.parametrize("feature", [Feature.TAGS, Feature.MAKING])
def test_the_mark_is_nobodys_to_set_in_whatever_letters(feature: Feature, key: str) -> None:
    """IAM finds aws:ResourceTag/Toban on what carries "toban"."""
    policy = onboarding.operate_policy(ACCOUNT, [feature], managed_only=True)
    tagging, arn = {
        Feature.TAGS: ("ec2:CreateTags", f"arn:aws:ec2:ap-northeast-1:{ACCOUNT}:volume/vol-1"),
        Feature.MAKING: ("rds:AddTagsToResource", f"arn:aws:rds:ap-northeast-1:{ACCOUNT}:db:karte"),
    }[feature]
    ours = {"aws:RequestTag/toban:made-by": ["toban"]}
    assert allows(policy["Statement"], Asked(tagging, arn, {**ours, "aws:TagKeys": ["Owner"]}))
    assert not allows(policy["Statement"], Asked(tagging, arn, {**ours, "aws:TagKeys": ["Owner", key]}))


def test_no_database_that_toban_did_not_make_for_a_while_can_be_tagged_and_then_deleted() -> None:
    """Whoever holds the role may put every tag that it can on any database: that makes none deletable."""
    policy = onboarding.operate_policy(ACCOUNT, [Feature.MAKING], managed_only=False)["Statement"]
    tags = {"toban:made-by": "toban", "toban:until": "2027-01-01T00:00:00Z"}
    asked = {f"aws:RequestTag/{key}": [value] for key, value in tags.items()} | {"aws:TagKeys": list(tags)}
    carried = {f"aws:ResourceTag/{key}": [value] for key, value in tags.items()}

    def chain(name: str) -> bool:
        arn = f"arn:aws:rds:ap-northeast-1:{ACCOUNT}:db:{name}"
        tagged = allows(policy, Asked("rds:AddTagsToResource", arn, asked))
        return tagged and allows(policy, Asked("rds:DeleteDBInstance", arn, carried))

    assert [
        name for name in ("karte", "toban", "toban-portal", "my-toban-tmp-x", "toban-tmp") if chain(name)
    ] == []
    assert chain("toban-tmp-karte"), "what was restored for a while goes again"


def test_what_reaches_further_is_chosen_by_whoever_means_it() -> None:
    assert set(Feature) - onboarding.OPTIONAL == {Feature.SERVERS, Feature.DATABASES, Feature.VOLUMES}


def passed(code: str, role: AccountRole) -> Check:
    return Check(code, role, Status.PASSED)


ENTERED = [passed(code, role) for role in AccountRole for code in sorted(DOOR)]


@pytest.mark.parametrize(
    ("checks", "right"),
    [
        ([], False),
        (ENTERED, True),
        (ENTERED[:4], False),
        *[(ENTERED[:at] + ENTERED[at + 1 :], False) for at in range(len(ENTERED))],
        # STS gave no answer: whether the door is open to everybody nobody knows.
        ([*ENTERED[1:], Check("no_id", AccountRole.READ, Status.UNTRIED)], False),
        ([*ENTERED, Check("no_dry_run", AccountRole.OPERATE, Status.UNTRIED)], True),
        ([*ENTERED, Check("may_not", AccountRole.READ, Status.FAILED)], False),
        ([*ENTERED, Check("not_answered", AccountRole.READ, Status.UNTRIED)], False),
        ([*ENTERED, Check("not_answered", AccountRole.OPERATE, Status.UNTRIED)], True),
    ],
)
def test_a_proof_holds_when_nothing_failed_and_both_roles_were_entered(
    checks: list[Check], right: bool
) -> None:
    assert proven(checks) is right
    assert [check_from_json(one.as_json()) for one in checks] == checks
