"""Lists of national holidays over the API: which came in, what became of them, from where they are fetched."""

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.domain.holiday_files import ListSource
from infra.models import HolidayFeed, HolidayList
from infra.operations import holiday_lists
from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound
from medical_audit.forms import cursors_of
from medical_audit.queries.paging import Page, page_of

TEXT_MAX = 500_000
FED = (ListSource.CABINET, ListSource.ICAL)


class ListOut(serializers.Serializer[HolidayList]):
    """`days`: name by date; `problem`: why it was refused or waits."""

    id = serializers.UUIDField()
    source = serializers.CharField()  # type: ignore[assignment]
    url = serializers.CharField()
    state = serializers.SerializerMethodField()
    days = serializers.DictField(child=serializers.CharField())
    problem = serializers.CharField()
    detail = serializers.DictField()
    received_at = serializers.DateTimeField()
    received_by = serializers.CharField(source="received_by_name")
    decided_at = serializers.DateTimeField(allow_null=True)
    operation = serializers.CharField()

    @extend_schema_field(serializers.CharField())
    def get_state(self, row: HolidayList) -> str:
        return str(row.state)


class ListIn(serializers.Serializer[Any]):
    source = serializers.ChoiceField(choices=[str(one) for one in ListSource])  # type: ignore[assignment]
    text = serializers.CharField(
        max_length=TEXT_MAX, trim_whitespace=False, help_text="The file's content: the Cabinet Office's CSV, or iCalendar."
    )  # fmt: skip


class FeedOut(serializers.Serializer[HolidayFeed]):
    id = serializers.UUIDField()
    source = serializers.CharField()  # type: ignore[assignment]
    url = serializers.CharField()
    next_at = serializers.DateTimeField()
    tried_at = serializers.DateTimeField(allow_null=True)
    succeeded_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField()
    detail = serializers.CharField()


class FeedIn(serializers.Serializer[Any]):
    source = serializers.ChoiceField(choices=[str(one) for one in FED])  # type: ignore[assignment]
    url = serializers.CharField(
        max_length=500, default="", allow_blank=True, help_text="Empty: it is fetched no more."
    )


@answers(ListOut, paged=True)
def holiday_list_list(call: Call) -> Page:
    """List the lists that came in, the newest first."""
    call.actor.require(Permission.RESOURCE_VIEW, call.actor.tenant_id)
    rows = HolidayList.objects.all()
    return page_of(rows, ("received_at", "id"), cursors_of(call.query), descending=True)


@answers(ListOut, takes=ListIn, status=201)
def holiday_list_send(call: Call) -> HolidayList:
    """Send a list; it is judged at once, and one that is odd waits for two people."""
    call.actor.require(Permission.CALENDAR_EDIT, call.actor.tenant_id)
    given = call.given
    return holiday_lists.receive_list(
        given["text"].encode("utf-8"), ListSource(given["source"]), actor=call.actor, now=call.now
    )


@answers(OperationOut, takes=ReasonIn, status=201)
def holiday_list_adopt(call: Call, pk: UUID) -> Told:
    """Enter that a waiting list is taken over after all; another person confirms it."""
    _known(call, pk)
    entered = holiday_lists.enter_adopt(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


@answers(ListOut, takes=ReasonIn)
def holiday_list_turn_down(call: Call, pk: UUID) -> HolidayList:
    """Say that a waiting list is not taken over."""
    _known(call, pk)
    holiday_lists.turn_down(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    row: HolidayList = HolidayList.objects.get(id=pk)
    return row


@answers(FeedOut, many=True)
def holiday_feed_list(call: Call) -> Told:
    """List the addresses from which lists are fetched every month; the version of the list is what a change names."""
    call.actor.require(Permission.RESOURCE_VIEW, call.actor.tenant_id)
    return _feeds()


def _feeds() -> Told:
    """What a look at a feed changes of it is no other version."""
    rows = list(HolidayFeed.objects.order_by("source"))
    return Told(rows, version_from(*((one.source, one.url) for one in rows)))


@answers(FeedOut, many=True, takes=FeedIn, must=True)
def holiday_feed_set(call: Call) -> Told:
    """Say from which address a source's list is fetched."""
    call.actor.require(Permission.CALENDAR_EDIT, call.actor.tenant_id)
    given, read = call.given, _feeds()
    call.expect(read.version)
    source = ListSource(given["source"])
    seen = next((one.url for one in read.thing if one.source == source), "")
    holiday_lists.set_feed(
        source, given["url"], actor=call.actor, now=call.now, local=settings.LOCAL, seen=seen
    )
    return _feeds()


@answers(FeedOut)
def holiday_feed_fetch(call: Call, pk: UUID) -> HolidayFeed:
    """Fetch the list of one source now; `problem` says why that failed, and then the last good list stays in force."""
    if not HolidayFeed.objects.filter(id=pk).exists():
        raise NotFound(type="feed", id=str(pk))
    call.actor.require(Permission.CALENDAR_EDIT, call.actor.tenant_id)
    holiday_lists.refresh(pk, actor=call.actor, now=call.now, asked=True, local=settings.LOCAL)
    row: HolidayFeed = HolidayFeed.objects.get(id=pk)
    return row


def _known(call: Call, pk: UUID) -> None:
    if not HolidayList.objects.filter(id=pk).exists():
        raise NotFound(type="holiday_list")
    call.actor.require(Permission.CALENDAR_EDIT, call.actor.tenant_id)
