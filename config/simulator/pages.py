"""DescribeInstances and DescribeVolumes: written by hand (moto's serializer takes 2.6 ms an instance), paged as AWS.

MaxResults counts instances or volumes. The token names the last item shown, so a page stays right while
states change under a filter.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from moto.ec2.exceptions import EC2ClientError, InvalidParameterCombination
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.models.instances import Instance
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.utils import generic_filter, passes_filter_dict

from config.simulator.speed import index
from config.simulator.volumes import attachments, deletes

_NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
_SMALLEST, _LARGEST = 5, 1000


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _bool(value: object) -> str:
    return "true" if value else "false"


def _tags(backend: Any, id: str) -> str:
    tags = backend.tags.get(id)
    if not tags:
        return ""
    items = "".join(
        f"<item><key>{escape(key)}</key><value>{escape(value)}</value></item>" for key, value in tags.items()
    )
    return f"<tagSet>{items}</tagSet>"


def _devices(instance: Instance) -> str:
    return "".join(
        f"<item><deviceName>{escape(name)}</deviceName><ebs><volumeId>{device.volume_id}</volumeId>"
        f"<status>attached</status><attachTime>{_time(device.attach_time)}</attachTime>"
        f"<deleteOnTermination>{_bool(device.delete_on_termination)}</deleteOnTermination></ebs></item>"
        for name, device in list(instance.block_device_mapping.items())
    )


def _network(instance: Instance, groups: str) -> tuple[str, str]:
    """The instance's place in the network, and its first interface."""
    interface: Any = instance.nics.get(0)
    if interface is None:
        return "", ""
    subnet = interface.subnet
    place = (
        f"<subnetId>{subnet.id}</subnetId><vpcId>{subnet.vpc_id}</vpcId>"
        f"<privateIpAddress>{interface.private_ip_address}</privateIpAddress>"
    )
    return place, (
        f"<networkInterfaceSet><item><networkInterfaceId>{interface.id}</networkInterfaceId>{place}"
        f"<status>in-use</status><attachment><attachmentId>{interface.attachment_id}</attachmentId>"
        "<deviceIndex>0</deviceIndex><status>attached</status><deleteOnTermination>true</deleteOnTermination>"
        f"</attachment><groupSet>{groups}</groupSet></item></networkInterfaceSet>"
    )


def _instance_xml(instance: Instance) -> str:
    state, reason = instance._state, instance.state_reason
    groups = "".join(
        f"<item><groupId>{group.id}</groupId><groupName>{escape(group.name)}</groupName></item>"
        for group in instance.security_groups
    )
    place, interfaces = _network(instance, groups)
    why = (
        f"<stateReason><code>{escape(reason.code)}</code><message>{escape(reason.message)}</message></stateReason>"
        if reason.code
        else ""
    )
    lifecycle = f"<instanceLifecycle>{instance.lifecycle}</instanceLifecycle>" if instance.lifecycle else ""
    hibernation = (instance.hibernation_options or {}).get("Configured")
    return (
        f"<item><instanceId>{instance.id}</instanceId><imageId>{instance.image_id}</imageId>"
        f"<instanceState><code>{state.code}</code><name>{state.name}</name></instanceState>"
        f"<privateDnsName>{instance.private_dns_name}</privateDnsName><dnsName/>"
        f"<reason>{escape(instance._reason or '')}</reason><amiLaunchIndex>{instance.ami_launch_index}</amiLaunchIndex>"
        f"<instanceType>{instance.instance_type}</instanceType><launchTime>{_time(instance.launch_time)}</launchTime>"
        f"<placement><availabilityZone>{instance.availability_zone}</availabilityZone><groupName/>"
        f"<tenancy>default</tenancy></placement><monitoring><state>{instance.monitoring_state}</state></monitoring>"
        f"{place}<sourceDestCheck>true</sourceDestCheck><groupSet>{groups}</groupSet>{why}"
        f"<architecture>{instance.architecture}</architecture><rootDeviceType>ebs</rootDeviceType>"
        f"<rootDeviceName>{instance.root_device_name}</rootDeviceName>"
        f"<blockDeviceMapping>{_devices(instance)}</blockDeviceMapping>"
        f"<virtualizationType>hvm</virtualizationType>{lifecycle}{_tags(instance.ec2_backend, instance.id)}"
        f"<hypervisor>xen</hypervisor>{interfaces}<ebsOptimized>{_bool(instance.ebs_optimized)}</ebsOptimized>"
        f"<hibernationOptions><configured>{_bool(hibernation)}</configured></hibernationOptions></item>"
    )


