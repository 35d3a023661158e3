"""A deadline for a whole answer: a socket's own time begins anew with each letter, so a slow server could hold a worker for days.

Each connection says when it is used; at the deadline its socket is shut down under whoever reads from it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_thread = threading.local()


class Deadline:
    """`over` once it has passed."""

    def __init__(self) -> None:
        self.over = False
        self.connection: HTTPConnection | None = None

    def end(self) -> None:
        self.over = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            # Past what TLS would do first: it belongs to the thread that reads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Whatever this thread asks over an `Adapter` meanwhile ends by then."""
    one = _thread.deadline = Deadline()
    timer = threading.Timer(seconds, one.end)
    timer.daemon = True
    timer.start()
    try:
        yield one
    finally:
        timer.cancel()
        _thread.deadline = None


class _Watched:
    """Tells the deadline of its thread which connection is in use: at its handshake, and at each question."""

    def connect(self) -> None:
        self._watch()
        super().connect()  # type: ignore[misc]

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._watch()
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _watch(self) -> None:
        watching: Deadline | None = getattr(_thread, "deadline", None)
        if watching is not None:
            watching.connection = self  # type: ignore[assignment]


class _Http(_Watched, HTTPConnection):
    pass


class _Https(_Watched, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class Adapter(HTTPAdapter):
    """The way of requests to a server, over connections that a deadline ends."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
