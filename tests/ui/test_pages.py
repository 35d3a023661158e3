"""Every page of a tenant, in a real browser: no violation of accessibility or CSP, no sideways scrolling, and it works."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from accounts.domain.permissions import Role
from infra.models import Resource
from medical_audit import clock as database_clock
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.tenancy import platform_scope, tenant_scope
from tests import factories, simulated
from tests.conftest import AsRole
from tests.factories import PASSWORD
from tests.ui.browser import Visitor, visit


@pytest.fixture
def hospital(aws: simulated.Account, as_role: AsRole) -> simulated.Account:
    """Servers on and off, with and without a schedule, one with a tag that cannot be read, one volume."""
    aws.seed(
        instances=[
            {"state": "running", "tags": {"Name": "ehr-web-01", "AutoStart": "08:30", "AutoStop": "19:00"}},
            {
                "state": "stopped",
                "tags": {"Name": "ehr-batch-01", "AutoStart": "９:００", "Project": "電子カルテ"},
            },
            {"state": "running", "tags": {"Name": "pacs-gateway"}},
        ],
        volumes=[{"size_gib": 200}],
    )
    with platform_scope():
        now = database_clock.now()
    with as_role("worker"):
        aws.inventory(simulated.Clock(now))
    return aws


def _resource(cast: factories.Cast, name: str) -> Resource:
    with tenant_scope(cast.tenant.id):
        found: Resource = Resource.objects.get(name=name)
    return found


def _pages(cast: factories.Cast) -> list[str]:
    home, bad = f"/t/{cast.tenant.slug}/", _resource(cast, "ehr-batch-01")
    scheduled = _resource(cast, "ehr-web-01")
    with tenant_scope(cast.tenant.id):
        operation = Operation.objects.get(kind="account.automation")
    return [
        "/tenants/",
        home,
        f"{home}resources/",
        f"{home}resources/?state=running&q=nothing",
        f"{home}resources/{scheduled.id}/",
        f"{home}resources/{bad.id}/",
        f"{home}operations/enter/?action=stop&ids={scheduled.id}&ids={bad.id}",
        f"{home}volumes/",
        f"{home}volumes/staying/",
        f"{home}volumes/tagging/rules/",
        f"{home}operations/",
        f"{home}operations/{operation.id}/",
        f"{home}ledger/",
    ]


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1440, "light", "ja"), (1024, "dark", "ja"), (360, "dark", "en")],
)
def test_pages_are_accessible_and_clean_at_every_width_theme_and_language(
    hospital: simulated.Account,
    cast: factories.Cast,
    site: str,
    browser: Browser,
    width: int,
    theme: str,
    language: str,
) -> None:
    visitor = visit(browser, site, width=width, theme=theme, language=language)
    visitor.open("/sign-in/")
    found = {"/sign-in/": visitor.faults()}
    visitor.sign_in(cast.people[Role.ADMINISTRATOR])
    for path in _pages(cast):
        visitor.open(path)
        found[path] = visitor.faults()
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_the_page_is_in_the_language_of_the_browser_until_a_person_chooses(
    cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site, language="en")
    visitor.open("/sign-in/")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")
    visitor.page.click("button[name=language]")
    visitor.ready()
    expect(visitor.page.locator("html")).to_have_attribute("lang", "ja")


def test_a_stop_is_entered_and_confirmed_by_hand_and_the_page_follows_it_to_its_end(
    hospital: simulated.Account, cast: factories.Cast, site: str, browser: Browser, as_role: AsRole
) -> None:
    visitor = visit(browser, site)
    visitor.sign_in(cast.people[Role.OPERATOR])
    visitor.open(f"/t/{cast.tenant.slug}/resources/?q=pacs")
    page = visitor.page
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.click("[data-bulk] button[value=stop]")
    visitor.ready()
    page.click("button[value=enter]")
    visitor.ready()
    expect(page.locator("#id_reason-problem")).to_be_visible()
    page.fill("#id_reason", "夜間作業のため")
    page.click("button[value=enter]")
    visitor.ready()
    _confirm(visitor, "wrong")
    expect(page.locator("#id_password-problem")).to_be_visible()
    _confirm(visitor, PASSWORD)
    expect(page.locator("#operation-actions form[action$='/cancel/']")).to_have_count(
        1
    )  # cancelling, as nobody has begun it
    with platform_scope():
        clock = simulated.Clock(database_clock.now())
    with as_role("worker"):
        hospital.drain(clock)
        clock.pass_(seconds=30)
        hospital.drain(clock)
    visitor.follow()
    expect(page.locator("#operation-live[data-live]")).to_have_count(0)
    expect(page.locator("#operation-actions form[action$='/cancel/']")).to_have_count(0)
    with tenant_scope(cast.tenant.id):
        assert Operation.objects.get(kind="ec2.stop").state == State.SUCCEEDED


def _confirm(visitor: Visitor, password: str) -> None:
    visitor.page.fill("#id_password", password)
    visitor.page.click("#operation-actions .btn-primary")
    visitor.ready()


def test_what_a_person_types_survives_the_page_refreshing_itself(
    hospital: simulated.Account, cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site)
    visitor.sign_in(cast.people[Role.OPERATOR])
    visitor.open(f"/t/{cast.tenant.slug}/resources/")
    visitor.page.locator("[data-tick]").first.check()
    visitor.page.fill("#filter-q", "half a wo")
    visitor.follow()
    expect(visitor.page.locator("[data-tick]:checked")).to_have_count(1)
    expect(visitor.page.locator("[data-bulk]")).to_be_visible()
    expect(visitor.page.locator("#filter-q")).to_have_value("half a wo")


def test_a_lost_network_is_said_and_taken_back(
    hospital: simulated.Account, cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site)
    visitor.sign_in(cast.people[Role.VIEWER])
    visitor.open(f"/t/{cast.tenant.slug}/")
    visitor.page.route("**/*part=live*", lambda route: route.abort())
    visitor.page.locator("[data-live]").dispatch_event("toban:wake")
    expect(visitor.page.locator("#net")).to_be_visible()
    visitor.page.unroute("**/*part=live*")
    visitor.follow()
    expect(visitor.page.locator("#net")).to_be_hidden()


def test_dark_follows_the_system_and_a_choice_outlives_the_page(
    cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site, theme="dark")
    visitor.open("/sign-in/")
    expect(visitor.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    visitor.page.locator("details.menu summary").last.click()
    visitor.page.click("[data-set-theme=light]")
    visitor.open("/sign-in/")
    expect(visitor.page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_keys_lead_to_every_area(
    hospital: simulated.Account, cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site)
    visitor.sign_in(cast.people[Role.AUDITOR])
    visitor.open(f"/t/{cast.tenant.slug}/")
    for key, area in (("r", "resources"), ("v", "volumes"), ("o", "operations"), ("l", "audit")):
        visitor.page.keyboard.press("g")
        visitor.page.keyboard.press(key)
        visitor.page.wait_for_url(f"**/{area}/")
        visitor.ready()
    visitor.page.keyboard.press("?")
    expect(visitor.page.locator("#help")).to_be_visible()
