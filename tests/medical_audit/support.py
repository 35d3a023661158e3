"""The ledger from outside: events written by hand, chains read with plain SQL, and a copy to do damage in."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.db import connection

from medical_audit.domain.actor import Subject, system_actor
from medical_audit.operations.ledger import record
from medical_audit.tenancy import TenantModel, tenant_scope
from tests.conftest import _as_role
from tests.factories import MONDAY_0830

Database = psycopg.Connection[Any]


def note(tenant_id: UUID, text: str = "note", count: int = 1) -> None:
    """Write events of one tenant in one transaction of their own."""
    with tenant_scope(tenant_id):
        for number in range(count):
            record(
                f"test.{text}",
                actor=system_actor(tenant_id, "test"),
                subject=Subject("test", str(number)),
                now=MONDAY_0830,
            )


def ledger_partitions(database: Database) -> list[str]:
    rows = database.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger.event'::regclass"
    )
    return sorted(name for (name,) in rows.fetchall())


def chain_of(database: Database, tenant_id: UUID) -> list[tuple[int, str, bytes, bytes]]:
    """(seq, kind, prev, hash) in order."""
    rows = database.execute(
        "SELECT l.seq, e.kind, l.prev, l.hash FROM ledger.link l JOIN ledger.event e ON e.id = l.event_id "
        "WHERE l.tenant_id = %s ORDER BY l.seq",
        [tenant_id],
    ).fetchall()
    return [(seq, kind, bytes(prev), bytes(hash_)) for seq, kind, prev, hash_ in rows]


def broken_links(database: Database, tenant_id: UUID) -> list[int]:
    """Places where the chain does not hold, by hashlib alone: neither the database's code nor ours."""
    rows = database.execute(
        """
        SELECT l.seq, l.prev, l.hash, concat_ws(E'\n', 'toban-event-1', l.tenant_id, l.seq, e.id,
               to_char(e.event_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               to_char(l.linked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               to_char(l.clock_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.txid, e.db_user, e.body)
        FROM ledger.link l JOIN ledger.event e ON e.id = l.event_id WHERE l.tenant_id = %s ORDER BY l.seq
        """,
        [tenant_id],
    ).fetchall()
    last, broken = hashlib.sha256(f"toban-genesis:{tenant_id}".encode()).digest(), []
    for place, (seq, prev, hash_, text) in enumerate(rows, start=1):
        right = hashlib.sha256(b"\x00" + last + text.encode()).digest()
        if (seq, bytes(prev), bytes(hash_)) != (place, last, right):
            broken.append(place)
        last = bytes(hash_)
    return broken


def execute(statement: str, parameters: list[Any] | None = None) -> int:
    """Raw SQL on Django's connection; gives the number of rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or [])
        return int(cursor.rowcount)


def committed(database: Database, *statements: tuple[str, list[Any]] | str) -> None:
    """In one transaction, which then ends: what only a commit checks raises here."""
    with database.transaction():
        for one in statements:
            database.execute(*((one,) if isinstance(one, str) else one))


Row = TypeVar("Row", bound=TenantModel)


def plant(row: Row, *, force_insert: bool = True) -> Row:
    """Keep a row past every guard and without an event: as only a superuser can leave it."""
    with _as_role("super"), tenant_scope(row.tenant_id):
        execute("SET LOCAL session_replication_role = replica")
        row.save(force_insert=force_insert)
    return row
