"""An account that is only observed is changed by nobody: not by its schedules, and not by hand, neither at the entry nor at the call."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.domain.schedule import Action
from infra.operations.by_hand import enter_by_hand, preview
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import Kind, OperationTarget, all_kinds
from medical_audit.tenancy import tenant_scope
from tests.api.test_v1 import send
from tests.catalogue import Database
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, Cast
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_database_restores import restored, snapshot
from tests.infra.operations.test_snapshotting import work
from tests.simulated import Account, Clock, make_account
from tests.stage import make_stage


@pytest.fixture
def observed(cast: Cast, as_role: AsRole) -> Duty:
    return Duty(make_account(cast, on=False), Clock(MONDAY_0830), as_role)


def running(duty: Duty) -> str:
    (one,) = duty.aws.seed(instances=[{"tags": {"Name": "電子カルテ"}, "state": "running"}])["instances"]
    duty.look()
    return str(one)


OF_TAGS = ("ebs.tag", "snapshot.tag", "tagging.undo")


def changing_kinds() -> list[Kind]:
    """Those of ours that call AWS."""
    return [
        kind
        for kind in all_kinds()
        if kind.executor is not None and type(kind.executor).__module__.startswith("infra.")
    ]


def changing(aws: Account) -> list[str]:
    looks = ("Describe", "Assume", "List", "Get")
    return [action for action in aws.calls() if not action.partition(".")[2].startswith(looks)]


def test_nothing_is_entered_by_hand_before_the_automation_was_switched_on(observed: Duty) -> None:
    one = running(observed)
    cast, now = observed.aws.cast, observed.clock()
    operator, row = cast.actor(Role.OPERATOR), observed.resource(one)
    with tenant_scope(operator.tenant_id):
        (refused,) = preview(Action.STOP, [row.id], actor=operator, now=now).refused
        assert refused.refusal == "only_observed"
    for enter in (
        lambda: enter_by_hand(Action.STOP, [row.id], actor=operator, now=now, reason="x", token=""),
        lambda: observed.order("ec2.stop", one),
    ):
        with pytest.raises(Refused, match="only_observed"):
            enter()
    assert changing(observed.aws) == []
    observed.switch("on")
    observed.order("ec2.stop", one)
    observed.work_for(rounds=2, seconds=10)
    assert observed.outcomes()[one] == ("SUCCEEDED", "reached")


def test_each_kind_that_changes_something_at_aws_asks(observed: Duty) -> None:
    with tenant_scope(observed.aws.cast.tenant.id):
        place = OperationTarget("x", "x", "x", observed.aws.lane)
        asked = {kind.name: kind.refusal(place, {}) for kind in changing_kinds()}
    assert len(asked) > 20
    others = {name: code for name, code in asked.items() if code != "only_observed"}
    assert others == {"reach.close": None}, "what stands open is closed everywhere"


def test_a_restore_for_a_while_whose_removal_cannot_be_asked_for_costs_no_look(
    duty: Duty, superuser_connection: Database
) -> None:
    """Made before Toban asked whether an account is only observed; then, of a row that can be entered for no other reason."""
    restored(duty, snapshot(duty), until=duty.clock() + timedelta(days=2))
    work(duty)
    duty.look()
    duty.clock.pass_(days=3)
    for change in (
        "UPDATE infra_awsaccount SET automation = 'observe', automation_confirmed_at = NULL WHERE id = %(account)s",
        "UPDATE infra_awsaccount SET automation = 'on' WHERE id = %(account)s; UPDATE medical_audit_operation SET reason = '' WHERE kind = 'rds.restore'",
    ):
        with superuser_connection.transaction():
            superuser_connection.execute("SET LOCAL session_replication_role = replica")
            for statement in change.split(";"):
                superuser_connection.execute(statement, {"account": duty.aws.row.id})
        assert duty.look().problem == ""
        assert duty.operations(kind="rds.remove") == []


def test_what_was_entered_and_confirmed_all_the_same_is_never_sent(
    observed: Duty, superuser_connection: Database
) -> None:
    """As of a Toban that did not ask, or with a row that somebody changed in the database."""
    one = running(observed)
    observed.switch("on")
    observed.order("ec2.stop", one)
    with superuser_connection.transaction():
        superuser_connection.execute("SET LOCAL session_replication_role = replica")
        superuser_connection.execute(
            "UPDATE infra_awsaccount SET automation = 'observe', automation_confirmed_at = NULL WHERE id = %s",
            [observed.aws.row.id],
        )
    observed.work_for(rounds=1, seconds=10)
    assert observed.outcomes()[one] == ("FAILED", "only_observed")
    assert changing(observed.aws) == []


def test_where_only_the_clock_was_switched_off_again_people_go_on_by_hand(observed: Duty) -> None:
    one = running(observed)
    observed.switch("on")
    observed.switch("observe")
    observed.order("ec2.stop", one)
    observed.work_for(rounds=2, seconds=10)
    assert observed.outcomes()[one] == ("SUCCEEDED", "reached")


def test_the_page_and_the_api_say_why_and_where_it_is_switched_on(cast: Cast) -> None:
    stage = make_stage(cast, automation=False)
    row, volume = stage.resource(state="running"), stage.volumes(1, state="available")[0]
    client = stage.client(Role.OPERATOR)
    account = stage.url(f"accounts/{stage.account.id}/")
    page = client.get(stage.url(f"resources/{row.id}/"))
    assert {button.refusal for button in page.context["buttons"]} == {"only_observed"}
    assert account in page.content.decode()
    assert (
        account in stage.client(Role.ADMINISTRATOR).get(stage.url(f"volumes/{volume.id}/")).content.decode()
    )
    told = send(
        client, stage.api("operations/"), {"kind": "ec2.stop", "resource": str(row.id), "reason": "x"}
    )
    assert (told.status_code, told.json()["code"]) == (422, "only_observed")


def test_what_belongs_to_no_feature_in_force_is_neither_offered_nor_entered(duty: Duty) -> None:
    one = running(duty)
    duty.does("tags")
    place = OperationTarget("x", "x", "x", duty.aws.lane, {})
    with tenant_scope(duty.aws.cast.tenant.id):
        asked = {kind.name: kind.refusal(place, {}) for kind in changing_kinds() if kind.name not in OF_TAGS}
    others = {name: code for name, code in asked.items() if code != "feature_off"}
    assert others == {"reach.close": None}, "what stands open is closed everywhere"
    operator = duty.aws.cast.actor(Role.OPERATOR)
    with tenant_scope(operator.tenant_id):
        (refused,) = preview(Action.STOP, [duty.resource(one).id], actor=operator, now=duty.clock()).refused
    assert refused.refusal == "feature_off"
    with pytest.raises(Refused, match="feature_off"):
        duty.order("ec2.stop", one)
