"""PostgreSQL and Valkey from wheels, for real: crashes, half-made clusters, two starts at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from config.datafolder import NOBODY, DataFolder, StackError
from config.embedded import Servers, find_binaries
from config.processes import is_running
from config.stack import ROOT

from .conftest import connect

Start = Callable[[], Servers]

STARTER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from config.datafolder import NOBODY, DataFolder
    from config.embedded import Servers
    folder = DataFolder(Path(sys.argv[1]))
    folder.prepare()
    servers = Servers(folder)
    with folder.locked():
        servers.start(background=False)
        servers.wait(background=False)
        servers.make_roles()
    print(servers.postgres_pid(), servers.valkey_pid(), ",".join(sorted(servers.launched)), flush=True)
    sys.stdin.read()
""")


def starter(folder: DataFolder) -> subprocess.Popen[str]:
    """Another process that starts the folder's servers and holds them until its stdin is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder.path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
    process.wait(20)


def test_both_servers_answer_and_stop_cleanly(folder: DataFolder, start: Start) -> None:
    servers = start()
    with connect(servers) as database:
        assert database.execute("SHOW fsync").fetchone() == ("on",)
        assert database.execute("SHOW data_checksums").fetchone() == ("on",)
        assert database.execute("SHOW listen_addresses").fetchone() == ("",)
        assert database.execute("SELECT upper('ｔｏｂａｎé')").fetchone() == ("ＴＯＢＡＮÉ",)
    assert folder.run.stat().st_mode & 0o077 == 0
    servers.stop({"postgres", "valkey"})
    assert (servers.postgres_pid(), servers.valkey_pid()) == (None, None)
    assert "database system is shut down" in (folder.logs / "postgres.log").read_text()


def test_what_was_committed_survives_kill_9_of_both(start: Start) -> None:
    servers = start()
    with connect(servers) as database:
        database.execute("CREATE TABLE kept (n int)")
        database.execute("INSERT INTO kept VALUES (1)")
    broker = redis.Redis(unix_socket_path=str(servers.valkey_socket))
    broker.rpush("queue", "message")
    broker.execute_command("WAITAOF", 1, 0, 5000)
    broker.close()
    for pid in (servers.postgres_pid(), servers.valkey_pid()):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    again = start()
    with connect(again) as database:
        assert database.execute("SELECT n FROM kept").fetchall() == [(1,)]
    broker = redis.Redis(unix_socket_path=str(again.valkey_socket))
    assert broker.llen("queue") == 1
    broker.close()


def test_a_pid_file_that_names_somebody_else_does_not_stop_the_start(
    folder: DataFolder, start: Start
) -> None:
    servers = start()
    pid = servers.postgres_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until_gone(pid)
    file = folder.path / "pg" / "postmaster.pid"
    rest = file.read_text().split("\n", 1)[1]
    file.write_text(f"{os.getpid()}\n{rest}")  # as when the pid was given away again meanwhile
    assert start().postgres_pid() not in (None, pid)


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_half_made_cluster_is_made_again(folder: DataFolder, start: Start) -> None:
    (folder.path / "pg.new").mkdir()
    (folder.path / "pg.new" / "PG_VERSION").write_text("18\n")  # initdb writes it first of all
    with connect(start()) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    assert not (folder.path / "pg.new").exists()


def test_a_cluster_of_another_version_is_said_not_touched(folder: DataFolder) -> None:
    (folder.path / "pg").mkdir()
    (folder.path / "pg" / "PG_VERSION").write_text("9\n")
    with pytest.raises(StackError, match=r"PostgreSQL 9.*--fresh"):
        Servers(folder).start(background=False)
    assert (folder.path / "pg" / "PG_VERSION").read_text() == "9\n"


def test_running_servers_are_adopted(folder: DataFolder, start: Start) -> None:
    first = start()
    second = start()
    assert second.postgres_pid() == first.postgres_pid()
    assert second.launched == {}, "who did not start them must not stop them"


def test_two_starts_at_once_share_one_pair(folder: DataFolder) -> None:
    one, two = starter(folder), starter(folder)
    try:
        first, second = said(one).split(), said(two).split()
        assert first[:2] == second[:2]
        owners = [line[2] for line in (first, second) if len(line) > 2]
        assert owners == ["postgres,valkey"]
    finally:
        close(one)
        close(two)


def test_servers_of_a_killed_starter_end_with_it_and_the_next_start_works(
    folder: DataFolder, start: Start
) -> None:
    process = starter(folder)
    pids = [int(pid) for pid in said(process).split()[:2]]
    process.kill()
    close(process)
    servers = start()  # at once: what is on its way out must not be adopted
    with connect(servers) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    assert servers.postgres_pid() not in (None, pids[0])
    assert servers.valkey_pid() not in (None, pids[1])


def test_the_application_roles_own_nothing_and_bypass_nothing(start: Start) -> None:
    with connect(start()) as database:
        roles = database.execute(
            "SELECT rolname, rolcanlogin, rolsuper OR rolbypassrls OR rolcreaterole, rolcreatedb FROM pg_roles"
            " WHERE rolname LIKE 'toban\\_%' AND rolname <> 'toban_super' ORDER BY 1"
        ).fetchall()
        owner = database.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'toban'"
        ).fetchone()
    assert roles == [
        ("toban_audit", True, False, False),
        ("toban_keys", False, False, False),
        ("toban_ledger", False, False, False),
        ("toban_owner", True, False, True),
        ("toban_queue", False, False, False),
        ("toban_scheduler", True, False, False),
        ("toban_web", True, False, False),
        ("toban_worker", True, False, False),
    ]
    assert owner == ("toban_owner",)


def test_the_owner_can_give_tables_to_the_ledger_and_the_web_role_cannot_create_any(start: Start) -> None:
    servers = start()
    with connect(servers, "toban_owner") as database:
        database.execute("GRANT CREATE ON SCHEMA public TO toban_ledger")
        database.execute("CREATE TABLE events (n int)")
        database.execute("ALTER TABLE events OWNER TO toban_ledger")
    with connect(servers, "toban_web") as database, pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("CREATE TABLE mine (n int)")


def test_running_the_roles_again_changes_nothing(start: Start) -> None:
    servers = start()
    servers.make_roles()
    servers.make_roles()


def test_a_start_that_fails_shows_the_end_of_the_log(folder: DataFolder, start: Start) -> None:
    start().stop({"postgres", "valkey"})
    (folder.path / "pg" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StackError, match="no_such_setting"):
        start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_without_user_namespaces_becomes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DataFolder(Path(tempfile.mkdtemp(prefix="toban-test-")))  # pytest's own are closed to others
    for parent in [*folder.path.parents, *find_binaries().postgres.parents]:
        if not parent.stat().st_mode & 0o001:
            pytest.skip(f"{parent} is closed to other users")
    folder.prepare()
    servers = Servers(folder)
    try:
        for no_namespaces in ("1", "0"):
            monkeypatch.setenv("TOBAN_NO_USERNS", no_namespaces)
            servers.start(background=False)
            servers.wait(background=False)
            pid = servers.postgres_pid()
            assert Path(f"/proc/{pid}").stat().st_uid == NOBODY, "nobody's cluster stays nobody's"
            servers.stop({"postgres", "valkey"})
    finally:
        servers.kill({"postgres", "valkey"})
        shutil.rmtree(folder.path)
