"""The locked requirements: written by `./toban lock`, proven fresh by `./toban check` without a package index."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from config.stack import ROOT

FOLDER = ROOT / "requirements"
# Each list is resolved within the one before, so that a package has one version in all of them.
ORDER = ("production", "demo", "dev", "bootstrap")
# What stands in an environment of its own, because it wants other versions.
ALONE = ("semgrep",)
MADE_FROM = re.compile(r"^# made from: ([0-9a-f]{64})$", re.MULTILINE)


def write(names: tuple[str, ...] = (*ORDER, *ALONE)) -> int:
    """Resolve every list anew; versions already locked stay where they still fit (delete a .txt to let it go)."""
    for name in names:
        command: list[str | Path] = [
            Path(sys.executable).with_name("uv"), "pip", "compile", "-q", "--universal", "--generate-hashes",
            "--python-version", "3.11", "--no-emit-index-url", "--no-emit-find-links", "--no-header",
            *constraint(name), f"{name}.in", "-o", f"{name}.txt",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=FOLDER, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"})
        if done.returncode != 0:
            return done.returncode
        locked = FOLDER / f"{name}.txt"
        locked.write_text(f"# Written by ./toban lock.\n# made from: {source(name)}\n{locked.read_text()}")
    return 0


def constraint(name: str) -> list[str]:
    """The shorter list that this one has to agree with."""
    place = ORDER.index(name) if name in ORDER else 0
    return ["-c", f"{ORDER[place - 1]}.txt"] if place else []


def source(name: str) -> str:
    """A digest of a list's .in file and of all that it includes."""
    text = (FOLDER / f"{name}.in").read_text()
    included = re.findall(r"^-r (\w+)\.in$", text, re.MULTILINE)
    return hashlib.sha256("\0".join([text, *map(source, included)]).encode()).hexdigest()


def stale() -> list[str]:
    """What is wrong with the locks, one sentence each."""
    findings = []
    for name in (*ORDER, *ALONE):
        locked = FOLDER / f"{name}.txt"
        made_from = MADE_FROM.search(locked.read_text()) if locked.exists() else None
        if made_from is None or made_from[1] != source(name):
            findings.append(
                f"requirements/{name}.txt does not come from {name}.in as it is now: run ./toban lock"
            )
        elif re.search(r"https?://", locked.read_text()):
            findings.append(
                f"requirements/{name}.txt names an address; package indexes belong to the machine, not to us"
            )
    return findings


def main() -> int:
    """Say what is stale."""
    findings = stale()
    print("\n".join(findings) or "the locks are fresh")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
