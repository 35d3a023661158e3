"""This floor's windows for auditors: who may. No secret has a window, nor a hash of one."""

from accounts.models import (
    Admission,
    ApiToken,
    Channel,
    Dispatch,
    Invitation,
    Membership,
    MemberTerms,
    NoticeChoice,
    NoticeDelivery,
    Recertification,
    RecertificationItem,
    SignOnLink,
    SignOnProvider,
)
from medical_audit.admin.site import site

site.show(
    Membership, "granted_at", "user__name", "user__username", "role", "user__is_active", more=("user__id", "user__email"),
    filters=("role",), search=("user__name", "user__username"), order=("granted_at", "id"), joined=("user",),
)  # fmt: skip
site.show(
    Invitation, "made_at", "user__name", "user__username", "reissues", "expires_at", "used_at", more=("operation",),
    filters=("reissues",), search=("user__name", "user__username"), order=("made_at", "id"), joined=("user",),
)  # fmt: skip
site.show(
    ApiToken, "made_at", "name", "user__name", "expires_at", "used_at", "ended_at",
    more=("user__username", "permissions", "networks", "operation", "used_from", "ended_by_name"),
    search=("name", "user__name"), order=("made_at", "id"), joined=("user",),
)  # fmt: skip
site.show(
    MemberTerms, "changed_at", "user__name", "user__username", "kind", "begins_at", "ends_at", "ended_at",
    more=("email", "company", "holder_id", "holder_name", "operation"), filters=("kind",),
    search=("user__name", "user__username", "company"), order=("changed_at", "id"), joined=("user",),
)  # fmt: skip
site.show(
    Admission, "asked_at", "user__username", "role", "ends_at", "answer", "answered_at",
    more=("house", "kind", "company", "reason", "operation"), filters=("answer",), search=("user__username", "company"),
    order=("asked_at", "id"), joined=("user",),
)  # fmt: skip
site.show(
    Recertification, "begun_at", "name", "begun_by_name", "due_at", "closed_at", more=("reminded_at",),
    search=("name", "begun_by_name"), order=("begun_at", "id"),
)  # fmt: skip
site.show(
    RecertificationItem, "granted_at", "user__name", "user__username", "role", "decision", "decided_by_name", "decided_at",
    more=("decided_by_id", "reason", "operation"), filters=("decision",), search=("user__name", "user__username"),
    order=("granted_at", "id"), joined=("user",),
)  # fmt: skip
site.show(
    SignOnProvider, "changed_at", "name", "issuer", "mode", "claim",
    more=("client_id", "domains", "endpoints", "local_people", "operation"), filters=("mode",), search=("name", "issuer"),
    order=("changed_at", "id"),
)  # fmt: skip
site.show(
    SignOnLink, "made_at", "user__name", "user__username", "issuer", "used_at", "ended_at", more=("subject", "ended_operation"),
    search=("user__name", "user__username"), order=("made_at", "id"), joined=("user",),
)  # fmt: skip
site.show(
    NoticeDelivery, "begun_at", "person_name", "address", "items", "state", "ended_at",
    more=("person_id", "up_to_seq", "problem"),
    filters=("state",), search=("person_name", "address"), order=("begun_at", "id"),
)  # fmt: skip
site.show(
    NoticeChoice, "changed_at", "person_name", "inbox", "mail", "address",
    more=("person_id", "language", "seen_seq", "mailed_seq", "mail_after"),
    search=("person_name",), order=("changed_at", "id"),
)  # fmt: skip
site.show(
    Channel, "made_at", "kind", "name", "host", "person_name", "state", "problem", "sent_at",
    more=("url", "wanted", "language", "person_id", "operation", "confirmed_by_name", "from_seq", "problem_since"),
    filters=("kind", "state"), search=("name", "host", "person_name"), order=("made_at", "id"),
)  # fmt: skip
site.show(
    Dispatch, "created_at", "channel__name", "event_kind", "state", "status", "attempts", "ended_at",
    more=("seq", "event_id", "items", "body", "next_at", "latency_ms", "outcome", "detail", "tried_at"),
    filters=("state",), search=("channel__name", "event_kind"), order=("created_at", "id"), joined=("channel",),
)  # fmt: skip
