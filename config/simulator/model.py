"""What a seeded AWS world is made of: plain data, read by the seeder, the demo fleet and the benches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

PREFIX = {"instance": "i", "volume": "vol", "reservation": "r", "snapshot": "snap"}


def stable_id(kind: str, *parts: str) -> str:
    """An AWS-shaped id (prefix and 17 hex digits) that is the same in every process for the same parts."""
    digest = hashlib.sha256("/".join((kind, *parts)).encode()).hexdigest()
    return f"{PREFIX[kind]}-{digest[:17]}"


@dataclass(frozen=True, slots=True)
class Server:
    """One EC2 instance, always alone in its reservation.

    bounce: a state reason code; a start then falls back to `stopped` with it (a refused KMS key, or no capacity).
    no_capacity: a start is answered with InsufficientInstanceCapacity.
    """

    account_id: str
    region: str
    id: str
    state: str = "stopped"
    tags: Mapping[str, str] = field(default_factory=dict)
    instance_type: str = "t3.medium"
    zone: str = ""
    launched_at: datetime | None = None
    hibernation: bool = False
    bounce: str | None = None
    no_capacity: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A volume's place on one instance."""

    instance_id: str
    device: str = "/dev/sdf"
    delete_on_termination: bool = False


@dataclass(frozen=True, slots=True)
class Volume:
    """One EBS volume; more than one attachment needs `multi_attach` (io2). key_id: ARN of the key that encrypts it. iops,
    throughput (MiB/s): 0 for what AWS gives by itself."""

    account_id: str
    region: str
    id: str
    size_gib: int = 8
    volume_type: str = "gp3"
    tags: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    created_at: datetime | None = None
    attachments: Sequence[Attachment] = ()
    multi_attach: bool = False
    key_id: str = ""
    iops: int = 0
    throughput: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One complete snapshot of an EBS volume, which may be gone."""

    account_id: str
    region: str
    id: str
    volume_id: str
    size_gib: int = 8
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """One RDS instance, or a member of the Aurora cluster named by `cluster`.

    replica_of: the identifier of the source in the same account and region, seeded before this one. ca: its certificate
    authority; certificate_until: when its server certificate ends (a year after it was made). address, port: where it
    answers, if not where moto says. subnet_group: planted in the default VPC where it does not exist.
    """

    account_id: str
    region: str
    id: str
    engine: str = "mysql"
    version: str = ""
    state: str = "available"
    tags: Mapping[str, str] = field(default_factory=dict)
    db_class: str = "db.t4g.medium"
    zone: str = ""
    multi_az: bool = False
    replica_of: str | None = None
    cluster: str | None = None
    created_at: datetime | None = None
    maintenance: str = ""
    ca: str = "rds-ca-rsa2048-g1"
    certificate_until: datetime | None = None
    public: bool = False
    protected: bool = False
    backup_days: int = 7
    address: str = ""
    port: int = 0
    subnet_group: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One database cluster; its members are databases that name it. Engine mysql or postgres: a Multi-AZ DB cluster.

    mode: provisioned, serverless (v1), parallelquery, multimaster. replicas: ARNs of read replicas.
    """

    account_id: str
    region: str
    id: str
    engine: str = "aurora-mysql"
    version: str = ""
    state: str = "available"
    tags: Mapping[str, str] = field(default_factory=dict)
    mode: str = "provisioned"
    global_cluster: str | None = None
    replicas: Sequence[str] = ()
    maintenance: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One Auto Scaling group; it launches its instances when it is planted. Its tags go on to them."""

    account_id: str
    region: str
    id: str
    min: int = 1
    desired: int = 2
    max: int = 4
    tags: Mapping[str, str] = field(default_factory=dict)
    instance_type: str = "t3.medium"
    suspended: Sequence[str] = ()
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """One SSM maintenance window. next_at: what AWS shows as its next execution."""

    account_id: str
    region: str
    id: str
    name: str
    enabled: bool = True
    duration_hours: int = 2
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything to plant at once."""

    servers: Sequence[Server] = ()
    volumes: Sequence[Volume] = ()
    databases: Sequence[Database] = ()
    clusters: Sequence[Cluster] = ()
    groups: Sequence[Group] = ()
    windows: Sequence[Window] = ()
    snapshots: Sequence[Snapshot] = ()

    def counts(self) -> dict[str, int]:
        """Sizes under the names the control API answers with."""
        return {
            "instances": len(self.servers),
            "volumes": len(self.volumes),
            "databases": len(self.databases),
            "clusters": len(self.clusters),
            "groups": len(self.groups),
            "windows": len(self.windows),
            "snapshots": len(self.snapshots),
        }


def _known(kind: type[Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(kind)}
    unknown = set(raw) - names
    if unknown:
        raise ValueError(f"unknown fields of {kind.__name__}: {', '.join(sorted(unknown))}")
    values = dict(raw)
    for name in ("launched_at", "created_at", "next_at", "certificate_until"):
        if isinstance(values.get(name), str):
            values[name] = datetime.fromisoformat(values[name])
    return values


def fleet_from_json(spec: Mapping[str, Any]) -> Fleet:
    """Reads the lists `instances`, `volumes`, `databases`, `clusters`, `groups`, `windows` and `snapshots`.

    Missing ids of instances and volumes come from `seed` (text) and the position in the list, so the same
    request gives the same ids in every process. Raises ValueError or TypeError for what it cannot read.
    """
    seed = str(spec.get("seed", "seed"))
    servers = []
    for position, raw in enumerate(spec.get("instances", ())):
        values = _known(Server, raw)
        values.setdefault(
            "id", stable_id("instance", seed, values["account_id"], values["region"], str(position))
        )
        servers.append(Server(**values))
    volumes = []
    for position, raw in enumerate(spec.get("volumes", ())):
        values = _known(Volume, raw)
        values.setdefault(
            "id", stable_id("volume", seed, values["account_id"], values["region"], str(position))
        )
        values["attachments"] = tuple(
            Attachment(**_known(Attachment, one)) for one in values.get("attachments", ())
        )
        volumes.append(Volume(**values))
    databases = [Database(**_known(Database, raw)) for raw in spec.get("databases", ())]
    return Fleet(
        tuple(servers),
        tuple(volumes),
        tuple(databases),
        tuple(Cluster(**_known(Cluster, raw)) for raw in spec.get("clusters", ())),
        tuple(Group(**_known(Group, raw)) for raw in spec.get("groups", ())),
        tuple(Window(**_known(Window, raw)) for raw in spec.get("windows", ())),
        tuple(Snapshot(**_known(Snapshot, raw)) for raw in spec.get("snapshots", ())),
    )
