"""What a rotation of certificates leaves alone: other changes that wait, what people and schedules want by then, and others' memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.domain.permissions import Role
from infra.operations import rotating
from infra.operations.expiring import tell_of_ends
from infra.operations.memory import keep_word
from infra.queries.rotations import campaign
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import Round, get_kind
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_rotating import (
    NEW,
    OLD,
    begun,
    calls,
    confirm,
    entered,
    left,
    rotation,
    seeded,
    work,
)
from tests.simulated import ask


def test_a_start_that_takes_hours_still_ends_with_the_database_stopped(duty: Duty) -> None:
    seeded(duty, state="stopped")
    begun(duty)
    ask("delays", {"account": duty.aws.number, "rds_start": 14400})
    work(duty, 2)
    duty.clock.pass_(hours=4)
    work(duty, 2)
    assert rotation(duty).state == "CONFIRMED"  # it goes on: what was started is nobody else's to stop
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert left(duty) == ("stopped", OLD)
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "window_over")


def ordered_on(duty: Duty) -> None:
    duty.order("rds.start", "karte")
    duty.work()


def scheduled_on(duty: Duty) -> None:
    duty.clock.pass_(minutes=31)  # AutoStart is over
    duty.tick()
    duty.work()


@pytest.mark.parametrize("on", [ordered_on, scheduled_on], ids=["a person", "its schedule"])
def test_one_that_somebody_wants_to_run_by_then_is_left_on_and_that_is_said(
    duty: Duty, on: Callable[[Duty], None]
) -> None:
    """08:30 is when it begins; its own start falls into the window and finds it running already."""
    seeded(duty, engine="oracle-se2", state="stopped", tags={"AutoStart": "10:00", "AutoStop": "20:00"})
    begun(duty)
    work(duty, 2)
    on(duty)
    [start] = duty.operations(kind="rds.start")
    assert start.outcome == "already"
    work(duty)
    assert left(duty) == ("available", NEW)
    assert rotation(duty).outcome == "rotated_unseen"
    assert rotation(duty).outcome_detail["also"] == "rotation_left_on"
    assert "StopDBInstance" not in calls(duty)


def test_other_changes_that_wait_in_aws_are_never_applied_with_a_certificate(duty: Duty) -> None:
    seeded(duty, state="available")
    campaign = entered(duty)
    rds = duty.console("rds")
    rds.modify_db_instance(DBInstanceIdentifier="karte", DBInstanceClass="db.r6g.large")
    confirm(duty, campaign)
    duty.clock.pass_(hours=1)
    duty.look()
    work(duty)
    assert calls(duty) == ["ModifyDBInstance"]  # the customer's own
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "pending_changes")
    assert rotation(duty).outcome_detail["pending"] == "DBInstanceClass"
    duty.clock.pass_(hours=4)
    with pytest.raises(Refused) as refused:
        entered(duty)
    assert (refused.value.code, refused.value.params["target"]) == (
        "pending_changes",
        "karte (DBInstanceClass)",
    )


def test_a_change_that_waits_to_switch_something_off_is_one_too(duty: Duty) -> None:
    """Backups that end are told as 0, and an end of Multi-AZ as false."""
    seeded(duty, state="available", multi_az=True)
    rds = duty.console("rds")
    rds.modify_db_instance(DBInstanceIdentifier="karte", BackupRetentionPeriod=0, MultiAZ=False)
    duty.look()
    with pytest.raises(Refused) as refused:
        entered(duty)
    assert (refused.value.code, refused.value.params["target"]) == (
        "pending_changes",
        "karte (BackupRetentionPeriod, MultiAZ)",
    )


def test_one_whose_other_changes_are_seen_once_it_has_started_is_stopped_again(duty: Duty) -> None:
    seeded(duty, state="stopped")
    begun(duty)
    work(duty, 1)
    duty.console("rds").modify_db_instance(DBInstanceIdentifier="karte", DBInstanceClass="db.r6g.large")
    work(duty)
    assert left(duty) == ("stopped", OLD)
    assert rotation(duty).outcome == "pending_changes"


@pytest.mark.fault
def test_that_one_was_stopped_before_and_runs_now_is_said_where_aws_does_not_stop_it_again(
    duty: Duty,
) -> None:
    seeded(duty, engine="oracle-se2", state="stopped")
    begun(duty)
    duty.aws.fault(match={"action": "StopDBInstance"}, code="AccessDenied", status=403)
    work(duty)
    duty.look()
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "permission")
    with tenant_scope(duty.aws.cast.tenant.id):
        sheet = campaign(UUID(rotation(duty).parameters["campaign"]), actor=duty.aws.cast.actor(Role.VIEWER))
    [line] = sheet.waves[0].lines
    assert line.left_running


def test_the_word_of_an_end_that_is_told_meanwhile_and_how_it_was_found_are_both_kept(
    duty: Duty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inventory tells of the end between the rotation's own look at the row and its writing there."""
    soon = datetime.now(UTC) + timedelta(days=5)
    seeded(duty, state="stopped", certificate_until=soon.isoformat())
    begun(duty)
    executor = get_kind(rotating.KIND).executor
    assert executor is not None
    check = executor.check

    def late(plan: Any, operations: Sequence[Operation], now: datetime) -> Round:
        with tenant_scope(duty.aws.cast.tenant.id):
            keep_word(plan.rows[operations[0].id].id, "told", {"until": "2030-01-01", "mark": 1})
        return check(plan, operations, now)

    with monkeypatch.context() as patch:
        patch.setattr(executor, "check", late)
        work(duty, 1)
    memory = duty.resource("karte").memory
    assert (memory["told"]["mark"], memory["rotation"]["found"]) == (1, "stopped")


def test_telling_of_an_end_keeps_what_a_rotation_wrote_meanwhile(duty: Duty) -> None:
    ends = duty.clock() + timedelta(days=40)
    seeded(duty, state="stopped", ca=NEW, certificate_until=ends.isoformat())
    duty.clock.pass_(days=20)
    pk, found = duty.resource("karte").id, {"operation": "x", "found": "stopped"}

    written: list[str] = []

    def meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('UPDATE "infra_resource"') and not written:
            written.append(sql)
            keep_word(pk, "rotation", found)
        return execute(sql, params, many, context)

    tenant = duty.aws.cast.tenant.id
    with duty.as_role("worker"), tenant_scope(tenant), connection.execute_wrapper(meanwhile):
        told = tell_of_ends(
            duty.aws.region, actor=system_actor(duty.aws.cast.tenant.id, "x"), now=duty.clock()
        )
    memory = duty.resource("karte").memory
    assert told == 1
    assert (memory["rotation"], "told" in memory) == (found, True)
