"""What every answer of the portal must keep: its headers, HTML without anything inline, and what of it varies."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.http import HttpResponse

_VARYING = (
    re.compile(r'name="csrfmiddlewaretoken" value="\w+"'),
    re.compile(r'name="next" value="[^"]*"'),
    re.compile(r'data-now="[^"]*"'),
)


def said(answer: HttpResponse) -> str:
    """The answer without what differs from request to request: its id, its token, its own address, the time."""
    body = answer.content.decode().replace(answer["X-Request-Id"], "ID")
    return _without(body, _VARYING)


def _without(text: str, patterns: tuple[re.Pattern[str], ...]) -> str:
    for pattern in patterns:
        text = pattern.sub("", text)
    return text


def assert_safe(answer: HttpResponse) -> None:
    """Headers of every answer, and HTML that a strict content security policy can show."""
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    for directive in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert directive in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Request-Id"]
    if answer.get("Content-Type", "").startswith("text/html") and answer.content:
        Strict().feed(answer.content.decode())


class Strict(HTMLParser):
    """Fails on anything inline."""

    refuse: Callable[[str], None] = staticmethod(pytest.fail)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.refuse(f"inline <{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.refuse(f"inline {name} at <{tag}>")
            if name in ("href", "src", "action") and (value or "").strip().lower().startswith(
                ("javascript:", "data:text")
            ):
                self.refuse(f"{name}={value} at <{tag}>")
