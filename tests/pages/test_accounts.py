"""The pages of AWS accounts: taking one in step by step, how each answers, switching its clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings

from accounts.domain.permissions import Role
from infra.forms.accounts import SetupForm
from infra.models import AccountSetup, Region
from infra.operations.setups import ask_proof, run_proof, take_in
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast
from tests.infra.operations.test_setups import create_stack
from tests.simulated import TOKYO, new_account_id
from tests.stage import Stage, make_stage


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast, automation=False)


def given(**changed: object) -> dict[str, object]:
    return {
        "account_id": new_account_id(),
        "name": "本番",
        "region": [TOKYO],
        "feature": ["servers"],
    } | changed


def begun(stage: Stage) -> AccountSetup:
    answer = stage.client(Role.ADMINISTRATOR).post(
        stage.url("accounts/new/"), given(feature=["servers", "volumes", "databases"])
    )
    assert answer.status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        row: AccountSetup = AccountSetup.objects.order_by("-started_at")[0]
    return row


def test_an_account_is_taken_in_from_the_first_step_to_the_last(stage: Stage, as_role: AsRole) -> None:
    row = begun(stage)
    admin = stage.client(Role.ADMINISTRATOR)
    here = stage.url(f"accounts/setup/{row.id}/")
    page = admin.get(here).content.decode()
    assert row.external_id in page
    file = admin.get(f"{here}template/")
    assert file["Content-Disposition"] == f'attachment; filename="toban-{row.account_id}.json"'
    assert row.external_id in file.content.decode()
    create_stack(row)
    ask_proof(row.id, actor=stage.cast.actor(Role.ADMINISTRATOR), now=clock.now())
    under_way = admin.get(here).content.decode()
    assert 'hx-trigger="every 2s"' in under_way
    with as_role("worker"):
        run_proof(stage.cast.tenant.id, row.id, worker="test", clock=clock.now)
    proven = admin.get(here).content.decode()
    assert 'value="take-in"' in proven
    assert "every 2s" not in proven
    answer = admin.post(here, {"then": "take-in"}, follow=True)
    assert row.account_id in answer.content.decode()
    assert answer.resolver_match.url_name == "account"


def test_a_failed_proof_names_the_cure_and_offers_no_way_in(stage: Stage, as_role: AsRole) -> None:
    row = begun(stage)
    admin = stage.client(Role.ADMINISTRATOR)
    ask_proof(row.id, actor=stage.cast.actor(Role.ADMINISTRATOR), now=clock.now())
    with as_role("worker"):
        run_proof(stage.cast.tenant.id, row.id, worker="test", clock=clock.now)
    page = admin.get(stage.url(f"accounts/setup/{row.id}/")).content.decode()
    assert "sts:ExternalId" in page
    assert 'value="take-in"' not in page
    refused = admin.post(stage.url(f"accounts/setup/{row.id}/"), {"then": "take-in"})
    assert refused.status_code == 422
    (listed,) = stage.client(Role.VIEWER).get(stage.api("account-setups/")).json()["results"]
    assert set(listed) == {"id", "account_id", "name", "started_by", "started_at"}
    assert stage.client(Role.VIEWER).get(stage.api(f"account-setups/{row.id}/")).status_code == 403


def test_a_proof_that_was_lost_says_so_and_can_be_asked_for_again_or_given_up(stage: Stage) -> None:
    """The broker was away, or the worker was killed: nobody will ever end this proof."""
    row = begun(stage)
    admin, here = stage.client(Role.ADMINISTRATOR), stage.url(f"accounts/setup/{row.id}/")
    actor = stage.cast.actor(Role.ADMINISTRATOR)
    ask_proof(row.id, actor=actor, now=clock.now() - timedelta(minutes=4))
    waiting = admin.get(here).content.decode()
    assert ("every 2s" in waiting, 'value="prove"' in waiting, 'value="give-up"' in waiting) == (
        True,
        False,
        True,
    )
    with tenant_scope(stage.cast.tenant.id):
        AccountSetup.objects.filter(id=row.id).update(proof_asked_at=clock.now() - timedelta(minutes=6))
    lost = admin.get(here).content.decode()
    assert ("every 2s" in lost, 'value="prove"' in lost, 'value="give-up"' in lost) == (False, True, True)
    assert "途絶えました" in lost
    assert admin.post(here, {"then": "prove"}).status_code == 302
    assert "every 2s" in admin.get(here).content.decode()
    assert admin.post(here, {"then": "give-up"}).status_code == 302


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"account_id": "1234"}, "id_account_id-problem"),
        ({"name": ""}, "id_name-problem"),
        ({"region": [], "other_regions": ""}, "id_other_regions-problem"),
        ({"other_regions": "ap-northest-1"}, "ap-northeast-1, ap-northeast-3"),
        ({"other_regions": "cn-north-1"}, "GovCloud"),
        ({"feature": []}, "id_feature"),
    ],
)
def test_bad_fields_are_named_and_what_was_typed_stays(
    stage: Stage, changed: dict[str, object], problem: str
) -> None:
    answer = stage.client(Role.ADMINISTRATOR).post(
        stage.url("accounts/new/"), given(name="院内サーバ") | changed
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert problem in page
    assert "院内サーバ" in page or changed.get("name") == ""


@pytest.mark.parametrize("written", ["1111-2222-3333", "１１１１２２２２３３３３", " 1111 2222 3333 "])
def test_an_account_number_is_read_as_people_write_it(written: str) -> None:
    form = SetupForm(given(account_id=written))
    form.is_valid()
    assert form.cleaned_data["account_id"] == "111122223333"


def test_without_its_own_role_toban_says_so_and_hands_out_nothing(stage: Stage) -> None:
    row = begun(stage)
    with override_settings(AWS_PRINCIPAL_ARN=""):
        page = stage.client(Role.ADMINISTRATOR).get(stage.url(f"accounts/setup/{row.id}/"))
        assert "TOBAN_AWS_PRINCIPAL_ARN" in page.content.decode()
        file = stage.client(Role.ADMINISTRATOR).get(stage.url(f"accounts/setup/{row.id}/template/"))
        assert file.status_code == 422


def test_the_list_says_how_each_account_answers(stage: Stage, as_role: AsRole) -> None:
    with as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Region.objects.update(inventory_problem="role_refused", inventory_problem_since=clock.now())
    for role in Role:
        page = stage.client(role).get(stage.url("accounts/")).content.decode()
        assert "state-failed" in page
        assert ("accounts/new/" in page) is (role is Role.ADMINISTRATOR)


def test_what_toban_does_there_is_changed_here_with_the_template_of_today(
    stage: Stage, as_role: AsRole
) -> None:
    row = begun(stage)
    create_stack(row)
    admin, here = stage.cast.actor(Role.ADMINISTRATOR), stage.client(Role.ADMINISTRATOR)
    ask_proof(row.id, actor=admin, now=clock.now())
    with as_role("worker"):
        run_proof(stage.cast.tenant.id, row.id, worker="test", clock=clock.now)
    account = take_in(row.id, actor=admin, now=clock.now())
    with as_role("worker"), tenant_scope(stage.cast.tenant.id):
        AccountSetup.objects.filter(id=row.id).update(
            proof=[
                one
                for one in AccountSetup.objects.get(id=row.id).proof
                if "DescribeVolumes" not in one["subject"]
            ]
        )
    page, url = stage.url(f"accounts/{account.id}/"), stage.url(f"accounts/{account.id}/features/")
    assert "ec2:DescribeVolumes" in stage.client(Role.VIEWER).get(page).content.decode()
    assert "TobanAlsoEc2DescribeVolumes" not in stage.client(Role.VIEWER).get(page).content.decode()
    seen = here.get(url).content.decode()
    assert "TobanAlsoEc2DescribeVolumes" in seen
    assert stage.url(f"accounts/setup/{row.id}/template/") in seen
    kept = here.post(url, {"feature": ["servers"], "managed_only": "on"})
    assert (kept.status_code, kept.context["form"]["managed_only"].value()) == (422, True)
    entered = here.post(
        url, {"feature": ["servers", "volumes", "databases", "reach"], "reason": "道を開けるため"}
    )
    assert entered.status_code == 302
    sheet = stage.client(Role.APPROVER).get(entered["Location"]).content.decode()
    assert "ec2:AuthorizeSecurityGroupIngress" in sheet


def test_switching_on_is_entered_here_and_confirmed_by_somebody_else(stage: Stage) -> None:
    url = stage.url(f"accounts/{stage.account.id}/automation/")
    answer = stage.client(Role.ADMINISTRATOR).post(url, {"mode": "on", "reason": "本稼働"})
    assert answer.status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        operation = Operation.objects.get(kind="account.automation")
    assert (operation.state, operation.parameters) == ("ENTERED", {"mode": "on"})
    page = stage.client(Role.VIEWER).get(stage.url(f"accounts/{stage.account.id}/")).content.decode()
    assert str(operation.id) in page
    same = stage.client(Role.ADMINISTRATOR).post(url, {"mode": "observe", "reason": "x"})
    assert same.status_code == 422
