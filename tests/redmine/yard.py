"""A tenant whose repository is registered by the book: drafted, looked at by a worker, confirmed, fetched."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import Any

from accounts.domain.permissions import Role
from config.simulator.redmine import SimulatedRedmine
from config.simulator.redmine_commits import SERVICE_KEY
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from redmine_sync.git import Mirror
from redmine_sync.models import Delivery, Repository, SyncRun
from redmine_sync.operations import fetching, looking, receiving, registering
from redmine_sync.queries.repositories import mirror_folder
from tests.conftest import _as_role
from tests.redmine.origin import Origin
from tests.redmine.shop import REASON, Shop


@dataclass
class Yard:
    shop: Shop
    origin: Origin
    fake: SimulatedRedmine
    id: uuid.UUID | None = None
    secret: str = ""
    project: str = "portal-demo"
    service_key: str = SERVICE_KEY

    @property
    def links(self) -> dict[int, set[str]]:
        return self.fake.commits.links

    def draft(self, url: str = "", *, strict: bool = False, service_key: str = "") -> Repository:
        row, self.secret = registering.save_draft(
            url or self.origin.url, "", self.shop.place.project, service_key or self.service_key, strict=strict,
            actor=self.shop.actor(Role.ADMINISTRATOR), now=self.shop.clock(),
        )  # fmt: skip
        self.id = row.id
        return row

    def look(self) -> dict[str, str]:
        """What the look found, by code."""
        assert self.id is not None
        self.shop.clock.pass_(seconds=1)
        registering.ask_look(self.id, actor=self.shop.actor(Role.ADMINISTRATOR), now=self.shop.clock())
        with _as_role("worker"):
            assert looking.look_if_asked(self.shop.tenant_id, self.id, worker="test", clock=self.shop.clock)
        return {one["code"]: one["found"] for one in self.row().report["checks"]}

    def enter(self) -> Operation:
        assert self.id is not None
        return registering.enter_register(
            self.id, actor=self.shop.actor(Role.ADMINISTRATOR), now=self.shop.clock(), reason=REASON
        )

    def register(self, url: str = "", *, strict: bool = False) -> Repository:
        self.draft(url, strict=strict)
        self.look()
        self.shop.confirm(self.enter())
        return self.row()

    def row(self) -> Repository:
        with tenant_scope(self.shop.tenant_id):
            found: Repository = Repository.objects.select_related("server").get(id=self.id)
            return found

    def serve(self, minutes: float = 0) -> SyncRun | None:
        """A worker's visit after some time; gives the newest run."""
        assert self.id is not None
        self.shop.clock.pass_(minutes=minutes, seconds=1)
        with _as_role("worker"):
            while fetching.serve(self.shop.tenant_id, self.id, worker="test", clock=self.shop.clock):
                pass
        return self.runs()[-1] if self.runs() else None

    def runs(self) -> list[SyncRun]:
        with tenant_scope(self.shop.tenant_id):
            return list(SyncRun.objects.filter(repository=self.id).order_by("asked_at", "started_at"))

    def deliveries(self) -> list[Delivery]:
        with tenant_scope(self.shop.tenant_id):
            return list(Delivery.objects.filter(repository=self.id).order_by("received_at"))

    @property
    def mirror(self) -> Mirror:
        return Mirror(mirror_folder(self.row()))

    def push_of(
        self, after: str, *, before: str = "1" * 40, name: str = "acme/portal", ref: str = "refs/heads/main"
    ) -> bytes:
        return json.dumps(
            {"ref": ref, "before": before, "after": after, "repository": {"full_name": name}}
        ).encode()

    def deliver(
        self, body: bytes, *, guid: str = "", event: str = "push", secret: str = "", **more: Any
    ) -> str:
        given: dict[str, Any] = {
            "signature": sign(body, secret or self.secret), "guid": guid or str(uuid.uuid4()), "event": event,
            "content_type": "application/json", "now": self.shop.clock(),
        } | more  # fmt: skip
        return receiving.receive(self.project, body, **given).verdict


def sign(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
