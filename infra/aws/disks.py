"""Make a snapshot of an EBS volume, look for the one that an operation made, delete a volume, and make one from a snapshot."""

from __future__ import annotations

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


def _snapshots(target: Target, name: str, wanted: Sequence[str]) -> Iterator[EbsSnapshot]:
    for start in range(0, len(wanted), VALUES_AT_ONCE):
        values = list(wanted[start : start + VALUES_AT_ONCE])

        def send(ec2: EC2Client, token: str, values: list[str] = values) -> DescribeSnapshotsResultTypeDef:
            params: dict[str, Any] = {
                "OwnerIds": ["self"], "Filters": [{"Name": name, "Values": values}], "MaxResults": 1000,
            }  # fmt: skip
            if token:
                params["NextToken"] = token
            return ec2.describe_snapshots(**params)

        for answer in current().pages(Call(EC2, target, "DescribeSnapshots", "Snapshots"), send):
            for raw in answer["Snapshots"]:
                yield _snapshot(cast(Mapping[str, Any], raw))


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
    still_ours: StillOurs | None = None,
) -> CallResult:
    """Begin a volume from a snapshot, with its tags in the same call; the same token makes one only. As create_snapshot."""
    listed: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
    kind: Any = type_
    return _mutate(
        target,
        "CreateVolume",
        lambda ec2: ec2.create_volume(
            SnapshotId=snapshot,
            AvailabilityZone=zone,
            VolumeType=kind,
            ClientToken=token,
            TagSpecifications=[{"ResourceType": "volume", "Tags": listed}],
        ),
        snapshot,
        still_ours,
    )


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
        )
        return dict.fromkeys(batch, CallResult(True, answer["ResponseMetadata"]["RequestId"]))

    return send_in_chunks(ids, IDS_PER_TAGGING, send, examine=lambda rest, error: {})


def _mutate(target: Target, action: str, send: Any, subject: str, still_ours: StillOurs | None) -> CallResult:
    try:
        answer = cast(
            Mapping[str, Any],
            current().mutate(Call(EC2, target, action), send, ids=[subject], still_ours=still_ours),
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
    )


def _age(one: EbsSnapshot) -> tuple[bool, Any, str]:
    return one.started_at is None, one.started_at, one.id
