"""Child processes that are told apart by name, log to files, stop in order, and never outlive their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
LARGEST_LOG = 20_000_000
IMPATIENCE_S = 0.5

_libc = ctypes.CDLL(None, use_errno=True)


class Stopped(BaseException):
    """A signal asked us to stop. Raised once, in the main thread."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


def end_with_parent(signum: int) -> Callable[[], None]:
    """For `preexec_fn`: have the kernel send `signum` to the child when its parent dies, however it dies.

    The kernel looks at the parent's THREAD: such children must be started from the main thread.
    """
    parent = os.getpid()

    def arm() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


def launch(
    command: Sequence[str | Path],
    *,
    log: Path | None,
    env: Mapping[str, str],
    cwd: Path,
    orphan_signal: int | None,
    identity: Mapping[str, Any] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (Ctrl-C does not reach it), output appended to `log` (None: where ours goes).

    orphan_signal: what the kernel sends it when we die; None lets it live on in the background.
    """
    if log and log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") if log else contextlib.nullcontext(None) as out:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=None if orphan_signal is None else end_with_parent(orphan_signal),
            **(identity or {}),
        )


def is_running(pid: int) -> bool:
    """Whether the process does anything; a zombie that nobody collects counts as gone."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def parent_of(pid: int) -> int | None:
    """The pid of a process's parent; None when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def end(pids: Sequence[int], steps: Sequence[tuple[int, float]]) -> None:
    """Send each step's signal to those still running and wait up to its seconds, until all are gone."""
    for signum, patience in steps:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                if is_running(pid):
                    os.kill(pid, signum)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            collect(pids)
            if not any(is_running(pid) for pid in pids):
                return
            time.sleep(0.02)


def collect(pids: Sequence[int]) -> None:
    """Take the exit status of our own children among `pids`, so that no zombies stay."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, for a message to a person."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 8_000))
            lines = handle.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(lines[-count:])


@dataclass(frozen=True, slots=True)
class Death:
    """A child that ended although nobody asked it to."""

    name: str
    returncode: int
    log: Path | None

    def __str__(self) -> str:
        how = f"exit code {self.returncode}"
        if self.returncode < 0:
            how = f"signal {signal.Signals(-self.returncode).name}"
        said = f" The end of {self.log}:\n{last_lines(self.log)}" if self.log else ""
        return f"{self.name} ended by itself ({how}).{said}"


class Supervisor:
    """The application's processes of one run: web, workers, beat. `logs`: a folder, or None for our own output."""

    def __init__(self, *, logs: Path | None, cwd: Path) -> None:
        self.logs = logs
        self.cwd = cwd
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        orphan_signal: int = signal.SIGKILL,
    ) -> None:
        """Start a child by name. Its work is safe at any SIGKILL, so that is what an orphan gets."""
        self.children[name] = launch(
            command, log=self.log(name), env=env, cwd=self.cwd, orphan_signal=orphan_signal
        )

    def log(self, name: str) -> Path | None:
        """Where a child writes."""
        return self.logs / f"{name}.log" if self.logs else None

    def death(self) -> Death | None:
        """The first child that is no longer there."""
        for name, child in self.children.items():
            if (returncode := child.poll()) is not None:
                return Death(name, returncode, self.log(name))
        return None

    def stop(self, *, order: Sequence[Sequence[str]] = (), patience: float = 10) -> None:
        """Ask group after group to end (those not named come last), and end by force who does not within `patience`."""
        named = [name for group in order for name in group]
        rest = [name for name in self.children if name not in named]
        for group in [*order, rest]:
            pids = [self.children[name].pid for name in group if name in self.children]
            end(pids, [(signal.SIGTERM, patience)])
            for name in group:
                if child := self.children.get(name):
                    kill_session(child)
                    del self.children[name]

    def kill(self) -> None:
        """End everything now."""
        for child in self.children.values():
            kill_session(child)
        self.children.clear()


def kill_session(child: subprocess.Popen[bytes]) -> None:
    """SIGKILL the child and whatever it started (its process group), and collect it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5)


@contextlib.contextmanager
def interruptible(force: Callable[[], None]) -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into `Stopped`; a second one calls `force` and leaves at once."""
    first: list[float] = []

    def handler(signum: int, frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            raise Stopped(signum)
        if time.monotonic() - first[0] > IMPATIENCE_S:  # a wrapper may pass on the same Ctrl-C a second time
            force()
            os._exit(130)

    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # not under nohup
        signals.append(signal.SIGHUP)
    before = [signal.signal(signum, handler) for signum in signals]
    try:
        yield
    finally:
        for signum, old in zip(signals, before, strict=True):
            signal.signal(signum, old)


def run_in_front(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, patience: float = 20
) -> int:
    """Run a command in our terminal and give its exit code; asked to stop, let it end first."""
    child = subprocess.Popen(
        [str(part) for part in command], env=dict(env), cwd=cwd, preexec_fn=end_with_parent(signal.SIGTERM)
    )
    try:
        return child.wait()
    except Stopped as stop:
        if stop.signum != signal.SIGINT or not sys.stdin.isatty():  # a terminal has told the child already
            child.send_signal(signal.SIGINT)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise
