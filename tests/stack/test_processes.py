"""Child processes: they stop in order, say how they died, and never outlive their supervisor."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.processes import Stopped, Supervisor, end, interruptible, is_running, last_lines, run_in_front
from config.stack import ROOT

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor whose children are ended after the test."""
    made = Supervisor(logs=tmp_path, cwd=tmp_path)
    yield made
    made.kill()


def until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    """Wait for what another process has to do."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_up(log: Path) -> bool:
    """Whether the child has said that it listens to signals now."""
    return "up" in last_lines(log)


def test_stop_ends_group_after_group(supervisor: Supervisor, tmp_path: Path) -> None:
    note = (
        "import pathlib, signal, sys, time\n"
        "def leave(*_):\n"
        f"    with open({str(tmp_path / 'order')!r}, 'a') as f: f.write(sys.argv[1] + '\\n')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave); print('up', flush=True); time.sleep(600)"
    )
    for name in ("worker", "web", "extra"):
        supervisor.start(name, [sys.executable, "-c", note, name], env=os.environ)
    for name in ("worker", "web", "extra"):
        until(functools.partial(is_up, tmp_path / f"{name}.log"))
    supervisor.stop(order=[["web"], ["worker"]])
    assert (tmp_path / "order").read_text().split() == ["web", "worker", "extra"]
    assert supervisor.children == {}


def test_a_child_that_does_not_listen_is_ended_by_force(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("mule", STUBBORN, env=os.environ)
    until(lambda: "up" in last_lines(tmp_path / "mule.log"))
    pid = supervisor.children["mule"].pid
    supervisor.stop(patience=0.1)
    assert not is_running(pid)


def test_a_dead_child_is_named_with_the_end_of_its_log(supervisor: Supervisor) -> None:
    supervisor.start("aws", [sys.executable, "-c", "raise SystemExit('no endpoint given')"], env=os.environ)
    until(supervisor.death)
    said = str(supervisor.death())
    assert said.startswith("aws ended by itself (exit code 1).")
    assert "no endpoint given" in said


def test_a_killed_child_is_told_by_its_signal(supervisor: Supervisor) -> None:
    supervisor.start("aws", SLEEP, env=os.environ)
    os.kill(supervisor.children["aws"].pid, signal.SIGKILL)
    until(supervisor.death)
    assert "signal SIGKILL" in str(supervisor.death())


def test_no_child_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import os, sys, time
        from pathlib import Path
        from config.processes import Supervisor
        supervisor = Supervisor(logs=Path({str(tmp_path)!r}), cwd=Path({str(tmp_path)!r}))
        supervisor.start("one", {SLEEP!r}, env=os.environ)
        supervisor.start("two", {STUBBORN!r}, env=os.environ)
        print(*[child.pid for child in supervisor.children.values()], flush=True)
        time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert [is_running(pid) for pid in pids] == [True, True]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not any(is_running(pid) for pid in pids))


def test_a_zombie_does_not_count_as_running() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: not is_running(child.pid))
    assert child.wait() == 0


def test_end_goes_on_to_the_stronger_signal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(STUBBORN, stdout=log)
    until(lambda: "up" in last_lines(tmp_path / "log"))
    end([child.pid], [(signal.SIGTERM, 0.1), (signal.SIGKILL, 10)])
    assert child.wait() in (0, -signal.SIGKILL)  # 0: `end` has collected it already


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_to_stop(signum: int) -> None:
    with pytest.raises(Stopped) as caught, interruptible(lambda: None):
        signal.raise_signal(signum)
    assert caught.value.signum == signum


def test_a_second_signal_forces(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import time
        from config.processes import Stopped, interruptible
        with interruptible(lambda: print("forced", flush=True)):
            try:
                print("up", flush=True)
                time.sleep(600)
            except Stopped:
                print("stopping", flush=True)
                time.sleep(1)
                print("ready for the second", flush=True)
                time.sleep(600)
    """)
    with (tmp_path / "out").open("wb") as out:
        child = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=out)
    until(lambda: "up" in last_lines(tmp_path / "out"))
    child.send_signal(signal.SIGINT)
    until(lambda: "ready" in last_lines(tmp_path / "out"))
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == 130
    assert last_lines(tmp_path / "out").splitlines()[-1] == "forced"


def test_a_command_in_front_gives_its_exit_code(tmp_path: Path) -> None:
    assert run_in_front([sys.executable, "-c", "raise SystemExit(7)"], env=os.environ, cwd=tmp_path) == 7
