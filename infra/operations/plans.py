"""When a resource's schedule speaks next: worked out when something it depends on changes, or when a tick has passed, never by a scan."""

from collections.abc import Iterable
from datetime import datetime

from infra.domain.aws import StopRefusal
from infra.domain.duty import Duty, Occurrence, next_occurrence
from infra.domain.findings import Finding as TagFinding
from infra.domain.reasons import ReasonCode
from infra.domain.schedule import Action, Schedule, Unreadable
from infra.models import Resource
from infra.models.resource import ResourceKind
from infra.operations.owing import owe, owed_action
from infra.queries.rules import Followed, Rules
from medical_audit.operations.writing import write_rows

#: AWS makes a snapshot at the stop of an instance, not of a cluster: whoever asks for one is not served without it.
SNAPSHOT_OF_CLUSTER = "snapshot_of_cluster"
_MEMBERS = (ReasonCode.GROUP_MEMBER, ReasonCode.CLUSTER_MEMBER)
PLAN_FIELDS = (
    "next_change_at", "next_action", "planned_from", "scheduled", "schedule_source", "schedule_revision", "owed",
)  # fmt: skip


def plan(resource: Resource, rules: Rules, *, since: datetime) -> tuple[TagFinding, ...]:
    """Set the plan of a resource (in memory) from `since` on; returns what is wrong with its tags.

    An unreadable tag, or a stop that AWS would refuse anyway, means no action at all. Needs `resource.account`.
    """
    followed = rules.followed(resource)
    duty = rules.duty(resource)
    findings: tuple[TagFinding, ...] = ()
    if resource.gone_at is not None:
        duty, followed = Duty(None, rules.calendar), None
    elif isinstance(duty.schedule, Unreadable):
        findings = duty.schedule.findings
    elif isinstance(followed, Followed) and (duty.excluded is None or _member(duty)):
        findings = _unsupported(resource, followed.schedule, member=_member(duty))
    following = None if findings else next_occurrence(duty, since)
    resource.scheduled = following is not None
    source = followed if isinstance(followed, Followed) else None
    resource.schedule_source = str(source.source) if source else ""
    resource.schedule_revision = source.revision.id if source and source.revision else None
    set_next(resource, following, since)
    return findings


def set_next(resource: Resource, following: Occurrence | None, since: datetime) -> None:
    """What is done next; what is owed already is due at once."""
    resource.next_change_at = following.at if following else None
    resource.next_action = str(following.action) if following else ""
    resource.planned_from = since
    if resource.owed:
        resource.next_change_at = min(resource.next_change_at or since, since)
        resource.next_action = owed_action(resource.owed) or resource.next_action


def replan(resources: Iterable[Resource], before: Rules, after: Rules, *, now: datetime) -> int:
    """Plan locked rows (with their accounts) anew from now on and write them; returns how many.

    What fell due by the rules as they were `before`, and no tick has taken up, stays owed. What lies before by the new
    rules is not caught up.
    """
    rows = list(resources)
    for row in rows:
        owe(row, before, now)
        plan(row, after, since=now)
    write_rows(rows, PLAN_FIELDS)
    return len(rows)


def _member(duty: Duty) -> bool:
    return duty.excluded is not None and duty.excluded.code in _MEMBERS


def _unsupported(resource: Resource, schedule: Schedule, *, member: bool) -> tuple[TagFinding, ...]:
    """A stop that AWS would refuse. Of a member only where its own tag asks for it: what is assigned to its project means
    its group or cluster, and a group gives its tags to its instances."""
    refusal = resource.facts.get("stop_refusal", "")
    if resource.kind == ResourceKind.CLUSTER and schedule.options.snapshot:
        refusal = refusal or SNAPSHOT_OF_CLUSTER
    if not refusal or Action.STOP not in schedule.directions:
        return ()
    tag = next((name for name in ("AutoStop", "Schedule") if name in resource.tags), "")
    if member and (not tag or refusal == StopRefusal.GROUP_MEMBER):
        return ()
    return (TagFinding(f"unsupported_{refusal}", tag, resource.tags.get(tag, "")),)  # type: ignore[arg-type]
