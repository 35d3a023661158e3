"""Rows of repositories without a git behind them, for tests that only ask who may see them; tickets of a simulated Redmine."""

from __future__ import annotations

import uuid

from medical_audit import clock
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import RedmineServer, Repository, ServerState
from tests.medical_audit.support import plant
from tests.redmine.yard import Yard


def plant_repository(tenant_id: uuid.UUID, identifier: str = "demo") -> uuid.UUID:
    """An active repository of the tenant's Redmine, which is planted too where there is none."""
    now = clock.now()
    drafted = {"tenant_id": tenant_id, "state": "active", "drafted_by_name": "管理", "drafted_at": now}
    with tenant_scope(tenant_id):
        server = RedmineServer.objects.filter(state=ServerState.ACTIVE).first()
    server = server or plant(RedmineServer(url="https://redmine.example.jp", **drafted))
    name = f"acme/{uuid.uuid4().hex[:8]}"
    row = Repository(
        server=server,
        name=name,
        url=f"ssh://git@github.com/{name}.git",
        redmine_project=1,
        redmine_identifier=identifier,
        **drafted,
    )
    return plant(row).id


def issues(yard: Yard, count: int = 3) -> None:
    """Tickets that commits may name, from #1 on."""
    for number in range(1, count + 1):
        yard.fake._create({"subject": f"#{number}"})
