"""What a stack tells its processes, and when it keeps its hands off."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from config.datafolder import DataFolder, StackError
from config.stack import ROOT, Simulator, Stack, get_json, is_free, readable


def stack(folder: DataFolder, environ: Mapping[str, str] | None = None) -> Stack:
    return Stack(folder, environ=environ or {}, say=lambda line: None)


@pytest.fixture
def simulator(folder: DataFolder) -> Iterator[Simulator]:
    """The folder's simulator, stopped after the test."""
    made = Simulator(folder)
    yield made
    made.stop(patience=5)


def test_exports_are_the_same_for_every_reader_of_the_folder(folder: DataFolder) -> None:
    assert stack(folder).exports() == stack(DataFolder(folder.path)).exports()


def test_every_process_connects_as_its_own_role(folder: DataFolder) -> None:
    made = stack(folder)
    assert made.environment()["DATABASE_URL"].startswith("postgres://toban_web@/")
    assert made.environment("DATABASE_WORKER_URL")["DATABASE_URL"].startswith("postgres://toban_worker@/")
    assert made.environment("DATABASE_OWNER_URL")["DATABASE_URL"].startswith("postgres://toban_owner@/")


def test_nothing_of_a_real_account_leaks_into_a_local_stack(folder: DataFolder) -> None:
    mine = {
        "AWS_PROFILE": "hospital-production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "PGPASSWORD": "real",
        "TOBAN_CLOCK_OFFSET": "3600",
        "PATH": "/bin",
    }
    seen = stack(folder, mine).environment()
    assert "real" not in seen.values()
    assert "hospital-production" not in seen.values()
    assert seen["AWS_ACCESS_KEY_ID"] == "toban"
    assert "TOBAN_CLOCK_OFFSET" not in seen
    assert seen["PATH"] == "/bin"


def test_servers_that_the_environment_names_are_used(folder: DataFolder) -> None:
    theirs = {
        "DATABASE_URL": "postgres://toban_web:x@db/toban",
        "DATABASE_WORKER_URL": "postgres://toban_worker:x@db/toban",
        "DATABASE_SCHEDULER_URL": "postgres://toban_scheduler:x@db/toban",
        "DATABASE_OWNER_URL": "postgres://toban_owner:x@db/toban",
        "REDIS_URL": "redis://broker/0",
    }
    made = stack(folder, theirs)
    assert made.outside == theirs
    assert made.exports().items() >= theirs.items()


def test_half_an_environment_is_refused_with_what_is_missing(folder: DataFolder) -> None:
    with pytest.raises(StackError, match=r"REDIS_URL, DATABASE_WORKER_URL"):
        stack(folder, {"DATABASE_URL": "postgres://toban_web:x@db/toban"})


def test_our_own_exports_in_the_environment_are_not_taken_for_foreign_servers(folder: DataFolder) -> None:
    ours = stack(folder).exports()
    assert stack(folder, ours).outside == {}
    assert stack(folder, stack(folder).environment("DATABASE_OWNER_URL")).outside == {}


def test_the_simulator_answers_is_adopted_and_keeps_its_port(
    folder: DataFolder, simulator: Simulator
) -> None:
    simulator.start(background=False, env=os.environ)
    simulator.wait()
    pid, url = simulator.pid(), simulator.url()
    assert isinstance(get_json(f"{url}/_sim/stats"), dict)
    other = Simulator(folder)
    other.start(background=False, env=os.environ)
    other.wait()
    assert (other.pid(), other.url(), other.launched) == (pid, url, None)
    other.stop()
    assert simulator.pid() is None
    assert simulator.url() == url


def test_a_port_that_somebody_took_is_given_up(folder: DataFolder, simulator: Simulator) -> None:
    before = simulator.url()
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", int(before.rsplit(":", 1)[1])))
        thief.listen()
        simulator.start(background=False, env=os.environ)
        simulator.wait()
    assert simulator.url() != before


def test_a_listening_port_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_a_settings_error_is_one_sentence() -> None:
    output = "Traceback (most recent call last):\n  File ...\ndjango.core.exceptions.ImproperlyConfigured: X is not set: give it.\n"
    assert readable(output) == "X is not set: give it."
    assert readable("SystemCheckError: two lines\nof it\n") == "SystemCheckError: two lines\nof it"


def test_serve_names_the_setting_that_is_missing() -> None:
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    toban = [sys.executable, "-m", "config.console", "serve"]
    for given, missing in (
        ({}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "postgres://toban_web@db/toban"}, "SECRET_KEY is not set"),
    ):
        done = subprocess.run(
            toban, cwd=ROOT, env={**bare, **given}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert missing in done.stderr
        assert "Traceback" not in done.stderr
