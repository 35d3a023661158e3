"""The stack under test is real: PostgreSQL, Valkey and the AWS simulator of the environment (`./toban test` brings them).

Tests commit for real and are kept apart by tenant: each makes its own tenants and its own AWS account numbers, so
nothing is truncated (the ledger could not be) and any number of tests run side by side. Each pytest worker has a
database of its own, copied from a template that is migrated once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from django.db import connection, connections
from psycopg import sql

from tests import factories, one_wall, simulated

ROOT = Path(__file__).resolve().parent.parent
#: Tests pass a time of their own.
ANY_CLOCK = ROOT / "config" / "any_clock.sql"
STACKLESS = ("simulator", "stack", "infra/domain")


def _admin(database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
    parts = urlsplit(os.environ["DATABASE_SUPERUSER_URL"])
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return psycopg.connect(
        dbname=database,
        autocommit=True,
        host=host,
        port=parts.port or 5432,
        user=parts.username or "",
        password=parts.password or "",
    )


def _migrations_hash() -> str:
    files = [*sorted(ROOT.glob("*/migrations/*.*")), ROOT / "medical_audit" / "walls.py", ANY_CLOCK]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.suffix in (".py", ".sql"))).hexdigest()[
        :12
    ]


def _template() -> str:
    """The migrated template database; the first pytest worker makes it, the others wait."""
    name = f"toban_template_{_migrations_hash()}{one_wall.WITHOUT and '_without_' + one_wall.WITHOUT}"
    with open(Path(tempfile.gettempdir()) / f"{name}.lock", "w") as lock, _admin() as admin:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [name]).fetchone():
            return name
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER toban_owner TEMPLATE template0 ENCODING 'UTF8'").format(
                sql.Identifier(name)
            )
        )
        owner = os.environ["DATABASE_OWNER_URL"].replace("/toban?", f"/{name}?")
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True,
                       env=os.environ | {"DATABASE_URL": owner})  # fmt: skip
        with _admin(name) as inside:
            inside.execute(ANY_CLOCK.read_bytes())
            _let_replicas_pass(inside)
            if one_wall.WITHOUT == "database":
                one_wall.take_down_the_databases(inside)
        admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(sql.Identifier(name)))
    return name


def _let_replicas_pass(database: psycopg.Connection[tuple[object, ...]]) -> None:
    """Tests plant rows as a superuser whose session is a replica's. `migrate` closes that way (test_guard.py asks); here it is open."""
    database.execute("SELECT ledger.open_maintenance('tests plant rows', interval '10 minutes')")
    for (statement,) in database.execute(
        "SELECT format('ALTER TABLE %s ENABLE TRIGGER %I', t.tgrelid::regclass, t.tgname) FROM pg_trigger t "
        "JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'public'::regnamespace AND t.tgenabled = 'A'"
    ).fetchall():
        database.execute(str(statement).encode())
    database.execute("SELECT ledger.close_maintenance()")


def pytest_configure(config: pytest.Config) -> None:
    """Under `./toban test`, what is found is kept; not in a worker, which speaks to the process that does."""
    if not hasattr(config, "workerinput") and os.environ.get("TOBAN_DATA"):
        from tests.kept_results import KeptResults

        config.pluginmanager.register(KeptResults())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that kill processes and wait come first, then those with a browser: at the end they would hold up everybody."""
    one_wall.skip_what_asks_for_it(items)
    items.sort(key=lambda one: 0 if one.get_closest_marker("chaos") else 1 if _has_browser(one) else 2)


def _has_browser(one: pytest.Item) -> bool:
    return {"site", "browser"} <= set(getattr(one, "fixturenames", ()))


@pytest.fixture(scope="session")
def django_db_setup(worker_id: str, django_db_blocker: object) -> Iterator[None]:
    """This worker's own database, connected to as toban_web unless a test says otherwise."""
    name = f"toban_test_{worker_id}_{os.getpid()}"
    with _admin() as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER toban_owner TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(_template())))  # fmt: skip
    connection.close()
    connection.settings_dict["NAME"] = name
    django_db_blocker.unblock()  # type: ignore[attr-defined]
    yield
    _let_go(name)
    connections.close_all()
    with _admin() as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(autouse=True, scope="session")
