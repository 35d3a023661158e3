"""What becomes of trouble: one issue each, told once, closed when it is over, and people have the word."""

from __future__ import annotations

import uuid

import pytest

from accounts.domain.permissions import Role
from config.simulator.redmine import KEY, SimulatedRedmine
from medical_audit.domain.errors import AlreadyMoved, NotFound, NotPermitted
from medical_audit.operations import entry as entering
from redmine_sync.domain.issues import Issue, NewIssue
from redmine_sync.models import Entry, EntryState, TicketState
from redmine_sync.operations import deciding, sending
from redmine_sync.redmine import RedmineTickets
from tests.conftest import _as_role
from tests.factories import Cast
from tests.redmine.conftest import People
from tests.redmine.shop import Shop
from tests.stage import make_stage

NEW, BUSY, CLOSED, REJECTED = 1, 2, 5, 6


def test_a_failure_opens_an_issue_and_the_next_success_closes_it(open_shop: Shop, people: People) -> None:
    open_shop.happens("failed", "電子カルテ-web-01", code="no_capacity")
    open_shop.serve()
    ticket = open_shop.ticket()
    assert (ticket.state, ticket.times) == (TicketState.OPEN, 1)
    issue = people.look(ticket.issue or 0)
    assert issue["subject"] == "[Toban] 未完了: EC2インスタンス 電子カルテ-web-01 の起動"
    assert "電子カルテ-web-01" in issue["description"]
    assert "空き" in issue["description"]  # the cause in the tenant's language, never a code
    assert "no_capacity" not in issue["description"]
    open_shop.happens("succeeded", "電子カルテ-web-01")
    open_shop.serve()
    assert open_shop.ticket().state == TicketState.CLOSED
    closed = people.look(ticket.issue or 0)
    assert closed["status"] == CLOSED
    assert sum("[toban:" in note for note in closed["notes"]) == 1
    assert [event["kind"] for event in open_shop.events("ticket.")] == ["ticket.opened", "ticket.closed"]


def test_a_ticket_speaks_the_language_that_was_confirmed(shop: Shop, people: People) -> None:
    shop.connect(language="en")
    shop.rule()
    shop.happens("missed", "web", code="grace_passed")
    shop.serve()
    issue = people.look(shop.ticket().issue or 0)
    assert issue["subject"] == "[Toban] Not done: Start the EC2 instance web"
    assert "A planned action was missed" in issue["description"]


def test_the_same_trouble_again_is_a_note_and_after_its_end_the_same_issue_opens_again(
    open_shop: Shop, people: People
) -> None:
    for what in ("failed", "failed", "succeeded", "succeeded", "missed"):
        open_shop.happens(what, "web")
        open_shop.serve(minutes=1)
    ticket = open_shop.ticket()
    assert (ticket.state, ticket.times) == (TicketState.OPEN, 3)
    issue = people.look(ticket.issue or 0)
    assert issue["status"] == NEW
    assert (
        len([note for note in issue["notes"] if note]) == 3
    )  # once more, over, missed; a second success is no news
    assert [event["kind"] for event in open_shop.events("ticket.")][-1] == "ticket.reopened"


