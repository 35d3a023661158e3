"""When a resource's schedule speaks next: worked out when something it depends on changes, or when a tick has passed, never by a scan."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from infra.domain.aws import StopRefusal
from infra.domain.duty import Duty, Occurrence, next_occurrence, turned
from infra.domain.findings import Finding as TagFinding
from infra.domain.reasons import ReasonCode
from infra.domain.schedule import Schedule, Unreadable
from infra.models import Resource
from infra.operations.dues import due_of
from infra.operations.owing import owe, owe_due, owed_action
from infra.queries.authority import authority_of
from infra.queries.rules import Followed, Rules, refused_stop
from medical_audit.operations.writing import write_rows

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
    elif isinstance(followed, Followed) and duty.excluded is not None:
        findings = _unsupported(resource, duty.excluded.code, followed.schedule)
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


def replan(
    resources: Iterable[Resource],
    before: Rules,
    after: Rules,
    *,
    now: datetime,
    at_once: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Plan locked rows (with their accounts) anew from now on and write them; returns how many.

    What fell due by the rules as they were `before`, and no tick has taken up, stays owed. at_once: by resource
    id the action that the confirmer saw as due with the change itself; it is owed where it still is. Nothing else is caught
    up, since nobody has seen it.
    """
    rows = list(resources)
    for row in rows:
        owe(row, before, now)
        plan(row, after, since=now)
        if (seen := at_once.get(str(row.id))) is not None:
            _owe_turn(row, before, after, now, seen)
    write_rows(rows, PLAN_FIELDS)
    return len(rows)


def _owe_turn(row: Resource, before: Rules, after: Rules, now: datetime, seen: str) -> None:
    duty, found = after.duty(row), after.followed(row)
    one = turned(before.duty(row), duty, now)
    if one is None or one.action != seen:
        return
    followed = found if isinstance(found, Followed) else None
    authority = authority_of(row.account, followed, after, one)
    if authority is not None:
        owe_due(row, due_of(row, one, duty, followed, authority), now)


def _unsupported(resource: Resource, why: ReasonCode, schedule: Schedule) -> tuple[TagFinding, ...]:
    """A stop that AWS would refuse. Of a member only where its own tag asks for it: what is assigned to its project means
    its group or cluster, and a group gives its tags to its instances."""
    refusal = refused_stop(resource, schedule)
    if not refusal or (why is not ReasonCode.UNSUPPORTED and why not in _MEMBERS):
        return ()
    tag = next((name for name in ("AutoStop", "Schedule") if name in resource.tags), "")
    if why in _MEMBERS and (not tag or refusal == StopRefusal.GROUP_MEMBER):
        return ()
    return (TagFinding(f"unsupported_{refusal}", tag, resource.tags.get(tag, "")),)  # type: ignore[arg-type]
