"""Who acts: a frozen value that is passed down as `actor=`, never looked up and never None."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from medical_audit.domain.errors import NotPermitted

#: Of an account that lies in a sealed envelope (see `Actor.no_one`): opened, it acts, but is nobody's second person.
ENVELOPE = "envelope"
#: Stands for "no tenant": events of the platform itself (a failed sign-in has no tenant yet).
NO_TENANT = UUID(int=0)


class ActorType(StrEnum):
    USER = "user"
    SCHEDULE = "schedule"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """One identified person or process, inside one tenant, with the rights it has right now.

    `no_one`: why what this account does is no one person's decision ("program", "shared", "envelope"), "" for everybody else.
    """

    tenant_id: UUID
    type: ActorType
    id: str
    name: str
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    session: str = ""
    address: str = ""
    request: str = ""
    no_one: str = ""

    def may(self, permission: str, tenant_id: UUID) -> bool:
        return tenant_id == self.tenant_id and permission in self.permissions

    def require(self, permission: str, tenant_id: UUID) -> None:
        """Raise NotPermitted unless this actor holds `permission` in exactly this tenant."""
        if not self.may(permission, tenant_id):
            raise NotPermitted(permission=str(permission))

    def require_somebody(self) -> None:
        """Raise NotPermitted where this account is no one person's: by it nobody judges, signs or gives anything away."""
        if self.no_one:
            raise NotPermitted(f"{self.no_one}_confirms_nothing")


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """Proof that the person at the keyboard is the actor: made only by accounts, checked by confirm."""

    user_id: str
    method: str
    at: datetime
    #: What an identity provider said of it: issuer, amr, acr, auth_time.
    claims: Mapping[str, object] = field(default_factory=dict)


def system_actor(tenant_id: UUID, name: str, permissions: frozenset[str] = frozenset()) -> Actor:
    """A process of Toban itself, e.g. the sweeper; it holds only the rights it is given here."""
    return Actor(tenant_id=tenant_id, type=ActorType.SYSTEM, id=name, name=name, permissions=permissions)


def schedule_actor(tenant_id: UUID, name: str, permissions: frozenset[str]) -> Actor:
    """The clock acting under a confirmed authority; that authority's person is named in the operation."""
    return Actor(tenant_id=tenant_id, type=ActorType.SCHEDULE, id=name, name=name, permissions=permissions)


@dataclass(frozen=True, slots=True)
class Principal:
    """The person on whose behalf a proxy enters (代行入力)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event or operation speaks of: names and ids only, evidence outlives the thing.

    `person`: whose name it is, where the thing itself is no person.
    """

    type: str
    id: str
    name: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class EventDraft:
    """One ledger event before it is written; `at` is the entry point's now, the database adds its own clock."""

    kind: str
    actor: Actor
    at: datetime
    subject: Subject
    outcome: str = "ok"
    operation_id: str = ""
    on_behalf_of: Principal | None = None
    reason: str = ""
    detail: dict[str, object] = field(default_factory=dict)
