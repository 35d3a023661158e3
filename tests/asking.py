"""How one address of the portal is asked: every name of the URL resolver, with an object made for the question."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse

from infra.operations.drafts import create_schedule
from infra.operations.setups import begin_setup
from medical_audit import clock
from tests.expected import ADMIN, A, O
from tests.redmine.planted import plant_repository
from tests.routes import converters, routes
from tests.simulated import TOKYO, new_account_id
from tests.stage import Stage, make_stage

ENTERING = ("infra:operation-enter", "api:operations")
NAMES = {name for name, _pattern in routes(get_resolver().url_patterns)}
#: The auditors' windows are all served by the same two views (tests/pages/test_admin.py): two of them are asked here.
ROUTES = sorted(name for name in NAMES if not name.startswith("admin:") or name in ADMIN)
IN_TENANT = [
    name
    for name in ROUTES
    if name.startswith(("infra:", "medical_audit:", "redmine_sync:", "inbox:", "people:", "api:", "admin:"))
    and name != "api:tenants"
]


@dataclass
class Asking:
    """Asks one address as somebody, with an object made for this very question."""

    stage: Stage
    name: str

    def url(self, *, slug: str | None = None, pk: object = None) -> str:
        kwargs: dict[str, Any] = {"slug": slug or self.stage.slug} if self.name in IN_TENANT else {}
        if "link" in converters(self.name):
            kwargs["link"] = f"{'0' * 32}_no-such-link"
        if "house" in converters(self.name):
            kwargs["house"] = uuid.uuid4()
        if "pk" in converters(self.name):
            kwargs["pk"] = pk or self.fresh()
        return reverse(self.name, kwargs=kwargs)

    def fresh(self) -> uuid.UUID:
        """The id of a new object of the kind that this address takes."""
        if self.name.startswith(("redmine_sync:repository", "api:repository")):
            return plant_repository(self.stage.cast.tenant.id)
        if (thing := self.stage.thing(self.name)) is not None:
            return thing
        if self.name.startswith(
            (
                "infra:account-setup",
                "infra:account-template",
                "infra:rollout",
                "api:account-setup",
                "api:account-rollout",
            )
        ):
            return self.setup()
        if self.name.startswith(
            ("infra:account", "infra:tagging-account", "api:tagging-account", "api:account")
        ):
            return make_stage(self.stage.cast, automation=False).account.id
        if self.name.startswith(("infra:schedule", "api:schedule")):
            actor = self.stage.cast.actor(O)
            content = {"zone": "Asia/Tokyo", "periods": [{"begin": "08:30"}], "options": {}}
            name = f"s-{uuid.uuid4().hex[:8]}"
            made: uuid.UUID = create_schedule(name, content, actor=actor, now=clock.now()).schedule_id
            return made
        operation: uuid.UUID = self.stage.entered().id
        return operation

    def setup(self) -> uuid.UUID:
        rollout = uuid.uuid4()
        begun: uuid.UUID = begin_setup(
            new_account_id(), "本番", regions=[TOKYO], features=["servers"], managed_only=False, rollout=rollout,
            actor=self.stage.cast.actor(A), now=clock.now(),
        ).id  # fmt: skip
        return rollout if "rollout" in self.name else begun

    def body(self, target: object = None) -> dict[str, Any]:
        """What an unsafe method sends; `target` is the resource of an entry."""
        if self.name == "infra:operation-enter":
            return {"action": "start", "ids": str(target or self.stage.resource().id), "reason": ""}
        if self.name == "api:operations":
            return {
                "kind": "ec2.start",
                "resource": str(target or self.stage.resource().id),
                "reason": "保守のため",
            }
        if self.name == "medical_audit:operation-confirm":
            return {"digest": "0" * 64, "password": ""}
        return {}

    def ask(
        self, client: Client, method: str, url: str, body: dict[str, Any] | None = None, **headers: str
    ) -> HttpResponse:
        sent = self.body() if body is None else body
        if method == "GET":
            query = sent if self.name == "infra:operation-enter" else {}
            return client.get(url, query, headers=headers)  # type: ignore[return-value]
        if self.name.startswith("api:"):
            return client.generic(
                method, url, json.dumps(sent), content_type="application/json", headers=headers
            )  # type: ignore[return-value]
        if method == "POST":
            return client.post(url, sent, headers=headers)  # type: ignore[return-value]
        return client.generic(method, url, headers=headers)  # type: ignore[return-value]
