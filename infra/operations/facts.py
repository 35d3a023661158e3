"""What is kept of a machine as AWS shows it: the fields of its row, and the fingerprint that tells whether they changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import singledispatch
from typing import Any

from infra.domain.aws import Database, Ec2Instance, StopRefusal, start_refusal, stop_refusal
from infra.domain.clusters import DbCluster, cluster_refusal
from infra.domain.groups import MEMBER_TAG, ScalingGroup, group_power
from infra.domain.power import cluster_power, ec2_power, rds_power
from infra.models.resource import ResourceKind
from infra.operations.machines import group_state
from medical_audit.domain.canonical import digest

#: Facts that decide whether the clock may act at all, or when.
DECIDING = ("stop_refusal", "start_refusal", "maintenance")
#: AWS starts a stopped database again after seven days in a row (RDS user guide, USER_StopInstance).
STOPPED_AT_MOST = timedelta(days=7)
MEMBERS_KEPT = 100


@singledispatch
def facts_of(one: Any) -> dict[str, Any]:
    """The fields of the row for one machine, by its type."""
    raise TypeError(f"no facts of {type(one).__name__}")


@facts_of.register
def _(one: Ec2Instance) -> dict[str, Any]:
    member = str(StopRefusal.GROUP_MEMBER) if MEMBER_TAG in one.tags else ""
    facts = {
        "zone": one.zone, "state_reason": one.state_reason, "hibernation": one.hibernation,
        "group": one.tags.get(MEMBER_TAG, ""), "stop_refusal": member, "start_refusal": member,
        "vpc_id": one.vpc_id, "address": one.address, "groups": list(one.groups),
    }  # fmt: skip
    return _with_fingerprint(
        kind=ResourceKind.EC2, aws_id=one.id, name=one.name, state=ec2_power(one.state), aws_state=one.state,
        type=one.instance_type, tags=one.tags, facts=facts,
    )  # fmt: skip


@facts_of.register
def _(one: Database) -> dict[str, Any]:
    facts = {
        "zone": one.zone, "engine": one.engine, "engine_version": one.engine_version, "multi_az": one.multi_az,
        "replica_of": one.replica_of, "replicas": list(one.replicas), "cluster_id": one.cluster_id, "arn": one.arn,
        "stop_refusal": str(stop_refusal(one) or ""), "start_refusal": str(start_refusal(one) or ""),
        "maintenance": one.maintenance, "ca": one.ca, "public": one.public, "protected": one.protected,
        "certificate_until": one.certificate_until.astimezone(UTC).isoformat() if one.certificate_until else "",
        "backup_days": one.backup_days, "pending": list(one.pending), "address": one.address, "port": one.port,
        "storage_gib": one.storage_gib, "encrypted": one.encrypted, "groups": list(one.groups),
        "subnet_group": one.subnet_group, "vpc_id": one.vpc_id, "option_group": one.option_group,
        "parameter_group": one.parameter_group, "db_name": one.db_name, "master_user": one.master_user, "secret": one.secret,
        "resource_id": one.resource_id,
        **_countdown(one.automatic_restart_at),
    }  # fmt: skip
    return _with_fingerprint(
        kind=ResourceKind.RDS, aws_id=one.id, name=one.tags.get("Name", "") or one.id, state=rds_power(one.state),
        aws_state=one.state, type=one.db_class, tags=one.tags, facts=facts,
    )  # fmt: skip


@facts_of.register
def _(one: DbCluster) -> dict[str, Any]:
    refusal = str(cluster_refusal(one) or "")
    facts = {
        "engine": one.engine, "engine_version": one.engine_version, "engine_mode": one.engine_mode,
        "multi_az": one.multi_az, "members": list(one.members[:MEMBERS_KEPT]), "arn": one.arn,
        "stop_refusal": refusal, "start_refusal": refusal, "maintenance": one.maintenance,
        **_countdown(one.automatic_restart_at),
    }  # fmt: skip
    return _with_fingerprint(
        kind=ResourceKind.CLUSTER, aws_id=one.id, name=one.tags.get("Name", "") or one.id,
        state=cluster_power(one.state), aws_state=one.state, type=one.db_class or one.engine, tags=one.tags, facts=facts,
    )  # fmt: skip


@facts_of.register
def _(one: ScalingGroup) -> dict[str, Any]:
    facts = {
        "arn": one.arn, "sizes": one.sizes.as_json(), "in_service": one.in_service,
        "members": sorted(member.id for member in one.members)[:MEMBERS_KEPT], "suspended": list(one.suspended),
        "protected": sum(member.protected for member in one.members),
    }  # fmt: skip
    types = sorted({member.instance_type for member in one.members if member.instance_type})
    return _with_fingerprint(
        kind=ResourceKind.ASG, aws_id=one.name, name=one.tags.get("Name", "") or one.name, state=group_power(one),
        aws_state=group_state(one), type=types[0] if types else "", tags=one.tags, facts=facts,
    )  # fmt: skip


def _countdown(restart: datetime | None) -> dict[str, str]:
    """When AWS starts it again, and since when it is stopped; both ISO 8601 UTC, "" while it runs."""
    if restart is None:
        return {"restarts_at": "", "stopped_at": ""}
    restart = restart.astimezone(UTC)
    return {"restarts_at": restart.isoformat(), "stopped_at": (restart - STOPPED_AT_MOST).isoformat()}


def _with_fingerprint(**facts: Any) -> dict[str, Any]:
    facts["name"] = facts["name"][:300]
    facts["state"] = str(facts["state"])
    facts["project"] = facts["tags"].get("Project", "")[:300]
    return facts | {"fingerprint": digest(facts)}
