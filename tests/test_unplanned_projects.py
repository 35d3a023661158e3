"""What belongs to which project, which schedules follow, is what people confirmed of this very project."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DatabaseError

from infra.models import Project
from medical_audit.domain.kinds import OperationTarget
from tests.medical_audit.support import plant
from tests.test_unplanned_changes import NOW, Plans

RULED = {"name": "電子カルテ", "owner": "佐藤", "tag_key": "Project", "tag_values": ["emr"]}


@pytest.fixture(scope="module")
def plans(django_db_setup: None) -> Plans:
    return Plans()


@pytest.mark.parametrize(
    "wrong",
    [{"tag_values": ["*"]}, {"owner": "別人"}, {"id": uuid.UUID(int=9)}, {"confirmed_by_name": "別人"}],
    ids=str,
)
def test_a_project_is_what_was_confirmed(wrong: dict[str, Any], plans: Plans) -> None:
    target = OperationTarget("project", str(uuid.uuid4()), str(RULED["name"]))
    operation = plans.entered("project.set", {**RULED, "before": {}, "count": 0, "names": []}, target)
    columns = {
        **RULED, "id": uuid.UUID(target.id), "operation": str(operation.id), "confirmed_by_name": plans.approver.name,
        "changed_at": NOW,
    }  # fmt: skip
    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        plans.applied(operation, plans.new(Project, **(columns | wrong)))


def test_no_other_project_ends_with_one_that_was_confirmed_to_end(plans: Plans) -> None:
    other = plant(
        Project(
            tenant_id=plans.tenant_id, **RULED, operation="o", confirmed_by_name="x", changed_at=NOW
        )
    )  # fmt: skip
    operation = plans.entered("project.end", {}, OperationTarget("project", str(uuid.uuid4()), ""))
    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        plans.applied(operation, Project.objects.filter(id=other.id).delete)
