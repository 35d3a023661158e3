"""When a resource's schedule speaks next: worked out when tags change, when a tick has passed, never by a scan."""

from datetime import datetime

from infra.domain.findings import Finding as TagFinding
from infra.domain.schedule import Occurrence, TagSchedule, Unreadable, next_occurrence
from infra.models import AwsAccount, Resource
from infra.queries.schedules import calendar_at, schedule_of

PLAN_FIELDS = ("next_change_at", "next_action", "planned_from")


def plan(
    resource: Resource, account: AwsAccount, *, since: datetime, now: datetime
) -> tuple[TagFinding, ...]:
    """Set the plan of a resource (in memory) from `since` on; returns what is wrong with its tags.

    An unreadable tag, or a stop that AWS would refuse anyway, means no action at all.
    """
    schedule = schedule_of(resource.tags, account)
    following = None
    findings: tuple[TagFinding, ...] = ()
    if resource.gone_at is not None:
        schedule = None
    if isinstance(schedule, Unreadable):
        findings = schedule.findings
    elif isinstance(schedule, TagSchedule):
        findings = _unsupported(resource)
        if not findings:
            following = next_occurrence(schedule, calendar_at(now), since)
    resource.scheduled = following is not None
    set_next(resource, following, since)
    return findings


def set_next(resource: Resource, following: Occurrence | None, since: datetime) -> None:
    resource.next_change_at = following.at if following else None
    resource.next_action = str(following.action) if following else ""
    resource.planned_from = since


def _unsupported(resource: Resource) -> tuple[TagFinding, ...]:
    refusal = resource.facts.get("stop_refusal", "")
    if not refusal or "AutoStop" not in resource.tags:
        return ()
    return (TagFinding(f"unsupported_{refusal}", "AutoStop", resource.tags["AutoStop"]),)  # type: ignore[arg-type]
