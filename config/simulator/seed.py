"""Plants a fleet inside moto's process: thousands of resources in seconds, with the ids they are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_block_store import Snapshot as MotoSnapshot
from moto.ec2.models.elastic_block_store import Volume as MotoVolume
from moto.ec2.models.instances import Instance, Reservation
from moto.rds.models import rds_backends

from config.simulator import databases, groups, states
from config.simulator.model import Attachment, Cluster, Database, Fleet, Group, Server, Snapshot, Volume
from config.simulator.pages import reservation_id
from config.simulator.speed import index, remember
from config.simulator.volumes import attach, deletions
from config.simulator.world import World

# Concrete classes, though moto leaves some abstract methods of them open.
_make_instance: Any = Instance
_make_volume: Any = MotoVolume
_make_snapshot: Any = MotoSnapshot
_IMAGE = "ami-0a1b2c3d4e5f60718"
_VERSIONS = {
    "mysql": "8.0.42",
    "postgres": "16.9",
    "mariadb": "10.11.13",
    "oracle-se2": "19.0.0.0.ru-2026-01.rur-2026-01.r1",
    "sqlserver-se": "15.00.4435.7.v1",
    "aurora-mysql": "8.0.mysql_aurora.3.08.2",
    "aurora-postgresql": "16.8",
}


class AlreadyThere(ValueError):
    """An id that is to be planted exists."""


def plant(world: World, fleet: Fleet) -> None:
    """Plants everything, or nothing if an id is taken or named twice. No call comes in between."""
    with world.journal.lock:
        _refuse_known(fleet)
        for server in fleet.servers:
            _plant_server(world, server)
        for volume in fleet.volumes:
            _plant_volume(volume)
        for snapshot in fleet.snapshots:
            _plant_snapshot(snapshot)
        for cluster in fleet.clusters:
            _plant_cluster(cluster)
        for database in fleet.databases:
            _plant_database(database)
        for group in fleet.groups:
            _plant_group(group)
        for window in fleet.windows:
            world.windows.setdefault((window.account_id, window.region), {})[window.id] = window


def forget(world: World, account_id: str) -> None:
    """Empties an account in every region."""
    with world.journal.lock:
        for backends in (ec2_backends, rds_backends, autoscaling_backends):
            backends.pop(account_id, None)
        for key in [key for key in world.windows if key[0] == account_id]:
            del world.windows[key]


def _refuse_known(fleet: Fleet) -> None:
    planted: tuple[Server | Volume | Snapshot | Database | Cluster | Group, ...] = (
        *fleet.servers,
        *fleet.volumes,
        *fleet.snapshots,
        *fleet.databases,
        *fleet.clusters,
        *fleet.groups,
    )
    keys = Counter((type(one).__name__, one.account_id, one.region, one.id) for one in planted)
    twice = [key[-1] for key, n in keys.items() if n > 1]
    known = [one.id for one in fleet.servers if one.id in index(ec2_backends[one.account_id][one.region])]
    known += [one.id for one in fleet.volumes if one.id in ec2_backends[one.account_id][one.region].volumes]
    known += [
        one.id for one in fleet.snapshots if one.id in ec2_backends[one.account_id][one.region].snapshots
    ]
    known += [
        one.id for one in fleet.databases if one.id in rds_backends[one.account_id][one.region].databases
    ]
    known += [one.id for one in fleet.clusters if one.id in rds_backends[one.account_id][one.region].clusters]
    known += [
        one.id
        for one in fleet.groups
        if one.id in autoscaling_backends[one.account_id][one.region].autoscaling_groups
    ]
    if twice or known:
        raise AlreadyThere(f"already there or named twice: {', '.join(sorted({*twice, *known})[:10])}")


def _naive(at: datetime | None) -> datetime:
    """moto keeps naive UTC."""
    return at.astimezone(UTC).replace(tzinfo=None) if at else utcnow()


def _plant_server(world: World, server: Server) -> None:
    backend: Any = ec2_backends[server.account_id][server.region]
    group = backend.get_default_security_group(backend.default_vpc.id)
    instance = _make_instance(
        backend,
        _IMAGE,
        None,
        [group],
        instance_type=server.instance_type,
        region_name=server.region,
        placement=server.zone or f"{server.region}a",
        hibernation_options={"Configured": True} if server.hibernation else None,
    )
    instance.id = server.id
    instance.launch_time = _naive(server.launched_at)
    states.place(instance, server.state)
    if server.tags:
        backend.tags[server.id] = dict(server.tags)
    reservation = Reservation(reservation_id(instance), server.account_id)
    reservation.instances.append(instance)
    backend.reservations[reservation.id] = reservation
    remember(backend, reservation)
    world.mark(server.id, bounce=server.bounce, no_capacity=server.no_capacity)


def _plant_volume(volume: Volume) -> None:
    backend: Any = ec2_backends[volume.account_id][volume.region]
    attachments: Iterable[Attachment] = volume.attachments
    hosts = [index(backend)[one.instance_id] for one in attachments]
    zone = volume.zone or (hosts[0].availability_zone if hosts else f"{volume.region}a")
    made = _make_volume(
        backend,
        volume_id=volume.id,
        size=volume.size_gib,
        zone=backend.get_zone_by_name(zone),
        volume_type=volume.volume_type,
        iops=volume.iops or (3000 if volume.volume_type in ("gp3", "io1", "io2") else None),
        throughput=volume.throughput or None,
        multi_attach_enabled=volume.multi_attach or None,
        encrypted=bool(volume.key_id),
        kms_key_id=volume.key_id or None,
    )
    made.create_time = _naive(volume.created_at)
    backend.volumes[volume.id] = made
    if volume.tags:
        backend.tags[volume.id] = dict(volume.tags)
    for one, host in zip(attachments, hosts, strict=True):
        attach(made, host, one.device, delete_on_termination=one.delete_on_termination)


def _plant_snapshot(snapshot: Snapshot) -> None:
    backend: Any = ec2_backends[snapshot.account_id][snapshot.region]
    volume = backend.volumes.get(snapshot.volume_id) or _make_volume(
        backend,
        volume_id=snapshot.volume_id,
        size=snapshot.size_gib,
        zone=backend.get_zone_by_name(f"{snapshot.region}a"),
    )
    made = _make_snapshot(backend, snapshot.id, volume, snapshot.description)
    made.start_time = _naive(snapshot.created_at)
    backend.snapshots[snapshot.id] = made
    if snapshot.tags:
        backend.tags[snapshot.id] = dict(snapshot.tags)


def _plant_database(database: Database) -> None:
    backend: Any = rds_backends[database.account_id][database.region]
    version = database.version or _VERSIONS.get(database.engine)
    if database.cluster and database.cluster not in backend.clusters:
        _plant_cluster(
            Cluster(database.account_id, database.region, database.cluster, database.engine, version or "")
        )
    common = {
        "db_instance_identifier": database.id,
        "db_instance_class": database.db_class,
        "engine": database.engine,
        "availability_zone": database.zone or f"{database.region}a",
        "tags": [{"Key": key, "Value": value} for key, value in database.tags.items()],
    }
    alone = {
        "engine_version": version,
        "allocated_storage": 50,
        "multi_az": database.multi_az,
        "master_username": "admin",
        "master_user_password": "simulated",
        "ca_certificate_identifier": database.ca,
        "publicly_accessible": database.public,
        "deletion_protection": database.protected,
        "backup_retention_period": database.backup_days,
    }
    if database.subnet_group:
        common["db_subnet_group_name"] = _subnet_group(backend, database)
    made = backend.create_db_instance(
        common | ({"db_cluster_identifier": database.cluster} if database.cluster else alone)
    )
    if database.maintenance:
        made.preferred_maintenance_window = database.maintenance
    made.dbi_resource_id = f"db-{database.account_id}{database.region}{database.id}".replace("-", "").upper()[
        :29
    ]
    if database.created_at:
        made.instance_create_time = _naive(database.created_at)
    if database.replica_of:
        made.source_db_instance_identifier = database.replica_of
        made.set_as_replica()
        backend.databases[database.replica_of].add_replica(made)
    if database.certificate_until:
        made.__dict__["certificate_until"] = database.certificate_until
    made.__dict__["planted_endpoint"] = (database.address, database.port)
    databases.place(made, database.state)


def _subnet_group(backend: Any, database: Database) -> str:
    name = database.subnet_group
    if name not in backend.subnet_groups:
        network: Any = ec2_backends[database.account_id][database.region]
        subnets = [one for one in network.describe_subnets() if one.vpc_id == network.default_vpc.id]
        backend.create_subnet_group(name, "planted", subnets, [])
    return name


def _plant_cluster(cluster: Cluster) -> None:
    backend: Any = rds_backends[cluster.account_id][cluster.region]
    backend.create_db_cluster(
        {
            "db_cluster_identifier": cluster.id,
            "engine": cluster.engine,
            "engine_version": cluster.version or _VERSIONS.get(cluster.engine),
            "engine_mode": cluster.mode,
            "master_username": "admin",
            "master_user_password": "simulated",
            "tags": [{"Key": key, "Value": value} for key, value in cluster.tags.items()],
        }
    )
    made = backend.clusters[cluster.id]
    # A cluster of a global database would need that one, too.
    made.global_cluster_identifier = cluster.global_cluster
    made.read_replica_identifiers = list(cluster.replicas)
    if cluster.maintenance:
        made.preferred_maintenance_window = cluster.maintenance
    databases.place(made, cluster.state)


def _plant_group(group: Group) -> None:
    backend: Any = autoscaling_backends[group.account_id][group.region]
    backend.create_launch_configuration(
        group.id, _IMAGE, None, "", "", [], None, group.instance_type, False, None, None, False, False, []
    )
    backend.create_auto_scaling_group(
        group.id, [f"{group.region}a"], group.desired, group.max, group.min, group.id, {}, None, None, None, None,
        [], [], None, [],
        [{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in group.tags.items()],
        new_instances_protected_from_scale_in=group.protected,
    )  # fmt: skip
    backend.autoscaling_groups[group.id].suspended_processes = list(group.suspended)


def census(account: str | None = None, *, detail: bool = False) -> dict[str, Any]:
    """How many resources are in which state; with `detail` the state of every one by id."""
    kinds = ("ec2", "volumes", "rds", "clusters", "groups")
    sums: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    by_id: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
    for _, _, backend in _backends(ec2_backends, account):
        for instance in list(index(backend).values()):
            sums["ec2"][instance.state] += 1
            by_id["ec2"][instance.id] = instance.state
        for volume in list(backend.volumes.values()):
            sums["volumes"][volume.status] += 1
            by_id["volumes"][volume.id] = volume.status
    for who, region, backend in _backends(rds_backends, account):
        for database in list(backend.databases.values()):
            sums["rds"][database.status] += 1
            by_id["rds"][f"{who}/{region}/{database.db_instance_identifier}"] = database.status
        for cluster in list(backend.clusters.values()):
            sums["clusters"][cluster.status] += 1
            by_id["clusters"][f"{who}/{region}/{cluster.db_cluster_identifier}"] = cluster.status
    for who, region, backend in _backends(autoscaling_backends, account):
        for group in list(backend.autoscaling_groups.values()):
            sums["groups"][groups.sizes(group)] += 1
            by_id["groups"][f"{who}/{region}/{group.name}"] = groups.sizes(group)
    result: dict[str, Any] = {kind: dict(counter) for kind, counter in sums.items()}
    return result | {"by_id": by_id} if detail else result


def settle(world: World, account: str | None = None) -> int:
    """Ends every pending, stopping and starting at once; gives how many there were."""
    with world.journal.lock:
        courses = [
            one.__dict__["course"]
            for _, _, backend in _backends(ec2_backends, account)
            for one in list(index(backend).values())
        ]
        courses += [
            one.__dict__["course"]
            for _, _, backend in _backends(ec2_backends, account)
            for one in list(backend.snapshots.values())
        ]
        courses += [
            course
            for _, _, backend in _backends(ec2_backends, account)
            for course in list(deletions(backend).values())
        ]
        courses += [
            one.__dict__["course"]
            for _, _, backend in _backends(rds_backends, account)
            for one in [*backend.databases.values(), *backend.database_snapshots.values()]
        ]
        courses += [
            one.__dict__["course"]
            for _, _, backend in _backends(rds_backends, account)
            for one in list(backend.clusters.values())
            if "course" in one.__dict__
        ]
        passing = [course for course in courses if course.passing()]
        for course in passing:
            course.until = 0.0
        return len(passing)


def _backends(kind: Any, account: str | None) -> Iterable[tuple[str, str, Any]]:
    for who, container in list(kind.items()):
        if account in (None, who):
            for region, backend in list(container.items()):
                yield who, region, backend
