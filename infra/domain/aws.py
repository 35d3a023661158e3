"""Say what AWS holds and what can go wrong there, in plain values that know neither boto3 nor Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

#: Who is behind a call that only looks.
READ_SOURCE = "read-toban"


class Problem(StrEnum):
    """Why a call did not do its work; what the caller does next depends on nothing else.

    UNREACHABLE and NO_ANSWER differ in what is known: the first was provably never applied and may be sent
    again, the second may have been applied and is settled only by looking.
    """

    PERMISSION = "permission"
    FEATURE_OFF = "feature_off"
    ONLY_OBSERVED = "only_observed"
    REGION_OFF = "region_off"
    ROLE_REFUSED = "role_refused"
    THROTTLED = "throttled"
    GONE = "gone"
    WRONG_STATE = "wrong_state"
    NO_CAPACITY = "no_capacity"
    KEY = "key"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    QUOTA = "quota"
    EXISTS = "exists"
    OTHER = "other"


class Denial(StrEnum):
    """Which policy refuses what the role's own statements may well allow: no statement added to the role helps there."""

    SERVICE_CONTROL = "service_control"
    RESOURCE_CONTROL = "resource_control"
    BOUNDARY = "boundary"
    SESSION = "session"
    IDENTITY = "identity"
    RESOURCE = "resource"
    ENDPOINT = "endpoint"


class AwsError(Exception):
    """Carry one refusal or failure of one AWS call.

    action: the call that was tried ("ec2:StartInstances"). missing_action: what the role may not do, where
    AWS says so ("kms:CreateGrant"), else "". denial: the policy besides the role's own that AWS says refuses it. ids: those of the asked ids that AWS named. code: AWS's own, or
    our word for a failure that AWS never saw. retry_after_s: when trying again makes sense, where known.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        action: str,
        message: str,
        code: str = "",
        request_id: str = "",
        ids: tuple[str, ...] = (),
        retry_after_s: float | None = None,
        missing_action: str = "",
        denial: Denial | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.action = action
        self.message = message
        self.code = code
        self.request_id = request_id
        self.ids = ids
        self.retry_after_s = retry_after_s
        self.missing_action = missing_action
        self.denial = denial

    def __str__(self) -> str:
        return f"{self.action}: {self.problem} ({self.code or 'no code'}): {self.message}"

    @property
    def told_as(self) -> str:
        """The code in whose words it is told: a refusal by another policy than the role's own is no missing right."""
        return f"denied_{self.denial}" if self.denial else str(self.problem)

    def __repr__(self) -> str:
        return f"<AwsError {self} request_id={self.request_id!r}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes; Exception's own way would call __init__ without its keywords."""
        return (_rebuild, (self.__dict__.copy(),))


def _rebuild(fields: dict[str, object]) -> AwsError:
    error = AwsError.__new__(AwsError, fields["message"])
    error.__dict__.update(fields)
    return error


@dataclass(frozen=True, slots=True)
class CallResult:
    """What became of one id in a mutation. Not accepted means that `error` says why."""

    accepted: bool
    request_id: str
    error: AwsError | None = None


class LeaseLost(Exception):
    """Stop before a send, because the caller's right to send has passed to somebody else.

    results: what earlier sends of the same request had already settled.
    """

    def __init__(self, action: str, results: Mapping[str, CallResult] | None = None) -> None:
        super().__init__(f"{action} was not sent: the lease is no longer held")
        self.action = action
        self.results: dict[str, CallResult] = dict(results or {})


@dataclass(frozen=True, slots=True)
class Target:
    """Name where a call goes and in whose right. The external id stays out of repr and thus out of logs.

    read_role_arn: the role for calls that change nothing; "" where role_arn serves for both. source: who is behind the
    call, as AWS's CloudTrail keeps it (SourceIdentity: 2 to 64 of A-Z a-z 0-9 +=,.@_-). policy: what a session is narrowed to
    besides what its role allows, as JSON; "" for nothing more. managed_only: the account lets Toban change only what is tagged for it. observed: nothing may be changed in it. left: nor in this
    region of it, which Toban does not look at. allowed: the changing calls that the account's features are
    for; None where nobody chose any.
    """

    tenant_id: UUID
    account_id: str
    region: str
    role_arn: str
    external_id: str = field(repr=False)
    read_role_arn: str = ""
    source: str = READ_SOURCE
    policy: str = ""
    managed_only: bool = False
    observed: bool = False
    left: bool = False
    allowed: frozenset[str] | None = field(default=None, repr=False)

    @property
    def reading(self) -> Target:
        """The same in the right of the role that only looks."""
        return replace(self, role_arn=self.read_role_arn or self.role_arn, source=READ_SOURCE, policy="")


class InstanceVolume(NamedTuple):
    """One volume as its instance sees it."""

    volume_id: str
    device: str
    delete_on_termination: bool


@dataclass(frozen=True, slots=True)
class Ec2Instance:
    """One EC2 instance.

    state: pending, running, stopping, stopped, shutting-down or terminated. state_reason: AWS's words,
    "Client.UserInitiatedShutdown: User initiated shutdown", or "". address: its private IPv4 address. groups: ids of its
    security groups.
    """

    id: str
    name: str
    state: str
    state_reason: str
    tags: dict[str, str]
    instance_type: str
    zone: str
    launched_at: datetime | None
    hibernation: bool
    volumes: tuple[InstanceVolume, ...]
    vpc_id: str = ""
    address: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """One volume's tie to one instance."""

    instance_id: str
    device: str
    attached_at: datetime | None
    delete_on_termination: bool


