"""An Auto Scaling group as AWS shows it: its sizes, whether it is on, and what keeps it from changing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from infra.domain.power import Power
from infra.domain.schedule import Action

#: On a group that nobody but its owner can put right: the sizes to start with, as min/desired/max.
SIZES_TAG = "TobanSizes"
#: AWS writes it on every instance that a group has launched or attached (Auto Scaling user guide, tagging).
MEMBER_TAG = "aws:autoscaling:groupName"
_SIZES = re.compile(r"([0-9]{1,5})/([0-9]{1,5})/([0-9]{1,5})", re.ASCII)
#: States of a member that is not there yet, or not any more, and does not count as there.
_IN_SERVICE = "InService"
_KEPT_APART = ("Standby", "Warmed:", "Detached", "Terminated")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many instances a group keeps: min <= desired <= max."""

    min: int
    desired: int
    max: int

    def __str__(self) -> str:
        return f"{self.min}/{self.desired}/{self.max}"

    def as_json(self) -> dict[str, int]:
        return asdict(self)


OFF = Sizes(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Member:
    """One instance of a group. state: AWS's lifecycle state, "InService" or "Terminating:Wait"."""

    id: str
    state: str
    instance_type: str
    protected: bool


@dataclass(frozen=True, slots=True)
class ScalingGroup:
    """One Auto Scaling group. suspended: names of the processes that somebody has suspended ("Launch")."""

    name: str
    arn: str
    tags: dict[str, str]
    sizes: Sizes
    members: tuple[Member, ...]
    suspended: tuple[str, ...]
    deleting: bool

    @property
    def in_service(self) -> int:
        return sum(one.state == _IN_SERVICE for one in self.members)

    @property
    def present(self) -> int:
        """Members that run or are on their way; what stands by or is kept warm is counted apart by AWS."""
        return sum(not one.state.startswith(_KEPT_APART) for one in self.members)


def group_power(group: ScalingGroup) -> Power:
    """On when as many instances as its minimum (and at least one) are in service; off when none is wanted and none left."""
    if group.deleting:
        return Power.GONE
    if group.sizes.desired == 0:
        return Power.TRANSITION if group.present else Power.STOPPED
    return Power.RUNNING if group.in_service >= max(1, group.sizes.min) else Power.TRANSITION


def group_hindrance(group: ScalingGroup, action: Action) -> str:
    """A code for what would keep an accepted change from happening, or "".

    Source: Auto Scaling user guide, "Suspend and resume processes" (without Launch nothing is added, without Terminate
    nothing is taken away) and "Use instance scale-in protection".
    """
    if action is Action.START:
        return "launch_suspended" if "Launch" in group.suspended else ""
    if "Terminate" in group.suspended:
        return "terminate_suspended"
    return "scale_in_protected" if any(one.protected for one in group.members) else ""


def read_sizes(text: str) -> Sizes | None:
    """Read "min/desired/max"; None for anything else, and for sizes that start nothing or contradict each other."""
    found = _SIZES.fullmatch(text)
    if found is None:
        return None
    least, desired, most = (int(part) for part in found.groups())
    return Sizes(least, desired, most) if desired >= 1 and least <= desired <= most else None


def remembered_sizes(memory: Mapping[str, object]) -> Sizes | None:
    """The sizes that a stop wrote down (Resource.memory), or None."""
    kept = memory.get("sizes")
    if not isinstance(kept, Mapping):
        return None
    return read_sizes(f"{kept.get('min')}/{kept.get('desired')}/{kept.get('max')}")
