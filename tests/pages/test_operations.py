"""An operation from the form to the running server, with the people who may and who may not."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.domain.permissions import Role
from infra.models import Resource
from infra.operations.automation import target_of_account
from medical_audit import clock
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import PASSWORD
from tests.simulated import Account, Clock
from tests.stage import Stage, signed_in

REASON = "夜間の緊急検査のため起動する (#123)"


def hidden(page: Any, name: str) -> list[str]:
    """Values of the hidden fields of a form."""
    return re.findall(rf'<input type="hidden"\s+name="{name}"\s+value="([^"]*)"', page.content.decode())


def form_of(page: Any, **typed: str) -> dict[str, Any]:
    """What the browser would send from the page of an entry."""
    return {name: hidden(page, name) for name in ("action", "token", "ids", "seen")} | {
        "reason": REASON,
        **typed,
    }


def enter(client: Client, stage: Stage, *rows: Resource, action: str = "start", **typed: str) -> Any:
    url = stage.url("operations/enter/")
    page = client.get(url, {"action": action, "ids": [str(row.id) for row in rows]})
    return client.post(url, form_of(page, then="enter", **typed))


def operations(stage: Stage) -> list[Operation]:
    with tenant_scope(stage.cast.tenant.id):
        return list(Operation.objects.order_by("entered_at"))


def story(stage: Stage, operation: Operation) -> list[str]:
    with tenant_scope(stage.cast.tenant.id):
        return list(
            Event.objects.filter(operation_id=str(operation.id))
            .order_by("ord")
            .values_list("kind", flat=True)
        )


def test_an_operator_enters_and_confirms_a_start_and_watches_the_server_come_up(
    aws: Account, as_role: AsRole
) -> None:
    now = Clock(clock.now())
    (aws_id,) = aws.seed(instances=[{"state": "stopped", "tags": {"Name": "検査サーバー"}}])["instances"]
    with as_role("worker"):
        aws.inventory(now)
    with tenant_scope(aws.cast.tenant.id):
        resource = Resource.objects.select_related("account").get(aws_id=aws_id)
    stage = Stage(aws.cast, aws.row)
    client = stage.client(Role.OPERATOR)

    sheet = client.get(stage.url("operations/enter/"), {"action": "start", "ids": str(resource.id)})
    assert "ec2:StartInstances" in sheet.content.decode()
    assert "検査サーバー" in sheet.content.decode()
    entered = enter(client, stage, resource)
    (operation,) = operations_of_people(stage)
    assert entered["Location"] == stage.url(f"operations/{operation.id}/")
    assert operation.state == State.ENTERED
    assert aws.states()["ec2"][aws_id] == "stopped"

    page = client.get(entered["Location"])
    assert operation.digest in page.content.decode()
    wrong = client.post(
        f"{entered['Location']}confirm/", {"digest": operation.digest, "password": "not mine"}
    )
    assert wrong.status_code == 422
    assert wrong.context["confirm_form"].errors["password"]
    right = client.post(f"{entered['Location']}confirm/", {"digest": operation.digest, "password": PASSWORD})
    assert right["Location"] == entered["Location"]

    now.now = clock.now()
    with as_role("worker"):
        assert aws.drain(now) == 1
        now.pass_(seconds=10)
        aws.drain(now)
    assert aws.states()["ec2"][aws_id] == "running"
    live = client.get(entered["Location"], {"part": "live", "seen": "CONFIRMED"}).content.decode()
    assert "<html" not in live
    assert "完了" in live
    assert 'id="operation-actions"' in live
    assert story(stage, operation) == [
        "operation.entered", "operation.confirmed", "operation.called", "operation.accepted", "operation.succeeded",
    ]  # fmt: skip
    with tenant_scope(stage.cast.tenant.id):
        assert Event.objects.filter(kind="session.reauthentication_failed").count() == 1
    detail = client.get(stage.url(f"resources/{resource.id}/")).content.decode()
    assert "operator" in detail


def operations_of_people(stage: Stage) -> list[Operation]:
    return [one for one in operations(stage) if one.kind != "account.automation"]


def test_enter_and_confirm_in_one_step_asks_for_the_password(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    url = stage.url("operations/enter/")
    page = client.get(url, {"action": "start", "ids": str(row.id)})
    assert client.post(url, form_of(page, then="confirm")).status_code == 422
    assert client.post(url, form_of(page, then="confirm", password="wrong")).status_code == 422
    assert operations(stage) == []
    answer = client.post(url, form_of(page, then="confirm", password=PASSWORD))
    (operation,) = operations(stage)
    assert answer["Location"] == stage.url(f"operations/{operation.id}/")
    assert (operation.state, operation.confirmed_by_name, operation.reason) == (
        State.CONFIRMED,
        "operator",
        REASON,
    )


def test_what_is_confirmed_at_once_must_be_what_was_shown(stage: Stage, as_role: AsRole) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    url = stage.url("operations/enter/")
    page = client.get(url, {"action": "start", "ids": str(row.id)})
    with as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Resource.objects.filter(id=row.id).update(name="another-name")
    answer = client.post(url, form_of(page, then="confirm", password=PASSWORD))
    assert answer.status_code == 409
    assert operations(stage) == []


def test_a_double_click_enters_once_and_shows_the_first_ones_operation(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    url = stage.url("operations/enter/")
    sent = form_of(client.get(url, {"action": "start", "ids": str(row.id)}), then="enter")
    answers = [client.post(url, sent) for _click in range(2)]
    (operation,) = operations(stage)
    assert {answer["Location"] for answer in answers} == {stage.url(f"operations/{operation.id}/")}


def test_a_form_that_comes_back_with_other_content_is_refused(stage: Stage) -> None:
    """Answering it with the first one's operation would say that something was entered which was not."""
    client, (row, other, running) = (
        stage.client(Role.OPERATOR),
        [*stage.resources(2), stage.resource(state="running")],
    )
    url = stage.url("operations/enter/")
    sent = form_of(client.get(url, {"action": "start", "ids": [str(row.id)]}), then="enter")
    assert client.post(url, sent).status_code == 302
    for change in (
        {"ids": [str(other.id)]},
        {"ids": [str(row.id), str(other.id)]},
        {"reason": "別の理由"},
        {"ids": [str(running.id)], "action": "stop"},
    ):
        answer = client.post(url, sent | change)
        assert answer.status_code == 409, change
        assert "この画面からはすでに別の内容で登録されています。" in answer.content.decode()
    (operation,) = operations(stage)
    assert operation.target_id == str(row.id)


