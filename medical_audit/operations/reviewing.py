"""The review of a period's ledger: begun by a person, drawn by a seal, judged item by item, signed by somebody else."""

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import digest, utc_text
from medical_audit.domain.errors import AlreadyMoved, NotFound, NotPermitted, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.people import directory
from medical_audit.domain.reviews import Standing, Verdict, draw, month_name, standing_for
from medical_audit.domain.rights import REVIEW
from medical_audit.models import AccessReview, Anomaly, Event, Operation, ReviewItem
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.queries import reviews
from medical_audit.queries.anomalies import limits_here
from medical_audit.tenancy import tenant_scope

KIND = "review.sign"
ZONE = ZoneInfo("Asia/Tokyo")
REMIND_EVERY = timedelta(days=7)
NOTE_MAX = 500


def begin(first: date | None, *, actor: Actor, now: datetime) -> AccessReview:
    """Begin the review of the month that begins on `first`, or (None) of the present month up to now.

    Of an interim review the draw is fixed by a seal that is still to come. Beginning twice is beginning once.
    Raises NotPermitted, Refused (bad_parameter, month_not_over, nothing_to_review).
    """
    actor.require(REVIEW, actor.tenant_id)
    interim = first is None
    begins = first or now.astimezone(ZONE).date().replace(day=1)
    if begins.day != 1:
        raise Refused("bad_parameter", name="month", allowed=f"{begins.replace(day=1)}")
    since = datetime(begins.year, begins.month, begins.day, tzinfo=ZONE)
    end = (begins + timedelta(days=32)).replace(day=1)
    until = now if interim else datetime(end.year, end.month, end.day, tzinfo=ZONE)
    if until > now:
        raise Refused("month_not_over")
    name = f"{now.astimezone(ZONE):%Y-%m-%d %H:%M:%S}" if interim else month_name(begins)
    with tenant_scope(actor.tenant_id):
        began = reviews.begun_at()
        if began is None or until <= began:
            raise Refused("nothing_to_review")
        row = AccessReview(
            id=uuid.uuid4(), tenant_id=actor.tenant_id, name=name, interim=interim, since=since, until=until, begun_at=now,
            begun_by_id=actor.id, begun_by_name=actor.name,
        )  # fmt: skip
        AccessReview.objects.bulk_create([row], ignore_conflicts=True)
        found: AccessReview = AccessReview.objects.get(name=name)
        if found.id == row.id:
            _tell("review.begun", found, actor, now, since=utc_text(since), until=utc_text(until))
        return _draw(found, actor=actor, now=now)


def read_review(review_id: UUID, *, actor: Actor, now: datetime) -> tuple[AccessReview, list[reviews.Item]]:
    """A review and its items; drawn now, if it waits for nothing any more. Raises NotPermitted, NotFound."""
    with tenant_scope(actor.tenant_id):
        review = reviews.get_review(review_id, actor=actor)
        if review.drawn_at is None and actor.may(REVIEW, actor.tenant_id):
            review = _draw(review, actor=actor, now=now)
        detail: dict[str, object] = {"page": "review", "review": review.name}
        subject = Subject("tenant", str(actor.tenant_id))
        record("ledger.viewed", actor=actor, subject=subject, now=now, detail=detail)
        return review, reviews.items_of(review, actor=actor)


def _draw(review: AccessReview, *, actor: Actor, now: datetime) -> AccessReview:
    row: AccessReview = AccessReview.objects.select_for_update().get(id=review.id)
    seal = reviews.seal_after(row.until)
    if row.drawn_at is not None or seal is None or reviews.unwatched(row.until):
        return row
    limits, items = limits_here(), dict[UUID, ReviewItem]()
    found = list(Anomaly.objects.filter(at__gte=row.since, at__lt=row.until).order_by("at", "id"))
    for anomaly, number in standing_for(found, lambda one: (one.rule, one.person_id)):
        new = _item(row, anomaly.event_id, anomaly.rule, anomaly.person_id, anomaly.person_name)
        items.setdefault(anomaly.event_id, new).findings += number
    for group, name in (("people", "sample_people"), ("clock", "sample_clock")):
        number = reviews.population(group, row.since, row.until)
        row.population[group] = number
        places = draw(seal.hash, f"{row.tenant_id}\n{row.name}\n{group}", number, limits[name])
        for one in reviews.pick(group, row.since, row.until, places):
            items.setdefault(one.event_id, _item(row, one.event_id, group, one.actor_id, one.actor_name))
    ReviewItem.objects.bulk_create(items.values())
    row.seal, row.seed, row.drawn_at = seal.number, seal.hash.hex(), now
    row.save()
    _tell(
        "review.drawn", row, actor, now, seal=seal.number, seed=row.seed, items=len(items),
        population=sum(row.population.values()),
    )  # fmt: skip
    return row


def _item(review: AccessReview, event_id: UUID, why: str, actor_id: str, name: str) -> ReviewItem:
    return ReviewItem(
        id=uuid.uuid4(), tenant_id=review.tenant_id, review=review, event_id=event_id, why=why, actor_id=actor_id,
        actor_name=name[:200],
    )  # fmt: skip


