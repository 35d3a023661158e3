"""Volumes that serve nothing for long: recorded once when they become left over, and once when they are not any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from infra.models import Region, Resource, Volume
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.operations.ledger import record

#: What one look records at most, so that the first look at an old account holds nothing up; the next look goes on.
TOLD_AT_ONCE = 200


def tell_left_over(region: Region, *, actor: Actor, now: datetime) -> int:
    """Record what became left over and what is so no longer; gives how many. The caller holds the region's row.

    A volume is left over when it was seen unattached for LEFT_OVER_DAYS: a first look saw it so, and this one still does.
    """
    here = Volume.objects.filter(account=region.account_id, region=region.name)
    return _begin(here, actor=actor, now=now) + _end(here, actor=actor, now=now)


def _begin(here: QuerySet[Volume], *, actor: Actor, now: datetime) -> int:
    since = now - timedelta(days=settings.LEFT_OVER_DAYS)
    rows = (
        here.filter(left_over_at__isnull=True, gone_at__isnull=True, state="available")
        .annotate(since=Coalesce("detached_at", "first_seen_at")).filter(since__lte=since)
        .select_related("account").select_for_update(of=("self",)).order_by("id")[:TOLD_AT_ONCE]
    )  # fmt: skip
    found = list(rows)
    projects = _projects(found)
    for row in found:
        detail: dict[str, object] = {
            "volume": row.volume_id, "account_id": row.account.account_id, "region": row.region, "gib": row.size_gib,
            "type": row.type, "since": utc_text(row.since), "days": (now - row.since).days,
            "served": row.served_name or row.served_instance, "project": projects[row.id],
        }  # fmt: skip
        record("volume.left_over", actor=actor, subject=_subject(row), now=now, detail=detail)
    Volume.objects.filter(id__in=[row.id for row in found]).update(left_over_at=now)
    return len(found)


def _end(here: QuerySet[Volume], *, actor: Actor, now: datetime) -> int:
    over = Q(gone_at__isnull=False) | ~Q(state="available")
    rows = here.filter(over, left_over_at__isnull=False).select_for_update(of=("self",)).order_by("id")
    found = list(rows[:TOLD_AT_ONCE])
    projects = _projects(found)
    for row in found:
        detail: dict[str, object] = {
            "volume": row.volume_id, "gone": row.gone_at is not None, "project": projects[row.id],
        }  # fmt: skip
        record("volume.taken_up", actor=actor, subject=_subject(row), now=now, detail=detail)
    Volume.objects.filter(id__in=[row.id for row in found]).update(left_over_at=None)
    return len(found)


def _projects(rows: Sequence[Volume]) -> dict[object, str]:
    """The project of each volume: that of its own tag, or of the server that it served last."""
    served = {row.served_instance for row in rows if row.served_instance}
    of_servers = dict(Resource.objects.filter(aws_id__in=served).values_list("aws_id", "project"))
    return {
        row.id: row.tags.get("Project", "")[:300] or of_servers.get(row.served_instance, "") for row in rows
    }


def _subject(row: Volume) -> Subject:
    return Subject("volume", str(row.id), row.name or row.volume_id)
