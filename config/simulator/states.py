"""EC2 instances take time to start and stop, and refuse as AWS does (moto: at once, and never)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError, OperationDisableApiStopNotPermitted
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse

from config.simulator.world import World

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_BY_USER = "Client.UserInitiatedShutdown"
_ASLEEP = "Client.UserInitiatedHibernate"


@dataclass(slots=True)
class Course:
    """The state of an instance: `transient` until the monotonic instant `until`, then `final`.

    One object is swapped in as a whole, so a reader never sees half a change.
    """

    final: InstanceState
    reason: StateReason
    transient: InstanceState | None = None
    until: float = 0.0

    def passing(self) -> bool:
        """Whether the transient state still holds."""
        return self.transient is not None and time.monotonic() < self.until


class NoCapacity(Exception):
    """AWS has no room for an instance of the call; the message does not say which one."""


def _state(instance: Instance) -> InstanceState:
    course: Course = instance.__dict__["course"]
    return course.transient if course.passing() and course.transient else course.final


def _set_state(instance: Instance, state: InstanceState) -> None:
    instance.__dict__["course"] = Course(state, StateReason())


_KEY = "The KMS key of an attached volume is disabled, gone or may not be used"
_FULL = "There is not enough capacity to fulfil your request"


def _reason(instance: Instance) -> StateReason:
    course: Course = instance.__dict__["course"]
    return StateReason() if course.passing() else course.reason


def _set_reason(instance: Instance, reason: StateReason) -> None:
    instance.__dict__["course"].reason = reason


def move(instance: Instance, through: str, to: str, reason: StateReason, seconds: float) -> None:
    """Sets an instance on its way; with 0 seconds it has arrived."""
    transient = InstanceState(through, _CODES[through]) if seconds else None
    instance.__dict__["course"] = Course(
        InstanceState(to, _CODES[to]), reason, transient, time.monotonic() + seconds
    )


def place(instance: Instance, state: str) -> None:
    """Puts an instance into a state without any call (seeding)."""
    reason = (
        StateReason(f"{_BY_USER}: User initiated shutdown", _BY_USER) if state == "stopped" else StateReason()
    )
    instance.__dict__["course"] = Course(InstanceState(state, _CODES[state]), reason)
    if state == "stopped":
        instance._reason = f"User initiated ({utcnow():%Y-%m-%d %H:%M:%S} GMT)"


def _refuse(instance: Instance, verb: str) -> None:
    message = f"The instance '{instance.id}' is not in a state from which it can be {verb}."
    raise EC2ClientError("IncorrectInstanceState", message)


def _starter(world: World) -> Callable[..., list[tuple[Instance, InstanceState]]]:
    def start_instances(self: Any, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        """Starts all or, if one may not start, none."""
        instances = self.get_multi_instances_by_id(list(dict.fromkeys(instance_ids)))
        for instance in instances:
            if instance.state in ("stopping", "shutting-down", "terminated"):
                _refuse(instance, "started")
        for instance in instances:
            if instance.id in world.no_capacity and instance.state == "stopped":
                raise NoCapacity(
                    f"We currently do not have sufficient {instance.instance_type} capacity in the Availability "
                    f"Zone you requested ({instance.availability_zone}). Our system will be working on "
                    "provisioning additional capacity."
                )
        before = [(instance, _state(instance)) for instance in instances]
        for instance, state in before:
            if state.name == "stopped":
                _start(world, instance)
        return before

    return start_instances


def _start(world: World, instance: Instance) -> None:
    seconds = world.delays.seconds("ec2_start", instance.owner_id)
    bounce = world.bounce.get(instance.id)
    if bounce:
        full = "InsufficientInstanceCapacity" in bounce
        message = f"{bounce}: {_FULL if full else _KEY}"
        move(instance, "pending", "stopped", StateReason(message, bounce), seconds)
        instance._reason = "Server.InternalError" if bounce.startswith("Server") else "Client error on launch"
    else:
        move(instance, "pending", "running", StateReason(), seconds)
        instance._reason = ""
        instance.launch_time = utcnow()
        for interface in instance.nics.values():
            interface.start()
    world.journal.note(instance.id, "state", "stopped", "pending")


def _stopper(world: World) -> Callable[..., list[tuple[Instance, InstanceState]]]:
    def stop_instances(
        self: Any, instance_ids: list[str], *, hibernate: bool = False
    ) -> list[tuple[Instance, InstanceState]]:
        """Stops all or, if one may not stop (or hibernate), none."""
        instances = self.get_multi_instances_by_id(list(dict.fromkeys(instance_ids)))
        for instance in instances:
            if instance.state in ("pending", "shutting-down", "terminated"):
                _refuse(instance, "stopped")
            if instance.disable_api_stop is True:
                raise OperationDisableApiStopNotPermitted(instance.id)
            if hibernate and not (instance.hibernation_options or {}).get("Configured"):
                message = f"The instance {instance.id} is not enabled for hibernation"
                raise EC2ClientError("UnsupportedHibernationConfiguration", message)
        before = [(instance, _state(instance)) for instance in instances]
        for instance, state in before:
            if state.name != "running":
                continue
            seconds = world.delays.seconds("ec2_stop", instance.owner_id)
            reason = (
                StateReason(f"{_ASLEEP}: User initiated hibernate", _ASLEEP)
                if hibernate
                else StateReason(f"{_BY_USER}: User initiated shutdown", _BY_USER)
            )
            move(instance, "stopping", "stopped", reason, seconds)
            instance._reason = f"User initiated ({utcnow():%Y-%m-%d %H:%M:%S} GMT)"
            for interface in instance.nics.values():
                interface.stop()
            world.journal.note(instance.id, "state", "running", "stopping")
        return before

    return stop_instances


def _terminator(
    world: World, terminate: Callable[[Instance], InstanceState]
) -> Callable[[Instance], InstanceState]:
    @wraps(terminate)
    def settled(self: Instance) -> InstanceState:
        before = _state(self)
        # moto writes into the state it finds: give it one that stays.
        _set_state(self, InstanceState(before.name, before.code))
        if before.name != "terminated":
            terminate(self)
        world.journal.note(self.id, "state", before.name, "terminated")
        return before

    return settled


def _reboot_instances(self: Any, instance_ids: list[str]) -> list[Instance]:
    instances: list[Instance] = self.get_multi_instances_by_id(instance_ids)
    for instance in instances:
        if instance.state != "running":
            _refuse(instance, "rebooted")
    return instances


def _changes(before: list[tuple[Instance, InstanceState]], asked: str) -> list[dict[str, Any]]:
    """The answer's list: what AWS says while the change is under way, even if ours takes no time."""
    from_state, through = asked.split("->")
    return [
        {
            "InstanceId": instance.id,
            "CurrentState": {"Code": _CODES[now], "Name": now},
            "PreviousState": {"Code": state.code, "Name": state.name},
        }
        for instance, state in before
        for now in (through if state.name == from_state else state.name,)
    ]


def _answer_start(self: Any) -> Any:
    ids = self._get_param("InstanceIds", [])
    self.error_on_dryrun()
    before = self.ec2_backend.start_instances(ids)
    return ActionResult({"StartingInstances": _changes(before, "stopped->pending")})


def _answer_stop(self: Any) -> Any:
    ids = self._get_param("InstanceIds", [])
    self.error_on_dryrun()
    before = self.ec2_backend.stop_instances(ids, hibernate=bool(self._get_bool_param("Hibernate", False)))
    return ActionResult({"StoppingInstances": _changes(before, "running->stopping")})


def install(world: World) -> None:
    """Puts AWS's states and refusals into moto's instances."""
    patched: Any = Instance
    patched._state = property(_state, _set_state)
    patched.state_reason = property(_reason, _set_reason)
    patched.terminate = _terminator(world, Instance.terminate)
    backend: Any = InstanceBackend
    backend.start_instances = _starter(world)
    backend.stop_instances = _stopper(world)
    backend.reboot_instances = _reboot_instances
    response: Any = InstanceResponse
    response.start_instances = _answer_start
    response.stop_instances = _answer_stop
