"""The ground floor's windows: what happened, on whose authority, and what says that the record is whole."""

from medical_audit.admin.site import site
from medical_audit.models import (
    AccessReview,
    Anomaly,
    AnomalyRules,
    AnomalyWatch,
    ClockReading,
    Confirmation,
    ConfirmPolicy,
    Delegation,
    Deputy,
    Emergency,
    Event,
    Export,
    Lane,
    Operation,
    Retention,
    ReviewItem,
    Seal,
    TenantPolicy,
    VerificationRun,
    Visit,
)

site.show(
    Event, "at", "sentence", "kind", "outcome",
    more=("subject_name", "event_at", "actor_type", "actor_name", "actor_id", "subject_type", "subject_id", "operation_id", "txid", "db_user", "body"),
    filters=("kind", "outcome"), search=("body",), order=("event_at", "ord"), page="medical_audit:event", exported=True,
)  # fmt: skip
site.show(
    Operation, "entered_at", "sentence", "state", "entered_by_name", "confirmed_by_name", "outcome",
    more=(
        "kind", "target_type", "target_id", "target_name", "lane", "parameters", "shown", "digest", "reason", "entered_by_type",
        "entered_by_id", "on_behalf_of_name", "on_behalf_of_id", "due_at", "deadline", "approval_expires_at", "policy",
        "policy_role", "version", "corrects", "authority", "confirmed_by_id", "confirmed_at", "reauthentication", "phase",
        "attempts", "called_at", "accepted_at", "verify_until", "unknown_since", "finished_at", "outcome_detail", "request_id",
    ),
    filters=("state", "kind", "entered_by_type", "policy"),
    search=("target_name", "target_id", "entered_by_name", "confirmed_by_name", "reason"), order=("entered_at", "id"),
    page="medical_audit:operation",
)  # fmt: skip
site.show(
    Confirmation, "at", "person_name", "operation", "reauthentication", more=("person_id", "digest"),
    search=("person_name",), order=("at", "id"),
)  # fmt: skip
site.show(
    Visit, "entered_at", "user_name", "address", "device", "end", "ended_at",
    more=(
        "session", "user_id", "active_at", "ended_by_name", "ended_by_id", "address_raw", "network", "method", "factors",
        "resumed_from", "parallel_with", "idle_s",
    ),
    filters=("end", "method"), search=("user_name", "address", "session"), order=("entered_at", "id"),
)  # fmt: skip
site.show(
    Emergency, "opened_at", "person_name", "reason", "opened_by_name", "closes_at", "closed_at", "reviewed_at",
    more=("person_id", "asked_by_name", "opened_by_id", "closing", "operation", "review_operation", "reviewed_by_name", "verdict"),
    filters=("closing",), search=("person_name", "reason"), order=("opened_at", "id"), page="medical_audit:emergency",
)  # fmt: skip
site.show(
    Anomaly, "at", "rule", "person_name", "figures", more=("person_id", "event_id", "found_at"),
    filters=("rule",), search=("person_name",), order=("at", "id"),
)  # fmt: skip
site.show(
    AnomalyRules, "changed_at", "limits", "operation", order=("changed_at", "id"),
)  # fmt: skip
site.show(AnomalyWatch, "looked_at", "seq", order=("looked_at", "id"))
site.show(
    AccessReview, "begun_at", "name", "begun_by_name", "drawn_at", "signed_at", "signed_by_name",
    more=("interim", "since", "until", "begun_by_id", "seal", "seed", "population", "operation"),
    filters=("interim",), search=("name",), order=("begun_at", "id"), page="medical_audit:review",
)  # fmt: skip
site.show(
    ReviewItem, "actor_name", "review__name", "why", "verdict", "judged_by_name", "judged_at",
    more=("findings", "event_id", "actor_id", "note", "judged_by_id"),
    filters=("verdict", "why"), search=("actor_name", "judged_by_name", "note"), order=("actor_name", "id"),
    newest_first=False, joined=("review",),
)  # fmt: skip
site.show(
    Delegation, "begins_at", "principal_name", "proxy_name", "ends_at", "ended_at",
    more=("principal_id", "proxy_id", "kinds", "evidence", "operation", "ended_operation"),
    search=("principal_name", "proxy_name", "evidence"), order=("begins_at", "id"),
)  # fmt: skip
site.show(
    Deputy, "principal_name", "place", "deputy_name", more=("principal_id", "deputy_id", "operation"),
    search=("principal_name", "deputy_name"), order=("principal_name", "id"), newest_first=False,
)  # fmt: skip
site.show(
    ConfirmPolicy, "changed_at", "kind", "policy", "role", "operation", filters=("policy",), search=("kind",),
    order=("changed_at", "id"),
)  # fmt: skip
site.show(
    TenantPolicy, "changed_at", "idle_minutes", "grace_seconds", "escalate_hours", "second_factor_from", "operation",
    order=("changed_at", "id"),
)  # fmt: skip
site.show(
    Export, "asked_at", "asked_by_name", "format", "state", "rows", "purpose",
    more=("asked_by_id", "language", "question", "started_at", "finished_at", "expires_at", "total", "bytes", "sha256", "problem"),
    filters=("format", "state"), search=("asked_by_name", "purpose", "sha256"), order=("asked_at", "id"),
)  # fmt: skip
site.show(
    VerificationRun, "asked_at", "verdict", "asked_by_name", "checked", "finished_at",
    more=("asked_by_id", "started_at", "total", "damage", "damage_of", "damage_seq", "sealed", "seal", "anchors", "silences", "problem"),
    filters=("verdict",), search=("asked_by_name",), order=("asked_at", "id"),
)  # fmt: skip
site.show(Seal, "at", "number", "hash", more=("note",), search=("hash",), order=("at", "number"))
site.show(
    ClockReading, "at", "state", "machine", "machine_ms", "source", "database_ms", more=("stratum", "problem"),
    filters=("state",), search=("machine", "source"), order=("at", "id"),
)  # fmt: skip
site.show(
    Lane, "name", "breaker", "failures", "served_at",
    more=("account", "worker", "leased_until", "fence", "breaker_reason", "open_until"),
    filters=("breaker",), search=("name",), order=("name", "id"), newest_first=False,
)  # fmt: skip
site.show(Retention, "changed_at", "years", "hold", "operation", order=("changed_at", "id"))