@dataclass(frozen=True, slots=True)
class EbsVolume:
    """One EBS volume. multi_attach: it may serve several instances at once (io1 and io2 only). key_id: ARN of the KMS
    key it is encrypted with, or "". iops, throughput (MiB/s): as provisioned, None where AWS shows none."""

    id: str
    name: str
    tags: dict[str, str]
    size_gib: int
    volume_type: str
    state: str
    zone: str
    created_at: datetime | None
    attachments: tuple[Attachment, ...]
    multi_attach: bool
    key_id: str = ""
    iops: int | None = None
    throughput: int | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """One RDS database instance.

    replica_of, cluster_id: "" where it is neither. automatic_restart_at: AWS starts a stopped database again
    after seven days, at this instant. maintenance: its weekly window in UTC, "ddd:hh:mm-ddd:hh:mm". ca: its certificate
    authority; certificate_until: when its own server certificate ends. backup_days: how long automated backups are kept,
    0 for none. pending: names of what is changed in the next window. resource_id: AWS's own id, which no other database ever has; secret: ARN of the secret of Secrets Manager in which RDS
    itself keeps the master user's password, "" where it does not.
    """

    id: str
    arn: str
    state: str
    tags: dict[str, str]
    engine: str
    engine_version: str
    db_class: str
    zone: str
    multi_az: bool
    replica_of: str
    replicas: tuple[str, ...]
    cluster_id: str
    created_at: datetime | None
    automatic_restart_at: datetime | None
    maintenance: str = ""
    ca: str = ""
    certificate_until: datetime | None = None
    public: bool = False
    protected: bool = False
    backup_days: int = 0
    pending: tuple[str, ...] = ()
    address: str = ""
    port: int = 0
    storage_gib: int = 0
    encrypted: bool = False
    groups: tuple[str, ...] = ()
    subnet_group: str = ""
    vpc_id: str = ""
    option_group: str = ""
    parameter_group: str = ""
    db_name: str = ""
    master_user: str = ""
    secret: str = ""
    resource_id: str = ""


class StopRefusal(StrEnum):
    """Why AWS would refuse to stop something that is otherwise running, or why only what it belongs to can be stopped.

    Source: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html, section Limitations; of clusters:
    infra.domain.clusters.
    """

    AURORA = "aurora"
    CLUSTER_MEMBER = "cluster_member"
    READ_REPLICA = "read_replica"
    HAS_REPLICAS = "has_replicas"
    SQLSERVER_MULTI_AZ = "sqlserver_multi_az"
    RDS_CUSTOM = "rds_custom"
    MULTI_AZ_CLUSTER = "multi_az_cluster"
    SERVERLESS_V1 = "serverless_v1"
    GLOBAL_DATABASE = "global_database"
    PARALLEL_QUERY = "parallel_query"
    MULTI_MASTER = "multi_master"
    CLUSTER_HAS_REPLICAS = "cluster_has_replicas"
    OTHER_ENGINE = "other_engine"
    GROUP_MEMBER = "group_member"


def stop_refusal(database: Database) -> StopRefusal | None:
    """Tell before the call whether AWS can stop this database at all; None means that it can."""
    if database.engine.startswith("aurora"):
        return StopRefusal.AURORA
    if database.cluster_id:
        return StopRefusal.CLUSTER_MEMBER
    if database.replica_of:
        return StopRefusal.READ_REPLICA
    if database.replicas:
        return StopRefusal.HAS_REPLICAS
    if database.engine.startswith("sqlserver") and database.multi_az:
        return StopRefusal.SQLSERVER_MULTI_AZ
    return StopRefusal.RDS_CUSTOM if database.engine.startswith("custom-") else None


def start_refusal(database: Database) -> StopRefusal | None:
    """Tell before the call whether AWS can start this database by itself, and not only as part of its cluster."""
    refusal = stop_refusal(database)
    return (
        refusal
        if refusal in {StopRefusal.AURORA, StopRefusal.CLUSTER_MEMBER, StopRefusal.RDS_CUSTOM}
        else None
    )


def hibernated(state_reason: str) -> bool:
    """Whether an instance was stopped by a hibernation that AWS took on.

    Source: docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html.
    """
    return "UserInitiatedHibernate" in state_reason


def problem_of_state_reason(state_reason: str) -> Problem | None:
    """Read why an instance that was started fell back to stopped; None where AWS gives no fault.

    AWS accepts the start of an instance whose disk key it may not use, and only later bounces it with
    Client.InternalError or a KMS code.
    Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html.
    """
    code = state_reason.partition(":")[0].strip()
    if "kms" in state_reason.lower() or code == "Client.InternalError":
        return Problem.KEY
    if "InsufficientInstanceCapacity" in code:
        return Problem.NO_CAPACITY
    if code.startswith("Server.") and code != "Server.ScheduledStop":
        return Problem.OTHER
    return None