def test_an_answer_that_nobody_thought_of_stops_its_own_entry_and_no_other(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    class Odd(RedmineTickets):
        def create(self, new: NewIssue, field: int) -> Issue:
            if "web" in new.key:
                raise RecursionError
            return super().create(new, field)

    fake_shop.happens("failed", "web")
    fake_shop.happens("failed", "db")
    with _as_role("worker"):
        sending.serve(
            fake_shop.tenant_id, fake_shop.server().id, worker="test", clock=fake_shop.clock,
            open_server=lambda server: Odd(server.url, KEY),
        )  # fmt: skip
    assert [(one.state, one.outcome) for one in fake_shop.entries()] == [
        ("trying", "redmine_unforeseen"), ("done", "created"),
    ]  # fmt: skip
    assert len(fake.issues) == 1


def test_each_action_and_target_has_its_own_issue(open_shop: Shop) -> None:
    open_shop.happens("failed", "web")
    open_shop.happens("failed", "web", kind="ec2.stop")
    open_shop.happens("failed", "db")
    open_shop.serve()
    assert len({ticket.issue for ticket in open_shop.tickets()}) == 3


def test_names_from_aws_do_nothing_in_an_issue(open_shop: Shop, people: People) -> None:
    name = "!http://evil.example/x.png! #1 </pre><b>x</b>\nsecond line"
    open_shop.happens("failed", name)
    open_shop.serve()
    issue = people.look(open_shop.ticket().issue or 0)
    inside = issue["description"].partition("<pre>")[2].partition("</pre>")[0]
    assert "!http://evil.example/x.png! #1" in inside
    assert "‹/pre›" in inside
    assert issue["description"].count("</pre>") == 1
    assert all(
        line.startswith("    ") for line in inside.splitlines() if line
    )  # code, where Markdown drops the tag
    assert inside.startswith(("\n\n", "\r\n\r\n"))
    assert "\n" not in issue["subject"]


def test_what_waits_for_a_person_is_told_after_a_while_and_closed_by_the_decision(
    cast: Cast, open_shop: Shop, people: People
) -> None:
    stage = make_stage(cast)
    operation = stage.entered()
    open_shop.serve()
    assert open_shop.ticket().issue is None  # 15 minutes are left to decide it
    open_shop.serve(minutes=16)
    ticket = open_shop.ticket()
    assert (ticket.kind, ticket.project, ticket.operation) == ("approval", "電子カルテ", str(operation.id))
    issue = people.look(ticket.issue or 0)
    assert f"/t/{cast.tenant.slug}/operations/{operation.id}/" in issue["description"]
    entering.reject(
        operation.id,
        actor=cast.actor(Role.APPROVER),
        now=open_shop.clock(),
        reason="不要",
    )
    open_shop.serve()
    assert open_shop.ticket().state == TicketState.CLOSED
    assert people.look(ticket.issue or 0)["status"] == CLOSED


def test_what_is_decided_in_time_makes_no_ticket(cast: Cast, open_shop: Shop) -> None:
    operation = make_stage(cast).entered()
    open_shop.serve()
    entering.withdraw(operation.id, actor=cast.actor(Role.OPERATOR), now=open_shop.clock())
    open_shop.serve(minutes=16)
    assert open_shop.tickets() == []


def test_a_project_has_its_own_rule_and_others_have_none(cast: Cast, shop: Shop) -> None:
    stage = make_stage(cast)
    shop.connect()
    shop.rule("電子カルテ", approvals=True, wait_min=0, failures=False)
    stage.entered(stage.resource(project="電子カルテ"))
    stage.entered(stage.resource(project="医事会計"))
    shop.happens("failed", "web")
    shop.serve(minutes=1)
    assert [ticket.project for ticket in shop.tickets()] == ["電子カルテ"]


# -- people have the word ----------------------------------------------------------------------------------------------


def test_an_issue_that_a_person_closed_early_is_left_alone_for_a_while(
    open_shop: Shop, people: People
) -> None:
    open_shop.happens("failed", "web")
    open_shop.serve()
    issue = open_shop.ticket().issue or 0
    people.move(issue, REJECTED, "了承済み")
    open_shop.happens("failed", "web")
    open_shop.serve(minutes=2)
    ticket = open_shop.ticket()
    assert (ticket.state, ticket.times, ticket.last_note) == (TicketState.SNOOZED, 2, "了承済み")
    assert people.look(issue)["status"] == REJECTED
    open_shop.clock.pass_(days=8)
    open_shop.happens("failed", "web")
    open_shop.serve()
    assert open_shop.ticket().state == TicketState.OPEN
    assert people.look(issue)["status"] == NEW  # the same issue, opened again


def test_a_move_by_a_person_wins_and_people_decide(open_shop: Shop, people: People) -> None:
    open_shop.happens("failed", "web")
    open_shop.serve()
    issue = open_shop.ticket().issue or 0
    people.move(issue, BUSY)
    open_shop.happens("succeeded", "web")
    open_shop.serve(minutes=1)
    ticket = open_shop.ticket()
    assert (ticket.state, ticket.diverged) == (TicketState.OPEN, "moved_by_a_person")
    seen = people.look(issue)
    assert seen["status"] == BUSY
    assert len([note for note in seen["notes"] if note]) == 1  # told all the same
    deciding.push_ours(ticket.id, actor=open_shop.actor(Role.OPERATOR), now=open_shop.clock())
    open_shop.serve(minutes=1)
    assert people.look(issue)["status"] == CLOSED
    assert (open_shop.ticket().state, open_shop.ticket().diverged) == (TicketState.CLOSED, "")


def test_what_a_person_did_can_be_taken(open_shop: Shop, people: People) -> None:
    open_shop.happens("failed", "web")
    open_shop.serve()
    issue = open_shop.ticket().issue or 0
    people.move(issue, BUSY)
    open_shop.happens("succeeded", "web")
    open_shop.serve(minutes=1)
    taken = deciding.take_theirs(
        open_shop.ticket().id, actor=open_shop.actor(Role.OPERATOR), now=open_shop.clock()
    )
    assert taken.diverged == ""
    open_shop.serve(minutes=5)
    assert people.look(issue)["status"] == BUSY
    with pytest.raises(AlreadyMoved):
        deciding.take_theirs(taken.id, actor=open_shop.actor(Role.OPERATOR), now=open_shop.clock())


def test_a_status_that_the_workflow_refuses_is_seen(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    fake.refused_statuses.add(CLOSED)
    fake_shop.happens("failed", "web")
    fake_shop.happens("succeeded", "web")
    fake_shop.serve()
    ticket = fake_shop.ticket()
    assert (ticket.state, ticket.diverged) == (TicketState.OPEN, "status_refused")
    fake.refused_statuses.clear()
    deciding.push_ours(ticket.id, actor=fake_shop.actor(Role.OPERATOR), now=fake_shop.clock())
    fake_shop.serve()
    assert fake_shop.ticket().state == TicketState.CLOSED


# -- a server that is unwell -------------------------------------------------------------------------------------------


def test_a_server_away_for_hours_loses_nothing_and_kills_nothing(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    fake.down = 503
    for number in range(3):
        fake_shop.happens("failed", f"web-{number}")
    for _ in range(60):
        fake_shop.serve(minutes=10)
    assert {one.state for one in fake_shop.entries()} <= {EntryState.WAITING, EntryState.TRYING}
    assert fake_shop.server().problem == "redmine_busy"
    fake.down = 0
    fake_shop.serve_all()
    assert {ticket.state for ticket in fake_shop.tickets()} == {TicketState.OPEN}
    assert len(fake.issues) == 3
    assert fake_shop.server().problem == ""


def test_a_server_that_answers_again_is_well_again_also_when_there_is_nothing_to_write(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    fake.down = 503
    fake_shop.serve(minutes=2)
    assert fake_shop.server().problem == "redmine_busy"
    fake.down = 0
    fake_shop.serve(minutes=20)
    assert fake_shop.server().problem == ""


def test_a_server_that_refuses_one_entry_is_there(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    fake.down = 503
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    fake.down, fake.project_status = 0, 5
    fake_shop.serve(minutes=0.9)
    fake_shop.serve(minutes=0.9)
    assert [one.outcome for one in fake_shop.entries(state=EntryState.DEAD)] == ["redmine_forbidden"]
    assert fake_shop.server().problem == ""


def test_a_refused_key_stops_the_server_and_not_the_entries(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    fake.down = 401
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    asked = len(fake.asked)
    fake_shop.serve(minutes=5)
    assert len(fake.asked) == asked  # the breaker is open for a quarter of an hour
    (entry,) = fake_shop.entries()
    assert (entry.state, fake_shop.server().problem) == (EntryState.WAITING, "redmine_key_refused")
    fake.down = 0
    fake_shop.serve(minutes=11)
    assert fake_shop.ticket().state == TicketState.OPEN


def stuck(fake: SimulatedRedmine, shop: Shop) -> Entry:
    """An entry that the server refuses, and one behind it."""
    shop.happens("failed", "web")
    shop.serve()
    fake.project_status = 5
    shop.happens("failed", "web")
    shop.serve()
    shop.happens("succeeded", "web")
    shop.serve()
    (dead,) = shop.entries(state=EntryState.DEAD)
    assert dead.outcome == "redmine_forbidden"
    return dead


def test_what_is_stuck_blocks_its_own_ticket_alone_and_is_tried_again_by_a_person(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    dead = stuck(fake, fake_shop)
    fake.project_status = 1
    fake_shop.happens("failed", "db")
    fake_shop.serve(minutes=30)
    assert [one.id for one in fake_shop.entries(state=EntryState.DEAD)] == [dead.id]  # it waits for a person
    db = next(ticket for ticket in fake_shop.tickets() if ticket.target_id == "db")
    assert db.state == TicketState.OPEN
    actor = fake_shop.actor(Role.OPERATOR)
    with pytest.raises(NotPermitted):
        deciding.retry(dead.id, actor=fake_shop.actor(Role.VIEWER), now=fake_shop.clock())
    deciding.retry(dead.id, actor=actor, now=fake_shop.clock())
    fake_shop.serve_all()
    web = next(ticket for ticket in fake_shop.tickets() if ticket.target_id == "web")
    assert (web.state, web.times) == (TicketState.CLOSED, 2)
    with pytest.raises(AlreadyMoved):
        deciding.retry(dead.id, actor=actor, now=fake_shop.clock())
    with pytest.raises(NotFound):
        deciding.retry(uuid.uuid4(), actor=actor, now=fake_shop.clock())


def test_what_is_discarded_lets_the_next_one_pass(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    dead = stuck(fake, fake_shop)
    fake.project_status = 1
    deciding.discard(dead.id, actor=fake_shop.actor(Role.OPERATOR), now=fake_shop.clock())
    fake_shop.serve_all()
    web = next(ticket for ticket in fake_shop.tickets() if ticket.target_id == "web")
    assert (web.state, web.times) == (TicketState.CLOSED, 1)


def test_an_issue_that_is_gone_is_asked_about_and_made_anew(open_shop: Shop, people: People) -> None:
    open_shop.happens("failed", "web")
    open_shop.serve()
    first = open_shop.ticket().issue or 0
    people.delete(first)
    open_shop.happens("failed", "web")
    open_shop.serve()
    assert open_shop.ticket().state == TicketState.ORPHANED
    (dead,) = open_shop.entries(state=EntryState.DEAD)
    deciding.retry(dead.id, actor=open_shop.actor(Role.OPERATOR), now=open_shop.clock())
    open_shop.serve()
    again = open_shop.ticket()
    assert again.state == TicketState.OPEN
    assert "web" in people.look(again.issue or 0)["subject"]


def test_a_strangers_issue_with_the_number_of_a_deleted_one_is_left_alone(
    fake: SimulatedRedmine, fake_shop: Shop
) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    number = fake_shop.ticket().issue or 0
    fake.issues[number] |= {"fields": {1: "theirs"}, "journals": [], "subject": "a stranger's"}
    writes = fake.writes
    fake_shop.happens("succeeded", "web")
    fake_shop.serve(minutes=2)
    assert (fake_shop.ticket().state, fake.writes) == (TicketState.ORPHANED, writes)


def test_strangers_issues_are_never_adopted(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    body = {
        "issue": {"project_id": 1, "subject": "a stranger's", "custom_fields": [{"id": 1, "value": "theirs"}]}
    }
    fake.answer("POST", "/issues.json", {}, body, KEY)
    fake.filters.clear()
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    assert len(fake.issues) == 1
    assert fake_shop.ticket().issue is None
    assert fake_shop.server().problem == "redmine_filter_broken"


def test_another_tenants_tickets_are_not_there(open_shop: Shop) -> None:
    open_shop.happens("failed", "web")
    open_shop.serve()
    with pytest.raises(NotFound):
        deciding.take_theirs(
            open_shop.ticket().id, actor=open_shop.cast.stranger_actor, now=open_shop.clock()
        )


def test_a_number_that_the_server_gives_twice_stops_nothing(fake: SimulatedRedmine, fake_shop: Shop) -> None:
    """A Redmine that was put back from a backup gives the numbers of the issues it forgot to the next ones."""
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    fake.delete(1)
    fake.made = 0
    for target in ("db", "batch"):
        fake_shop.happens("failed", target)
    fake_shop.serve()
    found = {ticket.target_name: (ticket.state, ticket.issue) for ticket in fake_shop.tickets()}
    assert found == {
        "web": (TicketState.ORPHANED, None), "db": (TicketState.OPEN, 1), "batch": (TicketState.OPEN, 2)
    }  # fmt: skip
    assert {ticket.diverged for ticket in fake_shop.tickets()} == {"issue_gone", ""}
