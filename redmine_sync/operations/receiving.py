"""Taking in what GitHub sends: whose it is says its signature; the work itself is asked for, never done here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Subquery

from medical_audit.domain.actor import Subject, system_actor
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.hooks import GUID, BadDelivery, is_signed, read_payload, read_push, repository_of
from redmine_sync.models import Cause, Delivery, Repository, RepositoryState, RunState, SyncRun
from redmine_sync.queries.repositories import hook_secrets, hooked

PER_MINUTE = 120
#: Looked into where no repository is known, so that it takes as long as where one is.
NOWHERE = (UUID(int=1), UUID(int=1))


@dataclass(frozen=True, slots=True)
class Received:
    """`verdict`: unknown (no such project, or not signed: nobody is told which), bad_payload, too_many, pong, ignored,
    other_repository, replayed, duplicate, accepted. With the last two goes the repository to wake."""

    verdict: str
    tenant_id: UUID | None = None
    repository_id: UUID | None = None


def receive(
    project: str, body: bytes, *, signature: str, guid: str, event: str, content_type: str, now: datetime
) -> Received:
    """Judge one delivery and keep it, in as few steps as can be: GitHub waits. Never raises for what is sent."""
    for tenant_id, repository_id in hooked(project) or [NOWHERE]:
        with tenant_scope(tenant_id):
            if is_signed(body, signature, hook_secrets(repository_id, now)):
                try:
                    sent = Sent.read(body, event=event, guid=guid, content_type=content_type, now=now)
                except BadDelivery:
                    return Received("bad_payload")
                return Received(_keep(repository_id, sent), tenant_id, repository_id)
    return Received("unknown")


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery that is ours."""

    said: dict[str, Any]
    event: str
    guid: str
    sha256: str
    size: int
    now: datetime

    @classmethod
    def read(cls, body: bytes, *, event: str, guid: str, content_type: str, now: datetime) -> Sent:
        """Raises BadDelivery."""
        said = read_payload(body, content_type)
        if not GUID.fullmatch(guid):
            raise BadDelivery("delivery id")
        return cls(said, event, guid, hashlib.sha256(body).hexdigest(), len(body), now)


def _keep(repository_id: UUID, sent: Sent) -> str:
    now = sent.now
    mine = Delivery.objects.filter(repository=OuterRef("id"))
    lately = mine.filter(last_at__gt=now - timedelta(minutes=1)).order_by().values("repository")
    # Held first: whoever waits for the row would still see the deliveries of before.
    Repository.objects.select_for_update().get(id=repository_id)
    row = Repository.objects.annotate(
        lately=Subquery(lately.annotate(n=Count("id")).values("n")), known=Exists(mine.filter(guid=sent.guid))
    ).get(id=repository_id)
    if (row.lately or 0) >= PER_MINUTE:
        return "too_many"
    if sent.event != "ping":
        row.hook_came_at, row.silent = now, 0
    delivery = Delivery(
        tenant_id=row.tenant_id, repository=row, guid=sent.guid, event=sent.event[:40], size=sent.size, sha256=sent.sha256,
        received_at=now, last_at=now, verdict="ignored",
    )  # fmt: skip
    if row.known:
        return _again(row, Delivery.objects.select_related("run").get(repository=row, guid=sent.guid), sent)
    if sent.said.get("repository") is not None and repository_of(sent.said).lower() != row.name.lower():
        delivery.verdict = "other_repository"
        _tell(row, "repository.foreign_delivery", sent, other=repository_of(sent.said))
    elif sent.event == "ping":
        delivery.verdict, row.hook_pinged_at = "pong", now
    elif sent.event == "push" and row.state == RepositoryState.ACTIVE:
        _take_push(row, delivery, sent)
    delivery.save(force_insert=True)
    row.save(update_fields=["hook_came_at", "hook_pinged_at", "silent"])
    return delivery.verdict


def _take_push(row: Repository, delivery: Delivery, sent: Sent) -> None:
    try:
        push = read_push(sent.said)
    except BadDelivery:
        return
    delivery.ref, delivery.before, delivery.after = push.ref, push.before, push.after
    if push.ref.startswith("refs/heads/"):
        delivery.verdict, delivery.run = "accepted", ask(row, Cause.WEBHOOK, now=sent.now)


def _again(row: Repository, known: Delivery, sent: Sent) -> str:
    """The same delivery once more: GitHub repeats one only when a person asks for it there."""
    if known.sha256 != sent.sha256:
        _tell(row, "repository.replayed", sent, other=repository_of(sent.said))
        return "replayed"
    known.times, known.last_at = known.times + 1, sent.now
    verdict = "duplicate"
    if known.run is not None and known.run.state == RunState.FAILED and row.state == RepositoryState.ACTIVE:
        known.run, verdict = ask(row, Cause.WEBHOOK, now=sent.now), "accepted"
    known.save(update_fields=["times", "last_at", "run"])
    row.save(update_fields=["hook_came_at", "silent"])
    return verdict


def ask(row: Repository, cause: Cause, *, now: datetime, name: str = "", backfill: bool = False) -> SyncRun:
    """The run that is going to happen: the one that waits already, or a new one; the linking of older commits goes on where
    it failed, and is one while it is under way, because it waits between its pages. Inside a transaction that holds the row."""
    ahead = (RunState.WAITING, RunState.RUNNING) if backfill else (RunState.WAITING,)
    waiting: SyncRun | None = SyncRun.objects.filter(
        repository=row, backfill=backfill, state__in=ahead
    ).first()
    if waiting is not None:
        return waiting
    new = SyncRun(
        tenant_id=row.tenant_id, repository=row, cause=cause, backfill=backfill, asked_at=now,
        asked_by_name=name,
    )  # fmt: skip
    if backfill:
        last = SyncRun.objects.filter(repository=row, backfill=True).order_by("-asked_at", "-id").first()
        new.done = last.done if last is not None and last.state == RunState.FAILED else 0
    new.save(force_insert=True)
    return new


def note_refused(project: str, *, now: datetime) -> None:
    """Somebody sent a delivery for this project that none of its repositories has signed."""
    for tenant_id, repository_id in hooked(project):
        with tenant_scope(tenant_id):
            Repository.objects.filter(id=repository_id).update(hook_refused_at=now)


def _tell(row: Repository, kind: str, sent: Sent, **detail: object) -> None:
    record(
        kind, actor=system_actor(row.tenant_id, "githook"), subject=Subject("repository", str(row.id), row.name), now=sent.now,
        outcome="denied", detail={"guid": sent.guid, **detail},
    )  # fmt: skip
