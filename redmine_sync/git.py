"""The gateway to git: one command at a time, with a deadline, in an environment that asks nobody and reads nobody's settings.

Addresses come from `domain.remotes` only and stand behind `--`; commands are lists, never a shell's text. A private key lies
in a file of its own, in a folder of its own, while its command runs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from redmine_sync.domain.git_problems import GitError, problem_of

#: A first copy over a thin line takes long; one that says nothing for SILENT_S is dead.
FETCH_S = 3600.0
SILENT_S = 120.0
LOOK_S = 30.0
LOCAL_S = 60.0
CONNECT_S = 5
OUTPUT_MAX = 20_000_000
#: So many columns of a message are read: what one person writes must not be too much for a command that reads 500. Letters
#: without a width make no column: where a message is too much all the same, so many of its bytes are read.
MESSAGE_MAX, BYTES_MAX = 10_000, 40_000
COMPLAINT_MAX = 100_000
REFS_MAX = 5_000
STEP_S = 0.05
KEPT = "refs/toban/kept"
#: -c of every command: no hooks, no helpers, nothing that runs or asks, nothing thrown away that Redmine remembers.
QUIET = (
    "core.hooksPath=/dev/null", "core.askPass=", "credential.helper=", "core.fsmonitor=false", "protocol.ext.allow=never",
    "http.followRedirects=false", "fetch.recurseSubmodules=no", "gc.auto=0", "maintenance.auto=false", "core.quotePath=false",
)  # fmt: skip

_LAST_WORD = re.compile(r"\S+\Z")
StillOurs = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Access:
    """How to get at a repository: its address, and for ssh the private key and the one host key that is believed."""

    url: str
    key: str = ""
    host_key: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    id: str
    message: str


class Mirror:
    """A bare copy of one repository in a folder of its own, where Redmine reads. `still_ours` is asked while a command runs
    and raises to end it."""

    def __init__(self, folder: Path, still_ours: StillOurs = lambda: None) -> None:
        self.folder, self.still_ours = folder, still_ours
        self._lock: IO[Any] | None = None

    def exists(self) -> bool:
        return self.folder.exists()

    def make(self) -> None:
        """Make an empty one that the group may read, on which nothing is ever cleaned away. Raises GitError."""
        with _unwritable():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
        run(
            [
                "init",
                "--quiet",
                "--bare",
                "--shared=0640",
                "--template=",
                "--initial-branch=main",
                "--",
                str(self.folder),
            ]
        )
        for name, value in (("gc.auto", "0"), ("gc.pruneExpire", "never")):
            self._git("config", name, value)
        with _unwritable():
            self.folder.chmod(0o2750)

    def check(self) -> None:
        """Raises GitError (mirror_broken) where the folder is no repository of ours."""
        if self._git("rev-parse", "--is-bare-repository").strip() != "true":
            raise GitError("mirror_broken", str(self.folder))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else fetches into it. A git that outlived its worker still holds the lock. Raises GitError (mirror_locked,
        mirror_unwritable, mirror_full)."""
        lock = self.folder.with_suffix(".lock")
        with _unwritable():
            opened = lock.open("a")
        with opened as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise GitError("mirror_locked", str(lock)) from error
            self._lock = held
            try:
                yield
            finally:
                self._lock = None

    def heads(self) -> dict[str, str]:
        """Commit by ref, of branches."""
        return _refs(self._git("for-each-ref", "--format=%(objectname)%09%(refname)", "refs/heads"))

    def fetch(self, access: Access, *, strict: bool) -> None:
        """Make branches here what they are there; those that are gone there go here. `strict` takes nothing that was pushed
        by force. Raises GitError."""
        with _unwritable():
            for left in self._left_behind():
                left.unlink(missing_ok=True)
        spec = "refs/heads/*:refs/heads/*"
        command = [
            "fetch",
            "--progress",
            "--prune",
            "--no-tags",
            "--no-auto-maintenance",
            "--no-write-fetch-head",
        ]
        self._git(
            *command, "--", access.url, spec if strict else f"+{spec}", access=access, patience_s=FETCH_S
        )
        heads = self.heads()
        if heads:
            # Redmine shows the branch that HEAD names; the first commit's name of it is only ever a guess.
            first = next(
                (one for one in ("refs/heads/main", "refs/heads/master") if one in heads), min(heads)
            )
            self._git("symbolic-ref", "HEAD", first)

    def _left_behind(self) -> Iterator[Path]:
        """Half packs and locks of a git that was killed, which the next one would trip over; ours is the only one, see `alone`."""
        yield from (self.folder / "objects" / "pack").glob("tmp_*")
        yield from self.folder.glob("*.lock")
        yield from (self.folder / "refs").rglob("*.lock")

    def fetch_kept(self, access: Access, commit: str) -> bool:
        """Get a commit back that no branch has any more, because Redmine goes on from it; False where it cannot be had."""
        try:
            self._git(
                "fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--", access.url, f"+{commit}:{KEPT}/{commit}",
                access=access, patience_s=FETCH_S,
            )  # fmt: skip
        except GitError:
            return False
        return True

    def has(self, commit: str) -> bool:
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    def goes_on_from(self, old: str, new: str) -> bool:
        """Whether the new commit has the old one among its ancestors: else it was pushed by force."""
        return not self._git("rev-list", "--max-count=1", old, f"^{new}").strip()

    def newest(self, new: Sequence[str], *, but: Sequence[str] = (), limit: int) -> list[Commit]:
        """The last ones of what the new heads have and the others have not, oldest first; messages as text, up to
        MESSAGE_MAX."""
        return self._log([*new, *(f"^{one}" for one in but)], limit=limit) if new else []

    def oldest(self, new: Sequence[str], *, limit: int, skip: int) -> list[Commit]:
        """Of all that the heads have, the first ones from `skip` on, oldest first; messages as text."""
        left = self.count(new) - skip
        limit = min(limit, left)
        return self._log(new, limit=limit, skip=left - limit) if limit > 0 else []

    def count(self, new: Sequence[str], *, but: Sequence[str] = ()) -> int:
        """How many commits the new heads have and the others have not."""
        return int(self._git("rev-list", "--count", *new, *(f"^{one}" for one in but))) if new else 0

    def _log(self, revisions: Sequence[str], *, limit: int, skip: int = 0) -> list[Commit]:
        """git chooses from the newest end on, and so does not tell a whole history to be thrown away here."""
        ids = self._git(
            "rev-list", "--topo-order", f"--max-count={limit}", f"--skip={skip}", *revisions
        ).split()
        return self.messages(ids[::-1])

    def messages(self, ids: Sequence[str]) -> list[Commit]:
        """Those of these commits that are here, in this order. Where that is too much to be said at once, of each half; of a single one how it begins."""
        if not ids:
            return []
        command = (
            "log",
            "--no-walk=unsorted",
            "--ignore-missing",
            "--no-show-signature",
            "-z",
            f"--format=%H%n%<({MESSAGE_MAX},trunc)%B",
            *ids,
        )
        try:
            said = self._git(*command)
        except GitError as error:
            if error.code != "git_too_much":
                raise
        else:
            return [Commit(*_halves(one)) for one in said.split("\0") if one.strip()]
        if len(ids) == 1:
            return [Commit(*_halves(self._git(*command, cut=BYTES_MAX) + ".."))]
        middle = len(ids) // 2
        return [*self.messages(ids[:middle]), *self.messages(ids[middle:])]

    def _git(
        self, *command: str, access: Access | None = None, patience_s: float = LOCAL_S, cut: int | None = None
    ) -> str:
        return run(
            [f"--git-dir={self.folder}", *command], access=access, patience_s=patience_s, still_ours=self.still_ours,
            held=self._lock, cut=cut,
        )  # fmt: skip


