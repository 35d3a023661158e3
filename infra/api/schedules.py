"""Schedules over the API: drafts are edited with `If-Match`, publications and assignments are entered."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.models import Revision
from infra.models.schedule import Scope
from infra.operations import archiving, assigning, drafts, publishing
from infra.queries import schedule_pages
from infra.queries.schedule_pages import ListedSchedule
from medical_audit.api.calls import Call, PreconditionFailed, Told, answers, version_from
from medical_audit.api.filters import text_filter
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound, StaleContent
from medical_audit.forms import text_of

EXAMPLE = {
    "zone": "Asia/Tokyo",
    "periods": [{"days": [0, 1, 2, 3, 4], "begin": "08:30", "end": "19:00"}],
    "options": {},
}


class RevisionOut(serializers.Serializer[Revision]):
    """One content of a schedule, in the form of the planning file."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    content = serializers.DictField()
    digest = serializers.CharField()
    note = serializers.CharField()
    by = serializers.CharField(source="created_by_name")
    updated_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)


class ScheduleOut(serializers.Serializer[ListedSchedule]):
    """`revision` is in force, `draft` has no effect; `waiting`: something about it waits for a person."""

    id = serializers.UUIDField(source="named.id")
    name = serializers.CharField(source="named.name")
    description = serializers.CharField(source="named.description")
    published_by = serializers.CharField(source="named.published_by_name")
    published_at = serializers.DateTimeField(source="named.published_at", allow_null=True)
    archived_at = serializers.DateTimeField(source="named.archived_at", allow_null=True)
    followers = serializers.IntegerField()
    waiting = serializers.BooleanField()
    revision = serializers.SerializerMethodField()
    draft = serializers.SerializerMethodField()

    @extend_schema_field(RevisionOut(allow_null=True))
    def get_revision(self, row: ListedSchedule) -> Any:
        return RevisionOut(row.revision).data if row.revision else None

    @extend_schema_field(RevisionOut(allow_null=True))
    def get_draft(self, row: ListedSchedule) -> Any:
        return RevisionOut(row.draft).data if row.draft else None


class ContentIn(serializers.Serializer[Any]):
    content = serializers.DictField()
    note = serializers.CharField(max_length=1000, default="", allow_blank=True)


class ScheduleIn(ContentIn):
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=1000, default="", allow_blank=True)


class PublishIn(ReasonIn):
    revision = serializers.UUIDField(
        default=None,
        allow_null=True,
        help_text="An older one goes back to it; the draft where none is named.",
    )


class AssignedOut(serializers.Serializer[Any]):
    """Which schedule was assigned to a resource, a project or the tenant itself; `schedule` null: none."""

    scope = serializers.CharField()
    key = serializers.CharField()
    schedule = serializers.UUIDField(allow_null=True)
    operation = serializers.CharField()


class AssignIn(ReasonIn):
    """`key`: a resource's id, a project's name, or empty for the tenant; `schedule` null takes an assignment away."""

    scope = serializers.ChoiceField(choices=[str(one) for one in assigning.SCOPES])
    key = serializers.CharField(max_length=300, default="", allow_blank=True)
    schedule = serializers.UUIDField(allow_null=True)


@answers(
    ScheduleOut,
    many=True,
    filters=(text_filter("show", "`archived`: the archived ones instead.", ("archived",)),),
)
def schedule_list(call: Call) -> list[ListedSchedule]:
    """List schedules by name."""
    archived = call.query.get("show") == "archived"
    return schedule_pages.list_schedules(actor=call.actor, archived=archived)


@answers(ScheduleOut, takes=ScheduleIn, status=201, example={"name": "外来 平日", "content": EXAMPLE})
def schedule_create(call: Call) -> ListedSchedule:
    """Make a schedule with its first draft; nothing runs by it before its publication is confirmed."""
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    given = call.given
    made = drafts.create_schedule(
        given["name"], given["content"], actor=call.actor, now=call.now, description=given["description"],
        note=given["note"],
    )  # fmt: skip
    return schedule_pages.get_schedule(made.schedule_id, actor=call.actor)


@answers(ScheduleOut)
def schedule_get(call: Call, pk: UUID) -> ListedSchedule:
    """Get one schedule."""
    return schedule_pages.get_schedule(pk, actor=call.actor, archived=True)


@answers(RevisionOut)
def draft_get(call: Call, pk: UUID) -> Told:
    """Get the draft of a schedule; its `ETag` is what the next change of it must name."""
    draft = schedule_pages.get_schedule(pk, actor=call.actor).draft
    if draft is None:
        raise NotFound(type="draft", id=str(pk))
    return Told(draft, draft.digest)


