"""The tenant's Redmine over the API: drafting, looking, connecting and leaving it, its address for webhooks, its rules."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound
from redmine_sync import tasks
from redmine_sync.domain.topics import CHOSEN, How
from redmine_sync.models import RedmineServer, ServerState, TicketRule
from redmine_sync.operations import connecting, ruling, waking
from redmine_sync.queries import servers

#: Redmine numbers its things from 1 on, in 32 bits.
NUMBER_MOST = 2**31 - 1


class ServerOut(serializers.Serializer[RedmineServer]):
    """A Redmine; `report`: what the last look found. Its key goes in and never comes out."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    language = serializers.CharField()
    state = serializers.SerializerMethodField()
    open_status = serializers.IntegerField(allow_null=True)
    closed_status = serializers.IntegerField(allow_null=True)
    snooze_days = serializers.IntegerField()
    confirmed_by = serializers.CharField(source="confirmed_by_name")
    confirmed_at = serializers.DateTimeField(allow_null=True)
    drafted_by = serializers.CharField(source="drafted_by_name")
    drafted_at = serializers.DateTimeField()
    probed_at = serializers.DateTimeField(allow_null=True)
    report = serializers.DictField()
    problem = serializers.CharField()
    problem_since = serializers.DateTimeField(allow_null=True)
    hook_came_at = serializers.DateTimeField(allow_null=True)
    hook_url = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField())
    def get_state(self, row: RedmineServer) -> str:
        return str(row.state)

    @extend_schema_field(serializers.CharField())
    def get_hook_url(self, row: RedmineServer) -> str:
        if row.state != ServerState.ACTIVE or not servers.has_hook(row):
            return ""
        return f"{settings.TOBAN_URL.rstrip('/')}{reverse('hooks:redminehook', kwargs={'pk': row.id})}"


class DraftIn(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=300)
    key = serializers.CharField(
        max_length=200, help_text="Of a Redmine user of Toban's own; it is sealed and never given back."
    )
    language = serializers.ChoiceField(choices=["ja", "en"], default="ja")


class ConnectIn(ReasonIn):
    """Ids of statuses as the look listed them; what a person closed is left alone for `snooze_days`."""

    open_status = serializers.IntegerField(min_value=1, max_value=NUMBER_MOST)
    closed_status = serializers.IntegerField(min_value=1, max_value=NUMBER_MOST)
    snooze_days = serializers.IntegerField(min_value=0, max_value=90, default=7)


class HookOut(serializers.Serializer[Any]):
    """`secret` stands in the first answer only: it is kept sealed, and given to nobody again."""

    url = serializers.CharField()
    secret = serializers.CharField()


class TicketRuleOut(serializers.Serializer[TicketRule]):
    """Which troubles of a project become tickets, and where; `project` empty: of everything that has no rule of its own."""

    id = serializers.UUIDField()
    project = serializers.CharField()
    redmine_project = serializers.IntegerField()
    redmine_identifier = serializers.CharField()
    tracker = serializers.IntegerField()
    failures = serializers.BooleanField()
    approvals = serializers.BooleanField()
    approval_wait_min = serializers.IntegerField()
    topics = serializers.DictField(child=serializers.CharField())
    operation = serializers.CharField()
    confirmed_by = serializers.CharField(source="confirmed_by_name")


class TicketRuleIn(ReasonIn):
    """`topics`: by code, how each is told: not at all, each by itself, or together once a day where that may be."""

    project = serializers.CharField(max_length=300, default="", allow_blank=True)
    redmine_project = serializers.IntegerField(min_value=1, max_value=NUMBER_MOST)
    tracker = serializers.IntegerField(min_value=1, max_value=NUMBER_MOST)
    failures = serializers.BooleanField(default=True)
    approvals = serializers.BooleanField(default=False)
    approval_wait_min = serializers.IntegerField(min_value=0, max_value=24 * 60, default=15)
    topics = serializers.DictField(
        child=serializers.ChoiceField(choices=[str(one) for one in How]), default=dict,
        help_text=f"Codes: {', '.join(one.code for one in CHOSEN)}.",
    )  # fmt: skip


