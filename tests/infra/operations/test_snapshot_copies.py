"""A snapshot is copied for what only a copy can do: shared encrypted by another account, or of an engine version that is offered no more.

moto shares no snapshots by ARN, and upgrades none; config/simulator/copies.py gives AWS's documented answers.
"""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.domain.makings import Trouble, restore_troubles
from infra.models import DatabaseSnapshot
from infra.operations import snapshot_copies, snapshotting
from infra.operations.snapshot_copies import Copy
from infra.queries.database_pages import snapshot_detail
from infra.queries.making_pages import restore_page
from infra.queries.makings import source_of_snapshot
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_database_restores import proposed, stock
from tests.infra.operations.test_snapshotting import confirm, outcome, row, work
from tests.simulated import TOKYO, ask, customer_client, new_account_id

NAME = "toban-karte-before-update"
ENDED, OFFERED = "5.7.44", "8.0.42"


def troubles(duty: Duty, found: DatabaseSnapshot) -> list[Trouble]:
    return restore_troubles(proposed(duty, found), source_of_snapshot(found), stock(duty, found))


def enter(duty: Duty, found: DatabaseSnapshot, asked: Copy) -> Operation:
    who = duty.aws.cast.actor(Role.OPERATOR)
    return snapshot_copies.enter_copy(found.id, asked, actor=who, now=duty.clock(), reason="復元試験")


def shared(duty: Duty) -> DatabaseSnapshot:
    """One that another account encrypted and shares with this one; gives it as last looked at."""
    other = new_account_id()
    ask("seed", {"databases": [{"account_id": other, "region": TOKYO, "id": "karte"}]})
    duty.aws.seed(databases=[{"id": "karte", "subnet_group": "main"}])
    rds = customer_client(other, "rds")
    rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier="plain")
    rds.copy_db_snapshot(
        SourceDBSnapshotIdentifier="plain", TargetDBSnapshotIdentifier="moved", KmsKeyId="alias/theirs"
    )
    rds.modify_db_snapshot_attribute(
        DBSnapshotIdentifier="moved", AttributeName="restore", ValuesToAdd=[duty.aws.number]
    )
    duty.look()
    return row(duty, f"arn:aws:rds:{TOKYO}:{other}:snapshot:moved")


def test_what_another_account_shares_encrypted_is_copied_with_an_own_key_and_then_restored(
    duty: Duty,
) -> None:
    found = shared(duty)
    assert (found.kind, found.encrypted) == ("shared", True)
    assert [(one.code, one.copies) for one in troubles(duty, found)] == [("copy_first", ("",))]
    with pytest.raises(Refused, match="key_missing"):
        enter(duty, found, Copy(NAME))
    with pytest.raises(Refused, match="key_unreadable"):
        enter(duty, found, Copy(NAME, "our key"))
    entered = enter(duty, found, Copy(NAME, "alias/aws/rds"))
    with pytest.raises(NotPermitted):
        confirm(duty, entered, Role.OPERATOR)
    confirm(duty, entered, Role.APPROVER)
    ask("delays", {"account": duty.aws.number, "rds_snapshot": 9000})
    work(duty)
    assert outcome(duty, snapshot_copies.KIND)[0] == "RUNNING"
    assert row(duty).state == "copying"
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert outcome(duty, snapshot_copies.KIND) == ("SUCCEEDED", "snapshot_copy_made")
    assert (row(duty).encrypted, row(duty).kind) == (True, "manual")
    assert troubles(duty, row(duty)) == []
    assert len(duty.sent("CopyDBSnapshot")) == 1


def ended(duty: Duty) -> DatabaseSnapshot:
    """A snapshot of an engine version that AWS offers no more."""
    duty.aws.seed(
        databases=[
            {"id": "karte", "version": ENDED, "subnet_group": "main"},
            {"id": "ris", "version": OFFERED},
        ]
    )
    duty.console("rds").create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier="old")
    duty.look()
    return row(duty, "old")


