"""What the measurements share: wall and CPU seconds of a phase, calls it made, tables and JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.simulated import ask


@dataclass
class Phase:
    """One part of a round: seconds of the clock and of this process's CPU, calls by action."""

    name: str
    wall_s: float = 0.0
    cpu_s: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        return {
            "wall_s": round(self.wall_s, 2),
            "cpu_s": round(self.cpu_s, 2),
            "calls": self.calls,
            **self.facts,
        }


@contextmanager
def measured(name: str, accounts: Iterable[str]) -> Iterator[Phase]:
    """Measure what happens inside."""
    phase, mine = Phase(name), list(accounts)
    before, wall, cpu = calls_of(mine), time.perf_counter(), time.process_time()
    yield phase
    phase.wall_s, phase.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    phase.calls = dict(sorted((calls_of(mine) - before).items()))


def calls_of(accounts: Iterable[str]) -> Counter[str]:
    """Calls so far by action."""
    found: Counter[str] = Counter()
    for number in accounts:
        found.update(ask(f"counts?account={number}")["by_action"])
    return found


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people, on stderr."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    print(f"\n{title}\n" + "\n".join(f"  {line}" for line in lines), file=sys.stderr, flush=True)


def report(numbers: Mapping[str, Any]) -> None:
    """The JSON object, on stdout."""
    print(json.dumps(numbers, ensure_ascii=False))


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    return {
        name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)
        for name, share in at.items()
    }
