"""A tenant whose first events are of March 2019, to be let go, and what its people and its sealer do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.burying import JST
from medical_audit.domain.chain import genesis, link_hash
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.retaining import enter_keeping, enter_purge
from medical_audit.queries.bundles import Made, write_bundle
from medical_audit.queries.links import links_after
from medical_audit.queries.purges import Keeping
from medical_audit.queries.sealed import verify_ledger
from medical_audit.queries.seals import database_clock
from medical_audit.queries.verification import Verification, Witnessed, verify
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import Cast, make_cast, proof
from tests.medical_audit.sealers import SealingRoom, tamper
from tests.medical_audit.support import Database, note

OLD = datetime(2019, 3, 10, 9, tzinfo=JST)
APRIL_2019 = datetime(2019, 4, 1, tzinfo=JST)


@dataclass
class Scene:
    """A tenant whose first events are of March 2019 and sealed then; three more are of now."""

    room: SealingRoom
    database: Database
    cast: Cast
    old: int

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.cast.tenant.id

    def actor(self, role: Role) -> Actor:
        return self.cast.actor(role)

    def confirm(self, operation: Operation) -> None:
        now, confirmer = clock.now(), self.actor(Role.APPROVER)
        with _as_role("web"):
            entry.confirm(
                operation.id,
                actor=confirmer,
                now=now,
                seen_digest=operation.digest,
                proof=proof(confirmer, now),
            )

    def enter(self, until: datetime = APRIL_2019) -> Operation:
        with _as_role("web"):
            return enter_purge(
                until, actor=self.actor(Role.ADMINISTRATOR), now=clock.now(), reason="term over"
            )

    def keep(self, keeping: Keeping) -> None:
        with _as_role("web"):
            made = enter_keeping(
                keeping, actor=self.actor(Role.ADMINISTRATOR), now=clock.now(), reason="inquiry"
            )
        self.confirm(made)

    def verify(self) -> Verification:
        with _as_role("audit"):
            report = verify_ledger([self.tenant_id], self.room.keys, self.room.anchors)
        assert report.seals.intact, report.seals.damage
        return report.chains[0]

    def read(self) -> Verification:
        return verify(self.tenant_id, witnessed=Witnessed(keys=self.room.keys))

    def written(self) -> Made:
        return write_bundle(BytesIO(), self.tenant_id, self.room.keys, since=None, now=database_clock())

    def purge(self) -> None:
        self.confirm(self.enter())
        self.room.seal()

    def count(self, table: str) -> int:
        row = self.database.execute(
            f"SELECT count(*) FROM ledger.{table} WHERE tenant_id = %s", [self.tenant_id]
        ).fetchone()
        assert row is not None
        return int(row[0])

    def bundle(self) -> BytesIO:
        file = BytesIO()
        with _as_role("audit"):
            write_bundle(file, self.tenant_id, self.room.keys, since=None, now=database_clock())
        return file


def _age(database: Database, tenant_id: uuid.UUID) -> int:
    """Make everything that the tenant's ledger holds look as written in March 2019, with right hashes."""
    database.execute("SELECT ledger.open_maintenance('a month of 2019', interval '1 minute')")
    database.execute(
        "CREATE TABLE ledger.event_2019_03 PARTITION OF ledger.event FOR VALUES FROM ('2019-03-01 00:00+00') TO ('2019-04-01 00:00+00')"
    )
    database.execute("ALTER TABLE ledger.event_2019_03 OWNER TO toban_ledger")
    database.execute("SELECT ledger.guard('ledger.event_2019_03')")
    database.execute("SELECT ledger.close_maintenance()")
    back, values = "- (date_trunc('hour', now()) - %s)", [OLD, tenant_id]
    tamper(
        database,
        f"UPDATE ledger.event SET event_at = event_at {back} WHERE tenant_id = %s", values,
        f"UPDATE ledger.link SET event_at = event_at {back}, linked_at = linked_at {back}, clock_at = clock_at {back} "
        "WHERE tenant_id = %s", [OLD, OLD, OLD, tenant_id],
    )  # fmt: skip
    prev, statements = genesis(tenant_id), []
    with _as_role("audit"), tenant_scope(tenant_id):
        for link in links_after(tenant_id, 0, page=100):
            mended = link_hash(replace(link, prev=prev))
            statements += [
                "UPDATE ledger.link SET prev = %s, hash = %s WHERE tenant_id = %s AND seq = %s",
                [prev, mended, tenant_id, link.seq],
            ]
            prev = mended
    tamper(database, *statements, "UPDATE ledger.head SET hash = %s WHERE tenant_id = %s", [prev, tenant_id])
    return len(statements) // 2


def make_scene(room: SealingRoom, database: Database) -> Scene:
    cast = make_cast()
    note(cast.tenant.id, count=3)
    old = _age(database, cast.tenant.id)
    room.clock = lambda: OLD + timedelta(days=1)
    room.seal()
    room.clock = database_clock
    note(cast.tenant.id, count=3)
    room.seal()
    return Scene(room, database, cast, old)
