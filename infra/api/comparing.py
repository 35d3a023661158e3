"""What an edit of a schedule would change, over the API: two revisions side by side, and every start and stop that differs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from infra.api.resources import ReasonOut
from infra.api.schedules import RevisionOut
from infra.operations import publishing
from infra.queries import schedule_pages
from infra.queries.schedule_days import DayLine, DayPair
from infra.queries.schedule_pages import ComparePage
from medical_audit.api.calls import Call, answers
from medical_audit.api.filters import of_shape
from medical_audit.domain.errors import NotFound
from medical_audit.forms import text_of
from medical_audit.forms.filters import ID

FORECAST_MOST = 5000


class ActOut(serializers.Serializer[Any]):
    """A start or stop; `suppressed`: why it is not done."""

    at = serializers.DateTimeField()
    action = serializers.CharField()
    suppressed = serializers.SerializerMethodField()

    @extend_schema_field(ReasonOut(allow_null=True))
    def get_suppressed(self, row: Any) -> dict[str, Any] | None:
        return dict(row.suppressed.as_json()) if row.suppressed else None


class DayPairOut(serializers.Serializer[DayPair]):
    """One date by both contents."""

    date = serializers.DateField()
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    differs = serializers.BooleanField()

    @extend_schema_field(ActOut(many=True))
    def get_before(self, row: DayPair) -> Any:
        return _acts(row.before)

    @extend_schema_field(ActOut(many=True))
    def get_after(self, row: DayPair) -> Any:
        return _acts(row.after)


class CompareOut(serializers.Serializer[ComparePage]):
    """Two revisions, what differs in their content, and the coming days by each."""

    before = RevisionOut()
    after = RevisionOut()
    differences = serializers.ListField(child=serializers.DictField())
    days = DayPairOut(many=True)


class ForecastOut(serializers.Serializer[Any]):
    """One start or stop of the next 14 days that a publication adds or takes away."""

    resource = serializers.UUIDField()
    name = serializers.CharField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    change = serializers.ChoiceField(choices=["added", "removed"])


@answers(
    CompareOut,
    filters=(
        of_shape("before", ID, "The id of a revision; what is in force if not said."),
        of_shape("after", ID, "The id of another; the newest other one if not said."),
    ),
)
def schedule_compare(call: Call, pk: UUID) -> ComparePage:
    """See two revisions of a schedule side by side."""
    before, after = (_id(call, name) for name in ("before", "after"))
    return schedule_pages.compare_page(pk, before, after, actor=call.actor, now=call.now)


@answers(
    ForecastOut,
    many=True,
    filters=(of_shape("revision", ID, "The id of a revision; the draft if not said."),),
)
def schedule_forecast(call: Call, pk: UUID) -> list[dict[str, Any]]:
    """List every start and stop of the next 14 days that publishing a revision would add or take away; at most 5,000."""
    listed = schedule_pages.get_schedule(pk, actor=call.actor)
    revision = _id(call, "revision") or (listed.draft.id if listed.draft else None)
    if revision is None:
        raise NotFound(type="draft", id=str(pk))
    found = publishing.differing(pk, revision, actor=call.actor, now=call.now)
    return [
        {"resource": row.id, "name": str(row), "at": at, "action": action, "change": change}
        for _, (row, change, at, action) in zip(range(FORECAST_MOST), found, strict=False)
    ]


def _acts(day: DayLine) -> Any:
    return ActOut(day.acts, many=True).data


def _id(call: Call, name: str) -> UUID | None:
    given = text_of(call.query, name)
    return UUID(given) if given else None
