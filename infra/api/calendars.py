"""The calendar over the API: what kind of day each one is, and changes of the company's own days."""

from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.api.resources import ReasonOut
from infra.operations import calendars
from infra.queries.calendar_page import Day, calendar_page
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.filters import of_shape
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.forms import text_of
from medical_audit.forms.filters import MONTH, month_bounds

ZONE = ZoneInfo("Asia/Tokyo")


class DayOut(serializers.Serializer[Any]):
    """`reason`: why it is, or is no, working day; `extra`: the name of an extra working day, or empty."""

    date = serializers.DateField()
    reason = serializers.SerializerMethodField()
    extra = serializers.CharField()

    @extend_schema_field(ReasonOut)
    def get_reason(self, row: Day) -> dict[str, Any]:
        return dict(row.reason.as_json())


class CalendarChangeIn(ReasonIn):
    """Dates are MM-DD for a yearly closure, YYYY-MM-DD for one day (`first` only)."""

    what = serializers.ChoiceField(choices=["closure", "closed", "extra", "remove"])
    first = serializers.CharField(max_length=10)
    last = serializers.CharField(max_length=10, default="", allow_blank=True)
    name = serializers.CharField(max_length=100, default="", allow_blank=True)


@answers(DayOut, many=True, filters=(of_shape("month", MONTH, "`2026-12`; this month if not said."),))
def calendar_days(call: Call) -> list[Day]:
    """List the days of a month, whole weeks."""
    begin, _end = month_bounds(text_of(call.query, "month"), ZONE)
    first = (begin or call.now.astimezone(ZONE)).date().replace(day=1)
    page = calendar_page(first, None, ZONE, actor=call.actor, now=call.now, after=None)
    return [day for week in page.weeks for day in week]


@answers(
    OperationOut,
    takes=CalendarChangeIn,
    status=201,
    example={"what": "closed", "first": "2026-12-28", "name": "年末休業", "reason": "院長決定"},
)
def calendar_change(call: Call) -> Told:
    """Enter a change of the company's days; another person confirms it."""
    call.actor.require(Permission.CALENDAR_EDIT, call.actor.tenant_id)
    given = dict(call.given)
    reason = given.pop("reason")
    entered = calendars.enter_change(given, actor=call.actor, now=call.now, reason=reason)
    return Told(entered, version_of(entered))
