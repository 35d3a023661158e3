"""Volumes as rows, and what each of them serves and served."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.domain.aws import Attachment as AwsAttachment
from infra.domain.aws import EbsVolume, Ec2Instance
from infra.domain.tagging import NAME, VALUE_MAX, marks_from_json
from infra.models import Attachment, Region, Volume
from infra.models.volume import Naming
from medical_audit.domain.canonical import digest

SEEN_FIELDS = (
    "name", "name_missing_since", "state", "size_gib", "type", "zone", "multi_attach", "tags", "fingerprint", "iops", "throughput",
    "created_at", "gone_at", "served_instance", "served_name", "served_device", "naming", "detached_at",
)  # fmt: skip

NAME_MAX = 300


def naming_instance(volume: EbsVolume, names: Mapping[str, str]) -> AwsAttachment | None:
    """The attachment that names a volume: of several (multi-attach) the oldest whose instance has a Name (ADR 0006)."""
    oldest_first = sorted(
        volume.attachments, key=lambda a: (a.attached_at is None, a.attached_at, a.instance_id)
    )
    return next((one for one in oldest_first if names.get(one.instance_id)), None)


def keep_volumes(
    region: Region,
    volumes: Sequence[EbsVolume],
    instances: Sequence[Ec2Instance],
    *,
    looked_at: datetime,
    now: datetime,
) -> None:
    """Write the volumes of a region as they were at `looked_at`; an attachment that ended keeps its row with its end.

    The caller holds the region's row; only rows that differ are read whole, locked and written. One that an operation has
    written since the look began stays; the next look compares it anew.
    """
    names = {one.id: one.name.strip()[:NAME_MAX] for one in instances}
    seen = {one.id: (one, _facts(one, names)) for one in volumes}
    here = Volume.objects.filter(account=region.account, region=region.name)
    known = {row.volume_id: row for row in here.only("volume_id", "fingerprint", "gone_at")}
    differing = [row.id for row in known.values() if _differs(row, seen.get(row.volume_id))]
    held = here.filter(id__in=differing).select_for_update(of=("self",)).order_by("id")
    rows = [row for row in held if row.touched_at is None or not looked_at < row.touched_at <= now]
    rows += [
        Volume(
            tenant_id=region.tenant_id,
            account=region.account,
            region=region.name,
            volume_id=one,
            first_seen_at=now,
        )
        for one in seen
        if one not in known
    ]
    for row in rows:
        if row.volume_id in seen:
            _apply(row, *seen[row.volume_id], now)
        else:
            row.gone_at, row.fingerprint, row.naming, row.state = now, "", "", "gone"
            row.detached_at = row.detached_at or (now if row.served_instance else None)
    Volume.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=SEEN_FIELDS, batch_size=500
    )
    _keep_attachments(rows, {one.id: one for one in volumes}, names, now)


def _differs(row: Volume, seen: tuple[EbsVolume, dict[str, Any]] | None) -> bool:
    if seen is None:
        return row.gone_at is None
    return row.gone_at is not None or row.fingerprint != seen[1]["fingerprint"]


def _facts(one: EbsVolume, names: Mapping[str, str]) -> dict[str, Any]:
    server = naming_instance(one, names)
    name = one.name.strip()
    first = server or (one.attachments[0] if one.attachments else None)
    facts: dict[str, Any] = {
        "name": name[:NAME_MAX], "state": one.state, "size_gib": one.size_gib, "type": one.volume_type, "zone": one.zone,
        "multi_attach": one.multi_attach, "tags": one.tags, "naming": str(_naming(one, name, server)),
        "iops": one.iops, "throughput": one.throughput,
    }  # fmt: skip
    facts["fingerprint"] = digest(
        {
            **facts,
            "attached": sorted(
                [a.instance_id, a.device, a.delete_on_termination, names.get(a.instance_id, "")]
                for a in one.attachments
            ),
        }
    )
    facts["served"] = (first.instance_id, names.get(first.instance_id, ""), first.device) if first else None
    return facts


def _naming(one: EbsVolume, name: str, server: AwsAttachment | None) -> Naming:
    if name:
        return Naming.NAMED
    if not one.attachments:
        return Naming.UNATTACHED
    return Naming.DUE if server else Naming.NAMELESS


def _apply(row: Volume, one: EbsVolume, facts: dict[str, Any], now: datetime) -> None:
    served = facts.pop("served")
    for name, value in facts.items():
        setattr(row, name, value)
    row.created_at, row.gone_at = one.created_at, None
    wanted = served[1][:VALUE_MAX].rstrip() if served else ""
    if row.naming == Naming.DUE and marks_from_json(row.tag_marks).is_undone(NAME, wanted):
        row.naming = Naming.UNDONE
    row.name_missing_since = None if row.name else (row.name_missing_since or now)
    if served:
        instance, name, device = served
        # A server that lost its Name is still known here by the one it had.
        row.served_name = name or (row.served_name if row.served_instance == instance else "")
        row.served_instance, row.served_device, row.detached_at = instance, device, None
    elif row.served_instance and row.detached_at is None:
        row.detached_at = now


def _keep_attachments(
    volumes: Sequence[Volume], seen: Mapping[str, EbsVolume], names: Mapping[str, str], now: datetime
) -> None:
    """Open what is new, close what ended; attached again at another device is another attachment."""
    open_rows = Attachment.objects.filter(volume__in=[row.id for row in volumes], until__isnull=True)
    known = {(row.volume_id, row.instance_id, row.device): row for row in open_rows}
    new, changed = [], []
    for volume in volumes:
        attached = seen[volume.volume_id].attachments if volume.volume_id in seen else ()
        for one in attached:
            row = known.pop((volume.id, one.instance_id, one.device), None)
            name = names.get(one.instance_id, "")
            if row is None:
                row = Attachment(
                    tenant_id=volume.tenant_id, volume=volume, instance_id=one.instance_id, device=one.device
                )
                row.instance_name, row.since = name, one.attached_at or now
                row.delete_on_termination = one.delete_on_termination
                new.append(row)
            elif (
                name and row.instance_name != name
            ) or row.delete_on_termination != one.delete_on_termination:
                row.instance_name, row.delete_on_termination = (
                    name or row.instance_name,
                    one.delete_on_termination,
                )
                changed.append(row)
    Attachment.objects.filter(id__in=[row.id for row in known.values()]).update(until=now)
    Attachment.objects.bulk_create(new, batch_size=500)
    Attachment.objects.bulk_update(changed, ["instance_name", "delete_on_termination"], batch_size=500)