def test_a_form_for_many_that_comes_back_for_fewer_is_refused(stage: Stage) -> None:
    client, rows = stage.client(Role.OPERATOR), stage.resources(3)
    url = stage.url("operations/enter/")
    sent = form_of(client.get(url, {"action": "start", "ids": [str(row.id) for row in rows]}), then="enter")
    assert client.post(url, sent).status_code == 302
    assert client.post(url, sent | {"ids": [str(rows[0].id)]}).status_code == 409
    assert len(operations(stage)) == 3


@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_chosen_is_said_in_words(method: str, stage: Stage) -> None:
    client, url = stage.client(Role.OPERATOR), stage.url("operations/enter/")
    sent = {"action": "start", "reason": REASON, "token": "0" * 32, "then": "enter"}
    answer = getattr(client, method)(url, sent)
    assert answer.status_code == 422
    assert "何も選択されていません。" in answer.content.decode()
    assert operations(stage) == []


def test_two_clicks_at_the_very_same_moment_enter_once(stage: Stage) -> None:
    row = stage.resource()
    url = stage.url("operations/enter/")
    clients = [stage.client(Role.OPERATOR) for _click in range(4)]
    sent = form_of(
        clients[0].get(url, {"action": "start", "ids": str(row.id)}), then="confirm", password=PASSWORD
    )
    together = Barrier(len(clients))

    def click(client: Client) -> str:
        together.wait()
        try:
            return str(client.post(url, sent)["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        goals = set(pool.map(click, clients))
    (operation,) = operations(stage)
    assert goals == {stage.url(f"operations/{operation.id}/")}
    assert operation.state == State.CONFIRMED
    assert story(stage, operation) == ["operation.entered", "operation.confirmed"]


def test_many_are_entered_at_once_and_those_already_so_are_left_out(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    stopped, running, database = (
        stage.resources(3),
        stage.resource(state="running"),
        stage.resource(kind="rds"),
    )
    rows = [*stopped, running, database]
    url = stage.url("operations/enter/")
    page = client.get(url, {"action": "start", "ids": [str(row.id) for row in rows]})
    assert [(group.kind, len(group.resources)) for group in page.context["groups"]] == [
        ("ec2.start", 3),
        ("rds.start", 1),
    ]
    assert [(one.resource.id, one.refusal) for one in page.context["refused"]] == [
        (running.id, "already_running")
    ]
    answer = client.post(url, form_of(page, then="enter"))
    assert answer["Location"] == f"{stage.url('operations/')}?mine=yes"
    assert sorted(one.kind for one in operations(stage)) == ["ec2.start"] * 3 + ["rds.start"]


def test_without_a_reason_nothing_is_entered_and_what_was_typed_is_kept(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    answer = enter(client, stage, row, reason="   ")
    assert answer.status_code == 422
    assert answer.context["form"].errors["reason"]
    assert operations(stage) == []


def test_a_second_start_waits_for_the_end_of_the_first(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    enter(client, stage, row)
    page = client.get(stage.url("operations/enter/"), {"action": "start", "ids": str(row.id)})
    assert [one.refusal for one in page.context["refused"]] == ["operation_open"]


def test_a_stale_digest_is_refused(stage: Stage) -> None:
    operation = stage.entered()
    client = stage.client(Role.OPERATOR)
    url = stage.url(f"operations/{operation.id}/confirm/")
    assert client.post(url, {"digest": "0" * 64, "password": PASSWORD}).status_code == 409
    assert client.post(url, {"password": PASSWORD}).status_code == 409
    assert [one.state for one in operations(stage)] == [State.ENTERED]


def test_a_second_confirmation_is_told_that_somebody_was_first(stage: Stage) -> None:
    operation = stage.entered()
    url, sent = (
        stage.url(f"operations/{operation.id}/confirm/"),
        {"digest": operation.digest, "password": PASSWORD},
    )
    assert stage.client(Role.OPERATOR).post(url, sent).status_code == 302
    assert stage.client(Role.APPROVER).post(url, sent).status_code == 409


def test_the_automation_of_an_account_needs_another_person(stage: Stage) -> None:
    cast = stage.cast
    with tenant_scope(cast.tenant.id):
        operation = entry.enter(
            "account.automation", target_of_account(stage.account), {"mode": "observe"},
            actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason=REASON,
        )  # fmt: skip
    url, sent = stage.url(f"operations/{operation.id}/"), {"digest": operation.digest, "password": PASSWORD}
    enterer = stage.client(Role.ADMINISTRATOR)
    assert not enterer.get(url).context["may"].confirm
    assert enterer.post(f"{url}confirm/", sent).status_code == 403
    assert stage.client(Role.OPERATOR).post(f"{url}confirm/", sent).status_code == 403
    approver = stage.client(Role.APPROVER)
    assert [one.id for one in approver.get(stage.url()).context["waiting"]] == [operation.id]
    assert approver.post(f"{url}confirm/", sent).status_code == 302
    assert [one.state for one in operations(stage)] == [State.SUCCEEDED]
    with tenant_scope(cast.tenant.id):
        stage.account.refresh_from_db()
    assert stage.account.automation == "observe"


def test_an_approver_rejects_with_a_reason_that_stands_in_the_ledger(stage: Stage) -> None:
    operation = stage.entered()
    approver, url = stage.client(Role.APPROVER), stage.url(f"operations/{operation.id}/reject/")
    assert approver.post(url, {"reason": ""}).status_code == 422
    assert approver.post(url, {"reason": "対象が違います"}).status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        assert "対象が違います" in Event.objects.get(kind="operation.rejected").body
    assert [one.state for one in operations(stage)] == [State.REJECTED]


def test_only_the_enterer_takes_his_entry_back(stage: Stage) -> None:
    operation = stage.entered()
    url = stage.url(f"operations/{operation.id}/withdraw/")
    assert stage.client(Role.APPROVER).post(url).status_code == 403
    assert stage.client(Role.OPERATOR).post(url).status_code == 302
    assert [one.state for one in operations(stage)] == [State.WITHDRAWN]


def test_a_confirmed_operation_can_be_cancelled_with_a_reason(stage: Stage) -> None:
    operation = stage.entered()
    client, url = stage.client(Role.OPERATOR), stage.url(f"operations/{operation.id}/")
    client.post(f"{url}confirm/", {"digest": operation.digest, "password": PASSWORD})
    assert client.get(url).context["may"].cancel
    assert client.post(f"{url}cancel/", {"reason": "不要になった"}).status_code == 302
    assert [one.state for one in operations(stage)] == [State.CANCELLED]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_may_only_look_sees_no_buttons_and_can_do_nothing(stage: Stage, role: Role) -> None:
    operation, row = stage.entered(), stage.resource()
    client = stage.client(role)
    page = client.get(stage.url(f"operations/{operation.id}/"))
    assert 'name="password"' not in page.content.decode()
    assert client.get(stage.url(f"resources/{row.id}/")).context["buttons"] == ()
    assert not client.get(stage.url("resources/")).context["can_enter"]
    assert (
        client.get(stage.url("operations/enter/"), {"action": "start", "ids": str(row.id)}).status_code == 403
    )


def test_a_stranger_sees_nothing_of_it(stage: Stage) -> None:
    operation = stage.entered()
    stranger = signed_in(stage.cast.stranger)
    assert stranger.get(stage.url(f"operations/{operation.id}/")).status_code == 404
    own = f"/t/{stage.cast.other_tenant.slug}/operations/"
    assert stranger.get(f"{own}{operation.id}/").status_code == 404
    assert (
        stranger.post(
            f"{own}{operation.id}/confirm/", {"digest": operation.digest, "password": PASSWORD}
        ).status_code
        == 404
    )
    assert stranger.get(own).context["rows"] == []


def test_the_list_filters_by_state_kind_and_person_and_counts_under_the_other_filters(stage: Stage) -> None:
    start, stop = stage.entered(), stage.entered(role=Role.APPROVER, action="stop")
    stage.client(Role.OPERATOR).post(stage.url(f"operations/{start.id}/withdraw/"))
    client = stage.client(Role.APPROVER)

    def ids(**query: str) -> list[Any]:
        return [row.id for row in client.get(stage.url("operations/"), query).context["rows"]]

    assert ids() == [stop.id, start.id]
    assert ids(state="ENTERED") == [stop.id]
    assert ids(kind="ec2.start") == [start.id]
    assert ids(mine="yes") == [stop.id]
    assert ids(q=start.target_name.upper()) == [start.id]
    assert ids(state="NO-SUCH") == ids(kind="x\x00y") == []
    counts = client.get(stage.url("operations/"), {"kind": "ec2.start"}).context["state_filter"]["options"]
    assert {option["value"]: option["count"] for option in counts} == {"WITHDRAWN": 1}
