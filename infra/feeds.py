"""The gateway to lists on the web: one bounded GET, never to an address of our own network.

The name is resolved and judged first, and the connection goes to exactly the address that was judged, so that a name
that answers differently the second time changes nothing. Redirects are followed by hand, each judged anew.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import SplitResult, urljoin, urlsplit

BYTES_MAX = 5_000_000
SECONDS_MAX = 10.0
REDIRECTS_MAX = 3
_PORTS = {"https": 443, "http": 80}
_MOVED = (301, 302, 303, 307, 308)


class FetchFailed(Exception):
    """Nothing usable came: `code` for words, `detail` for a person."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail[:300]


class _Pinned(http.client.HTTPConnection):
    """A connection to one address that was judged, under the name that was asked for."""

    def __init__(self, host: str, port: int, address: str, deadline: float, *, secure: bool) -> None:
        super().__init__(host, port, timeout=max(0.1, deadline - time.monotonic()))
        self._address, self._secure = address, secure

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def fetch(url: str, *, local: bool = False) -> bytes:
    """GET a file of at most 5 MB within 10 seconds, redirects included. Raises FetchFailed.

    https only; with `local` (development, tests) http to loopback addresses too.
    """
    deadline = time.monotonic() + SECONDS_MAX
    for _ in range(REDIRECTS_MAX + 1):
        parts = _judged(url, local=local)
        try:
            answer = _get(parts, _address(parts, local=local), deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchFailed("unreachable", f"{parts.hostname}: {type(error).__name__}") from error
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise FetchFailed("too_many_redirects", url)


def _judged(url: str, *, local: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchFailed("bad_url", url) from error
    secure = parts.scheme == "https"
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise FetchFailed("bad_url", url)
    if not secure and not (local and parts.scheme == "http"):
        raise FetchFailed("https_only", url)
    if not local and port not in (None, 443):
        raise FetchFailed("bad_url", url)
    return parts


def _address(parts: SplitResult, *, local: bool) -> str:
    """The one address to connect to; every address that the name has must be a public one."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise FetchFailed("unreachable", f"{host}: {error.strerror or error}") from error
    addresses = [str(info[4][0]).partition("%")[0] for info in found]
    for text in addresses:
        if not _allowed(ipaddress.ip_address(text), local=local, secure=parts.scheme == "https"):
            raise FetchFailed("private_address", f"{host}: {text}")
    return addresses[0]


def _allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, local: bool, secure: bool) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return _allowed(inner, local=local, secure=secure)
    if local and address.is_loopback:
        return True
    return secure and address.is_global and not address.is_multicast


def _get(parts: SplitResult, address: str, deadline: float) -> bytes | str:
    """The body, or where a redirect points to."""
    port = parts.port or _PORTS[parts.scheme]
    connection = _Pinned(parts.hostname or "", port, address, deadline, secure=parts.scheme == "https")
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "toban", "Accept-Encoding": "identity"})
        with connection.getresponse() as answer:
            if answer.status in _MOVED:
                return answer.headers.get("Location") or ""
            if answer.status != 200:
                raise FetchFailed("http_status", str(answer.status))
            return _body(answer, connection, deadline)
    finally:
        connection.close()


def _body(answer: http.client.HTTPResponse, connection: _Pinned, deadline: float) -> bytes:
    parts: list[bytes] = []
    length = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise FetchFailed("too_slow", f"{SECONDS_MAX:.0f} s")
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = answer.read1(65536)
        if not part:
            break
        parts.append(part)
        length += len(part)
        if length > BYTES_MAX:
            raise FetchFailed("too_large", f"{BYTES_MAX} bytes")
    if answer.length:  # fewer bytes came than the header promised
        raise FetchFailed("cut_off", f"{length} bytes")
    return b"".join(parts)
