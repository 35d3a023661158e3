"""Stacks of their own for the tests of the stack: none of these touches the servers that the suite runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config.datafolder import DataFolder
from config.embedded import Servers


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    """A prepared data folder."""
    made = DataFolder(tmp_path / "data")
    made.prepare()
    yield made
    made.remove_run_folder()


@pytest.fixture
def start(folder: DataFolder) -> Iterator[Callable[[], Servers]]:
    """Start both servers of the folder as `./toban up` does, roles included; what is left after the test is ended."""
    every: list[Servers] = []

    def go() -> Servers:
        servers = Servers(folder)
        every.append(servers)
        with folder.locked():
            servers.start(background=False)
            servers.wait(background=False)
            servers.make_roles()
        return servers

    yield go
    for servers in every:
        servers.kill({"postgres", "valkey"})


def connect(servers: Servers, role: str = "toban_super") -> psycopg.Connection:
    """A connection to the folder's database, in autocommit."""
    return psycopg.connect(f"postgresql://{role}@/toban?host={servers.folder.run}", autocommit=True)
