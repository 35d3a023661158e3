"""What else may become tickets: what is left over, reviews that are due, deletions; one each or one for all of a project."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.domain.permissions import Role
from medical_audit.domain.errors import Refused
from redmine_sync.domain.topics import CHOSEN, TOPICS, read_choice
from redmine_sync.models import Ticket, TicketState
from redmine_sync.operations import ruling
from tests.redmine.conftest import People
from tests.redmine.shop import REASON, Shop

CLOSED, NEW = 5, 1


def lies(shop: Shop, *names: str, project: str = "電子カルテ") -> None:
    for name in names:
        shop.finds(
            "volume.left_over", name, volume=f"vol-{name}", account_id="111122223333", region="ap-northeast-1", gib=100,
            type="gp3", since="2026-11-01T00:00:00Z", served="ehr-web-01", project=project, days=14,
        )  # fmt: skip


def by_name(shop: Shop) -> list[Ticket]:
    return sorted(shop.tickets(), key=lambda ticket: ticket.target_name)


def test_every_topic_has_a_code_that_fits_and_a_choice_is_read_strictly() -> None:
    assert all(code == topic.code and len(code) <= 10 for code, topic in TOPICS.items())
    assert read_choice({"volume": "digest", "review": "each", "deletion": ""}) == {
        "review": "each",
        "volume": "digest",
    }
    assert [
        read_choice(wrong) for wrong in ({"review": "digest"}, {"failure": "each"}, {"x": "each"}, {"volume": "x"})
    ] == [None] * 4  # fmt: skip
    assert {one.code for one in CHOSEN} == {"volume", "review", "deletion", "restore", "rotation"}


def test_each_left_over_volume_is_a_ticket_until_it_is_not(shop: Shop, people: People) -> None:
    shop.connect()
    shop.rule(topics={"volume": "each"})
    lies(shop, "data-1", "data-2")
    shop.serve()
    first, second = by_name(shop)
    issue = people.look(first.issue or 0)
    assert issue["subject"] == "[Toban] 残置ボリューム data-1"
    assert "vol-data-1" in issue["description"]
    assert "100 GiB gp3" in issue["description"]
    assert "ehr-web-01" in issue["description"]
    shop.finds("volume.taken_up", "data-1", volume="vol-data-1", gone=True, project="電子カルテ")
    shop.serve(minutes=1)
    assert [one.state for one in by_name(shop)] == [TicketState.CLOSED, TicketState.OPEN]
    assert people.look(first.issue or 0)["status"] == CLOSED
    assert second.project == "電子カルテ"


def test_one_ticket_for_all_tells_what_came_and_went_and_closes_when_nothing_is_left(
    shop: Shop, people: People
) -> None:
    shop.connect()
    shop.rule(topics={"volume": "digest"})
    lies(shop, *(f"data-{number:02}" for number in range(12)))
    lies(shop, "other", project="")
    shop.serve()
    assert [ticket.issue for ticket in shop.tickets()] == [None, None]  # one look at AWS is gathered first
    shop.serve(minutes=6)
    other, ehr = sorted(shop.tickets(), key=lambda ticket: ticket.project)
    issue = people.look(ehr.issue or 0)
    assert issue["subject"] == "[Toban] プロジェクト 電子カルテ の残置ボリューム"
    assert issue["description"].count("vol-data-") == 12
    assert "1,200 GiB" in issue["description"] or "1200 GiB" in issue["description"]
    assert other.project == ""
    shop.finds("volume.taken_up", "data-00", gone=True, project="電子カルテ")
    lies(shop, "data-12")
    shop.serve()
    shop.serve(minutes=6)
    (note,) = (one for one in people.look(ehr.issue or 0)["notes"] if one)
    assert "vol-data-12" in note
    assert "data-00" in note
    assert "data-05" not in note
    for number in range(1, 13):
        shop.finds("volume.taken_up", f"data-{number:02}", gone=True, project="電子カルテ")
    shop.serve()
    shop.serve(minutes=6)
    assert people.look(ehr.issue or 0)["status"] == CLOSED
    assert {one.project: one.state for one in shop.tickets()} == {
        "電子カルテ": TicketState.CLOSED,
        "": TicketState.OPEN,
    }


def test_what_came_and_went_before_anybody_was_told_makes_no_issue(shop: Shop) -> None:
    shop.connect()
    shop.rule(topics={"volume": "digest"})
    lies(shop, "data-1")
    shop.serve()
    shop.finds("volume.taken_up", "data-1", gone=True, project="電子カルテ")
    shop.serve()
    shop.serve(minutes=6)
    assert shop.tickets() == []
    lies(shop, "data-1", "data-2")
    shop.serve()
    shop.serve(minutes=6)
    shop.finds("volume.taken_up", "data-2", gone=False, project="電子カルテ")
    lies(shop, "data-2")  # detached again before anybody was told: nothing has changed
    shop.serve()
    assert [(one.state, len(shop.entries())) for one in shop.tickets()] == [(TicketState.OPEN, 1)]


def test_a_new_rule_finds_what_stands_already_and_only_that(shop: Shop) -> None:
    shop.connect()
    lies(shop, "data-1", "data-2", "data-3")
    shop.finds("volume.taken_up", "data-3", gone=True, project="電子カルテ")
    shop.happens("failed", "web")
    shop.serve()
    shop.rule(topics={"volume": "each"})
    shop.serve()
    assert [one.target_name for one in by_name(shop) if one.issue] == ["data-1", "data-2"]
    shop.rule("医事会計", topics={"volume": "each", "review": "each"})
    shop.serve(minutes=1)
    assert {one.times for one in shop.tickets() if one.issue} == {1}  # none is told twice


def test_what_a_person_closed_early_and_still_stands_is_opened_again_after_the_snooze(
    shop: Shop, people: People
) -> None:
    shop.connect()
    shop.rule(topics={"volume": "each"})
    lies(shop, "data-1")
    shop.serve()
    issue = shop.ticket().issue or 0
    people.move(issue, CLOSED, "来月まで残します")
    shop.serve(minutes=2)
    assert shop.ticket().state == TicketState.SNOOZED
    shop.clock.pass_(days=6)
    shop.serve()
    assert people.look(issue)["status"] == CLOSED
    shop.clock.pass_(days=2)
    shop.serve()
    assert (shop.ticket().state, people.look(issue)["status"]) == (TicketState.OPEN, NEW)


def test_an_overdue_review_is_told_weekly_and_closed_by_the_signature(shop: Shop, people: People) -> None:
    shop.connect()
    shop.rule(topics={"review": "each"})
    for _ in range(2):
        shop.finds("review.overdue", "2026-10", "review_month", due="2026-11-15T00:00:00Z")
        shop.serve(minutes=1)
    ticket = shop.ticket()
    issue = people.look(ticket.issue or 0)
    assert issue["subject"] == "[Toban] 2026-10 の記録の点検が期限を過ぎています"
    assert len([one for one in issue["notes"] if one]) == 1
    shop.happens("succeeded", "2026-10", kind="review.sign", subject="review", subject_id=str(uuid.uuid4()))
    shop.serve(minutes=1)
    assert people.look(ticket.issue or 0)["status"] == CLOSED


@pytest.mark.parametrize("topic", ["deletion", "restore", "rotation"])
def test_such_an_operation_is_followed_from_its_entry_to_its_end(
    shop: Shop, people: People, topic: str
) -> None:
    shop.connect()
    shop.rule(topics={topic: "each"}, failures=False, approvals=False)
    kind = min(TOPICS[topic].operations)
    number = uuid.uuid4()
    for what in ("entered", "confirmed", "leased", "called", "succeeded"):
        shop.happens(what, "data-1", kind=kind, operation=number)
        shop.happens(what, "web", operation=uuid.uuid4())  # another kind is none of this topic's
        shop.serve(minutes=1)
    ticket = shop.ticket()
    assert (ticket.kind, ticket.operation) == (topic, str(number))
    seen = people.look(ticket.issue or 0)
    assert seen["status"] == CLOSED
    assert len([one for one in seen["notes"] if one]) == 2


def test_a_database_that_one_campaign_missed_is_told_until_another_has_done_it(
    shop: Shop, people: People
) -> None:
    shop.connect()
    shop.rule(topics={"rotation": "each"}, failures=False, approvals=False)
    for number, ends in ((uuid.uuid4(), ("missed",)), (uuid.uuid4(), ("confirmed", "succeeded"))):
        for what in ("entered", *ends):
            shop.happens(what, "db-1", kind="rds.certificate", operation=number)
            shop.serve(minutes=1)
    seen = people.look(shop.ticket().issue or 0)
    assert seen["subject"] == "[Toban] RDSデータベース db-1 の証明書の更新"
    assert "証明書" in seen["description"]
    assert seen["status"] == CLOSED
    assert len([one for one in seen["notes"] if one]) == 4


def test_a_ticket_that_is_closed_in_redmine_confirms_nothing(shop: Shop, people: People) -> None:
    """Approval through Redmine is not there: a commit message with a forged address can set a status."""
    from medical_audit.models import Operation  # noqa: PLC0415  only this question goes past our operations
    from medical_audit.tenancy import tenant_scope  # noqa: PLC0415  as above
    from tests.stage import make_stage  # noqa: PLC0415  as above

    shop.connect()
    shop.rule(wait_min=0)
    operation = make_stage(shop.cast).entered()
    shop.serve(minutes=1)
    for status in (2, CLOSED):
        people.move(shop.ticket().issue or 0, status, "承認します")
        shop.serve(minutes=2)
    with tenant_scope(shop.tenant_id):
        assert Operation.objects.get(id=operation.id).state == "ENTERED"


@pytest.mark.parametrize("topics", [{"review": "digest"}, {"nothing": "each"}])
def test_a_rule_with_a_topic_that_there_is_not_is_refused(shop: Shop, topics: dict[str, Any]) -> None:
    shop.connect()
    with pytest.raises(Refused):
        ruling.enter_rule(
            project="", redmine_project=shop.place.project, tracker=shop.place.tracker, failures=True, approvals=False,
            approval_wait_min=15, topics=topics, actor=shop.actor(Role.ADMINISTRATOR), now=shop.clock(), reason=REASON,
        )  # fmt: skip