def _volume_xml(volume: Volume) -> str:
    attached = "".join(
        f"<item><volumeId>{volume.id}</volumeId><instanceId>{one.instance.id}</instanceId>"
        f"<device>{escape(one.device)}</device><status>{one.status}</status>"
        f"<attachTime>{_time(one.attach_time)}</attachTime>"
        f"<deleteOnTermination>{_bool(deletes(one))}</deleteOnTermination></item>"
        for one in attachments(volume)
    )
    key = f"<kmsKeyId>{escape(volume.kms_key_id)}</kmsKeyId>" if volume.kms_key_id else ""
    iops = f"<iops>{volume.iops}</iops>" if volume.iops else ""
    iops += f"<throughput>{volume.throughput}</throughput>" if volume.throughput else ""
    return (
        f"<item><volumeId>{volume.id}</volumeId><size>{volume.size}</size><snapshotId>{volume.snapshot_id or ''}"
        f"</snapshotId><availabilityZone>{volume.availability_zone or ''}</availabilityZone>"
        f"<status>{volume.status}</status><createTime>{_time(volume.create_time)}</createTime>"
        f"<attachmentSet>{attached}</attachmentSet>{_tags(volume.ec2_backend, volume.id)}"
        f"<volumeType>{volume.volume_type}</volumeType>{iops}{key}<encrypted>{_bool(volume.encrypted)}</encrypted>"
        f"<multiAttachEnabled>{_bool(volume.multi_attach_enabled)}</multiAttachEnabled></item>"
    )


def _page_size(response: Any, ids: Sequence[str], ids_name: str) -> int | None:
    """How many items to show; None for all."""
    asked = response._get_param("MaxResults")
    if asked is None:
        return None
    if ids:
        message = f"The parameter {ids_name} cannot be used with the parameter maxResults"
        raise InvalidParameterCombination(message)
    if not _SMALLEST <= int(asked) <= _LARGEST:
        message = (
            f"Value ( {asked} ) for parameter maxResults is invalid. "
            f"Expecting a value between {_SMALLEST} and {_LARGEST}."
        )
        raise EC2ClientError("InvalidParameterValue", message)
    return int(asked)


def _token(id: str) -> str:
    return base64.urlsafe_b64encode(id.encode()).decode()


def _last_shown(token: str | None, items: dict[str, Any]) -> int:
    """The position after the item the token names."""
    if token is None:
        return 0
    try:
        return list(items).index(base64.urlsafe_b64decode(token.encode()).decode()) + 1
    except (ValueError, binascii.Error):
        raise EC2ClientError("InvalidParameterValue", "Invalid value for nextToken") from None


def _cut_page(
    items: dict[str, Any], start: int, size: int | None, fits: Callable[[Any], bool]
) -> tuple[list[Any], str]:
    """One page of fitting items, and the XML of the token if more of them follow."""
    page: list[Any] = []
    for item in list(items.values())[start:]:
        if not fits(item):
            continue
        if size is not None and len(page) == size:
            return page, f"<nextToken>{_token(page[-1].id)}</nextToken>"
        page.append(item)
    return page, ""


def _checked(filters: dict[str, Any], check: Callable[[], bool]) -> bool:
    try:
        return check()
    except NotImplementedError:
        names = ", ".join(filters)
        raise EC2ClientError("InvalidParameterValue", f"The filter '{names}' is invalid") from None


def _describe_instances(self: Any) -> str:
    self.error_on_dryrun()
    backend = self.ec2_backend
    filters: dict[str, Any] = self._filters_from_querystring()
    ids = self._get_param("InstanceIds", [])
    size = _page_size(self, ids, "instancesSet")
    items = {one.id: one for one in backend.get_multi_instances_by_id(ids)} if ids else index(backend)
    start = _last_shown(self._get_param("NextToken"), items)
    page, token = _cut_page(
        items,
        start,
        size if size or ids else _LARGEST,
        lambda one: not filters or _checked(filters, lambda: passes_filter_dict(one, filters)),
    )
    reservations = "".join(
        f"<item><reservationId>{reservation_id(one)}</reservationId><ownerId>{one.owner_id}</ownerId><groupSet/>"
        f"<instancesSet>{_instance_xml(one)}</instancesSet></item>"
        for one in page
    )
    return (
        f"<DescribeInstancesResponse {_NAMESPACE}><requestId>{uuid.uuid4()}</requestId>"
        f"<reservationSet>{reservations}</reservationSet>{token}</DescribeInstancesResponse>"
    )


def reservation_id(instance: Instance) -> str:
    """Every instance is shown in a reservation of its own, as a fleet grown over years has them."""
    return f"r-{instance.id.removeprefix('i-')}"


def _describe_volumes(self: Any) -> str:
    self.error_on_dryrun()
    backend = self.ec2_backend
    filters: dict[str, Any] = self._filters_from_querystring()
    ids = self._get_param("VolumeIds", [])
    size = _page_size(self, ids, "volumeIds")
    items = {one.id: one for one in backend.describe_volumes(ids)} if ids else backend.volumes
    start = _last_shown(self._get_param("NextToken"), items)
    page, token = _cut_page(
        items,
        start,
        size,
        lambda one: not filters or _checked(filters, lambda: bool(generic_filter(filters, [one]))),
    )
    return (
        f"<DescribeVolumesResponse {_NAMESPACE}><requestId>{uuid.uuid4()}</requestId>"
        f"<volumeSet>{''.join(map(_volume_xml, page))}</volumeSet>{token}</DescribeVolumesResponse>"
    )


def install() -> None:
    """Puts the quick describes into moto's responses."""
    instances: Any = InstanceResponse
    instances.describe_instances = _describe_instances
    volumes: Any = ElasticBlockStore
    volumes.describe_volumes = _describe_volumes
