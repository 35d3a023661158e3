"""Publishing a revision of a schedule: entered with its difference and forecast, confirmed by another person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.domain.content import schedule_of_content
from infra.models import NamedSchedule, Resource, Revision
from infra.models.resource import ResourceKind
from infra.operations.drafts import schedule_locked
from infra.operations.plans import replan
from infra.queries.forecast import compared, differences, forecast, shown_at_once
from infra.queries.rules import Followed, Rules, rules_at
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

KIND = "schedule.publish"


def target_of_schedule(schedule: NamedSchedule) -> OperationTarget:
    return OperationTarget("schedule", str(schedule.id), schedule.name)


def proposal(schedule_id: UUID, revision_id: UUID, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """What a publication would be: the content, its difference from what is published, and the next 14 days.

    Nothing is stored. Raises NotPermitted, NotFound, Refused (nothing_changed, snapshot_of_cluster).
    """
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        schedule: NamedSchedule | None = NamedSchedule.objects.filter(
            id=schedule_id, archived_at__isnull=True
        ).first()
        revision: Revision | None = Revision.objects.filter(id=revision_id, schedule_id=schedule_id).first()
        if schedule is None or revision is None:
            raise NotFound(type="revision", id=str(revision_id))
        current = Revision.objects.filter(id=schedule.current).first() if schedule.current else None
        if current is not None and current.digest == revision.digest:
            raise Refused("nothing_changed", name=schedule.name)
        rules = rules_at(now)
        after = rules.with_published(schedule.id, schedule_of_content(revision.content))
        following = followers(after, schedule.id)
        _refuse_snapshots_of_clusters(revision, following)
        seen = forecast(rules, after, following, now=now)
        return {
            "revision": str(revision.id),
            "number": revision.number,
            "replaces": str(current.id) if current else "",
            "replaces_number": current.number if current else 0,
            "back": current is not None and revision.number < current.number,
            "content": revision.content,
            "digest": revision.digest,
            "differences": differences(current.content if current else None, revision.content),
            "forecast": seen.as_json(),
        }


def _refuse_snapshots_of_clusters(revision: Revision, following: Sequence[Resource]) -> None:
    clusters = [str(row) for row in following if row.kind == ResourceKind.CLUSTER]
    if clusters and revision.content["options"].get("snapshot"):
        raise Refused("snapshot_of_cluster", names=", ".join(sorted(clusters)[:10]))


def differing(
    schedule_id: UUID, revision_id: UUID, *, actor: Actor, now: datetime
) -> Iterator[tuple[Resource, str, datetime, str]]:
    """Yield every start and stop of the next 14 days that a publication adds or takes away, resource by resource.

    As (resource, "added" or "removed", instant, action). Raises NotPermitted, NotFound.
    """
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    revision: Revision | None = Revision.objects.filter(id=revision_id, schedule_id=schedule_id).first()
    if revision is None:
        raise NotFound(type="revision", id=str(revision_id))
    rules = rules_at(now)
    after = rules.with_published(schedule_id, schedule_of_content(revision.content))
    return _differing(rules, after, followers(after, schedule_id), now)


def _differing(
    before: Rules, after: Rules, rows: list[Resource], now: datetime
) -> Iterator[tuple[Resource, str, datetime, str]]:
    for row, old, new in compared(before, after, rows, now=now):
        for at, action in sorted(old ^ new):
            yield row, "added" if (at, action) in new else "removed", at, action


def enter_publish(
    schedule_id: UUID,
    revision_id: UUID,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    token: str = "",
    seen: str | None = None,
) -> Operation:
    """Enter the publication of a draft, or of an older revision (going back).

    seen: the digest of the content that the enterer looked at; None where nobody looked at anything. Raises as `proposal`
    and `entry.enter`, and StaleContent when somebody saved the draft meanwhile.
    """
    with tenant_scope(actor.tenant_id):
        parameters = proposal(schedule_id, revision_id, actor=actor, now=now)
        if seen is not None and seen != parameters["digest"]:
            raise StaleContent("draft_changed")
        schedule = NamedSchedule.objects.get(id=schedule_id)
        key = f"form/{actor.id}/{token}/{KIND}/{revision_id}" if token else None
        if before := entry.sent_before(key):
            return before
        return entry.enter(
            KIND,
            target_of_schedule(schedule),
            parameters,
            actor=actor,
            now=now,
            reason=reason,
            dedupe_key=key,
        )


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a confirmer decides on: it is hashed as he sees it."""
    names = ("number", "replaces_number", "back", "content", "digest", "differences", "forecast")
    return {"sentence": KIND, "call": "", **{name: parameters[name] for name in names}}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Make the revision the published one and plan everything that follows it anew, from now on.

    Raises StaleContent when another revision was published, or the draft changed, since this was entered.
    """
    given, before = operation.parameters, rules_at(now)
    schedule = schedule_locked(UUID(operation.target_id))
    revision = Revision.objects.filter(id=given["revision"], schedule=schedule).select_for_update().first()
    if revision is None or {revision.digest, digest(revision.content)} != {given["digest"]}:
        raise StaleContent("draft_changed", name=schedule.name)
    if str(schedule.current or "") != given["replaces"]:
        raise StaleContent("published_meanwhile", name=schedule.name)
    if revision.published_at is None:
        revision.published_at = now
        revision.save(update_fields=["published_at"])
    schedule.current, schedule.published_operation, schedule.published_at = (
        revision.id,
        str(operation.id),
        now,
    )
    schedule.published_by_id, schedule.published_by_name = (
        operation.confirmed_by_id,
        operation.confirmed_by_name,
    )
    schedule.save()
    after = rules_at(now)
    seen = shown_at_once(given["forecast"])
    planned = replan(followers(after, schedule.id, lock=True), before, after, now=now, at_once=seen)
    return {"number": revision.number, "before": given["replaces_number"], "resources": planned}


def followers(rules: Rules, schedule_id: UUID, *, lock: bool = False) -> list[Resource]:
    """Resources that follow a schedule under these rules, or whose tag names it; locked until commit if asked."""
    rows = Resource.objects.filter(gone_at__isnull=True).select_related("account").order_by("id")
    if lock:
        rows = rows.select_for_update(of=("self",))
    return [row for row in rows if _follows(rules, row, schedule_id)]


def _follows(rules: Rules, row: Resource, schedule_id: UUID) -> bool:
    found = rules.followed(row)
    return isinstance(found, Followed) and found.named is not None and found.named.id == schedule_id
