"""A real TLS handshake with a database, to see which certificate it shows to its clients.

The first bytes are those of each engine's own protocol, without signing in: PostgreSQL's SSLRequest (frontend/backend
protocol, 55.2.10), MySQL's and MariaDB's SSLRequest packet (client/server protocol, connection phase). Others keep TLS to
a port of its own or wrap it into their protocol; of those nothing is said.
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from infra.dialing import dial

TIMEOUT_S = 5.0
_POSTGRES = frozenset({"postgres", "aurora-postgresql"})
_MYSQL = frozenset({"mysql", "mariadb", "aurora-mysql"})
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_CLIENT_PROTOCOL_41, _CLIENT_SSL, _CLIENT_SECURE = 0x0200, 0x0800, 0x8000
_MOST = 1 << 16


class Unreachable(Exception):
    """Nobody answers there, or not from here: the way is closed, which says nothing of the certificate."""


class TurnedAway(Unreachable):
    """The server is reached, and turns everybody or this host away before it says who it is: its own words."""


class Unspoken(Exception):
    """This engine's TLS is not one that can be looked at from outside."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that a server showed. until: when it ends; issuer: its common name. distrust: why the authorities that were
    given do not vouch for it under this address, "" where they do, None where none were given."""

    until: datetime
    issuer: str
    distrust: str | None = None


def look(engine: str, address: str, port: int, *, bundle: str = "", vpc: str = "") -> Shown:
    """Connect, shake hands, and give the certificate; bundle: file of the authorities (PEM) that it is held against in a second
    handshake; vpc: that of the database. Raises Unreachable, of which TurnedAway is one, Unspoken.

    The certificate is looked at, not believed: what it must be is what AWS says of this database. Where no database can be nobody is
    called (infra.dialing), so that nobody makes Toban knock at doors inside.
    """
    if engine not in _POSTGRES | _MYSQL:
        raise Unspoken(engine)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    shown = _shaken(engine, address, port, vpc, context)
    if not shown:
        raise Unreachable("no certificate")
    certificate = x509.load_der_x509_certificate(shown)
    names = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    issuer = str(names[0].value) if names else ""
    distrust = _distrust(engine, address, port, vpc, bundle) if bundle else None
    return Shown(certificate.not_valid_after_utc, issuer, distrust)


def _distrust(engine: str, address: str, port: int, vpc: str, bundle: str) -> str:
    try:
        _shaken(engine, address, port, vpc, ssl.create_default_context(cafile=bundle))
    except Unreachable as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return error.__cause__.verify_message or str(error)
        raise
    return ""


def _shaken(engine: str, address: str, port: int, vpc: str, context: ssl.SSLContext) -> bytes | None:
    try:
        with dial(address, port, timeout=TIMEOUT_S, vpc=vpc) as line:
            line.settimeout(TIMEOUT_S)
            (_ask_postgres if engine in _POSTGRES else _ask_mysql)(line)
            with context.wrap_socket(line, server_hostname=address) as secure:
                return secure.getpeercert(binary_form=True)
    except (OSError, EOFError) as error:  # an SSLError is an OSError
        raise Unreachable(str(error)) from error


def _ask_postgres(line: socket.socket) -> None:
    line.sendall(_SSL_REQUEST)
    if _exactly(line, 1) != b"S":
        raise EOFError("the server offers no TLS")


def _ask_mysql(line: socket.socket) -> None:
    length = int.from_bytes(_exactly(line, 4)[:3], "little")
    greeting = _exactly(line, min(length, _MOST))
    if greeting[:1] == b"\xff":  # an error in its place: code (2), then its words
        code, words = int.from_bytes(greeting[1:3], "little"), greeting[3:].decode(errors="replace")
        raise TurnedAway(f"ERROR {code}: {words}")
    # Protocol version, then the server's version up to a zero byte, thread id (4), scramble (8), filler, capabilities (2).
    after = greeting.find(b"\0") + 1
    offered = int.from_bytes(greeting[after + 13 : after + 15], "little")
    if greeting[:1] != b"\x0a" or not offered & _CLIENT_SSL:
        raise EOFError("the server offers no TLS")
    flags = _CLIENT_PROTOCOL_41 | _CLIENT_SSL | _CLIENT_SECURE
    body = struct.pack("<IIB23x", flags, 1 << 24, 45)
    line.sendall(struct.pack("<I", len(body) | 1 << 24) + body)


def _exactly(line: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = line.recv(count - len(found))
        if not more:
            raise EOFError("the server hung up")
        found += more
    return found
