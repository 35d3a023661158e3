"""The real Redmine where it is slow to be filled: 300 changes within one second, and ten minutes in which nothing is written."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime

import pytest

from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.issues import Issue, NewIssue
from redmine_sync.models import Ticket, TicketState
from redmine_sync.redmine import RedmineTickets
from tests.conftest import _as_role
from tests.factories import Cast
from tests.redmine.conftest import REAL, People
from tests.redmine.proxy import LossyProxy
from tests.redmine.shop import Place, Shop

pytestmark = pytest.mark.skipif(not os.environ.get(REAL), reason="asked for with ./toban test --redmine")
MANY, FIRST_IMPORT = 300, 2000


def plant(shop: Shop, place: Place, count: int) -> dict[str, Issue]:
    """So many issues over REST, and the tickets that know them; by key."""
    server, tickets = shop.server(), RedmineTickets(place.url, place.key)
    assert server.key_field is not None
    made = {}
    for number in range(count):
        key = f"{shop.tenant_id.hex[:12]}:mass:{number:04}"
        made[key] = tickets.create(NewIssue(place.project, place.tracker, key, "", key), server.key_field)
    rows = [
        Ticket(
            tenant_id=shop.tenant_id, server=server, key=key, kind="failure", operation_kind="ec2.start",
            target_type="server", target_id=key, target_name=key, redmine_project=place.project, tracker=place.tracker,
            state=TicketState.OPEN, issue=issue.id, updated_on=issue.updated_on, created_at=issue.updated_on,
        )
        for key, issue in made.items()
    ]  # fmt: skip
    with _as_role("worker"), tenant_scope(shop.tenant_id):
        Ticket.objects.bulk_create(rows)
    return made


@pytest.mark.long
def test_a_first_import_of_two_thousand_shows_how_far_it_is_and_goes_on_where_it_ended(
    cast: Cast, place: Place
) -> None:
    """The way is cut twice. What changed within the last two minutes is read twice, because Redmine's clock has whole seconds;
    nothing more often."""
    proxy = LossyProxy(place.url, seed=1, bad=False)
    shop = Shop(
        cast,
        Place(proxy.url, place.key, place.closed_status, place.open_status, place.project, place.tracker),
    )
    shop.connect()
    plant(shop, place, FIRST_IMPORT)
    left = []
    for cut in (700, 900, None):
        proxy.left = cut
        shop.serve(minutes=2)
        left.append(shop.server().unread)
    assert FIRST_IMPORT > left[0] > left[1] > left[2] == 0
    assert all(ticket.read_at is not None and ticket.status for ticket in shop.tickets())
    assert proxy.counts["through"] < FIRST_IMPORT * 2.2
    proxy.close()


@pytest.mark.long
def test_three_hundred_changes_within_one_second_are_all_read(open_shop: Shop, place: Place) -> None:
    """Such a second is what a mass change makes; REST has none, so the database is made to show one."""
    made = plant(open_shop, place, MANY)
    second = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    with sqlite3.connect(json.loads(os.environ[REAL])["database"], timeout=60) as there:
        for issue in made.values():
            there.execute(
                "INSERT INTO journals (journalized_id, journalized_type, user_id, notes, created_on, private_notes) "
                "SELECT ?, 'Issue', id, ?, ?, 0 FROM users WHERE login = 'hanako'",
                [issue.id, f"一括 {issue.id}", second],
            )
            there.execute("UPDATE issues SET updated_on = ? WHERE id = ?", [second, issue.id])
    there.close()
    open_shop.serve(minutes=2)
    notes = {ticket.issue: ticket.last_note for ticket in open_shop.tickets()}
    assert notes == {issue.id: f"一括 {issue.id}" for issue in made.values()}


@pytest.mark.long
def test_ten_minutes_of_visits_with_nothing_new_write_nothing(
    cast: Cast, place: Place, people: People
) -> None:
    proxy = LossyProxy(place.url, seed=1, bad=False)
    shop = Shop(
        cast,
        Place(proxy.url, place.key, place.closed_status, place.open_status, place.project, place.tracker),
    )
    shop.connect()
    shop.rule()
    for what in ("failed", "succeeded", "failed"):
        for target in ("web", "db"):
            shop.happens(what, target)
    shop.serve()
    people.note(shop.tickets()[0].issue or 0, "人のメモ")
    before = proxy.counts["writes"]
    for _ in range(40):
        shop.serve(minutes=0.25)
    assert proxy.counts["writes"] == before
    assert "人のメモ" in {ticket.last_note for ticket in shop.tickets()}
    proxy.close()
