"""A repository as people push to it: real git, over file:// or over a real sshd on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_PERSON = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "開発", "GIT_AUTHOR_EMAIL": "dev1@example.net",
    "GIT_COMMITTER_NAME": "開発", "GIT_COMMITTER_EMAIL": "dev1@example.net", "HOME": "/nonexistent",
}  # fmt: skip


def git(where: Path, *command: str) -> str:
    environment = {**os.environ, **_PERSON}
    done = subprocess.run(
        ["git", "-C", str(where), *command], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@dataclass
class Origin:
    """`folder` holds acme/portal.git, and a work tree beside it."""

    folder: Path
    commits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bare.parent.mkdir(parents=True)
        git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        git(self.folder, "clone", "--quiet", str(self.bare), str(self.work))
        git(self.work, "checkout", "--quiet", "-b", "main")

    @property
    def bare(self) -> Path:
        return self.folder / "acme" / "portal.git"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def url(self) -> str:
        return f"file://{self.bare}"

    def push(self, *messages: str, branch: str = "main") -> str:
        """One commit a message, pushed; gives the last."""
        for message in messages:
            (self.work / "file").write_text(f"{len(self.commits)} {message}")
            git(self.work, "add", "file")
            git(self.work, "commit", "--quiet", "-m", message)
            self.commits.append(git(self.work, "rev-parse", "HEAD"))
        git(self.work, "push", "--quiet", "origin", f"HEAD:{branch}")
        return self.commits[-1]

    def amend(self, message: str) -> str:
        """Rewrite the last commit and push it by force."""
        git(self.work, "commit", "--quiet", "--amend", "-m", message)
        git(self.work, "push", "--quiet", "--force", "origin", "HEAD:main")
        self.commits[-1] = git(self.work, "rev-parse", "HEAD")
        return self.commits[-1]

    def delete(self, branch: str) -> None:
        git(self.work, "push", "--quiet", "origin", f":{branch}")


@dataclass
class Sshd:
    """A real sshd of our own user, which lets one public key do one thing: be asked for this repository."""

    folder: Path
    port: int = 0
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> Sshd:
        assert SSHD is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.change_host_key()
        return self

    def change_host_key(self) -> None:
        """Another machine answers from now on."""
        self.stop()
        for name in ("host", "host.pub"):
            (self.folder / name).unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "host")], check=True
        )
        if not self.port:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                self.port = one.getsockname()[1]
        (self.folder / "keys").touch(mode=0o600)
        config = self.folder / "config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/keys\n"
            f"StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\nPermitRootLogin prohibit-password\n"
        )
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd asks for its own empty folder, whatever is set
        with (self.folder / "log").open("ab") as log:
            command = [str(SSHD), "-D", "-e", "-f", str(config)]
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def let_in(self, *public_keys: str) -> None:
        (self.folder / "keys").write_text("".join(f"{one}\n" for one in public_keys))

    def stop(self) -> None:
        if self.child is not None:
            self.child.terminate()
            self.child.wait()
            self.child = None
