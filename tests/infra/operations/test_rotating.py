"""A campaign of certificates: two people confirm it, the clock begins it in its window, and each database is left as it was.

moto knows neither certificate authorities nor engine versions and changes stopped databases; config/simulator/certificates.py
answers as AWS documents it. The handshake is a real one, with a server of ours at the address that AWS shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.operations import campaigns, rotating
from infra.operations.campaigns import Wave
from infra.operations.database_rounds import LANE_CLASS
from infra.queries.rotations import planning
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.kinds import Round, get_kind
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.execution import drain_lane
from medical_audit.tenancy import tenant_scope
from tests.catalogue import Database
from tests.factories import proof
from tests.infra.operations.duty import Duty
from tests.infra.tls_server import serving
from tests.simulated import ask

OLD, NEW = "rds-ca-2019", "rds-ca-rsa2048-g1"
STEPS = ("StartDBInstance", "ModifyDBInstance", "StopDBInstance")


@pytest.fixture
def door() -> Iterator[int]:
    """The certificate that the simulator gives at a change holds for a year from then."""
    with serving("mysql", datetime.now(UTC) + timedelta(days=365)) as port:
        yield port


def seeded(duty: Duty, *, door: int = 0, **fields: Any) -> None:
    values = {"id": "karte", "ca": OLD, "address": "127.0.0.1", "port": door or 1, **fields}
    duty.aws.seed(databases=[values])
    duty.look()


def entered(duty: Duty, *, ca: str = NEW, in_hours: float = 1, hours: float = 4) -> Operation:
    begins = duty.clock() + timedelta(hours=in_hours)
    wave = Wave(begins, begins + timedelta(hours=hours), (duty.resource("karte").id,))
    operator = duty.aws.cast.actor(Role.OPERATOR)
    return campaigns.enter_campaign(ca, [wave], actor=operator, now=duty.clock(), reason="期限の前に #7")


def confirm(duty: Duty, one: Operation, role: Role = Role.APPROVER) -> None:
    who = duty.aws.cast.actor(role)
    entry.confirm(one.id, actor=who, now=duty.clock(), seen_digest=one.digest, proof=proof(who, duty.clock()))


def begun(duty: Duty, **more: Any) -> None:
    """A confirmed campaign, at the beginning of its window."""
    confirm(duty, entered(duty, **more))
    duty.clock.pass_(hours=1)
    duty.look()


def work(duty: Duty, rounds: int = 8) -> None:
    lane = f"{duty.aws.lane}/{LANE_CLASS}"
    for _ in range(rounds):
        with duty.as_role("worker"):
            drain_lane(duty.aws.cast.tenant.id, lane, worker="test", clock=duty.clock)
        duty.clock.pass_(seconds=61)


def calls(duty: Duty) -> list[str]:
    return [one["action"] for one in duty._journal("") if one["action"] in STEPS]


def rotation(duty: Duty) -> Operation:
    [one] = duty.operations(kind=rotating.KIND)
    return one


def ca_of(duty: Duty) -> str:
    [one] = duty.console("rds").describe_db_instances()["DBInstances"]
    return str(one["CACertificateIdentifier"])


def left(duty: Duty) -> tuple[str, str]:
    return duty.aws.states()["rds"]["karte"], ca_of(duty)


def test_a_stopped_one_is_started_changed_looked_at_and_stopped_again(duty: Duty, door: int) -> None:
    seeded(duty, door=door, state="stopped")
    begun(duty)
    work(duty)
    assert calls(duty) == list(STEPS)
    assert left(duty) == ("stopped", NEW)
    one = rotation(duty)
    assert (one.state, one.outcome) == ("SUCCEEDED", "rotated")
    assert one.outcome_detail["found"] == "stopped"
    assert (one.confirmed_by_name, one.authority["source"]) == (
        duty.aws.cast.people[Role.APPROVER].name, "rotation",
    )  # fmt: skip
    steps = [
        event["detail"]["detail"].get("step")
        for event in duty.events("operation.called")
        if "detail" in event["detail"]
    ]
    assert [step for step in steps if step] == ["start", "modify", "stop"]
    assert duty.resource("karte").facts["ca"] == NEW
    assert "rotation" not in duty.resource("karte").memory


def test_one_that_runs_is_only_changed(duty: Duty, door: int) -> None:
    seeded(duty, door=door)
    begun(duty)
    work(duty)
    assert calls(duty) == ["ModifyDBInstance"]
    assert left(duty) == ("available", NEW)
    assert rotation(duty).outcome == "rotated"


def test_where_no_handshake_is_possible_that_is_said(duty: Duty) -> None:
    seeded(duty, engine="oracle-se2")
    begun(duty)
    work(duty)
    assert (rotation(duty).state, rotation(duty).outcome) == ("SUCCEEDED", "rotated_unseen")


def test_a_database_that_still_shows_its_old_certificate_is_no_success(duty: Duty) -> None:
    with serving("mysql", datetime.now(UTC) + timedelta(days=20)) as port:
        seeded(duty, door=port, state="stopped")
        begun(duty)
        work(duty, 30)
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "certificate_not_presented")
    assert left(duty) == ("stopped", NEW)  # put back as it was found all the same


@pytest.mark.fault
@pytest.mark.parametrize("action", STEPS)
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_that_was_lost_at_any_step_doubles_and_forgets_nothing(
    duty: Duty, settings: Settings, door: int, action: str, done: bool
) -> None:
    seeded(duty, door=door, state="stopped")
    settings.AWS_READ_TIMEOUT_S = 1.0
    lost = {"apply_then_lose": True} if done else {"code": "InternalError", "status": 500}
    begun(duty)
    duty.aws.fault(match={"action": action}, times=1, **lost)
    work(duty, 12)
    assert left(duty) == ("stopped", NEW)
    assert rotation(duty).outcome == "rotated"
    assert duty.effects("karte").count(action) == 1


class _Killed(BaseException):
    """Stands for SIGKILL: nothing of ours is written after it."""


@pytest.mark.parametrize("step", ["start", "modify", "stop"])
def test_a_worker_that_dies_between_a_call_and_its_record_doubles_and_forgets_nothing(
    duty: Duty, settings: Settings, door: int, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(duty, door=door, state="stopped")
    begun(duty)
    executor = get_kind(rotating.KIND).executor
    assert executor is not None
    call = executor.call

    def dying(plan: Any, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        answered = call(plan, operations, still_ours)
        if operations[0].outcome_detail["step"] == step:
            raise _Killed
        return answered

    with monkeypatch.context() as patch:
        patch.setattr(executor, "call", dying)
        with pytest.raises(_Killed):
            work(duty)
    assert rotation(duty).state == "RUNNING"
    assert duty.resource("karte").memory["rotation"]["found"] == "stopped"
    duty.clock.pass_(seconds=settings.LEASE_S + 1)
    work(duty)
    assert left(duty) == ("stopped", NEW)
    assert (rotation(duty).state, rotation(duty).outcome) == ("SUCCEEDED", "rotated")
    assert calls(duty) == list(STEPS)


@pytest.mark.fault
def test_a_change_that_aws_refuses_ends_with_the_database_as_it_was(duty: Duty) -> None:
    seeded(duty, state="stopped")
    begun(duty)
    duty.aws.fault(match={"action": "ModifyDBInstance"}, code="AccessDenied", status=403)
    work(duty)
    assert left(duty) == ("stopped", OLD)
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "permission")
    assert calls(duty) == list(STEPS)


def test_nothing_is_changed_after_the_window_and_what_was_started_is_stopped(duty: Duty) -> None:
    seeded(duty, state="stopped")
    begun(duty, hours=1)
    ask("delays", {"account": duty.aws.number, "rds_start": 9000})
    work(duty, 2)
    duty.clock.pass_(hours=2)
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert left(duty) == ("stopped", OLD)
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "window_over")
    assert "ModifyDBInstance" not in calls(duty)


def test_a_wave_that_nobody_began_is_missed_and_said(duty: Duty) -> None:
    seeded(duty)
    confirm(duty, entered(duty, hours=1))
    duty.clock.pass_(hours=5)
    duty.look()
    work(duty, 1)
    assert (rotation(duty).state, rotation(duty).outcome) == ("MISSED", "window_over")
    assert calls(duty) == []


def test_it_begins_in_its_window_and_with_a_second_person_only(duty: Duty) -> None:
    seeded(duty)
    one = entered(duty)
    with pytest.raises(NotPermitted):
        confirm(duty, one, Role.OPERATOR)
    duty.clock.pass_(hours=1)
    duty.look()
    assert duty.operations(kind=rotating.KIND) == []
    confirm(duty, one)
    duty.look()
    assert len(duty.operations(kind=rotating.KIND)) == 1
    duty.look()
    assert len(duty.operations(kind=rotating.KIND)) == 1


def test_an_ended_campaign_begins_nothing_more(duty: Duty) -> None:
    seeded(duty)
    campaign = entered(duty)
    confirm(duty, campaign)
    operator = duty.aws.cast.actor(Role.OPERATOR)
    end = campaigns.enter_end(campaign.id, actor=operator, now=duty.clock(), reason="延期")
    confirm(duty, end, Role.OPERATOR)
    duty.clock.pass_(hours=1)
    duty.look()
    assert duty.operations(kind=rotating.KIND) == []
    entered(duty)  # and its databases are free for another


@pytest.mark.parametrize(
    ("fields", "more", "code"),
    [
        ({"ca": NEW}, {}, "ca_already"),
        ({"tags": {"Toban": "never"}}, {}, "never_touch"),
        ({}, {"ca": "rds-ca-2019"}, "ca_unknown"),
        ({}, {"hours": 0.25}, "window_short"),
        ({}, {"in_hours": -2}, "window_past"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_entered(
    duty: Duty, fields: dict[str, Any], more: dict[str, Any], code: str
) -> None:
    seeded(duty, **fields)
    with pytest.raises(Refused) as refused:
        entered(duty, **more)
    assert refused.value.code == code


def test_what_says_by_then_that_it_is_never_to_be_touched_is_left_alone(duty: Duty) -> None:
    seeded(duty)
    begun(duty)
    rds = duty.console("rds")
    arn = rds.describe_db_instances(DBInstanceIdentifier="karte")["DBInstances"][0]["DBInstanceArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "Toban", "Value": "never"}])
    work(duty)
    assert calls(duty) == []
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "never_touch")


@pytest.mark.fault
def test_without_aws_word_on_certificates_none_is_planned(duty: Duty) -> None:
    duty.aws.fault(match={"action": "DescribeCertificates"}, code="AccessDenied", status=403)
    seeded(duty)
    with pytest.raises(Refused) as refused:
        entered(duty)
    assert refused.value.code == "certificates_unread"


def test_where_certificates_are_not_in_force_nothing_is_started_and_no_campaign_planned(
    duty: Duty, superuser_connection: Database
) -> None:
    """Databases are started and stopped there, so that only the change itself would have been refused."""
    seeded(duty, state="stopped")
    duty.does("databases", "certificates")
    begun(duty)
    superuser_connection.execute(
        "UPDATE infra_accountsetup SET in_force = %s WHERE registered_id = %s",
        ['["databases"]', duty.aws.row.id],
    )
    work(duty, 2)
    assert calls(duty) == []
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "feature_off")
    with pytest.raises(Refused, match="feature_off"):
        entered(duty)
    with tenant_scope(duty.aws.cast.tenant.id):
        [candidate] = planning(NEW, {}, actor=duty.aws.cast.actor(Role.OPERATOR)).candidates
    assert candidate.refusal == "feature_off"


def test_a_database_belongs_to_one_campaign_at_a_time(duty: Duty) -> None:
    seeded(duty)
    entered(duty)
    with pytest.raises(Refused) as refused:
        entered(duty)
    assert refused.value.code == "rotation_planned"


def test_what_people_saw_of_its_clients_stands_in_the_ledger(duty: Duty) -> None:
    seeded(duty)
    campaign = entered(duty)
    who, database = duty.aws.cast.actor(Role.OPERATOR), str(duty.resource("karte").id)
    campaigns.tick_check(campaign.id, database, "application", actor=who, now=duty.clock(), note="受付で確認")
    [event] = duty.events("resource.client_checked")
    assert event["detail"]["check"] == "application"
    with pytest.raises(NotPermitted):
        campaigns.tick_check(
            campaign.id, database, "client", actor=duty.aws.cast.actor(Role.VIEWER), now=duty.clock()
        )


def test_where_aws_renews_nothing_by_itself_the_same_authority_gives_a_new_certificate(duty: Duty) -> None:
    """moto knows no maintenance actions; config/simulator/certificates.py plans a renewal as AWS does for such engines."""
    soon = datetime.now(UTC) + timedelta(days=60)
    seeded(duty, engine="mariadb", ca=NEW, certificate_until=soon.isoformat())
    begun(duty)
    work(duty)
    one = rotation(duty)
    assert (one.state, one.outcome) == ("SUCCEEDED", "rotated_unseen")
    assert [entry["action"] for entry in duty._journal("")].count("ApplyPendingMaintenanceAction") == 1
    assert calls(duty) == []
    until = datetime.fromisoformat(duty.resource("karte").facts["certificate_until"])
    assert until > soon


def test_without_a_planned_renewal_nothing_is_done_and_it_says_so(duty: Duty) -> None:
    seeded(
        duty,
        engine="mariadb",
        ca=NEW,
        certificate_until=(datetime.now(UTC) + timedelta(days=300)).isoformat(),
    )
    begun(duty)
    work(duty)
    assert (rotation(duty).state, rotation(duty).outcome) == ("FAILED", "no_renewal_planned")
