"""The four kinds of things that start and stop, behind one face: how each is looked at, changed, and what hinders it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from infra.aws import clusters, ec2, groups, rds, snapshots
from infra.aws.batches import not_sent
from infra.domain.aws import (
    AwsError,
    CallResult,
    Database,
    Ec2Instance,
    Problem,
    StopRefusal,
    Target,
    start_refusal,
    stop_refusal,
)
from infra.domain.clusters import DbCluster, cluster_refusal
from infra.domain.groups import (
    MEMBER_TAG,
    OFF,
    SIZES_TAG,
    ScalingGroup,
    Sizes,
    group_hindrance,
    group_power,
    read_sizes,
    remembered_sizes,
)
from infra.domain.power import Power, cluster_power, ec2_power, rds_power
from infra.domain.schedule import Action
from infra.domain.snapshots import COMPLETE
from infra.operations.verdicts import stops_the_rest
from medical_audit.domain.kinds import Fail, Later

StillOurs = Callable[[], bool]
Hindrance = Fail | Later | None
NO_HIBERNATION = frozenset({Problem.INVALID, Problem.UNSUPPORTED})
_FROM = {Action.START: Power.STOPPED, Action.STOP: Power.RUNNING}


@dataclass(slots=True)
class Seen:
    """One machine as AWS just showed it. refused: by action, why AWS would refuse it for good."""

    power: Power
    aws_state: str
    tags: Mapping[str, str]
    state_reason: str = ""
    refused: Mapping[Action, str] = field(default_factory=dict)
    hibernation: bool = False
    group: ScalingGroup | None = None


@dataclass(slots=True)
class Wish:
    """What one call has to do with one machine. sizes: what a group starts with."""

    aws_id: str
    hibernate: bool = False
    snapshot: str = ""
    sizes: Sizes | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a call for one machine, and what its end should tell besides."""

    result: CallResult
    detail: Mapping[str, Any] | None = None


class Machine(Protocol):
    """look_in: when a change can first be seen. verify_within: how long it may take. batch: how many share a round."""

    look_in: timedelta
    verify_within: timedelta
    batch: int

    def describe(self, target: Target, ids: Sequence[str]) -> dict[str, Seen]:
        """What exists of these, by id. Raises AwsError."""

    def hindrance(self, seen: Seen, action: Action, sizes: Sizes | None) -> Hindrance:
        """What AWS would answer with a refusal, now or for good. sizes: what is remembered of a group."""

    def change(
        self, target: Target, action: Action, wishes: Sequence[Wish], still_ours: StillOurs
    ) -> dict[str, Changed]:
        """Start or stop; a result for every id. Raises LeaseLost of the gateway, never AwsError."""


class Servers:
    """EC2 instances, in batches."""

    look_in, verify_within, batch = timedelta(seconds=5), timedelta(minutes=10), 100

    def describe(self, target: Target, ids: Sequence[str]) -> dict[str, Seen]:
        return {key: _seen_instance(one) for key, one in ec2.describe_instances(target, ids).items()}

    def hindrance(self, seen: Seen, action: Action, sizes: Sizes | None) -> Hindrance:
        return _in_transition(seen, action, self.look_in)

    def change(
        self, target: Target, action: Action, wishes: Sequence[Wish], still_ours: StillOurs
    ) -> dict[str, Changed]:
        ids = [one.aws_id for one in wishes]
        if action is Action.START:
            return _plain(ec2.start_instances(target, ids, still_ours=still_ours))
        asleep = [one.aws_id for one in wishes if one.hibernate]
        slept = ec2.stop_instances(target, asleep, hibernate=True, still_ours=still_ours) if asleep else {}
        refused = {key: one.error for key, one in slept.items() if one.error is not None}
        awake = {key: error for key, error in refused.items() if error.problem in NO_HIBERNATION}
        rest = [aws_id for aws_id in ids if aws_id not in slept or aws_id in awake]
        stopped = ec2.stop_instances(target, rest, still_ours=still_ours) if rest else {}
        found = _plain({**slept, **stopped})
        for key, error in awake.items():
            found[key] = Changed(found[key].result, {"no_hibernation": error.message[:300]})
        return found