@answers(RevisionOut, takes=ContentIn, must=True, example={"content": EXAMPLE, "note": "19 時まで延長"})
def draft_put(call: Call, pk: UUID) -> Told:
    """Write the draft of a schedule.

    `If-Match` names the draft that was read, `If-None-Match: *` says that there was none; without either 428.
    """
    listed = schedule_pages.get_schedule(pk, actor=call.actor)
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    given, draft = call.given, listed.draft
    seen = draft.digest if draft else ""
    call.expect(seen)
    try:
        made = drafts.save_draft(
            pk, given["content"], actor=call.actor, now=call.now, note=given["note"], seen=seen
        )
    except StaleContent as stale:
        raise PreconditionFailed from stale
    return Told(made, made.digest)


@answers(None, must=True)
def draft_delete(call: Call, pk: UUID) -> None:
    """Throw the draft of a schedule away; `If-Match` names it."""
    draft = schedule_pages.get_schedule(pk, actor=call.actor).draft
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    if draft is None:
        raise NotFound(type="draft", id=str(pk))
    call.expect(draft.digest)
    try:
        drafts.discard_draft(pk, seen=draft.digest, actor=call.actor, now=call.now)
    except StaleContent as stale:
        raise PreconditionFailed from stale


@answers(OperationOut, takes=PublishIn, status=201, match=True, example={"reason": "診療時間の変更"})
def schedule_publish(call: Call, pk: UUID) -> Told:
    """Enter the publication of the draft, or of an older revision; another person confirms it.

    `If-Match` may name the draft that was looked at.
    """
    listed = schedule_pages.get_schedule(pk, actor=call.actor)
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    given, draft = call.given, listed.draft
    revision = given["revision"] or (draft.id if draft else None)
    if revision is None:
        raise NotFound(type="draft", id=str(pk))
    call.expect(draft.digest if draft else "")
    entered = publishing.enter_publish(pk, revision, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def schedule_archive(call: Call, pk: UUID) -> Told:
    """Enter that a schedule is archived; another person confirms it."""
    schedule_pages.get_schedule(pk, actor=call.actor, archived=True)
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    reason = call.given["reason"]
    entered = archiving.enter_archive(pk, actor=call.actor, now=call.now, reason=reason)
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def schedule_restore(call: Call, pk: UUID) -> Told:
    """Enter that an archived schedule comes back; another person confirms it."""
    schedule_pages.get_schedule(pk, actor=call.actor, archived=True)
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    reason = call.given["reason"]
    entered = archiving.enter_restore(pk, actor=call.actor, now=call.now, reason=reason)
    return Told(entered, version_of(entered))


@answers(
    AssignedOut,
    filters=(
        text_filter("scope", "What the schedule is assigned to; `tenant` if not said.", [str(one) for one in assigning.SCOPES]),
        text_filter("key", "A resource's id or a project's name."),
    ),
)  # fmt: skip
def assignment_get(call: Call) -> Told:
    """See which schedule is assigned to a resource, a project or the whole tenant; its version is what a change names."""
    return _assigned(call, Scope(text_of(call.query, "scope") or Scope.TENANT), text_of(call.query, "key"))


def _assigned(call: Call, scope: Scope, key: str) -> Told:
    key = str(_id(key)) if scope is Scope.RESOURCE else key if scope is Scope.PROJECT else ""
    row = schedule_pages.assigned(scope, key, actor=call.actor)
    held = {
        "scope": str(scope), "key": key, "schedule": row.schedule_id if row else None, "operation": row.operation if row else "",
    }  # fmt: skip
    return Told(held, version_from(*map(str, held.values())))


@answers(
    OperationOut,
    takes=AssignIn,
    status=201,
    must=True,
    example={"scope": "tenant", "schedule": None, "reason": "既定のスケジュールをやめる"},
)
def assignment_enter(call: Call) -> Told:
    """Enter which schedule a resource, a project or the whole tenant follows; another person confirms it."""
    call.actor.require(Permission.SCHEDULE_EDIT, call.actor.tenant_id)
    given = call.given
    scope, key = Scope(given["scope"]), given["key"]
    if scope is Scope.RESOURCE:
        key = str(_id(key))
    call.expect(_assigned(call, scope, key).version)
    entered = assigning.enter_assign(
        scope, key, given["schedule"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(type="resource", id=text[:40]) from None
