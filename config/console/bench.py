"""`./toban bench NAME`: a module of tests/bench in a stack of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from config.console.throwaway import throwaway_stack
from config.processes import run_in_front
from config.stack import ROOT


def main(arguments: Sequence[str], *, say: Callable[[str], None]) -> int:
    """Run one measurement; without a name, say which there are."""
    names = sorted(file.stem for file in (ROOT / "tests" / "bench").glob("[!_]*.py"))
    if not arguments or arguments[0] not in names:
        say(f"Measurements: {', '.join(names) or 'none yet'}. Run one with ./toban bench NAME")
        return 0 if not arguments else 2
    with throwaway_stack(say=say, mode="development") as stack:
        return run_in_front(
            [sys.executable, "-m", f"tests.bench.{arguments[0]}", *arguments[1:]],
            env=stack.environment(),
            cwd=ROOT,
        )
