"""Makes moto quick with thousands of instances: indexes instead of scans over everything.

moto looks through all tags of an account for every resource it shows, and through all instances for every id
it is given; 10,000 instances in one account then take minutes to list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidInstanceIdError, InvalidVolumeIdError
from moto.ec2.models import EC2Backend
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_block_store import EBSBackend, Volume
from moto.ec2.models.instances import Instance, InstanceBackend, Reservation
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, generic_filter, get_prefix
from moto.iam import models as iam_models

from config.simulator.identify import account_of_key

_INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_VOLUME_ID = re.compile(r"vol-(?:[0-9a-f]{8}|[0-9a-f]{17})")


def index(backend: Any) -> dict[str, Instance]:
    """Instances of one account and region by id, in the order they were made."""
    found: dict[str, Instance] = backend.__dict__.setdefault("instances_by_id", {})
    return found


def remember(backend: Any, reservation: Reservation) -> None:
    """Takes a reservation's instances into the index."""
    index(backend).update((instance.id, instance) for instance in reservation.instances)


def _find(backend: Any, id: str) -> Instance | None:
    known = index(backend)
    if id not in known and backend.reservations:
        # A launch asks for its instance (to attach the root volume) before it is done.
        remember(backend, next(reversed(backend.reservations.values())))
    return known.get(id)


def _check_shape(ids: Iterable[str]) -> None:
    for id in ids:
        if not _INSTANCE_ID.fullmatch(id):
            raise EC2ClientError("InvalidInstanceID.Malformed", f'Invalid id: "{id}"')


def _get_many(self: Any, instance_ids: list[str], filters: Any = None) -> list[Instance]:
    _check_shape(instance_ids)
    found = {id: _find(self, id) for id in instance_ids}
    missing = [id for id, instance in found.items() if instance is None]
    if missing:
        raise InvalidInstanceIdError(missing)
    return [instance for instance in found.values() if instance is not None and instance.applies(filters)]


def _get_one(self: Any, instance_id: str) -> Instance:
    return _get_many(self, [instance_id or ""])[0]


def _get_or_none(self: Any, instance_id: str) -> Instance | None:
    return _find(self, instance_id)


def _run_and_remember(run: Callable[..., Reservation]) -> Callable[..., Reservation]:
    def run_instances(self: Any, *args: Any, **kwargs: Any) -> Reservation:
        reservation = run(self, *args, **kwargs)
        remember(self, reservation)
        return reservation

    return run_instances


def _get_tags(self: Any) -> list[dict[str, str]]:
    tags = self.ec2_backend.tags.get(self.id)
    if not tags:
        return []
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "")
    return [
        {"resource_id": self.id, "key": key, "value": value, "resource_type": kind}
        for key, value in tags.items()
    ]


def _describe_volumes(self: Any, volume_ids: list[str] | None = None, filters: Any = None) -> list[Volume]:
    for id in volume_ids or ():
        if not _VOLUME_ID.fullmatch(id):
            message = f"Value ({id}) for parameter volumeId is invalid. Expected: 'vol-...'."
            raise EC2ClientError("InvalidParameterValue", message)
        if id not in self.volumes:
            raise InvalidVolumeIdError(id)
    chosen = (
        [self.volumes[id] for id in dict.fromkeys(volume_ids)] if volume_ids else list(self.volumes.values())
    )
    return generic_filter(filters, chosen) if filters else chosen


def _check_existence(check: Callable[..., bool]) -> Callable[..., bool]:
    def do_resources_exist(self: Any, resource_ids: list[str]) -> bool:
        instances = [id for id in resource_ids if id.startswith("i-")]
        volumes = [id for id in resource_ids if id.startswith("vol-")]
        if instances:
            _get_many(self, instances)
        if volumes:
            _describe_volumes(self, volumes)
        others = [id for id in resource_ids if not id.startswith(("i-", "vol-"))]
        return check(self, others) if others else True

    return do_resources_exist


def install() -> None:
    """Puts the indexes into moto."""
    identity: Any = iam_models
    identity.get_account_id_from = account_of_key
    resource: Any = TaggedEC2Resource
    resource.get_tags = _get_tags
    instances: Any = InstanceBackend
    instances.get_instance = _get_one
    instances.get_instance_by_id = _get_or_none
    instances.get_multi_instances_by_id = _get_many
    instances.run_instances = _run_and_remember(InstanceBackend.run_instances)
    volumes: Any = EBSBackend
    volumes.describe_volumes = _describe_volumes
    backend: Any = EC2Backend
    backend.do_resources_exist = _check_existence(EC2Backend.do_resources_exist)
