"""One's own inbox over the API: what happened, what waits for me, what I want to be told of."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.notices import Topic
from accounts.domain.permissions import Permission
from accounts.models import NoticeChoice, NoticeDelivery
from accounts.operations import notices
from accounts.queries.notices import (
    News,
    Waiting,
    choice_of,
    head_seq,
    list_deliveries,
    list_news,
    list_waiting,
)
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.operations import OperationOut
from medical_audit.forms import cursors_of
from medical_audit.queries.paging import Page

TOPICS = [str(one) for one in Topic]


class NewsOut(serializers.Serializer[News]):
    """`body` is the event's canonical text in the ledger, `said` the same with what can be read of its people."""

    id = serializers.UUIDField(source="event.id")
    at = serializers.DateTimeField(source="event.event_at")
    kind = serializers.CharField(source="event.kind")
    body = serializers.CharField(source="event.body")
    said = serializers.DictField(source="event.said")
    topic = serializers.SerializerMethodField()
    unread = serializers.BooleanField()

    @extend_schema_field(serializers.CharField())
    def get_topic(self, row: News) -> str:
        return str(row.topic)


class WaitingOut(serializers.Serializer[Waiting]):
    """An operation that I may confirm and did not enter."""

    operation = OperationOut()
    topic = serializers.SerializerMethodField()
    unread = serializers.BooleanField()

    @extend_schema_field(serializers.CharField())
    def get_topic(self, row: Waiting) -> str:
        return str(row.topic)


class ReadIn(serializers.Serializer[Any]):
    up_to = serializers.IntegerField(
        min_value=0, max_value=2**53, help_text="A place in the ledger; `head` of the choice is the newest."
    )


class ChoiceOut(serializers.Serializer[NoticeChoice]):
    """Topics shown in the portal and mailed; `seen` is the place in the ledger up to which I have read, `head` the newest."""

    inbox = serializers.ListField(child=serializers.CharField())
    mail = serializers.ListField(child=serializers.CharField())
    address = serializers.CharField()
    language = serializers.CharField()
    seen = serializers.IntegerField(source="seen_seq")
    head = serializers.SerializerMethodField()

    @extend_schema_field(serializers.IntegerField())
    def get_head(self, row: NoticeChoice) -> int:
        return head_seq()


class ChoiceIn(serializers.Serializer[Any]):
    inbox = serializers.ListField(child=serializers.ChoiceField(choices=TOPICS), max_length=len(TOPICS))
    language = serializers.ChoiceField(choices=["ja", "en"], default="ja")


@answers(NewsOut, paged=True)
def inbox_list(call: Call) -> Page:
    """List what happened of the topics that I chose, the newest first."""
    choice = choice_of(call.actor)
    return list_news(choice, cursors_of(call.query), actor=call.actor, now=call.now)


@answers(WaitingOut, paged=True)
def inbox_waiting(call: Call) -> Page:
    """List what waits for my confirmation, the oldest first."""
    choice = choice_of(call.actor)
    return list_waiting(TOPICS, choice.seen_seq, cursors_of(call.query), actor=call.actor, now=call.now)


@answers(ChoiceOut, takes=ReadIn)
def inbox_read(call: Call) -> NoticeChoice:
    """Mark everything up to a place in the ledger as read; nothing becomes unread again."""
    call.actor.require(Permission.OPERATION_VIEW, call.actor.tenant_id)  # before what is sent is judged
    notices.mark_read(call.given["up_to"], actor=call.actor, now=call.now)
    return choice_of(call.actor)


class OwnMailOut(serializers.Serializer[NoticeDelivery]):
    """One mail to me: about how many things, and how it ended."""

    id = serializers.UUIDField()
    address = serializers.CharField()
    items = serializers.IntegerField()
    state = serializers.CharField()
    problem = serializers.CharField()
    begun_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


@answers(OwnMailOut, paged=True)
def mail_list(call: Call) -> Page:
    """List the mails to me, the newest first."""
    return list_deliveries(cursors_of(call.query), actor=call.actor)


@answers(ChoiceOut)
def choice_get(call: Call) -> Told:
    """See what I am told of."""
    row = choice_of(call.actor)
    return Told(row, _version(row))


@answers(
    ChoiceOut,
    takes=ChoiceIn,
    must=True,
    example={"inbox": ["failed", "missed", "waiting"], "language": "ja"},
)
def choice_put(call: Call) -> Told:
    """Choose what stands in my inbox. Where mails go is chosen on the page, by the person who sits there."""
    call.actor.require(Permission.OWN_CHANGE, call.actor.tenant_id)
    given = call.given

    def seen(row: NoticeChoice) -> None:
        call.expect(_version(row))

    kept = notices.choose_inbox(given["inbox"], given["language"], actor=call.actor, now=call.now, seen=seen)
    return Told(kept, _version(kept))


def _version(row: NoticeChoice) -> str:
    return f"{row.changed_at.timestamp():.6f}" if row.changed_at else "none"
