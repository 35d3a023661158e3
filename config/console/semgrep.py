"""`./toban check semgrep`: our own laws about the shape of the code (config/semgrep.yml), each tried on its samples first.

Semgrep wants other versions of packages than we do, so it stands in an environment of its own beside ours, from its own lock.
It is told to send nothing and to ask nobody.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from config.stack import ROOT

RULES = ROOT / "config" / "semgrep.yml"
LOCK = ROOT / "requirements" / "semgrep.txt"
HOME = Path(sys.prefix) / "semgrep"
WHAT = ("medical_audit", "accounts", "infra", "redmine_sync", "config", "client", "templates")


def main() -> int:
    """Say every finding as `file:line: rule: why`; 1 when there is one, or a rule that does not do what its samples say."""
    install()
    findings = untrue() or [f"{one.place}: {one.rule}: {one.why}" for one in scan(ROOT, WHAT)]
    print("\n".join(findings) or f"{len(rules())} rules, and nothing that they forbid")
    return 1 if findings else 0


class Finding:
    """One place that a rule forbids."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.rule = str(said["check_id"]).rpartition(".")[2]
        self.file = Path(said["path"])
        self.place = f"{said['path']}:{said['start']['line']}"
        self.why = str(said["extra"]["message"])


def rules() -> list[dict[str, Any]]:
    """The rules as they are written."""
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["rules"]
    return found


def untrue() -> list[str]:
    """What is wrong with the rules themselves: one that its bad sample does not break, or its good one does."""
    wanted: set[tuple[str, str]] = set()
    with tempfile.TemporaryDirectory() as folder:
        for rule in rules():
            told = rule["metadata"]
            for name in ("bad", "good"):
                place = Path(folder, f"{rule['id']}-{name}", told["at"])
                place.parent.mkdir(parents=True)
                place.write_text(told[name], encoding="utf-8")
            wanted.add((rule["id"], f"{rule['id']}-bad"))
        found = {(one.rule, one.file.parts[0]) for one in scan(Path(folder), ["."])}
    missed = [
        f"config/semgrep.yml: {rule} does not find its bad sample" for rule, _ in sorted(wanted - found)
    ]
    return missed + [f"config/semgrep.yml: {rule} finds {place}" for rule, place in sorted(found - wanted)]


def scan(folder: Path, what: Sequence[str]) -> list[Finding]:
    """Everything in these places of a folder that a rule forbids, by file and line."""
    command = [
        HOME / "bin" / "semgrep", "scan", "--config", RULES, "--metrics=off", "--disable-version-check", "--disable-nosem",
        "--no-git-ignore", "--x-ignore-semgrepignore-files", "--jobs=2", "--json", "--quiet", *what,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as own:
        env = {
            **os.environ,
            "HOME": own,
            "PATH": f"{HOME / 'bin'}:{os.environ['PATH']}",
            "SEMGREP_SEND_METRICS": "off",
        }
        done = subprocess.run(
            [str(one) for one in command], cwd=folder, env=env, capture_output=True, text=True
        )
    said = json.loads(done.stdout or "{}")
    if done.returncode not in (0, 1) or said.get("errors", True):
        raise SystemExit(f"semgrep could not read everything:\n{said.get('errors', '')}\n{done.stderr}")
    return sorted(map(Finding, said["results"]), key=lambda one: one.place)


def install() -> None:
    """Make semgrep's environment hold what its lock says; does nothing where it does already."""
    mark, wanted = HOME / ".toban", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    print(
        "Installing semgrep beside the environment (once; about half a minute) ...",
        file=sys.stderr,
        flush=True,
    )
    venv.create(HOME, clear=True)
    listed = ["--require-hashes", "-r", str(LOCK)]
    quick = [str(Path(sys.prefix, "bin", "uv")), "pip", "install", "-q", "--python", str(HOME), *listed]
    slow = [sys.executable, "-m", "pip", "--python", str(HOME), "install", "-q", *listed]
    tries = (slow,) if "PIP_NO_INDEX" in os.environ else (quick, slow)
    if not any(subprocess.run(one).returncode == 0 for one in tries):
        raise SystemExit(
            "semgrep could not be installed from requirements/semgrep.txt; the lines above say why."
        )
    mark.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main())
