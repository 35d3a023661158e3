"""Certificate authorities of RDS, engine versions and the change of a database's CA as AWS documents them (moto: none of it).

Sources: docs.aws.amazon.com/AmazonRDS/latest/UserGuide, UsingWithRDS.SSL and UsingWithRDS.SSL-certificate-rotation; API
reference of DescribeCertificates, DescribeDBEngineVersions and ModifyDBInstance. The dates are this simulator's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.rds.exceptions import InvalidDBInstanceStateError, RDSClientError
from moto.rds.models import DBInstance, RDSBackend
from moto.rds.responses import RDSResponse

from config.simulator.databases import Course
from config.simulator.makings import ENDED, VERSIONS
from config.simulator.world import World

DEFAULT_CA = "rds-ca-rsa2048-g1"
AUTHORITIES: dict[str, datetime] = {
    "rds-ca-2019": datetime(2024, 8, 22, 17, 8, 50, tzinfo=UTC),
    DEFAULT_CA: datetime(2061, 5, 22, 0, 49, 29, tzinfo=UTC),
    "rds-ca-rsa4096-g1": datetime(2121, 5, 22, 0, 54, 29, tzinfo=UTC),
    "rds-ca-ecc384-g1": datetime(2121, 5, 22, 0, 59, 29, tzinfo=UTC),
}
#: Engines that take a new server certificate without a restart.
_WITHOUT_RESTART = frozenset({"mysql", "postgres", "aurora-mysql", "aurora-postgresql"})
_YEAR = timedelta(days=365)


def server_until(database: Any) -> datetime:
    """Until when the server certificate of a database holds: a year, or what the seed said."""
    planted: datetime | None = database.__dict__.get("certificate_until")
    if planted is not None:
        return planted
    made = database.instance_create_time
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    years = max(0, (datetime.now(UTC) - made) // _YEAR)
    return min(made + _YEAR * (years + 1), AUTHORITIES[_ca(database)])


def _ca(database: Any) -> str:
    name = database.ca_certificate_identifier
    return name if name in AUTHORITIES else DEFAULT_CA


def _details(database: Any) -> dict[str, Any]:
    return {"CAIdentifier": _ca(database), "ValidTill": server_until(database)}


def _endpoint(database: Any) -> dict[str, Any]:
    address, port = database.__dict__.get("planted_endpoint", ("", 0))
    return {"Address": address or database.address, "Port": port or database.port}


def _pending(database: Any) -> dict[str, Any]:
    return dict(database.__dict__.get("pending", {}))


def _describe_certificates(self: Any) -> ActionResult:
    listed = [
        {
            "CertificateIdentifier": name, "CertificateType": "CA", "Thumbprint": f"{number:040x}",
            "ValidFrom": until - _YEAR * 40, "ValidTill": until, "CustomerOverride": False,
            "CertificateArn": f"arn:aws:rds:{self.region}::cert:{name}",
        }
        for number, (name, until) in enumerate(AUTHORITIES.items(), start=1)
        if until > datetime.now(UTC)
    ]  # fmt: skip
    return ActionResult({"Certificates": listed, "DefaultCertificateForNewLaunches": DEFAULT_CA})


def _describe_engine_versions(self: Any) -> ActionResult:
    engine, version = self.params.get("Engine", ""), self.params.get("EngineVersion", "")
    default, major, family = VERSIONS.get(engine, ("", "", ""))
    if self.params.get("DefaultOnly"):
        version = default
    if version in ENDED and not self.params.get("IncludeAll"):
        return ActionResult({"DBEngineVersions": []})
    known: dict[str, Any] = {
        "MajorEngineVersion": major, "DBParameterGroupFamily": family, "Engine": engine, "EngineVersion": version,
        "SupportsCertificateRotationWithoutRestart": engine in _WITHOUT_RESTART,
        "ValidUpgradeTarget": [{"Engine": engine, "EngineVersion": default}] if version != default else [],
        "SupportedCACertificateIdentifiers": [name for name in AUTHORITIES if name != "rds-ca-2019"],
    }  # fmt: skip
    return ActionResult({"DBEngineVersions": [known] if engine and version else []})


_RENEWAL = "ca-certificate-rotation"


def _planned(self: Any) -> list[dict[str, Any]]:
    """AWS plans a renewal for engines that need a restart for it, at the half of a certificate's life."""
    arn = self.params.get("ResourceIdentifier", "")
    due = [
        one
        for one in self.backend.databases.values()
        if arn in ("", one.db_instance_arn)
        and one.engine not in _WITHOUT_RESTART
        and one.status != "stopped"
        and server_until(one) - datetime.now(UTC) < _YEAR / 2
    ]
    action = {"Action": _RENEWAL, "Description": "Rotation of the server certificate"}
    return [{"ResourceIdentifier": one.db_instance_arn, "PendingMaintenanceActionDetails": [action]} for one in due]  # fmt: skip


