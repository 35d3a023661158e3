"""A tenant with resources and operations for tests of pages and the API: rows as an inventory would leave them, no AWS."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.test import Client

from accounts.domain.permissions import Role
from accounts.models import User
from accounts.operations import signing
from accounts.requests import session_name
from infra.models import AwsAccount, DatabaseSnapshot, Finding, Resource, Volume
from infra.models.account import Automation
from infra.operations import campaigns, reaching
from infra.operations.dues import target_of_resource
from infra.operations.onboarding import register_account
from infra.operations.plans import plan
from infra.queries.rules import rules_at
from medical_audit import clock
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.seats import Origin
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _as_role
from tests.factories import Cast
from tests.medical_audit.support import plant
from tests.simulated import TOKYO, new_account_id

settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a missing folder
BACKEND = "accounts.backends.PasswordBackend"


def signed_in(user: User, *, csrf: bool = False) -> Client:
    """A browser in which this person is signed in; `csrf` makes it check tokens as a real one would be checked."""
    client = Client(enforce_csrf_checks=csrf)
    with platform_scope():
        client.force_login(user, backend=BACKEND)
    name = session_name(client.session.session_key or "")
    with platform_scope():
        signing.sign_in(user, session=name, origin=Origin("127.0.0.1"), now=clock.now())
    return client


@dataclass
class Stage:
    """One tenant's account and what stands in it. Made by the worker's role, as an inventory would."""

    cast: Cast
    account: AwsAccount
    made: list[Resource] = field(default_factory=list)

    @property
    def slug(self) -> str:
        return self.cast.tenant.slug

    def client(self, role: Role, *, csrf: bool = False) -> Client:
        return signed_in(self.cast.people[role], csrf=csrf)

    def url(self, path: str = "") -> str:
        return f"/t/{self.slug}/{path}"

    def api(self, path: str = "") -> str:
        return f"/api/v1/tenants/{self.slug}/{path}"

    def resource(self, **facts: Any) -> Resource:
        return self.resources(1, **facts)[0]

    def resources(self, number: int, **facts: Any) -> list[Resource]:
        now = clock.now()
        values: dict[str, Any] = {
            "kind": "ec2",
            "type": "t3.small",
            "state": "stopped",
            "project": "電子カルテ",
            "tags": {},
            "facts": {},
        } | facts
        values.setdefault("aws_state", values["state"])
        rows = []
        with tenant_scope(self.cast.tenant.id):
            rules = rules_at(now)
        for _one in range(number):
            aws_id = f"i-{uuid.uuid4().hex[:17]}"
            name = values.get("name", f"server-{aws_id[2:8]}")
            row = Resource(
                tenant_id=self.cast.tenant.id, account=self.account, region=TOKYO, aws_id=aws_id,
                fingerprint="", first_seen_at=now, state_since=now - timedelta(hours=1),
                **(values | {"name": name}),
            )  # fmt: skip
            plan(row, rules, since=now)
            rows.append(row)
        with _as_role("worker"), tenant_scope(self.cast.tenant.id):
            Resource.objects.bulk_create(rows)
        self.made += rows
        return rows

    def volumes(self, number: int, **facts: Any) -> list[Volume]:
        values: dict[str, Any] = {"name": "", "state": "in-use", "size_gib": 100, "type": "gp3"} | facts
        rows = [
            Volume(
                tenant_id=self.cast.tenant.id, account=self.account, region=TOKYO, volume_id=f"vol-{uuid.uuid4().hex[:17]}",
                fingerprint="", first_seen_at=clock.now(), **values,
            )
            for _one in range(number)
        ]  # fmt: skip
        with _as_role("worker"), tenant_scope(self.cast.tenant.id):
            Volume.objects.bulk_create(rows)
        return rows

    def thing(self, address: str) -> uuid.UUID | None:
        """The id of a new resource, volume, database or snapshot, as the page at this address takes it; None for others."""
        if ":volume" in address:
            return self.volumes(1, state="available")[0].id
        if address.endswith(":resource"):
            return self.resource().id
        databases = (
            "infra:database",
            "infra:snapshot",
            "infra:rotation",
            "infra:reach",
            "api:database",
            "api:snapshot",
            "api:campaign",
            "api:reach",
        )
        if not address.startswith(databases):
            return None
        database = self.resource(kind="rds", aws_state="available", state="running")
        if address.endswith(":reach-close"):
            return self.opened(database).id
        if address.startswith(("infra:rotation", "api:campaign")):
            return self.campaign(database).id
        of_snapshot = address.endswith((":snapshot", ":snapshot-copy", ":snapshot-restore"))
        return self.snapshot(database).id if of_snapshot else database.id

    def campaign(self, database: Resource) -> Operation:
        """A campaign of certificates for one database, which waits for its confirmation."""
        begins = clock.now() + timedelta(hours=1)
        named = {
            "id": str(database.id), "aws_id": database.aws_id, "name": database.name, "account": self.account.account_id,
            "region": TOKYO, "before": "rds-ca-2019", "restarts": True, "stopped": True,
        }  # fmt: skip
        wave = {"from_at": begins.isoformat(), "until_at": (begins + timedelta(hours=3)).isoformat()}
        with tenant_scope(self.cast.tenant.id):
            return entry.enter(
                campaigns.KIND, OperationTarget("rotation", str(uuid.uuid4()), "rds-ca-rsa2048-g1 (1)"),
                {"ca": "rds-ca-rsa2048-g1", "waves": [wave | {"databases": [named]}]},
                actor=self.cast.actor(Role.OPERATOR), now=clock.now(), reason="期限の前に",
            )  # fmt: skip

    def opened(self, database: Resource) -> Operation:
        """An entry that lets a server reach a database; nobody has confirmed it."""
        parameters = {
            "aws_id": database.aws_id, "group": "sg-0123456789abcdef0", "port": 3306, "source": "10.1.2.3/32",
            "description": "app server", "until_at": "",
        }  # fmt: skip
        with tenant_scope(self.cast.tenant.id):
            return entry.enter(
                reaching.OPEN_KIND, reaching.target_of_reach(database), parameters,
                actor=self.cast.actor(Role.OPERATOR), now=clock.now(), reason="新しいサーバー",
            )  # fmt: skip

    def snapshot(self, database: Resource, **facts: Any) -> DatabaseSnapshot:
        """One that Toban made of a database, unless `facts` say otherwise."""
        values: dict[str, Any] = {
            "name": f"toban-{uuid.uuid4().hex[:12]}", "kind": "manual", "state": "available", "storage_gib": 50,
            "made_at": clock.now(), "seen_at": clock.now(), "database": database.aws_id,
        } | facts  # fmt: skip
        row = DatabaseSnapshot(
            tenant_id=self.cast.tenant.id, account=self.account, region=TOKYO, engine="mysql", **values
        )
        with _as_role("worker"), tenant_scope(self.cast.tenant.id):
            row.save(force_insert=True)
        return row

    def finding(
        self, resource: Resource, code: str = "not_hh_mm", value: str = "8", suggestion: str = "08:00"
    ) -> Finding:
        row = Finding(
            tenant_id=self.cast.tenant.id, resource=resource, code=code, tag="AutoStart", value=value, suggestion=suggestion,
            found_at=clock.now(),
        )  # fmt: skip
        with _as_role("worker"), tenant_scope(self.cast.tenant.id):
            row.save(force_insert=True)
        return row

    def entered(
        self, resource: Resource | None = None, role: Role = Role.OPERATOR, action: str = "start"
    ) -> Operation:
        """An operation that waits for its confirmation."""
        chosen = resource or self.resource(state="stopped" if action == "start" else "running")
        with tenant_scope(self.cast.tenant.id):
            return entry.enter(
                f"{chosen.kind}.{action}", target_of_resource(chosen), {"aws_id": chosen.aws_id},
                actor=self.cast.actor(role), now=clock.now(), reason="臨時の保守",
            )  # fmt: skip


def make_stage(cast: Cast, *, automation: bool = True) -> Stage:
    """`automation`: the clock is on, as a picture only: no operation stands behind it, so that lists begin empty. Where
    the tick itself acts, `simulated.switch_on` does it by the book."""
    number = new_account_id()
    account = register_account(
        number, f"アカウント{number}", role_arn=f"arn:aws:iam::{number}:role/TobanOperator", external_id=f"ext-{number}",
        regions=[TOKYO], actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(),
    )  # fmt: skip
    if automation:
        person = cast.people[Role.APPROVER]
        account.automation, account.automation_confirmed_by_id = Automation.ON, str(person.id)
        account.automation_confirmed_by_name, account.automation_confirmed_at = person.name, clock.now()
        plant(account, force_insert=False)
    return Stage(cast, account)
