"""A real MariaDB of its own, from Debian's package mariadb-server, for as long as a test needs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pymysql

from tests.infra.tls_server import certificate

PROGRAM = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
INSTALL = shutil.which("mariadb-install-db")
USER, PASSWORD = "ponsuke", "himitsu-2026"
#: Signs in by MariaDB's own plugin ed25519.
OTHER_USER = "edo"


def at_hand() -> bool:
    return Path(PROGRAM).exists() and INSTALL is not None


@contextmanager
def mariadb() -> Iterator[int]:
    """Its port. The server is ended by its own process id."""
    with tempfile.TemporaryDirectory(prefix="toban-mariadb-") as folder:
        data, port, pem = Path(folder) / "data", _free_port(), Path(folder) / "server.pem"
        pem.write_bytes(certificate(datetime.now(UTC) + timedelta(days=1)))
        who = ["--user=root"] if os.geteuid() == 0 else []
        nothing = subprocess.DEVNULL
        common = ["--no-defaults", f"--datadir={data}", *who]
        subprocess.run([str(INSTALL), *common, "--auth-root-authentication-method=normal", "--skip-test-db"], check=True, stdout=nothing, stderr=nothing)  # fmt: skip
        server = subprocess.Popen(
            [PROGRAM, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/s", "--skip-log-bin",
             "--innodb-buffer-pool-size=16M", f"--ssl-cert={pem}", f"--ssl-key={pem}", f"--pid-file={folder}/pid"],
            stdout=nothing, stderr=nothing,
        )  # fmt: skip
        try:
            _wait(server, f"{folder}/s")
            yield port
        finally:
            server.terminate()
            server.wait(30)


def _wait(server: subprocess.Popen[bytes], at: str) -> None:
    for _ in range(300):
        assert server.poll() is None, "mariadbd ended at once"
        if not Path(at).exists():
            time.sleep(0.1)
            continue
        with suppress(pymysql.Error):
            with (
                pymysql.connect(unix_socket=at, user="root", ssl_disabled=True) as line,
                line.cursor() as cursor,
            ):
                cursor.execute("INSTALL SONAME 'auth_ed25519'")
                by = "CREATE USER %s@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD(%s)"
                cursor.execute(by, (OTHER_USER, PASSWORD))
                cursor.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (USER, PASSWORD))
            return
        time.sleep(0.1)
    raise AssertionError("mariadbd does not answer")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        return port
