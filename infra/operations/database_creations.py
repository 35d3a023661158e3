"""A new database: never public, encrypted, with deletion protection, backups and AutoStop unless somebody decides otherwise, and a
master password that RDS makes and keeps, so that nobody ever sees it. Another person confirms exactly what is asked of AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from accounts.domain.permissions import Permission
from infra.aws import makings
from infra.domain.aws import CallResult, Target
from infra.domain.creations import Creation, creation_troubles, licence_of
from infra.domain.makings import NEW_STORAGE, Stock
from infra.models import Region
from infra.models.account import Looking
from infra.operations.database_makings import MakingExecutor, MakingPlan, check_tags, common_request, wish_of
from infra.operations.database_restores import name_spoken_for
from infra.operations.database_rounds import LANE_CLASS, LOOK_IN, Plan, fresh
from infra.operations.verdicts import too_late
from infra.queries.makings import CREATE, stock_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import Fail, Go, Later, OperationTarget, Verdict
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

KIND = CREATE
_KEYS = ("aws_id", "engine", "engine_version", "storage_gib", "protected", "request")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for. tags: what the database carries besides Toban's own marks."""

    creation: Creation
    tags: Mapping[str, str] = field(default_factory=dict)
    protected: bool = True


def request_of(asked: Asked) -> dict[str, Any]:
    """The call's parameters, word for word."""
    made = asked.creation
    return common_request(made.wish, asked.tags, protected=asked.protected) | {
        "Engine": made.engine, "EngineVersion": made.version, "DBName": made.db_name, "MasterUsername": made.user,
        "ManageMasterUserPassword": True, "AllocatedStorage": made.storage_gib, "StorageType": NEW_STORAGE, "StorageEncrypted": True,
        "BackupRetentionPeriod": made.backup_days, **({"LicenseModel": licence} if (licence := licence_of(made.engine)) else {}),
    }  # fmt: skip


def enter_creation(
    region_id: UUID, asked: Asked, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter a new database in a region. Raises NotPermitted, NotFound, Refused: stock_unread, tag_value, the first reason for which AWS would
    refuse, operation_open."""
    with tenant_scope(actor.tenant_id):
        region: Region | None = (
            Region.objects.select_related("account").filter(id=region_id, looking=Looking.ON).first()
        )
        if region is None:
            raise NotFound(type="region", id=str(region_id))
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        key = f"form/{actor.id}/{token}/{KIND}" if token else None
        if before := entry.sent_before(key):
            return before
        name, lane = asked.creation.wish.aws_id.lower(), f"{region.account.account_id}/{region.name}"
        stock = stock_of(region.account, region.name)
        if stock is None:
            raise Refused("stock_unread", target=name)
        check_tags(asked.tags)
        if troubles := creation_troubles(asked.creation, stock):
            raise Refused(troubles[0].code, target=name)
        if name_spoken_for(lane, name):
            raise Refused("operation_open", target=name)
        made = asked.creation
        parameters = {
            "aws_id": name, "engine": made.engine, "engine_version": made.version, "storage_gib": made.storage_gib,
            "protected": asked.protected, "request": request_of(asked),
        }  # fmt: skip
        target = OperationTarget("database", _id_of(lane, name), name, f"{lane}/{LANE_CLASS}")
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def _id_of(lane: str, name: str) -> str:
    """What is not there yet is known by where it will be and how it will be called; both together are longer than an id."""
    return str(uuid5(NAMESPACE_URL, f"{lane}/{name}"))


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": KIND, "call": "rds:CreateDBInstance", "lane": target.lane, **parameters}


class CreationExecutor(MakingExecutor):
    """Make it once."""

    made = "database_created"

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        assert isinstance(plan, MakingPlan)
        seen = plan.databases.get(one.parameters["aws_id"])
        if seen is not None:
            return self.judge(one, seen)
        if troubles := creation_troubles(_creation(one), plan.stocks.get(one.id, Stock())):
            plan.stale = True
            return Fail(troubles[0].code, detail=dict(troubles[0].told))
        return too_late(one, now) or Go()

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen = plan.databases.get(one.parameters["aws_id"])
        if seen is not None:
            return self.judge(one, seen)
        return Later("not_yet", LOOK_IN) if fresh(one, now) or one.state != State.UNKNOWN else Go()

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        told = {"database": one.parameters["aws_id"]}
        return makings.create(target, self.request_of(one), still_ours=still_ours), told


def _creation(one: Operation) -> Creation:
    asked = one.parameters["request"]
    return Creation(
        engine=asked["Engine"], version=asked["EngineVersion"], wish=wish_of(asked), db_name=asked["DBName"],
        user=asked["MasterUsername"], storage_gib=asked["AllocatedStorage"], backup_days=asked["BackupRetentionPeriod"],
    )  # fmt: skip
