"""This floor's windows for auditors: what runs where, and when. How Toban enters an account is not shown."""

from infra.models import (
    AccountSetup,
    Assignment,
    Attachment,
    AwsAccount,
    Closure,
    CompanyDay,
    DatabaseSnapshot,
    Finding,
    HeldRound,
    HolidayFeed,
    HolidayList,
    MaintenanceWindow,
    NamedSchedule,
    Override,
    Price,
    Project,
    Region,
    Resource,
    Revision,
    TaggingRule,
    TenantRules,
    Volume,
    VolumeSnapshot,
)
from medical_audit.admin.site import site

site.show(
    AwsAccount, "created_at", "name", "account_id", "automation", "automation_confirmed_by_name", "automation_confirmed_at",
    more=("time_zone", "automation_operation", "automation_confirmed_by_id"),
    filters=("automation",), search=("name", "account_id"), order=("created_at", "id"), page="infra:account",
)  # fmt: skip
site.show(
    AccountSetup, "started_at", "name", "account_id", "started_by_name", "proof_ended_at", "closed_at",
    more=("regions", "features", "managed_only", "started_by_id", "proof_asked_at", "proof_began_at", "proof"),
    search=("name", "account_id", "started_by_name"), order=("started_at", "id"),
)  # fmt: skip
site.show(
    Region, "name", "account__name", "looking", "inventory_at", "inventory_problem", "inventory_problem_since",
    more=("inventory_tried_at", "inventory_ended_at", "inventory_problem_detail"),
    filters=("name",), search=("account__name",), order=("name", "id"), newest_first=False, joined=("account",),
)  # fmt: skip
site.show(
    Resource, "name", "kind", "state", "project", "account__name", "next_change_at",
    more=(
        "aws_id", "region", "type", "aws_state", "tags", "facts", "first_seen_at", "state_since", "gone_at", "scheduled",
        "next_action", "planned_from", "schedule_source", "schedule_revision", "owed", "memory",
    ),
    filters=("kind", "state", "scheduled", "region"), search=("name", "aws_id", "project"), order=("name", "id"),
    newest_first=False, page="infra:resource", joined=("account",),
)  # fmt: skip
site.show(
    Finding, "found_at", "resource__name", "code", "tag", "value", "resolved_at", more=("suggestion",),
    filters=("code",), search=("resource__name", "value"), order=("found_at", "id"), joined=("resource",),
)  # fmt: skip
site.show(
    NamedSchedule, "created_at", "name", "published_by_name", "published_at", "archived_at",
    more=("description", "current", "published_operation", "published_by_id"),
    search=("name", "description"), order=("created_at", "id"), page="infra:schedule",
)  # fmt: skip
site.show(
    Revision, "created_at", "schedule__name", "number", "created_by_name", "published_at",
    more=("content", "digest", "note", "created_by_id", "updated_at"),
    search=("schedule__name", "created_by_name", "note"), order=("created_at", "id"), joined=("schedule",),
)  # fmt: skip
site.show(
    Assignment, "confirmed_at", "scope", "resource__name", "project", "schedule__name", "confirmed_by_name",
    more=("operation", "confirmed_by_id"),
    filters=("scope",), search=("resource__name", "project", "schedule__name"), order=("confirmed_at", "id"),
    joined=("resource", "schedule"),
)  # fmt: skip
site.show(
    Override, "created_at", "kind", "scope", "wish", "since", "until", "confirmed_by_name", "ended_at",
    more=(
        "resource__name", "project", "schedule__name", "reason", "operation", "entered_by_name", "entered_by_id",
        "confirmed_by_id", "ended_by_name",
    ),
    filters=("kind", "scope", "wish"), search=("reason", "project", "entered_by_name"), order=("created_at", "id"),
    joined=("resource", "schedule"),
)  # fmt: skip
site.show(
    HeldRound, "held_at", "running", "limit_percent", "released_by_name", "settled_at",
    more=("items", "operation", "released_at", "released_by_id"), search=("released_by_name", "operation"), order=("held_at", "id"),
)  # fmt: skip
site.show(
    TenantRules, "brake_percent", "brake_least", "changed_at", "operation",
    order=("brake_least", "id"), newest_first=False,
)  # fmt: skip
site.show(
    Price, "changed_at", "kind", "region", "type", "per_hour", "currency", "as_of", "changed_by_name", more=("source",),
    filters=("kind", "currency"), search=("type", "source"), order=("changed_at", "id"),
)  # fmt: skip
site.show(
    MaintenanceWindow, "seen_at", "name", "account__name", "region", "enabled", "next_at",
    more=("window_id", "previous_at", "duration_hours"),
    filters=("enabled",), search=("name", "window_id"), order=("seen_at", "id"), joined=("account",),
)  # fmt: skip
site.show(
    DatabaseSnapshot, "made_at", "name", "database", "kind", "state", "gone_at",
    more=("account__name", "region", "engine", "engine_version", "storage_gib", "encrypted", "seen_at"),
    filters=("kind", "state"), search=("name", "database"), order=("seen_at", "id"), page="infra:snapshot",
    joined=("account",),
)  # fmt: skip
site.show(
    Volume, "first_seen_at", "volume_id", "name", "state", "size_gib", "served_name", "naming",
    more=(
        "account__name", "region", "zone", "type", "multi_attach", "tags", "created_at", "gone_at", "name_missing_since",
        "served_instance", "served_device", "detached_at",
    ),
    filters=("state", "naming"), search=("volume_id", "name", "served_name", "served_instance"), order=("first_seen_at", "id"),
    page="infra:volume", joined=("account",),
)  # fmt: skip
site.show(
    Attachment, "since", "volume__volume_id", "instance_name", "instance_id", "device", "until",
    more=("delete_on_termination",),
    search=("volume__volume_id", "instance_name", "instance_id"), order=("since", "id"), joined=("volume",),
)  # fmt: skip
site.show(
    VolumeSnapshot, "made_at", "snapshot_id", "name", "volume_id", "state", "gone_at",
    more=("account__name", "region", "size_gib", "tier", "description", "images", "tags", "seen_at", "snoozed_until"),
    filters=("state", "tier"), search=("snapshot_id", "name", "volume_id"), order=("seen_at", "id"), joined=("account",),
)  # fmt: skip
site.show(
    TaggingRule, "confirmed_at", "account__name", "content", "confirmed_by_name",
    more=("operation",), search=("account__name", "confirmed_by_name"), order=("confirmed_at", "id"), joined=("account",),
)  # fmt: skip
site.show(
    HolidayList, "received_at", "source", "state", "received_by_name", "decided_at",
    more=("url", "days", "digest", "problem", "detail", "operation"),
    filters=("source", "state"), search=("received_by_name", "url", "digest"), order=("received_at", "id"),
)  # fmt: skip
site.show(
    HolidayFeed, "changed_at", "source", "url", "succeeded_at", "next_at", "changed_by_name",
    more=("tried_at", "problem", "detail"), search=("source", "url"), order=("changed_at", "id"),
)  # fmt: skip
site.show(
    CompanyDay, "day", "kind", "name", "operation", filters=("kind",), search=("name",), order=("day", "id"),
    newest_first=False,
)  # fmt: skip
site.show(
    Closure, "first", "last", "name", "operation", search=("name",), order=("first", "id"), newest_first=False,
)  # fmt: skip
site.show(
    Project, "changed_at", "name", "owner", "tag_key", "tag_values", "confirmed_by_name", more=("operation",),
    search=("name", "owner"), order=("changed_at", "id"),
)  # fmt: skip