def remote_heads(
    access: Access, still_ours: StillOurs = lambda: None, *, patience_s: float = LOOK_S
) -> dict[str, str]:
    """Commit by ref, of the branches there. Raises GitError."""
    command = ["ls-remote", "--heads", "--", access.url]
    heads = _refs(run(command, access=access, patience_s=patience_s, still_ours=still_ours))
    if len(heads) > REFS_MAX:
        raise GitError("git_too_many_branches", str(len(heads)))
    return heads


def host_key_of(host: str, port: int) -> str:
    """The ed25519 key by which a host names itself now, as a line of known_hosts. Raises GitError (git_no_host_key)."""
    command = ["ssh-keyscan", "-T", str(CONNECT_S), "-t", "ed25519", "-p", str(port), "--", host]
    said = _run(
        command, _environment(Path("/nonexistent")), patience_s=LOOK_S, still_ours=lambda: None, held=None
    )
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or len(lines[0]) > 800:
        raise GitError("git_no_host_key", host)
    return lines[0]


def run(
    command: Sequence[str],
    *,
    access: Access | None = None,
    patience_s: float = LOCAL_S,
    still_ours: StillOurs = lambda: None,
    held: IO[Any] | None = None,
    cut: int | None = None,
) -> str:
    """What one git command says; with `cut` so many bytes of it, whatever comes after them. Raises GitError, or what
    `still_ours` raises."""
    arguments = ["git", *(part for one in QUIET for part in ("-c", one)), *command]
    with tempfile.TemporaryDirectory(prefix="toban-git-") as name:
        home = Path(name)
        environment = _environment(home)
        if access is not None and access.key:
            environment["GIT_SSH_COMMAND"] = _ssh(home, access)
        return _run(arguments, environment, patience_s=patience_s, still_ours=still_ours, held=held, cut=cut)


