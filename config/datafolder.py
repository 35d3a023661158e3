"""The one folder that holds everything of a stack: servers' files, sockets, logs, secret key, remembered values."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medical_audit.domain.checkpoint import ORIGIN
from medical_audit.domain.notes import Signer

MARKER = ".toban"
STACK_LOCK = ".lock"
DEMO_LOCK = ".demo-lock"
# A socket path may be 107 bytes long (sun_path); the longest name that we put behind the folder has 22.
LONGEST_RUN_FOLDER = 80
NOBODY = 65534


class StackError(Exception):
    """Something that a person can mend; the text says what and how."""


def default_path(environ: Mapping[str, str]) -> Path:
    """The folder that TOBAN_DATA names, else one under the user's state folder."""
    if named := environ.get("TOBAN_DATA"):
        return Path(named).expanduser().absolute()
    if state := environ.get("XDG_STATE_HOME"):
        return Path(state).absolute() / "toban"
    return Path.home() / ".local" / "state" / "toban"


class DataFolder:
    """One stack's folder: made on first use, marked as ours, closed to everybody else."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.run = self._run_folder()

    def prepare(self) -> None:
        """Make the folder and what must lie in it. Refuses a folder with foreign files or of another user."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            marker = self.path / MARKER
            if (
                not marker.exists()
            ):  # first of all, so that another start at this moment takes the folder for ours
                marker.write_text("The data folder of a Toban stack. `./toban demo --fresh` empties it.\n")
            self.path.chmod(0o700)
            self.logs.mkdir(exist_ok=True)
            self.run.mkdir(mode=0o700, exist_ok=True)
        except PermissionError as error:
            raise StackError(
                f"The data folder {self.path} cannot be used by this user ({error}). "
                "Set TOBAN_DATA to a folder of your own."
            ) from error

    def clear(self) -> None:
        """Remove what is in the folder, but only if it carries our marker. Servers must be down."""
        if not self.path.exists() or not any(self.path.iterdir()):
            return
        if not (self.path / MARKER).exists():
            raise StackError(
                f"{self.path} does not look like a Toban data folder (no file {MARKER}); it is left alone."
            )
        for entry in self.path.iterdir():
            if entry.name in (MARKER, STACK_LOCK, DEMO_LOCK):
                continue  # a lock file must not vanish under the one who holds it
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.remove_run_folder()

    def remove_run_folder(self) -> None:
        """Remove the socket folder when it had to be put outside of the data folder."""
        if self.run.parent != self.path:
            shutil.rmtree(self.run, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder while servers are started or stopped; others wait."""
        with (self.path / STACK_LOCK).open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def demo_lock(self) -> Iterator[None]:
        """Be the one demo of this folder, or say that there is one already."""
        with (self.path / DEMO_LOCK).open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StackError(
                    f"A demo is already running on {self.path}. Stop it with Ctrl-C, "
                    "or give this one its own folder: TOBAN_DATA=DIR ./toban demo --port N"
                ) from error
            yield

    def demo_is_running(self) -> bool:
        """Whether somebody holds the demo lock."""
        try:
            with self.demo_lock():
                return False
        except StackError:
            return True

    def remembered(self, key: str) -> Any:
        """A value kept from an earlier run, or None."""
        return self._memory().get(key)

    def remember(self, key: str, value: Any) -> None:
        """Keep a value for later runs; None forgets it."""
        memory = self._memory() | {key: value}
        fresh = self.path / "memory.json.new"
        fresh.write_text(
            json.dumps({k: v for k, v in memory.items() if v is not None}, indent=1, sort_keys=True)
        )
        fresh.replace(self.path / "memory.json")

    def secret_key(self) -> str:
        """The Django secret key of this stack, made once."""
        file = self.path / "secret_key"
        if not file.exists():
            self._once(file, secrets.token_urlsafe(50))
        return file.read_text().strip()

    def seal_key(self) -> tuple[Path, str]:
        """The file with this stack's sealing key, made once, and the public key that belongs to it."""
        file, public = self.path / "seal_key", self.path / "seal_key.pub"
        if not public.exists():
            self._once(file, Signer.generate(ORIGIN).seed())
            self._once(public, str(Signer.from_text(ORIGIN, file.read_text()).verifier))
        return file, public.read_text().strip()

    @staticmethod
    def _once(file: Path, text: str) -> None:
        """Write a file that is made once and closed to others: of two first starts one wins, and both read the same."""
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)
        fresh.unlink()

    def _memory(self) -> dict[str, Any]:
        try:
            memory = json.loads((self.path / "memory.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return memory if isinstance(memory, dict) else {}

    def _run_folder(self) -> Path:
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= LONGEST_RUN_FOLDER:
            return inside
        short = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"toban-{short}"

    def _refuse_foreign(self) -> None:
        marker = self.path / MARKER
        entries = sorted(entry.name for entry in self.path.iterdir())
        if entries and MARKER not in entries:
            raise StackError(
                f"{self.path} holds files that are not Toban's (for instance {entries[0]}). "
                "Set TOBAN_DATA to an empty or a new folder."
            )
        # PostgreSQL may have made the folder nobody's (config/embedded.py); the marker stays with who began.
        for place in (marker if marker.exists() else self.path, self.run):
            owner = place.stat().st_uid if place.exists() else os.geteuid()
            if owner != os.geteuid() and not (place == self.run and os.geteuid() == 0 and owner == NOBODY):
                raise StackError(
                    f"{place} belongs to another user (uid {owner}). "
                    "Use the stack as that user, or set TOBAN_DATA to a folder of your own."
                )
