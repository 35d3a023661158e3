"""Reports whose rows other pages show in another form: reviews, sessions, clocks."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from medical_audit.domain.actor import Actor
from medical_audit.domain.reports import Cell, Column, Made
from medical_audit.domain.reviews import Verdict
from medical_audit.domain.seats import End
from medical_audit.models import AccessReview, Operation, ReviewItem
from medical_audit.queries.clocks import clock_days
from medical_audit.queries.sessions import account_of

ZONE = ZoneInfo("Asia/Tokyo")


def review_rows(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """Each review of a part of the period: what was drawn, judged and found, what is done about it, who signed."""
    reviews = list(
        AccessReview.objects.filter(since__gte=since, since__lt=until).order_by("since", "begun_at")
    )
    signed = [review.operation for review in reviews if review.operation]
    said = {str(one.id): one.parameters for one in Operation.objects.filter(id__in=signed)}
    rows: list[list[Cell]] = []
    totals = Counter[str](reviews=0, drawn=0, judged=0, findings=0, signed=0)
    for review in reviews:
        verdicts = list(ReviewItem.objects.filter(review=review).values_list("verdict", flat=True))
        judged, found = sum(bool(one) for one in verdicts), verdicts.count(Verdict.FINDING)
        texts = said.get(review.operation, {})
        population = sum(int(number) for number in review.population.values())
        totals.update(
            reviews=1, drawn=len(verdicts), judged=judged, findings=found, signed=bool(review.signed_at)
        )
        rows.append(
            [
                review.name, population, len(verdicts), judged, found, str(texts.get("findings", "")),
                str(texts.get("measures", "")), review.signed_by_name, review.signed_at,
            ]
        )  # fmt: skip
    columns = (
        Column("review"), Column("population", "number"), Column("drawn", "number"), Column("judged", "number"),
        Column("findings", "number"), Column("said"), Column("measures"), Column("signed_by"),
        Column("signed_at", "moment"),
    )  # fmt: skip
    return columns, rows, dict(totals)


def session_rows(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """Each person's sessions by how they ended; beginnings and ends add up, or `faults` says how many do not."""
    found = account_of(since, until, actor=actor, now=now)
    ends = [str(end) for end in End]
    rows: list[list[Cell]] = [
        [
            one.name, one.begun, *(one.ends.get(end, 0) for end in ends), one.still_open, one.parallel, one.failed,
        ]
        for one in found.people
    ]  # fmt: skip
    columns = [
        Column("person"), Column("begun", "number"), *(Column(f"end_{end}", "number") for end in ends),
        Column("still_open", "number"), Column("parallel", "number"), Column("failed", "number"),
    ]  # fmt: skip
    totals = {
        "begun": found.begun, "ended": found.ended, "still_open": found.still_open, "failed": found.failed,
        "faults": len(found.faults), **({"purged": found.purged} if found.purged else {}),
    }  # fmt: skip
    return columns, rows, totals


def clock_rows(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """Each day's measurements: the largest differences, and how often they were over the limit or without a source."""
    days = clock_days(since, until, ZONE)
    rows: list[list[Cell]] = [
        [one.day.isoformat(), one.readings, one.machine_ms, one.database_ms, one.over, one.silent]
        for one in days
    ]
    columns = (
        Column("day"), Column("readings", "number"), Column("machine_ms", "millis"), Column("database_ms", "millis"),
        Column("over", "number"), Column("silent", "number"),
    )  # fmt: skip
    totals = {
        "days": len(days), "readings": sum(one.readings for one in days), "over": sum(one.over for one in days),
        "silent": sum(one.silent for one in days),
    }  # fmt: skip
    return columns, rows, totals
