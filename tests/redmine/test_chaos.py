"""A bad way to Redmine and workers that are killed: each issue made once, each note written once, all closed in the end."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from config.processes import is_running
from medical_audit.domain.actor import system_actor
from medical_audit.operations.lanes import lease_lane, release_lane
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import EntryState, Ticket, TicketState
from redmine_sync.operations import sending
from redmine_sync.operations.following import follow
from tests.chaos.herd import Nursery
from tests.conftest import _as_role
from tests.factories import Cast
from tests.medical_audit.threads import race
from tests.redmine.conftest import REAL, People
from tests.redmine.proxy import LossyProxy
from tests.redmine.shop import Place, Shop

#: The real one is asked with all of them; three minutes of every round are too dear for the fake.
SUBJECTS, WITHIN_S = 60 if os.environ.get(REAL) else 20, 600.0
#: Each costs what the dead worker held for a while; on a slow machine more of them would leave no time for work.
KILLS_MAX = 12
STORY = ("failed", "failed", "failed", "succeeded")
MARK = re.compile(r"\[toban:[0-9a-f-]{36}\]")
#: Short, so that what a killed worker held comes free soon and a failure waits seconds instead of minutes.
SETTINGS = {"LEASE_S": 2.0, "BREAKER_OPEN_S": 0.2, "BREAKER_OPEN_MAX_S": 0.4, "TICKET_RETRY_S": 0.01}


@pytest.fixture
def proxy(place: Place) -> Iterator[LossyProxy]:
    one = LossyProxy(place.url, seed=20261130, bad=False)
    yield one
    one.close()


@pytest.fixture
def bad_shop(cast: Cast, place: Place, proxy: LossyProxy) -> Shop:
    """Connected by way of the proxy, which is good until it is told to be bad."""
    one = Shop(
        cast,
        Place(proxy.url, place.key, place.closed_status, place.open_status, place.project, place.tracker),
    )
    one.connect()
    one.rule()
    return one


def marks_of(people: People, tickets: list[Ticket]) -> Counter[str]:
    """How often each entry's mark stands in the issues, descriptions and notes together."""
    found: Counter[str] = Counter()
    for ticket in tickets:
        seen = people.look(ticket.issue or 0)
        for text in (seen["description"], *seen["notes"]):
            found.update(MARK.findall(text))
    return found


@pytest.mark.chaos
def test_lost_answers_refusals_and_kill_9_leave_each_issue_and_each_note_once(
    bad_shop: Shop, proxy: LossyProxy, people: People, place: Place, tmp_path: Path
) -> None:
    for what in STORY:
        for number in range(SUBJECTS):
            bad_shop.happens(what, f"server-{number:02}")
    chance = random.Random(11)
    kills = 0
    log = tmp_path / "workers.log"
    log.touch()
    proxy.bad = True
    with Nursery(log) as nursery:
        pids = [nursery.born("tickets", SETTINGS) for _ in range(2)]
        deadline = time.monotonic() + WITHIN_S
        while not is_over(bad_shop):
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            assert all(is_running(pid) for pid in pids), f"one ended by itself: {log.read_text()[-3000:]}"
            time.sleep(0.3)
            if kills < KILLS_MAX and chance.random() < 0.06 and not is_over(bad_shop):
                victim = pids.pop(chance.randrange(len(pids)))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    kills += 1
                pids.append(nursery.born("tickets", SETTINGS))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    proxy.bad = False
    tickets = bad_shop.tickets()
    attempts = sum(entry.attempts for entry in bad_shop.entries())
    print(f"attempts {attempts}, kills {kills}, ways {dict(proxy.counts)}")
    assert kills >= 3
    assert len({ticket.issue for ticket in tickets}) == SUBJECTS
    assert {ticket.state for ticket in tickets} == {TicketState.CLOSED}
    assert {people.look(ticket.issue or 0)["status"] for ticket in tickets} == {place.closed_status}
    marks = marks_of(people, tickets)
    assert (len(marks), set(marks.values())) == (SUBJECTS * len(STORY), {1})
    assert issues_with_our_keys(bad_shop) == SUBJECTS


def is_over(shop: Shop) -> bool:
    entries = shop.entries()
    return len(entries) == SUBJECTS * len(STORY) and {one.state for one in entries} == {EntryState.DONE}


def issues_with_our_keys(shop: Shop) -> int:
    """Asked of the server itself, key by key: a second issue of one key would show here."""
    from redmine_sync.redmine import RedmineTickets  # noqa: PLC0415  only this question goes past our operations

    gateway = RedmineTickets(shop.place.url, shop.place.key)
    field = shop.server().key_field or 0
    return sum(len(gateway.find(field, ticket.key)) for ticket in shop.tickets())


def test_two_workers_at_one_ticket_write_once(open_shop: Shop, people: People) -> None:
    for _ in range(5):
        open_shop.happens("failed", "web")
    server = open_shop.server()

    def visit(number: int) -> int:
        return sending.serve(open_shop.tenant_id, server.id, worker=f"w{number}", clock=open_shop.clock).sent

    with _as_role("worker"):
        done = race(2, visit)
    assert sum(one for one in done if isinstance(one, int)) == 5
    assert set(marks_of(people, open_shop.tickets()).values()) == {1}
    assert issues_with_our_keys(open_shop) == 1


def test_what_is_being_told_just_now_is_not_forgotten_by_a_decision(open_shop: Shop) -> None:
    """Decided in the very moment in which a worker begins to tell it: the issue is coming, and somebody must close it."""
    waits = open_shop.happens("entered", "web")
    open_shop.serve()
    open_shop.clock.pass_(minutes=16)
    open_shop.happens("confirmed", "web", operation=waits)
    server, actor = open_shop.server(), system_actor(open_shop.tenant_id, "redmine")

    def read() -> None:
        try:
            follow(server.id, actor=actor, now=open_shop.clock())
        finally:
            connection.close()

    with _as_role("worker"), ThreadPoolExecutor(1) as pool:
        lease = lease_lane(open_shop.tenant_id, server.lane, worker="a", clock=open_shop.clock)
        assert lease is not None
        with tenant_scope(open_shop.tenant_id):
            assert sending._claim(lease, server, open_shop.clock()) is not None
            other = pool.submit(read)
            while not other.done() and not somebody_waits():
                pass
        other.result()
        release_lane(lease)
    open_shop.serve_all()
    (ticket,) = open_shop.tickets()
    assert (ticket.state, ticket.issue is not None) == (TicketState.CLOSED, True)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
