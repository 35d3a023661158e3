"""Projects over the API: declared ones with their rules, names that only tags carry, and what belongs to none."""

from hashlib import sha256
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.domain.projects import NAME_MAX, VALUES_MAX
from infra.models import Project
from infra.operations import projects
from infra.queries.projects import ProjectLine, get_project, list_projects
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.operations import OperationOut, ReasonIn, version_of


class ProjectOut(serializers.Serializer[ProjectLine]):
    """A project; `id` is null where only tags name it. The empty name stands for resources that belong to none."""

    name = serializers.CharField()
    resources = serializers.IntegerField()
    id = serializers.UUIDField(source="row.id", default=None, allow_null=True)
    owner = serializers.CharField(source="row.owner", default="")
    tag_key = serializers.CharField(source="row.tag_key", default="")
    tag_values = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_tag_values(self, row: ProjectLine) -> list[str]:
        return list(row.row.tag_values) if row.row else []


class DeclaredOut(serializers.Serializer[Project]):
    """A declared project and its rule."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    owner = serializers.CharField()
    tag_key = serializers.CharField()
    tag_values = serializers.ListField(child=serializers.CharField())
    operation = serializers.CharField()
    confirmed_by = serializers.CharField(source="confirmed_by_name")
    changed_at = serializers.DateTimeField()


class ProjectIn(ReasonIn):
    """Resources whose tag `tag_key` has one of `tag_values` belong to it; a value that ends with * stands for its beginning."""

    name = serializers.CharField(max_length=NAME_MAX)
    owner = serializers.CharField(max_length=projects.OWNER_MAX)
    tag_key = serializers.CharField(max_length=128)
    tag_values = serializers.ListField(child=serializers.CharField(max_length=256), max_length=VALUES_MAX)


@answers(ProjectOut, many=True)
def project_list(call: Call) -> list[ProjectLine]:
    """List projects by name, and how many resources have none."""
    page = list_projects(actor=call.actor)
    without = [ProjectLine("", None, page.without_count)] if page.without_count else []
    return [*without, *page.lines]


@answers(DeclaredOut)
def project_get(call: Call, pk: UUID) -> Told:
    """Get one declared project; its version is what a change names."""
    row = get_project(pk, actor=call.actor)
    return Told(row, _version(row))


@answers(
    OperationOut,
    takes=ProjectIn,
    status=201,
    example={"name": "電子カルテ", "owner": "医療情報部", "tag_key": "Application", "tag_values": ["ehr-*"], "reason": "担当を明らかにするため"},
)  # fmt: skip
def project_enter(call: Call) -> Told:
    """Enter a project; another person confirms it, seeing which resources change theirs."""
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    return _entered(call, None)


@answers(OperationOut, takes=ProjectIn, status=201, must=True)
def project_change(call: Call, pk: UUID) -> Told:
    """Enter what is to hold of a declared project."""
    row = get_project(pk, actor=call.actor)
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    call.expect(_version(row))
    return _entered(call, row.id)


@answers(OperationOut, takes=ReasonIn, status=201, match=True)
def project_end(call: Call, pk: UUID) -> Told:
    """Enter that a project takes no resources by its rule any more."""
    row = get_project(pk, actor=call.actor)
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    call.expect(_version(row))
    entered = projects.enter_end(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


def _entered(call: Call, pk: UUID | None) -> Told:
    given: dict[str, Any] = call.given
    entered = projects.enter_project(
        given["name"], given["owner"], given["tag_key"], given["tag_values"], project_id=pk, actor=call.actor,
        now=call.now, reason=given["reason"],
    )  # fmt: skip
    return Told(entered, version_of(entered))


def _version(row: Project) -> str:
    told = repr((row.name, row.owner, row.tag_key, row.tag_values, row.operation))
    return sha256(told.encode()).hexdigest()[:32]
