"""Telling people in time that a database will not be trusted any more: once for each of 180, 90, 30 and 7 days, and at the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from infra.domain.databases import TOLD_DAYS, terms_from_json, trust_ends
from infra.models import Region, Resource
from infra.models.resource import ResourceKind
from infra.operations.memory import keep_word
from medical_audit.domain.actor import Actor, EventDraft, Subject
from medical_audit.operations.ledger import record_many

MEMORY = "told"


def tell_of_ends(region: Region, *, actor: Actor, now: datetime) -> int:
    """Record what has come nearer than the next mark since it was last told; gives how many. Needs the tenant bound.

    A later end (a new certificate) begins anew; a mark that passed while nobody looked is told as the nearest one.
    """
    terms, zone = terms_from_json(region.database_terms), ZoneInfo(region.account.time_zone)
    here = Resource.objects.filter(
        account=region.account, region=region.name, kind=ResourceKind.RDS, gone_at__isnull=True
    )
    events = []
    for row in here.order_by("id"):
        ends = trust_ends(row.facts, terms)
        mark = None if ends is None else mark_of(ends - now)
        told = row.memory.get(MEMORY, {})
        if ends is None or mark is None or (told.get("until") == ends.isoformat() and told["mark"] <= mark):
            continue
        keep_word(row.id, MEMORY, {"until": ends.isoformat(), "mark": mark})
        events.append(
            EventDraft(
                kind="resource.certificate_ended" if mark == 0 else "resource.certificate_ends",
                actor=actor,
                at=now,
                subject=Subject(type="resource", id=str(row.id), name=row.name or row.aws_id),
                outcome="failed" if mark == 0 else "ok",
                detail={
                    "ends": f"{ends.astimezone(zone):%Y-%m-%d}", "days": max(0, (ends - now) // timedelta(days=1)),
                    "ca": row.facts.get("ca", ""), "aws_id": row.aws_id,
                },
            )
        )  # fmt: skip
    record_many(actor.tenant_id, events)
    return len(events)


def mark_of(left: timedelta) -> int | None:
    """The nearest mark that so much time has come under: 0 when it is over, None while all of them are far."""
    if left <= timedelta(0):
        return 0
    return min((days for days in TOLD_DAYS if left <= timedelta(days=days)), default=None)
