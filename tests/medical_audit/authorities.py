"""A time-stamping authority of a test: `openssl ts` behind an HTTP server, as a real one answers."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/tsa.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def _openssl(*arguments: str, given: bytes | None = None) -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


@dataclass
class StampingAuthority:
    """`answer`: instead of a stamp, this."""

    folder: Path
    url: str = ""
    answer: bytes | None = None
    asked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        folder, name = self.folder, self.folder.name
        (folder / "serial").write_text("01\n")
        (folder / "openssl.cnf").write_text(CONFIGURATION.format(folder=folder))
        (folder / "extensions").write_text(
            "extendedKeyUsage = critical,timeStamping\nkeyUsage = digitalSignature\n"
        )
        _openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name} root", "-keyout",
            f"{folder}/root.key", "-out", f"{folder}/root.pem",
        )  # fmt: skip
        request = _openssl(
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{folder}/tsa.key",
        )
        certificate = _openssl(
            "x509", "-req", "-days", "2", "-CA", f"{folder}/root.pem", "-CAkey", f"{folder}/root.key", "-set_serial", "2",
            "-extfile", f"{folder}/extensions", given=request,
        )  # fmt: skip
        (folder / "tsa.pem").write_bytes(certificate)

    @property
    def root(self) -> str:
        return str(self.folder / "root.pem")

    def reply(self, question: bytes) -> bytes:
        self.asked.append(question)
        if self.answer is not None:
            return self.answer
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tsq") as file:
            file.write(question)
            file.flush()
            return _openssl("ts", "-reply", "-config", f"{self.folder}/openssl.cnf", "-queryfile", file.name)

    @contextmanager
    def listening(self) -> Iterator[StampingAuthority]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer = authority.reply(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing on the test's own output."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}/"
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            )
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join(5)
