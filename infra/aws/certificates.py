"""Ask AWS which certificate authorities RDS has, when they end, and what an engine version makes of a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.aws.gateway import Call, StillOurs, current
from infra.aws.sessions import RDS
from infra.domain.aws import AwsError, CallResult, Target
from infra.domain.databases import Authority, EngineVersion

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_rds.type_defs import (
        CertificateMessageTypeDef,
        DBEngineVersionMessageTypeDef,
        PendingMaintenanceActionsMessageTypeDef,
    )

PAGE_SIZE = 100
#: How AWS's names of a planned renewal of a server certificate end.
_RENEWAL = "certificate-rotation"


def list_authorities(target: Target) -> tuple[list[Authority], str]:
    """The certificate authorities of a region, and the one that new databases get. Raises AwsError."""

    def send(rds: RDSClient, token: str) -> CertificateMessageTypeDef:
        params: dict[str, Any] = {"MaxRecords": PAGE_SIZE}
        if token:
            params["Marker"] = token
        return rds.describe_certificates(**params)

    found: list[Authority] = []
    default = ""
    for answer in current().pages(Call(RDS, target, "DescribeCertificates", "Certificates"), send):
        default = answer.get("DefaultCertificateForNewLaunches", "") or default
        found += [
            Authority(raw.get("CertificateIdentifier", ""), raw["ValidTill"])
            for raw in answer["Certificates"]
            if "ValidTill" in raw
        ]
    return found, default


def engine_version(target: Target, engine: str, version: str) -> EngineVersion | None:
    """What one version can do; None for one that AWS offers no more. Raises AwsError."""

    def send(rds: RDSClient) -> DBEngineVersionMessageTypeDef:
        return rds.describe_db_engine_versions(Engine=engine, EngineVersion=version, IncludeAll=True)

    answer = current().read(Call(RDS, target, "DescribeDBEngineVersions", "DBEngineVersions"), send)
    for raw in answer["DBEngineVersions"]:
        return EngineVersion(
            engine,
            version,
            raw.get("SupportsCertificateRotationWithoutRestart", False),
            tuple(raw.get("SupportedCACertificateIdentifiers", ())),
        )
    return None


def planned_renewal(target: Target, arn: str) -> str:
    """The maintenance action by which AWS would renew a database's own certificate; "" where it has planned none. Raises AwsError."""

    def send(rds: RDSClient) -> PendingMaintenanceActionsMessageTypeDef:
        return rds.describe_pending_maintenance_actions(ResourceIdentifier=arn)

    call = Call(RDS, target, "DescribePendingMaintenanceActions", "PendingMaintenanceActions")
    for one in current().read(call, send)["PendingMaintenanceActions"]:
        for action in one.get("PendingMaintenanceActionDetails", ()):
            if action.get("Action", "").endswith(_RENEWAL):
                return action["Action"]
    return ""


def renew(target: Target, arn: str, action: str, *, still_ours: StillOurs | None = None) -> CallResult:
    """Have AWS do a planned renewal now; it restarts the database. Never raises AwsError; raises LeaseLost when told no."""
    try:
        answer = current().mutate(
            Call(RDS, target, "ApplyPendingMaintenanceAction", "ResourcePendingMaintenanceActions"),
            lambda rds: rds.apply_pending_maintenance_action(
                ResourceIdentifier=arn, ApplyAction=action, OptInType="immediate"
            ),
            ids=[arn],
            still_ours=still_ours,
        )
    except AwsError as error:
        return CallResult(False, error.request_id, error)
    return CallResult(True, answer["ResponseMetadata"]["RequestId"])
