"""Read and change EC2 instances and EBS volumes of one account and region."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from infra.aws.batches import send_in_chunks
from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import EC2
from infra.domain.aws import (
    Attachment,
    AwsError,
    CallResult,
    EbsVolume,
    Ec2Instance,
    InstanceVolume,
    Problem,
    Target,
)

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import (
        DescribeInstancesRequestTypeDef,
        DescribeInstancesResultTypeDef,
        DescribeTagsRequestTypeDef,
        DescribeTagsResultTypeDef,
        DescribeVolumesRequestTypeDef,
        DescribeVolumesResultTypeDef,
        FilterTypeDef,
        InstanceStateChangeTypeDef,
        InstanceTypeDef,
        TagTypeDef,
        VolumeTypeDef,
    )

PAGE_SIZE = 1000
FILTER_VALUES = 200  # AWS takes at most this many values in all filters of a request
IDS_PER_MUTATION = 100
IDS_PER_TAGGING = 500  # AWS takes 1000 and advises fewer
TAGS_PER_RESOURCE = 50
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = 256

# In any other state AWS answers IncorrectInstanceState; in these it changes the state or leaves it be.
_STARTABLE = frozenset({"stopped", "pending", "running"})
_STOPPABLE = frozenset({"running", "stopping", "stopped"})
_DEAD = frozenset({"shutting-down", "terminated"})


def list_instances(target: Target) -> list[Ec2Instance]:
    """Give all instances, also those terminated within the hour. Raises AwsError."""
    return list(_instances(target, []))


def describe_instances(target: Target, ids: Sequence[str]) -> dict[str, Ec2Instance]:
    """Give the instances that exist among `ids`. Raises AwsError.

    By filter, not by InstanceIds: an unknown id is then simply absent instead of failing the rest, a request
    is one page, and AWS counts it against the larger bucket. 200 ids a call.
    """
    wanted = list(dict.fromkeys(ids))
    return {
        instance.id: instance
        for values in _chunks(wanted, FILTER_VALUES)
        for instance in _instances(target, [{"Name": "instance-id", "Values": values}])
        if instance.id in values  # a filter reads * and ? as wildcards
    }


def start_instances(
    target: Target, ids: Sequence[str], *, still_ours: StillOurs | None = None
) -> dict[str, CallResult]:
    """Start instances; a result for every id, whatever happens. One that runs already is accepted.

    still_ours: asked right before each send. Raises LeaseLost when it says no, and never AwsError.
    """

    def send(batch: Sequence[str]) -> dict[str, CallResult]:
        answer = current().mutate(
            Call(EC2, target, "StartInstances", "StartingInstances"),
            lambda ec2: ec2.start_instances(InstanceIds=batch),
            ids=batch,
            still_ours=still_ours,
        )
        return _changed(
            "ec2:StartInstances", batch, answer["StartingInstances"], answer["ResponseMetadata"]["RequestId"]
        )

    return send_in_chunks(
        ids,
        IDS_PER_MUTATION,
        send,
        examine=lambda rest, error: _not_in(target, rest, _STARTABLE, error),
        pools=lambda rest: _pools(target, rest),
    )


def stop_instances(
    target: Target, ids: Sequence[str], *, hibernate: bool = False, still_ours: StillOurs | None = None
) -> dict[str, CallResult]:
    """Stop instances; a result for every id, whatever happens. One that is stopped already is accepted.

    hibernate: keep their memory on disk; AWS refuses it for instances that were not launched for it (INVALID or
    UNSUPPORTED). still_ours: as in start_instances.
    """

    def send(batch: Sequence[str]) -> dict[str, CallResult]:
        answer = current().mutate(
            Call(EC2, target, "StopInstances", "StoppingInstances"),
            lambda ec2: (
                ec2.stop_instances(InstanceIds=batch, Hibernate=hibernate)
                if hibernate
                else ec2.stop_instances(InstanceIds=batch)
            ),
            ids=batch,
            still_ours=still_ours,
        )
        return _changed(
            "ec2:StopInstances", batch, answer["StoppingInstances"], answer["ResponseMetadata"]["RequestId"]
        )

    return send_in_chunks(
        ids, IDS_PER_MUTATION, send, examine=lambda rest, error: _not_in(target, rest, _STOPPABLE, error)
    )


def list_volumes(target: Target) -> list[EbsVolume]:
    """Give all volumes. Raises AwsError."""
    return list(_volumes(target, []))


def describe_volumes(target: Target, ids: Sequence[str]) -> dict[str, EbsVolume]:
    """Give the volumes that exist among `ids`, 200 a call, by filter as above. Raises AwsError."""
    wanted = list(dict.fromkeys(ids))
    return {
        volume.id: volume
        for values in _chunks(wanted, FILTER_VALUES)
        for volume in _volumes(target, [{"Name": "volume-id", "Values": values}])
        if volume.id in values
    }


def volumes_tagged(target: Target, key: str, values: Sequence[str]) -> dict[str, EbsVolume]:
    """Give the volumes whose tag has one of these values, by value; of several the oldest. 200 a call. Raises AwsError."""
    found: dict[str, EbsVolume] = {}
    for some in _chunks(list(dict.fromkeys(values)), FILTER_VALUES):
        for volume in _volumes(target, [{"Name": f"tag:{key}", "Values": some}]):
            known = found.get(volume.tags.get(key, ""))
            if known is None or _age(volume) < _age(known):
                found[volume.tags.get(key, "")] = volume
    return found


def keys_of(target: Target, instance_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Give the KMS keys that the attached volumes of these instances are encrypted with, by instance id.

    200 ids a call. Raises AwsError.
    """
    keys: dict[str, set[str]] = defaultdict(set)
    for values in _chunks(list(dict.fromkeys(instance_ids)), FILTER_VALUES):
        for volume in _volumes(target, [{"Name": "attachment.instance-id", "Values": values}]):
            for attachment in volume.attachments:
                if volume.key_id and attachment.instance_id in values:
                    keys[attachment.instance_id].add(volume.key_id)
    return {one: tuple(sorted(found)) for one, found in keys.items()}


