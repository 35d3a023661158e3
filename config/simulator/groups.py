"""Auto Scaling groups launch and terminate in time, refuse sizes that contradict each other, and heed what is suspended."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.ec2.models.instances import StateReason

from config.simulator import states
from config.simulator.world import World

_FIELDS = (
    "instance_id", "instance_type", "availability_zone", "health_status", "protected_from_scale_in",
    "launch_configuration_name", "launch_template",
)  # fmt: skip


def sizes(group: Any) -> str:
    """Minimum, desired and maximum, as the journal has them."""
    return f"{group.min_size}/{group.desired_capacity}/{group.max_size}"


def _shown(group: Any) -> list[SimpleNamespace]:
    """The members with the lifecycle state AWS would show: what still boots is Pending, what goes is Terminating."""
    members = [
        _member(one, "Pending" if one.instance.state == "pending" else one.lifecycle_state)
        for one in group.instance_states
    ]
    leaving = group.__dict__.get("leaving", [])
    return members + [_member(one, "Terminating") for one, until in leaving if time.monotonic() < until]


def _member(one: Any, lifecycle_state: str) -> SimpleNamespace:
    return SimpleNamespace(lifecycle_state=lifecycle_state, **{name: getattr(one, name) for name in _FIELDS})


def _launcher(world: World, launch: Callable[..., None]) -> Callable[..., None]:
    def replace_autoscaling_group_instances(self: Any, count_needed: int, tags: dict[str, str]) -> None:
        if "Launch" in self._suspended_processes:
            return
        before = {one.instance_id for one in self.instance_states}
        launch(self, count_needed, tags)
        seconds = world.delays.seconds("asg_start", self.account_id)
        for one in self.instance_states:
            if one.instance_id not in before:
                states.move(one.instance, "pending", "running", StateReason(), seconds)
                world.journal.note(one.instance_id, "state", None, "pending")

    return replace_autoscaling_group_instances


def _resizer(world: World, resize: Callable[..., None]) -> Callable[..., None]:
    def set_desired_capacity(self: Any, new_capacity: int | None) -> None:
        wanted = self.min_size if new_capacity is None else new_capacity
        if wanted < len(self.instance_states) and "Terminate" in self._suspended_processes:
            self.desired_capacity = wanted
            return
        before = {one.instance_id: one for one in self.instance_states}
        resize(self, new_capacity)
        left = before.keys() - {one.instance_id for one in self.instance_states}
        until = time.monotonic() + world.delays.seconds("asg_stop", self.account_id)
        gone = [(before[id], until) for id in left]
        self.__dict__["leaving"] = [*self.__dict__.get("leaving", []), *gone]

    return set_desired_capacity


def _updater(world: World, update: Callable[..., Any]) -> Callable[..., Any]:
    def update_auto_scaling_group(
        self: Any, name: str, *, desired_capacity: int | None, max_size: int | None, min_size: int | None,
        **others: Any,
    ) -> Any:  # fmt: skip
        """AWS looks at all three sizes as they would be, and changes nothing that contradicts itself."""
        group = self.autoscaling_groups.get(name)
        before = sizes(group) if group else ""
        if group is not None:
            least = group.min_size if min_size is None else min_size
            most = group.max_size if max_size is None else max_size
            wanted = group.desired_capacity if desired_capacity is None else desired_capacity
            if least > most:
                raise ValidationError(
                    f"Max bound, {most}, must be greater than or equal to min bound, {least}"
                )
            if desired_capacity is not None and not least <= wanted <= most:
                raise ValidationError(
                    f"Desired capacity:{wanted} must be between the specified min size:{least} and max size:{most}"
                )
        answer = update(
            self, name, desired_capacity=desired_capacity, max_size=max_size, min_size=min_size, **others
        )
        world.journal.note(name, "sizes", before, sizes(group))
        return answer

    return update_auto_scaling_group


def install(world: World) -> None:
    """Puts AWS's course of things into moto's groups."""
    group: Any = FakeAutoScalingGroup
    group.instances = property(_shown)
    group.replace_autoscaling_group_instances = _launcher(
        world, FakeAutoScalingGroup.replace_autoscaling_group_instances
    )
    group.set_desired_capacity = _resizer(world, FakeAutoScalingGroup.set_desired_capacity)
    backend: Any = AutoScalingBackend
    backend.update_auto_scaling_group = _updater(world, AutoScalingBackend.update_auto_scaling_group)
