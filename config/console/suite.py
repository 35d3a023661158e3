"""`./toban test`: pytest in a stack of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from config.console.throwaway import throwaway_stack
from config.processes import run_in_front
from config.stack import ROOT

OWN_CHOICE = ("-n", "--numprocesses", "--pdb", "--trace", "--collect-only", "--co")


def main(arguments: Sequence[str], *, say: Callable[[str], None]) -> int:
    """Run pytest, in as many processes as there are cores unless the arguments choose; gives pytest's exit code."""
    spread = ["-n", "auto"] if is_spread(arguments) else []
    with throwaway_stack(say=say) as stack:
        return run_in_front(
            [sys.executable, "-m", "pytest", *spread, *arguments],
            env=stack.environment(),
            cwd=ROOT,
            patience=30,
        )


def is_spread(arguments: Sequence[str]) -> bool:
    """Whether the tests run in several processes: unless the arguments say how many, or want a terminal."""
    return not any(argument.startswith(OWN_CHOICE) for argument in arguments)
