"""`./toban serve`: the production processes under one supervisor, settings from the environment."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from config.console.programs import EVERYTHING, STOP_ORDER, Program, programs
from config.datafolder import DataFolder, StackError, default_path
from config.processes import Stopped, Supervisor, interruptible
from config.stack import ROOT, Stack, readable


def main(arguments: Sequence[str], *, say: Callable[[str], None]) -> int:
    """Run the named processes (default all); 0 when asked to stop, 1 when one died, 2 when a setting is wrong."""
    parser = argparse.ArgumentParser(prog="./toban serve", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="PROCESS", help=f"which processes: {', '.join(EVERYTHING)}"
    )
    parser.add_argument("--bind", default="127.0.0.1:8000", help="address and port of the web server")
    parser.add_argument("--web-workers", type=int, default=2, help="processes of the web server")
    parser.add_argument("--logs", type=Path, help="a folder for one log per process (default: all to stderr)")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(EVERYTHING):
        parser.error(f"no such process: {', '.join(sorted(unknown))}; there are {', '.join(EVERYTHING)}")
    stack = _local_stack(say) if os.environ.get("TOBAN_ENV") == "development" else None
    with tempfile.TemporaryDirectory(prefix="toban-serve-") as scratch:
        every = programs(bind=options.bind, state=Path(scratch), web_workers=options.web_workers)
        chosen = [every[name] for name in options.names or EVERYTHING]
        return Serve(chosen, logs=options.logs, stack=stack, say=say).run()


def _local_stack(say: Callable[[str], None]) -> Stack:
    folder = DataFolder(default_path(os.environ))
    folder.prepare()
    return Stack(folder, say=say)


class Serve:
    """One run of the production processes."""

    def __init__(
        self, chosen: Sequence[Program], *, logs: Path | None, stack: Stack | None, say: Callable[[str], None]
    ) -> None:
        self.chosen = chosen
        self.stack = stack
        self.say = say
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
        self.supervisor = Supervisor(logs=logs, cwd=ROOT)

    def run(self) -> int:
        """Check the settings, start, and stay until a signal comes or a process dies."""
        with interruptible(self._force):
            try:
                if self.stack:
                    self.stack.up(background=False)
                    self.stack.collect_static()
                for program in {program.role: program for program in self.chosen}.values():
                    self._check(program)
                for program in self.chosen:
                    self.supervisor.start(program.name, program.command, env=self._environment(program))
                self.say(f"Running: {', '.join(program.name for program in self.chosen)}.")
                while not (death := self.supervisor.death()):
                    time.sleep(0.5)
                self.say(str(death))
                return 1
            except Stopped:
                self.say("Stopping ...")
                return 0
            finally:
                self.supervisor.stop(order=STOP_ORDER, patience=30)
                if self.stack:
                    self.stack.down()

    def _environment(self, program: Program) -> dict[str, str]:
        if self.stack:
            return self.stack.environment(program.role, TOBAN_PROCESS=program.name)
        if not os.environ.get(program.role):
            raise StackError(
                f"{program.role} is not set: the process {program.name!r} connects to PostgreSQL with it "
                "(which role stands in config/roles.sql, what it looks like in .env.example)."
            )
        return {**os.environ, "DATABASE_URL": os.environ[program.role], "TOBAN_PROCESS": program.name}

    def _check(self, program: Program) -> None:
        """Have Django prove the settings as this process will see them, before anything is started."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", "check", "--deploy", "--database", "default"],
            cwd=ROOT,
            env=self._environment(program),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StackError(readable(done.stdout + done.stderr))

    def _force(self) -> None:
        self.supervisor.kill()
        if self.stack:
            self.stack.kill()
