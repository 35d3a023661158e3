"""Which addresses of a Redmine server are taken."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

URL_MAX = 300


class BadAddress(ValueError):
    """`code` says why: bad_url, https_only."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_address(text: str) -> str:
    """The address without a slash at its end. https only, but for the machine itself. Raises BadAddress."""
    text = text.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress("bad_url") from None
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if not host or not plain or len(text) > URL_MAX or not text.isprintable() or " " in text:
        raise BadAddress("bad_url")
    if parts.scheme not in ("http", "https") or is_unusable(host):
        raise BadAddress("bad_url")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadAddress("https_only")
    return text


def host_of(url: str) -> str:
    """Host and port, for a name."""
    return urlsplit(url).netloc


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    # The same machine by another name.
    return getattr(found, "ipv4_mapped", None) or found


def is_loopback(host: str) -> bool:
    found = _address(host)
    return host == "localhost" if found is None else found.is_loopback


def is_unusable(host: str) -> bool:
    """Link-local addresses answer with the secrets of a cloud machine, never as a Redmine."""
    found = _address(host)
    return found is not None and (found.is_link_local or found.is_multicast or found.is_unspecified)
