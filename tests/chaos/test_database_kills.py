"""A worker dies between a call that makes or changes a database and what it would have written of it: nothing is done twice, nothing is
forgotten, and the operation tells the truth at each moment."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from accounts.domain.permissions import Role
from infra.domain.makings import wish_beside
from infra.models import DatabaseSnapshot, Resource
from infra.operations import campaigns, database_restores, snapshot_copies
from infra.operations.campaigns import Wave
from infra.queries.makings import source_of_snapshot, stock_of
from medical_audit.domain.states import FINAL
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.chaos.conftest import HerdOf
from tests.chaos.field import Field, Trap
from tests.chaos.judge import story_of
from tests.chaos.places import wait_until
from tests.factories import Cast, proof

pytestmark = pytest.mark.chaos
WITHIN = 90.0
PATIENT = {"LEASE_S": 3.0, "AWS_READ_TIMEOUT_S": 30.0}
NEW_CA = "rds-ca-rsa4096-g1"
#: Applied, but its answer never came to anybody who could write it down.
DIED = ["operation.called", "operation.unknown"]


@pytest.fixture
def field(cast: Cast) -> Field:
    """One account with a database, its snapshot, and what there is to make another of."""
    made = Field([cast], accounts=1, servers=0)
    made.accounts[0].seed(databases=[{"id": "karte", "subnet_group": "main"}])
    made.look()
    return made


def confirmed(field: Field, entered: Operation) -> None:
    approver = field.accounts[0].cast.actor(Role.APPROVER)
    entry.confirm(
        entered.id,
        actor=approver,
        now=field.now,
        seen_digest=entered.digest,
        proof=proof(approver, field.now),
    )


def killed_after(field: Field, herd_of: HerdOf, action: str, kind: str) -> Operation:
    """A worker makes this call and dies before it hears of it; the next one finds out. The operation as it ended."""
    trap = Trap(field.accounts[0], match={"action": action}, hold="after", times=1)
    herd = herd_of(field, **PATIENT)
    (worker,) = herd.drain()
    wait_until("the call is applied", trap.holds, within=WITHIN)
    assert one_of(field, kind).state == "RUNNING"
    herd.kill(worker)
    trap.open()
    herd.drain()
    wait_until("it has ended", lambda: one_of(field, kind).state in FINAL, within=WITHIN)
    return one_of(field, kind)


def one_of(field: Field, kind: str) -> Operation:
    with tenant_scope(field.tenants[0]):
        row: Operation = Operation.objects.get(kind=kind)
        return row


def database(field: Field) -> Resource:
    with tenant_scope(field.tenants[0]):
        row: Resource = Resource.objects.get(kind="rds")
        return row


def test_killed_between_the_restore_and_its_record_there_is_one_new_database_and_it_is_known(
    field: Field, herd_of: HerdOf
) -> None:
    account, original = field.accounts[0], database(field)
    with tenant_scope(field.tenants[0]):
        snapshot = DatabaseSnapshot.objects.select_related("account").get()
        source, stock = source_of_snapshot(snapshot), stock_of(snapshot.account, snapshot.region)
    assert stock is not None
    wish = wish_beside(source, original.facts, original.type, stock, "karte-try")
    confirmed(
        field,
        database_restores.enter_restore(
            snapshot.id, database_restores.Restore(wish), actor=account.cast.actor(Role.OPERATOR), now=field.now,
            reason="復元試験",
        ),
    )  # fmt: skip
    ended = killed_after(field, herd_of, "RestoreDBInstanceFromDBSnapshot", "rds.restore")
    assert (ended.state, ended.outcome) == ("SUCCEEDED", "database_restored")
    assert set(account.states()["rds"]) == {"karte", "karte-try"}
    assert account.calls()["rds.RestoreDBInstanceFromDBSnapshot"] == 1
    assert story_of(ended)[2:4] == DIED


def test_killed_between_the_copy_of_a_snapshot_and_its_record_there_is_one_copy_and_it_is_known(
    field: Field, herd_of: HerdOf
) -> None:
    account = field.accounts[0]
    with tenant_scope(field.tenants[0]):
        snapshot = DatabaseSnapshot.objects.get()
    asked = snapshot_copies.Copy("toban-karte-kept")
    operator = account.cast.actor(Role.OPERATOR)
    confirmed(
        field,
        snapshot_copies.enter_copy(snapshot.id, asked, actor=operator, now=field.now, reason="長期の保管"),
    )
    ended = killed_after(field, herd_of, "CopyDBSnapshot", "rds.snapshot_copy")
    assert (ended.state, ended.outcome) == ("SUCCEEDED", "snapshot_copy_made")
    assert account.calls()["rds.CopyDBSnapshot"] == 1
    assert story_of(ended)[2:4] == DIED
    with tenant_scope(field.tenants[0]):
        assert DatabaseSnapshot.objects.get(name="toban-karte-kept").state == "available"


def test_killed_between_the_change_of_a_certificate_and_its_look_it_is_looked_at_and_not_changed_again(
    field: Field, herd_of: HerdOf
) -> None:
    account, row = field.accounts[0], database(field)
    wave = Wave(field.now - timedelta(minutes=1), field.now + timedelta(hours=2), (UUID(str(row.id)),))
    confirmed(
        field,
        campaigns.enter_campaign(
            NEW_CA, [wave], actor=account.cast.actor(Role.OPERATOR), now=field.now, reason="期限の前に"
        ),
    )
    field.look()
    ended = killed_after(field, herd_of, "ModifyDBInstance", "rds.certificate")
    assert (ended.state, ended.outcome) == ("SUCCEEDED", "rotated_unseen")
    assert account.calls()["rds.ModifyDBInstance"] == 1
    assert story_of(ended)[2:4] == DIED
    field.look()
    assert database(field).facts["ca"] == NEW_CA
    assert "rotation" not in database(field).memory
