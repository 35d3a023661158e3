"""Ask AWS which certificate authorities RDS has, when they end, and what an engine version makes of a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.aws.gateway import Call, current
from infra.aws.sessions import RDS
from infra.domain.aws import Target
from infra.domain.databases import Authority, EngineVersion

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_rds.type_defs import CertificateMessageTypeDef, DBEngineVersionMessageTypeDef

PAGE_SIZE = 100


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
