"""Make a snapshot of an EBS volume, look for the one that an operation made, delete a volume, and make one from a snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from infra.aws.batches import send_in_chunks
from infra.aws.ec2 import IDS_PER_TAGGING
from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import EC2
from infra.domain.aws import AwsError, CallResult, Target
from infra.domain.disks import OPERATION_TAG, EbsSnapshot

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import DescribeSnapshotsResultTypeDef

#: AWS takes 200 values in one filter.
VALUES_AT_ONCE = 200


def snapshots_made_for(target: Target, operations: Sequence[str]) -> dict[str, EbsSnapshot]:
    """The snapshot that each of these operations (ids) made, by operation; of several the oldest. Raises AwsError."""
    found: dict[str, EbsSnapshot] = {}
    for one in _snapshots(target, f"tag:{OPERATION_TAG}", operations):
        known = found.get(one.tags[OPERATION_TAG])
        if known is None or _age(one) < _age(known):
            found[one.tags[OPERATION_TAG]] = one
    return found


def snapshots_by_id(target: Target, ids: Sequence[str]) -> dict[str, EbsSnapshot]:
    """Those of these snapshots that exist, by id. Raises AwsError."""
    return {one.id: one for one in _snapshots(target, "snapshot-id", ids)}


def snapshots_of_volumes(target: Target, volumes: Sequence[str]) -> dict[str, list[EbsSnapshot]]:
    """All snapshots of these volumes, by volume. Raises AwsError."""
    found: dict[str, list[EbsSnapshot]] = defaultdict(list)
    for one in _snapshots(target, "volume-id", list(dict.fromkeys(volumes))):
        found[one.volume_id].append(one)
    return dict(found)


def _snapshots(target: Target, name: str, wanted: Sequence[str]) -> Iterator[EbsSnapshot]:
    """Those whose `name` (a filter) has one of these values; name "": all."""
    chunks = [list(wanted[at : at + VALUES_AT_ONCE]) for at in range(0, len(wanted), VALUES_AT_ONCE)]
    for values in chunks if name else [[]]:

        def send(ec2: EC2Client, token: str, values: list[str] = values) -> DescribeSnapshotsResultTypeDef:
            filters = [{"Name": name, "Values": values}] if name else []
            params: dict[str, Any] = {"OwnerIds": ["self"], "Filters": filters, "MaxResults": 1000}
            if token:
                params["NextToken"] = token
            return ec2.describe_snapshots(**params)

        for answer in current().pages(Call(EC2, target, "DescribeSnapshots", "Snapshots"), send):
            for raw in answer["Snapshots"]:
                yield _snapshot(cast(Mapping[str, Any], raw))


def list_snapshots(target: Target) -> list[EbsSnapshot]:
    """All snapshots of this account. Raises AwsError."""
    return list(_snapshots(target, "", ()))


def images_of(target: Target) -> dict[str, list[str]]:
    """The AMIs of this account by the snapshots that they are made of. Raises AwsError."""
    found: dict[str, list[str]] = defaultdict(list)

    def send(ec2: EC2Client, token: str) -> Any:
        params: dict[str, Any] = {"Owners": ["self"], "MaxResults": 1000}
        if token:
            params["NextToken"] = token
        return ec2.describe_images(**params)

    for answer in current().pages(Call(EC2, target, "DescribeImages", "Images"), send):
        for image in answer["Images"]:
            for mapping in image.get("BlockDeviceMappings", ()):
                if snapshot := mapping.get("Ebs", {}).get("SnapshotId"):
                    found[snapshot].append(image["ImageId"])
    return dict(found)


def shared_with(target: Target, snapshot: str) -> list[str]:
    """The accounts (or "all") that may make volumes of a snapshot. Raises AwsError."""
    call = Call(EC2, target, "DescribeSnapshotAttribute")
    answer = current().read(
        call,
        lambda ec2: ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission"),
    )
    shares = cast(Mapping[str, Any], answer).get("CreateVolumePermissions", ())
    return sorted(one.get("UserId") or one.get("Group", "") for one in shares)


def delete_snapshot(target: Target, snapshot: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Delete a snapshot; one that an AMI is made of is refused by AWS. As create_snapshot."""
    return _mutate(
        target, "DeleteSnapshot", lambda ec2: ec2.delete_snapshot(SnapshotId=snapshot), snapshot, still_ours
    )


