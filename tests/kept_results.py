"""What `./toban test` found, kept for the page of requirements: when a test that it names last ran, and how that ended.

`test-results.json` at the root, not in the repository: it goes along with a release that was tested. A part of the suite
renews its part of the file. Only tests that requirements.json names are kept, their parameters taken together.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from medical_audit.queries.tested import FILE, results

ROOT = Path(__file__).resolve().parent.parent
NAMED = ROOT / "medical_audit" / "guidelines" / "requirements.json"


class KeptResults:
    """A pytest plugin; with workers, the process that speaks to them writes."""

    def __init__(self, file: Path = FILE) -> None:
        rows = json.loads(NAMED.read_text(encoding="utf-8"))["requirements"]
        self.file, self.named = file, {test for row in rows for test in row["tests"]}
        self.outcomes: dict[str, set[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("[")[0]
        if name in self.named and (report.when == "call" or not report.passed):
            self.outcomes.setdefault(name, set()).add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        if self.outcomes:
            self.file.write_text(json.dumps(self._all(), indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def _all(self) -> dict[str, Any]:
        now, revision = datetime.now(UTC).isoformat(timespec="seconds"), _revision()
        kept = {
            name: {"outcome": one.outcome, "at": one.at.isoformat(), "revision": one.revision}
            for name, one in results(self.file).items()
            if name in self.named and one.at
        }
        return kept | {
            name: {"outcome": _together(outcomes), "at": now, "revision": revision}
            for name, outcomes in self.outcomes.items()
        }


def _together(outcomes: set[str]) -> str:
    """One that failed is a failure; one that was skipped proves nothing, but hides nothing that passed."""
    return next(one for one in ("failed", "passed", "skipped") if one in outcomes)


def _revision() -> str:
    """Of which revision; "+" where something was changed since; "" outside of a repository."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
