"""Database clusters take time, their members go with them, and AWS refuses those that it cannot stop (moto: none)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import DBClusterNotFoundError, InvalidDBClusterStateFault, RDSClientError
from moto.rds.models import DBCluster, RDSBackend
from moto.rds.responses import RDSResponse

from config.simulator import databases
from config.simulator.world import World

_LARGEST = 100
#: docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/start-stop-aurora-cluster.html
_MODES = ("serverless", "parallelquery", "multimaster")


def _status(cluster: DBCluster) -> str:
    if "course" not in cluster.__dict__:
        return str(cluster.__dict__.get("_status") or "available").replace("creating", "available")
    return databases.status_of(cluster)


def _refuse_kinds(cluster: Any) -> None:
    """AWS's limits of stopping and starting a cluster."""
    if not cluster.engine.startswith("aurora"):
        message = "The action isn't supported for Multi-AZ DB clusters."
    elif cluster.engine_mode in _MODES:
        message = f"The action isn't supported for {cluster.engine_mode} DB clusters."
    elif cluster.global_cluster_identifier:
        message = "This operation isn't supported on a cluster that belongs to a global cluster."
    elif cluster.read_replica_identifiers:
        message = "Cannot stop or start a DB cluster that has read replicas."
    else:
        return
    raise RDSClientError("InvalidParameterCombination", message)


def _mover(world: World, needed: str, through: str, to: str) -> Callable[..., DBCluster]:
    def moved(self: Any, cluster_identifier: str) -> DBCluster:
        """The members follow the cluster at once."""
        cluster: DBCluster | None = self.clusters.get(cluster_identifier)
        if cluster is None:
            raise DBClusterNotFoundError(cluster_identifier)
        _refuse_kinds(cluster)
        if _status(cluster) != needed:
            raise InvalidDBClusterStateFault(
                f"DbCluster {cluster_identifier} is in {_status(cluster)} state but expected it to be one of {needed}."
            )
        databases.set_status(cluster, needed)
        databases.move(world, cluster, cluster_identifier, through, to)
        for member in cluster.members:
            databases.move(world, member, member.db_instance_identifier, through, to)
        return cluster

    return moved


def _describe_clusters(self: Any) -> ActionResult:
    """In pages, as AWS has them (moto gives all at once)."""
    filters = {one["Name"]: one["Values"] for one in self.params.get("Filters", [])}
    found = self.backend.describe_db_clusters(
        db_cluster_identifier=self.params.get("DBClusterIdentifier"), filters=filters
    )
    start, size = int(self.params.get("Marker") or 0), int(self.params.get("MaxRecords") or _LARGEST)
    answer: dict[str, Any] = {"DBClusters": found[start : start + size]}
    if start + size < len(found):
        answer["Marker"] = str(start + size)
    return ActionResult(answer)


def install(world: World) -> None:
    """Puts AWS's states, refusals and pages into moto's clusters."""
    response: Any = RDSResponse
    response.describe_db_clusters = _describe_clusters
    patched: Any = DBCluster
    patched.status = property(_status, databases.set_status)
    patched.automatic_restart_time = property(databases.restart_time)
    backend: Any = RDSBackend
    backend.stop_db_cluster = _mover(world, "available", "stopping", "stopped")
    backend.start_db_cluster = _mover(world, "stopped", "starting", "available")
