"""Leaving the seat in a real browser: nothing to be seen meanwhile, and what was typed is there afterwards."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from pytest_django import Settings

from accounts.domain.permissions import Role
from tests import factories
from tests.factories import PASSWORD
from tests.ui.browser import Visitor, visit

pytestmark = pytest.mark.browser


def typing(visitor: Visitor, cast: factories.Cast) -> str:
    """An administrator in the middle of a form; gives the page's path."""
    visitor.sign_in(cast.people[Role.ADMINISTRATOR])
    path = f"/t/{cast.tenant.slug}/policies/"
    visitor.open(path)
    visitor.page.fill("#id_idle_minutes", "7")
    visitor.page.fill("#id_reason", "院内規程の改定のため")
    return path


def test_leaving_hides_everything_and_coming_back_gives_back_what_was_typed(
    cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site)
    path, page = typing(visitor, cast), visitor.page
    page.click("[data-seat-leave] button")
    expect(page.locator("#id_password")).to_be_focused()
    assert cast.tenant.name not in page.content()
    assert "院内規程" not in page.content()
    assert visitor.faults() == []
    page.go_back()
    expect(page.locator("#id_password")).to_be_visible()
    page.fill("#id_password", PASSWORD)
    page.click("form.card button[type=submit]")
    visitor.ready()
    assert page.url == site + path
    expect(page.locator("#id_reason")).to_have_value("院内規程の改定のため")
    expect(page.locator("#id_idle_minutes")).to_have_value("7")


def test_somebody_else_does_not_find_what_was_typed(
    cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site)
    path, page = typing(visitor, cast), visitor.page
    page.click("[data-seat-leave] button")
    page.wait_for_selector("#id_password")
    page.click("form.bare .btn-quiet")
    visitor.ready()
    page.fill("#id_username", cast.people[Role.APPROVER].username)
    page.fill("#id_password", PASSWORD)
    page.click("form.card button[type=submit]")
    visitor.ready()
    visitor.open(path)
    assert page.evaluate("window.sessionStorage.getItem('toban-draft')") is None


def test_another_window_of_the_same_browser_hides_at_the_same_moment(
    cast: factories.Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site)
    typing(visitor, cast)
    second = Visitor(visitor.page.context.new_page(), site)
    second.open(f"/t/{cast.tenant.slug}/")
    visitor.page.click("[data-seat-leave] button")
    expect(second.page.locator("#id_password")).to_be_visible()
    assert cast.tenant.name not in second.page.content()


def test_a_page_that_refreshes_itself_goes_to_the_door_when_the_seat_stood_empty_too_long(
    cast: factories.Cast, site: str, browser: Browser, settings: Settings
) -> None:
    visitor = visit(browser, site)
    visitor.sign_in(cast.people[Role.VIEWER])
    visitor.open(f"/t/{cast.tenant.slug}/")
    settings.TOBAN_CLOCK_OFFSET += 11 * 60
    visitor.page.locator("[data-live]").first.dispatch_event("toban:wake")
    expect(visitor.page.locator("#id_password")).to_be_visible()
    expect(visitor.page.locator("h1")).to_have_text("離席中")
