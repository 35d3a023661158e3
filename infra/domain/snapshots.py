"""Snapshots that a stop of an RDS instance leaves behind: how each is named, and which may go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

PREFIX = "toban"
COMPLETE = "available"
#: States in which AWS still works on a snapshot.
_MAKING = frozenset({"creating", "pending", "copying", "modifying", "upgrading"})


@dataclass(frozen=True, slots=True)
class DbSnapshot:
    """One manual snapshot of an RDS instance."""

    id: str
    database: str
    state: str
    created_at: datetime | None

    @property
    def in_the_making(self) -> bool:
        return self.state in _MAKING


def snapshot_name(database: str, operation: UUID) -> str:
    """The one name that a stop's snapshot has, however often it is tried.

    AWS takes 1 to 255 letters, digits and hyphens, a letter first, no two hyphens in a row, none at the end; a database's
    own name (63 at most) keeps to that already.
    """
    return f"{PREFIX}-{database.lower()}-{operation.hex}"
