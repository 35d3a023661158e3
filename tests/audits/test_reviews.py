"""The review of a period: drawn by a seal that nobody chose, judged by others than the actors, signed by somebody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError

from accounts.domain.permissions import Role
from accounts.models import User
from accounts.queries.people import actor_in
from medical_audit import clock
from medical_audit.domain.actor import Actor, system_actor
from medical_audit.domain.anomalies import Rule
from medical_audit.domain.errors import AlreadyMoved, NotPermitted, Refused
from medical_audit.domain.reviews import Standing, Verdict, draw
from medical_audit.models import AccessReview, Anomaly, Event, Operation, ReviewItem
from medical_audit.operations import entry, reviewing, watching
from medical_audit.operations.choices import moves_of
from medical_audit.queries import reviews
from medical_audit.tenancy import tenant_scope
from tests.api.test_v1 import problem, send
from tests.conftest import _as_role
from tests.factories import grant, make_cast, make_person, proof
from tests.medical_audit.sealers import SealingRoom, make_room
from tests.medical_audit.support import plant
from tests.stage import Stage, make_stage, signed_in

SEED = bytes(range(32))
TOKYO = ZoneInfo("Asia/Tokyo")


def test_the_same_seed_draws_the_same_and_another_one_does_not() -> None:
    first = draw(SEED, "t\n2026-11\npeople", 10_000, 20)
    assert first == draw(SEED, "t\n2026-11\npeople", 10_000, 20)
    assert first == sorted(set(first))
    assert len(first) == 20
    assert all(1 <= place <= 10_000 for place in first)
    assert draw(SEED, "t\n2026-10\npeople", 10_000, 20) != first
    assert draw(SEED[::-1], "t\n2026-11\npeople", 10_000, 20) != first


def test_of_few_all_are_drawn() -> None:
    assert draw(SEED, "x", 3, 20) == [1, 2, 3]
    assert draw(SEED, "x", 0, 20) == []


# -- in the portal ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def room(ledger_of_its_own: None, tmp_path: Path) -> SealingRoom:
    return make_room(tmp_path)


@pytest.fixture
def own(room: SealingRoom) -> Stage:
    """A tenant in the fresh database, in which an operator entered and an approver confirmed at once."""
    stage = make_stage(make_cast())
    confirm(stage.cast.actor(Role.APPROVER), stage.entered())
    watch(stage)
    return stage


def watch(stage: Stage) -> None:
    here = stage.cast.tenant.id
    with _as_role("scheduler"):
        watching.watch(here, actor=system_actor(here, "watch"), now=clock.now())


def confirm(actor: Actor, operation: Operation) -> Operation:
    now = clock.now()
    return entry.confirm(
        operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof(actor, now)
    )


def colleague(stage: Stage) -> tuple[User, Actor]:
    """A second auditor."""
    user = make_person("auditor2")
    grant(stage.cast.tenant.id, user, Role.AUDITOR)
    with tenant_scope(stage.cast.tenant.id):
        return user, actor_in(stage.cast.tenant, user, session="s-3", address="192.0.2.9", request="r-3")


def begun(stage: Stage, room: SealingRoom) -> AccessReview:
    """An interim review that a seal has drawn."""
    auditor = stage.cast.actor(Role.AUDITOR)
    review = reviewing.begin(None, actor=auditor, now=clock.now())
    assert review.standing == Standing.BEGUN
    room.seal()
    watch(stage)
    review, _items = reviewing.read_review(review.id, actor=auditor, now=clock.now())
    assert review.standing == Standing.DRAWN
    return review


def items(stage: Stage, review: AccessReview) -> list[ReviewItem]:
    with tenant_scope(stage.cast.tenant.id):
        return list(ReviewItem.objects.filter(review=review).order_by("event_id"))


def judge_all(stage: Stage, review: AccessReview, verdict: Verdict = Verdict.FINE, note: str = "") -> None:
    said = {row.id: (verdict, note) for row in items(stage, review)}
    reviewing.judge(review.id, said, actor=stage.cast.actor(Role.AUDITOR), now=clock.now())


def test_the_draw_is_fixed_by_the_first_seal_after_the_period_and_can_be_repeated(
    own: Stage, room: SealingRoom
) -> None:
    room.seal()
    review = begun(own, room)
    room.seal()
    assert review.seal == 2
    assert bytes.fromhex(review.seed)
    rows = items(own, review)
    assert "people" in {row.why for row in rows}
    assert {row.why for row in rows} & {"hasty", "off_hours"}
    again = draw(
        bytes.fromhex(review.seed),
        f"{own.cast.tenant.id}\n{review.name}\npeople",
        review.population["people"],
        20,
    )
    with tenant_scope(own.cast.tenant.id):
        picked = {one.event_id for one in reviews.pick("people", review.since, review.until, again)}
    assert picked <= {row.event_id for row in rows}
    with tenant_scope(own.cast.tenant.id):
        told = list(
            Event.objects.filter(subject_id=str(review.id)).order_by("ord").values_list("kind", flat=True)
        )
    assert told == ["review.begun", "review.drawn"]


def test_of_many_findings_none_is_left_out(own: Stage, room: SealingRoom) -> None:
    """More than anybody reads one by one: each rule and person stands once, with how many; the last of 201 is there too."""
    tenant_id, now = own.cast.tenant.id, clock.now()
    since = now.astimezone(TOKYO).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with _as_role("scheduler"), tenant_scope(tenant_id):
        Anomaly.objects.bulk_create(
            Anomaly(
                tenant_id=tenant_id, rule=Rule.MUCH_READ, event_id=uuid4(), at=since + timedelta(seconds=n),
                person_id="p1" if n < 200 else "p2", person_name="甲" if n < 200 else "乙", found_at=now,
            )
            for n in range(201)
        )  # fmt: skip
        known = Anomaly.objects.count()
    review = begun(own, room)
    found = [row for row in items(own, review) if row.why == Rule.MUCH_READ]
    assert {(row.actor_name, row.findings) for row in found} == {("甲", 200), ("乙", 1)}
    assert sum(row.findings for row in items(own, review)) == known
    page = own.client(Role.AUDITOR).get(own.url(f"audit/reviews/{review.id}/")).content.decode()
    assert "ほかに199件" in page
    judge_all(own, review)
    auditor = own.cast.actor(Role.AUDITOR)
    operation = reviewing.enter_sign_off(review.id, "所見なし", "", actor=auditor, now=clock.now())
    assert operation.shown["unusual"] == known


def test_a_month_is_reviewed_when_it_is_over(own: Stage) -> None:
    auditor, now = own.cast.actor(Role.AUDITOR), clock.now()
    with pytest.raises(Refused, match="month_not_over"):
        reviewing.begin(now.date().replace(day=1), actor=auditor, now=now)
    with pytest.raises(Refused, match="nothing_to_review"):
        reviewing.begin(date(2020, 1, 1), actor=auditor, now=now)
    with pytest.raises(NotPermitted):
        reviewing.begin(None, actor=own.cast.actor(Role.APPROVER), now=now)


def test_no_review_of_a_few_days_stands_in_a_month_s_place(own: Stage) -> None:
    auditor, later = own.cast.actor(Role.AUDITOR), clock.now() + timedelta(days=75)
    first = clock.now().astimezone(TOKYO).date().replace(day=1)
    refused = send(own.client(Role.AUDITOR), own.api("reviews/"), {"month": f"{first.replace(day=28)}"})
    assert (refused.status_code, problem(refused)["code"]) == (422, "bad_parameter")
    with pytest.raises(Refused, match="bad_parameter"):
        reviewing.begin(first.replace(day=28), actor=auditor, now=later)
    review = reviewing.begin(first, actor=auditor, now=later)
    assert review.since == datetime(first.year, first.month, 1, tzinfo=TOKYO)
    end = (first + timedelta(days=32)).replace(day=1)
    assert review.until == datetime(end.year, end.month, 1, tzinfo=TOKYO)
    review.since += timedelta(days=1)
    with pytest.raises(IntegrityError, match="review_of_a_whole_month"):
        plant(review, force_insert=False)


def test_nothing_is_drawn_before_the_rules_have_looked_at_all_of_the_period(
    own: Stage, room: SealingRoom
) -> None:
    auditor = own.cast.actor(Role.AUDITOR)
    hasty = confirm(own.cast.actor(Role.APPROVER), own.entered())
    review = reviewing.begin(None, actor=auditor, now=clock.now())
    room.seal()
    page = own.client(Role.AUDITOR).get(own.url(f"audit/reviews/{review.id}/"))
    assert (page.context["standing"], page.context["awaited"]) == (Standing.BEGUN, "watch")
    watch(own)
    review, found = reviewing.read_review(review.id, actor=auditor, now=clock.now())
    assert review.standing == Standing.DRAWN
    of_it = [one for one in found if one.event and one.event.operation_id == str(hasty.id)]
    assert Rule.HASTY in {anomaly.rule for one in of_it for anomaly in one.anomalies}


def test_what_is_due_is_said_and_reminded_of_once_a_week(own: Stage) -> None:
    here = own.cast.tenant.id
    later = clock.now() + timedelta(days=75)
    with tenant_scope(here):
        assert reviews.months_due(clock.now()) == []
        months = reviews.months_due(later)
    assert months
    assert months[0].overdue
    with tenant_scope(here):
        much_later = reviews.months_due(later + timedelta(days=700))
    assert much_later[0].first == months[0].first, "after two years the first one is still due"
    keeper = system_actor(here, "watch")
    with _as_role("scheduler"):
        overdue = sum(one.overdue for one in months)
        assert reviewing.remind(here, actor=keeper, now=later) == overdue
    with tenant_scope(here):
        assert Event.objects.filter(kind="review.overdue").count() == overdue


def test_nobody_judges_his_own_act_and_a_finding_says_what_was_found(own: Stage, room: SealingRoom) -> None:
    review = begun(own, room)
    approver = own.cast.people[Role.APPROVER]
    mine = next(row for row in items(own, review) if row.actor_id == str(approver.id))
    auditor = own.cast.actor(Role.AUDITOR)
    acted = replace(auditor, id=str(approver.id), name=approver.name)
    with pytest.raises(NotPermitted, match="own_act"):
        reviewing.judge(review.id, {mine.id: (Verdict.FINE, "")}, actor=acted, now=clock.now())
    with pytest.raises(Refused, match="note_missing"):
        reviewing.judge(review.id, {mine.id: (Verdict.FINDING, " ")}, actor=auditor, now=clock.now())
    assert all(not row.verdict for row in items(own, review))


def test_the_signer_neither_judged_nor_acted(own: Stage, room: SealingRoom) -> None:
    review = begun(own, room)
    auditor, now = own.cast.actor(Role.AUDITOR), clock.now()
    with pytest.raises(Refused, match="items_open"):
        reviewing.enter_sign_off(review.id, "所見なし", "", actor=auditor, now=now)
    judge_all(own, review, Verdict.FINDING, "直後に確定している")
    with pytest.raises(Refused, match="measures_missing"):
        reviewing.enter_sign_off(review.id, "確定が早い", "", actor=auditor, now=now)
    operation = reviewing.enter_sign_off(
        review.id, "確定が早い", "運用担当へ周知する", actor=auditor, now=now
    )
    with pytest.raises(AlreadyMoved):
        judge_all(own, review)
    with pytest.raises(NotPermitted, match="another_person_must_confirm"):
        confirm(auditor, operation)
    concerned = replace(auditor, id=str(own.cast.people[Role.APPROVER].id))
    with pytest.raises(NotPermitted, match="signer_concerned"):
        confirm(concerned, operation)
    _user, second = colleague(own)
    signed = confirm(second, operation)
    with tenant_scope(own.cast.tenant.id):
        review = AccessReview.objects.get(id=review.id)
    assert (signed.state, review.standing, review.signed_by_name) == (
        "SUCCEEDED",
        Standing.SIGNED,
        "auditor2",
    )


def test_who_judged_one_event_only_cannot_sign_either(own: Stage, room: SealingRoom) -> None:
    review = begun(own, room)
    _user, second = colleague(own)
    first = items(own, review)[0]
    reviewing.judge(review.id, {first.id: (Verdict.FINE, "")}, actor=second, now=clock.now())
    rest = {row.id: (Verdict.FINE, "") for row in items(own, review)[1:]}
    auditor = own.cast.actor(Role.AUDITOR)
    reviewing.judge(review.id, rest, actor=auditor, now=clock.now())
    operation = reviewing.enter_sign_off(review.id, "所見なし", "", actor=auditor, now=clock.now())
    with pytest.raises(NotPermitted, match="signer_judged"):
        confirm(second, operation)


def test_a_report_that_is_sent_back_leads_back_to_the_events(own: Stage, room: SealingRoom) -> None:
    review = begun(own, room)
    judge_all(own, review)
    auditor = own.cast.actor(Role.AUDITOR)
    operation = reviewing.enter_sign_off(review.id, "所見なし", "", actor=auditor, now=clock.now())
    user, _second = colleague(own)
    client = signed_in(user)
    back = client.post(
        own.url(f"operations/{operation.id}/reject/"), {"reason": "夜間の分を見直してください"}
    )
    assert back.status_code == 302
    judge_all(own, review, Verdict.FINDING, "夜間の分")
    with tenant_scope(own.cast.tenant.id):
        assert reviews.standing_of(AccessReview.objects.get(id=review.id)) == Standing.DRAWN


def test_whom_the_review_concerns_does_not_send_it_back_either(own: Stage, room: SealingRoom) -> None:
    """He could hinder for ever what is found of his own acts."""
    review = begun(own, room)
    judge_all(own, review)
    auditor, now = own.cast.actor(Role.AUDITOR), clock.now()
    operation = reviewing.enter_sign_off(review.id, "所見なし", "", actor=auditor, now=now)
    concerned = replace(auditor, id=str(own.cast.people[Role.APPROVER].id))
    with pytest.raises(NotPermitted, match="signer_concerned"):
        entry.reject(operation.id, actor=concerned, now=now, reason="もう一度")
    _user, second = colleague(own)
    with tenant_scope(own.cast.tenant.id):
        assert not moves_of(operation, actor=concerned, now=now).reject
        assert moves_of(operation, actor=second, now=now).reject


def test_judgements_changed_behind_the_signer_s_back_are_not_signed(own: Stage, room: SealingRoom) -> None:
    review = begun(own, room)
    judge_all(own, review)
    auditor = own.cast.actor(Role.AUDITOR)
    operation = reviewing.enter_sign_off(review.id, "所見なし", "", actor=auditor, now=clock.now())
    row = items(own, review)[0]
    row.verdict, row.note = "finding", "あとから"
    with pytest.raises(IntegrityError, match="without an event"), tenant_scope(own.cast.tenant.id):
        row.save()
    plant(row, force_insert=False)
    user, _second = colleague(own)
    page = signed_in(user).post(
        own.url(f"operations/{operation.id}/confirm/"),
        {"digest": operation.digest, "password": "correct-horse-battery-7"},
    )
    assert page.status_code == 409


def test_the_whole_way_in_the_browser_s_forms(own: Stage, room: SealingRoom) -> None:
    client = own.client(Role.AUDITOR)
    began = client.post(own.url("audit/reviews/begin/"), {"month": "now"})
    url = began["Location"]
    assert "次の封印" in client.get(url).content.decode()
    room.seal()
    watch(own)
    page = client.get(url)
    rows = [line["item"].row for line in page.context["lines"]]
    assert rows
    assert "直後の確定" not in page.content.decode()
    assert "読まずに確定" in page.content.decode()
    lacking = client.post(f"{url}judge/", {f"verdict_{row.id}": "finding" for row in rows})
    assert lacking.status_code == 422
    assert "checked" in lacking.content.decode()
    assert client.post(f"{url}judge/", {f"verdict_{row.id}": "fine" for row in rows}).status_code == 302
    assert client.post(f"{url}sign/", {"findings": ""}).status_code == 422
    reported = client.post(f"{url}sign/", {"findings": "所見なし"})
    user, _second = colleague(own)
    other = signed_in(user)
    sheet = other.get(reported["Location"]).content.decode()
    assert "判定の SHA-256" in sheet
    with tenant_scope(own.cast.tenant.id):
        operation = Operation.objects.get(kind="review.sign")
    confirmed = other.post(
        f"{reported['Location']}confirm/", {"digest": operation.digest, "password": "correct-horse-battery-7"}
    )
    assert confirmed.status_code == 302
    assert "承認済み" in other.get(url).content.decode()


def test_the_first_view_asks_the_four_questions(own: Stage) -> None:
    page = own.client(Role.AUDITOR).get(own.url("audit/")).content.decode()
    assert "承認待ちのものはありません" in page
    assert "普段と違うことは何か" in page
