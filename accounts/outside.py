"""The gateway to web servers that a tenant names: one request, bounded as a whole in time and bytes, to a judged address.

The name is resolved and judged first, and the connection goes to exactly the address that was judged, so that a name
that answers differently the second time changes nothing. Redirects are answers like any other: whoever follows one
asks anew.
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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from accounts.domain.addresses import Network

#: Status lines, headers and the marks between chunks, on top of the body itself.
BYTES_AROUND = 200_000
#: A name and each of its parts (RFC 1035, 2.3.4).
HOST_MAX, HOST_PART_MAX = 253, 63
_PORTS = {"https": 443, "http": 80}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: What an IPv6 address of the public Internet begins with (RFC 4291); all others are local, mapped or reserved.
_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Gateways to IPv4 (RFC 6052): as public as the address inside. A network's own prefix (64:ff9b:1::/48) is not.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Inside 2000::/3, and no place of a public file: Teredo, 6to4 and documentation (RFC 4380, 3056, 3849, 9637).
_NEVER = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20")))
#: How the lower half of an ISATAP address begins (RFC 5214), the bit for "universal" apart.
_ISATAP, _ISATAP_MASK = 0x00005EFE, 0xFDFFFFFF
#: Each machine's way to itself.
LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


class Unanswered(Exception):
    """Nothing usable came: `code` for words, `detail` for a person."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail[:300]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a request may go besides the public Internet: `private` networks. http is for loopback addresses among them only;
    `any_port`: not only 443. `ca_file`: authorities that are trusted besides the machine's own."""

    private: tuple[Network, ...] = ()
    any_port: bool = False
    ca_file: str = ""

    def takes(self, address: Address) -> bool:
        return is_public(address) or self.is_opened(address)

    def is_opened(self, address: Address) -> bool:
        return any(address in network for network in self.private)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is None where it was not asked for; `cut`: how many bytes fewer came than were promised."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None
    cut: int = 0


class Bounds:
    """How much of the time and of the bytes of one task is left, whatever number of requests it takes."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self.most = seconds, most
        self._deadline = time.monotonic() + seconds
        self._bytes = most + BYTES_AROUND

    def left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self.too_slow()
        return left

    def too_slow(self) -> Unanswered:
        return Unanswered("too_slow", f"{self._seconds:g} s")

    def take(self, number: int) -> None:
        self._bytes -= number
        if self._bytes < 0:
            raise Unanswered("too_large", f"{self.most} bytes")


class _Wire(io.RawIOBase):
    """A socket as http.client uses it, on which every single read counts against the bounds of the whole task."""

    def __init__(self, sock: socket.socket, bounds: Bounds) -> None:
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

    def __init__(self, parts: SplitResult, address: str, bounds: Bounds, ca_file: str) -> None:
        super().__init__(parts.hostname or "", parts.port or _PORTS[parts.scheme])
        self._address, self._bounds, self._ca_file = address, bounds, ca_file
        self._secure = parts.scheme == "https"
        self._wire: _Wire | None = None

    def connect(self) -> None:
        sock = socket.create_connection((self._address, self.port), self._bounds.left())
        try:
            if self._secure:
                sock.settimeout(self._bounds.left())
                context = ssl.create_default_context()
                if self._ca_file:
                    context.load_verify_locations(self._ca_file)
                sock = context.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise
        self._wire = self.sock = _Wire(sock, self._bounds)

    def hang_up(self) -> None:
        self.close()
        if self._wire is not None:
            self._wire.hang_up()


def ask(
    url: str,
    bounds: Bounds,
    reach: Reach,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    wants_body: bool = True,
) -> Answer:
    """One request: looking the name up, connecting, headers and all within `bounds`. Raises Unanswered (bad_url, https_only,
    private_address, unreachable, bad_certificate, too_slow, too_large, cut_off)."""
    parts = judged(url, reach)
    sent = {"User-Agent": "toban", "Accept-Encoding": "identity"} | dict(headers or {})
    try:
        connection = _Pinned(parts, _address(parts, bounds, reach), bounds, reach.ca_file)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            if not wants_body:
                return Answer(answer.status, dict(answer.headers.items()), None)
            read = answer.read(bounds.most + 1)
            return Answer(answer.status, dict(answer.headers.items()), read, answer.length or 0)
        finally:
            connection.hang_up()
    except TimeoutError as error:
        raise bounds.too_slow() from error
    except http.client.IncompleteRead as error:
        raise Unanswered("cut_off", f"{len(error.partial)} bytes") from error
    except ssl.SSLCertVerificationError as error:
        raise Unanswered("bad_certificate", f"{parts.hostname}: {error.verify_message}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unanswered("unreachable", f"{parts.hostname}: {type(error).__name__}") from error


def check(url: str, reach: Reach) -> None:
    """Say whether an address may be asked at all, as far as its text tells. Raises Unanswered."""
    host = judged(url, reach).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if not reach.takes(address):
        raise Unanswered("private_address", host)


def is_public(address: Address) -> bool:
    """Say whether an address belongs to the public Internet, whatever form of IPv6 an IPv4 address is dressed in."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _UNICAST or any(address in one for one in _NEVER):
        return False
    return address.is_global and (int(address) >> 32) & _ISATAP_MASK != _ISATAP


def _is_host(text: str) -> bool:
    """No longer than a name and its parts may be; an address is shorter."""
    parts = text.removesuffix(".").split(".")
    return len(text) <= HOST_MAX and all(1 <= len(part) <= HOST_PART_MAX for part in parts)


def judged(url: str, reach: Reach) -> SplitResult:
    """The parts of an address that may be asked as far as its text tells. Raises Unanswered (bad_url, https_only)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unanswered("bad_url", url) from error
    secure = parts.scheme == "https"
    if not _is_host(parts.hostname or "") or parts.username is not None or parts.password is not None:
        raise Unanswered("bad_url", url)
    if not secure and not (reach.private and parts.scheme == "http"):
        raise Unanswered("https_only", url)
    if not reach.any_port and port not in (None, 443):
        raise Unanswered("bad_url", url)
    return parts


def _address(parts: SplitResult, bounds: Bounds, reach: Reach) -> str:
    """The one address to connect to; every address that the name has must be one that may be asked."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    addresses = [text.partition("%")[0] for text in _resolved(host, port, bounds)]
    for text in addresses:
        address = ipaddress.ip_address(text)
        if parts.scheme != "https" and not (address.is_loopback and reach.is_opened(address)):
            raise Unanswered("private_address", host)
        if not reach.takes(address):
            raise Unanswered("private_address", host)
    return addresses[0]


def _resolved(host: str, port: int, bounds: Bounds) -> list[str]:
    try:
        return resolved(host, port, bounds.left())
    except TimeoutError:
        raise bounds.too_slow() from None
    except OSError as error:
        raise Unanswered("unreachable", f"{host}: {error.strerror or error}") from error
    except ValueError as error:  # no name at all: a label too long, a NUL
        raise Unanswered("bad_url", host) from error


def resolved(host: str, port: int | None, seconds: float) -> list[str]:
    """Every address of a name. The resolver knows no deadline, so that it works beside us and we do not wait longer. Raises TimeoutError,
    OSError where nobody knows the name, ValueError for what is none."""
    answers: queue.SimpleQueue[list[str] | OSError | ValueError] = queue.SimpleQueue()

    def ask_resolver() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([str(info[4][0]) for info in found])
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask_resolver, name="outside-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"{host}: {seconds:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
