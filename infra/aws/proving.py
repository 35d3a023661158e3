"""Try whether an account's roles are right: who is let in, and what each role may do, without changing anything."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infra.aws.gateway import Call, current
from infra.aws.identity import caller_anew
from infra.aws.looks import LOOKS, WOULD_SUCCEED
from infra.aws.sessions import EC2
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.onboarding import CHANGES, AccountRole, Feature, reads_of
from infra.domain.proofs import Check, Status

_OF_BACKUP = "aws:backup:source-resource"
#: Asked once: it has no regions.
_GLOBAL = "organizations:"
#: How a region that the account has not opted into refuses a caller who was let in elsewhere, whatever he may do.
_NOT_IN_THIS_REGION = frozenset(
    {"OptInRequired", "InvalidClientTokenId", "UnrecognizedClientException", "RegionDisabledException"}
)
_NOBODY_ANSWERS = frozenset({Problem.THROTTLED, Problem.UNREACHABLE, Problem.NO_ANSWER})
#: Nobody answered, or nobody who looked at rights.
_SAYS_NOTHING = _NOBODY_ANSWERS | {Problem.ROLE_REFUSED, Problem.INVALID}
_NOT_VALIDATED = "not able to validate"


@dataclass(frozen=True, slots=True)
class _Seen:
    """Something to try a dry run on, in the first region that answered; "" where the account has none."""

    region: str = ""
    instance: str = ""
    volume: str = ""
    zone: str = ""
    group: str = ""
    snapshot: str = ""


def prove(
    target: Target,
    regions: Sequence[str],
    features: Sequence[Feature],
    *,
    may_go_on: Callable[[], bool] = lambda: True,
) -> list[Check]:
    """Try everything and give one Check each, in the order in which a person reads them. Never raises AwsError.

    target: both roles and the ExternalId, region ignored. Regions are tried one by one, because one may not be enabled. may_go_on: asked
    before each call but those at the door; what is left over then is told as not tried, and the proof fails.
    """
    first = replace(target, region=regions[0])
    checks: list[Check] = []
    for role in AccountRole:
        checks += _door(_in(first, role), role)
    seen = _Seen()
    if _entered(checks, AccountRole.READ):
        looked, seen = _looks(target, regions, features, may_go_on)
        checks += looked
    if _entered(checks, AccountRole.OPERATE) and seen.region:
        checks += _dry_runs(replace(target, region=seen.region), features, seen, may_go_on)
    return checks


def _in(target: Target, role: AccountRole) -> Target:
    """The target as if it had this role only, so that also what merely looks is done in it."""
    return target.reading if role is AccountRole.READ else replace(target, read_role_arn="")


def _entered(checks: Sequence[Check], role: AccountRole) -> bool:
    return any(one.code == "right_id" and one.role is role and one.status is Status.PASSED for one in checks)


def _door(target: Target, role: AccountRole) -> Iterator[Check]:
    """The role lets in who brings the right ExternalId, and nobody else. Source: IAM user guide, confused deputy."""
    for code, external_id in (("no_id", None), ("wrong_id", secrets.token_hex(16))):
        yield _kept_out(code, target, role, external_id)
    try:
        account = caller_anew(target)
    except AwsError as error:
        yield Check("right_id", role, Status.FAILED, target.role_arn, error.message)
        return
    yield Check("right_id", role, Status.PASSED, target.role_arn)
    same = account == target.account_id
    yield Check("right_account", role, Status.PASSED if same else Status.FAILED, account)


def _kept_out(code: str, target: Target, role: AccountRole, external_id: str | None) -> Check:
    try:
        current().assume(target, external_id)
    except AwsError as error:
        refused = error.problem is Problem.ROLE_REFUSED
        return Check(
            code, role, Status.PASSED if refused else Status.UNTRIED, message="" if refused else error.message
        )
    return Check(code, role, Status.FAILED)


def _looks(
    target: Target, regions: Sequence[str], features: Sequence[Feature], may_go_on: Callable[[], bool]
) -> tuple[list[Check], _Seen]:
    """Look, as an inventory would, in every region; what is found in the first that was seen whole serves the dry runs, else what was
    found in the first that answered at all."""
    checks: list[Check] = []
    whole, partly = _Seen(), _Seen()
    for region in regions:
        # Asked once, and where it was not reached, in the next.
        asked = any(one.subject.startswith(_GLOBAL) for one in checks)
        actions = [one for one in reads_of(features) if not (asked and one.startswith(_GLOBAL))]
        told, seen, all_of_it = _look_around(replace(target, region=region), actions, may_go_on)
        checks += told
        if all_of_it and not whole.region:
            whole = seen
        partly = partly if partly.region else seen
    return checks, whole if whole.region else partly


def _look_around(
    here: Target, actions: Sequence[str], may_go_on: Callable[[], bool]
) -> tuple[list[Check], _Seen, bool]:
    """Look in one region, until nobody answers there: 23 looks of 20 seconds would keep every other account waiting. Whether all was
    looked at comes last."""
    checks: list[Check] = []
    seen, region = _Seen(), here.region
    for action in actions:
        if not may_go_on():
            return [*checks, Check("out_of_time", AccountRole.READ, Status.FAILED, region)], seen, False
        try:
            answer = LOOKS[action](here)
        except AwsError as error:
            if _is_off(error):
                off = Check("region_off", AccountRole.READ, Status.FAILED, region, error.message)
                return [*checks, off], seen, False
            checks.append(_refused(error, AccountRole.READ, action, region))
            # That of an organization is answered elsewhere.
            if error.problem in _NOBODY_ANSWERS and not action.startswith(_GLOBAL):
                rest = Check("rest_untried", AccountRole.READ, Status.UNTRIED, region, error.message)
                return [*checks, rest], seen, False
            if error.problem is Problem.PERMISSION:
                seen = replace(seen, region=region)
            continue
        checks.append(Check("may", AccountRole.READ, Status.PASSED, f"{action} {region}"))
        seen = _found(replace(seen, region=region), action, answer, managed_only=here.managed_only)
    return checks, seen, True


def _is_off(error: AwsError) -> bool:
    """Whether a caller whom STS has just let in is unknown in this region. Source: AWS account management guide, "Enable or disable AWS
    Regions" (an opt-in region knows no credentials of an account that has not opted in)."""
    unknown = error.code == "AuthFailure" and _NOT_VALIDATED in error.message
    return not error.action.startswith("sts:") and (unknown or error.code in _NOT_IN_THIS_REGION)


