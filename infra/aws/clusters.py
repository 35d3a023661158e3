"""Read and change the database clusters of one account and region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import RDS
from infra.domain.aws import AwsError, CallResult, Target
from infra.domain.clusters import DbCluster

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterMessageTypeDef,
        DBClusterTypeDef,
        DescribeDBClustersMessageTypeDef,
        FilterTypeDef,
    )

PAGE_SIZE = 100  # RDS gives no more


def list_clusters(target: Target) -> list[DbCluster]:
    """Give all database clusters. Raises AwsError."""
    return list(_clusters(target, []))


def describe_clusters(target: Target, ids: Sequence[str]) -> dict[str, DbCluster]:
    """Give the clusters that exist among `ids` (RDS keeps them in lower case), 100 a call. Raises AwsError."""
    wanted = list(dict.fromkeys(ids))
    return {
        cluster.id: cluster
        for start in range(0, len(wanted), PAGE_SIZE)
        for cluster in _clusters(
            target, [{"Name": "db-cluster-id", "Values": wanted[start : start + PAGE_SIZE]}]
        )
    }


def start_cluster(target: Target, cluster_id: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Start one cluster with all its members. One that is available already is WRONG_STATE. Never raises AwsError.

    still_ours: asked right before the send. Raises LeaseLost when it says no.
    """
    return _change(
        target,
        cluster_id,
        "StartDBCluster",
        lambda rds: rds.start_db_cluster(DBClusterIdentifier=cluster_id),
        still_ours,
    )


def stop_cluster(target: Target, cluster_id: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Stop one cluster with all its members; ask infra.domain.clusters.cluster_refusal first. As start_cluster."""
    return _change(
        target,
        cluster_id,
        "StopDBCluster",
        lambda rds: rds.stop_db_cluster(DBClusterIdentifier=cluster_id),
        still_ours,
    )


def _change(
    target: Target,
    cluster_id: str,
    action: str,
    send: Callable[[RDSClient], Mapping[str, Any]],
    still_ours: StillOurs | None,
) -> CallResult:
    try:
        answer = current().mutate(
            Call(RDS, target, action, "DBCluster"), send, ids=[cluster_id], still_ours=still_ours
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])


def _clusters(target: Target, filters: list[FilterTypeDef]) -> Iterator[DbCluster]:
    def send(rds: RDSClient, token: str) -> DBClusterMessageTypeDef:
        params: DescribeDBClustersMessageTypeDef = {"Filters": filters, "MaxRecords": PAGE_SIZE}
        if token:
            params["Marker"] = token
        return rds.describe_db_clusters(**params)

    for answer in current().pages(Call(RDS, target, "DescribeDBClusters", "DBClusters"), send):
        for raw in answer["DBClusters"]:
            yield _cluster(raw)


def _cluster(raw: DBClusterTypeDef) -> DbCluster:
    members = sorted(raw.get("DBClusterMembers", ()), key=lambda one: not one.get("IsClusterWriter"))
    return DbCluster(
        id=raw.get("DBClusterIdentifier", ""),
        arn=raw.get("DBClusterArn", ""),
        state=raw.get("Status", ""),
        tags={pair.get("Key", ""): pair.get("Value", "") for pair in raw.get("TagList", ())},
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        engine_mode=raw.get("EngineMode", ""),
        db_class=raw.get("DBClusterInstanceClass", ""),
        multi_az=raw.get("MultiAZ", False),
        members=tuple(one.get("DBInstanceIdentifier", "") for one in members),
        global_cluster=raw.get("GlobalClusterIdentifier", ""),
        replicas=tuple(raw.get("ReadReplicaIdentifiers", ())),
        created_at=raw.get("ClusterCreateTime"),
        automatic_restart_at=raw.get("AutomaticRestartTime"),
        maintenance=raw.get("PreferredMaintenanceWindow", ""),
    )
