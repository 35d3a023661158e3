"""Values for the gateway's tests: targets nobody else uses, ids of AWS's shape, databases."""

from __future__ import annotations

import random
import uuid

from infra.domain.aws import Database, Target

REGION = "ap-northeast-1"
EXTERNAL_ID = "ext-3f9c0d5e8b7a4c21"


def make_target(*, account_id: str = "", region: str = REGION, external_id: str = EXTERNAL_ID) -> Target:
    """Give a target in an account of its own, so that tests can share one simulator and one Valkey."""
    account = account_id or f"{random.randrange(10**11, 10**12)}"
    return Target(
        tenant_id=uuid.uuid4(),
        account_id=account,
        region=region,
        role_arn=f"arn:aws:iam::{account}:role/toban",
        external_id=external_id,
    )


def instance_id() -> str:
    """Give an id of AWS's shape."""
    return f"i-{random.randrange(16**17):017x}"


def make_database(**changes: object) -> Database:
    """Give a plain PostgreSQL database that AWS can stop."""
    fields: dict[str, object] = {
        "id": "db-1",
        "arn": "arn:aws:rds:ap-northeast-1:111122223333:db:db-1",
        "state": "available",
        "tags": {},
        "engine": "postgres",
        "engine_version": "16.3",
        "db_class": "db.t3.medium",
        "zone": "ap-northeast-1a",
        "multi_az": False,
        "replica_of": "",
        "replicas": (),
        "cluster_id": "",
        "created_at": None,
        "automatic_restart_at": None,
    }
    return Database(**(fields | changes))  # type: ignore[arg-type]
