"""A Valkey that may be frozen without harm to anybody, an AWS simulator, and gateways that talk to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from config.embedded import find_binaries
from infra.aws.config import Config
from infra.aws.gateway import Gateway, using
from infra.aws.pacing import Pacer
from tests.infra.aws.simulator import Account

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


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    """Start the AWS simulator and give its address."""
    command = [sys.executable, "-m", "config.simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def own_credentials() -> Iterator[None]:
    """Give the process credentials for AssumeRole, and none of the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "toban")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "toban")
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def shared_gateway(simulator: str, own_credentials: None) -> Gateway:
    """Make one gateway for all tests, as its clients are dear. It never really sleeps."""
    return Gateway(Config(endpoint_url=simulator), pacer=unhurried(), sleep=lambda seconds: None)


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Iterator[Gateway]:
    """Let the doors use the simulator."""
    with using(shared_gateway):
        yield shared_gateway


@pytest.fixture(scope="session")
def impatient_gateway(simulator: str, shared_gateway: Gateway) -> Gateway:
    """Make a gateway that waits half a second for an answer, and has its credentials from the patient one."""
    config = Config(endpoint_url=simulator, read_timeout_s=0.5)
    gateway = Gateway(config, pacer=unhurried(), sleep=lambda seconds: None)
    gateway.credentials = shared_gateway.credentials
    return gateway


@pytest.fixture
def account(simulator: str, gateway: Gateway) -> Account:
    """Give an account nobody else has."""
    return Account(simulator)


def unhurried() -> Pacer:
    """Give a pacer that counts and never waits."""
    return Pacer(shared=None, max_wait_s=3600, sleep=lambda seconds: None)
