"""Read the Auto Scaling groups of one account and region, and change their sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import AUTOSCALING
from infra.domain.aws import AwsError, CallResult, Target
from infra.domain.groups import Member, ScalingGroup, Sizes

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.client import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import (
        AutoScalingGroupsTypeTypeDef,
        AutoScalingGroupTypeDef,
    )

PAGE_SIZE = 100  # the largest that Auto Scaling gives


def list_groups(target: Target) -> list[ScalingGroup]:
    """Give all groups. Raises AwsError."""
    return list(_groups(target, []))


def describe_groups(target: Target, names: Sequence[str]) -> dict[str, ScalingGroup]:
    """Give the groups that exist among `names`, 50 a call; an unknown name is simply absent. Raises AwsError."""
    wanted = list(dict.fromkeys(names))
    return {
        group.name: group
        for start in range(0, len(wanted), PAGE_SIZE // 2)
        for group in _groups(target, wanted[start : start + PAGE_SIZE // 2])
    }


def set_sizes(target: Target, name: str, sizes: Sizes, *, still_ours: StillOurs | None = None) -> CallResult:
    """Give a group these sizes, whatever it had: look first. Never raises AwsError.

    still_ours: asked right before the send. Raises LeaseLost when it says no.
    """
    try:
        answer = current().mutate(
            Call(AUTOSCALING, target, "UpdateAutoScalingGroup"),
            # The stubs know no answer; botocore gives one that holds the metadata.
            lambda autoscaling: cast(
                Mapping[str, Any],
                autoscaling.update_auto_scaling_group(
                    AutoScalingGroupName=name,
                    MinSize=sizes.min,
                    DesiredCapacity=sizes.desired,
                    MaxSize=sizes.max,
                ),
            ),
            ids=[name],
            still_ours=still_ours,
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])


def _groups(target: Target, names: list[str]) -> Iterator[ScalingGroup]:
    def send(autoscaling: AutoScalingClient, token: str) -> AutoScalingGroupsTypeTypeDef:
        params: dict[str, Any] = {"MaxRecords": PAGE_SIZE}
        if names:
            params["AutoScalingGroupNames"] = names
        if token:
            params["NextToken"] = token
        return autoscaling.describe_auto_scaling_groups(**params)

    call = Call(AUTOSCALING, target, "DescribeAutoScalingGroups", "AutoScalingGroups")
    for answer in current().pages(call, send):
        for raw in answer["AutoScalingGroups"]:
            yield _group(raw)


def _group(raw: AutoScalingGroupTypeDef) -> ScalingGroup:
    return ScalingGroup(
        name=raw["AutoScalingGroupName"],
        arn=raw.get("AutoScalingGroupARN", ""),
        tags={pair.get("Key", ""): pair.get("Value", "") for pair in raw.get("Tags", ())},
        sizes=Sizes(raw["MinSize"], raw["DesiredCapacity"], raw["MaxSize"]),
        members=tuple(
            Member(
                one["InstanceId"],
                one["LifecycleState"],
                one.get("InstanceType", ""),
                one.get("ProtectedFromScaleIn", False),
            )
            for one in raw.get("Instances", ())
        ),
        suspended=tuple(sorted(one.get("ProcessName", "") for one in raw.get("SuspendedProcesses", ()))),
        deleting=bool(raw.get("Status")),
    )
