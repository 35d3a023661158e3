"""Overrides over the API: what holds for a while instead of a schedule, skipping once, freezing, the brake."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.domain.schedule import State
from infra.models import Override
from infra.models.schedule import OverrideKind
from infra.operations import overriding, ruling
from infra.operations.overriding import Wanted
from infra.queries.brakes import brake_here
from infra.queries.overrides import Entry, live_entries
from medical_audit.api.calls import Call, InstantField, Told, answers, version_from
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound, Refused


class OverrideOut(serializers.Serializer[Entry]):
    """One confirmed entry; `id` is what ends it early, `resources` are those that it names one by one."""

    id = serializers.UUIDField(source="row.id")
    kind = serializers.CharField(source="row.kind")
    scope = serializers.CharField(source="row.scope")
    project = serializers.CharField(source="row.project")
    wish = serializers.CharField(source="row.wish")
    since = serializers.DateTimeField(source="row.since")
    until = serializers.DateTimeField()
    reason = serializers.CharField(source="row.reason")
    operation = serializers.CharField(source="row.operation")
    entered_by = serializers.CharField(source="row.entered_by_name")
    confirmed_by = serializers.CharField(source="row.confirmed_by_name")
    resources = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_resources(self, row: Entry) -> list[str]:
        return [str(one.id) for one in row.resources]


class OverrideIn(ReasonIn):
    """`kind` override needs `wish`, `until` and either `resources` or a `project`; skip needs one resource; freeze `until`."""

    kind = serializers.ChoiceField(choices=[str(one) for one in OverrideKind], default="override")
    wish = serializers.ChoiceField(choices=[str(one) for one in State], default=str(State.RUNNING))
    until = InstantField(default=None, allow_null=True)
    since = InstantField(default=None, allow_null=True)
    resources = serializers.ListField(
        child=serializers.UUIDField(), default=list, max_length=overriding.AT_ONCE, allow_empty=True
    )
    project = serializers.CharField(max_length=300, default="", allow_blank=True)


class RulesOut(serializers.Serializer[Any]):
    """The brake as it holds; `operation` decided it, "" where nobody did."""

    brake_percent = serializers.IntegerField(allow_null=True)
    brake_least = serializers.IntegerField()
    operation = serializers.CharField()


class RulesIn(ReasonIn):
    """Rounds of at least `brake_least` resources that would stop more than `brake_percent` ask a person; null: never."""

    brake_percent = serializers.IntegerField(min_value=1, max_value=100, allow_null=True)
    brake_least = serializers.IntegerField(min_value=1, max_value=ruling.LEAST_MOST)


@answers(OverrideOut, many=True)
def override_list(call: Call) -> list[Entry]:
    """List what holds now or later instead of the schedules."""
    return live_entries(actor=call.actor, now=call.now)


@answers(
    OperationOut,
    takes=OverrideIn,
    status=201,
    example={
        "wish": "running",
        "until": "2026-11-30T22:00:00+09:00",
        "project": "電子カルテ",
        "reason": "夜間の移行作業",
    },
)
def override_enter(call: Call) -> Told:
    """Enter an override, a skip of the next action, or a freeze of the whole tenant."""
    call.actor.require(Permission.OVERRIDE_ENTER, call.actor.tenant_id)
    given = call.given
    wanted = _wanted(call, given)
    entered = overriding.enter_override(wanted, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


def _wanted(call: Call, given: dict[str, Any]) -> Wanted:
    kind, ids = OverrideKind(given["kind"]), tuple(dict.fromkeys(given["resources"]))
    if kind == OverrideKind.SKIP:
        if len(ids) != 1:
            raise Refused("nothing_chosen")
        return overriding.skip_next(ids[0], actor=call.actor, now=call.now)
    if given["until"] is None:
        raise Refused("bad_end")
    if kind == OverrideKind.FREEZE:
        return Wanted(State.ANY, given["until"], given["since"], kind=kind)
    return Wanted(
        State(given["wish"]),
        given["until"],
        given["since"],
        ids,
        given["project"] if not ids else "",
        kind=kind,
    )


@answers(OperationOut, takes=ReasonIn, status=201)
def override_end(call: Call, pk: UUID) -> Told:
    """Enter the early end of an override."""
    if not Override.objects.filter(id=pk).exists():
        raise NotFound(type="override", id=str(pk))
    call.actor.require(Permission.OVERRIDE_ENTER, call.actor.tenant_id)
    reason = call.given["reason"]
    entered = overriding.enter_end(pk, actor=call.actor, now=call.now, reason=reason)
    return Told(entered, version_of(entered))


@answers(RulesOut)
def rules_get(call: Call) -> Told:
    """See how many stops at once ask a person; the version is what a change names."""
    held = brake_here(actor=call.actor)
    return Told(held, version_from(*held.values()))


@answers(OperationOut, takes=RulesIn, status=201, must=True)
def rules_enter(call: Call) -> Told:
    """Enter how many stops at once ask a person; another person confirms it."""
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    given = call.given
    call.expect(version_from(*brake_here(actor=call.actor).values()))
    entered = ruling.enter_rules(
        brake_percent=given["brake_percent"], brake_least=given["brake_least"], actor=call.actor, now=call.now,
        reason=given["reason"],
    )  # fmt: skip
    return Told(entered, version_of(entered))
