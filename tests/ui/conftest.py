"""Screens speak the language that is switched on; each test says which. Pages are looked at in a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation
from playwright.sync_api import Browser, sync_playwright

from tests.ui.browser import CHROMIUM, FLAGS, served


@pytest.fixture(autouse=True)
def japanese() -> Iterator[None]:
    """Japanese, unless a test switches."""
    with translation.override("ja"):
        yield


@pytest.fixture
def site(django_db_setup: None) -> Iterator[str]:
    """The address of the application, served on this worker's database."""
    with served() as address:
        yield address


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Debian's Chromium; Playwright's loop runs in this thread, so Django is told that queries here are meant."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: install the package chromium")
        pytest.skip(f"{CHROMIUM} is missing: install the package chromium")
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()
