"""An Aurora or Multi-AZ DB cluster as AWS shows it, and what AWS would refuse to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from infra.domain.aws import StopRefusal

#: Modes of clusters that AWS neither starts nor stops; a newer cluster is "provisioned", also one of Serverless v2.
#: Source: docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/start-stop-aurora-cluster.html
_MODES = {
    "serverless": StopRefusal.SERVERLESS_V1,
    "parallelquery": StopRefusal.PARALLEL_QUERY,
    "multimaster": StopRefusal.MULTI_MASTER,
    "global": StopRefusal.GLOBAL_DATABASE,
}
_MULTI_AZ_ENGINES = frozenset({"mysql", "postgres"})


@dataclass(frozen=True, slots=True)
class DbCluster:
    """One database cluster. members: identifiers of its DB instances, the writer first.

    global_cluster, replica_of: "" where it is neither. automatic_restart_at: AWS starts a stopped cluster again after
    seven days. maintenance: its weekly window in UTC, "ddd:hh:mm-ddd:hh:mm".
    """

    id: str
    arn: str
    state: str
    tags: dict[str, str]
    engine: str
    engine_version: str
    engine_mode: str
    db_class: str
    multi_az: bool
    members: tuple[str, ...]
    global_cluster: str
    replicas: tuple[str, ...]
    created_at: datetime | None
    automatic_restart_at: datetime | None
    maintenance: str


def cluster_refusal(cluster: DbCluster) -> StopRefusal | None:
    """Tell before the call whether AWS can start and stop this cluster at all; None means that it can.

    Sources: API_StopDBCluster ("only applies to Aurora DB clusters"); the runbook above; the Aurora user guide,
    aurora-cluster-stop-start, section Limitations (global databases, read replicas in another Region).
    """
    if cluster.engine in _MULTI_AZ_ENGINES:
        return StopRefusal.MULTI_AZ_CLUSTER
    if not cluster.engine.startswith("aurora"):
        return StopRefusal.OTHER_ENGINE
    if refusal := _MODES.get(cluster.engine_mode):
        return refusal
    if cluster.global_cluster:
        return StopRefusal.GLOBAL_DATABASE
    return StopRefusal.CLUSTER_HAS_REPLICAS if cluster.replicas else None
