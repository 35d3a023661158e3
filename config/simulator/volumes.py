"""EBS volumes attached to more than one instance, deletions that take their time, and AWS's refusals about attaching and tagging."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidVolumeAttachmentError,
    InvalidVolumeDetachmentError,
    VolumeInUseError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.block_device import BlockDeviceType
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot, Volume, VolumeAttachment

from config.simulator.databases import Course, set_status, status_of
from config.simulator.world import World

_MOST_TAGGED_AT_ONCE = 1000
_MOST_ATTACHED = 16


def deletions(backend: Any) -> dict[str, Course]:
    """The course of each volume that is being deleted, by id."""
    found: dict[str, Course] = backend.__dict__.setdefault("deletions", {})
    return found


def _volumes(backend: Any) -> dict[str, Volume]:
    """Those that exist: AWS shows one as `deleting` for up to some minutes, then no more (moto: it is gone at once)."""
    kept: dict[str, Volume] = backend.__dict__["kept"]
    for id, course in list(deletions(backend).items()):
        if not course.passing():
            kept.pop(id, None)
            deletions(backend).pop(id, None)
    return kept


def _set_volumes(backend: Any, volumes: dict[str, Volume]) -> None:
    backend.__dict__["kept"] = volumes


def _status(volume: Volume) -> str:
    if volume.id in deletions(volume.ec2_backend):
        return "deleting"
    return "in-use" if attachments(volume) else "available"


def _refuse_deleting(volume: Volume) -> None:
    if _status(volume) == "deleting":
        raise EC2ClientError("IncorrectState", f"The volume '{volume.id}' is 'deleting'")


def attachments(volume: Volume) -> list[VolumeAttachment]:
    """Every attachment; moto itself knows only the first."""
    return list(volume.__dict__.get("attached", ()))


def _first(volume: Volume) -> VolumeAttachment | None:
    attached = volume.__dict__.get("attached")
    return attached[0] if attached else None


def _set_first(volume: Volume, attachment: VolumeAttachment | None) -> None:
    volume.__dict__["attached"] = [attachment] if attachment else []


def attach(volume: Volume, instance: Any, device: str, *, delete_on_termination: bool) -> Any:
    """Ties a volume to an instance, without asking whether AWS would let it."""
    make: Any = VolumeAttachment  # concrete, though moto leaves some abstract methods of it open
    attachment: Any = make(volume, instance, device, "attached")
    attachment.delete_on_termination = delete_on_termination
    volume.__dict__["attached"] = [*attachments(volume), attachment]
    instance.block_device_mapping[device] = BlockDeviceType(
        volume_id=volume.id,
        status="in-use",
        size=volume.size,
        attach_time=utcnow(),
        delete_on_termination=delete_on_termination,
    )
    return attachment


def _attacher(world: World) -> Callable[..., Any]:
    def attach_volume(
        self: Any, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False
    ) -> Any:
        volume: Volume = self.get_volume(volume_id)
        _refuse_deleting(volume)
        instance = self.get_instance(instance_id)
        present = attachments(volume)
        full = len(present) >= (_MOST_ATTACHED if volume.multi_attach_enabled else 1)
        if full or any(one.instance.id == instance_id for one in present):
            raise EC2ClientError("VolumeInUse", f"{volume_id} is already attached to an instance")
        if device_path in instance.block_device_mapping:
            message = f"Invalid value '{device_path}' for unixDevice. Attachment point {device_path} is already in use"
            raise EC2ClientError("InvalidParameterValue", message)
        world.journal.note(volume_id, f"attachment:{instance_id}", None, device_path)
        return attach(volume, instance, device_path, delete_on_termination=delete_on_termination)

    return attach_volume


def _detacher(world: World) -> Callable[..., VolumeAttachment]:
    def detach_volume(
        self: Any, volume_id: str, instance_id: str | None, device_path: str | None
    ) -> VolumeAttachment:
        volume: Volume = self.get_volume(volume_id)
        present = attachments(volume)
        if not instance_id and len(present) > 1:
            message = f"Volume {volume_id} is attached to more than one instance: InstanceId is needed"
            raise EC2ClientError("IncorrectState", message)
        chosen = next((one for one in present if instance_id in (None, one.instance.id)), None)
        if chosen is None:
            raise InvalidVolumeAttachmentError(volume_id, instance_id or "")
        if device_path and device_path != chosen.device:
            raise InvalidVolumeDetachmentError(volume_id, instance_id or "", device_path)
        chosen.instance.block_device_mapping.pop(chosen.device, None)
        chosen.status = "detached"
        volume.__dict__["attached"] = [one for one in present if one is not chosen]
        world.journal.note(volume_id, f"attachment:{chosen.instance.id}", chosen.device, None)
        return chosen

    return detach_volume


def _deleter(world: World) -> Callable[..., Volume]:
    def delete_volume(self: Any, volume_id: str) -> Volume:
        volume: Volume = self.get_volume(volume_id)
        attachment = _first(volume)
        if attachment:
            raise VolumeInUseError(volume_id, attachment.instance.id)
        _refuse_deleting(volume)
        seconds = world.delays.seconds("ebs_delete", self.account_id)
        deletions(self)[volume_id] = Course("", "deleting" if seconds else "", time.monotonic() + seconds)
        world.journal.note(volume_id, "state", "available", "deleting" if seconds else "deleted")
        return volume

    return delete_volume


def _snapshotter(world: World, create: Callable[..., Any]) -> Callable[..., Any]:
    def create_snapshot(self: Any, volume_id: str, *args: Any, **kwargs: Any) -> Any:
        _refuse_deleting(self.get_volume(volume_id))
        made = create(self, volume_id, *args, **kwargs)
        seconds = world.delays.seconds("ebs_snapshot", self.account_id)
        made.__dict__["course"] = Course(
            "completed", "pending" if seconds else "", time.monotonic() + seconds
        )
        world.journal.note(made.id, "state", None, f"copy of {volume_id}")
        return made

    return create_snapshot


def _filter_value(get: Callable[..., Any]) -> Callable[..., Any]:
    by_attachment: dict[str, Callable[[Any], str]] = {
        "attachment.instance-id": lambda one: one.instance.id,
        "attachment.device": lambda one: one.device,
        "attachment.status": lambda one: one.status,
        "attachment.delete-on-termination": lambda one: str(deletes(one)).lower(),
    }

    def get_filter_value(self: Volume, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name in by_attachment:
            return [by_attachment[filter_name](one) for one in attachments(self)]
        if filter_name == "multi-attach-enabled":
            return str(bool(self.multi_attach_enabled)).lower()
        return get(self, filter_name, method_name)

    return get_filter_value


def deletes(attachment: Any) -> bool:
    """Whether the volume goes with the instance: ModifyInstanceAttribute changes it in the instance's mapping."""
    mapping = attachment.instance.block_device_mapping.get(attachment.device)
    return bool(getattr(mapping or attachment, "delete_on_termination", True))