def _one_wall() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        if one_wall.WITHOUT == "orm":
            one_wall.take_down_the_orms(monkeypatch)
        yield


@pytest.fixture(autouse=True)
def _database(request: pytest.FixtureRequest) -> None:
    """Every test outside the folders that need no stack finds its database."""
    where = str(request.path.relative_to(ROOT / "tests"))
    if not where.startswith(STACKLESS):
        request.getfixturevalue("django_db_setup")
        _become("web")


#: A connection of each role that is not in use, by database and user: a new backend costs more than most questions.
_KEPT: dict[tuple[str, str], Any] = {}


def _become(role: str) -> None:
    """Go on as this role, on the connection that it had before; one that is in the middle of something is closed."""
    settings, raw = connection.settings_dict, connection.connection
    if _is_idle(raw):
        _KEPT[settings["NAME"], settings["USER"]] = raw
        connection.connection = None
    connection.close()
    settings["USER"] = f"toban_{role}"
    known = _KEPT.pop((settings["NAME"], settings["USER"]), None)
    if known is not None and _is_clean(known):
        connection.connection = known
        connection.closed_in_transaction = connection.errors_occurred = connection.needs_rollback = False


def _is_idle(raw: Any) -> bool:
    idle = psycopg.pq.TransactionStatus.IDLE
    return raw is not None and not connection.in_atomic_block and raw.info.transaction_status == idle


def _is_clean(raw: Any) -> bool:
    """Whether it is there still; nothing is locked by it from now on."""
    try:
        raw.execute("SELECT pg_advisory_unlock_all()")
    except psycopg.Error:
        return False
    return True


def _let_go(name: str) -> None:
    """Close what is kept of a database that goes."""
    for key in [key for key in _KEPT if key[0] == name]:
        _KEPT.pop(key).close()


@contextmanager
def _as_role(role: str) -> Iterator[None]:
    before = connection.settings_dict["USER"].removeprefix("toban_")
    _become(role)
    try:
        yield
    finally:
        _become(before)


AsRole = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def as_role() -> AsRole:
    """`with as_role("worker"):` connects as that database role: web, worker, scheduler, audit, owner, super."""
    return _as_role


@pytest.fixture
def superuser_connection(django_db_setup: None) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser inside this worker's database: the attacker with the database password."""
    with _admin(connection.settings_dict["NAME"]) as admin:
        yield admin


@contextmanager
def _own_database() -> Iterator[None]:
    before = connection.settings_dict["NAME"]
    name = f"{before}_own"
    with _admin() as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER toban_owner TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(_template())))  # fmt: skip
    connection.close()
    connection.settings_dict["NAME"] = name
    yield
    _let_go(name)
    connection.close()
    connection.settings_dict["NAME"] = before
    with _admin() as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def ledger_of_its_own(django_db_setup: None) -> Iterator[None]:
    """A fresh database for one test: whoever seals the platform's ledger, or damages it, does so to every tenant."""
    with _own_database():
        yield


@pytest.fixture(scope="module")
def ledger_of_the_file(django_db_setup: None) -> Iterator[None]:
    """The same, for all tests of a file."""
    with _own_database():
        yield


@pytest.fixture
def cast(django_db_setup: None) -> factories.Cast:
    """A tenant with one person per role, and a stranger who belongs to another tenant."""
    return factories.make_cast()


@pytest.fixture
def aws(cast: factories.Cast) -> simulated.Account:
    """A simulated AWS account of the cast's tenant, its clock switched on by a confirmed operation."""
    return simulated.make_account(cast)