def judge(
    review_id: UUID, verdicts: Mapping[UUID, tuple[Verdict, str]], *, actor: Actor, now: datetime
) -> AccessReview:
    """Keep what the actor says of items (verdict and note); the last word on an item stands, all words are in the ledger.

    Raises NotPermitted (own_act), NotFound, AlreadyMoved, Refused (note_missing, reason_too_long).
    """
    actor.require(REVIEW, actor.tenant_id)
    actor.require_somebody()
    with tenant_scope(actor.tenant_id):
        review = _locked(review_id, Standing.DRAWN)
        rows = {row.id: row for row in ReviewItem.objects.filter(review=review, id__in=list(verdicts))}
        mine = reviews.own_acts(actor, [row.actor_id for row in rows.values()])
        changed = []
        for item_id, (verdict, note) in verdicts.items():
            row = rows.get(item_id)
            if row is None:
                raise NotFound(type="review_item")
            if (row.verdict, row.note) == (verdict, note.strip()):
                continue
            if row.actor_id in mine:
                raise NotPermitted("own_act")
            if verdict == Verdict.FINDING and not note.strip():
                raise Refused("note_missing")
            if len(note) > NOTE_MAX:
                raise Refused("reason_too_long")
            row.verdict, row.note = verdict, note.strip()
            row.judged_by_id, row.judged_by_name, row.judged_at = actor.id, actor.name, now
            changed.append(row)
        if changed:
            fields = ["verdict", "note", "judged_by_id", "judged_by_name", "judged_at"]
            ReviewItem.objects.bulk_update(changed, fields)
            said = [{"event": str(row.event_id), "verdict": row.verdict, "note": row.note} for row in changed]
            _tell("review.judged", review, actor, now, items=len(changed), said=said)
    return review


def enter_sign_off(
    review_id: UUID, findings: str, measures: str, *, actor: Actor, now: datetime
) -> Operation:
    """Report the review; a person who judged nothing and did none of it signs.

    Raises NotPermitted, NotFound, AlreadyMoved, Refused (items_open, findings_missing, measures_missing).
    """
    actor.require(REVIEW, actor.tenant_id)
    actor.require_somebody()
    with tenant_scope(actor.tenant_id):
        review = _locked(review_id, Standing.DRAWN)
        rows = _items(review)
        counts = Counter(row.verdict for row in rows)
        if counts[Verdict.OPEN]:
            raise Refused("items_open", count=counts[Verdict.OPEN])
        if not findings.strip():
            raise Refused("findings_missing")
        if counts[Verdict.FINDING] and not measures.strip():
            raise Refused("measures_missing")
        parameters = {
            "review": review.name, "since": utc_text(review.since), "until": utc_text(review.until), "drawn": len(rows), "remarked": counts[Verdict.FINDING],
            "unusual": sum(row.findings for row in rows),
            "population": sum(review.population.values()), "findings": findings.strip(), "measures": measures.strip(),
            "seal": review.seal, "seed": review.seed, "items": _digest(rows),
        }  # fmt: skip
        target = OperationTarget("review", str(review.id), review.name)
        operation = entry.enter(
            KIND, target, parameters, actor=actor, now=now, reason=findings.strip()[:NOTE_MAX]
        )
        review.operation = str(operation.id)
        review.save(update_fields=["operation"])
    return operation


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Signed: exactly the judgements that the signer was shown."""
    review: AccessReview = AccessReview.objects.select_for_update().get(id=operation.target_id)
    if review.operation != str(operation.id) or _digest(_items(review)) != operation.parameters["items"]:
        raise StaleContent(id=str(operation.id))
    review.signed_at, review.signed_by_name = now, operation.confirmed_by_name
    review.save(update_fields=["signed_at", "signed_by_name"])
    return {}


def refusal_to_sign(operation: Operation, person_id: str) -> str | None:
    """A signer neither judged nor did anything of what was reviewed, himself or by an account that is nobody's own."""
    rows = ReviewItem.objects.filter(review=operation.target_id)
    if rows.filter(judged_by_id=person_id).exists():
        return "signer_judged"
    who = set(rows.values_list("actor_id", flat=True))
    by_others = directory().in_hands_of(operation.tenant_id, person_id, who)
    return "signer_concerned" if person_id in who or by_others else None


def remind(tenant_id: UUID, *, actor: Actor, now: datetime) -> int:
    """Record for each month whose review is overdue that it is, once a week until it is signed."""
    told = 0
    with tenant_scope(tenant_id):
        for month in reviews.months_due(now):
            subject = Subject("review_month", month.name, month.name)
            lately = Event.objects.filter(
                subject_type="review_month", subject_id=month.name, event_at__gte=now - REMIND_EVERY
            )
            if month.overdue and not lately.exists():
                detail: dict[str, object] = {"due": utc_text(month.due)}
                record(
                    "review.overdue", actor=actor, subject=subject, now=now, outcome="failed", detail=detail
                )
                told += 1
    return told


def _locked(review_id: UUID, standing: Standing) -> AccessReview:
    row: AccessReview | None = AccessReview.objects.select_for_update().filter(id=review_id).first()
    if row is None:
        raise NotFound(type="review", id=str(review_id))
    if reviews.standing_of(row) != standing:
        raise AlreadyMoved(state=reviews.standing_of(row))
    return row


def _items(review: AccessReview) -> list[ReviewItem]:
    return list(ReviewItem.objects.filter(review=review).order_by("event_id"))


def _digest(rows: list[ReviewItem]) -> str:
    return digest(
        [[str(row.event_id), row.why, row.findings, row.verdict, row.note, row.judged_by_id] for row in rows]
    )


def _tell(kind: str, review: AccessReview, actor: Actor, now: datetime, **detail: object) -> None:
    record(kind, actor=actor, subject=Subject("review", str(review.id), review.name), now=now, detail=detail)
