"""Emergencies, reviews and what is unusual over the API, as on the auditor's pages; reading them is itself recorded."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.filters import listed, of_shape
from medical_audit.api.operations import OperationOut, PersonOut, ReasonIn, version_of
from medical_audit.domain.emergencies import LONGEST, SHORTEST
from medical_audit.domain.reviews import DRAWN_MOST, Verdict
from medical_audit.domain.rights import EMERGENCY_ASK, OPERATION_VIEW, POLICY_EDIT, REVIEW
from medical_audit.forms import REASON_MAX, anomaly_filter, cursors_of, text_of
from medical_audit.forms.filters import ANOMALIES, month_bounds
from medical_audit.forms.filters import MONTH as A_MONTH
from medical_audit.models import AccessReview, Anomaly, Emergency
from medical_audit.operations import emergencies, reviewing, watching
from medical_audit.operations.auditing import note_view
from medical_audit.queries import anomalies, reviews
from medical_audit.queries import emergencies as opened
from medical_audit.queries.paging import Page

ZONE = ZoneInfo("Asia/Tokyo")
MONTH = of_shape("month", A_MONTH, "`2026-11`, in Japan's time; this month if not said.")


def month_of(call: Call) -> tuple[datetime, datetime]:
    """The first instants of the month asked for and of the next one; of the present one where none is."""
    since, until = month_bounds(text_of(call.query, "month"), ZONE)
    if since is None or until is None:
        since, until = month_bounds(f"{call.now.astimezone(ZONE):%Y-%m}", ZONE)
    assert since is not None
    assert until is not None
    return since.astimezone(UTC), until.astimezone(UTC)


class EmergencyOut(serializers.Serializer[Emergency]):
    """An emergency right; open while `closed_at` is null and `closes_at` lies ahead."""

    id = serializers.UUIDField()
    person = serializers.SerializerMethodField()
    reason = serializers.CharField()
    asked_by = serializers.CharField(source="asked_by_name")
    opened_by = serializers.SerializerMethodField()
    opened_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closing = serializers.CharField()
    operation = serializers.CharField()
    review_operation = serializers.CharField()
    reviewed_at = serializers.DateTimeField(allow_null=True)
    reviewed_by = serializers.CharField(source="reviewed_by_name")
    verdict = serializers.CharField()

    @extend_schema_field(PersonOut)
    def get_person(self, row: Emergency) -> dict[str, str]:
        return {"id": row.person_id, "name": row.person_name}

    @extend_schema_field(PersonOut)
    def get_opened_by(self, row: Emergency) -> dict[str, str]:
        return {"id": row.opened_by_id, "name": row.opened_by_name}


class EmergencyIn(ReasonIn):
    """`person`: the id of whom it is for; oneself if not said."""

    minutes = serializers.IntegerField(min_value=SHORTEST, max_value=LONGEST)
    person = serializers.CharField(max_length=64, default="", allow_blank=True)


class VerdictIn(serializers.Serializer[Any]):
    verdict = serializers.CharField(max_length=REASON_MAX)


class AnomalyOut(serializers.Serializer[Anomaly]):
    """What a rule found at an event; `figures`: what it counted."""

    id = serializers.UUIDField()
    rule = serializers.CharField()
    event = serializers.UUIDField(source="event_id")
    at = serializers.DateTimeField()
    person = serializers.SerializerMethodField()
    figures = serializers.DictField()
    found_at = serializers.DateTimeField()

    @extend_schema_field(PersonOut)
    def get_person(self, row: Anomaly) -> dict[str, str]:
        return {"id": row.person_id, "name": row.person_name}


class LimitsOut(serializers.Serializer[Any]):
    limits = serializers.DictField(child=serializers.IntegerField())


class LimitsIn(ReasonIn):
    limits = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=1_000_000))


class ReviewOut(serializers.Serializer[AccessReview]):
    """`standing`: begun, drawn, waiting for its signature, or signed. `seal`: the one that fixed the draw."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    interim = serializers.BooleanField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    begun_at = serializers.DateTimeField()
    begun_by = serializers.CharField(source="begun_by_name")
    seal = serializers.IntegerField(allow_null=True)
    drawn_at = serializers.DateTimeField(allow_null=True)
    operation = serializers.CharField()
    signed_at = serializers.DateTimeField(allow_null=True)
    signed_by = serializers.CharField(source="signed_by_name")
    standing = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField())
    def get_standing(self, row: AccessReview) -> str:
        return str(reviews.standing_of(row))


class ItemOut(serializers.Serializer[reviews.Item]):
    """One event under review. `findings`: for how many of that rule and person it stands. `own`: I did it myself, so I may not judge it."""

    id = serializers.UUIDField(source="row.id")
    event = serializers.UUIDField(source="row.event_id")
    why = serializers.CharField(source="row.why")
    findings = serializers.IntegerField(source="row.findings")
    actor = serializers.CharField(source="row.actor_name")
    verdict = serializers.CharField(source="row.verdict")
    note = serializers.CharField(source="row.note")
    judged_by = serializers.CharField(source="row.judged_by_name")
    judged_at = serializers.DateTimeField(source="row.judged_at", allow_null=True)
    body = serializers.SerializerMethodField()
    own = serializers.BooleanField()

    @extend_schema_field(serializers.CharField())
    def get_body(self, row: reviews.Item) -> str:
        return row.event.body if row.event else ""


class BeginIn(serializers.Serializer[Any]):
    month = serializers.DateField(
        allow_null=True,
        help_text="The first day of the month; null: the present one up to now.",
    )


class JudgementIn(serializers.Serializer[Any]):
    item = serializers.UUIDField()
    verdict = serializers.ChoiceField(choices=[str(Verdict.FINE), str(Verdict.FINDING)])
    note = serializers.CharField(max_length=500, default="", allow_blank=True)


