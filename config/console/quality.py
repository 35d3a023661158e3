"""`./toban check`: everything that can be proven without running the tests."""

from __future__ import annotations

import argparse
import base64
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config.console.throwaway import throwaway_stack
from config.stack import ROOT

BIN = Path(sys.executable).parent
SOURCES = ("medical_audit", "accounts", "infra", "redmine_sync", "config", "client", "toban")
STEPS: Mapping[str, Sequence[str | Path]] = {
    "types": (BIN / "mypy", "."),
    "lint": (BIN / "ruff", "check", "--output-format", "concise", "."),
    "format": (BIN / "ruff", "format", "--check", "--output-format", "concise", "."),
    "bandit": (BIN / "bandit", "-q", "-ll", "-r", "-x", "*/migrations/*", *SOURCES),
    "semgrep": (sys.executable, "-m", "config.console.semgrep"),
    "layers": (BIN / "lint-imports",),
    "templates": (BIN / "djlint", "templates", "--check", "--lint", "--quiet"),
    "locks": (sys.executable, "-m", "config.console.locks"),
    "translations": (sys.executable, "-m", "config.translations", "--check"),
    "vendored files": (sys.executable, "-m", "config.vendor", "--check"),
    "settings": (sys.executable, "manage.py", "check"),
    "deployment": (sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
    "migrations": (sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"),
}


#: What a step has in its environment besides the stack's: `deployment` is asked as `./toban serve` would begin.
BESIDES: Mapping[str, Mapping[str, str]] = {
    "deployment": {
        "TOBAN_ENV": "production",
        "SECRET_KEY": "correct-horse-battery-staple-0123456789-abcdefghijklmnop",
        "ALLOWED_HOSTS": "toban.example.jp",
        "AWS_ENDPOINT_URL": "",
        "TOBAN_CLOCK_OFFSET": "0",
        "TOBAN_MAIL_URL": "",
        "TOBAN_SECRETS_KEYS": "k1:" + base64.b64encode(bytes(32)).decode(),
    }
}


@dataclass(frozen=True, slots=True)
class Result:
    """How one step ended."""

    name: str
    returncode: int
    output: str
    seconds: float


def main(arguments: Sequence[str], *, say: Callable[[str], None]) -> int:
    """Run the steps (or those named), two at a time; 1 when one failed."""
    parser = argparse.ArgumentParser(prog="./toban check", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"which: {', '.join(STEPS)}")
    names = parser.parse_args(arguments).steps or list(STEPS)
    if unknown := set(names) - STEPS.keys():
        parser.error(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    with throwaway_stack(say=say, simulator=False, migrate=False) as stack:
        env = stack.environment()
        with ThreadPoolExecutor(max_workers=2) as pool:
            results = []
            for result in pool.map(lambda name: _run(name, env), names):
                _report(result)
                results.append(result)
    failed = [result.name for result in results if result.returncode != 0]
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll is well.")
    return 1 if failed else 0


def _run(name: str, env: Mapping[str, str]) -> Result:
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in STEPS[name]],
        cwd=ROOT,
        env={**env, **BESIDES.get(name, {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Result(name, done.returncode, done.stdout, time.monotonic() - began)


def _report(result: Result) -> None:
    print(
        f"{'ok    ' if result.returncode == 0 else 'FAILED'}  {result.name:<14} {result.seconds:5.1f} s",
        flush=True,
    )
    if result.returncode != 0:
        print("\n".join(f"        {line}" for line in result.output.strip().splitlines()), flush=True)
