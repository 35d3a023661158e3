"""Read, add and take away inbound rules of security groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import EC2, QUOTAS
from infra.domain.aws import AwsError, CallResult, Problem, Target
from infra.domain.reach import RULES_QUOTA, Rule, is_group

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import DescribeSecurityGroupRulesResultTypeDef

#: AWS takes 200 values in one filter.
VALUES_AT_ONCE, PAGE_SIZE = 200, 1000


def list_rules(target: Target, groups: Iterable[str]) -> list[Rule]:
    """The inbound rules of these groups. Raises AwsError."""
    wanted = sorted(set(groups))
    found: list[Rule] = []
    for start in range(0, len(wanted), VALUES_AT_ONCE):
        values = wanted[start : start + VALUES_AT_ONCE]

        def send(
            ec2: EC2Client, token: str, values: list[str] = values
        ) -> DescribeSecurityGroupRulesResultTypeDef:
            params: dict[str, Any] = {
                "Filters": [{"Name": "group-id", "Values": values}], "MaxResults": PAGE_SIZE,
            }  # fmt: skip
            if token:
                params["NextToken"] = token
            return ec2.describe_security_group_rules(**params)

        call = Call(EC2, target, "DescribeSecurityGroupRules", "SecurityGroupRules")
        for answer in current().pages(call, send):
            found += [_rule(raw) for raw in answer["SecurityGroupRules"] if not raw.get("IsEgress")]
    return found


def rules_limit(target: Target) -> int | None:
    """How many rules a security group may hold here; None where the role may not ask. Raises AwsError."""
    call = Call(QUOTAS, target, "GetServiceQuota", "Quota")
    try:
        answer = current().read(
            call, lambda quotas: quotas.get_service_quota(ServiceCode="vpc", QuotaCode=RULES_QUOTA)
        )
    except AwsError as error:
        if error.problem is Problem.PERMISSION:
            return None
        raise
    return int(cast(Mapping[str, Any], answer)["Quota"]["Value"])


def add_rule(
    target: Target,
    group: str,
    port: int,
    source: str,
    description: str,
    *,
    still_ours: StillOurs | None = None,
) -> CallResult:
    """Let a source (a group, or an IPv4 network) in on one TCP port; EXISTS when it is in already. Never raises AwsError."""
    given: dict[str, Any] = {"Description": description}
    pairs = {"UserIdGroupPairs": [given | {"GroupId": source}]}
    ranges = {"IpRanges": [given | {"CidrIp": source}]}
    permission: Any = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    permission |= pairs if is_group(source) else ranges
    return _mutate(
        target,
        "AuthorizeSecurityGroupIngress",
        lambda ec2: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission]),
        group,
        still_ours,
    )


def take_rule(target: Target, group: str, rule: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Take one rule away by its id; one that is not there is GONE. As add_rule."""
    return _mutate(
        target,
        "RevokeSecurityGroupIngress",
        lambda ec2: ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule]),
        group,
        still_ours,
    )


def _mutate(target: Target, action: str, send: Any, subject: str, still_ours: StillOurs | None) -> CallResult:
    try:
        answer = cast(
            Mapping[str, Any],
            current().mutate(Call(EC2, target, action), send, ids=[subject], still_ours=still_ours),
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])


def _rule(raw: Mapping[str, Any]) -> Rule:
    sources: Sequence[str] = [
        raw.get("ReferencedGroupInfo", {}).get("GroupId", ""), raw.get("CidrIpv4", ""), raw.get("CidrIpv6", ""),
        raw.get("PrefixListId", ""),
    ]  # fmt: skip
    return Rule(
        id=raw.get("SecurityGroupRuleId", ""),
        group=raw.get("GroupId", ""),
        protocol=raw.get("IpProtocol", ""),
        from_port=raw.get("FromPort", -1),
        to_port=raw.get("ToPort", -1),
        source=next((one for one in sources if one), ""),
        description=raw.get("Description", ""),
    )
