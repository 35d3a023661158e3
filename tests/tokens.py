"""API tokens for tests, made as a person makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.test import Client

from accounts.domain.permissions import Role
from accounts.operations.tokens import NEVER, enter_token
from medical_audit import clock
from medical_audit.operations import entry
from tests.factories import Cast, proof

A_DAY = timedelta(days=1)


def make_token(
    cast: Cast,
    role: Role,
    permissions: Sequence[str] | None = None,
    *,
    networks: Sequence[str] = (),
    lasts: timedelta = A_DAY,
    now: datetime | None = None,
    factor: str = "otp",
) -> str:
    """The text of a confirmed token; with everything that the person may put into it, unless said otherwise.

    `factor`: by which besides the password he confirmed it, "" for none.
    """
    actor, now = cast.actor(role), now or clock.now()
    wanted = sorted(actor.permissions - NEVER) if permissions is None else permissions
    made = enter_token("CI", wanted, networks, now + lasts, actor=actor, now=now, reason="自動化のため")
    entry.confirm(
        made.operation.id,
        actor=actor,
        now=now,
        seen_digest=made.operation.digest,
        proof=replace(proof(actor, now), method=f"password+{factor}" if factor else "password"),
    )
    return made.text


def bearer(text: str) -> Client:
    """A program that sends this token with every call; as strict about CSRF as a real server is."""
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {text}"})