class Databases:
    """RDS instances, one call each."""

    look_in, verify_within, batch = timedelta(seconds=10), timedelta(minutes=60), 10

    def describe(self, target: Target, ids: Sequence[str]) -> dict[str, Seen]:
        return {key: _seen_database(one) for key, one in rds.describe_databases(target, ids).items()}

    def hindrance(self, seen: Seen, action: Action, sizes: Sizes | None) -> Hindrance:
        return _in_transition(seen, action, self.look_in) or _not_available(seen, action, self.look_in)

    def change(
        self, target: Target, action: Action, wishes: Sequence[Wish], still_ours: StillOurs
    ) -> dict[str, Changed]:
        def send(one: Wish) -> CallResult:
            if action is Action.START:
                return rds.start_database(target, one.aws_id, still_ours=still_ours)
            return _stop_with_snapshot(target, one, still_ours)

        found = _one_by_one(wishes, send)
        for one in wishes:
            if one.snapshot and found[one.aws_id].result.accepted:
                found[one.aws_id] = _tagged(target, one, found[one.aws_id].result, still_ours)
        return found


class Clusters:
    """Aurora clusters with all their members, one call each."""

    look_in, verify_within, batch = timedelta(seconds=10), timedelta(minutes=60), 10

    def describe(self, target: Target, ids: Sequence[str]) -> dict[str, Seen]:
        return {key: _seen_cluster(one) for key, one in clusters.describe_clusters(target, ids).items()}

    def hindrance(self, seen: Seen, action: Action, sizes: Sizes | None) -> Hindrance:
        return _in_transition(seen, action, self.look_in) or _not_available(seen, action, self.look_in)

    def change(
        self, target: Target, action: Action, wishes: Sequence[Wish], still_ours: StillOurs
    ) -> dict[str, Changed]:
        send = clusters.start_cluster if action is Action.START else clusters.stop_cluster
        return _one_by_one(wishes, lambda one: send(target, one.aws_id, still_ours=still_ours))


class Groups:
    """Auto Scaling groups: stopped by sizes of 0/0/0, started by the sizes that were remembered before that."""

    look_in, verify_within, batch = timedelta(seconds=10), timedelta(minutes=30), 10

    def describe(self, target: Target, ids: Sequence[str]) -> dict[str, Seen]:
        return {key: _seen_group(one) for key, one in groups.describe_groups(target, ids).items()}

    def hindrance(self, seen: Seen, action: Action, sizes: Sizes | None) -> Hindrance:
        group = seen.group
        assert group is not None
        detail = {"sizes": str(group.sizes)}
        if code := group_hindrance(group, action):
            return Fail(code, detail=detail | {"suspended": ", ".join(group.suspended)})
        if action is Action.STOP:
            return None if group.sizes.desired else Later("in_transition", self.look_in, detail=detail)
        if group.sizes != OFF:
            # Whoever gave it these sizes meant something by it.
            settled = group.sizes.desired == 0
            return Fail("sizes_changed", detail=detail) if settled else Later("in_transition", self.look_in)
        if seen.power is not Power.STOPPED:
            return Later("in_transition", self.look_in, detail=detail)
        if sizes is None:
            return Fail("bad_sizes" if SIZES_TAG in group.tags else "no_sizes")
        return None

    def change(
        self, target: Target, action: Action, wishes: Sequence[Wish], still_ours: StillOurs
    ) -> dict[str, Changed]:
        def send(one: Wish) -> CallResult:
            sizes = one.sizes if action is Action.START else OFF
            assert sizes is not None
            return groups.set_sizes(target, one.aws_id, sizes, still_ours=still_ours)

        return _one_by_one(wishes, send)


MACHINES: Mapping[str, Machine] = {
    "ec2": Servers(),
    "rds": Databases(),
    "cluster": Clusters(),
    "asg": Groups(),
}


