"""Resources as rows: what changed is written, what is gone is marked, each changed schedule is planned anew."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from infra.domain.aws import Database, Ec2Instance
from infra.domain.clusters import DbCluster
from infra.domain.findings import Finding as TagFinding
from infra.domain.groups import ScalingGroup
from infra.domain.power import Power
from infra.domain.projects import ProjectRule, project_of
from infra.models import Finding, Region, Resource
from infra.operations import drifting
from infra.operations.facts import DECIDING, facts_of
from infra.operations.owing import owe
from infra.operations.plans import PLAN_FIELDS, plan
from infra.queries.projects import project_rules
from infra.queries.rules import GRACE, Rules, rules_at
from medical_audit.domain.actor import Actor, EventDraft, Subject
from medical_audit.domain.canonical import digest
from medical_audit.operations.ledger import record_many

SEEN_FIELDS = (
    "name", "project", "state", "aws_state", "type", "tags", "facts", "fingerprint", "state_since", "gone_at",
    *PLAN_FIELDS,
)  # fmt: skip


def keep_resources(
    region: Region,
    machines: Sequence[Ec2Instance | Database | DbCluster | ScalingGroup],
    *,
    unread: Collection[str] = (),
    replan: Collection[UUID] = (),
    looked_at: datetime,
    actor: Actor,
    now: datetime,
) -> int:
    """Write what AWS had in this region at `looked_at`; returns how many rows were new or changed.

    unread: kinds whose list could not be read; their rows stay as they were last seen. replan: revisions whose
    maintenance windows have changed; what follows them is planned anew.
    The caller holds the region's row, so that no other look writes here meanwhile. Only rows that differ are
    locked, in the order of their ids, as everybody does who locks several.
    """
    projects = project_rules()
    seen = {(facts["kind"], facts["aws_id"]): _sorted(facts, projects) for facts in map(facts_of, machines)}
    here = Resource.objects.filter(account=region.account, region=region.name).exclude(kind__in=unread)
    known = {
        (row.kind, row.aws_id): row
        for row in here.only("kind", "aws_id", "fingerprint", "gone_at", "planned_from", "schedule_revision")
    }
    differing = [
        row.id
        for key, row in known.items()
        if row.schedule_revision in replan or _differs(row, seen.get(key), now)
    ]
    rules = rules_at(now)
    rows = list(here.filter(id__in=differing).select_for_update(of=("self",)).order_by("id"))
    found: dict[Resource, tuple[TagFinding, ...]] = {}
    before = {row.id: row.state for row in rows}
    for row in rows:
        facts = seen.get((row.kind, row.aws_id))
        row.account = region.account
        found[row] = _change(row, facts, region, rules, looked_at, now) if facts else _lose(row, rules, now)
    for key, facts in seen.items():
        if key not in known and facts["state"] != Power.GONE:
            row = Resource(
                tenant_id=region.tenant_id, account=region.account, region=region.name, kind=key[0], aws_id=key[1],
                first_seen_at=now, state_since=looked_at,
            )  # fmt: skip
            rows.append(row)
            found[row] = _change(row, facts, region, rules, looked_at, now)
    # One statement for new and changed rows alike, and far cheaper than an UPDATE of many CASEs.
    Resource.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=SEEN_FIELDS, batch_size=500
    )
    _keep_findings(region, found, actor=actor, now=now)
    drifting.record_drifts(rows, before, actor=actor, now=now)
    return len(rows)


def lose_all(region: Region, *, actor: Actor, now: datetime) -> int:
    """Say of what is known here that Toban sees it no more, as nobody looks: no plan, nothing due. Returns how many rows. The caller
    holds the region's row."""
    here = Resource.objects.filter(account=region.account, region=region.name, gone_at__isnull=True)
    rows = list(here.select_for_update(of=("self",)).order_by("id"))
    rules, found = rules_at(now), {}
    for row in rows:
        row.account = region.account
        found[row] = _lose(row, rules, now)
    Resource.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=SEEN_FIELDS, batch_size=500
    )
    _keep_findings(region, found, actor=actor, now=now)
    return len(rows)


def _sorted(facts: dict[str, Any], projects: Sequence[ProjectRule]) -> dict[str, Any]:
    """With the project that the tenant's rules say; what belongs elsewhere than its own tag says differs by that, too."""
    project = project_of(facts["tags"], projects)
    if project == facts["project"]:
        return facts
    return facts | {
        "project": project,
        "fingerprint": digest({"seen": facts["fingerprint"], "project": project}),
    }


