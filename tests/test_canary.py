"""Nothing of one tenant is to be read by another, whoever asks wherever: with both walls, and with either of them gone.

Every text of every table of a tenant says the same word; another tenant's people read every page, every answer of the API and every
window of the admin that they may, and the word is looked for in what they got, in what was written for them, in the log, in mails and in
Valkey. The ledger's own tables keep the database's wall throughout: the role that could take it down owns them (tests/test_walls.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import redis
from django.core import mail
from django.db import connection, models
from django.test import Client

from accounts.domain.permissions import Role
from tests import factories, one_wall
from tests.asking import IN_TENANT, Asking
from tests.conftest import _admin
from tests.stage import Stage, make_stage
from tests.stock import fill
from tests.test_matrix import EXPECTED

WORD = "よその病院の鳥"
ESCAPED = WORD.encode("unicode_escape").decode()
TABLES = one_wall.tables()
READERS = (Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR)
Database = psycopg.Connection[tuple[object, ...]]


@contextmanager
def superuser() -> Iterator[Database]:
    with _admin(connection.settings_dict["NAME"]) as database:
        database.execute("SET session_replication_role = replica")
        yield database


def sing(tenant_id: object) -> tuple[int, int]:
    """Write the word into every column that takes it; returns in how many it stands, and of how many."""
    done = tried = 0
    with superuser() as database:
        for model in TABLES:
            for field in model._meta.local_concrete_fields:
                as_json = isinstance(field, models.JSONField)
                if not as_json and not (
                    isinstance(field, models.CharField | models.TextField) and not field.choices
                ):
                    continue
                tried += 1
                value = "to_jsonb(ARRAY[%s])" if as_json else "%s"
                try:
                    database.execute(
                        f'UPDATE {model._meta.db_table} SET "{field.column}" = {value} WHERE tenant_id = %s',
                        [WORD, tenant_id],
                    )
                except (
                    psycopg.errors.CheckViolation,
                    psycopg.errors.StringDataRightTruncation,
                    psycopg.errors.UniqueViolation,
                ):
                    continue
                done += 1
    return done, tried


def got(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(body.decode("utf-8", "replace"))


def has_word(text: str) -> bool:
    return WORD in text or ESCAPED in text


@pytest.fixture(params=["both walls", "without the ORM's", "without the database's"])
def ours(request: pytest.FixtureRequest, ledger_of_its_own: None, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A tenant that reads, beside one whose every word is the same."""
    singing = fill()
    other = make_stage(singing.cast)
    (row,) = other.resources(1, name=WORD, project=WORD)
    other.entered(row)
    done, tried = sing(singing.tenant_id)
    assert tried > 150
    assert done > 0.8 * tried
    ours = make_stage(factories.make_cast())
    if request.param == "without the ORM's":
        one_wall.take_down_the_orms(monkeypatch)
    if request.param == "without the database's":
        with superuser() as database:
            one_wall.take_down_the_databases(database)
    return ours


def test_nothing_of_another_tenant_is_read_anywhere(ours: Stage, caplog: pytest.LogCaptureFixture) -> None:
    seats: dict[Role, Client] = {role: ours.client(role) for role in READERS}
    read = 0
    for name in IN_TENANT:
        expected = EXPECTED[name].by_method.get("GET", {})
        for role in (one for one in READERS if expected.get(one) == 200):
            asking = Asking(ours, name)
            answer = asking.ask(seats[role], "GET", asking.url())
            assert not has_word(got(answer)), (name, role)
            read += answer.status_code == 200
            break
    assert read > 150
    with superuser() as database:
        for model in TABLES:
            found = database.execute(
                f"SELECT count(*) FROM {model._meta.db_table} AS one WHERE tenant_id = %s AND one::text LIKE %s",
                [ours.cast.tenant.id, f"%{WORD}%"],
            ).fetchone()
            assert found == (0,), model.__name__
    assert not has_word(caplog.text)
    assert not [one for one in mail.outbox if has_word(str(one.message()))]
    kept = redis.Redis.from_url(os.environ["REDIS_URL"])
    assert not [key for key in kept.scan_iter() if has_word(key.decode("utf-8", "replace"))]