class JudgeIn(serializers.Serializer[Any]):
    items = JudgementIn(many=True, max_length=DRAWN_MOST * 2)  # type: ignore[call-arg]


class SignOffIn(serializers.Serializer[Any]):
    findings = serializers.CharField(max_length=REASON_MAX)
    measures = serializers.CharField(max_length=REASON_MAX, default="", allow_blank=True)


@answers(EmergencyOut, paged=True)
def emergency_list(call: Call) -> Page:
    """List emergency rights, the newest first."""
    return opened.list_emergencies(cursors_of(call.query), actor=call.actor)


@answers(EmergencyOut)
def emergency_get(call: Call, pk: UUID) -> Emergency:
    """Get one emergency right."""
    return opened.get_emergency(pk, actor=call.actor)


@answers(
    OperationOut, takes=EmergencyIn, status=201, example={"minutes": 60, "reason": "夜間障害の復旧のため"}
)
def emergency_ask(call: Call) -> Told:
    """Ask for the emergency right; another person opens it by confirming."""
    call.actor.require(EMERGENCY_ASK, call.actor.tenant_id)
    given = call.given
    entered = emergencies.enter_open(
        given["person"] or call.actor.id, given["minutes"], actor=call.actor, now=call.now, reason=given["reason"]
    )  # fmt: skip
    return Told(entered, version_of(entered))


@answers(EmergencyOut)
def emergency_close(call: Call, pk: UUID) -> Emergency:
    """Give an emergency right back before its time."""
    opened.get_emergency(pk, actor=call.actor)
    return emergencies.close(pk, actor=call.actor, now=call.now)


@answers(OperationOut, takes=VerdictIn, status=201, example={"verdict": "手順どおりの復旧作業でした。"})
def emergency_review(call: Call, pk: UUID) -> Told:
    """Enter what the review of an emergency right found; another person confirms it."""
    opened.get_emergency(pk, actor=call.actor)
    call.actor.require(REVIEW, call.actor.tenant_id)
    entered = emergencies.enter_review(pk, call.given["verdict"], actor=call.actor, now=call.now)
    return Told(entered, version_of(entered))


@answers(
    AnomalyOut,
    paged=True,
    filters=listed(
        ANOMALIES,
        month="`2026-11`, in Japan's time; this month if not said.",
        rule="A rule's name.",
        person="The id of a person.",
    ),
)
def anomaly_list(call: Call) -> Page:
    """List what the rules found unusual in one month, the newest first."""
    since, until = month_of(call)
    note_view("anomalies", since, until, actor=call.actor, now=call.now)
    return anomalies.list_anomalies(
        anomaly_filter(call.query), since, until, cursors_of(call.query), actor=call.actor
    )


@answers(LimitsOut)
def anomaly_limits_get(call: Call) -> Told:
    """See the thresholds of what is unusual; their version is what a change names."""
    call.actor.require(OPERATION_VIEW, call.actor.tenant_id)
    held = anomalies.limits_here()
    return Told({"limits": held}, version_from(sorted(held.items())))


@answers(OperationOut, takes=LimitsIn, status=201, must=True)
def anomaly_limits_enter(call: Call) -> Told:
    """Enter other thresholds; those that are not named stay. Another person confirms it."""
    call.actor.require(POLICY_EDIT, call.actor.tenant_id)
    given = call.given
    held = anomalies.limits_here()
    call.expect(version_from(sorted(held.items())))
    wanted = held | given["limits"]
    entered = watching.enter_rules(wanted, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


@answers(ReviewOut, paged=True)
def review_list(call: Call) -> Page:
    """List the reviews of the ledger, the newest first."""
    since, until = month_of(call)
    note_view("reviews", since, until, actor=call.actor, now=call.now)
    return reviews.list_reviews(cursors_of(call.query), actor=call.actor)


@answers(ReviewOut, takes=BeginIn, status=201, example={"month": "2026-10-01"})
def review_begin(call: Call) -> AccessReview:
    """Begin the review of a month; beginning twice is beginning once."""
    call.actor.require(REVIEW, call.actor.tenant_id)
    return reviewing.begin(call.given["month"], actor=call.actor, now=call.now)


@answers(ReviewOut)
def review_get(call: Call, pk: UUID) -> AccessReview:
    """Get one review."""
    return reviews.get_review(pk, actor=call.actor)


@answers(ItemOut, many=True)
def review_items(call: Call, pk: UUID) -> list[reviews.Item]:
    """List the events of a review, what was found unusual first; drawn now, if the seal that fixes the draw has come and the rules have looked
    at all of the period."""
    reviews.get_review(pk, actor=call.actor)
    _review, items = reviewing.read_review(pk, actor=call.actor, now=call.now)
    return items


@answers(ReviewOut, takes=JudgeIn)
def review_judge(call: Call, pk: UUID) -> AccessReview:
    """Say what one thinks of events; the last word on each stands, all words are in the ledger."""
    reviews.get_review(pk, actor=call.actor)
    call.actor.require(REVIEW, call.actor.tenant_id)
    verdicts = {one["item"]: (Verdict(one["verdict"]), one["note"]) for one in call.given["items"]}
    return reviewing.judge(pk, verdicts, actor=call.actor, now=call.now)


@answers(OperationOut, takes=SignOffIn, status=201)
def review_sign_off(call: Call, pk: UUID) -> Told:
    """Report a review; a person who judged nothing signs it by confirming."""
    reviews.get_review(pk, actor=call.actor)
    call.actor.require(REVIEW, call.actor.tenant_id)
    given = call.given
    entered = reviewing.enter_sign_off(
        pk, given["findings"], given["measures"], actor=call.actor, now=call.now
    )
    return Told(entered, version_of(entered))