@pytest.mark.fault
@pytest.mark.parametrize("lost", ["", "CopyDBSnapshot", "ModifyDBSnapshot"])
def test_a_version_that_is_offered_no_more_is_left_by_a_copy_once_whatever_is_lost(
    duty: Duty, settings: Settings, lost: str
) -> None:
    found = ended(duty)
    [trouble] = [one for one in troubles(duty, found) if one.code == "version_not_offered"]
    assert trouble.copies == stock(duty, found).upgrades[f"mysql/{ENDED}"] == (OFFERED,)
    if lost:
        settings.AWS_READ_TIMEOUT_S = 1.0
        duty.aws.fault(match={"action": lost}, times=1, apply_then_lose=True)
    confirm(duty, enter(duty, found, Copy(NAME, version=OFFERED)), Role.APPROVER)
    work(duty, 6)
    assert outcome(duty, snapshot_copies.KIND) == ("SUCCEEDED", "snapshot_copy_made")
    duty.look()
    assert (row(duty).engine_version, row(duty, "old").engine_version) == (OFFERED, ENDED)
    changed = [one["action"] for one in duty.aws.journal() if NAME in one["changes"]]
    assert changed == ["CopyDBSnapshot", "ModifyDBSnapshot"]


def test_a_copy_that_takes_longer_than_a_shift_is_upgraded_all_the_same(duty: Duty) -> None:
    found = ended(duty)
    ask("delays", {"account": duty.aws.number, "rds_snapshot": 9000})
    confirm(duty, enter(duty, found, Copy(NAME, version=OFFERED)), Role.APPROVER)
    work(duty)
    duty.clock.pass_(hours=23)
    ask(f"settle?account={duty.aws.number}", {})
    ask("delays", {"account": duty.aws.number, "rds_snapshot": 0})
    work(duty, 4)
    assert outcome(duty, snapshot_copies.KIND) == ("SUCCEEDED", "snapshot_copy_made")
    duty.look()
    assert row(duty).engine_version == OFFERED


def test_what_another_account_shares_is_no_copy_of_a_database_that_is_called_so_here(duty: Duty) -> None:
    theirs = shared(duty)
    rds = duty.console("rds")
    rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier=NAME)
    duty.clock.pass_(hours=2)
    duty.look()
    operator = duty.aws.cast.actor(Role.OPERATOR)
    first = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="整理")
    assert first.parameters["last_copy"] is False
    rds.delete_db_instance(DBInstanceIdentifier="karte", SkipFinalSnapshot=True)
    confirm(duty, first, Role.APPROVER)
    work(duty)
    assert outcome(duty, snapshotting.DELETE) == ("CANCELLED", "snapshot_last_copy")
    duty.look()
    again = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="整理")
    assert again.parameters["last_copy"] is True
    with tenant_scope(duty.aws.cast.tenant.id):
        assert snapshot_detail(row(duty).id, actor=operator).last_copy
        assert restore_page(theirs.id, actor=operator).original is None


def test_a_key_of_another_region_is_refused_before_it_is_entered(duty: Duty) -> None:
    with pytest.raises(Refused, match="key_other_region"):
        enter(duty, ended(duty), Copy(NAME, "arn:aws:kms:us-east-1:111122223333:key/abc"))


def test_what_aws_does_not_bring_it_to_is_refused_before_anything_is_copied(duty: Duty) -> None:
    confirm(duty, enter(duty, ended(duty), Copy(NAME, version="9.9")), Role.APPROVER)
    work(duty)
    assert outcome(duty, snapshot_copies.KIND) == ("FAILED", "upgrade_impossible")
    assert duty.operations(kind=snapshot_copies.KIND)[-1].outcome_detail["versions"] == [OFFERED]
    assert duty.sent("CopyDBSnapshot") == []


def test_another_snapshot_that_took_the_name_since_is_not_copied_in_its_place(duty: Duty) -> None:
    found = ended(duty)
    entered = enter(duty, found, Copy(NAME))
    rds = duty.console("rds")
    rds.delete_db_snapshot(DBSnapshotIdentifier="old")
    rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier="old")
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, snapshot_copies.KIND) == ("FAILED", "source_replaced")
    assert duty.sent("CopyDBSnapshot") == []