def tag(
    target: Target, ids: Sequence[str], tags: Mapping[str, str], *, still_ours: StillOurs | None = None
) -> dict[str, CallResult]:
    """Set the same tags on instances or volumes; a result for every id, whatever happens.

    Overwrites what stands there, so the caller looks first. Tags AWS would refuse are INVALID without a call.
    still_ours: as in start_instances.
    """
    refusal = _tags_refusal(tags)
    if refusal:
        error = AwsError(Problem.INVALID, action="ec2:CreateTags", message=refusal, code="InvalidTag")
        return {one: CallResult(False, "", error) for one in ids}
    pairs: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]

    def send(batch: Sequence[str]) -> dict[str, CallResult]:
        answer = current().mutate(
            Call(EC2, target, "CreateTags"),
            # The stubs know no answer; botocore gives one that holds the metadata.
            lambda ec2: cast(Mapping[str, Any], ec2.create_tags(Resources=batch, Tags=pairs)),
            ids=batch,
            still_ours=still_ours,
            tag_keys=tags,
        )
        return dict.fromkeys(batch, CallResult(True, answer["ResponseMetadata"]["RequestId"]))

    return send_in_chunks(
        ids, IDS_PER_TAGGING, send, examine=lambda rest, error: _full_of_tags(target, rest, tags, error)
    )


def _tags_refusal(tags: Mapping[str, str]) -> str:
    if not tags or len(tags) > TAGS_PER_RESOURCE:
        return f"1 to {TAGS_PER_RESOURCE} tags can be set, not {len(tags)}"
    for key, value in tags.items():
        if not 1 <= len(key) <= TAG_KEY_LENGTH:
            return f"a tag key has 1 to {TAG_KEY_LENGTH} characters, not {len(key)}"
        if key.lower().startswith("aws:"):
            return f"tag keys that begin with aws: belong to AWS: {key}"
        if len(value) > TAG_VALUE_LENGTH:
            return f"the value of tag {key} has {len(value)} characters, and AWS takes {TAG_VALUE_LENGTH}"
    return ""


def _changed(
    action: str, batch: Sequence[str], changes: Iterable[InstanceStateChangeTypeDef], request_id: str
) -> dict[str, CallResult]:
    named = {change.get("InstanceId") for change in changes}
    silence = AwsError(
        Problem.NO_ANSWER,
        action=action,
        message="AWS accepted the request and did not mention this id",
        code="NotMentioned",
        request_id=request_id,
    )
    return {one: CallResult(one in named, request_id, None if one in named else silence) for one in batch}


def _not_in(
    target: Target, ids: Sequence[str], states: frozenset[str], error: AwsError
) -> dict[str, AwsError]:
    """Find the instances whose state, or absence, will be refused as well."""
    found = describe_instances(target, ids)
    bad: dict[str, AwsError] = {}
    for one in ids:
        state = found[one].state if one in found else "terminated"
        if state not in states:
            problem = Problem.GONE if state in _DEAD else Problem.WRONG_STATE
            bad[one] = _noticed(
                error, problem, f"{one} is {state}" if one in found else f"{one} does not exist"
            )
    return bad


