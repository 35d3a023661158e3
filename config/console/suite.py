"""`./toban test`: pytest in a stack of its own; with `--redmine` the tickets' tests meet a real Redmine instead of the fake."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence

from config.console.redmine import real_redmine
from config.console.throwaway import throwaway_stack
from config.processes import run_in_front
from config.stack import ROOT

OWN_CHOICE = ("-n", "--numprocesses", "--pdb", "--trace", "--collect-only", "--co")
REDMINE = "--redmine"
TICKETS = "tests/redmine"


def main(arguments: Sequence[str], *, say: Callable[[str], None]) -> int:
    """Run pytest, in one process more than there are cores (many tests wait) unless the arguments choose; gives pytest's exit code."""
    real, arguments = REDMINE in arguments, for_pytest(arguments)
    spread = ["-n", str(len(os.sched_getaffinity(0)) + 1)] if is_spread(arguments) else []
    with contextlib.ExitStack() as opened:
        more = opened.enter_context(real_redmine()) if real else {}
        stack = opened.enter_context(throwaway_stack(say=say, migrate=False))  # its tests make theirs
        return run_in_front(
            [sys.executable, "-m", "pytest", *spread, *arguments],
            env=stack.environment(**more),
            cwd=ROOT,
            patience=30,
        )


def for_pytest(arguments: Sequence[str]) -> list[str]:
    """What is left for pytest; with a real Redmine and no path named, the tests that it changes."""
    rest = [argument for argument in arguments if argument != REDMINE]
    named = any(argument.startswith("tests") for argument in rest)
    return [*rest, TICKETS] if REDMINE in arguments and not named else rest


def is_spread(arguments: Sequence[str]) -> bool:
    """Whether the tests run in several processes: unless the arguments say how many, or want a terminal."""
    return not any(argument.startswith(OWN_CHOICE) for argument in arguments)
