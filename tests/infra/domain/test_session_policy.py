"""A changing call may touch its own targets, or, where they do not fit, their kind in its account and region."""

from __future__ import annotations

import ast
import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

import infra.aws
from infra.domain.onboarding import CHANGES, Feature, operate_policy
from infra.domain.session_policy import CHARACTERS_MAX, ROWS, session_policies

ROLE = "arn:aws:iam::123456789012:role/TobanOperator"
HERE = "ap-northeast-1:123456789012"


def policies(action: str, ids: list[str], role_arn: str = ROLE, **more: Any) -> list[list[dict[str, Any]]]:
    """Each policy's statements, the narrowest first."""
    texts = session_policies(
        action, ids, account_id="123456789012", region="ap-northeast-1", role_arn=role_arn, **more
    )
    assert all(len(text) <= CHARACTERS_MAX for text in texts)
    return [list(json.loads(text)["Statement"]) for text in texts]


def servers(count: int) -> list[str]:
    return [f"i-{number:017x}" for number in range(count)]


def test_a_start_may_start_these_and_grant_their_keys() -> None:
    first, grant = policies("ec2:StartInstances", ["i-1", "i-2"])[0]
    assert first["Resource"] == [f"arn:aws:ec2:{HERE}:instance/{one}" for one in ("i-1", "i-2")]
    assert first["Action"] == ["ec2:StartInstances"]
    assert (grant["Action"], grant["Condition"]) == (
        "kms:CreateGrant",
        {"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )


def test_a_batch_that_does_not_fit_stays_one_call() -> None:
    assert len(policies("ec2:StopInstances", servers(20))[0][0]["Resource"]) == 20
    ((only,),) = policies("ec2:StopInstances", servers(100))
    assert only["Resource"] == [f"arn:aws:ec2:{HERE}:instance/*"]
    assert "Condition" not in only


def test_where_only_tagged_ones_may_be_touched_the_tag_stands_for_targets_that_do_not_fit() -> None:
    ((only,),) = policies("ec2:StopInstances", servers(100), managed_only=True)
    assert only["Condition"] == {"StringEquals": {"aws:ResourceTag/Toban": "managed"}}
    (names,) = policies("ec2:CreateTags", [f"vol-{number:017x}" for number in range(500)], managed_only=True)
    assert [(one["Resource"], "Condition" in one) for one in names] == [([f"arn:aws:ec2:{HERE}:volume/*"], False)], (
        "volumes do not carry the tag of their server"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "ids", "beside", "expected"),
    [
        ("rds:StopDBInstance", ["karte"], {}, [f"rds:{HERE}:db:karte", f"rds:{HERE}:snapshot:toban-*"]),
        ("rds:CreateDBSnapshot", ["toban-x"], {"db": "karte"}, [f"rds:{HERE}:snapshot:toban-x", f"rds:{HERE}:db:karte"]),
        ("rds:CopyDBSnapshot", ["toban-x"], {"db-snapshot": "arn:aws:rds:ap-northeast-1:999999999999:snapshot:theirs"},
         [f"rds:{HERE}:snapshot:toban-x", "rds:ap-northeast-1:999999999999:snapshot:theirs", f"rds:{HERE}:og:*"]),
        ("rds:ApplyPendingMaintenanceAction", [f"arn:aws:rds:{HERE}:db:karte"], {}, [f"rds:{HERE}:db:karte"]),
        ("ec2:CreateTags", ["i-1", "vol-2", "snap-3"], {}, [f"ec2:{HERE}:instance/i-1", f"ec2:{HERE}:volume/vol-2", "ec2:ap-northeast-1::snapshot/snap-3"]),
        ("ec2:ModifyInstanceAttribute", ["i-1"], {"volume": "vol-2"}, [f"ec2:{HERE}:instance/i-1", f"ec2:{HERE}:volume/vol-2"]),
        ("autoscaling:UpdateAutoScalingGroup", ["web"], {}, [f"autoscaling:{HERE}:autoScalingGroup:*:autoScalingGroupName/web"]),
    ],
)  # fmt: skip
def test_a_call_may_touch_its_targets_and_what_it_is_about(
    action: str, ids: list[str], beside: dict[str, str], expected: list[str]
) -> None:
    statements = policies(action, ids, beside=beside)[0]
    resources = {
        one for statement in statements for one in statement["Resource"] if action in statement["Action"]
    }
    assert resources == {f"arn:aws:{one}" for one in expected}  # fmt: skip


def test_a_call_that_tags_may_write_these_keys_whatever_it_tags() -> None:
    one, more = (
        policies("ec2:CreateTags", ids, tag_keys={"Owner": "x", "Name": "y"})[0]
        for ids in (["vol-1"], ["vol-2", "vol-3"])
    )
    assert one == more
    assert one[0]["Resource"] == [f"arn:aws:ec2:{HERE}:volume/*"]
    assert one[0]["Condition"] == {"ForAllValues:StringEquals": {"aws:TagKeys": ["Name", "Owner"]}}


def test_keys_that_do_not_fit_leave_the_targets() -> None:
    keys = [f"{number:0128d}" for number in range(20)]
    assert policies("ec2:CreateTags", ["vol-1"], tag_keys=keys) == policies("ec2:CreateTags", ["vol-1"])


def test_every_row_fits_and_allows_its_own_action() -> None:
    for action, row in ROWS.items():
        ids = ["snap-0123456789abcdef0" if "snapshot" in row.kinds else "x" * 63]
        for managed_only in (False, True):
            found = policies(action, ids, managed_only=managed_only)
            assert len(found) == 2, action
            assert all(action in one[0]["Action"] for one in found)


def test_what_a_session_may_do_with_keys_the_role_of_its_feature_may_too() -> None:
    """A session never widens a role: an encrypted volume comes back, and a database is made, only where the role has the key, too."""
    with_keys = [action for action, row in ROWS.items() if row.keys]
    assert with_keys
    for action in with_keys:
        wanted = {
            one for row in policies(action, ["snap-1"])[0] for one in row["Action"] if one.startswith("kms:")
        }
        if action.startswith("rds:"):
            wanted -= {"kms:GenerateDataKeyWithoutPlaintext"}  # RDS asks for none
        for feature in (one for one in Feature if action in CHANGES[one] and one is not Feature.DATABASES):
            allowed = {
                right
                for one in operate_policy("123456789012", [feature], managed_only=False)["Statement"]
                for right in one["Action"]
            }
            held = {one for one in allowed if one.startswith("kms:")}
            assert all(any(fnmatchcase(right, one) for right in held) for one in wanted), (action, feature)


def test_a_call_that_nobody_thought_through_is_not_made() -> None:
    with pytest.raises(KeyError):
        policies("ec2:TerminateInstances", ["i-1"])


def test_every_changing_call_of_the_gateway_has_a_row_and_every_row_a_call() -> None:
    """What the gateway's modules name of AWS's own operations, and that does not only look."""
    named = {
        node.value
        for path in Path(infra.aws.__path__[0]).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    models = {one: Session().get_service_model(one) for one in ("autoscaling", "ec2", "rds", "ssm")}
    known = {name for model in models.values() for name in model.operation_names}
    changing = {name for name in known & named if not name.startswith(("Describe", "Get", "List"))}
    assert changing == {action.partition(":")[2] for action in ROWS}
    for action in ROWS:
        service, _, name = action.partition(":")
        assert name in models[service].operation_names


def test_other_partitions_have_their_own_names() -> None:
    one = policies("ec2:StopInstances", ["i-1"], "arn:aws-cn:iam::123456789012:role/x")[0][0]
    assert one["Resource"][0].startswith("arn:aws-cn:ec2:")
