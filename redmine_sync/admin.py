"""This floor's windows for auditors: what the tickets say, and what GitHub told. Keys have none."""

from medical_audit.admin.site import site
from redmine_sync.models import Delivery, Entry, RedmineServer, Repository, SyncRun, Ticket, TicketRule

site.show(
    RedmineServer, "drafted_at", "url", "state", "drafted_by_name", "confirmed_by_name", "confirmed_at",
    more=("language", "snooze_days", "operation", "probed_at", "report", "problem", "problem_since", "followed_seq", "polled_at", "reconciled_at"),
    filters=("state",), search=("url", "drafted_by_name", "confirmed_by_name"), order=("drafted_at", "id"),
)  # fmt: skip
site.show(
    TicketRule, "project", "redmine_identifier", "failures", "approvals", "confirmed_by_name",
    more=("approval_wait_min", "from_seq", "operation"), search=("project", "redmine_identifier"), order=("project", "id"),
    newest_first=False,
)  # fmt: skip
site.show(
    Ticket, "created_at", "issue", "state", "operation_kind", "target_name", "project",
    more=(
        "key", "kind", "operation", "target_type", "target_id", "times", "status", "diverged", "wished_closed", "snoozed_until",
        "updated_on", "read_at", "last_note", "last_note_by", "last_note_at",
    ),
    filters=("state", "operation_kind"), search=("target_name", "project", "key"), order=("created_at", "id"),
)  # fmt: skip
site.show(
    Entry, "created_at", "ticket__issue", "verb", "state", "attempts", "outcome", "ended_at",
    more=("seq", "event_id", "event", "failures", "next_at", "detail"),
    filters=("state", "verb"), search=("event_id", "outcome"), order=("created_at", "id"), joined=("ticket",),
)  # fmt: skip
site.show(
    Repository, "drafted_at", "name", "state", "redmine_identifier", "confirmed_by_name", "synced_at",
    more=(
        "url", "strict", "operation", "confirmed_at", "drafted_by_name", "removal", "looked_at", "hook_came_at",
        "hook_refused_at", "polled_at", "failures", "problem", "problem_detail", "problem_since", "heads", "rule",
    ),
    filters=("state",), search=("name", "redmine_identifier"), order=("drafted_at", "id"), page="redmine_sync:repository",
)  # fmt: skip
site.show(
    SyncRun, "asked_at", "repository__name", "cause", "state", "commits", "linked", "ended_at",
    more=("asked_by_name", "backfill", "started_at", "steps", "code", "detail", "repaired", "done", "total"),
    filters=("state", "cause"), search=("repository__name",), order=("asked_at", "id"), joined=("repository",),
)  # fmt: skip
site.show(
    Delivery, "received_at", "repository__name", "event", "ref", "verdict", "times",
    more=("guid", "before", "after", "size", "sha256", "last_at"),
    filters=("verdict", "event"), search=("repository__name", "guid", "ref"), order=("received_at", "id"),
    joined=("repository",),
)  # fmt: skip
