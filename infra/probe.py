"""Try the way to a database from here: look its name up, connect, and sign in where somebody gave a user and a password.

Every try ends by itself within its time. Where no database can be nobody is called (infra.dialing), so that nobody makes Toban knock at
doors inside. A password is used for the one try and kept nowhere. It goes only over a connection whose certificate the given authorities
vouch for under the name that was called; the connection that carries it checks that itself, whatever an earlier look saw. Without
authorities nothing is tried, but on a trial on one's own machine, where databases have no certificate of AWS.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pymysql
from django.conf import settings

from infra.dialing import NotCalled, address_of, dial

TIMEOUT_S = 4
SAID_MAX = 300
_POSTGRES = frozenset({"postgres", "aurora-postgresql"})
_MYSQL = frozenset({"mysql", "mariadb", "aurora-mysql"})


@dataclass(frozen=True, slots=True)
class Tried:
    """cause: a code, "" where it went well; said: what the other side said; ms: how long it took."""

    cause: str
    ms: int
    said: str = ""


def name(address: str, *, vpc: str = "") -> Tried:
    """Whether its name is known here, and leads where this database can be; vpc: that of the database."""
    return _timed(lambda: _name(address, vpc))


def connect(address: str, port: int, *, vpc: str = "") -> Tried:
    """Whether somebody answers at its port."""
    return _timed(lambda: _connect(address, port, vpc))


def can_sign_in(engine: str) -> bool:
    """Whether Toban speaks the protocol of this engine."""
    return engine in _POSTGRES | _MYSQL


def may_send_password(bundle: str) -> bool:
    """Whether it can be known whom the password would go to."""
    return bool(bundle) or settings.LOCAL


def sign_in(
    engine: str,
    address: str,
    port: int,
    *,
    user: str,
    password: str,
    database: str,
    bundle: str = "",
    vpc: str = "",
) -> Tried:
    """Whether this user gets in, over TLS; bundle: file of the authorities (PEM) that must vouch for the server. The engine must be
    one that can be signed in to, and `may_send_password` must say yes, else ValueError."""
    if not may_send_password(bundle):
        raise ValueError("nobody vouches for the server, so the password is not sent")
    enter = _postgres if engine in _POSTGRES else _mysql
    return _timed(lambda: enter(address, port, vpc, user, password, database, bundle), secret=password)


def _timed(attempt: Callable[[], tuple[str, str]], *, secret: str = "") -> Tried:
    """What was said is cut only after the secret was taken out: of one that is cut through nobody would know the rest."""
    began = time.perf_counter()
    try:
        cause, said = attempt()
    except NotCalled as error:
        cause, said = error.code, ""
    said = said.replace(secret, "***") if secret else said
    return Tried(cause, round((time.perf_counter() - began) * 1000), said[:SAID_MAX])


def _name(address: str, vpc: str) -> tuple[str, str]:
    try:
        address_of(address, timeout=TIMEOUT_S, vpc=vpc)
    except NotCalled:
        raise
    except TimeoutError as error:
        return "name_timed_out", str(error)
    except OSError as error:
        return "name_unknown", str(error)
    return "", ""


def _connect(address: str, port: int, vpc: str) -> tuple[str, str]:
    try:
        dial(address, port, timeout=TIMEOUT_S, vpc=vpc).close()
    except NotCalled:
        raise
    except ConnectionRefusedError as error:
        return "refused", str(error)
    except TimeoutError as error:
        return "timed_out", str(error)
    except socket.gaierror as error:
        return "name_unknown", str(error)
    except OSError as error:
        return "timed_out", str(error)  # no route is what a closed network looks like, too
    return "", ""


def _mysql(
    address: str, port: int, vpc: str, user: str, password: str, database: str, bundle: str
) -> tuple[str, str]:
    """connect_timeout does not cover a server that accepts and says nothing: the read has its own. The password goes as bytes, because
    PyMySQL takes text for Latin-1 and gives up on what an input method left in full width."""
    if bundle:
        context = ssl.create_default_context(cafile=bundle)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        line = pymysql.connect(
            host=address, port=port, user=user, password=password.encode(), database=database or None, ssl=context,
            connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, write_timeout=TIMEOUT_S, defer_connect=True,
        )  # fmt: skip
        line.connect(dial(address, port, timeout=TIMEOUT_S, vpc=vpc))
        line.close()
    except NotCalled:
        raise
    except (pymysql.Error, OSError) as error:
        return "said", " ".join(str(part) for part in error.args)
    except RuntimeError as error:  # a way of signing in for which PyMySQL wants another library
        return "auth_unspoken", str(error)
    except (AssertionError, LookupError, ValueError, struct.error) as error:
        return "garbled", str(error)
    return "", ""


def _postgres(
    address: str, port: int, vpc: str, user: str, password: str, database: str, bundle: str
) -> tuple[str, str]:
    checked: dict[str, Any] = (
        {"sslmode": "verify-full", "sslrootcert": bundle} if bundle else {"sslmode": "prefer"}
    )
    try:
        # On a trial the server may be a socket of this machine, which has no address.
        at: dict[str, Any] = (
            {}
            if settings.LOCAL and address.startswith("/")
            else {"hostaddr": address_of(address, timeout=TIMEOUT_S, vpc=vpc)}
        )
        psycopg.connect(
            host=address, **at, port=port, user=user, password=password, dbname=database or "postgres", **checked,
            connect_timeout=TIMEOUT_S, options="-c statement_timeout=4000",
        ).close()  # fmt: skip
    except NotCalled:
        raise
    except (psycopg.Error, OSError) as error:
        return "said", str(error)
    return "", ""
