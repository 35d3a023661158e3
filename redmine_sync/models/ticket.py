"""Tickets as Toban knows them, and the entries that wait to be written into them."""

import uuid

from django.db import models
from django.db.models import Q

from medical_audit.tenancy import TenantModel
from redmine_sync.models.server import RedmineServer


class TicketState(models.TextChoices):
    """wanted: not written yet; snoozed: a person closed it early; orphaned: its issue is gone from the server."""

    WANTED = "wanted"
    OPEN = "open"
    CLOSED = "closed"
    SNOOZED = "snoozed"
    ORPHANED = "orphaned"


#: What whoever holds the server's lane writes; the rest is the reader's of the ledger, who may be at it at the same time.
OF_THE_LANE = (
    "redmine_project", "state", "issue", "times", "status", "status_id", "diverged", "wished_closed", "snoozed_until",
    "read_journal", "updated_on", "read_at", "read_since", "last_note", "last_note_by", "last_note_at",
)  # fmt: skip


class Ticket(TenantModel):
    """One subject of trouble, one issue. `key` stands in the issue's custom field and finds it again. `kind` is a topic; `items`:
    of a ticket for all of a project what it holds now, by id.

    `diverged` is a code where Redmine and Toban say different things and a person decides. `settled_journal` is the
    change up to which the question of the status is settled, `read_journal` the last one that was read; `read_at` and `read_since` are when it was
    read at `updated_on` last and first, because that clock has whole seconds.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    server = models.ForeignKey(RedmineServer, on_delete=models.PROTECT, related_name="tickets")
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)
    project = models.CharField(max_length=300, blank=True)
    operation_kind = models.CharField(max_length=60)
    operation = models.CharField(max_length=36, blank=True)
    target_type = models.CharField(max_length=30)
    target_id = models.CharField(max_length=64)
    target_name = models.CharField(max_length=300, blank=True)
    redmine_project = models.IntegerField()
    tracker = models.IntegerField()

    items = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=TicketState.choices, default=TicketState.WANTED)
    issue = models.IntegerField(null=True)
    times = models.IntegerField(default=0)
    status = models.CharField(max_length=100, blank=True)
    status_id = models.IntegerField(null=True)
    diverged = models.CharField(max_length=40, blank=True)
    wished_closed = models.BooleanField(default=False)
    snoozed_until = models.DateTimeField(null=True)
    settled_journal = models.BigIntegerField(default=0)
    read_journal = models.BigIntegerField(default=0)
    updated_on = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    read_since = models.DateTimeField(null=True)
    last_note = models.CharField(max_length=300, blank=True)
    last_note_by = models.CharField(max_length=200, blank=True)
    last_note_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["server", "key"], name="ticket_key_once"),
            models.UniqueConstraint(fields=["server", "issue"], name="ticket_issue_once"),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "-created_at", "-id"], name="ticket_recent"),
            models.Index(fields=["tenant_id", "target_type", "target_id"], name="ticket_of_target"),
            models.Index(fields=["tenant_id", "operation"], name="ticket_of_operation"),
        ]

    @property
    def url(self) -> str:
        """Where it stands in Redmine, "" until it is written."""
        return f"{self.server.url}/issues/{self.issue}" if self.issue else ""


class Verb(models.TextChoices):
    """open: there is trouble, the issue exists and is open; close: it is over."""

    OPEN = "open"
    CLOSE = "close"


class EntryState(models.TextChoices):
    """trying: an attempt was begun and its end not yet written, so that it is in doubt; dead: only a person helps."""

    WAITING = "waiting"
    TRYING = "trying"
    DONE = "done"
    DROPPED = "dropped"
    DEAD = "dead"


#: States that hold back what comes after them at the same ticket.
BLOCKING = (EntryState.WAITING, EntryState.TRYING, EntryState.DEAD)


class Entry(TenantModel):
    """One thing to be told at a ticket, made of one ledger event; `seq` is the event's place in the tenant's chain.

    Order is kept within a ticket. `event` holds what the text is made of: codes, names and times, no sentences.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="entries")
    seq = models.BigIntegerField()
    event_id = models.UUIDField()
    verb = models.CharField(max_length=5, choices=Verb.choices)
    event = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=EntryState.choices, default=EntryState.WAITING)
    attempts = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    outcome = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["ticket", "event_id"], name="entry_once")]
        indexes = [
            models.Index(
                fields=["ticket", "seq"],
                condition=Q(state__in=["waiting", "trying", "dead"]),
                name="entry_open",
            ),
            models.Index(fields=["tenant_id", "state", "next_at"], name="entry_by_state"),
        ]