_BY_CUSTOMERS = ("CreateTags", "RunInstances")


def _check_tags(resource_ids: list[str], tags: dict[str, str], *, by_aws: bool) -> None:
    if len(resource_ids) > _MOST_TAGGED_AT_ONCE:
        raise EC2ClientError("InvalidParameterValue", f"At most {_MOST_TAGGED_AT_ONCE} resources in one call")
    for key, value in tags.items():
        if key.lower().startswith("aws:") and not by_aws:
            message = "Tag keys starting with 'aws:' are reserved for internal use"
            raise EC2ClientError("InvalidParameterValue", message)
        if not 1 <= len(key) <= 128:
            raise EC2ClientError("InvalidParameterValue", "Tag key has to have 1 to 128 characters")
        if len(value or "") > 256:
            raise EC2ClientError(
                "InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters"
            )


def _tagger(world: World, create: Callable[..., bool]) -> Callable[..., bool]:
    def create_tags(self: Any, resource_ids: list[str], tags: dict[str, str]) -> bool:
        # A group marks its instances with a tag that nobody else may set.
        _check_tags(resource_ids, tags, by_aws=world.journal.action() not in _BY_CUSTOMERS)
        before = {id: dict(self.tags.get(id, {})) for id in resource_ids}
        done = create(self, resource_ids, tags)
        for id in resource_ids:
            for key, value in tags.items():
                world.journal.note(id, f"tag:{key}", before[id].get(key), value)
        return done

    return create_tags


def _untagger(world: World, delete: Callable[..., bool]) -> Callable[..., bool]:
    def delete_tags(self: Any, resource_ids: list[str], tags: dict[str, str]) -> bool:
        before = {id: dict(self.tags.get(id, {})) for id in resource_ids}
        done = delete(self, resource_ids, tags)
        for id in resource_ids:
            for key, value in before[id].items():
                world.journal.note(id, f"tag:{key}", value, self.tags.get(id, {}).get(key))
        return done

    return delete_tags


def install(world: World) -> None:
    """Puts multi-attach, AWS's limits of tags and the journal into moto's volumes and tags."""
    volume: Any = Volume
    volume.attachment = property(_first, _set_first)
    volume.attachments = property(attachments)
    volume.status = property(_status)
    volume.get_filter_value = _filter_value(Volume.get_filter_value)
    ebs: Any = EBSBackend
    ebs.volumes = property(_volumes, _set_volumes)
    ebs.attach_volume = _attacher(world)
    ebs.detach_volume = _detacher(world)
    ebs.delete_volume = _deleter(world)
    ebs.create_snapshot = _snapshotter(world, EBSBackend.create_snapshot)
    snapshot: Any = Snapshot
    snapshot.status = property(status_of, set_status)
    backend: Any = EC2Backend
    backend.create_tags = _tagger(world, EC2Backend.create_tags)
    backend.delete_tags = _untagger(world, EC2Backend.delete_tags)
