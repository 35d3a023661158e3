"""Receivers as two people enter and confirm them, and what happens in a tenant that they are told of."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.domain.permissions import Role
from accounts.models import Channel, Dispatch
from accounts.operations import channels, dispatching, following
from medical_audit import clock
from medical_audit.domain.actor import Subject, system_actor
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import Cast, proof


def confirm(cast: Cast, operation: Operation) -> None:
    approver, now = cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        operation.id, actor=approver, now=now, seen_digest=operation.digest, proof=proof(approver, now)
    )


def opened(
    cast: Cast, url: str, wanted: Sequence[str] = ("*",), *, kind: str = "webhook", secret: str = ""
) -> tuple[Channel, str]:
    """A confirmed receiver and its secret."""
    entered = channels.enter_open(
        kind, "監視基盤", url, wanted, "ja", actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="連携のため",
        secret=secret,
    )  # fmt: skip
    confirm(cast, entered.operation)
    with tenant_scope(cast.tenant.id):
        return Channel.objects.get(id=entered.operation.target_id), entered.text


def happens(cast: Cast, kind: str = "operation.failed", name: str = "ehr-web-01", **detail: object) -> None:
    with tenant_scope(cast.tenant.id):
        record(
            kind, actor=system_actor(cast.tenant.id, "worker"), subject=Subject("resource", str(uuid.uuid4()), name),
            now=clock.now(), outcome="failed", reason="秘密の理由", detail={"kind": "ec2.start", **detail},
        )  # fmt: skip


def follow(cast: Cast) -> int:
    with _as_role("worker"):
        return following.follow(cast.tenant.id, now=clock.now())


def serve(
    cast: Cast, channel: Channel, *, after: timedelta = timedelta(), seconds: float = 5.0
) -> dispatching.Sent:
    """One visit, as if so much time had passed."""

    def then() -> datetime:
        return clock.now() + after

    with _as_role("worker"):
        return dispatching.serve(cast.tenant.id, channel.id, worker="test", clock=then, seconds=seconds)


def log_of(cast: Cast, channel: Channel) -> list[Dispatch]:
    with tenant_scope(cast.tenant.id):
        return list(Dispatch.objects.filter(channel=channel).order_by("seq", "created_at"))


def fresh(cast: Cast, channel: Channel) -> Channel:
    with tenant_scope(cast.tenant.id):
        return Channel.objects.get(id=channel.id)
