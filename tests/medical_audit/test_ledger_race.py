"""Many writers at once: the chain of each tenant stays gapless and whole, and nobody waits for ever."""

from __future__ import annotations

import random
import threading
import uuid
from io import BytesIO

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from medical_audit.domain import bundle_verifier
from medical_audit.queries.bundles import write_bundle
from medical_audit.queries.verification import verify
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole, _as_role
from tests.factories import MONDAY_0830, make_tenant
from tests.medical_audit.support import Database, broken_links, chain_of, note
from tests.medical_audit.threads import race

THREADS, ROUNDS = 8, 25


class _Undo(Exception):
    pass


def _one_transaction(tenants: list[uuid.UUID], name: str, *, undo: bool) -> None:
    with transaction.atomic():
        for tenant_id in tenants:
            note(tenant_id, name)
        if undo:
            raise _Undo


def test_eight_writers_five_tenants_mixed_order_and_rollbacks_leave_whole_chains(
    as_role: AsRole, superuser_connection: Database
) -> None:
    """30 % are rolled back; a transaction writes for one to four tenants, in any order: a deadlock if linked at once."""
    tenants = [make_tenant().id for _ in range(5)]
    written = dict.fromkeys(tenants, 1)
    lock = threading.Lock()

    def write(number: int) -> None:
        chance = random.Random(number)
        for turn in range(ROUNDS):
            mine = [chance.choice(tenants) for _ in range(chance.randint(1, 4))]
            undo = chance.random() < 0.3
            try:
                _one_transaction(mine, f"race-{number}-{turn}", undo=undo)
            except _Undo:
                continue
            with lock:
                for tenant_id in mine:
                    written[tenant_id] += 1

    assert race(THREADS, write) == [None] * THREADS
    for tenant_id in tenants:
        chain = chain_of(superuser_connection, tenant_id)
        assert [seq for seq, *_ in chain] == list(range(1, written[tenant_id] + 1))
        assert broken_links(superuser_connection, tenant_id) == []
        with as_role("audit"):
            found = verify(tenant_id)
        assert (found.intact, found.events) == (True, written[tenant_id])
        assert _bundle_verdict(tenant_id) == (2, written[tenant_id])


def _bundle_verdict(tenant_id: uuid.UUID) -> tuple[int, int]:
    """(exit code, events) of the verifier that knows nothing of Toban; 2, for no seal speaks for them here."""
    file = BytesIO()
    with _as_role("audit"):
        write_bundle(file, tenant_id, [], since=None, now=MONDAY_0830)
    code, found = bundle_verifier.verdict(file)
    return code, found.get("events", -1)


def test_writers_whose_connections_are_killed_leave_whole_chains(superuser_connection: Database) -> None:
    """Several tenants in one transaction, and somebody who kills one backend after another while they write."""
    tenants = [make_tenant().id for _ in range(5)]
    known = dict.fromkeys(tenants, 1)
    lock, done = threading.Lock(), threading.Event()
    kills, causes = [], []

    def write(number: int) -> None:
        chance = random.Random(100 + number)
        for turn in range(ROUNDS):
            mine = chance.sample(tenants, chance.randint(1, 4))
            try:
                _one_transaction(mine, f"killed-{number}-{turn}", undo=chance.random() < 0.3)
            except _Undo:
                continue
            except OperationalError as error:
                causes.append(error.__cause__)
                connection.close()
                continue
            with lock:
                for tenant_id in mine:
                    known[tenant_id] += 1

    def kill() -> None:
        chance = random.Random(7)
        while not done.wait(0.05):
            pids = superuser_connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'toban_web' AND xact_start IS NOT NULL"
            ).fetchall()
            if pids:
                superuser_connection.execute("SELECT pg_terminate_backend(%s)", chance.choice(pids))
                kills.append(pids)

    killer = threading.Thread(target=kill)
    killer.start()
    found = race(THREADS, write)
    done.set()
    killer.join()
    assert found == [None] * THREADS
    assert kills
    assert [cause for cause in causes if isinstance(cause, psycopg.errors.DeadlockDetected)] == []
    for tenant_id in tenants:
        chain = chain_of(superuser_connection, tenant_id)
        assert [seq for seq, *_ in chain] == list(range(1, len(chain) + 1))
        # Whoever was killed while committing may have committed all the same.
        assert len(chain) >= known[tenant_id]
        assert broken_links(superuser_connection, tenant_id) == []
        assert _bundle_verdict(tenant_id) == (2, len(chain))


def test_events_may_be_linked_in_another_order_than_they_happened(superuser_connection: Database) -> None:
    """Who happens first may commit last: event_at may fall, linked_at never does, and the chain is whole."""
    tenant_id = make_tenant().id
    noted, go = threading.Event(), threading.Event()

    def work(number: int) -> None:
        if number == 0:
            with tenant_scope(tenant_id):
                note(tenant_id, "first-to-happen")
                noted.set()
                assert go.wait(60)
        else:
            assert noted.wait(60)
            note(tenant_id, "first-to-commit")
            go.set()

    assert race(2, work) == [None, None]
    rows = superuser_connection.execute(
        "SELECT e.kind, l.event_at < lag(l.event_at) OVER w, l.linked_at > lag(l.linked_at) OVER w FROM ledger.link l "
        "JOIN ledger.event e ON e.id = l.event_id WHERE l.tenant_id = %s WINDOW w AS (ORDER BY l.seq) ORDER BY l.seq",
        [tenant_id],
    ).fetchall()
    assert rows == [
        ("tenant.founded", None, None),
        ("test.first-to-commit", False, True),
        ("test.first-to-happen", True, True),
    ]
    assert broken_links(superuser_connection, tenant_id) == []


def test_a_long_transaction_keeps_no_other_writer_of_its_tenant_waiting(
    superuser_connection: Database,
) -> None:
    """Linking happens at COMMIT: whoever has noted something and works on holds no lock on the chain."""
    tenant_id = make_tenant().id

    def quick(_: int) -> None:
        note(tenant_id, "quick")

    with tenant_scope(tenant_id):
        note(tenant_id, "slow")
        assert race(1, quick) == [None]
    assert [kind for _, kind, *_ in chain_of(superuser_connection, tenant_id)][1:] == [
        "test.quick",
        "test.slow",
    ]


def test_linked_at_rises_even_when_the_clock_steps_back(superuser_connection: Database) -> None:
    """The head is put into the future, as after a clock that was set back; the raw clock is kept beside it."""
    database, tenant_id = superuser_connection, make_tenant().id
    database.execute(
        "UPDATE ledger.head SET linked_at = now() + interval '1 hour' WHERE tenant_id = %s", [tenant_id]
    )
    note(tenant_id, "late", count=2)
    row = database.execute(
        "SELECT min(linked_at) > now() + interval '59 minutes', max(clock_at) <= now(), count(DISTINCT linked_at) "
        "FROM ledger.link WHERE tenant_id = %s AND seq > 1",
        [tenant_id],
    ).fetchone()
    assert row == (True, True, 2)
    assert broken_links(database, tenant_id) == []


def test_a_second_chain_end_cannot_be_grown_beside_the_first(superuser_connection: Database) -> None:
    """Two links may not point at the same predecessor, whoever inserts them."""
    database, tenant_id = superuser_connection, make_tenant().id
    note(tenant_id)
    fork = (
        "INSERT INTO ledger.link SELECT tenant_id, seq + 1, gen_random_uuid(), event_at, linked_at, clock_at, prev, hash "
        "FROM ledger.link WHERE tenant_id = %s AND seq = 2"
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(fork, [tenant_id])
