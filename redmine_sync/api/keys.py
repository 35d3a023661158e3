"""What an administrator does at a repository without a second person, over the API: draft, look, keys, older commits, steps of leaving."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from medical_audit.api.calls import Call, answers
from redmine_sync import tasks
from redmine_sync.api.redmine import NUMBER_MOST
from redmine_sync.api.repositories import RepositoryOut
from redmine_sync.domain.removal import BY_HAND, Step
from redmine_sync.models import Repository
from redmine_sync.operations import registering, repository_keys, repository_leaving
from redmine_sync.queries import repositories


class RepositoryIn(serializers.Serializer[Any]):
    """`service_key`: of Redmine's web service for repositories, where Toban has none yet; it is sealed and never given back."""

    url = serializers.CharField(max_length=300)
    name = serializers.CharField(max_length=201, default="", allow_blank=True)
    redmine_project = serializers.IntegerField(min_value=1, max_value=NUMBER_MOST)
    service_key = serializers.CharField(max_length=200, default="", allow_blank=True)
    strict = serializers.BooleanField(default=False)


class DraftedOut(serializers.Serializer[Any]):
    """`secret`: what GitHub signs its deliveries with. It stands in the first answer only, and is given to nobody again."""

    repository = RepositoryOut()
    secret = serializers.CharField()


class SecretOut(serializers.Serializer[Any]):
    """It stands in the first answer only, and is given to nobody again."""

    secret = serializers.CharField()


class KeysOut(serializers.Serializer[Any]):
    """`deploy_key`: the public half, to be entered at GitHub; `next_deploy_key`: the one that is taken once the git server lets it in.
    `old_secret_until`: until when the webhook's secret before is good, null: there is none."""

    deploy_key = serializers.SerializerMethodField()
    next_deploy_key = serializers.SerializerMethodField()
    old_secret_until = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField())
    def get_deploy_key(self, keys: repositories.Keys) -> str:
        return keys.deploy.public if keys.deploy else ""

    @extend_schema_field(serializers.CharField())
    def get_next_deploy_key(self, keys: repositories.Keys) -> str:
        return keys.next_deploy.public if keys.next_deploy else ""

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_old_secret_until(self, keys: repositories.Keys) -> Any:
        return keys.old_hook.ends_at if keys.old_hook else None


class ServiceKeyIn(serializers.Serializer[Any]):
    service_key = serializers.CharField(max_length=200)


class LeavingStepIn(serializers.Serializer[Any]):
    """What is done outside Toban; `mirror`: have the folder removed by a worker."""

    step = serializers.ChoiceField(choices=sorted([*map(str, BY_HAND), str(Step.MIRROR)]))


@answers(DraftedOut, takes=RepositoryIn, status=201, once=("secret",))
def repository_draft(call: Call) -> dict[str, Any]:
    """Keep the address of a repository with new keys, and have it looked at."""
    call.actor.require(Permission.TICKET_EDIT, call.actor.tenant_id)
    row, secret = registering.save_draft(**call.given, actor=call.actor, now=call.now)
    _wake(call, row.id)
    return {"repository": row, "secret": secret}


@answers(None)
def repository_drop(call: Call, pk: UUID) -> None:
    """Give a draft up; its keys are destroyed."""
    _known(call, pk)
    registering.drop_draft(pk, actor=call.actor, now=call.now)


@answers(RepositoryOut, status=202)
def repository_look(call: Call, pk: UUID) -> Repository:
    """Have a repository looked at once more: keys, host, Redmine."""
    return _done(call, pk, registering.ask_look)


@answers(RepositoryOut, status=202)
def repository_backfill(call: Call, pk: UUID) -> Repository:
    """Have older commits linked to their tickets."""
    return _done(call, pk, partial(registering.ask_fetch, backfill=True))


@answers(KeysOut)
def repository_keys_get(call: Call, pk: UUID) -> repositories.Keys:
    """See the public half of a repository's deploy key, and whether a key or secret is being exchanged."""
    return repositories.keys_of(repositories.get_repository(pk, actor=call.actor), actor=call.actor)


@answers(SecretOut, status=201, once=("secret",))
def repository_secret_make(call: Call, pk: UUID) -> dict[str, str]:
    """Make another secret for the webhook; the one before stays good for a week."""
    _known(call, pk)
    return {"secret": repository_keys.exchange_hook_secret(pk, actor=call.actor, now=call.now)}


@answers(None)
def repository_secret_end(call: Call, pk: UUID) -> None:
    """End the secret before at once."""
    _known(call, pk)
    repository_keys.end_old_hook_secret(pk, actor=call.actor, now=call.now)


@answers(RepositoryOut, status=202)
def repository_key_make(call: Call, pk: UUID) -> Repository:
    """Make the next deploy key; it is taken as soon as the git server lets it in."""
    return _done(call, pk, repository_keys.exchange_deploy_key)


@answers(RepositoryOut, takes=ServiceKeyIn, status=202)
def repository_service_key(call: Call, pk: UUID) -> Repository:
    """Keep another key of Redmine's web service for repositories, and have it looked at."""
    _known(call, pk)
    key = call.given["service_key"]
    return _done(call, pk, lambda one, **who: registering.change_service_key(one, key, **who))


@answers(RepositoryOut, takes=LeavingStepIn)
def repository_step(call: Call, pk: UUID) -> Repository:
    """Say that a step of leaving a repository is done, or have the mirror removed."""
    _known(call, pk)
    step = call.given["step"]
    return _done(call, pk, lambda one, **who: repository_leaving.tick(one, step, **who))


@answers(RepositoryOut)
def repository_end(call: Call, pk: UUID) -> Repository:
    """End the leaving of a repository once every step is done."""
    return _done(call, pk, repository_leaving.end_when_done)


def _done(call: Call, pk: UUID, act: Callable[..., Any]) -> Repository:
    _known(call, pk)
    act(pk, actor=call.actor, now=call.now)
    _wake(call, pk)
    return repositories.get_repository(pk, actor=call.actor)


def _known(call: Call, pk: UUID) -> Repository:
    """Looked up before the right, so that nobody learns which ids there are."""
    row = repositories.get_repository(pk, actor=call.actor)
    call.actor.require(Permission.TICKET_EDIT, call.actor.tenant_id)
    return row


def _wake(call: Call, pk: UUID) -> None:
    transaction.on_commit(partial(tasks.wake_repository, call.actor.tenant_id, pk))
