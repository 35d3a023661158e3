"""The ledger takes events by one function, keeps them as they are, and nobody inside may change its past."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from django.db import DatabaseError, connection

from medical_audit.operations import partitions
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast, make_tenant
from tests.medical_audit.support import Database, broken_links, chain_of, execute, ledger_partitions, note

APP_ROLES = ("web", "worker", "scheduler", "audit")
GUARDS = {"deny_change", "deny_truncate", "check_time", "link_at_commit"}
BODY = json.dumps(
    {
        "kind": "forged",
        "outcome": "ok",
        "actor": {"id": "", "name": ""},
        "subject": {"type": "", "id": "", "name": ""},
    }
)


@pytest.fixture
def tenant_id(django_db_setup: None) -> uuid.UUID:
    """A tenant whose chain has three events: its founding and two notes."""
    tenant = make_tenant()
    note(tenant.id, count=2)
    return tenant.id


def _past(database: Database) -> int:
    row = database.execute("SELECT count(*) FROM ledger.event").fetchone()
    return int(row[0]) if row else 0


def _attacks(database: Database) -> Iterator[str]:
    for table in ("ledger.event", "ledger.link", *ledger_partitions(database)):
        yield f"UPDATE {table} SET tenant_id = gen_random_uuid()"
        yield f"DELETE FROM {table}"
        yield f"TRUNCATE {table}"
    yield "DELETE FROM ledger.head"
    yield "TRUNCATE ledger.head"


@pytest.mark.parametrize("role", [*APP_ROLES, "owner"])
def test_no_role_of_ours_can_change_the_past(
    role: str, tenant_id: uuid.UUID, as_role: AsRole, superuser_connection: Database
) -> None:
    before = _past(superuser_connection)
    with as_role(role):
        for attack in _attacks(superuser_connection):
            with pytest.raises(DatabaseError) as refusal, tenant_scope(tenant_id):
                execute(attack)
            assert isinstance(refusal.value.__cause__, psycopg.errors.InsufficientPrivilege), attack
    assert _past(superuser_connection) == before


def _attack(database: Database, role: str, mode: str, attack: str, parameters: Sequence[object] = ()) -> None:
    with database.transaction():
        database.execute(f"SET LOCAL session_replication_role = {mode}")
        database.execute(f"SET LOCAL ROLE {role}")
        database.execute(attack, parameters)


@pytest.mark.parametrize("mode", ["origin", "replica"])
def test_triggers_stop_even_the_ledgers_own_role_and_a_superuser_who_says_he_is_a_replica(
    mode: str, tenant_id: uuid.UUID, superuser_connection: Database
) -> None:
    """UPDATE and DELETE fire per row, so the row in hand is attacked where it lies."""
    database = superuser_connection
    before = _past(database)
    (home,) = database.execute("SELECT DISTINCT tableoid::regclass::text FROM ledger.event").fetchall()[0]
    for role in ("toban_ledger", "toban_super"):
        for attack in _attacks(database):
            table = attack.split()[1] if attack.startswith("UPDATE") else attack.split()[-1]
            here = ("ledger.event", "ledger.link", "ledger.head", *((home,) if role == "toban_super" else ()))
            if attack.startswith("TRUNCATE") or table in here:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    _attack(database, role, mode, attack)
    assert _past(database) == before


def test_the_ledgers_own_role_finds_no_row_in_a_partition_by_its_name(superuser_connection: Database) -> None:
    """A partition has no policy of its own: past the parent nothing is seen, and so nothing is hit."""
    (home,) = superuser_connection.execute(
        "SELECT tableoid::regclass::text FROM ledger.event LIMIT 1"
    ).fetchall()[0]
    with superuser_connection.transaction(force_rollback=True):
        superuser_connection.execute("SET LOCAL ROLE toban_ledger")
        assert superuser_connection.execute(f"DELETE FROM {home}").rowcount == 0


def _enabled_triggers(database: Database, table: str) -> dict[str, str]:
    rows = database.execute(
        "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
        [table],
    ).fetchall()
    return dict(rows)


def test_every_partition_has_every_guard_always_on(superuser_connection: Database) -> None:
    for table in ("ledger.event", *ledger_partitions(superuser_connection)):
        assert _enabled_triggers(superuser_connection, table) == dict.fromkeys(GUARDS, "A"), table
    assert _enabled_triggers(superuser_connection, "ledger.link") == {
        "deny_change": "A",
        "deny_truncate": "A",
    }
    assert _enabled_triggers(superuser_connection, "ledger.head") == {
        "deny_delete": "A",
        "deny_truncate": "A",
    }


def test_a_partition_made_later_has_every_guard_too(as_role: AsRole, superuser_connection: Database) -> None:
    before = set(ledger_partitions(superuser_connection))
    with as_role("scheduler"):
        made = partitions.ensure(months=26)
        assert partitions.ensure(months=26) == 0
    new = set(ledger_partitions(superuser_connection)) - before
    assert len(new) == made > 0
    for table in new:
        assert _enabled_triggers(superuser_connection, table) == dict.fromkeys(GUARDS, "A")
        row = superuser_connection.execute(
            "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [table]
        ).fetchone()
        assert row == (True,)


def test_a_month_is_made_beside_a_long_reader_and_waits_for_nobody_long(
    ledger_of_its_own: None, as_role: AsRole, superuser_connection: Database
) -> None:
    """Else everybody would wait behind it: who reads for long (a backup, an export), and who holds the table otherwise (VACUUM)."""
    tenant_id = make_tenant().id
    with superuser_connection.transaction():
        superuser_connection.execute("SELECT FROM ledger.event LIMIT 1")
        with as_role("scheduler"):
            assert partitions.ensure(months=26) > 0
    with superuser_connection.transaction():
        superuser_connection.execute("LOCK ledger.event IN SHARE UPDATE EXCLUSIVE MODE")
        with as_role("scheduler"):
            assert partitions.ensure(months=28) == 0
        note(tenant_id)
    with as_role("scheduler"):
        assert partitions.ensure(months=28) > 0
        assert partitions.ensure(months=29) > 0
        assert partitions.ensure(months=30) == 0, "announced four times today"


def test_partitions_reach_two_years_ahead_without_a_gap(superuser_connection: Database) -> None:
    rows = superuser_connection.execute(
        "SELECT to_char(now() AT TIME ZONE 'UTC' + make_interval(months => n), '\"ledger.event_\"YYYY_MM') "
        "FROM generate_series(0, 24) n"
    ).fetchall()
    assert {name for (name,) in rows} <= set(ledger_partitions(superuser_connection))


INSERT = "INSERT INTO ledger.event (tenant_id, body{}) VALUES (%s, %s{})"


@pytest.mark.parametrize("role", [*APP_ROLES, "owner"])
def test_an_event_cannot_be_written_past_the_function(
    role: str, tenant_id: uuid.UUID, as_role: AsRole
) -> None:
    for statement, parameters in (
        (INSERT.format("", ""), [tenant_id, BODY]),
        ("INSERT INTO ledger.link SELECT * FROM ledger.link", []),
        ("UPDATE ledger.head SET seq = seq + 1", []),
        ("SELECT ledger.link_transaction()", []),
        ("SELECT nextval('ledger.event_ord')", []),
    ):
        with as_role(role), pytest.raises(DatabaseError) as refusal, tenant_scope(tenant_id):
            execute(statement, parameters)
        assert isinstance(refusal.value.__cause__, psycopg.errors.InsufficientPrivilege), statement


@pytest.mark.parametrize("role", ["toban_ledger", "toban_super"])
@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event_at", "now() - interval '1 hour'"),
        ("event_at", "clock_timestamp() + interval '1 hour'"),
        ("txid", "1"),
        ("db_user", "'toban_web'"),
    ],
)
def test_a_forged_time_transaction_or_user_is_refused_for_everybody(
    column: str, value: str, mode: str, role: str, tenant_id: uuid.UUID, superuser_connection: Database
) -> None:
    forged = INSERT.format(f", {column}", f", {value}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _attack(superuser_connection, role, mode, forged, [tenant_id, BODY])


def test_events_of_another_tenant_are_refused(tenant_id: uuid.UUID, cast: Cast, as_role: AsRole) -> None:
    with (
        as_role("web"),
        pytest.raises(DatabaseError, match="while another tenant is bound"),
        tenant_scope(cast.tenant.id),
    ):
        execute("SELECT ledger.log(%s, %s)", [tenant_id, [BODY]])
    with as_role("web"), pytest.raises(DatabaseError):
        execute("SELECT ledger.log(%s, %s)", [tenant_id, [BODY]])


@pytest.mark.parametrize(
    "body",
    [
        "no json",
        '{"kind": "k"}',
        BODY.replace("forged", "nul \\u0000"),
        '{"outcome": "ok", "actor": {"id": "", "name": ""}, "subject": {"type": "", "id": "", "name": ""}}',
    ],
)
def test_a_body_that_does_not_say_who_did_what_is_refused(body: str, tenant_id: uuid.UUID) -> None:
    with pytest.raises(DatabaseError), tenant_scope(tenant_id):
        execute("SELECT ledger.log(%s, %s)", [tenant_id, [body]])


def test_the_database_says_who_wrote_and_when(
    tenant_id: uuid.UUID, as_role: AsRole, superuser_connection: Database
) -> None:
    with as_role("worker"):
        note(tenant_id, "by-worker")
    row = superuser_connection.execute(
        "SELECT db_user, event_at BETWEEN now() - interval '10 minutes' AND now() FROM ledger.event WHERE kind = 'test.by-worker'"
    ).fetchone()
    assert row == ("toban_worker", True)


def _note_and_fail(tenant_id: uuid.UUID, text: str) -> None:
    with tenant_scope(tenant_id):
        note(tenant_id, text)
        _ = 1 // 0


def test_a_rollback_leaves_no_event_and_no_gap(tenant_id: uuid.UUID, superuser_connection: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _note_and_fail(tenant_id, "undone")
    with tenant_scope(tenant_id):
        note(tenant_id, "kept")
        with pytest.raises(ZeroDivisionError):
            _note_and_fail(tenant_id, "undone-in-part")
        note(tenant_id, "kept-too")
    chain = chain_of(superuser_connection, tenant_id)
    assert [seq for seq, *_ in chain] == [1, 2, 3, 4, 5]
    assert [kind for _, kind, *_ in chain[3:]] == ["test.kept", "test.kept-too"]
    row = superuser_connection.execute(
        "SELECT count(*) FROM ledger.event WHERE kind LIKE 'test.undone%'"
    ).fetchone()
    assert row == (0,)


def test_events_stand_in_the_order_in_which_they_were_written(
    tenant_id: uuid.UUID, superuser_connection: Database
) -> None:
    with tenant_scope(tenant_id):
        for number in range(20):
            note(tenant_id, f"n{number:02}")
    assert [kind for _, kind, *_ in chain_of(superuser_connection, tenant_id)[3:]] == [
        f"test.n{n:02}" for n in range(20)
    ]


def test_linking_cannot_be_skipped_by_asking_for_it_early(
    tenant_id: uuid.UUID, superuser_connection: Database
) -> None:
    with tenant_scope(tenant_id):
        note(tenant_id, "before")
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        note(tenant_id, "after")
    chain = chain_of(superuser_connection, tenant_id)
    assert [kind for _, kind, *_ in chain[3:]] == ["test.before", "test.after"]


def test_no_event_is_without_its_link_and_no_link_without_its_event(superuser_connection: Database) -> None:
    row = superuser_connection.execute(
        "SELECT count(*) FROM ledger.event e FULL JOIN ledger.link l ON l.event_id = e.id AND l.event_at = e.event_at "
        "AND l.tenant_id = e.tenant_id WHERE e.id IS NULL OR l.event_id IS NULL"
    ).fetchone()
    assert row == (0,)


@pytest.mark.parametrize("count", [1, 3, 7, 8, 12])
@pytest.mark.parametrize("forged", ["", "many", "00000000-0000-0000-0000-000000000000+"])
def test_whatever_a_transaction_says_of_its_events_each_is_linked_in_its_place(
    forged: str, count: int, tenant_id: uuid.UUID, superuser_connection: Database
) -> None:
    """Few events are linked without a search; what decides that is the writer's to forge, and it decides nothing else."""
    other = make_tenant().id
    with tenant_scope(tenant_id):
        for number in range(count):
            note(tenant_id, f"n{number:02}")
            if forged:
                execute(f"SELECT set_config('ledger.written', '{forged}', true)")
        note(other, "other")
        if forged:
            execute(f"SELECT set_config('ledger.written', '{forged}', true)")
    assert [kind for _, kind, *_ in chain_of(superuser_connection, tenant_id)[3:]] == [
        f"test.n{number:02}" for number in range(count)
    ]
    assert [kind for _, kind, *_ in chain_of(superuser_connection, other)[1:]] == ["test.other"]
    for one in (tenant_id, other):
        assert broken_links(superuser_connection, one) == []


def test_linking_an_event_opens_no_other_months_partition(tenant_id: uuid.UUID) -> None:
    """It once opened every partition of the coming years, at each COMMIT: a third of all throughput."""
    with tenant_scope(tenant_id):
        note(tenant_id)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(DISTINCT relation) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN "
                "(SELECT inhrelid FROM pg_inherits WHERE inhparent = 'ledger.event'::regclass)"
            )
            assert cursor.fetchone() == (1,)
