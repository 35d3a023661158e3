"""An AWS account taken in by somebody who has never done it: each step in a real browser, as it is, when refused, and while it waits."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from accounts.domain.permissions import Role
from infra.models import AccountSetup
from infra.operations.organizing import run_listing
from infra.operations.setups import run_proof
from medical_audit import clock
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast
from tests.infra.operations.test_setups import create_stack
from tests.simulated import ask, new_account_id
from tests.stage import Stage, make_stage
from tests.ui.browser import Visitor, visit
from tests.ui.walking import looked_at, refused, sent

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize(("width", "theme", "language"), [(1440, "dark", "ja"), (360, "light", "en")]),
]
BEGIN = "form:has([name=account_id]) button[type=submit]"


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast, automation=False)


@pytest.fixture
def visitor(stage: Stage, site: str, browser: Browser, width: int, theme: str, language: str) -> Visitor:
    visitor = visit(browser, site, width=width, theme=theme, language=language)
    visitor.sign_in(stage.cast.people[Role.ADMINISTRATOR])
    return visitor


def setups(stage: Stage) -> list[AccountSetup]:
    with tenant_scope(stage.cast.tenant.id):
        return list(AccountSetup.objects.order_by("-started_at"))


def work(stage: Stage, visitor: Visitor, as_role: AsRole) -> None:
    """What the worker does meanwhile; nobody asks for a page then, since this process is one user of the database at a time."""
    visitor.page.goto("about:blank")
    with as_role("worker"):
        for row in setups(stage):
            run_listing(row.tenant_id, row.id, worker="test", clock=clock.now)
            run_proof(row.tenant_id, row.id, worker="test", clock=clock.now)


def test_from_the_first_step_to_the_features_of_later(
    stage: Stage, visitor: Visitor, as_role: AsRole
) -> None:
    looked_at(visitor, stage.url("accounts/"), stage.url("accounts/new/"))
    sent(visitor, then=BEGIN, account_id="123", name="")
    refused(visitor)
    sent(visitor, then=BEGIN, account_id=new_account_id(), name="新しい本番")
    row = setups(stage)[0]
    here = stage.url(f"accounts/setup/{row.id}/")
    assert visitor.page.url.endswith(here)
    sent(visitor, then="button[value=prove]")
    work(stage, visitor, as_role)
    looked_at(visitor, here)
    expect(visitor.page.locator("#proof .state-failed-line")).to_be_visible()
    create_stack(row)
    sent(visitor, then="button[value=prove]")
    work(stage, visitor, as_role)
    looked_at(visitor, here)
    sent(visitor, then="button[value=take-in]")
    account = visitor.page.url
    there = account.removeprefix(visitor.address)
    looked_at(visitor, f"{there}features/", f"{there}regions/", stage.url("accounts/"))
    looked_at(visitor, stage.url("projects/"))


def test_many_accounts_of_an_organization(stage: Stage, visitor: Visitor, as_role: AsRole) -> None:
    members = [{"id": new_account_id(), "name": name} for name in ("医事", "薬剤", "閉院")]
    ask("organization", {"management": stage.account.account_id, "name": "本部", "members": members})
    here = stage.url(f"accounts/{stage.account.id}/organization/")
    looked_at(visitor, here)
    sent(visitor, then="button[value=switch-on]")
    looked_at(visitor, here)
    sent(visitor, then="button[value=list]")
    work(stage, visitor, as_role)
    looked_at(visitor, here)
    for tick in visitor.page.locator("input[name=ids]").all():
        tick.check()
    sent(visitor, then="button[value=begin]")
    looked_at(visitor, stage.url("accounts/"))
    (rollout,) = {row.rollout for row in setups(stage)} - {None}
    looked_at(visitor, stage.url(f"accounts/rollouts/{rollout}/"))
