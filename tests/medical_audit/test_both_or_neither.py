"""If an event cannot be written, what it records does not happen; nothing is half done."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connection

from accounts.domain.permissions import Role
from medical_audit.domain.states import State
from medical_audit.operations import entry
from tests.conftest import _admin
from tests.factories import make_tenant
from tests.medical_audit.desk import APPLIED, APPLY, Desk
from tests.medical_audit.support import Database, note


@pytest.fixture
def deaf_ledger(superuser_connection: Database) -> Iterator[None]:
    """The ledger's one entrance is closed to everybody."""
    roles = "toban_web, toban_worker, toban_scheduler, toban_audit"
    superuser_connection.execute(f"REVOKE EXECUTE ON FUNCTION ledger.log(uuid, text[]) FROM {roles}")
    yield
    superuser_connection.execute(f"GRANT EXECUTE ON FUNCTION ledger.log(uuid, text[]) TO {roles}")


@pytest.fixture
def this_month_missing(superuser_connection: Database) -> Iterator[None]:
    """Nobody made this month's partition."""
    month = _month(superuser_connection)
    superuser_connection.execute(f"ALTER TABLE ledger.event DETACH PARTITION ledger.{month[0]}")
    yield
    superuser_connection.execute(
        f"ALTER TABLE ledger.event ATTACH PARTITION ledger.{month[0]} FOR VALUES FROM ('{month[1]}') TO ('{month[2]}')"
    )
    superuser_connection.execute(f"SELECT ledger.guard('ledger.{month[0]}'::regclass)")


def _month(database: Database) -> tuple[str, str, str]:
    row = database.execute(
        "SELECT to_char(t, '\"event_\"YYYY_MM'), (t AT TIME ZONE 'UTC')::text, ((t + interval '1 month') AT TIME ZONE 'UTC')::text "
        "FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AS t) m"
    ).fetchone()
    assert row is not None
    return (row[0], row[1], row[2])


@pytest.fixture
def insert_revoked(superuser_connection: Database) -> Iterator[None]:
    """The role behind the function may not insert any more."""
    superuser_connection.execute("REVOKE INSERT ON ledger.event FROM toban_ledger")
    yield
    superuser_connection.execute("GRANT INSERT ON ledger.event TO toban_ledger")


@pytest.fixture
def disk_full(superuser_connection: Database, tmp_path: Path) -> Iterator[None]:
    """This month's events lie on a disk that holds hardly more than them, and it is full: not one more can be written."""
    database, table = superuser_connection, f"ledger.{_month(superuser_connection)[0]}"
    (bytes_now,) = database.execute("SELECT pg_table_size(%s::regclass)", [table]).fetchall()[0]
    space, disk = f"full_{uuid.uuid4().hex[:12]}", tmp_path / "disk"
    disk.mkdir()
    for folder in (disk, *disk.parents[:4]):
        folder.chmod(folder.stat().st_mode | 0o711)
    (home,) = database.execute("SHOW data_directory").fetchall()[0]
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={int(str(bytes_now)) + (4 << 20)}", "none", str(disk)],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"a disk of its own needs the right to mount: {done.stderr.strip()}")
    try:
        shutil.chown(disk, Path(str(home)).stat().st_uid)
        database.execute(f"CREATE TABLESPACE {space} LOCATION '{disk}'")
        database.execute(f"ALTER TABLE {table} SET TABLESPACE {space}")
        with contextlib.suppress(OSError), (disk / "ballast").open("wb") as ballast:
            while True:
                ballast.write(bytes(4096))
                ballast.flush()
        tenant_id = uuid.uuid4()
        refusals: list[BaseException | None] = []
        while len(refusals) < 3:  # what is free in the last page
            try:
                note(tenant_id)
            except DatabaseError as error:
                refusals.append(error.__cause__)
        assert all(isinstance(one, psycopg.errors.DiskFull) for one in refusals)
        yield
    finally:
        (disk / "ballast").unlink(missing_ok=True)
        database.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
        database.execute(f"DROP TABLESPACE IF EXISTS {space}")
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture(params=["deaf_ledger", "insert_revoked", "this_month_missing", "disk_full"])
def broken(request: pytest.FixtureRequest, desk: Desk) -> str:
    """Each way of not getting an event written. The fixture is asked for late, after the story's beginning."""
    return str(request.param)