def go_with_server(
    target: Target,
    instance: str,
    device: str,
    volume: str,
    *,
    goes: bool,
    still_ours: StillOurs | None = None,
) -> CallResult:
    """Set whether a volume is deleted when its server is terminated. As create_snapshot."""
    ebs: Any = {"DeleteOnTermination": goes, "VolumeId": volume}
    return _mutate(
        target,
        "ModifyInstanceAttribute",
        lambda ec2: ec2.modify_instance_attribute(
            InstanceId=instance, BlockDeviceMappings=[{"DeviceName": device, "Ebs": ebs}]
        ),
        instance,
        still_ours,
        beside={"volume": volume},
    )


def create_snapshot(
    target: Target,
    volume_id: str,
    description: str,
    tags: Mapping[str, str],
    *,
    still_ours: StillOurs | None = None,
) -> CallResult:
    """Begin a snapshot of a volume, with its tags in the same call. Never raises AwsError; LeaseLost as elsewhere."""
    listed: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
    return _mutate(
        target,
        "CreateSnapshot",
        lambda ec2: ec2.create_snapshot(
            VolumeId=volume_id,
            Description=description,
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": listed}],
        ),
        volume_id,
        still_ours,
    )


def delete_volume(target: Target, volume_id: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Delete a volume; one that is attached is WRONG_STATE, one that does not exist is GONE. As create_snapshot."""
    return _mutate(
        target, "DeleteVolume", lambda ec2: ec2.delete_volume(VolumeId=volume_id), volume_id, still_ours
    )


def create_volume(
    target: Target,
    snapshot: str,
    *,
    zone: str,
    type_: str,
    tags: Mapping[str, str],
    token: str,
    iops: int = 0,
    throughput: int = 0,
    multi_attach: bool = False,
    still_ours: StillOurs | None = None,
) -> CallResult:
    """Begin a volume from a snapshot, with its tags in the same call; the same token makes one only. iops, throughput: 0 for
    what AWS gives. As create_snapshot."""
    listed: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
    more: dict[str, Any] = {"Iops": iops, "Throughput": throughput, "MultiAttachEnabled": multi_attach}
    params: dict[str, Any] = {
        "SnapshotId": snapshot, "AvailabilityZone": zone, "VolumeType": type_, "ClientToken": token,
        "TagSpecifications": [{"ResourceType": "volume", "Tags": listed}], **{key: value for key, value in more.items() if value},
    }  # fmt: skip
    return _mutate(target, "CreateVolume", lambda ec2: ec2.create_volume(**params), snapshot, still_ours)


def untag(
    target: Target, ids: Sequence[str], tags: Mapping[str, str], *, still_ours: StillOurs | None = None
) -> dict[str, CallResult]:
    """Take the same tags away from volumes or snapshots, each only where it still has this value; a result for every id.

    Never raises AwsError; LeaseLost as elsewhere.
    """
    pairs: Any = [{"Key": key, "Value": value} for key, value in tags.items()]

    def send(batch: Sequence[str]) -> dict[str, CallResult]:
        answer = current().mutate(
            Call(EC2, target, "DeleteTags"),
            lambda ec2: cast(Mapping[str, Any], ec2.delete_tags(Resources=batch, Tags=pairs)),
            ids=batch,
            still_ours=still_ours,
            tag_keys=tags,
        )
        return dict.fromkeys(batch, CallResult(True, answer["ResponseMetadata"]["RequestId"]))

    return send_in_chunks(ids, IDS_PER_TAGGING, send, examine=lambda rest, error: {})


def _mutate(
    target: Target,
    action: str,
    send: Any,
    subject: str,
    still_ours: StillOurs | None,
    beside: Mapping[str, str] | None = None,
) -> CallResult:
    call = Call(EC2, target, action)
    try:
        answer = cast(
            Mapping[str, Any],
            current().mutate(call, send, ids=[subject], still_ours=still_ours, beside=beside),
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])


def _snapshot(raw: Mapping[str, Any]) -> EbsSnapshot:
    return EbsSnapshot(
        id=raw.get("SnapshotId", ""),
        volume_id=raw.get("VolumeId", ""),
        state=raw.get("State", ""),
        progress=raw.get("Progress", ""),
        started_at=raw.get("StartTime"),
        tags={pair.get("Key", ""): pair.get("Value", "") for pair in raw.get("Tags", ())},
        size_gib=raw.get("VolumeSize", 0),
        tier=raw.get("StorageTier", "standard"),
        description=raw.get("Description", ""),
    )


def _age(one: EbsSnapshot) -> tuple[bool, Any, str]:
    return one.started_at is None, one.started_at, one.id
