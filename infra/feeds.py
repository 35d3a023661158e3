"""The gateway to lists on the web: one GET, bounded as a whole in time and bytes, never to an address of our own network.

Redirects are followed by hand, each judged anew (accounts.outside).
"""

from __future__ import annotations

from urllib.parse import urljoin

from accounts import outside
from accounts.outside import LOOPBACK, Bounds, Reach, is_public
from accounts.outside import Unanswered as FetchFailed

__all__ = ["FetchFailed", "check", "fetch", "is_public"]

BYTES_MAX = 5_000_000
SECONDS_MAX = 10.0
REDIRECTS_MAX = 3
_MOVED = (301, 302, 303, 307, 308)
_PUBLIC = Reach()
_LOCAL = Reach(private=LOOPBACK, any_port=True)


def fetch(url: str, *, local: bool = False, seconds: float = SECONDS_MAX) -> bytes:
    """GET a file of at most 5 MB within `seconds`: looking the name up, connecting, redirects, headers and all.

    https only; with `local` (development, tests) http to loopback addresses too. Raises FetchFailed.
    """
    bounds = Bounds(seconds, BYTES_MAX)
    for _ in range(REDIRECTS_MAX + 1):
        answer = outside.ask(url, bounds, _LOCAL if local else _PUBLIC)
        if answer.status not in _MOVED:
            return _whole(answer)
        target = answer.headers.get("Location") or ""
        try:
            url = urljoin(url, target)
        except ValueError as error:
            raise FetchFailed("bad_url", target) from error
    raise FetchFailed("too_many_redirects", url)


def _whole(answer: outside.Answer) -> bytes:
    if answer.status != 200:
        raise FetchFailed("http_status", str(answer.status))
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise FetchFailed("compressed", encoding)
    body = answer.body or b""
    if len(body) > BYTES_MAX:
        raise FetchFailed("too_large", f"{BYTES_MAX} bytes")
    if answer.cut:  # fewer bytes came than the header promised
        raise FetchFailed("cut_off", f"{len(body)} bytes")
    return body


def check(url: str, *, local: bool = False) -> None:
    """Say whether an address may be asked at all, as far as its text tells. Raises FetchFailed."""
    outside.check(url, _LOCAL if local else _PUBLIC)
