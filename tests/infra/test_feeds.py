"""A list is fetched within bounds, and never from an address of our own network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.feeds import FetchFailed, fetch


class Web(BaseHTTPRequestHandler):
    """A web server that can misbehave; the path says how."""

    def do_GET(self) -> None:
        getattr(self, f"_{self.path.strip('/').replace('-', '_')}")()

    def _good(self) -> None:
        self._answer(200, b"days")

    def _error(self) -> None:
        self._answer(503, b"<html>")

    def _huge(self) -> None:
        self._answer(200, b"x" * 5_000_001)

    def _loop(self) -> None:
        self._answer(302, b"", Location="/loop")

    def _once(self) -> None:
        self._answer(302, b"", Location="/good")

    def _metadata(self) -> None:
        self._answer(302, b"", Location="http://169.254.169.254/latest/meta-data/")

    def _short(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"days")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_comes_whole_also_after_a_redirect(web: str) -> None:
    assert fetch(f"{web}/good", local=True) == b"days"
    assert fetch(f"{web}/once", local=True) == b"days"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("error", "http_status"),
        ("huge", "too_large"),
        ("loop", "too_many_redirects"),
        ("metadata", "private_address"),
    ],
)
def test_what_is_not_a_file_within_bounds_is_refused_by_name(web: str, path: str, code: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(f"{web}/{path}", local=True)
    assert caught.value.code == code


def test_a_file_that_was_cut_off_is_refused(web: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(f"{web}/short", local=True)
    assert caught.value.code in ("cut_off", "unreachable")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/x", "https_only"),
        ("ftp://example.com/x", "https_only"),
        ("file:///etc/passwd", "bad_url"),
        ("https://user:pass@example.com/", "bad_url"),
        ("https://example.com:22/", "bad_url"),
        ("https://example.com:99999/", "bad_url"),
        ("https://[::1", "bad_url"),
        ("https://127.0.0.1/", "private_address"),
        ("https://2130706433/", "private_address"),
        ("https://0177.0.0.1/", "private_address"),
        ("https://localhost/", "private_address"),
        ("https://10.0.0.8/", "private_address"),
        ("https://172.16.3.4/", "private_address"),
        ("https://192.168.1.1/", "private_address"),
        ("https://169.254.169.254/", "private_address"),
        ("https://0.0.0.0/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://[::ffff:10.0.0.8]/", "private_address"),
        ("https://[fd00::1]/", "private_address"),
        ("https://[fe80::1]/", "private_address"),
        ("https://[2002:0a00:0008::1]/", "private_address"),
        ("https://224.0.0.1/", "private_address"),
    ],
)
def test_addresses_of_our_own_network_are_never_asked(url: str, code: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(url)
    assert caught.value.code == code


def test_the_connection_goes_to_the_address_that_was_judged(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time is not asked a second time."""
    asked = []
    real = socket.getaddrinfo

    def once(host: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    port = web.rsplit(":", 1)[1]
    assert fetch(f"http://changing.test:{port}/good", local=True) == b"days"
    assert [host for host in asked if host != "127.0.0.1"] == ["changing.test"]
