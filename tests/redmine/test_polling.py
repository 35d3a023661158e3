"""Reading what people do in Redmine: nothing is missed, nothing is read twice for long, and reading writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts.domain.permissions import Role
from config.simulator.redmine import ARCHIVED, KEY, SimulatedRedmine
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.issues import Changed, Issue
from redmine_sync.models import Ticket, TicketState
from redmine_sync.operations import connecting, deciding, polling, sending
from redmine_sync.redmine import RedmineTickets
from tests.conftest import _as_role
from tests.redmine.conftest import People
from tests.redmine.shop import Shop

CLOSED = 5
SECOND = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)


def test_a_note_and_an_early_closing_show_within_a_visit(open_shop: Shop, people: People) -> None:
    open_shop.happens("failed", "web")
    open_shop.serve()
    issue = open_shop.ticket().issue or 0
    people.note(issue, "調査中です。")
    open_shop.serve(minutes=2)
    ticket = open_shop.ticket()
    assert (ticket.last_note, ticket.last_note_at is not None) == ("調査中です。", True)
    assert ticket.last_note_by != "toban"
    people.move(issue, CLOSED)
    open_shop.serve(minutes=2)
    closed = open_shop.ticket()
    assert closed.state == TicketState.SNOOZED
    assert closed.snoozed_until is not None


def test_a_person_who_opens_a_closed_issue_again_is_seen(open_shop: Shop, people: People) -> None:
    open_shop.happens("failed", "web")
    open_shop.happens("succeeded", "web")
    open_shop.serve()
    people.move(open_shop.ticket().issue or 0, open_shop.place.open_status)
    open_shop.serve(minutes=2)
    ticket = open_shop.ticket()
    assert (ticket.state, ticket.diverged) == (TicketState.OPEN, "opened_by_a_person")


def test_a_deleted_issue_is_found_within_the_hour(open_shop: Shop, people: People) -> None:
    for target in ("web", "db"):
        open_shop.happens("failed", target)
    open_shop.serve()
    people.delete(open_shop.tickets()[0].issue or 0)
    open_shop.serve(minutes=2)
    open_shop.serve(minutes=61)
    assert [ticket.diverged for ticket in open_shop.tickets()] == ["issue_gone", ""]


def test_three_hundred_changes_within_one_second_are_all_read(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    for number in range(300):
        fake_shop.happens("failed", f"web-{number:03}")
    fake_shop.serve()
    fake_shop.serve()
    assert len(fake.issues) == 300
    fake.now = SECOND
    for issue in list(fake.issues):
        fake.note(issue, f"一括 {issue}")
    fake_shop.serve(minutes=2)
    notes = {ticket.issue: ticket.last_note for ticket in fake_shop.tickets()}
    assert notes == {issue: f"一括 {issue}" for issue in fake.issues}


def test_a_second_change_in_the_same_second_is_not_missed(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    fake.now = SECOND
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    issue = fake_shop.ticket().issue or 0
    fake.now = SECOND + timedelta(minutes=2)
    fake.note(issue, "一つ目")
    fake_shop.serve(minutes=2)
    fake.note(issue, "2つ目")  # the server's clock says the same second still
    fake_shop.serve(minutes=2)
    assert fake_shop.ticket().last_note == "2つ目"


def test_ten_minutes_of_visits_with_nothing_new_write_nothing(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    fake.now = SECOND
    for what in ("failed", "succeeded", "failed"):
        for target in ("web", "db"):
            fake_shop.happens(what, target)
    fake_shop.serve()
    fake.now = SECOND + timedelta(seconds=30)
    fake.note(fake_shop.tickets()[0].issue or 0, "人のメモ")
    before, updated = fake.writes, {row["id"]: row["updated_on"] for row in fake.issues.values()}
    for _ in range(40):
        fake_shop.serve(minutes=0.25)
    assert fake.writes == before
    assert {row["id"]: row["updated_on"] for row in fake.issues.values()} == updated
    asked = len(fake.asked)
    fake_shop.serve(minutes=2)
    assert len(fake.asked) - asked == 1  # a quiet server costs one question a minute


def test_two_thousand_changes_show_how_many_are_left_and_a_new_worker_goes_on(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    plant_tickets(fake_shop, fake, 2000)
    fake.fail_after(700)  # whatever ends a worker in the middle
    fake_shop.serve(minutes=2)
    server = fake_shop.server()
    first = sum(bool(ticket.last_note) for ticket in fake_shop.tickets())
    assert 500 < first < 700
    assert abs(server.unread - (2000 - first)) < 120  # to the page; pages overlap by a second
    fake.fail_after(None)
    asked = len(fake.asked)
    fake_shop.serve(minutes=2)
    assert fake_shop.server().unread == 0
    assert all(ticket.last_note == "メモ" for ticket in fake_shop.tickets())
    # What was read before is not read again, but for the last page, the two minutes in which the looks overlap and
    # the second in which pages do.
    assert len(fake.asked) - asked < 2000 - first + 120 + 150


def test_seconds_that_each_hold_more_than_a_page_are_read_to_the_end(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    """A mass change goes on for some seconds, and what is asked for from one second on holds the second before."""
    plant_tickets(fake_shop, fake, 400, a_second=150)
    fake_shop.serve(minutes=2)
    assert [ticket.key for ticket in fake_shop.tickets() if ticket.last_note != "メモ"] == []


def test_a_clock_that_was_put_back_stops_no_reading(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve(minutes=2)
    fake.now = datetime.now(UTC) + timedelta(minutes=5)
    fake.note(fake_shop.ticket().issue or 0, "人のメモ")
    fake_shop.serve(minutes=-60)
    assert fake_shop.ticket().last_note == "人のメモ"


def plant_tickets(shop: Shop, fake: SimulatedRedmine, count: int, a_second: int = 1) -> None:
    """Written tickets, on each of which a person has put a note since, so many a second."""
    fake.now = SECOND
    server, tickets = shop.server(), []
    for number in range(count):
        key = f"k-{number:04}"
        fake._create({"subject": key, "custom_fields": [{"id": server.key_field, "value": key}]})
        tickets.append(
            Ticket(
                tenant_id=shop.tenant_id, server=server, key=key, kind="failure", operation_kind="ec2.start", target_type="server",
                target_id=key, target_name=key, redmine_project=1, tracker=1, state=TicketState.OPEN, issue=fake.made,
                updated_on=SECOND, created_at=SECOND,
            )
        )  # fmt: skip
    with _as_role("worker"), tenant_scope(shop.tenant_id):
        Ticket.objects.bulk_create(tickets)
    for number, issue in enumerate(list(fake.issues)):
        fake.now += timedelta(seconds=number % a_second == 0)
        fake.note(issue, "メモ")


def test_reading_goes_on_where_a_failure_ended_it(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    for number in range(120):
        fake_shop.happens("failed", f"web-{number:03}")
    fake_shop.serve()
    fake.now = datetime.now(UTC) + timedelta(minutes=1)
    for issue in list(fake.issues):
        fake.note(issue, "メモ")
        fake.now += timedelta(seconds=1)
    fake.fail_after(40)
    fake_shop.serve(minutes=2)
    read = sum(bool(ticket.last_note) for ticket in fake_shop.tickets())
    assert 0 < read < 120
    fake.fail_after(None)
    fake_shop.serve(minutes=2)
    assert all(ticket.last_note == "メモ" for ticket in fake_shop.tickets())


def test_a_project_that_was_closed_shows_within_the_hour_and_again_when_it_is_open(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    fake.project_status = 5
    fake_shop.serve(minutes=2)
    fake_shop.serve(minutes=61)
    assert fake_shop.ticket().diverged == "project_closed"
    assert [one["usable"] for one in fake_shop.server().report["projects"]] == [False]
    fake.project_status = 1
    fake_shop.serve(minutes=61)
    assert fake_shop.ticket().diverged == ""
    assert [one["usable"] for one in fake_shop.server().report["projects"]] == [True]


def test_a_status_that_came_after_the_connection_closes_an_issue_too(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    issue = fake_shop.ticket().issue or 0
    fake.statuses.append({"id": 9, "name": "完了", "is_closed": True})
    fake.move(issue, 9)
    fake_shop.happens("succeeded", "web")
    fake_shop.serve()
    assert (fake_shop.ticket().state, fake_shop.ticket().diverged) == (TicketState.CLOSED, "")
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    assert (fake_shop.ticket().state, fake.issues[issue]["status_id"]) == (TicketState.OPEN, 1)
    fake.statuses[1]["is_closed"] = True  # nor does one mean for ever what it meant
    fake_shop.serve(minutes=2)
    fake_shop.serve(minutes=61)
    assert {one["id"] for one in fake_shop.server().report["statuses"] if one["closed"]} == {2, 5, 6, 9}


def test_what_is_hidden_is_asked_for_once_and_shows_again_when_it_is_seen(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    for target in ("web", "db"):
        fake_shop.happens("failed", target)
    fake_shop.happens("succeeded", "db")
    fake_shop.serve()
    fake.project_status = ARCHIVED
    fake_shop.serve(minutes=2)
    fake_shop.serve(minutes=61)
    assert {one.target_name: one.diverged for one in fake_shop.tickets()} == {"web": "issue_hidden", "db": ""}
    fake.asked.clear()
    fake_shop.serve(minutes=61)
    assert [one for one in fake.asked if "/issues/" in one] == []
    fake.project_status = 1
    fake_shop.serve(minutes=61)
    assert {one.diverged for one in fake_shop.tickets()} == {""}


def test_tickets_closed_long_ago_are_not_gone_through_each_hour(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    plant_tickets(fake_shop, fake, 250)
    with _as_role("worker"), tenant_scope(fake_shop.tenant_id):
        Ticket.objects.update(
            state=TicketState.CLOSED, wished_closed=True, updated_on=SECOND - timedelta(days=400)
        )
    server = fake_shop.server()
    fake_shop.clock.pass_(minutes=61)
    asked = len(fake.asked)
    with _as_role("worker"):
        read = polling._reconcile(
            server, RedmineTickets(server.url, KEY), lambda: None, clock=fake_shop.clock
        )
    assert (read, [one for one in fake.asked[asked:] if "issues" in one]) == (0, [])


def test_an_issue_that_lost_its_key_is_not_taken_for_deleted(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    """Moved to a project without the field: it is there, and Toban would not find it again."""
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    issue = fake_shop.ticket().issue or 0
    held = dict(fake.issues[issue]["fields"])
    fake.issues[issue]["fields"] = {}
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    assert (fake_shop.ticket().state, fake_shop.ticket().diverged) == (TicketState.ORPHANED, "key_gone")
    (dead,) = fake_shop.entries(state="dead")
    assert dead.outcome == "redmine_key_gone"
    fake.issues[issue]["fields"] = held
    deciding.retry(dead.id, actor=fake_shop.actor(Role.OPERATOR), now=fake_shop.clock())
    fake_shop.serve()
    assert (fake_shop.ticket().state, fake_shop.ticket().issue) == (TicketState.OPEN, issue)
    assert len(fake.issues) == 1


def test_what_a_look_found_while_toban_reads_stays(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()

    class Meanwhile(RedmineTickets):
        def changed(self, field: int, since: datetime, *, offset: int) -> Changed:
            found = super().changed(field, since, offset=offset)
            fake.admin = True
            connecting.probe(fake_shop.tenant_id, fake_shop.server().id, now=fake_shop.clock())
            return found

    fake_shop.clock.pass_(minutes=2)
    with _as_role("worker"):
        sending.serve(
            fake_shop.tenant_id, fake_shop.server().id, worker="test", clock=fake_shop.clock,
            open_server=lambda server: Meanwhile(server.url, KEY),
        )  # fmt: skip
    assert "key_is_admin" in {one["code"] for one in fake_shop.server().report["checks"]}


@pytest.mark.parametrize(
    ("decide", "status", "state"),
    [(deciding.push_ours, CLOSED, TicketState.CLOSED), (deciding.take_theirs, 2, TicketState.OPEN)],
)
def test_a_decision_that_is_made_while_toban_reads_the_ticket_holds(
    fake: SimulatedRedmine, fake_shop: Shop, decide: Callable[..., Ticket], status: int, state: TicketState
) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    ticket = fake_shop.ticket()
    fake.move(ticket.issue or 0, 2)
    fake_shop.happens("succeeded", "web")
    fake_shop.serve()
    assert fake_shop.ticket().diverged == "moved_by_a_person"
    decided: list[str] = []

    class Meanwhile(RedmineTickets):
        def read(self, issue_id: int, field: int) -> Issue:
            found = super().read(issue_id, field)
            if not decided:
                decided.append(fake_shop.ticket().diverged)
                with _as_role("web"):
                    decide(ticket.id, actor=fake_shop.actor(Role.OPERATOR), now=fake_shop.clock())
            return found

    fake_shop.clock.pass_(minutes=2)
    with _as_role("worker"):
        sending.serve(
            fake_shop.tenant_id, fake_shop.server().id, worker="test", clock=fake_shop.clock,
            open_server=lambda server: Meanwhile(server.url, KEY),
        )  # fmt: skip
    fake_shop.serve(minutes=1)
    assert decided == ["moved_by_a_person"]
    assert fake.issues[ticket.issue or 0]["status_id"] == status
    assert (fake_shop.ticket().state, fake_shop.ticket().diverged) == (state, "")
