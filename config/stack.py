"""A local stack: PostgreSQL, Valkey and the AWS simulator of one data folder, and the environment that names them.

Where the environment brings a database and a broker of its own (DATABASE_URL and REDIS_URL), those are used and
nothing is started but, for a demo, the simulator.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from config.datafolder import DataFolder, StackError
from config.embedded import SUPERUSER, Servers, is_there, remember_tie
from config.processes import end, last_lines, launch

ROOT = Path(__file__).resolve().parent.parent
SIMULATOR_START_S = 60.0
ROLE_URLS = {
    "DATABASE_URL": "toban_web",
    "DATABASE_WORKER_URL": "toban_worker",
    "DATABASE_SCHEDULER_URL": "toban_scheduler",
    "DATABASE_AUDIT_URL": "toban_audit",
    "DATABASE_OWNER_URL": "toban_owner",
    "DATABASE_SUPERUSER_URL": SUPERUSER,
}
# What a stack sets itself. Nothing of these may leak in from the user's shell: least of all real AWS credentials.
OWN_PREFIXES = ("AWS_", "DATABASE_", "PG")
OWN_NAMES = ("REDIS_URL", "SECRET_KEY", "TOBAN_ENV", "TOBAN_CLOCK_OFFSET", "DJANGO_SETTINGS_MODULE")


class Stack:
    """One data folder with its servers. `say` receives one line per step that takes time."""

    def __init__(
        self,
        folder: DataFolder,
        *,
        environ: Mapping[str, str] = os.environ,
        mode: str = "development",
        say: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.mode = mode
        self.say = say
        self.servers = Servers(folder, durable=mode != "test")
        self.simulator = Simulator(folder)
        self.outside = self._outside(environ)
        self.inherited = {
            name: value
            for name, value in environ.items()
            if not name.startswith(OWN_PREFIXES) and name not in OWN_NAMES
        }

    def _outside(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The servers that the environment brings, if they are not our own (as after `eval "$(./toban env)"`)."""
        given = {name: environ[name] for name in (*ROLE_URLS, "REDIS_URL") if environ.get(name)}
        if "DATABASE_URL" not in given or given["DATABASE_URL"] in map(self.url, ROLE_URLS.values()):
            return {}
        missing = [name for name in ("REDIS_URL", *ROLE_URLS) if name not in given]
        missing = [name for name in missing if name not in ("DATABASE_SUPERUSER_URL", "DATABASE_AUDIT_URL")]
        if missing:
            raise StackError(
                f"DATABASE_URL names a database of your own, but {', '.join(missing)} is missing. "
                "Set these too (see .env.example), or unset DATABASE_URL to use the servers that Toban brings."
            )
        return given

    # --- environment -----------------------------------------------------------------------------------------------

    def url(self, role: str) -> str:
        """The database URL of one role over the local socket."""
        return f"postgres://{role}@/toban?host={self.folder.run}"

    def exports(self) -> dict[str, str]:
        """The variables that a process of this stack needs; the same whether the stack is up or down."""
        seal_key, public_key = self.folder.seal_key()
        return {
            **{name: self.url(role) for name, role in ROLE_URLS.items()},
            "REDIS_URL": f"unix://{self.servers.valkey_socket}?db=0",
            **self.outside,
            "AWS_ENDPOINT_URL": self.simulator.url(),
            "TOBAN_MIRRORS": str(self.folder.path / "mirrors"),
            "AWS_ACCESS_KEY_ID": "toban",
            "AWS_SECRET_ACCESS_KEY": "toban",
            "AWS_DEFAULT_REGION": "ap-northeast-1",
            "TOBAN_AWS_PRINCIPAL_ARN": "arn:aws:iam::123456789012:user/toban",
            "SECRET_KEY": self.folder.secret_key(),
            "ALLOWED_HOSTS": "127.0.0.1,localhost" + (",testserver" if self.mode == "test" else ""),
            "TOBAN_ENV": self.mode,
            "TOBAN_DATA": str(self.folder.path),
            "TOBAN_STATIC_ROOT": str(self.folder.path / "static"),
            "TOBAN_SEAL_KEY_FILE": str(seal_key),
            "TOBAN_SEAL_PUBLIC_KEYS": public_key,
            "TOBAN_ANCHOR_FILE": str(self.folder.path / "seals.jsonl") if self.mode == "development" else "",
        }

    def environment(self, role: str = "DATABASE_URL", **more: str) -> dict[str, str]:
        """A whole process environment, connected as the role behind one of the DATABASE_*_URL names."""
        exports = self.exports()
        return self.inherited | exports | {"DATABASE_URL": exports[role], "PYTHONUNBUFFERED": "1"} | more

    # --- up and down -----------------------------------------------------------------------------------------------

    def up(
        self, *, background: bool, migrate: bool = True, simulator: bool = True, patient: bool = True
    ) -> None:
        """Start what is not yet running, in parallel, and bring the schema up to date.

        background: the servers stay when we go; else the kernel ends them with us, whatever happens to us.
        patient: wait for the simulator too, the slowest; else the caller does (`simulator.wait()`).
        """
        with self.folder.locked():
            if simulator:
                self.simulator.start(background=background, env=self.inherited)
            if not self.outside:
                self.servers.start(background=background)
                self.servers.wait(background=background)
                self.servers.make_roles()
            if migrate:
                self._migrate()
            if simulator and patient:
                self.simulator.wait()

    @property
    def started(self) -> set[str]:
        """Names of what this object started and has not stopped yet."""
        return set(self.servers.launched) | ({"simulator"} if self.simulator.launched else set())

    def running(self) -> dict[str, int]:
        """Names and pids of what runs."""
        found = {
            "postgres": self.servers.postgres_pid(),
            "valkey": self.servers.valkey_pid(),
            "simulator": self.simulator.pid(),
        }
        return {name: pid for name, pid in found.items() if pid}

    def down(self, names: set[str] | None = None) -> None:
        """Stop these servers cleanly; without names, those that this object started."""
        names = self.started if names is None else names
        with self.folder.locked():
            if "simulator" in names:
                self.simulator.stop()
            self.servers.stop(names)
        if not self.running():
            self.folder.remove_run_folder()

    def kill(self) -> None:
        """End what this object started, at once."""
        if self.simulator.launched:
            self.simulator.stop(patience=0)
        self.servers.kill(self.started)

    # --- what has to be brought up to date ---------------------------------------------------------------------------

    def manage(self, *arguments: str, role: str = "DATABASE_URL", **more: str) -> None:
        """Run a Django command; raises StackError with what it said when it fails."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(role, **more),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StackError(
                f"manage.py {' '.join(arguments)} failed:\n{readable(done.stdout + done.stderr)}"
            )

    def collect_static(self) -> None:
        """Bring the static files into the data folder, unless that has been done for these very files."""
        print_now = _fingerprint(
            _files("static/**/*", "*/static/**/*", "requirements/demo.txt"), contents=False
        )
        if self.folder.remembered("static") != print_now or not (self.folder.path / "static").exists():
            self.manage("collectstatic", "--noinput", "--clear", "-v", "0")
            self.folder.remember("static", print_now)

    def _migrate(self) -> None:
        """Migrate as the owner of the tables, unless that has been done for these very migrations."""
        print_now = _fingerprint(
            _files(
                "*/migrations/*.*",
                "config/roles.sql",
                "config/guard.sql",
                "config/any_clock.sql",
                "requirements/production.txt",
            )
        )
        if self.outside or self.folder.remembered("schema") != print_now:
            self.say("Bringing the database schema up to date ...")
            self.manage("migrate", "--noinput", "-v", "0", role="DATABASE_OWNER_URL")
            if not self.outside:
                self.servers.allow_any_clock()
                self.servers.guard_ledger()
            self.folder.remember("schema", print_now)


class Simulator:
    """The AWS simulator of one stack: a process of its own with HTTP on the loopback address."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.state = folder.path / "simulator"
        self.launched: subprocess.Popen[bytes] | None = None

    def url(self) -> str:
        """Where it listens; the port is chosen once and remembered."""
        port = self.folder.remembered("simulator_port")
        if not isinstance(port, int):
            port = self._choose_port()
        return f"http://127.0.0.1:{port}"

    def pid(self) -> int | None:
        """The pid of the process that serves our state folder, if there is one."""
        mine = b"\0--state\0" + os.fsencode(self.state) + b"\0"
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                said = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                if mine in said and b"\0config.simulator\0" in said:
                    return int(entry.name)
        return None

    def start(self, *, background: bool, env: Mapping[str, str]) -> None:
        """Start it if it does not answer, without waiting; at another port when ours is taken by now."""
        if is_there(self.folder, "simulator", self.pid):
            if self._answers(patience=10):
                return
            self.stop(patience=1)
        url = self.url()
        if not is_free(int(url.rsplit(":", 1)[1])):
            url = f"http://127.0.0.1:{self._choose_port()}"
        self.state.mkdir(exist_ok=True)
        self.launched = launch(
            [
                sys.executable,
                "-m",
                "config.simulator",
                "--port",
                url.rsplit(":", 1)[1],
                "--state",
                self.state,
            ],
            log=self.folder.logs / "simulator.log",
            env={**env, "TOBAN_DATA": str(self.folder.path)},
            cwd=ROOT,
            orphan_signal=None if background else signal.SIGTERM,
        )
        remember_tie(self.folder, "simulator", self.launched.pid, background=background)

    def wait(self) -> None:
        """Wait until it answers."""
        if not self._answers(patience=SIMULATOR_START_S):
            log = self.folder.logs / "simulator.log"
            raise StackError(f"The AWS simulator did not start. The end of {log}:\n{last_lines(log)}")

    def stop(self, *, patience: float = 10) -> None:
        """Ask it to end, by force when it does not within `patience` seconds."""
        if pid := self.pid():
            end([pid], [(signal.SIGTERM, patience), (signal.SIGKILL, 5)])
        if self.launched:
            self.launched.poll()
        self.launched = None

    def _answers(self, *, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if get_json(f"{self.url()}/_sim/stats") is not None:
                return True
            if self.launched and self.launched.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def _choose_port(self) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.folder.remember("simulator_port", port)
        return port


def get_json(url: str, *, timeout: float = 5) -> object | None:
    """What a URL answers as JSON, also with an error status; None when nobody answers or it is not JSON."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # nosec B310  only http://127.0.0.1
            text = answer.read()
    except urllib.error.HTTPError as refusal:
        text = refusal.read()
    except OSError:
        return None
    try:
        said: object = json.loads(text)
    except ValueError:
        return None
    return said


def readable(output: str) -> str:
    """A command's output for a person: of a settings error only its sentence, not the way through the code."""
    for line in reversed(output.splitlines()):
        if line.startswith("django.core.exceptions.ImproperlyConfigured: "):
            return line.split(": ", 1)[1]
    return output.strip()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _files(*patterns: str) -> list[Path]:
    return sorted({file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()})


def _fingerprint(files: Iterable[Path], *, contents: bool = True) -> str:
    """A digest of the files: of what is in them, or (for many large ones) of their sizes and dates."""
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        said = file.read_bytes() if contents else f"{status.st_size} {status.st_mtime_ns}".encode()
        digest.update(f"{file.relative_to(ROOT)}\0{len(said)}\0".encode() + said)
    return digest.hexdigest()
