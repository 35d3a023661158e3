"""The gateway to lists on the web: one GET, bounded as a whole in time and bytes, never to an address of our own network.

The name is resolved and judged first, and the connection goes to exactly the address that was judged, so that a name
that answers differently the second time changes nothing. Redirects are followed by hand, each judged anew.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

BYTES_MAX = 5_000_000
#: Status lines, headers and the marks between chunks, on top of the file itself.
BYTES_AROUND = 200_000
SECONDS_MAX = 10.0
REDIRECTS_MAX = 3
_PORTS = {"https": 443, "http": 80}
_MOVED = (301, 302, 303, 307, 308)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: What an IPv6 address of the public Internet begins with (RFC 4291); all others are local, mapped or reserved.
_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Gateways to IPv4 (RFC 6052): as public as the address inside. A network's own prefix (64:ff9b:1::/48) is not.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Inside 2000::/3, and no place of a public file: Teredo, 6to4 and documentation (RFC 4380, 3056, 3849, 9637).
_NEVER = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20")))
#: How the lower half of an ISATAP address begins (RFC 5214), the bit for "universal" apart.
_ISATAP, _ISATAP_MASK = 0x00005EFE, 0xFDFFFFFF


class FetchFailed(Exception):
    """Nothing usable came: `code` for words, `detail` for a person."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail[:300]


class _Bounds:
    """How much of the time and of the bytes of one fetch is left, redirects included."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._bytes = BYTES_MAX + BYTES_AROUND

    def left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self.too_slow()
        return left

    def too_slow(self) -> FetchFailed:
        return FetchFailed("too_slow", f"{self._seconds:g} s")

    def take(self, number: int) -> None:
        self._bytes -= number
        if self._bytes < 0:
            raise FetchFailed("too_large", f"{BYTES_MAX} bytes")


class _Wire(io.RawIOBase):
    """A socket as http.client uses it, on which every single read counts against the bounds of the whole fetch."""

    def __init__(self, sock: socket.socket, bounds: _Bounds) -> None:
        self._sock, self._bounds = sock, bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._bounds.left())
        number = self._sock.recv_into(buffer)
        self._bounds.take(number)
        return number

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(self._bounds.left())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 65536)

    def close(self) -> None:
        """The connection closes it, not the first reader that has enough."""

    def hang_up(self) -> None:
        self._sock.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one address that was judged, under the name that was asked for."""

    def __init__(self, host: str, port: int, address: str, bounds: _Bounds, *, secure: bool) -> None:
        super().__init__(host, port)
        self._address, self._bounds, self._secure = address, bounds, secure
        self._wire: _Wire | None = None

    def connect(self) -> None:
        sock = socket.create_connection((self._address, self.port), self._bounds.left())
        try:
            if self._secure:
                sock.settimeout(self._bounds.left())
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise
        self._wire = self.sock = _Wire(sock, self._bounds)

    def hang_up(self) -> None:
        self.close()
        if self._wire is not None:
            self._wire.hang_up()


def fetch(url: str, *, local: bool = False, seconds: float = SECONDS_MAX) -> bytes:
    """GET a file of at most 5 MB within `seconds`: looking the name up, connecting, redirects, headers and all.

    https only; with `local` (development, tests) http to loopback addresses too. Raises FetchFailed.
    """
    bounds = _Bounds(seconds)
    for _ in range(REDIRECTS_MAX + 1):
        parts = _judged(url, local=local)
        try:
            answer = _get(parts, _address(parts, bounds, local=local), bounds)
        except TimeoutError as error:
            raise bounds.too_slow() from error
        except http.client.IncompleteRead as error:
            raise FetchFailed("cut_off", f"{len(error.partial)} bytes") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchFailed("unreachable", f"{parts.hostname}: {type(error).__name__}") from error
        if isinstance(answer, bytes):
            return answer
        try:
            url = urljoin(url, answer)
        except ValueError as error:
            raise FetchFailed("bad_url", answer) from error
    raise FetchFailed("too_many_redirects", url)


def check(url: str, *, local: bool = False) -> None:
    """Say whether an address may be asked at all, as far as its text tells. Raises FetchFailed."""
    parts = _judged(url, local=local)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return
    if not (local and address.is_loopback) and not is_public(address):
        raise FetchFailed("private_address", parts.hostname or "")


def is_public(address: Address) -> bool:
    """Say whether an address belongs to the public Internet, whatever form of IPv6 an IPv4 address is dressed in."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _UNICAST or any(address in one for one in _NEVER):
        return False
    return address.is_global and (int(address) >> 32) & _ISATAP_MASK != _ISATAP


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


def _address(parts: SplitResult, bounds: _Bounds, *, local: bool) -> str:
    """The one address to connect to; every address that the name has must be a public one."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    addresses = [text.partition("%")[0] for text in _resolved(host, port, bounds)]
    for text in addresses:
        address = ipaddress.ip_address(text)
        if local and address.is_loopback:
            continue
        if parts.scheme != "https" or not is_public(address):
            raise FetchFailed("private_address", host)
    return addresses[0]


def _resolved(host: str, port: int, bounds: _Bounds) -> list[str]:
    """Every address of a name. The resolver knows no deadline, so that it works beside us and we do not wait longer."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([str(info[4][0]) for info in found])
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="feed-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=bounds.left())
    except queue.Empty:
        raise bounds.too_slow() from None
    if isinstance(answer, OSError):
        raise FetchFailed("unreachable", f"{host}: {answer.strerror or answer}") from answer
    if isinstance(answer, Exception):  # no name at all: a label too long, a NUL
        raise FetchFailed("bad_url", host) from answer
    return answer


def _get(parts: SplitResult, address: str, bounds: _Bounds) -> bytes | str:
    """The body, or where a redirect points to."""
    port = parts.port or _PORTS[parts.scheme]
    connection = _Pinned(parts.hostname or "", port, address, bounds, secure=parts.scheme == "https")
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "toban", "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        if answer.status in _MOVED:
            return answer.headers.get("Location") or ""
        if answer.status != 200:
            raise FetchFailed("http_status", str(answer.status))
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise FetchFailed("compressed", answer.headers["Content-Encoding"])
        body = answer.read(BYTES_MAX + 1)
        if len(body) > BYTES_MAX:
            raise FetchFailed("too_large", f"{BYTES_MAX} bytes")
        if answer.length:  # fewer bytes came than the header promised
            raise FetchFailed("cut_off", f"{len(body)} bytes")
        return body
    finally:
        connection.hang_up()
