"""A web server that takes messages, or misbehaves: its path says how."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came, and how often the paths that fail first still fail."""

    server: ThreadingHTTPServer
    got: list[Got] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    came: threading.Event = field(default_factory=threading.Event)
    failures: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


class _Web(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        receiver.came.set()
        if self.path == "/slow":
            receiver.gone.wait(20)
        elif self.path == "/cut":
            self.connection.close()
        elif self.path == "/moved":
            self._answer(302, Location=f"{receiver.url}/elsewhere")
        elif self.path == "/busy":
            self._answer(429, **{"Retry-After": "1800"})
        elif self.path == "/huge":
            self._huge()
        elif self.path.startswith("/status/"):
            self._answer(int(self.path.rpartition("/")[2]))
        elif receiver.failures > 0:
            receiver.failures -= 1
            self._answer(500)
        else:
            self._answer(204)

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _huge(self) -> None:
        """Taken, and then letters without end: nobody may read them all."""
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        try:
            while not receiver.gone.is_set():
                self.wfile.write(b"x" * 65536)
        except OSError:
            receiver.gone.set()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    receiver = server.receiver = Receiver(server)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.gone.set()
        server.shutdown()
        server.server_close()
        thread.join()
