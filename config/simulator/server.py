"""HTTP: a thread a connection, connections kept open, and cut when a fault says so."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from config.simulator import wire
from config.simulator.app import Simulator
from config.simulator.control import Control
from config.simulator.redmine_site import PREFIX, RedmineSite
from config.simulator.wire import Answer, ConnectionLost

_IDLE_S = 120


class Handler(MotoRequestHandler):
    """Serves several requests on one connection, as AWS does (werkzeug closes after each)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # One packet an answer; the base class flushes at its end.
    wbufsize = -1
    # An idle connection gives its thread back.
    timeout = _IDLE_S
    simulator: Simulator
    control: Control
    site: RedmineSite

    def run_wsgi(self) -> None:
        """Reads one whole request and writes one whole answer."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = self.make_environ()
        try:
            answer = self._answer(self.environ)
        except ConnectionLost:
            self.close_connection = True
            wire.cut(self.connection)
            # Both sides of the socket are gone; what is buffered must not be flushed into nothing.
            self.wfile = _Nowhere()  # type: ignore[assignment]
            return
        except Exception:  # noqa: BLE001 - one request must not take the connection's other requests with it
            traceback.print_exc(file=sys.stderr)
            answer = wire.as_json({"error": "the simulator failed; its log has the trace"}, 500)
        try:
            self._write(answer)
        except OSError:
            # The client went away: its call has been applied all the same.
            self.close_connection = True

    def _answer(self, environ: dict[str, Any]) -> Answer:
        path = environ["PATH_INFO"]
        if path.startswith("/_sim/"):
            return self.control.answer(
                environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), _body(environ)
            )
        if path.startswith(f"{PREFIX}/") or path == PREFIX:
            return self.site.answer(environ, _body(environ))
        return self.simulator.answer(environ)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Says nothing of single requests and idle connections: counts and journal know more."""


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return bytes(environ["wsgi.input"].read(length)) if length else b""


class _Nowhere:
    """Takes the place of a writer whose connection has been cut."""

    closed = True

    def write(self, data: bytes) -> int:
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def listen(simulator: Simulator, host: str, port: int) -> BaseWSGIServer:
    """Binds; port 0 takes a free one. Serve with `serve_forever()`."""
    site = RedmineSite(simulator.state_dir / "redmine.json" if simulator.state_dir else None)
    parts = {"simulator": simulator, "control": Control(simulator), "site": site}
    handler = type("BoundHandler", (Handler,), parts)
    return make_server(host, port, _unused, threaded=True, request_handler=handler)


def _unused(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The handler answers by itself; werkzeug only wants to have an application."""
    raise RuntimeError("the handler did not answer")
