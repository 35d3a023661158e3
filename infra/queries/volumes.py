"""Reading volumes of the bound tenant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.domain.permissions import Permission
from infra.domain.disks import ARCHIVE, OPERATION_TAG, SNAPSHOT_FAILED, deletion_refusal
from infra.domain.tagging import marks_from_json, shown_tags
from infra.models import Attachment, AwsAccount, Price, Resource, Volume, VolumeSnapshot
from infra.queries.in_force import places
from infra.queries.leftovers import month_price
from infra.queries.prices import price_book
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import FINAL, State
from medical_audit.models import Event, Operation
from medical_audit.queries.events import events_of_subject
from medical_audit.queries.operations import open_of_target
from medical_audit.queries.paging import Cursors, Page, page_of


@dataclass(frozen=True, slots=True)
class VolumeFilter:
    """What a reader looks for; empty means everything that still exists. State "gone" shows what was deleted.
    stays: "yes" for what would be left over if its server were terminated (DeleteOnTermination is off), "no" for what would go
    with it. unattached_before: only what serves nothing since that instant at least."""

    state: str = ""
    account: str = ""
    named: str = ""
    stays: str = ""
    q: str = ""
    unattached_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class VolumeDetail:
    """Everything of one volume's page. unattached_since: None while it serves something. refusal: why it could not be deleted
    now (a code), or "", for a button that would only be refused; served: what it served, newest first. price, amount: what it
    costs a month, None where nobody entered a price. snapshot, restored: see `snapshot_of`; restore_refusal: see there; zones: see `zones_of`;
    undone: tags that are not written again because a run was undone."""

    volume: Volume
    served: Sequence[Attachment]
    unattached_since: datetime | None
    operations: Sequence[Operation]
    events: Sequence[Event]
    events_more: bool
    refusal: str
    may_delete: bool
    price: Price | None
    amount: Decimal | None
    snapshot: str
    restored: str
    restore_refusal: str
    may_restore: bool
    zones: Sequence[str]
    undone: str


def volume_detail(volume_id: UUID, *, actor: Actor) -> VolumeDetail:
    """Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    row: Volume | None = Volume.objects.select_related("account").filter(id=volume_id).first()
    if row is None:
        raise NotFound(type="volume", id=str(volume_id))
    served = list(Attachment.objects.filter(volume=row).order_by("-since", "-id"))
    attached = any(one.until is None for one in served)
    events, more = events_of_subject("volume", str(row.id), actor=actor)
    under_way = open_of_target("volume", str(row.id), actor=actor)
    refusal = deletion_refusal(row.state, attached, row.tags, row.gone_at is not None)
    price, amount = month_price(row, price_book())
    snapshot, restored = snapshot_of(row) if row.gone_at else ("", "")
    doors = places()
    cannot_come_back = restore_refusal(row, snapshot) if snapshot else ""
    may = actor.may(Permission.VOLUME_DELETE, actor.tenant_id)
    return VolumeDetail(
        price=price,
        amount=amount,
        snapshot=snapshot,
        restored=restored,
        restore_refusal=cannot_come_back,
        may_restore=may and bool(snapshot) and not restored and not under_way and not cannot_come_back,
        zones=zones_of(row) if snapshot else (),
        undone=shown_tags(marks_from_json(row.tag_marks).undone_tags),
        volume=row,
        served=served,
        unattached_since=None if attached or row.gone_at else row.detached_at or row.first_seen_at,
        operations=under_way,
        events=events,
        events_more=more,
        refusal=refusal
        or doors.refusal(row.account, row.region, "volume.delete")
        or ("operation_open" if under_way else ""),
        may_delete=may and row.gone_at is None,
    )


def snapshot_of(row: Volume) -> tuple[str, str]:
    """(the snapshot that Toban made before this volume was deleted, by whom ever, the volume that was made from it since), ""
    where there is none."""
    ended = Operation.objects.filter(target_type="volume", target_id=str(row.id), state__in=FINAL)
    newest = ended.order_by("-finished_at", "-id")
    kept = newest.filter(kind="volume.delete", outcome_detail__has_key="snapshot")
    holds = (one for one in kept.exclude(outcome__in=SNAPSHOT_FAILED) if _holds_it_all(one, row))
    deleted = next(holds, None)
    restored = next(iter(standing_restores(newest.filter(kind="volume.restore"))), None)
    return (
        str(deleted.outcome_detail["snapshot"]) if deleted else "",
        str(restored.outcome_detail.get("volume", "")) if restored else _made_after_all(row),
    )


def standing_restores(restores: QuerySet[Operation]) -> list[Operation]:
    """Those of these that made a volume which is not known to be gone: that of any other can be made again."""
    made = list(restores.filter(state=State.SUCCEEDED))
    ids = {str(one.outcome_detail.get("volume", "")) for one in made}
    gone = set(
        Volume.objects.filter(volume_id__in=ids, gone_at__isnull=False).values_list("volume_id", flat=True)
    )
    return [one for one in made if one.outcome_detail.get("volume", "") not in gone]