def _describe_pending(self: Any) -> ActionResult:
    return ActionResult({"PendingMaintenanceActions": _planned(self)})


def _applier(world: World) -> Callable[[Any], ActionResult]:
    def apply_pending_maintenance_action(self: Any) -> ActionResult:
        if not _planned(self) or self.params.get("ApplyAction") != _RENEWAL:
            raise RDSClientError("ResourceNotFoundFault", "There is no such pending maintenance action.")
        arn = self.params.get("ResourceIdentifier")
        database = next(one for one in self.backend.databases.values() if one.db_instance_arn == arn)
        before = server_until(database)
        after = database.__dict__["certificate_until"] = utcnow().replace(tzinfo=UTC, microsecond=0) + _YEAR
        seconds = world.delays.seconds("rds_modify", database.account_id)
        database.__dict__["course"] = Course(
            "available", "modifying" if seconds else "", time.monotonic() + seconds
        )
        world.journal.note(
            database.db_instance_identifier, "certificate", before.isoformat(), after.isoformat()
        )
        return ActionResult({"ResourcePendingMaintenanceActions": {"ResourceIdentifier": arn}})

    return apply_pending_maintenance_action


#: What waits for the maintenance window unless it is asked for at once, by moto's name (moto: nothing waits).
_WAITS = {
    "ca_certificate_identifier": "CACertificateIdentifier",
    "db_instance_class": "DBInstanceClass",
    "allocated_storage": "AllocatedStorage",
    "engine_version": "EngineVersion",
    "backup_retention_period": "BackupRetentionPeriod",
    "multi_az": "MultiAZ",
}


def _modifier(world: World, modify: Callable[..., Any]) -> Callable[..., Any]:
    def modify_db_instance(self: Any, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> Any:
        """AWS changes nothing about a stopped database; what is changed at once takes with it everything that waits."""
        database = self.describe_db_instances(db_instance_identifier)[0]
        if database.status == "stopped":
            raise InvalidDBInstanceStateError(db_instance_identifier, "modify")
        asked = {name: db_kwargs.pop(name) for name in _WAITS if db_kwargs.get(name) is not None}
        wanted = asked.get("ca_certificate_identifier")
        if wanted is not None and (wanted not in AUTHORITIES or AUTHORITIES[wanted] < datetime.now(UTC)):
            raise RDSClientError("CertificateNotFound", f"Certificate not found: {wanted}")
        waiting = database.__dict__.setdefault("pending", {})
        if not db_kwargs.get("apply_immediately"):
            waiting |= {_WAITS[name]: value for name, value in asked.items()}
            return modify(self, db_instance_identifier, db_kwargs)
        asked = {own: waiting[name] for own, name in _WAITS.items() if name in waiting} | asked
        waiting.clear()
        wanted = asked.pop("ca_certificate_identifier", None)
        if wanted is None:
            for name, value in asked.items():
                db_kwargs[name] = value
            return modify(self, db_instance_identifier, db_kwargs)
        if asked:
            modify(self, db_instance_identifier, asked)
        before = database.ca_certificate_identifier
        database.ca_certificate_identifier = wanted
        database.__dict__["certificate_until"] = utcnow().replace(tzinfo=UTC, microsecond=0) + _YEAR
        seconds = world.delays.seconds("rds_modify", database.account_id)
        database.__dict__["course"] = Course(
            "available", "modifying" if seconds else "", time.monotonic() + seconds
        )
        world.journal.note(db_instance_identifier, "ca", before, wanted)
        return database

    return modify_db_instance


def install(world: World) -> None:
    """Puts certificates, engine versions and the change of a CA into moto's databases."""
    database: Any = DBInstance
    database.certificate_details = property(_details)
    database.pending_modified_values = property(_pending)
    database.endpoint = property(_endpoint)
    backend: Any = RDSBackend
    backend.modify_db_instance = _modifier(world, RDSBackend.modify_db_instance)
    response: Any = RDSResponse
    response.describe_certificates = _describe_certificates
    response.describe_db_engine_versions = _describe_engine_versions
    response.describe_pending_maintenance_actions = _describe_pending
    response.apply_pending_maintenance_action = _applier(world)
