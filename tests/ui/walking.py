"""Walking from page to page in a real Chromium, with nothing to complain of on any of them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.ui.browser import Visitor

#: Chromium says in its console that a page was answered with a refusal, which is what walks ask for.
REFUSED = ("status of 404", "status of 422")


def looked_at(visitor: Visitor, *paths: str) -> None:
    for path in paths:
        visitor.open(path)
        faultless(visitor)


def faultless(visitor: Visitor) -> None:
    faults = [one for one in visitor.faults() if not any(said in one for said in REFUSED)]
    assert (visitor.page.url, faults) == (visitor.page.url, [])


def sent(visitor: Visitor, /, *, then: str = "form.card button[type=submit]", **typed: str) -> None:
    """Fill the fields by their names, press the button, look at what comes."""
    for field, text in typed.items():
        visitor.page.locator(f"[name={field}]").filter(visible=True).first.fill(text)
    visitor.page.locator(then).first.click()
    visitor.ready()
    faultless(visitor)


def refused(visitor: Visitor) -> None:
    """Something on the page says what is wrong."""
    expect(visitor.page.locator("[id$=-problem], [role=alert]").filter(visible=True).first).to_be_visible()