def test_no_move_of_a_person_happens_without_its_event(
    broken: str, desk: Desk, request: pytest.FixtureRequest
) -> None:
    waiting, local, confirmed = (
        desk.enter(),
        desk.enter(APPLY, Role.ADMINISTRATOR),
        desk.confirm(desk.enter()),
    )
    approver, operator, now = desk.actor(Role.APPROVER), desk.actor(Role.OPERATOR), desk.clock()
    request.getfixturevalue(broken)
    attempts = {
        "enter": desk.enter,
        "confirm": lambda: desk.confirm_as(waiting, approver),
        "apply": lambda: desk.confirm_as(local, approver),
        "reject": lambda: entry.reject(waiting.id, actor=approver, now=now, reason="no"),
        "withdraw": lambda: entry.withdraw(waiting.id, actor=operator, now=now),
        "cancel": lambda: entry.cancel(confirmed.id, actor=approver, now=now, reason="no"),
    }
    for attempt in attempts.values():
        with pytest.raises(DatabaseError):
            attempt()
    assert [desk.row(one).state for one in (waiting, local, confirmed)] == [
        State.ENTERED,
        State.ENTERED,
        State.CONFIRMED,
    ]


def test_aws_is_not_called_when_the_intent_cannot_be_recorded(
    broken: str, desk: Desk, request: pytest.FixtureRequest
) -> None:
    (operation,) = desk.confirmed()
    request.getfixturevalue(broken)
    desk.drain()
    assert desk.outside.called() == []
    row = desk.row(operation)
    assert (row.state, row.attempts) == (State.CONFIRMED, 0)


def test_work_goes_on_when_the_ledger_is_back(desk: Desk, superuser_connection: Database) -> None:
    (operation,) = desk.confirmed()
    superuser_connection.execute("REVOKE EXECUTE ON FUNCTION ledger.log(uuid, text[]) FROM toban_worker")
    desk.drain()
    superuser_connection.execute("GRANT EXECUTE ON FUNCTION ledger.log(uuid, text[]) TO toban_worker")
    desk.clock.pass_(seconds=60)
    desk.drain()
    assert desk.row(operation).state == State.RUNNING


def test_an_answer_that_cannot_be_recorded_is_settled_by_looking(
    desk: Desk, superuser_connection: Database
) -> None:
    """The call went out; its outcome was not written. Nobody calls again, somebody looks."""
    (operation,) = desk.confirmed()
    grant = "ON FUNCTION ledger.log(uuid, text[])"

    def revoke() -> None:
        superuser_connection.execute(f"REVOKE EXECUTE {grant} FROM toban_worker")

    desk.outside.before_call = revoke
    desk.drain()
    superuser_connection.execute(f"GRANT EXECUTE {grant} TO toban_worker")
    assert desk.row(operation).state == State.RUNNING
    desk.outside.before_call = lambda: None
    desk.clock.pass_(seconds=60)
    desk.drain()
    assert desk.row(operation).state == State.SUCCEEDED
    assert desk.outside.called() == [operation.target_id]


@contextlib.contextmanager
def database_down() -> Iterator[None]:
    """Nobody gets into this worker's database, and whoever was in it is out."""
    name = connection.settings_dict["NAME"]
    with _admin() as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename <> 'toban_super'",
            [name],
        )
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            connection.close()


def test_nothing_happens_while_the_database_is_down(desk: Desk) -> None:
    waiting, (confirmed,) = desk.enter(), desk.confirmed()
    approver = desk.actor(Role.APPROVER)
    with database_down():
        for attempt in (lambda: desk.confirm_as(waiting, approver), desk.enter, desk.drain):
            with pytest.raises(DatabaseError):
                attempt()
    assert desk.outside.called() == []
    assert [desk.row(one).state for one in (waiting, confirmed)] == [State.ENTERED, State.CONFIRMED]
    desk.drain()
    assert desk.outside.called() == [confirmed.target_id]


def test_no_tenant_is_founded_without_its_event(deaf_ledger: None) -> None:
    with pytest.raises(DatabaseError):
        make_tenant()


def test_a_local_kind_is_undone_when_its_event_cannot_be_written(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    operation = desk.enter(APPLY, Role.ADMINISTRATOR)
    approver = desk.actor(Role.APPROVER)
    request.getfixturevalue("deaf_ledger")
    with pytest.raises(DatabaseError):
        desk.confirm_as(operation, approver)
    assert operation.id not in APPLIED
    assert desk.row(operation).state == State.ENTERED