def _full_of_tags(
    target: Target, ids: Sequence[str], tags: Mapping[str, str], error: AwsError
) -> dict[str, AwsError]:
    """Find the resources that have no room for the tags. Only for TagLimitExceeded, which names no id."""
    if error.code != "TagLimitExceeded":
        return {}
    keys: dict[str, set[str]] = defaultdict(set)
    for values in _chunks(ids, FILTER_VALUES):

        def send(ec2: EC2Client, token: str, values: list[str] = values) -> DescribeTagsResultTypeDef:
            params: DescribeTagsRequestTypeDef = {
                "Filters": [{"Name": "resource-id", "Values": values}],
                "MaxResults": PAGE_SIZE,
            }
            if token:
                params["NextToken"] = token
            return ec2.describe_tags(**params)

        for answer in current().pages(Call(EC2, target, "DescribeTags", "Tags"), send):
            for pair in answer["Tags"]:
                if not pair["Key"].startswith("aws:"):
                    keys[pair["ResourceId"]].add(pair["Key"])
    return {
        one: _noticed(error, error.problem, f"{one} has no room for another tag")
        for one in ids
        if len(keys[one] | set(tags)) > TAGS_PER_RESOURCE
    }


def _noticed(error: AwsError, problem: Problem, message: str) -> AwsError:
    return AwsError(
        problem, action=error.action, message=message, code=error.code, request_id=error.request_id
    )


def _pools(target: Target, ids: Sequence[str]) -> list[list[str]]:
    """Group by what AWS's capacity is counted by: instance type and zone."""
    found = describe_instances(target, ids)
    pools: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in ids:
        instance = found.get(one)
        pools[(instance.instance_type, instance.zone) if instance else ("", "")].append(one)
    return list(pools.values())


def _instances(target: Target, filters: list[FilterTypeDef]) -> Iterator[Ec2Instance]:
    def send(ec2: EC2Client, token: str) -> DescribeInstancesResultTypeDef:
        params: DescribeInstancesRequestTypeDef = {"Filters": filters, "MaxResults": PAGE_SIZE}
        if token:
            params["NextToken"] = token
        return ec2.describe_instances(**params)

    for answer in current().pages(Call(EC2, target, "DescribeInstances", "Reservations"), send):
        for reservation in answer["Reservations"]:
            for instance in reservation.get("Instances", ()):
                yield _instance(instance)


def _volumes(target: Target, filters: list[FilterTypeDef]) -> Iterator[EbsVolume]:
    def send(ec2: EC2Client, token: str) -> DescribeVolumesResultTypeDef:
        params: DescribeVolumesRequestTypeDef = {"Filters": filters, "MaxResults": PAGE_SIZE}
        if token:
            params["NextToken"] = token
        return ec2.describe_volumes(**params)

    for answer in current().pages(Call(EC2, target, "DescribeVolumes", "Volumes"), send):
        for volume in answer["Volumes"]:
            yield _volume(volume)


def _age(volume: EbsVolume) -> tuple[bool, Any, str]:
    return volume.created_at is None, volume.created_at, volume.id


def _instance(raw: InstanceTypeDef) -> Ec2Instance:
    tags = _tags(raw.get("Tags", ()))
    reason = raw.get("StateReason", {})
    return Ec2Instance(
        id=raw["InstanceId"],
        name=tags.get("Name", ""),
        state=raw["State"]["Name"],
        state_reason=reason.get("Message", "")
        or reason.get("Code", "")
        or raw.get("StateTransitionReason", ""),
        tags=tags,
        instance_type=raw.get("InstanceType", ""),
        zone=raw.get("Placement", {}).get("AvailabilityZone", ""),
        launched_at=raw.get("LaunchTime"),
        hibernation=raw.get("HibernationOptions", {}).get("Configured", False),
        volumes=tuple(
            InstanceVolume(
                ebs.get("VolumeId", ""), mapping.get("DeviceName", ""), ebs.get("DeleteOnTermination", False)
            )
            for mapping in raw.get("BlockDeviceMappings", ())
            if (ebs := mapping.get("Ebs"))
        ),
        vpc_id=raw.get("VpcId", ""),
        address=raw.get("PrivateIpAddress", ""),
        groups=tuple(sorted(group.get("GroupId", "") for group in raw.get("SecurityGroups", ()))),
    )


def _volume(raw: VolumeTypeDef) -> EbsVolume:
    tags = _tags(raw.get("Tags", ()))
    return EbsVolume(
        id=raw["VolumeId"],
        name=tags.get("Name", ""),
        tags=tags,
        size_gib=raw.get("Size", 0),
        volume_type=raw.get("VolumeType", ""),
        state=raw.get("State", ""),
        zone=raw.get("AvailabilityZone", ""),
        created_at=raw.get("CreateTime"),
        attachments=tuple(
            Attachment(
                instance_id=attachment.get("InstanceId", ""),
                device=attachment.get("Device", ""),
                attached_at=attachment.get("AttachTime"),
                delete_on_termination=attachment.get("DeleteOnTermination", False),
            )
            for attachment in raw.get("Attachments", ())
        ),
        multi_attach=raw.get("MultiAttachEnabled", False),
        key_id=raw.get("KmsKeyId", ""),
        iops=raw.get("Iops"),
        throughput=raw.get("Throughput"),
    )


def _tags(pairs: Iterable[TagTypeDef]) -> dict[str, str]:
    return {pair.get("Key", ""): pair.get("Value", "") for pair in pairs}


def _chunks(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])
