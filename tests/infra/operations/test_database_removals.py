"""What was restored for a while is removed by Toban only where its role may, and nobody is asked for the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.operations import database_removals
from infra.operations.database_restores import Restore
from infra.operations.snapshotting import target_of_database
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_database_restores import enter, proposed, snapshot
from tests.infra.operations.test_snapshotting import confirm, outcome, work
from tests.stage import signed_in


def test_one_whose_name_is_of_before_is_people_s_to_delete_at_aws_and_nobody_is_asked(duty: Duty) -> None:
    """The role deletes toban-tmp-* only: a removal that was confirmed would be refused by AWS, day after day."""
    row, approver = snapshot(duty), duty.aws.cast.actor(Role.APPROVER)
    right = enter(
        duty, row, Restore(proposed(duty, row, "toban-tmp-karte"), until=duty.clock() + timedelta(days=2))
    )
    entry.reject(right.id, actor=approver, now=duty.clock(), reason="x")
    name, operator = "karte-20261120", duty.aws.cast.actor(Role.OPERATOR)
    target = OperationTarget("snapshot", right.target_id, right.target_name, right.lane)
    request = right.parameters["request"] | {"DBInstanceIdentifier": name}
    before = entry.enter(
        "rds.restore", target, right.parameters | {"aws_id": name, "request": request},
        actor=operator, now=duty.clock(), reason="x",
    )  # fmt: skip
    confirm(duty, before, Role.APPROVER)
    work(duty)
    tags = {"toban:operation": str(before.id), "toban:until": before.parameters["until_at"]}
    duty.aws.seed(databases=[{"id": name, "tags": tags}])
    duty.clock.pass_(days=3)
    duty.look()
    assert duty.operations(kind="rds.remove") == []
    old = duty.resource(name)
    with pytest.raises(Refused, match="name_of_before"):
        database_removals.enter_removal(old.id, actor=operator, now=duty.clock(), reason="x")
    client, page = (
        signed_in(duty.aws.cast.people[Role.OPERATOR]),
        f"/t/{duty.aws.cast.tenant.slug}/databases/{old.id}/",
    )
    for address, offer in ((page, "/remove/"), (f"{page}remove/", 'name="token"')):
        shown = client.get(address).content.decode()
        assert ("以前の決まりで付けられた名前" in shown, offer in shown) == (True, False), address
    with tenant_scope(duty.aws.cast.tenant.id):
        parameters = database_removals.parameters_of(old, before)
        target = target_of_database(old)
    confirm(
        duty,
        entry.enter("rds.remove", target, parameters, actor=operator, now=duty.clock(), reason="x"),
        Role.APPROVER,
    )
    work(duty)
    assert outcome(duty, "rds.remove")[1] == "name_of_before", "also what was entered before the upgrade"
    assert duty.sent("DeleteDBInstance") == []