def _found(seen: _Seen, action: str, answer: Mapping[str, Any], *, managed_only: bool) -> _Seen:
    if action == "ec2:DescribeInstances":
        ids = [
            one["InstanceId"]
            for reservation in answer["Reservations"]
            for one in reservation.get("Instances", ())
        ]
        return replace(seen, instance=ids[0] if ids else "")
    # A rule does not carry the tags of its group.
    if action == "ec2:DescribeSecurityGroupRules" and answer["SecurityGroupRules"] and not managed_only:
        return replace(seen, group=answer["SecurityGroupRules"][0]["GroupId"])
    if action == "ec2:DescribeSecurityGroups" and answer["SecurityGroups"]:
        return replace(seen, group=answer["SecurityGroups"][0]["GroupId"])
    if action == "ec2:DescribeSnapshots":
        # Those of AWS Backup are not this role's to delete.
        ids = [
            one["SnapshotId"] for one in answer["Snapshots"]
            if _OF_BACKUP not in {tag["Key"] for tag in one.get("Tags", ())}
        ]  # fmt: skip
        return replace(seen, snapshot=ids[0] if ids else "")
    if action == "ec2:DescribeVolumes" and answer["Volumes"]:
        first = answer["Volumes"][0]
        return replace(seen, volume=first["VolumeId"], zone=first.get("AvailabilityZone", ""))
    return seen


