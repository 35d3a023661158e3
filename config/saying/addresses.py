"""Addresses: filtered lists, other pages of a list, the live part of a page, AWS's own console."""

from typing import Final
from urllib.parse import quote

from django.http import HttpRequest
from django.urls import reverse

from config.saying.fields import field

PAGING: Final = ("after", "before", "part", "seen")
OPERATION_FORMS: Final = {
    "operation-confirm",
    "operation-reject",
    "operation-withdraw",
    "operation-cancel",
    "operation-correct",
}
AREAS: Final = {
    "today": "today",
    "resources": "resources",
    "resource": "resources",
    "operation-enter": "resources",
    "volumes": "volumes",
    **dict.fromkeys(
        (
            "volume",
            "volume-delete",
            "volume-restore",
            "left-over",
            "left-over-months",
            "left-snapshots",
            "staying",
            "tagging",
            "tagging-rules",
            "tagging-account",
            "tagging-run",
        ),
        "volumes",
    ),
    **dict.fromkeys(
        (
            "databases",
            "database",
            "database-snapshot",
            "snapshots",
            "snapshot",
            "rotations",
            "rotation",
            "rotation-end",
            "reach-open",
            "reach-close",
        ),
        "databases",
    ),
    **dict.fromkeys(
        (
            "schedules",
            "schedule",
            "schedule-new",
            "schedule-edit",
            "schedule-publish",
            "schedule-compare",
            "schedule-archive",
            "prices",
            "assign",
        ),
        "schedules",
    ),
    "calendar": "calendar",
    "calendar-change": "calendar",
    "planning": "calendar",
    **dict.fromkeys(("overrides", "override-enter"), "overrides"),
    **dict.fromkeys(("accounts", "account", "account-new", "account-setup"), "accounts"),
    "operations": "operations",
    "operation": "operations",
    **dict.fromkeys((*OPERATION_FORMS, "queue", "delegations", "delegation-end", "deputies"), "operations"),
    **dict.fromkeys(("event", "exports", "export-file"), "ledger"),
    **dict.fromkeys(("ledger", "verification", "verify", "sessions", "session-end", "policies"), "ledger"),
    **dict.fromkeys(("retention", "retention-purge", "retention-purge-end", "readable"), "ledger"),
    **dict.fromkeys(
        (
            "audit",
            "reviews",
            "review",
            "review-begin",
            "review-judge",
            "review-sign",
            "reports",
            "requirements",
            "report-accounts",
            "report-recertification",
            "report-confirmations",
            "report-roles",
            "report-exports",
            "report-emergencies",
            "anomalies",
            "anomaly-rules",
            "emergencies",
            "emergency",
            "emergency-close",
            "emergency-review",
            "clock",
        ),
        "ledger",
    ),
    **dict.fromkeys(
        ("tokens", "token-end", "members", "member-change", "channels", "channel", "channel-do"), "ledger"
    ),
    **dict.fromkeys(("projects", "project-change"), "resources"),
    **dict.fromkeys(("tickets", "redmine", "redmine-draft", "redmine-connect", "ticket-rule"), "tickets"),
    **dict.fromkeys(
        ("repositories", "repository", "repository-new", "repository-do", "repository-enter"), "tickets"
    ),
}


def nav_area(request: HttpRequest) -> str:
    """The part of the main menu that this page belongs to."""
    match = request.resolver_match
    if match is None:
        return ""
    return "ledger" if match.namespace == "admin" else AREAS.get(match.url_name or "", "")


def window_url(slug: str, window: object, pk: object = None) -> str:
    """The list of an auditor's window (app.model in its `code`), or one row of it."""
    name = str(field(window, "code")).replace(".", "_")
    if pk is None:
        return reverse(f"admin:{name}_changelist", kwargs={"slug": slug})
    return reverse(f"admin:{name}_change", kwargs={"slug": slug, "pk": pk})


def return_path(request: HttpRequest) -> str:
    """Where to come back to after a detour: this page, or for one that answered a POST the page its form stood on."""
    match = request.resolver_match
    if request.method in ("GET", "HEAD") or match is None:
        return request.get_full_path()
    if match.url_name in OPERATION_FORMS:
        return reverse("medical_audit:operation", kwargs=match.kwargs)
    return request.path


def list_url(request: HttpRequest, name: str, value: object = "") -> str:
    """This list with one filter set (or cleared by an empty value) and paging started anew."""
    query = request.GET.copy()
    for gone in (*PAGING, name):
        query.pop(gone, None)
    if value not in ("", None):
        query[name] = str(value)
    return f"?{query.urlencode()}"


def page_url(request: HttpRequest, name: str, cursor: object) -> str:
    """This list, other page: name is "after" or "before", cursor the keyset's text."""
    query = request.GET.copy()
    for gone in PAGING:
        query.pop(gone, None)
    query[name] = str(cursor)
    return f"?{query.urlencode()}"


def live_url(request: HttpRequest, seen: object = "") -> str:
    """Where the page fetches its live part: the same address with part=live, and what it has seen so far."""
    query = request.GET.copy()
    query["part"] = "live"
    if seen:
        query["seen"] = str(seen)
    return f"?{query.urlencode()}"


def aws_console_url(resource: object) -> str:
    """The page of a resource in AWS's own console; empty for a kind that has none here."""
    region, aws_id = quote(str(field(resource, "region"))), quote(str(field(resource, "aws_id")))
    base = f"https://{region}.console.aws.amazon.com"
    pages = {
        "ec2": f"{base}/ec2/home?region={region}#InstanceDetails:instanceId={aws_id}",
        "rds": f"{base}/rds/home?region={region}#database:id={aws_id};is-cluster=false",
        "cluster": f"{base}/rds/home?region={region}#database:id={aws_id};is-cluster=true",
        "asg": f"{base}/ec2/home?region={region}#AutoScalingGroupDetails:id={aws_id}",
        "ebs": f"{base}/ec2/home?region={region}#VolumeDetails:volumeId={aws_id}",
    }
    return pages.get(str(field(resource, "kind")), "")


def quota_url(quota: object, region: object) -> str:
    """Where AWS is asked to raise a quota of RDS, by its code, in a region."""
    name = quote(str(region))
    host = f"https://{name}.console.aws.amazon.com"
    return f"{host}/servicequotas/home/services/rds/quotas/{quote(str(quota))}?region={name}"


def cloudtrail_url(resource: object) -> str:
    """Where AWS shows who changed a resource."""
    region, aws_id = quote(str(field(resource, "region"))), quote(str(field(resource, "aws_id")), safe="")
    host = f"https://{region}.console.aws.amazon.com"
    return f"{host}/cloudtrailv2/home?region={region}#/events?ResourceName={aws_id}"
