"""Pages of confirming for others: the queue, delegations, deputies, who confirms a kind, corrections."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from medical_audit.domain.states import State
from medical_audit.models import Deputy, Operation
from medical_audit.tenancy import tenant_scope
from tests.factories import PASSWORD
from tests.pages.test_sessions import clock_now
from tests.stage import Stage

O, A, D = Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR  # noqa: E741


def newest(stage: Stage, kind: str) -> Operation:
    with tenant_scope(stage.cast.tenant.id):
        found: Operation = Operation.objects.filter(kind=kind).latest("entered_at")
        return found


def confirm(stage: Stage, client: Client, operation: Operation, **more: str) -> int:
    sent = {"digest": operation.digest, "password": PASSWORD} | more
    return client.post(stage.url(f"operations/{operation.id}/confirm/"), sent).status_code


def delegate(stage: Stage) -> None:
    """The approver lets the operator enter starts for him, on the page."""
    client, today = stage.client(A), clock_now().date()
    given = {
        "proxy": str(stage.cast.people[O].id), "kinds": ["ec2.start"], "begins": str(today - timedelta(days=1)),
        "ends": str(today + timedelta(days=7)), "evidence": "院長の指示書 12号",
    }  # fmt: skip
    assert client.post(stage.url("delegations/"), given).status_code == 302
    assert confirm(stage, client, newest(stage, "delegation.grant")) == 302


def enter_for_approver(stage: Stage) -> Operation:
    resource, client = stage.resource(state="stopped"), stage.client(O)
    page = client.get(stage.url("operations/enter/"), {"action": "start", "ids": str(resource.id)})
    assert 'name="behalf"' in page.content.decode()
    sent = {
        "action": "start", "ids": str(resource.id), "reason": "指示による", "behalf": str(stage.cast.people[A].id),
        "then": "enter",
    }  # fmt: skip
    assert client.post(stage.url("operations/enter/"), sent).status_code == 302
    return newest(stage, "ec2.start")


def test_a_proxy_entry_goes_from_the_page_to_its_principal(stage: Stage) -> None:
    delegate(stage)
    operation = enter_for_approver(stage)
    assert operation.on_behalf_of_name == "approver"
    assert confirm(stage, stage.client(O), operation) == 403
    assert confirm(stage, stage.client(D), operation) == 403
    queue = stage.client(A).get(stage.url("confirmations/"))
    assert [row.id for row in queue.context["for_me"]] == [operation.id]
    assert queue.context["mine"] == [], "it stands once, among what was entered in his name"
    page = stage.client(A).get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert "確定されたら直ちに" in page
    assert confirm(stage, stage.client(A), operation) == 302
    assert newest(stage, "ec2.start").state == State.CONFIRMED


def test_confirming_at_once_what_is_entered_for_another_is_refused(stage: Stage) -> None:
    delegate(stage)
    resource = stage.resource(state="stopped")
    sent = {
        "action": "start", "ids": str(resource.id), "reason": "x", "behalf": str(stage.cast.people[A].id),
        "then": "confirm", "password": PASSWORD,
    }  # fmt: skip
    answer = stage.client(O).post(stage.url("operations/enter/"), sent)
    assert answer.status_code == 422
    assert "確定するのは本人です" in answer.content.decode()


def test_nobody_who_has_no_delegation_is_offered_another_name(stage: Stage) -> None:
    resource = stage.resource(state="stopped")
    page = stage.client(O).get(stage.url("operations/enter/"), {"action": "start", "ids": str(resource.id)})
    assert 'name="behalf"' not in page.content.decode()


def test_a_deputy_says_why_on_the_page(stage: Stage) -> None:
    delegate(stage)
    client = stage.client(A)
    client.post(stage.url("deputies/"), {"deputy_1": str(stage.cast.people[D].id), "reason": "休暇"})
    assert confirm(stage, client, newest(stage, "deputies.set")) == 302
    with tenant_scope(stage.cast.tenant.id):
        assert Deputy.objects.get().deputy_name == "administrator"
    operation, deputy = enter_for_approver(stage), stage.client(D)
    page = deputy.get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert "approver が確定しない理由" in page
    assert confirm(stage, deputy, operation) == 422
    assert confirm(stage, deputy, operation, deputy_reason="学会出張のため") == 302
    assert "学会出張のため" in deputy.get(stage.url(f"operations/{operation.id}/")).content.decode()


def test_a_delegation_is_ended_on_the_page(stage: Stage) -> None:
    delegate(stage)
    client, page = stage.client(A), stage.client(A).get(stage.url("delegations/"))
    (live,) = page.context["live"]
    client.post(stage.url(f"delegations/{live.id}/end/"), {"reason": "異動"})
    assert confirm(stage, client, newest(stage, "delegation.end")) == 302
    assert list(client.get(stage.url("delegations/")).context["live"]) == []


@pytest.mark.parametrize("path", ["delegations/", "deputies/", "policies/confirm/"])
def test_an_empty_form_comes_back_and_says_what_is_missing(stage: Stage, path: str) -> None:
    assert stage.client(D).post(stage.url(path), {}).status_code == 422


def test_a_tenant_asks_for_two_approvers_on_the_page(stage: Stage) -> None:
    given = {"kind": "ec2.stop", "policy": "two", "role": "approver", "reason": "院内規程"}
    assert stage.client(D).post(stage.url("policies/confirm/"), given).status_code == 302
    assert confirm(stage, stage.client(A), newest(stage, "policy.confirm")) == 302
    operation = stage.entered(action="stop")
    assert (operation.policy, operation.policy_role) == ("two", "approver")
    client = stage.client(A)
    assert (
        "あなたは1人目の確定者です" in client.get(stage.url(f"operations/{operation.id}/")).content.decode()
    )
    assert confirm(stage, client, operation) == 302
    page = client.get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert "もう1人の確定が必要です" in page
    too_loose = given | {"kind": "schedule.publish", "policy": "self"}
    answer = stage.client(D).post(stage.url("policies/confirm/"), too_loose)
    assert "緩めることはできません" in answer.content.decode()


def test_a_record_is_corrected_on_its_page_and_shows_both_versions(stage: Stage) -> None:
    operation = stage.entered()
    assert confirm(stage, stage.client(O), operation) == 302
    url = stage.url(f"operations/{operation.id}/correct/")
    assert stage.client(O).post(url, {"says": "", "reason": ""}).status_code == 422
    assert stage.client(O).post(url, {"says": "月例保守のため", "reason": "誤記"}).status_code == 302
    assert confirm(stage, stage.client(A), newest(stage, "record.correct")) == 302
    page = stage.client(O).get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert "<del>臨時の保守</del>" in page
    assert "第2版" in page


def test_the_queue_says_what_an_entry_changes_and_when_it_expires(stage: Stage) -> None:
    """Before and after in words: the confirmer sees it without opening anything, and no JSON."""
    sent = {"brake_percent": "35", "brake_least": "4", "reason": "見直し"}
    assert stage.client(D).post(stage.url("overrides/rules/"), sent).status_code in (200, 302)
    operation = newest(stage, "rules.change")
    page = stage.client(A).get(stage.url("confirmations/")).content.decode()
    for words in ("一斉停止の確認を求める割合", "<ins>35</ins>", "失効します"):
        assert words in page
    sheet = stage.client(A).get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert "一斉停止の確認を求める割合" in sheet


def test_everybody_reads_the_own_history_and_nobody_elses(stage: Stage) -> None:
    delegate(stage)
    operation = enter_for_approver(stage)
    url = stage.url("my-history/")
    mine = stage.client(A).get(url, {"show": "in_my_name"}).content.decode()
    assert f"operations/{operation.id}/" in mine
    assert f"operations/{operation.id}/" in stage.client(O).get(url).content.decode()
    assert (
        f"operations/{operation.id}/" not in stage.client(O).get(url, {"show": "in_my_name"}).content.decode()
    )
    assert f"operations/{operation.id}/" not in stage.client(D).get(url).content.decode()
    assert "127.0.0.1" in stage.client(A).get(url, {"show": "sign_ins"}).content.decode()
