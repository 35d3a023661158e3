"""A real Chromium in front of the real application, for stories about pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIRequestHandler

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Browser, Page

from accounts.models import User
from tests.factories import PASSWORD

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at pages."""


@contextmanager
def served() -> Iterator[str]:
    """The application behind real HTTP on a free port, on this worker's database; gives its address."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a missing folder
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@dataclass
class Visitor:
    """One person at one screen; `complaints` collects what the browser's console says."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector("body[data-ready]")

    def sign_in(self, user: User) -> None:
        self.open("/sign-in/")
        self.page.fill("#id_username", user.username)
        self.page.fill("#id_password", PASSWORD)
        self.page.click("form.card button[type=submit]")
        self.ready()

    def follow(self) -> None:
        """Fetch the live part of the page now instead of waiting for the next poll."""
        with self.page.expect_response(lambda answer: "part=live" in answer.url):
            self.page.locator("[data-live]").first.dispatch_event("toban:wake")

    def faults(self) -> list[str]:
        """What a careful critic would find on this page: axe, sideways scrolling, the console."""
        found = [
            f"{one['id']}: {one['nodes'][0]['html'][:160]}"
            for one in Axe().run(self.page).response["violations"]
        ]
        if self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append("the page scrolls sideways")
        found += self.complaints
        self.complaints.clear()
        return found


def visit(
    browser: Browser, address: str, *, width: int = 1280, theme: str = "light", language: str = "ja"
) -> Visitor:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        locale={"ja": "ja-JP", "en": "en-GB"}[language],
    )
    context.set_default_timeout(20_000)
    visitor = Visitor(context.new_page(), address)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on(
        "console",
        lambda message: (
            visitor.complaints.append(message.text) if message.type in {"error", "warning"} else None
        ),
    )
    return visitor
