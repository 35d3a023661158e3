"""A stack in a temporary folder, for tests and measurements; never the user's."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from config.datafolder import DataFolder
from config.processes import interruptible
from config.stack import Stack


@contextlib.contextmanager
def throwaway_stack(
    *, say: Callable[[str], None], mode: str = "test", simulator: bool = True, migrate: bool = True
) -> Iterator[Stack]:
    """Bring a stack up in a folder of its own, and leave nothing of it behind; a signal raises Stopped inside."""
    place = Path(tempfile.mkdtemp(prefix="toban-"))
    folder = DataFolder(place)
    stack = Stack(
        folder,
        environ={k: v for k, v in os.environ.items() if not k.startswith("DATABASE_")},
        mode=mode,
        say=say,
    )
    with interruptible(stack.kill):
        try:
            folder.prepare()
            stack.up(background=False, migrate=migrate, simulator=simulator)
            yield stack
        finally:
            stack.down({"postgres", "valkey", "simulator"})
            shutil.rmtree(place, ignore_errors=True)
