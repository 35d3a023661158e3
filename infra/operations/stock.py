"""Resources as rows: what changed is written, what is gone is marked, each changed schedule is planned anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from infra.domain.aws import Database, Ec2Instance, stop_refusal
from infra.domain.findings import Finding as TagFinding
from infra.domain.power import Power, ec2_power, rds_power
from infra.models import Finding, Region, Resource
from infra.models.resource import ResourceKind
from infra.operations.plans import PLAN_FIELDS, plan
from infra.queries.schedules import GRACE
from medical_audit.domain.actor import Actor, EventDraft, Subject
from medical_audit.domain.canonical import digest
from medical_audit.operations.ledger import record_many

SEEN_FIELDS = (
    "name", "project", "state", "aws_state", "type", "tags", "facts", "fingerprint", "state_since", "gone_at",
    "scheduled", *PLAN_FIELDS,
)  # fmt: skip


def keep_resources(
    region: Region, instances: Sequence[Ec2Instance], databases: Sequence[Database], *, actor: Actor, now: datetime
) -> int:
    """Write what AWS has in this region; returns how many rows were new or changed.

    A changed tag counts from the look before this one (it was changed since then), a resource seen for the first
    time from the grace before now: so a time that passed between two looks is still done, an older one is not.
    """
    last_look = max(region.inventory_at or now - GRACE, now - GRACE)
    seen = [_instance_facts(one) for one in instances] + [_database_facts(one) for one in databases]
    known = {
        (row.kind, row.aws_id): row
        for row in Resource.objects.filter(account=region.account, region=region.name).select_for_update(of=("self",))
    }
    fresh: list[Resource] = []
    changed: list[Resource] = []
    found: dict[Resource, tuple[TagFinding, ...]] = {}
    for facts in seen:
        row = known.pop((facts["kind"], facts["aws_id"]), None)
        if row is None:
            row = Resource(
                tenant_id=region.tenant_id, account=region.account, region=region.name, kind=facts["kind"],
                aws_id=facts["aws_id"], first_seen_at=now, state_since=now,
            )  # fmt: skip
            fresh.append(row)
            since = now - GRACE
        elif row.fingerprint != facts["fingerprint"] or row.gone_at is not None or _clock_went_back(row, now):
            changed.append(row)
            same_plan = row.tags == facts["tags"] and row.gone_at is None and row.facts == facts["facts"]
            since = row.planned_from if same_plan and row.planned_from else min(last_look, now)
            if _clock_went_back(row, now):
                since = now - GRACE
        else:
            continue
        if row.state != facts["state"]:
            row.state_since = now
        for name, value in facts.items():
            setattr(row, name, value)
        row.gone_at = now if row.state == Power.GONE else None
        found[row] = plan(row, region.account, since=since, now=now)
    gone = [row for row in known.values() if row.gone_at is None]
    for row in gone:
        row.state, row.aws_state, row.gone_at, row.state_since = Power.GONE, "gone", now, now
        row.fingerprint = ""
        plan(row, region.account, since=now, now=now)
        found[row] = ()
    Resource.objects.bulk_create(fresh, batch_size=500)
    Resource.objects.bulk_update([*changed, *gone], SEEN_FIELDS, batch_size=200)
    _keep_findings(found, actor=actor, now=now)
    return len(fresh) + len(changed) + len(gone)


def _clock_went_back(row: Resource, now: datetime) -> bool:
    """A plan made in the future: the clock was put back, so what was settled is settled no longer."""
    return row.planned_from is not None and row.planned_from > now


def _instance_facts(one: Ec2Instance) -> dict[str, Any]:
    facts = {"zone": one.zone, "state_reason": one.state_reason, "hibernation": one.hibernation}
    return _with_fingerprint(
        kind=ResourceKind.EC2, aws_id=one.id, name=one.name, state=ec2_power(one.state), aws_state=one.state,
        type=one.instance_type, tags=one.tags, facts=facts,
    )  # fmt: skip


def _database_facts(one: Database) -> dict[str, Any]:
    refusal = stop_refusal(one)
    restart = one.automatic_restart_at
    facts = {
        "zone": one.zone, "engine": one.engine, "engine_version": one.engine_version, "multi_az": one.multi_az,
        "replica_of": one.replica_of, "replicas": list(one.replicas), "cluster_id": one.cluster_id, "arn": one.arn,
        "stop_refusal": str(refusal) if refusal else "", "restart_at": restart.isoformat() if restart else "",
    }  # fmt: skip
    return _with_fingerprint(
        kind=ResourceKind.RDS, aws_id=one.id, name=one.tags.get("Name", "") or one.id, state=rds_power(one.state),
        aws_state=one.state, type=one.db_class, tags=one.tags, facts=facts,
    )  # fmt: skip


def _with_fingerprint(**facts: Any) -> dict[str, Any]:
    facts["name"] = facts["name"][:300]
    facts["state"] = str(facts["state"])
    facts["project"] = facts["tags"].get("Project", "")[:300]
    return facts | {"fingerprint": digest(facts)}


def _keep_findings(found: dict[Resource, tuple[TagFinding, ...]], *, actor: Actor, now: datetime) -> None:
    """Open what is new, close what is mended; one event each."""
    open_rows = list(Finding.objects.filter(resource__in=found, resolved_at__isnull=True).select_related("resource"))
    known = {(row.resource_id, row.code, row.tag, row.value): row for row in open_rows}
    new: list[Finding] = []
    for resource, findings in found.items():
        for finding in findings:
            key = (resource.id, str(finding.code), finding.tag[:128], finding.value[:300])
            if known.pop(key, None) is None:
                new.append(
                    Finding(
                        tenant_id=resource.tenant_id, resource=resource, code=key[1], tag=key[2], value=key[3],
                        suggestion=finding.suggestion or "", found_at=now,
                    )  # fmt: skip
                )
    Finding.objects.filter(Q(id__in=[row.id for row in known.values()])).update(resolved_at=now)
    Finding.objects.bulk_create(new)
    events = [_finding_event("schedule.finding", row, actor, now, "failed") for row in new]
    events += [_finding_event("schedule.mended", row, actor, now, "ok") for row in known.values()]
    record_many(actor.tenant_id, events)


def _finding_event(kind: str, row: Finding, actor: Actor, now: datetime, outcome: str) -> EventDraft:
    resource = row.resource
    return EventDraft(
        kind=kind,
        actor=actor,
        at=now,
        subject=Subject(type="resource", id=str(resource.id), name=resource.name or resource.aws_id),
        outcome=outcome,
        detail={
            "code": row.code, "tag": row.tag, "value": row.value, "suggestion": row.suggestion, "aws_id": resource.aws_id,
        },  # fmt: skip
    )