def _environment(home: Path) -> dict[str, str]:
    """Nothing of ours but the way to programs; no settings of a person or of the machine, no questions."""
    protocols = "ssh:https:file" if settings.LOCAL else "ssh:https"
    ca_bundle = {"GIT_SSL_CAINFO": settings.CA_BUNDLE} if settings.CA_BUNDLE else {}
    return {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C", "LANG": "C",
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "never",
        "GIT_ALLOW_PROTOCOL": protocols, "GIT_PROTOCOL_FROM_USER": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat",
        "GIT_SSH_COMMAND": "/bin/false", **ca_bundle,
    }  # fmt: skip


def _ssh(home: Path, access: Access) -> str:
    key, known = home / "key", home / "known_hosts"
    for path, text in ((key, access.key), (known, access.host_key)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text.rstrip("\n") + "\n")
    options = (
        "IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}",
        "GlobalKnownHostsFile=/dev/null", f"ConnectTimeout={CONNECT_S}", "ForwardAgent=no", "ClearAllForwardings=yes",
        "PreferredAuthentications=publickey", "IdentityAgent=none", "HostKeyAlgorithms=ssh-ed25519", "UpdateHostKeys=no",
    )  # fmt: skip
    return shlex.join(
        ["ssh", "-F", "/dev/null", "-i", str(key), *(part for one in options for part in ("-o", one))]
    )


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    patience_s: float,
    still_ours: StillOurs,
    held: IO[Any] | None,
    cut: int | None = None,
) -> str:
    watch = Watch(time.monotonic(), patience_s, min(SILENT_S, patience_s))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            child = subprocess.Popen(
                command, env=dict(environment), cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True, pass_fds=() if held is None else (held.fileno(),), umask=0o027,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise GitError("git_missing", command[0]) from error
        try:
            while child.poll() is None:
                told = os.fstat(out.fileno()).st_size
                if over := watch.over(time.monotonic(), told + os.fstat(err.fileno()).st_size):
                    raise GitError("git_timeout", f"{over:.0f} s")
                if told > (OUTPUT_MAX if cut is None else cut):
                    break
                still_ours()
                time.sleep(STEP_S)
        finally:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if cut is None and os.fstat(out.fileno()).st_size > OUTPUT_MAX:
            raise GitError("git_too_much")
        out.seek(0)
        err.seek(max(0, os.fstat(err.fileno()).st_size - COMPLAINT_MAX))  # what went wrong is said last
        said, complaint = out.read(cut or OUTPUT_MAX), err.read(COMPLAINT_MAX)
    if child.returncode != 0 and (cut is None or len(said) < cut):
        raise problem_of(complaint.decode("utf-8", "replace"))
    return said.decode("utf-8", "replace")


@dataclass(slots=True)
class Watch:
    """When a command has taken too long: `patience_s` altogether, or `silent_s` without a word. Times are monotonic seconds."""

    began: float
    patience_s: float
    silent_s: float
    said: int = 0
    last: float | None = None

    def over(self, now: float, said: int) -> float | None:
        """The limit that is passed, given how many bytes it has said by now."""
        if said != self.said:
            self.said, self.last = said, now
        if now - self.began > self.patience_s:
            return self.patience_s
        return self.silent_s if now - (self.last or self.began) > self.silent_s else None


def _refs(said: str) -> dict[str, str]:
    rows = (line.split("\t", 1) for line in said.splitlines() if "\t" in line)
    return {ref: commit for commit, ref in rows}


def _halves(page: str) -> tuple[str, str]:
    """(id, message) of one commit. git fills a short message with spaces and ends a long one with two dots, perhaps within a
    number, which would be another's then."""
    commit, _, message = page.partition("\n")
    whole = _LAST_WORD.sub("", message) if message.endswith("..") else message
    return commit.strip(), whole.rstrip()


@contextlib.contextmanager
def _unwritable() -> Iterator[None]:
    """What the system says about a folder of mirrors, by name."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise GitError("mirror_full" if full else "mirror_unwritable", str(error)) from error
