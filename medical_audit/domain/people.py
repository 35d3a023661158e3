"""People of a tenant as the floor above knows them; this floor asks, and never looks anybody up itself."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from medical_audit.domain.actor import ENVELOPE


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a tenant with his roles. `no_one`: as of an actor (`domain.actor.Actor`); an emergency right is opened for one
    person, or for an envelope."""

    id: str
    name: str
    roles: tuple[str, ...]
    no_one: str = ""

    @property
    def for_emergencies(self) -> bool:
        return self.no_one in ("", ENVELOPE)


class Directory(Protocol):
    """Who belongs to the bound tenant, and which roles hold which right."""

    def members(self, tenant_id: UUID) -> Sequence[Member]:
        """Everybody with at least one role here and an open account, by name."""

    def roles_with(self, permission: str) -> tuple[str, ...]:
        """The roles that hold this right."""

    def holds(self, tenant_id: UUID, user_id: str, permission: str, role: str) -> bool:
        """Does this person hold the right, and the role (if one is named), at this moment? Nobody does by an account that is no one
        person's, but by an envelope while it is opened."""

    def in_hands_of(
        self, tenant_id: UUID, person_id: str, accounts: Collection[str], *, since: datetime | None = None
    ) -> frozenset[str]:
        """Of these accounts (ids) those that are nobody's own and that this person can act by: he was shown a token of it that had not
        ended by `since` (None: ever), asked for its envelope or was shown the last way into it, or answers for it. What such an
        account did counts as his own act."""

    def has_enterer_in_hand(self, person_id: str) -> Any:
        """The same, of the account that entered it, as a condition for a query of operations."""


_directory: list[Directory] = []


def register_directory(found: Directory) -> None:
    """Tell this floor whom to ask; called once per process by the floor that knows people."""
    _directory[:] = [found]


def directory() -> Directory:
    """Raises RuntimeError where nobody can answer: then nothing is decided either."""
    if not _directory:
        raise RuntimeError("no directory of people is registered")
    return _directory[0]
