"""A passkey in a real browser with an authenticator of its own: made, used at the door, and used to confirm."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from accounts.domain.permissions import Role
from accounts.operations import second_factor
from tests import factories
from tests.factories import PASSWORD
from tests.ui.browser import Visitor, visit

pytestmark = pytest.mark.browser


def with_device(visitor: Visitor) -> None:
    """Plug an authenticator into the page that agrees to everything (WebDriver extension of Web Authentication)."""
    tools = visitor.page.context.new_cdp_session(visitor.page)
    tools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.mark.parametrize(("language", "width", "theme"), [("ja", 1280, "light"), ("en", 360, "dark")])
def test_a_passkey_is_made_and_opens_the_door(
    cast: factories.Cast, site: str, browser: Browser, language: str, width: int, theme: str
) -> None:
    visitor = visit(
        browser, site.replace("127.0.0.1", "localhost"), width=width, theme=theme, language=language
    )
    with_device(visitor)
    user, page = cast.people[Role.APPROVER], visitor.page
    visitor.sign_in(user)
    visitor.open("/second-factor/")
    assert visitor.faults() == []
    page.fill("#key_name", "事務室のノート")
    page.fill("#key_password", PASSWORD)
    page.click("[data-passkey-add] button")
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    assert second_factor.is_enrolled(user.id)
    visitor.open("/second-factor/")
    expect(page.get_by_text("事務室のノート")).to_be_visible()
    assert visitor.faults() == []
    page.fill("#change_password", PASSWORD)
    page.click("form[aria-labelledby=have-title] [data-passkey-prove] button")
    expect(page.locator("form[aria-labelledby=have-title] [role=alert]")).to_be_visible()
    page.click("form[aria-labelledby=have-title] button[value=renew]")
    expect(page.locator(".recovery-codes li")).to_have_count(10)

    page.click("[data-seat-leave] button")
    page.fill("#id_password", PASSWORD)
    page.click("form.card button[type=submit]")
    expect(page.locator("[data-passkey-prove] button")).to_be_visible()
    assert visitor.faults() == []
    page.click("[data-passkey-prove] button")
    page.wait_for_url(lambda url: "sign-in" not in url)
    visitor.open(f"/t/{cast.tenant.slug}/")
    assert visitor.faults() == []
