"""A real Redmine for tests and measurements, for whoever asks for one: started by tests/redmine/start.sh, ended with them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config.datafolder import StackError
from config.stack import ROOT

SCRIPT = ROOT / "tests" / "redmine" / "start.sh"
#: Where the tests read what the script said of the server.
VARIABLE = "TOBAN_TEST_REDMINE"


@contextlib.contextmanager
def real_redmine() -> Iterator[dict[str, str]]:
    """The environment that names a Redmine with fresh data on loopback. REDMINE_HOME, where it is set, is used and kept.

    Raises StackError where none can be had.
    """
    kept = os.environ.get("REDMINE_HOME")
    home = Path(kept or tempfile.mkdtemp(prefix="toban-redmine-"))
    env = {**os.environ, "REDMINE_HOME": str(home), "REDMINE_PORT": str(_free_port())}
    try:
        done = subprocess.run([SCRIPT, "reset"], env=env, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise StackError(
                "No Redmine can be had here; the lines above say why. Tests without --redmine use a fake."
            )
        yield {VARIABLE: done.stdout.strip()}
    finally:
        subprocess.run([SCRIPT, "stop"], env=env, stdout=subprocess.DEVNULL)
        if not kept:
            shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
