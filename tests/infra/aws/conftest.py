"""A Valkey of the tests' own, which may be frozen and killed without harm to anybody."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from config.embedded import find_binaries

START_S = 20.0


@dataclass(frozen=True)
class Valkey:
    """A running server."""

    process: subprocess.Popen[bytes]
    url: str

    def freeze(self) -> None:
        """Let it accept connections and never answer."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """Start Valkey on a Unix socket in a folder that goes away again."""
    with tempfile.TemporaryDirectory(prefix="toban-valkey-") as folder:
        socket = Path(folder) / "valkey.sock"
        command = [
            find_binaries().valkey,
            "--port",
            "0",
            "--unixsocket",
            socket,
            "--save",
            "",
            "--dir",
            folder,
        ]
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
        server = Valkey(process, f"unix://{socket}?db=0")
        try:
            _wait_for(server)
            yield server
        finally:
            server.thaw()
            process.terminate()
            process.wait()


def _wait_for(server: Valkey) -> None:
    client = redis.Redis.from_url(server.url)
    deadline = time.monotonic() + START_S
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            assert server.process.poll() is None, "Valkey ended at once"
            assert time.monotonic() < deadline, "Valkey does not answer"
            time.sleep(0.02)
