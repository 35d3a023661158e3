"""Volumes as rows, and what each of them serves and served."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.domain.aws import Attachment as AwsAttachment
from infra.domain.aws import EbsVolume, Ec2Instance
from infra.models import Attachment, Region, Volume
from infra.models.volume import Naming
from medical_audit.domain.canonical import digest

SEEN_FIELDS = (
    "name", "name_missing_since", "state", "size_gib", "type", "zone", "multi_attach", "tags", "fingerprint",
    "created_at", "gone_at", "served_instance", "served_name", "served_device", "naming", "detached_at",
)  # fmt: skip


def naming_instance(volume: EbsVolume, names: dict[str, str]) -> AwsAttachment | None:
    """The attachment that names a volume: of several (multi-attach) the oldest whose instance has a Name (ADR 0006)."""
    oldest_first = sorted(volume.attachments, key=lambda a: (a.attached_at is None, a.attached_at, a.instance_id))
    return next((one for one in oldest_first if names.get(one.instance_id)), None)


def keep_volumes(
    region: Region, volumes: Sequence[EbsVolume], instances: Sequence[Ec2Instance], *, now: datetime
) -> None:
    """Write the volumes of a region; an attachment that ended keeps its row with its end."""
    names = {one.id: one.name.strip() for one in instances}
    known = {
        row.volume_id: row
        for row in Volume.objects.filter(account=region.account, region=region.name).select_for_update(of=("self",))
    }
    fresh, changed, pairs = [], [], []
    for one in volumes:
        row = known.pop(one.id, None)
        facts = _facts(one, names)
        if row is None:
            row = Volume(
                tenant_id=region.tenant_id, account=region.account, region=region.name, volume_id=one.id, first_seen_at=now
            )
            fresh.append(row)
        elif row.fingerprint != facts["fingerprint"] or row.gone_at is not None:
            changed.append(row)
        else:
            continue
        _apply(row, facts, one, now)
        pairs.append((row, one))
    gone = [row for row in known.values() if row.gone_at is None]
    for row in gone:
        row.gone_at, row.fingerprint, row.naming, row.state = now, "", "", "gone"
        row.detached_at = row.detached_at or (now if row.served_instance else None)
    Volume.objects.bulk_create(fresh, batch_size=500)
    Volume.objects.bulk_update([*changed, *gone], SEEN_FIELDS, batch_size=200)
    _keep_attachments(pairs, names, now)
    Attachment.objects.filter(volume__in=gone, until__isnull=True).update(until=now)


def _facts(one: EbsVolume, names: dict[str, str]) -> dict[str, Any]:
    server = naming_instance(one, names)
    name = one.name.strip()
    first = server or (one.attachments[0] if one.attachments else None)
    facts: dict[str, Any] = {
        "name": name[:300], "state": one.state, "size_gib": one.size_gib, "type": one.volume_type, "zone": one.zone,
        "multi_attach": one.multi_attach, "tags": one.tags, "naming": str(_naming(one, name, server)),
    }  # fmt: skip
    attached = sorted((a.instance_id, a.device, names.get(a.instance_id, "")) for a in one.attachments)
    facts["fingerprint"] = digest({**facts, "attached": [list(item) for item in attached]})
    facts["served"] = (first.instance_id, names.get(first.instance_id, ""), first.device) if first else None
    return facts


def _naming(one: EbsVolume, name: str, server: AwsAttachment | None) -> Naming:
    if name:
        return Naming.NAMED
    if not one.attachments:
        return Naming.UNATTACHED
    return Naming.DUE if server else Naming.NAMELESS


def _apply(row: Volume, facts: dict[str, Any], one: EbsVolume, now: datetime) -> None:
    served = facts.pop("served")
    for name, value in facts.items():
        setattr(row, name, value)
    row.created_at, row.gone_at = one.created_at, None
    row.name_missing_since = None if row.name else (row.name_missing_since or now)
    if served:
        row.served_instance, row.served_name, row.served_device = served[0], served[1][:300], served[2]
        row.detached_at = None
    elif row.served_instance and row.detached_at is None:
        row.detached_at = now


def _keep_attachments(pairs: Sequence[tuple[Volume, EbsVolume]], names: dict[str, str], now: datetime) -> None:
    open_rows = Attachment.objects.filter(volume__in=[row for row, _ in pairs], until__isnull=True)
    known = {(row.volume_id, row.instance_id): row for row in open_rows}
    new, renamed = [], []
    for volume, seen in pairs:
        for one in seen.attachments:
            row = known.pop((volume.id, one.instance_id), None)
            name = names.get(one.instance_id, "")[:300]
            if row is None:
                new.append(
                    Attachment(
                        tenant_id=volume.tenant_id, volume=volume, instance_id=one.instance_id, instance_name=name,
                        device=one.device, delete_on_termination=one.delete_on_termination, since=one.attached_at or now,
                    )  # fmt: skip
                )
            elif name and row.instance_name != name:
                row.instance_name = name
                renamed.append(row)
    Attachment.objects.bulk_create(new, batch_size=500)
    Attachment.objects.bulk_update(renamed, ["instance_name"], batch_size=500)
    Attachment.objects.filter(id__in=[row.id for row in known.values()]).update(until=now)