def _stop_with_snapshot(target: Target, one: Wish, still_ours: StillOurs) -> CallResult:
    """Stop, with a snapshot where one is wished. The name is this operation's alone: if it exists, an earlier try made it,
    and once it is complete the stop needs no other."""
    stopped = rds.stop_database(target, one.aws_id, snapshot=one.snapshot, still_ours=still_ours)
    if stopped.error is None or stopped.error.problem is not Problem.EXISTS:
        return stopped
    try:
        made = snapshots.describe_snapshots(target, [one.snapshot]).get(one.snapshot)
    except AwsError as error:
        return CallResult(False, error.request_id, not_sent(error))
    if made is None or made.database != one.aws_id:
        return stopped
    if made.state == COMPLETE:
        return rds.stop_database(target, one.aws_id, still_ours=still_ours)
    waiting = AwsError(
        Problem.WRONG_STATE if made.in_the_making else Problem.OTHER,
        action="rds:StopDBInstance",
        message=f"the snapshot {made.id} is {made.state}",
        code="SnapshotNotComplete",
    )
    return CallResult(False, "", waiting)


def _tagged(target: Target, one: Wish, result: CallResult, still_ours: StillOurs) -> Changed:
    """Mark the snapshot as ours for people in AWS; what is ours is known by its name, so a refusal is only told."""
    partition = "aws-cn" if target.region.startswith("cn-") else "aws"
    arn = f"arn:{partition}:rds:{target.region}:{target.account_id}:snapshot:{one.snapshot}"
    tags = {"toban:made-by": "toban", "toban:database": one.aws_id}
    tagged = snapshots.tag_snapshot(target, arn, tags, still_ours=still_ours)
    why = {"untagged": tagged.error.message[:300]} if tagged.error is not None else {}
    return Changed(result, {"snapshot": one.snapshot, **why})


def sizes_to_start(memory: Mapping[str, Any], seen: Seen) -> Sizes | None:
    """What a group starts with: what its last stop wrote down, else what its tag says. The ARN of a group that was
    deleted and made again under the same name is another one (it holds a UUID): its memory is not this group's."""
    of_another = seen.group is not None and memory.get("arn", seen.group.arn) != seen.group.arn
    return (None if of_another else remembered_sizes(memory)) or read_sizes(seen.tags.get(SIZES_TAG, ""))


def _in_transition(seen: Seen, action: Action, look_in: timedelta) -> Later | None:
    if seen.power == _FROM[action]:
        return None
    return Later("in_transition", look_in, detail={"aws_state": seen.aws_state})


def _not_available(seen: Seen, action: Action, look_in: timedelta) -> Later | None:
    """A database that serves but is busy cannot be stopped just now."""
    if action is Action.START or seen.aws_state == "available":
        return None
    return Later("busy", look_in * 3, detail={"aws_state": seen.aws_state})


def _one_by_one(wishes: Sequence[Wish], send: Callable[[Wish], CallResult]) -> dict[str, Changed]:
    """One call each, until one shows that the others would fare no better."""
    results: dict[str, CallResult] = {}
    for one in wishes:
        results[one.aws_id] = result = send(one)
        if result.error is not None and stops_the_rest(result.error):
            rest = CallResult(False, "", not_sent(result.error))
            return _plain({**dict.fromkeys((one.aws_id for one in wishes), rest), **results})
    return _plain(results)


def _plain(results: Mapping[str, CallResult]) -> dict[str, Changed]:
    return {key: Changed(result) for key, result in results.items()}


def _seen_instance(one: Ec2Instance) -> Seen:
    refused = dict.fromkeys(Action, str(StopRefusal.GROUP_MEMBER)) if MEMBER_TAG in one.tags else {}
    return Seen(
        ec2_power(one.state), one.state, one.tags, one.state_reason, refused, hibernation=one.hibernation
    )


def _seen_database(one: Database) -> Seen:
    refused = {Action.STOP: str(stop_refusal(one) or ""), Action.START: str(start_refusal(one) or "")}
    return Seen(rds_power(one.state), one.state, one.tags, refused=refused)


def _seen_cluster(one: DbCluster) -> Seen:
    refused = dict.fromkeys(Action, str(cluster_refusal(one) or ""))
    return Seen(cluster_power(one.state), one.state, one.tags, refused=refused)


def _seen_group(one: ScalingGroup) -> Seen:
    return Seen(group_power(one), group_state(one), one.tags, group=one)


def group_state(one: ScalingGroup) -> str:
    """A group's sizes and how many it has in service, as there is no word of AWS's for its state: "2/4/6 (4)"."""
    return "deleting" if one.deleting else f"{one.sizes} ({one.in_service})"