@answers(ServerOut, many=True)
def redmine_list(call: Call) -> list[RedmineServer]:
    """List the tenant's Redmine and the draft of another one, as far as there are any."""
    call.actor.require(Permission.OPERATION_VIEW, call.actor.tenant_id)
    found = (servers.server_in(state) for state in (ServerState.ACTIVE, ServerState.DRAFT))
    return [row for row in found if row is not None]


@answers(ServerOut, takes=DraftIn, status=202)
def redmine_draft(call: Call) -> RedmineServer:
    """Keep address and key of a Redmine, and have it looked at; nothing is written there."""
    call.actor.require(Permission.TICKET_EDIT, call.actor.tenant_id)
    row = connecting.save_draft(**call.given, actor=call.actor, now=call.now)
    return _woken(row)


@answers(ServerOut, status=202)
def redmine_look(call: Call, pk: UUID) -> RedmineServer:
    """Have a Redmine looked at once more."""
    _known(call, pk)
    return _woken(connecting.ask_probe(pk, actor=call.actor, now=call.now))


@answers(OperationOut, takes=ConnectIn, status=201)
def redmine_connect(call: Call, pk: UUID) -> Told:
    """Enter that a draft becomes the tenant's Redmine; another person confirms it."""
    _known(call, pk)
    entered = connecting.enter_connect(pk, **call.given, actor=call.actor, now=call.now)
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def redmine_leave(call: Call, pk: UUID) -> Told:
    """Enter that nothing is written into this Redmine any more; another person confirms it."""
    _known(call, pk)
    entered = connecting.enter_leave(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


@answers(HookOut, status=201, once=("secret",))
def redmine_hook_make(call: Call, pk: UUID) -> dict[str, str]:
    """Make the address at which this Redmine may say that something changed; a secret from before is good no longer."""
    _known(call, pk)
    secret = waking.exchange_secret(pk, actor=call.actor, now=call.now)
    return {
        "url": f"{settings.TOBAN_URL.rstrip('/')}{reverse('hooks:redminehook', kwargs={'pk': pk})}",
        "secret": secret,
    }


@answers(None)
def redmine_hook_end(call: Call, pk: UUID) -> None:
    """Listen no longer to what comes to the address of this Redmine."""
    _known(call, pk)
    waking.end(pk, actor=call.actor, now=call.now)


@answers(TicketRuleOut, many=True)
def ticket_rule_list(call: Call) -> Told:
    """List which troubles of which project become tickets; the version of the list is what a change names."""
    return _rules(call)


def _rules(call: Call) -> Told:
    rows = servers.rules(actor=call.actor)
    return Told(rows, version_from(*sorted((row.project, row.operation) for row in rows)))


@answers(OperationOut, takes=TicketRuleIn, status=201, must=True)
def ticket_rule_enter(call: Call) -> Told:
    """Enter which troubles of a project become tickets; another person confirms it, and it replaces the project's earlier rule."""
    call.actor.require(Permission.TICKET_EDIT, call.actor.tenant_id)
    given = call.given
    call.expect(_rules(call).version)
    entered = ruling.enter_rule(**given, actor=call.actor, now=call.now)
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def ticket_rule_end(call: Call, pk: UUID) -> Told:
    """Enter that a rule ends; another person confirms it."""
    if not TicketRule.objects.filter(id=pk).exists():
        raise NotFound(type="ticket_rule")
    call.actor.require(Permission.TICKET_EDIT, call.actor.tenant_id)
    entered = ruling.enter_end(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


def _known(call: Call, pk: UUID) -> None:
    """Looked up before the right, so that nobody learns which ids there are."""
    if not RedmineServer.objects.filter(id=pk).exists():
        raise NotFound(type="redmine")
    call.actor.require(Permission.TICKET_EDIT, call.actor.tenant_id)


def _woken(row: RedmineServer) -> RedmineServer:
    transaction.on_commit(partial(tasks.wake, row.tenant_id, row.id))
    return row
