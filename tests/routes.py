"""The addresses of the URL resolver, by their full names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


def routes(
    patterns: list[URLPattern | URLResolver], spaces: tuple[str, ...] = ()
) -> Iterator[tuple[str, URLPattern]]:
    """Every pattern with its full name."""
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, (*spaces, one.namespace) if one.namespace else spaces)
        else:
            yield ":".join((*spaces, one.name or f"unnamed:{one.pattern}")), one


def converters(name: str) -> dict[str, Any]:
    return next(one.pattern.converters for found, one in routes(get_resolver().url_patterns) if found == name)
