"""Who reaches a database, over the API: opening and closing a way, finding out where one ends, what a client's error means."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.domain.diagnosis import Found, Line, Step, explained
from infra.forms.diagnosis import MESSAGE_MAX
from infra.models import Resource
from infra.operations import diagnosing, reaching
from infra.queries import database_pages
from infra.queries.database_pages import Reach, Way
from medical_audit.api.calls import Call, InstantField, Told, answers
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.forms import cursors_of
from medical_audit.queries.paging import Page


class WayOut(serializers.Serializer[Way]):
    """One rule that lets somebody in. `opened`: the operation of Toban's that added it, which is what is closed; `until`: when Toban
    closes it; `closing`: that is entered already."""

    rule = serializers.CharField(source="rule.id")
    group = serializers.CharField(source="rule.group")
    source = serializers.CharField(source="rule.source")  # type: ignore[assignment]
    description = serializers.CharField(source="rule.description")
    to_everybody = serializers.BooleanField(source="rule.to_everybody")
    opened = serializers.UUIDField(source="opened.id", default=None, allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    closing = serializers.BooleanField()


class ReachOut(serializers.Serializer[Reach]):
    """`ways`: null where AWS could not be asked of the rules; `groups`: how many rules each of its groups has, of `limit`, null where
    AWS was not asked: 60 usually."""

    port = serializers.IntegerField()
    ways = WayOut(many=True, allow_null=True)
    groups = serializers.DictField(source="counts", child=serializers.IntegerField())
    limit = serializers.IntegerField(allow_null=True)


class ReachIn(ReasonIn):
    """`source`: a security group or an IPv4 network; `until` null: for good, where that may be."""

    group = serializers.CharField(max_length=40)
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]
    description = serializers.CharField(max_length=200, default="", allow_blank=True)
    until = InstantField(default=None, allow_null=True)


class HostOut(serializers.Serializer[Resource]):
    id = serializers.UUIDField()
    aws_id = serializers.CharField()
    name = serializers.CharField()
    project = serializers.CharField()


class DiagnosisStepOut(serializers.Serializer[Line]):
    """One step of the way. `found` unknown: it cannot be told from here; left_out: an earlier one failed, or nothing was given to try.
    `from_toban`: tried from where Toban runs, and not from the host. `read_at`: when AWS said the rules that the step is judged by."""

    step = serializers.ChoiceField(choices=[str(one) for one in Step])
    found = serializers.ChoiceField(choices=[str(one) for one in Found])
    cause = serializers.CharField()
    told = serializers.DictField(child=serializers.CharField())
    ms = serializers.IntegerField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    from_toban = serializers.BooleanField()


class DiagnosisOut(serializers.Serializer[Any]):
    steps = DiagnosisStepOut(many=True)


class DiagnoseIn(serializers.Serializer[Any]):
    """`host`: the id of an EC2 instance, null: from Toban itself. User and password are used for one try and kept nowhere."""

    host = serializers.UUIDField(default=None, allow_null=True)
    user = serializers.CharField(max_length=128, default="", allow_blank=True)
    password = serializers.CharField(max_length=200, default="", allow_blank=True, trim_whitespace=False)
    database = serializers.CharField(max_length=64, default="", allow_blank=True)


class MessageIn(serializers.Serializer[Any]):
    message = serializers.CharField(max_length=MESSAGE_MAX)


class MeaningOut(serializers.Serializer[Any]):
    """At which step a connection failed and why, both empty for a message that is not known."""

    step = serializers.CharField()
    cause = serializers.CharField()


@answers(ReachOut)
def reach_get(call: Call, pk: UUID) -> Reach:
    """See who reaches a database."""
    return database_pages.reach_of(database_pages.get_database(pk, actor=call.actor), actor=call.actor)


@answers(OperationOut, takes=ReachIn, status=201)
def reach_open(call: Call, pk: UUID) -> Told:
    """Enter that a source may reach a database, for a while or for good; another person confirms it."""
    database_pages.get_database(pk, actor=call.actor)
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    given = call.given
    wish = reaching.Wish(given["group"], given["source"], given["description"], given["until"])
    entered = reaching.enter_open(pk, wish, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def reach_close(call: Call, pk: UUID) -> Told:
    """Enter that what an operation opened is closed."""
    database_pages.get_opened(pk, actor=call.actor)
    call.actor.require(Permission.DATABASE_EDIT, call.actor.tenant_id)
    entered = reaching.enter_close(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


@answers(HostOut, paged=True)
def host_list(call: Call, pk: UUID) -> Page:
    """List the EC2 instances beside a database, by name."""
    row = database_pages.get_database(pk, actor=call.actor)
    return database_pages.host_page(row, cursors_of(call.query), actor=call.actor)


@answers(DiagnosisOut, takes=DiagnoseIn)
def database_diagnose(call: Call, pk: UUID) -> dict[str, Any]:
    """Find out step by step whether a host reaches a database; nothing is changed, and that it was tried is recorded."""
    database_pages.get_database(pk, actor=call.actor)
    call.actor.require(Permission.POWER_ENTER, call.actor.tenant_id)
    given = call.given
    credential = (
        diagnosing.Credential(given["user"], given["password"], given["database"]) if given["user"] else None
    )
    asked = diagnosing.Asked(given["host"], credential)
    return {"steps": diagnosing.diagnose(pk, asked, actor=call.actor, now=call.now)}


@answers(MeaningOut, takes=MessageIn)
def message_explain(call: Call) -> dict[str, str]:
    """See what a database client's error message means."""
    call.actor.require(Permission.POWER_ENTER, call.actor.tenant_id)
    line = explained(call.given["message"])
    return {"step": str(line.step) if line else "", "cause": line.cause if line else ""}
