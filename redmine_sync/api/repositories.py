"""Repositories over the API: how each stands, what GitHub sent, fetching, and what two people decide about them."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.forms import cursors_of
from medical_audit.queries.paging import Page
from redmine_sync import tasks
from redmine_sync.models import Delivery, Repository
from redmine_sync.operations import registering, repository_leaving
from redmine_sync.queries import repositories

ENTERING: dict[str, Callable[..., Any]] = {
    "register": registering.enter_register,
    "repin": registering.enter_repin,
    "leave": repository_leaving.enter_leave,
}


class RepositoryOut(serializers.Serializer[Repository]):
    """`silent`: pushes that only the poll found since the webhook last came."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    url = serializers.CharField()
    project = serializers.CharField(source="redmine_identifier")
    state = serializers.SerializerMethodField()
    strict = serializers.BooleanField()
    operation = serializers.CharField()
    confirmed_by = serializers.CharField(source="confirmed_by_name")
    hook_came_at = serializers.DateTimeField(allow_null=True)
    silent = serializers.IntegerField()
    polled_at = serializers.DateTimeField(allow_null=True)
    synced_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField()
    problem_since = serializers.DateTimeField(allow_null=True)
    heads = serializers.DictField()

    @extend_schema_field(serializers.CharField())
    def get_state(self, row: Repository) -> str:
        return str(row.state)


class DeliveryOut(serializers.Serializer[Delivery]):
    """What GitHub sent; `verdict`: what became of it."""

    id = serializers.UUIDField()
    guid = serializers.CharField()
    event = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    verdict = serializers.SerializerMethodField()
    received_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()

    @extend_schema_field(serializers.CharField())
    def get_verdict(self, row: Delivery) -> str:
        return str(row.verdict)


class RepositoryEnterIn(ReasonIn):
    """register: a draft is served. repin: the host key that was seen last is believed. leave: it is served no longer."""

    what = serializers.ChoiceField(choices=sorted(ENTERING))


@answers(RepositoryOut, many=True)
def repository_list(call: Call) -> list[Repository]:
    """List repositories by name."""
    return list(repositories.list_repositories(actor=call.actor))


@answers(RepositoryOut)
def repository_get(call: Call, pk: UUID) -> Repository:
    """Get one repository."""
    return repositories.get_repository(pk, actor=call.actor)


@answers(DeliveryOut, paged=True)
def delivery_list(call: Call, pk: UUID) -> Page:
    """List what GitHub sent for a repository, the newest first."""
    row = repositories.get_repository(pk, actor=call.actor)
    return repositories.deliveries(row, cursors_of(call.query), actor=call.actor)


@answers(RepositoryOut, status=202)
def repository_fetch(call: Call, pk: UUID) -> Repository:
    """Have a repository fetched now."""
    repositories.get_repository(pk, actor=call.actor)
    row = registering.ask_fetch(pk, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.wake_repository, row.tenant_id, row.id))
    return row


@answers(
    OperationOut,
    takes=RepositoryEnterIn,
    status=201,
    example={"what": "repin", "reason": "サーバー更新のため"},
)
def repository_enter(call: Call, pk: UUID) -> Told:
    """Enter that a repository is served, gets another host key or is left; another person confirms it."""
    repositories.get_repository(pk, actor=call.actor)
    call.actor.require(Permission.TICKET_EDIT, call.actor.tenant_id)
    given = call.given
    entered = ENTERING[given["what"]](pk, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))
