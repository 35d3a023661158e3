"""Sealers of tests: their own key and anchors, the worker's own database."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from medical_audit.anchors.file import FileAnchor
from medical_audit.domain.anchoring import Anchor
from medical_audit.domain.checkpoint import ORIGIN
from medical_audit.domain.notes import Signer, VerifierKey
from medical_audit.operations.sealer import Sealer
from medical_audit.operations.sealing import Sealed
from medical_audit.queries.seals import database_clock
from tests.conftest import _as_role
from tests.medical_audit.support import Database, ledger_partitions

TABLES = ("event", "link", "head", "checkpoint", "tree_head", "tombstone")


@dataclass
class SealingRoom:
    """A key, its anchors, and the sealers that use them one after another."""

    signer: Signer
    anchors: Sequence[Anchor]
    keys: list[VerifierKey] = field(default_factory=list)
    clock: Callable[[], datetime] = database_clock

    def __post_init__(self) -> None:
        self.keys.append(self.signer.verifier)

    def sealer(self) -> Sealer:
        """A process that has just started and remembers nothing."""
        return Sealer(self.signer, self.keys, self.anchors, clock=self.clock, wall=time.time)

    def seal(self) -> Sealed:
        with _as_role("audit"):
            sealed = self.sealer().round()
        assert sealed is not None
        return sealed


def make_room(folder: Path) -> SealingRoom:
    return SealingRoom(Signer.generate(ORIGIN), [FileAnchor(folder / "seals.jsonl")])


def tamper(database: Database, *statements: Any) -> None:
    """Do damage as nobody can who is not superuser, and hide the traces: the triggers are on again afterwards.

    Each statement is SQL, or is followed by its parameters; one that hits nothing is a mistake of the test.
    """
    tables = [*(f"ledger.{name}" for name in TABLES), *ledger_partitions(database)]
    with database.transaction():
        for table in tables:
            database.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for place, statement in enumerate(statements):
            if isinstance(statement, str):
                following = statements[place + 1 : place + 2]
                values = following[0] if following and not isinstance(following[0], str) else None
                assert database.execute(statement, values).rowcount > 0, statement
        for table in tables:
            if table != "ledger.head":
                database.execute("SELECT ledger.guard(%s::regclass)", [table])
        for trigger in ("deny_delete", "deny_truncate"):
            database.execute(f"ALTER TABLE ledger.head ENABLE ALWAYS TRIGGER {trigger}")


def later(by: timedelta) -> Callable[[], datetime]:
    return lambda: database_clock() + by


def let_seals_lie_ahead(database: Database) -> None:
    """The database takes seals of times to come, as if its clock were ahead when it is asked; announced, for an hour."""
    database.execute("SELECT ledger.open_maintenance('a clock that is ahead', interval '1 hour')")
    ((text,),) = database.execute(
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE (pronamespace, proname) = ('ledger'::regnamespace, 'seal')"
    ).fetchall()
    assert "OR p_at > clock_timestamp()" in text
    database.execute(text.replace("OR p_at > clock_timestamp()", ""))
