"""A tenant whose people come in by an identity provider, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.test import Client

from accounts.domain.permissions import Role
from accounts.domain.terms import Terms
from accounts.models import User
from accounts.operations import sign_on
from accounts.operations.terms import enter_terms
from medical_audit import clock
from medical_audit.models import Operation, Session
from medical_audit.operations import entry
from medical_audit.tenancy import platform_scope
from tests.accounts.provider import CLIENT, SECRET, Provider
from tests.factories import Cast, proof
from tests.stage import Stage, make_stage

#: A link of our own page was clicked.
CLICKED = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class House:
    """A tenant whose people come in by a provider."""

    stage: Stage
    provider: Provider

    @property
    def cast(self) -> Cast:
        return self.stage.cast

    def decide(self, enter: Any, *values: object) -> Operation:
        """Entered by the administrator and confirmed by the approver."""
        operation = enter(
            *values, actor=self.cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="病院IDへの移行"
        )
        confirmer, now = self.cast.actor(Role.APPROVER), clock.now()
        entry.confirm(
            operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
        )
        return operation

    def address(self, back: str = "") -> str:
        return f"/sign-in/with/{self.cast.tenant.id}/{back}"

    def come(self, client: Client | None = None, goal: str = "", again: bool = False) -> tuple[Client, Any]:
        """Away to the provider and back; gives the browser and what it was answered."""
        client = client or Client()
        sent = client.get(
            self.address(), {"next": goal} | ({"again": "yes"} if again else {}), headers=CLICKED
        )
        assert sent.status_code == 302
        return client, client.get(self.provider.sign_in(sent["Location"]))


def make_house(cast: Cast, provider: Provider) -> House:
    """Switched on beside the password; the operator has an address by which he is recognised."""
    one = House(make_stage(cast), provider)
    one.decide(enter_terms, cast.people[Role.OPERATOR].id, Terms(email="unyo@hospital.example.jp"))
    one.decide(
        sign_on.enter_provider, "病院ID", provider.issuer, CLIENT, SECRET, "email", "hospital.example.jp"
    )
    one.decide(sign_on.enter_switch, "offered", [])
    provider.says = {"email": "unyo@hospital.example.jp"}
    return one


def newest(user: User) -> Session:
    with platform_scope(user_id=user.id):
        return Session.objects.filter(user_id=user.id).latest("started_at")
