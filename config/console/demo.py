"""`./toban demo`: everything on this machine, with demo data, until Ctrl-C; `--once`: one round and its result."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from config.console.programs import STOP_ORDER, WORKERS, programs
from config.datafolder import DataFolder, StackError, default_path
from config.processes import Stopped, Supervisor, interruptible, run_in_front
from config.stack import ROOT, Stack, get_json, is_free, readable
from infra.domain.calendar import national

FIRST_PAGE_S = 120.0
LINE_EVERY_S = 5.0
SATURDAY = 5


def main(arguments: Sequence[str], *, say: Callable[[str], None]) -> int:
    """Run the demo; 0 after Ctrl-C, 1 when a part of it died, with `--once` the round's own exit code."""
    options = _options(arguments)
    folder = DataFolder(default_path(os.environ))
    if options.fresh:
        _start_over(folder, say=say)
    folder.prepare()
    with folder.demo_lock():
        return Demo(Stack(folder, say=say), options, say=say).run()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./toban demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="one round, its result as JSON on stdout, no web server"
    )
    parser.add_argument(
        "--at", type=_instant, help="the instant that the demo's clock starts at, with its zone"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the data of earlier runs")
    parser.add_argument("--port", type=int, default=8000, help="where the web server listens (default 8000)")
    return parser.parse_args(arguments)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no instant; like 2026-11-30T08:30+09:00") from error
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone; like 2026-11-30T08:30+09:00")
    return instant


def next_working_instant(now: datetime) -> datetime:
    """The same time of day on the first working day in Japan from now on, in JST; `now` itself if that is today."""
    local = now.astimezone(ZoneInfo("Asia/Tokyo"))
    calendar = national(range(local.year, local.year + 2))
    days = (local + timedelta(days=ahead) for ahead in range(30))
    kinds = ((day, calendar.day(day.date())) for day in days)
    return next(day for day, kind in kinds if kind.closed is None and kind.like < SATURDAY)


def _start_over(folder: DataFolder, *, say: Callable[[str], None]) -> None:
    """Stop what runs on the folder and empty it."""
    if not folder.path.exists():
        return
    folder.prepare()
    with folder.demo_lock():
        stack = Stack(folder, say=say)
        if stack.outside:
            raise StackError(
                "--fresh empties Toban's own servers; DATABASE_URL names yours. Empty it yourself."
            )
        stack.down(set(stack.running()))
        with folder.locked():
            folder.clear()
    say(f"Starting over: {folder.path} is empty now.")


class Demo:
    """One run of the demo on a stack whose folder we hold."""

    def __init__(self, stack: Stack, options: argparse.Namespace, *, say: Callable[[str], None]) -> None:
        self.stack = stack
        self.options = options
        self.say = say
        self.url = f"http://127.0.0.1:{options.port}"
        self.supervisor = Supervisor(logs=stack.folder.logs, cwd=ROOT)
        # One round ends when everything has ended: what waits for capacity asks again soon instead of each minute.
        self.story: subprocess.Popen[bytes] | None = None
        self.settings: dict[str, str] = {"TOBAN_URL": self.url}
        if options.once:
            self.settings["TOBAN_RETRY_WAIT_MAX_S"] = "3"

    def run(self) -> int:
        """Start, stay, and stop everything that we started, in order. Raises StackError on servers of one's own."""
        if self.stack.outside:
            raise StackError(
                "The demo lives partly in the past, which a database of your own refuses. Unset DATABASE_URL to use the servers that "
                "Toban brings."
            )
        code = 1
        with interruptible(self._force):
            try:
                code = self._once() if self.options.once else self._stay()
            except Stopped:
                code = 130 if self.options.once else 0
                self.say("Stopping ... (once more to force it)")
            finally:
                if self.story is not None and self.story.poll() is None:
                    self.story.terminate()
                self.supervisor.stop(order=STOP_ORDER)
                self.stack.down()
            if not self.options.once:
                self.say(
                    f"Stopped. The data stay in {self.stack.folder.path}; ./toban demo --fresh starts over."
                )
        return code

    def _stay(self) -> int:
        began = time.monotonic()
        self._check_port()
        self.say("Starting PostgreSQL, Valkey and the AWS simulator ...")
        self.stack.up(background=False, patient=False)
        self.stack.collect_static()
        self._look_on_a_working_day()
        self._set_clock()
        self._start("web")  # it boots while the simulator does
        self.stack.simulator.wait()
        users = self._seed("--story")
        self._remember()
        self._start(*WORKERS, "beat", "sealer")
        self._wait_for_first_page(began)
        self._tell_story()
        self._welcome(users)
        return self._watch()

    def _once(self) -> int:
        self.say("Starting PostgreSQL, Valkey and the AWS simulator ...")
        self.stack.up(background=False)
        self._set_clock()
        self._seed()
        self._set_clock()
        self._start(*WORKERS)
        at = ["--at", self.options.at.isoformat()] if self.options.at else []
        self.say("One round ...")
        return run_in_front(
            [sys.executable, ROOT / "manage.py", "demo_round", "--json", *at],
            env=self.stack.environment("DATABASE_SCHEDULER_URL", **self.settings, TOBAN_PROCESS="round"),
            cwd=ROOT,
        )

    def _look_on_a_working_day(self) -> None:
        """Nothing starts on a weekend or holiday: the demo's clock then goes to the next working day."""
        now = datetime.now(UTC)
        if self.options.at is None and (at := next_working_instant(now)) != now:
            self.options.at = at
            self.say(f"Today is no working day in Japan: the demo's clock says {at:%Y-%m-%d %H:%M} JST.")

    def _set_clock(self) -> None:
        """Make the database's clock, as the processes started from now on read it, say `--at` at this moment."""
        if self.options.at is None:
            return
        with psycopg.connect(
            self.stack.exports()["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
        ) as database:
            row = database.execute("SELECT clock_timestamp()").fetchone()
        now = row[0] if row else datetime.now(UTC)
        self.settings["TOBAN_CLOCK_OFFSET"] = f"{(self.options.at - now).total_seconds():.3f}"

    def _check_port(self) -> None:
        """Refuse a taken port; a moment's patience for a demo that has just been killed."""
        deadline = time.monotonic() + 5
        while not is_free(self.options.port):
            if time.monotonic() > deadline:
                raise StackError(f"Port {self.options.port} is taken. Another one: ./toban demo --port 8010")
            time.sleep(0.2)

    def _tell_story(self) -> None:
        """The demo's people act while everything runs; the demo goes on whatever becomes of it."""
        with (self.stack.folder.logs / "story.log").open("wb") as log:
            self.story = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "demo_story"], cwd=ROOT, stdout=log, stderr=log,
                env=self.stack.environment(**self.settings, TOBAN_PROCESS="story"),
            )  # fmt: skip

    def _seed(self, *options: str) -> list[dict[str, str]]:
        self.say("Laying out the demo fleet ...")
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", "demo_seed", *options],
            cwd=ROOT,
            env=self.stack.environment(**self.settings, TOBAN_PROCESS="seed"),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StackError(f"The demo data could not be laid out:\n{readable(done.stdout + done.stderr)}")
        users = json.loads(done.stdout.strip().splitlines()[-1])["users"]
        return list(users)

    def _remember(self) -> None:
        """What was before the first look, kept as workers keep it; the demo goes on whatever becomes of it."""
        with (self.stack.folder.logs / "past.log").open("wb") as log:
            done = subprocess.run(
                [sys.executable, ROOT / "manage.py", "demo_past"], cwd=ROOT, stdout=log, stderr=log, check=False,
                env=self.stack.environment("DATABASE_WORKER_URL", **self.settings, TOBAN_PROCESS="past"),
            )  # fmt: skip
        if done.returncode:
            self.say(f"The demo has no past; see {self.stack.folder.logs / 'past.log'}")

    def _start(self, *names: str) -> None:
        every = programs(bind=f"127.0.0.1:{self.options.port}", state=self.stack.folder.path)
        for name in names:
            program = every[name]
            env = self.stack.environment(program.role, **self.settings, TOBAN_PROCESS=name)
            self.supervisor.start(name, program.command, env=env)

    def _wait_for_first_page(self, began: float) -> None:
        """Until pages are answered and the clock has gone round once: before that they say that Toban is starting."""
        deadline = time.monotonic() + FIRST_PAGE_S
        while not self._has_ticked(answer := get_json(f"{self.url}/readyz"), time.monotonic() - began):
            if death := self.supervisor.death():
                raise StackError(str(death))
            if time.monotonic() > deadline:
                name = "beat" if isinstance(answer, dict) else "web"
                raise StackError(
                    f"{self.url}/readyz does not say that all is well; see {self.supervisor.log(name)}"
                )
            time.sleep(0.1)
        self.say(f"Ready after {time.monotonic() - began:.0f} s.")

    @staticmethod
    def _has_ticked(answer: object, since_s: float) -> bool:
        """Whether /readyz tells of a tick of this run: what an earlier one left is no sign of life."""
        age = answer.get("tick_age_s") if isinstance(answer, dict) else None
        return age is not None and float(age) < since_s

    def _welcome(self, users: list[dict[str, str]]) -> None:
        width = max((len(user["username"]) for user in users), default=0)
        print(f"\n  {self.url}/\n")
        for user in users:
            print(f"  {user['username']:<{width}}  {user['password']}  {user['role']}")
        print(f"\n  Logs: {self.stack.folder.logs}   Stop: Ctrl-C\n", flush=True)

    def _watch(self) -> int:
        """Show how it goes until a signal comes; a child that dies ends the demo."""
        shown, due = "", 0.0
        while True:
            if death := self.supervisor.death():
                self.say(str(death))
                return 1
            if self.story is not None and self.story.poll():
                self.say(
                    f"Not every scene of the demo could be played; see {self.stack.folder.logs / 'story.log'}"
                )
                self.story = None
            if (gone := self.stack.started - self.stack.running().keys()) and self.stack.started:
                name = sorted(gone)[0]
                self.say(f"{name} ended by itself; see {self.stack.folder.logs / name}.log")
                return 1
            if time.monotonic() >= due:
                due = time.monotonic() + LINE_EVERY_S
                line = summary(get_json(f"{self.url}/readyz"))
                if sys.stdout.isatty():
                    print(f"\r\x1b[K{datetime.now().astimezone():%H:%M:%S}  {line}", end="", flush=True)
                elif (words := re.sub(r"[\d.]+", "", line)) != shown:  # in a log, numbers alone are no news
                    print(line, flush=True)
                    shown = words
            time.sleep(0.5)

    def _force(self) -> None:
        self.supervisor.kill()
        self.stack.kill()


def summary(answer: object) -> str:
    """One line of what /readyz says: each part with its state, whatever the parts are."""
    if not isinstance(answer, dict):
        return "the web server does not answer"
    parts = [
        (f"{name} {key}".strip(), inner)
        for name, value in answer.items()
        for key, inner in (value.items() if isinstance(value, dict) else [("", value)])
    ]
    return " · ".join(f"{name} {value}" for name, value in parts if not isinstance(value, dict | list))
