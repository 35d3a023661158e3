"""A tenant whose troubles become tickets: connected by the book, with a clock that stands until it is moved."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from accounts.domain.permissions import Role
from medical_audit import clock as database_clock
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.models import Event, Operation
from medical_audit.operations import entry as entering
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import Entry, RedmineServer, ServerState, Ticket
from redmine_sync.operations import connecting, ruling, sending
from tests.conftest import _as_role
from tests.factories import Cast, proof
from tests.simulated import Clock

REASON = "チケット連携の開始"


@dataclass(frozen=True)
class Place:
    """Where a Redmine is, real or not: what a tenant needs to connect to it."""

    url: str
    key: str
    closed_status: int = 5
    open_status: int = 1
    project: int = 1
    tracker: int = 1


@dataclass
class Shop:
    cast: Cast
    place: Place
    clock: Clock = field(default_factory=lambda: Clock(database_clock.now()))

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.cast.tenant.id

    def actor(self, role: Role) -> Actor:
        return self.cast.actor(role)

    def confirm(self, operation: Operation) -> Operation:
        actor, now = self.actor(Role.APPROVER), self.clock()
        return entering.confirm(
            operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof(actor, now)
        )

    def draft(self, url: str = "", key: str = "", language: str = "ja") -> RedmineServer:
        return connecting.save_draft(
            url or self.place.url, key or self.place.key, language, actor=self.actor(Role.ADMINISTRATOR), now=self.clock()
        )  # fmt: skip

    def probe(self, server: RedmineServer) -> RedmineServer:
        with _as_role("worker"):
            connecting.probe(self.tenant_id, server.id, now=self.clock())
        return self.server(ServerState.DRAFT)

    def connect(self, language: str = "ja", **changes: Any) -> RedmineServer:
        drafted = self.probe(self.draft(language=language))
        given: dict[str, Any] = {
            "open_status": self.place.open_status, "closed_status": self.place.closed_status, "snooze_days": 7,
        } | changes  # fmt: skip
        self.confirm(
            connecting.enter_connect(
                drafted.id, **given, actor=self.actor(Role.ADMINISTRATOR), now=self.clock(), reason=REASON
            )
        )
        return self.server()

    def rule(self, project: str = "", *, approvals: bool = True, wait_min: int = 15, **changes: Any) -> None:
        given: dict[str, Any] = {
            "redmine_project": self.place.project, "tracker": self.place.tracker, "failures": True, "topics": {},
        } | changes  # fmt: skip
        self.confirm(
            ruling.enter_rule(
                project=project, approvals=approvals, approval_wait_min=wait_min, **given,
                actor=self.actor(Role.ADMINISTRATOR), now=self.clock(), reason=REASON,
            )
        )  # fmt: skip

    def server(self, state: ServerState = ServerState.ACTIVE) -> RedmineServer:
        with tenant_scope(self.tenant_id):
            found: RedmineServer = RedmineServer.objects.get(state=state)
            return found

    def happens(
        self,
        what: str,
        target: str,
        *,
        kind: str = "ec2.start",
        operation: uuid.UUID | None = None,
        subject: str = "server",
        subject_id: str = "",
        **detail: Any,
    ) -> uuid.UUID:
        """One event of an operation, as the worker of the lane would write it."""
        number = operation or uuid.uuid4()
        with _as_role("worker"), tenant_scope(self.tenant_id):
            record(
                f"operation.{what}",
                actor=system_actor(self.tenant_id, "worker"),
                subject=Subject(subject, subject_id or target, target),
                now=self.clock(),
                operation_id=str(number),
                detail={"kind": kind, "state": what.upper(), **detail},
            )
        return number

    def finds(self, what: str, target: str, subject: str = "volume", **detail: Any) -> None:
        """One event that is no operation's: what a look at AWS, or the calendar of reviews, found."""
        with _as_role("worker"), tenant_scope(self.tenant_id):
            record(
                what,
                actor=system_actor(self.tenant_id, "worker"),
                subject=Subject(subject, str(uuid.uuid5(uuid.NAMESPACE_OID, target)), target),
                now=self.clock(),
                detail=detail,
            )

    def serve(self, minutes: float = 0) -> sending.Served:
        """A visit of the worker, after some time."""
        self.clock.pass_(minutes=minutes)
        with _as_role("worker"):
            return sending.serve(self.tenant_id, self.server().id, worker="test", clock=self.clock)

    def serve_all(self, visits: int = 50) -> None:
        for _ in range(visits):
            self.serve(minutes=2)
            if not self.entries(state__in=("waiting", "trying")):
                return

    def tickets(self) -> list[Ticket]:
        with tenant_scope(self.tenant_id):
            return list(Ticket.objects.order_by("created_at", "key"))

    def ticket(self) -> Ticket:
        (found,) = self.tickets()
        return found

    def entries(self, **wanted: Any) -> list[Entry]:
        with tenant_scope(self.tenant_id):
            return list(Entry.objects.filter(**wanted).order_by("seq"))

    def events(self, beginning: str) -> list[dict[str, Any]]:
        with tenant_scope(self.tenant_id):
            rows = Event.objects.filter(kind__startswith=beginning).order_by("event_at", "ord")
            return [json.loads(row.body) for row in rows]