def _dry_runs(
    target: Target, features: Sequence[Feature], seen: _Seen, may_go_on: Callable[[], bool]
) -> Iterator[Check]:
    """What EC2 would answer. RDS has no dry run, and without a server or volume there is nothing to ask about."""
    # An address that nobody has (RFC 5737).
    way: Any = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "192.0.2.1/32"}]}
    rule = {"GroupId": seen.group, "IpPermissions": [way], "DryRun": True}
    named: Any = [{"Key": "Name", "Value": "-"}]

    def copied(ec2: Any) -> Any:
        """As Toban does it: what it makes carries its tags from the first moment."""
        tags = [{"ResourceType": "snapshot", "Tags": named}]
        return ec2.create_snapshot(VolumeId=seen.volume, DryRun=True, TagSpecifications=tags)

    tries: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
        "ec2:AuthorizeSecurityGroupIngress": (seen.group, lambda ec2: ec2.authorize_security_group_ingress(**rule)),
        "ec2:RevokeSecurityGroupIngress": (seen.group, lambda ec2: ec2.revoke_security_group_ingress(**rule)),
        "ec2:CreateSnapshot": (seen.volume, copied),
        "ec2:CreateVolume": (
            seen.zone,
            lambda ec2: ec2.create_volume(
                AvailabilityZone=seen.zone, Size=1, DryRun=True, TagSpecifications=[{"ResourceType": "volume", "Tags": named}]
            ),
        ),
        "ec2:DeleteSnapshot": (
            seen.snapshot, lambda ec2: ec2.delete_snapshot(SnapshotId=seen.snapshot, DryRun=True),
        ),
        "ec2:DeleteVolume": (seen.volume, lambda ec2: ec2.delete_volume(VolumeId=seen.volume, DryRun=True)),
        "ec2:StartInstances": (seen.instance, lambda ec2: ec2.start_instances(InstanceIds=[seen.instance], DryRun=True)),
        "ec2:StopInstances": (seen.instance, lambda ec2: ec2.stop_instances(InstanceIds=[seen.instance], DryRun=True)),
        "ec2:CreateTags": (
            seen.volume,
            (lambda ec2: ec2.create_tags(Resources=[seen.volume], Tags=named, DryRun=True)) if _names(features) else copied,
        ),
        "ec2:ModifyInstanceAttribute": (
            seen.instance,
            lambda ec2: ec2.modify_instance_attribute(
                InstanceId=seen.instance, BlockDeviceMappings=[{"DeviceName": "/dev/sdzz", "Ebs": {"DeleteOnTermination": False}}], DryRun=True
            ),
        ),
        "ec2:DeleteTags": (
            seen.volume, lambda ec2: ec2.delete_tags(Resources=[seen.volume], Tags=named, DryRun=True),
        ),
    }  # fmt: skip
    for action in sorted({action for feature in features for action in CHANGES[feature]}):
        if action not in tries:
            yield Check("no_dry_run", AccountRole.OPERATE, Status.UNTRIED, action)
            continue
        subject, send = tries[action]
        if subject and not may_go_on():
            yield Check("out_of_time", AccountRole.OPERATE, Status.FAILED, target.region)
            return
        if not subject:
            yield Check("nothing_there", AccountRole.OPERATE, Status.UNTRIED, action)
            continue
        # The right to tag at birth is asked about with what is born.
        at_birth = action == "ec2:CreateTags" and not _names(features)
        call = Call(EC2, target, "CreateSnapshot" if at_birth else action.partition(":")[2])
        # A zone is where something would be made, and no id of anything.
        ids = [] if subject == seen.zone else [subject]
        try:
            current().mutate(call, send, ids=ids, still_ours=None)
        except AwsError as error:
            if error.code == WOULD_SUCCEED:
                yield Check("may", AccountRole.OPERATE, Status.PASSED, action)
            else:
                yield _refused(error, AccountRole.OPERATE, action, target.region)
        else:
            yield Check("dry_run_ignored", AccountRole.OPERATE, Status.FAILED, action)


def _names(features: Sequence[Feature]) -> bool:
    """Whether what is there already may be tagged, and not only what Toban makes."""
    return Feature.VOLUMES in features or Feature.TAGS in features


def _refused(error: AwsError, role: AccountRole, action: str, region: str) -> Check:
    """A missing right is a failure that names it. A look that was not answered proves nothing; one that was answered otherwise (the account
    belongs to no organization) is not about rights; a dry run that was not answered leaves open whether the right is there."""
    subject = f"{action} {region}"
    if error.problem is Problem.PERMISSION and error.denial is not None:
        return Check(error.told_as, role, Status.FAILED, subject, error.message)
    if error.problem is Problem.PERMISSION:
        return Check("may_not", role, Status.FAILED, subject, error.message, error.missing_action or action)
    if role is AccountRole.OPERATE:
        return Check("not_answered", role, Status.UNTRIED, subject, error.message)
    if error.problem in _SAYS_NOTHING:
        return Check("not_answered", role, Status.FAILED, subject, error.message)
    return Check("answered_otherwise", role, Status.UNTRIED, subject, error.message)