def _differs(row: Resource, facts: dict[str, Any] | None, now: datetime) -> bool:
    if facts is None:
        return row.gone_at is None
    back = row.gone_at is not None and facts["state"] != Power.GONE
    return row.fingerprint != facts["fingerprint"] or back or _clock_went_back(row, now)


def _change(
    row: Resource, facts: dict[str, Any], region: Region, rules: Rules, looked_at: datetime, now: datetime
) -> tuple[TagFinding, ...]:
    since = _since(row, facts, region, rules, now)
    if since != row.planned_from:
        owe(row, rules, now)
    if looked_at < row.state_since <= now:
        # A worker has seen the machine after this look began; the next look compares anew.
        facts = facts | {"state": row.state, "aws_state": row.aws_state, "fingerprint": ""}
    if row.state != facts["state"]:
        row.state_since = looked_at
    for name, value in facts.items():
        if name != "type" or value:  # an empty group does not tell what it will launch
            setattr(row, name, value)
    row.gone_at = (row.gone_at or now) if row.state == Power.GONE else None
    return plan(row, rules, since=since)


def _lose(row: Resource, rules: Rules, now: datetime) -> tuple[TagFinding, ...]:
    row.state, row.aws_state, row.fingerprint = Power.GONE, "gone", ""
    row.gone_at = row.state_since = now
    return plan(row, rules, since=now)


def _since(row: Resource, facts: dict[str, Any], region: Region, rules: Rules, now: datetime) -> datetime:
    """From when the plan of a row counts: a time that passed between two looks is still acted on, an older one is not.

    A schedule that is as it was goes on where it stood. A changed one counts from the look before this one, but
    not from before somebody switched the clock on; a resource never seen before from the grace before now.
    """
    account = region.account
    if row.planned_from is None or _clock_went_back(row, now):
        return now - GRACE
    same = row.project == facts["project"] and rules.followed(row) == rules.followed(row, facts["tags"])
    as_before = all((row.facts.get(name) or "") == (facts["facts"].get(name) or "") for name in DECIDING)
    if same and row.gone_at is None and as_before:
        return row.planned_from
    floors = (now - GRACE, region.inventory_at, account.automation_confirmed_at)
    return max(floor for floor in floors if floor is not None and floor <= now)


def _clock_went_back(row: Resource, now: datetime) -> bool:
    """A plan made in the future: the clock was put back, so what was settled is settled no longer."""
    return row.planned_from is not None and row.planned_from > now


def _keep_findings(
    region: Region, found: dict[Resource, tuple[TagFinding, ...]], *, actor: Actor, now: datetime
) -> None:
    """Open what is new, close what is mended; one event each."""
    here = Finding.objects.filter(resource__account=region.account, resource__region=region.name)
    ids = {row.id for row in found}
    known = {
        (row.resource_id, row.code, row.tag): row
        for row in here.filter(resolved_at__isnull=True).select_related("resource")
        if row.resource_id in ids
    }
    # By code and tag: two keys may look alike once they are cut for showing, and one row stands for both.
    wanted = {
        (row.resource_id, row.code, row.tag): row
        for resource, findings in found.items()
        for row in (_finding(resource, one, now) for one in findings)
    }
    mended = [row for key, row in known.items() if key not in wanted or wanted[key].value != row.value]
    new = [row for key, row in wanted.items() if key not in known or known[key].value != row.value]
    Finding.objects.filter(id__in=[row.id for row in mended]).update(resolved_at=now)
    Finding.objects.bulk_create(new, batch_size=500)
    events = [_finding_event("schedule.finding", row, actor, now, "failed") for row in new]
    events += [_finding_event("schedule.mended", row, actor, now, "ok") for row in mended]
    record_many(actor.tenant_id, events)


def _finding(resource: Resource, one: TagFinding, now: datetime) -> Finding:
    return Finding(
        tenant_id=resource.tenant_id, resource=resource, code=str(one.code), tag=one.tag[:128], value=one.value[:300],
        suggestion=(one.suggestion or "")[:300], found_at=now,
    )  # fmt: skip


def _finding_event(kind: str, row: Finding, actor: Actor, now: datetime, outcome: str) -> EventDraft:
    resource = row.resource
    return EventDraft(
        kind=kind,
        actor=actor,
        at=now,
        subject=Subject(type="resource", id=str(resource.id), name=resource.name or resource.aws_id),
        outcome=outcome,
        detail={
            "code": row.code,
            "tag": row.tag,
            "value": row.value,
            "suggestion": row.suggestion,
            "aws_id": resource.aws_id,
        },
    )