def _made_after_all(row: Volume) -> str:
    """What a restore that has failed here left at AWS all the same, if a look has found it and it is usable."""
    failed = Operation.objects.filter(
        target_type="volume", target_id=str(row.id), kind="volume.restore", state=State.FAILED
    )
    ids = [str(pk) for pk in failed.values_list("id", flat=True)]
    if not ids:
        return ""
    ours = reduce(or_, (Q(tags__contains={OPERATION_TAG: one}) for one in ids))
    here = Volume.objects.filter(ours, account=row.account_id, region=row.region, gone_at__isnull=True)
    found = here.exclude(state="error").order_by("volume_id").first()
    return found.volume_id if found is not None else ""


def _holds_it_all(deletion: Operation, row: Volume) -> bool:
    """Whether what a volume held in the end is in the snapshot of a deletion: one that came to nothing may have left an older one."""
    served_since = row.detached_at is not None and row.detached_at >= deletion.entered_at
    return deletion.state == State.SUCCEEDED or not served_since


def restore_refusal(row: Volume, snapshot: str) -> str:
    """Why a volume cannot be made of a snapshot (a code), as last seen, or "". Needs `row.account`."""
    if closed := places().refusal(row.account, row.region, "volume.restore"):
        return closed
    seen = VolumeSnapshot.objects.filter(account=row.account_id, region=row.region, snapshot_id=snapshot)
    last = seen.only("gone_at", "tier").first()
    if last is None:
        return ""
    return (
        "snapshot_gone" if last.gone_at is not None else "snapshot_archived" if last.tier == ARCHIVE else ""
    )


def zones_of(row: Volume) -> list[str]:
    """The Availability Zones of its region in which its account has anything, its own first."""
    here = {"account_id": row.account_id, "region": row.region}
    found = set(Volume.objects.filter(**here).exclude(zone="").values_list("zone", flat=True))
    return sorted(found | {row.zone}, key=lambda zone: (zone != row.zone, zone))


@dataclass(frozen=True, slots=True)
class VolumeCounts:
    """How many there are by each filter's values, each under the other filters."""

    states: Mapping[str, int]
    accounts: Mapping[str, int]
    account_names: Mapping[str, str]
    named: Mapping[str, int]
    stays: Mapping[str, int]
    total: int


def list_volumes(wanted: VolumeFilter, cursors: Cursors, *, actor: Actor) -> Page:
    """One page of Volume with its account, by name. Raises NotPermitted, Refused."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    return page_of(_matching(wanted).select_related("account"), ("name", "id"), cursors)


def count_volumes(wanted: VolumeFilter, *, actor: Actor) -> VolumeCounts:
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    states = _by("state", _matching(wanted, without="state"))
    others = _matching(wanted, without="named")
    unnamed = others.filter(name="").count()
    return VolumeCounts(
        states=states,
        accounts=_by("account__account_id", _matching(wanted, without="account")),
        account_names=dict(AwsAccount.objects.order_by("account_id").values_list("account_id", "name")),
        named={"yes": others.count() - unnamed, "no": unnamed},
        stays={answer: _matching(replace(wanted, stays=answer)).count() for answer in ("yes", "no")},
        total=sum(number for state, number in states.items() if state != "gone"),
    )


def attached_to(resource: Resource, *, actor: Actor) -> list[Volume]:
    """Volumes that serve this EC2 instance now, as last seen."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    serving = Q(attachments__instance_id=resource.aws_id, attachments__until__isnull=True)
    rows = Volume.objects.filter(serving, account=resource.account, gone_at__isnull=True)
    return list(rows.order_by("served_device", "volume_id").distinct())


def _by(field: str, rows: QuerySet[Volume]) -> dict[str, int]:
    return dict(rows.order_by(field).values_list(field).annotate(Count("id")))


def _matching(wanted: VolumeFilter, *, without: str = "") -> QuerySet[Volume]:
    rows: QuerySet[Volume] = Volume.objects.all()
    if without != "state":
        rows = rows.filter(state=wanted.state) if wanted.state else rows.filter(gone_at__isnull=True)
    if wanted.account and without != "account":
        rows = rows.filter(account__account_id=wanted.account)
    if wanted.named and without != "named":
        rows = rows.exclude(name="") if wanted.named == "yes" else rows.filter(name="")
    if wanted.stays:
        serving = Attachment.objects.filter(until__isnull=True, delete_on_termination=wanted.stays != "yes")
        rows = rows.filter(id__in=serving.values("volume"), gone_at__isnull=True)
    if wanted.unattached_before is not None:
        since = Q(detached_at__lte=wanted.unattached_before)
        never = Q(detached_at__isnull=True, served_instance="", first_seen_at__lte=wanted.unattached_before)
        rows = rows.filter(since | never, gone_at__isnull=True).exclude(state="in-use")
    if wanted.q:
        words = (
            "name__icontains",
            "volume_id__icontains",
            "served_name__icontains",
            "served_instance__icontains",
        )
        found = Q()
        for word in words:
            found |= Q(**{word: wanted.q})
        rows = rows.filter(found)
    return rows
