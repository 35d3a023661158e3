"""A list is fetched within bounds, and never from an address of our own network."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import pytest

from infra.feeds import FetchFailed, fetch, is_public


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

    def _nowhere(self) -> None:
        self._answer(302, b"", Location="https://[::1")

    def _inward(self) -> None:
        self._answer(302, b"", Location="https://[64:ff9b::a00:8]/days.ics")

    def _zipped(self) -> None:
        self._answer(200, gzip.compress(b"x" * 5_000_000), **{"Content-Encoding": "gzip"})

    def _drip_status(self) -> None:
        self._drip(b"HTTP/1.0 200 OK" + b" " * 200 + b"\r\nContent-Length: 4\r\n\r\ndays")

    def _drip_headers(self) -> None:
        self._drip(b"HTTP/1.0 200 OK\r\nX-Pad: " + b"x" * 200 + b"\r\nContent-Length: 4\r\n\r\ndays")

    def _drip_body(self) -> None:
        self._drip(b"HTTP/1.0 200 OK\r\nContent-Length: 200\r\n\r\n" + b"d" * 200)

    def _drip(self, answer: bytes) -> None:
        """One byte at a time: never silent for long, and yet longer than anybody should wait."""
        for number in range(len(answer)):
            self.wfile.write(answer[number : number + 1])
            self.server.dripped = number + 1, len(answer)  # type: ignore[attr-defined]
            self.server.gone.wait(0.02)  # type: ignore[attr-defined]

    def _many_headers(self) -> None:
        self.send_response(200)
        for number in range(99):
            self.send_header(f"X-{number}", "x" * 60_000)
        self.end_headers()
        self.wfile.write(b"days")

    def _go_on(self) -> None:
        """The interim answer 100, for ever."""
        for _ in range(400_000):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

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
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.gone = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.gone.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


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
        ("inward", "private_address"),
        ("nowhere", "bad_url"),
        ("zipped", "compressed"),
        ("many-headers", "too_large"),
        ("go-on", "too_large"),
    ],
)
def test_what_is_not_a_file_within_bounds_is_refused_by_name(web: str, path: str, code: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(f"{web}/{path}", local=True)
    assert caught.value.code == code


@pytest.mark.parametrize("path", ["drip-status", "drip-headers", "drip-body"])
def test_a_server_that_drips_does_not_hold_us_longer_than_the_whole_fetch_may_take(
    web: str, server: Any, path: str
) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(f"{web}/{path}", local=True, seconds=0.3)
    assert caught.value.code == "too_slow"
    sent, whole = server.dripped
    assert sent < whole


def test_a_name_that_is_looked_up_for_ever_does_not_hold_us_either(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()
    real = socket.getaddrinfo

    def late(host: str, *args: Any, **kwargs: Any) -> Any:
        done.wait(5)
        return real("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with pytest.raises(FetchFailed) as caught:
        fetch(f"http://slow.test:{web.rsplit(':', 1)[1]}/good", local=True, seconds=0.2)
    done.set()
    assert caught.value.code == "too_slow"


def test_a_file_that_was_cut_off_is_refused(web: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(f"{web}/short", local=True)
    assert caught.value.code == "cut_off"


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
        ("https://240.0.0.1/", "private_address"),
        ("https://100.64.0.1/", "private_address"),
        ("https://①②⑦.⓪.⓪.①/", "private_address"),
        ("https://[64:ff9b::a00:8]/", "private_address"),
        ("https://[64:ff9b::a9fe:a9fe]/", "private_address"),
        ("https://[64:ff9b:1::808:808]/", "private_address"),
        ("https://[::10.0.0.8]/", "private_address"),
        ("https://[::ffff:0:10.0.0.8]/", "private_address"),
        ("https://[::ffff:0:127.0.0.1]/", "private_address"),
        ("https://[2001:0:808:808::f5ff:fff7]/", "private_address"),
        ("https://[2001:0:a00:8::f7f7:f7f7]/", "private_address"),
        ("https://[2600::5efe:10.0.0.8]/", "private_address"),
        ("https://[fec0::1]/", "private_address"),
        ("https://[ff02::1]/", "private_address"),
        ("https://[2001:db8::1]/", "private_address"),
        ("https://[3fff::1]/", "private_address"),
        ("https://[5f00::1]/", "private_address"),
        ("https://[100::1]/", "private_address"),
        ("https://" + "a" * 70 + ".jp/", "bad_url"),
        ("https://a\0b.jp/", "unreachable"),
    ],
)
def test_addresses_of_our_own_network_are_never_asked(url: str, code: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(url)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700:4700::1111", "2001:4860:4860::8888", "64:ff9b::808:808"]
)
def test_public_addresses_are_public_also_through_a_nat64_gateway(address: str) -> None:
    assert is_public(ip_address(address))


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
