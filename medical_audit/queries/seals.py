"""What is sealed, how far, and what guards the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from medical_audit.domain.checkpoint import Checkpoint, TreeHead
from medical_audit.domain.held import KIND

_CATALOGUE = Path(__file__).resolve().parent.parent / "migrations" / "catalogue.sql"
_HEADS = """
SELECT t.number, t.size, t.root, t.last_hash,
    (SELECT c.at FROM ledger.checkpoint c WHERE c.number < t.number ORDER BY c.number DESC LIMIT 1)
FROM ledger.tree_head t WHERE t.tenant_id = %s AND t.size > %s AND t.number <= %s ORDER BY t.size LIMIT %s
"""
_GUARD = """
SELECT EXISTS (SELECT 1 FROM pg_event_trigger WHERE evtname = 'toban_guard' AND evtenabled = 'A')
"""

#: By the locks that it holds, for nobody sees what it wrote. Locks know 32 bits of a transaction's number, events all 64.
_UNCOMMITTED = """
SELECT open.txid FROM (SELECT pg_snapshot_xip(pg_current_snapshot())::text::bigint AS txid) open
WHERE EXISTS (
    SELECT FROM pg_locks own JOIN pg_locks linking USING (virtualtransaction)
    WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock' AND own.granted
      AND own.transactionid::text::bigint = (open.txid & 4294967295)
      AND linking.locktype = 'relation' AND linking.relation = 'ledger.link'::regclass AND linking.mode = 'RowExclusiveLock'
      AND linking.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

#: Under this and the anchor's name it is kept how far an anchor has come.
ANCHOR_DUTY: Final = "anchor:"
#: What the platform's own chain says of itself that excuses a seal over other guards, or a late one, or an event that it lacks.
EXCUSES: Final = ("ledger.catalogue_changed", "ledger.maintenance_opened", "ledger.sealing_resumed", KIND)


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint as the database holds it."""

    number: int
    at: datetime
    note: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class SealedHead:
    """A tenant's tree as checkpoint `number` sealed it; `before`: when the checkpoint before that one was made (None: none was)."""

    number: int
    head: TreeHead
    before: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one tenant's chain is sealed: `seq` links are there, `head` is what was sealed last (None: nothing yet) at
    checkpoint `number`, `found` the hash that stands now at the place where it ended."""

    tenant_id: UUID
    seq: int
    number: int
    head: TreeHead | None
    frontier: bytes
    found: bytes | None


@dataclass(frozen=True, slots=True)
class Duty:
    """How a duty of the sealer stands: `seal`, or `anchor:<place>`. `number`: the checkpoint up to which it is done."""

    name: str
    tried_at: datetime
    done_at: datetime | None
    number: int
    problem: str


def duties() -> dict[str, Duty]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tried_at, done_at, number, problem FROM ledger.duty ORDER BY name")
        return {row[0]: Duty(*row) for row in cursor.fetchall()}


def database_clock() -> datetime:
    """The database's own clock, by which events are linked; never the demo's shifted one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def newest_checkpoint() -> Stored | None:
    return _one("SELECT number, at, note, hash FROM ledger.checkpoint ORDER BY number DESC LIMIT 1", [])


def checkpoint(number: int) -> Stored | None:
    return _one("SELECT number, at, note, hash FROM ledger.checkpoint WHERE number = %s", [number])


def checkpoint_behind(number: int) -> Stored | None:
    """The first one with a greater number."""
    return _one(
        "SELECT number, at, note, hash FROM ledger.checkpoint WHERE number > %s ORDER BY number LIMIT 1",
        [number],
    )


def uncommitted() -> frozenset[int]:
    """The transactions that have linked events and have not ended."""
    with connection.cursor() as cursor:
        cursor.execute(_UNCOMMITTED)
        return frozenset(row[0] for row in cursor.fetchall())


def number_at(moment: datetime) -> int:
    """The first checkpoint behind a moment, or the newest there is (0: none)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT number FROM ledger.checkpoint WHERE at >= %s ORDER BY number LIMIT 1), "
            "(SELECT max(number) FROM ledger.checkpoint), 0)",
            [moment],
        )
        return int(cursor.fetchone()[0])


def sealed_at(note: str) -> datetime:
    """When a seal was made, by its own words; raises BadNote. Who signed it is not asked here."""
    return Checkpoint.parse(note.rpartition("\n\n")[0] + "\n").at


def checkpoints(first: int, last: int, *, page: int = 2000) -> Iterator[Stored]:
    """From `first` to `last`, both included, in order; a missing one is simply not there."""
    while first <= last:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, at, note, hash FROM ledger.checkpoint WHERE number BETWEEN %s AND %s ORDER BY number LIMIT %s",
                [first, last, page],
            )
            rows = cursor.fetchall()
        for row in rows:
            yield _stored(row)
        if len(rows) < page:
            return
        first = rows[-1][0] + 1


def progress() -> list[Progress]:
    """Every tenant with a chain or a seal; needs the audit role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ledger.progress()")
        return [
            Progress(
                tenant_id=tenant_id,
                seq=seq,
                number=number or 0,
                head=None if size is None else TreeHead(tenant_id, size, bytes(root), bytes(last_hash)),
                frontier=bytes(frontier or b""),
                found=None if found is None else bytes(found),
            )
            for tenant_id, seq, number, size, root, frontier, last_hash, found in cursor.fetchall()
        ]


def grown(after: int, until: int) -> list[tuple[int, TreeHead]]:
    """(checkpoint, head) of each tree that grew behind `after` and up to `until`; needs the audit role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ledger.grown(%s, %s)", [after, until])
        return [
            (number, TreeHead(tenant_id, size, bytes(root), bytes(last_hash)))
            for number, tenant_id, size, root, last_hash in cursor.fetchall()
        ]


def growth(after: int, until: int, *, page: int = 2000) -> Iterator[tuple[int, list[TreeHead]]]:
    """The same seal by seal, in order, `page` seals at a time: years of them fit into no memory."""
    for first in range(after, until, page):
        found: dict[int, list[TreeHead]] = {}
        for number, head in grown(first, min(first + page, until)):
            found.setdefault(number, []).append(head)
        yield from found.items()


def maintenances() -> list[tuple[datetime, datetime]]:
    """(when, until when) maintenance of the guards was opened; needs the audit role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT at, until FROM ledger.maintenance WHERE until > at ORDER BY id")
        return list(cursor.fetchall())


def registered() -> list[tuple[datetime, str]]:
    """(when, which) digests of what guards the ledger were registered as right."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT at, digest FROM ledger.catalogue ORDER BY id")
        return list(cursor.fetchall())


def heads_at(number: int) -> list[tuple[int, TreeHead]]:
    """(checkpoint, head) of every tenant as that checkpoint sealed it: its newest head by then; needs the audit role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ledger.heads_at(%s)", [number])
        return [
            (made, TreeHead(tenant_id, size, bytes(root), bytes(last_hash)))
            for made, tenant_id, size, root, last_hash in cursor.fetchall()
        ]


def last_head(tenant_id: UUID, *, until: int | None = None) -> tuple[int, TreeHead] | None:
    """The newest (checkpoint, head) of one bound tenant, by checkpoint `until`."""
    return _head(_LAST_HEAD, tenant_id, until)


def head_of_size(tenant_id: UUID, least: int) -> tuple[int, TreeHead] | None:
    """The first (checkpoint, head) of one bound tenant that has `least` events or more."""
    return _head(_HEAD_OF_SIZE, tenant_id, least)


def head_below(tenant_id: UUID, size: int, *, until: int) -> tuple[int, TreeHead] | None:
    """The last (checkpoint, head) of one bound tenant, by checkpoint `until`, that has fewer events than `size`."""
    return _head(_HEAD_BELOW, tenant_id, size, until)


_LAST_HEAD = """
SELECT number, size, root, last_hash FROM ledger.tree_head
WHERE tenant_id = %s AND number <= coalesce(%s, number) ORDER BY number DESC LIMIT 1
"""
_HEAD_OF_SIZE = """
SELECT number, size, root, last_hash FROM ledger.tree_head WHERE tenant_id = %s AND size >= %s ORDER BY size LIMIT 1
"""
_HEAD_BELOW = """
SELECT number, size, root, last_hash FROM ledger.tree_head
WHERE tenant_id = %s AND size < %s AND number <= %s ORDER BY size DESC LIMIT 1
"""


def _head(question: str, tenant_id: UUID, *values: int | None) -> tuple[int, TreeHead] | None:
    with connection.cursor() as cursor:
        cursor.execute(question, [tenant_id, *values])
        row = cursor.fetchone()
    return None if row is None else (row[0], TreeHead(tenant_id, row[1], bytes(row[2]), bytes(row[3])))


def heads_of(tenant_id: UUID, *, behind: int = 0, until: int, page: int = 2000) -> Iterator[SealedHead]:
    """The heads of one bound tenant with more than `behind` events, up to checkpoint `until`, in order, `page` at a time."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_HEADS, [tenant_id, behind, until, page])
            rows = cursor.fetchall()
        for number, size, root, last_hash, before in rows:
            yield SealedHead(number, TreeHead(tenant_id, size, bytes(root), bytes(last_hash)), before)
        if len(rows) < page:
            return
        behind = rows[-1][1]


def catalogue_digest() -> str:
    """The digest of what guards the ledger, by our own text: a function in the database could have been exchanged."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog")
        cursor.execute(_CATALOGUE.read_text(encoding="utf-8"))
        (digest,) = cursor.fetchone()
        cursor.execute("SET LOCAL search_path = DEFAULT")
    return str(digest)


def is_guarded() -> bool:
    """Whether the database itself refuses changes of the catalogue (config/guard.sql)."""
    with connection.cursor() as cursor:
        cursor.execute(_GUARD)
        return bool(cursor.fetchone()[0])


def _one(statement: str, parameters: list[int]) -> Stored | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    return _stored(row) if row else None


def _stored(row: tuple[int, datetime, str, memoryview]) -> Stored:
    number, at, note, hashed = row
    return Stored(number, at, note, bytes(hashed))
