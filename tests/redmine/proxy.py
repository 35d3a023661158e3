"""A bad way to a server: of the requests 8 % are refused, 6 % answered with 503, and of 25 % the answer is lost after the server
has done its work. Repeatable, by its seed."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

REFUSED, UNAVAILABLE, LOST = 0.08, 0.06, 0.25


class LossyProxy:
    """`counts`: how many requests went which way; `writes`: those that reached the server and were no GET. `left`: so many more
    are let through, then none, until it is None again."""

    def __init__(self, target: str, *, seed: int, bad: bool = True) -> None:
        self.target, self.bad = urlsplit(target), bad
        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.left: int | None = None
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def way(self, method: str) -> str:
        with self.lock:
            rolled = self.chance.random() if self.bad else 1.0
            if self.left is not None:
                self.left -= 1
            if self.left is not None and self.left < 0:
                found = "unavailable"
            elif rolled < REFUSED:
                found = "refused"
            elif rolled < REFUSED + UNAVAILABLE:
                found = "unavailable"
            else:
                found = "lost" if rolled < REFUSED + UNAVAILABLE + LOST else "through"
                self.counts["writes"] += method != "GET"
            self.counts[found] += 1
            return found

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    wbufsize = 65536  # head and body in one packet
    proxy: LossyProxy

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        way = self.proxy.way(self.command)
        if way == "refused":
            return
        if way == "unavailable":
            self._answer(503, b"")
            return
        status, data = self._forward(body)
        if way != "lost":
            self._answer(status, data)

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        target = self.proxy.target
        there = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            names = ("Content-Type", "X-Redmine-API-Key", "Accept")
            headers = {name: self.headers[name] for name in names if self.headers[name]}
            there.request(self.command, self.path, body or None, headers)
            answer = there.getresponse()
            return answer.status, answer.read()
        finally:
            there.close()

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _do  # noqa: N815  names of http.server

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""
