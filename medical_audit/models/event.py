"""Windows on the ledger: the tables belong to the ledger's own role and are written by its functions only."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from medical_audit.domain.personal import ERASED, REFERENCING, is_token, people_reader, readable
from medical_audit.tenancy import CurrentTenant, TenantManager, TenantModel


class Known:
    """What can be read of the people in some events, looked up once for all of them and only when somebody asks."""

    def __init__(self, events: "Sequence[Event]") -> None:
        self._events = events
        self._values: Mapping[str, str] | None = None

    @property
    def values(self) -> Mapping[str, str]:
        if self._values is None:
            found: dict[str, str] = {}
            for tenant_id in {event.tenant_id for event in self._events}:
                texts = [event.body for event in self._events if event.tenant_id == tenant_id]
                found |= people_reader()(tenant_id, texts)
            self._values = found
        return self._values


class EventQuerySet(models.QuerySet[Any]):
    """Events that are fetched together are asked about their people together."""

    def _fetch_all(self) -> None:
        is_new = self._result_cache is None
        super()._fetch_all()
        events = [row for row in self._result_cache or () if isinstance(row, Event)] if is_new else []
        known = Known(events)
        for event in events:
            event.known = known


class EventManager(TenantManager):
    """Only events of the bound tenant."""

    def get_queryset(self) -> EventQuerySet:
        return EventQuerySet(self.model, using=self._db).filter(tenant_id=CurrentTenant())


class Event(TenantModel):
    """One thing that happened; `body` is canonical JSON, the other columns are derived from it by the database.

    People stand in `body`, `actor_ref` and `subject_ref` by reference (ADR 19); `said`, `actor_name` and `subject_name` are
    for reading.
    """

    ord = models.BigIntegerField()
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    event_at = models.DateTimeField()
    txid = models.BigIntegerField()
    db_user = models.TextField()
    body = models.TextField()
    kind = models.TextField()
    outcome = models.TextField()
    actor_type = models.TextField()
    actor_id = models.TextField()
    actor_ref = models.TextField(db_column="actor_name")
    subject_type = models.TextField()
    subject_id = models.TextField()
    subject_ref = models.TextField(db_column="subject_name")
    operation_id = models.TextField(null=True)

    objects: ClassVar[TenantManager] = EventManager()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = '"ledger"."event"'

    known: Known | None = None

    @property
    def at(self) -> datetime:
        """When it happened by the clock that the pages show: `event_at`, but for a demo whose clock is shifted."""
        return self.event_at + timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)

    @property
    def people(self) -> Mapping[str, str]:
        """What can be read of the people in it, by reference."""
        self.known = self.known or Known([self])
        return self.known.values

    @property
    def said(self) -> Mapping[str, Any]:
        """The body as read: references to people exchanged for what can be read of them."""
        found: Mapping[str, Any] = readable(json.loads(self.body), self.people)
        return found

    @property
    def is_referring(self) -> bool:
        """Whether people stand in it by reference; not in events of before ADR 19."""
        return bool(json.loads(self.body).get("v") == REFERENCING)

    @property
    def actor_name(self) -> str:
        return self._named(self.actor_ref)

    @property
    def subject_name(self) -> str:
        return self._named(self.subject_ref)

    def _named(self, text: str) -> str:
        return self.people.get(text, ERASED) if is_token(text) else text


class Link(TenantModel):
    """The place of an event in its tenant's gapless chain."""

    event_id = models.UUIDField(primary_key=True)
    seq = models.BigIntegerField()
    event_at = models.DateTimeField()
    linked_at = models.DateTimeField()
    clock_at = models.DateTimeField()
    prev = models.BinaryField()
    hash = models.BinaryField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = '"ledger"."link"'
