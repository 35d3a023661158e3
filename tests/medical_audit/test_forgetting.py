"""What races an erasure (ADR 19), what it closes, what goes by itself, and how a name is taken out of what is sent outside."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Thread

import psycopg
from django.db import connection

from accounts.domain.permissions import Role
from accounts.models import User
from accounts.operations.admitting import enter_admit
from medical_audit import clock
from medical_audit.domain.actor import NO_TENANT, Actor, ActorType, Subject
from medical_audit.domain.errors import DomainError
from medical_audit.domain.personal import ERASED, STRANGER, stranger_ends, stranger_of
from medical_audit.models import FailedSignIn, Session
from medical_audit.operations.ledger import record
from medical_audit.queries.people import references_holding
from medical_audit.queries.purges import Keeping
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _admin
from tests.factories import MONDAY_0830, change, told
from tests.medical_audit.support import Database
from tests.medical_audit.test_erasures import NAME, Scene, scene
from tests.stage import signed_in

__all__ = ["scene"]


@contextmanager
def held_by_another(statement: str, values: list[object]) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Another transaction that has done this and not committed yet."""
    with _admin(connection.settings_dict["NAME"]) as other:
        other.autocommit = False
        other.execute("SET LOCAL session_replication_role = replica")
        other.execute("SELECT FROM accounts_user WHERE id = %s FOR UPDATE", values[-1:])
        other.execute(statement, values)
        yield other


def refused_after(
    work: Callable[[], object], other: psycopg.Connection[tuple[object, ...]], database: Database
) -> DomainError | None:
    """What the work is refused with when it has waited for the other transaction."""
    found: list[DomainError | None] = []

    def run() -> None:
        try:
            work()
            found.append(None)
        except DomainError as refusal:
            found.append(refusal)
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while thread.is_alive() and database.execute(waits).fetchone() == (0,):
        thread.join(0.02)
    waited = thread.is_alive()
    other.commit()
    thread.join()
    assert waited, "it did not wait for the other transaction"
    return found[0]


def test_a_role_that_is_given_at_the_same_moment_is_seen(scene: Scene) -> None:
    operation = scene.enter()
    before = scene.dump()
    role = "INSERT INTO accounts_membership (tenant_id, id, role, granted_at, user_id) VALUES (%s, %s, 'viewer', now(), %s)"
    with held_by_another(role, [scene.tenant_id, uuid.uuid4(), scene.gone.id]) as granting:
        refusal = refused_after(lambda: scene.confirm(operation), granting, scene.database)
    assert refusal is not None
    assert refusal.code == "person_still_here"
    assert scene.dump() == before


def test_a_role_is_not_given_to_somebody_who_is_just_erased(scene: Scene) -> None:
    change(scene.gone, is_active=True)
    admin, last = scene.cast.actor(Role.ADMINISTRATOR), (clock.now() + timedelta(days=9)).date()
    operation = enter_admit(
        scene.gone.username, "viewer", "保守会社", last, actor=admin, now=clock.now(), reason="保守の応援"
    )
    closing = "UPDATE accounts_user SET is_active = false WHERE id = %s"
    with held_by_another(closing, [scene.gone.id]) as erasing:
        refusal = refused_after(lambda: scene.confirm(operation), erasing, scene.database)
    assert refusal is not None
    assert refusal.code == "account_closed"


def test_an_account_that_nobody_closed_is_closed_and_its_sessions_end(scene: Scene) -> None:
    change(scene.gone, is_active=True)
    signed_in(scene.gone)
    scene.confirm(scene.enter())
    with platform_scope(user_id=scene.gone.id):
        user = User.objects.get(id=scene.gone.id)
        assert (user.is_active, user.name, user.has_usable_password()) == (False, ERASED, False)
        assert not Session.objects.filter(user_id=user.id, ended_at__isnull=True).exists()
    assert told("user.closed", scene.person) == 1
    assert scene.dump() == []


def _keys(scene: Scene) -> set[str]:
    rows = scene.database.execute("SELECT person FROM ledger.person_key WHERE person LIKE 'stranger%%'")
    return {str(person) for (person,) in rows}


def test_what_strangers_sent_goes_a_year_after_its_year_unless_the_record_is_held(scene: Scene) -> None:
    """As the sealer does it, with what nobody known typed in tenant and platform, three years ago and now."""
    now = clock.now()

    def fails(tenant_id: uuid.UUID, at: datetime) -> None:
        stranger = Actor(tenant_id, ActorType.USER, "", NAME, address="203.0.113.9")
        with tenant_scope(tenant_id) if tenant_id != NO_TENANT else platform_scope():
            record(
                "session.failed", actor=stranger, subject=Subject("user", "", NAME), now=at, outcome="failed"
            )

    old = now - timedelta(days=3 * 366)
    for tenant_id in (scene.tenant_id, NO_TENANT):
        for at in (old, now):
            fails(tenant_id, at)
    assert _keys(scene) == {stranger_of(old), stranger_of(now)}
    with platform_scope():
        counter = FailedSignIn.objects.create(account="a", address="203.0.113.9", day=old.date(), last_at=old)
        still = FailedSignIn.objects.filter(id=counter.id)
    scene.keep(Keeping(hold="裁判所の照会"))
    left = "SELECT tenant_id FROM ledger.person_key WHERE person = %s"
    scene.room.seal()
    assert scene.database.execute(left, [stranger_of(old)]).fetchall() == [(scene.tenant_id,)]
    assert still.exists(), "a counter belongs to no tenant, so any hold keeps it"
    scene.keep(Keeping())
    scene.room.seal()
    assert not still.exists()
    assert _keys(scene) == {stranger_of(now)}
    notes = scene.database.execute("SELECT note FROM ledger.erasure WHERE person = %s", [stranger_of(old)])
    assert all(str(note).startswith("toban-erasure-1") for (note,) in notes.fetchall())
    assert scene.verify()


def test_a_tenant_whose_strangers_the_database_keeps_holds_up_no_other_and_no_seal(scene: Scene) -> None:
    old = clock.now() - timedelta(days=3 * 366)
    for tenant_id in (NO_TENANT, scene.tenant_id):
        stranger = Actor(tenant_id, ActorType.USER, "", NAME, address="203.0.113.9")
        with tenant_scope(tenant_id):
            record(
                "session.failed", actor=stranger, subject=Subject("user", "", NAME), now=old, outcome="failed"
            )
    scene.database.execute(
        f"ALTER TABLE ledger.erasure ADD CONSTRAINT kept CHECK (tenant_id <> '{NO_TENANT}') NOT VALID"
    )
    scene.room.seal()
    left = "SELECT tenant_id FROM ledger.person_key WHERE person = %s"
    assert scene.database.execute(left, [stranger_of(old)]).fetchall() == [(NO_TENANT,)]
    scene.database.execute("ALTER TABLE ledger.erasure DROP CONSTRAINT kept")
    scene.room.seal()
    assert scene.database.execute(left, [stranger_of(old)]).fetchall() == []


def test_the_page_and_the_database_say_the_same_day(superuser_connection: Database) -> None:
    for person in (STRANGER, f"{STRANGER}-2024", str(uuid.uuid4())):
        said = superuser_connection.execute(
            "SELECT ledger.stranger_ends(%s, %s)", [person, MONDAY_0830]
        ).fetchone()
        assert said == (stranger_ends(person, MONDAY_0830),)


SENT = {"text": "lee が開始", "lee": "lee", "said": ["asleep, lee-2", "by lee.", {"n": 7}], "to": "小林 lee"}


def test_a_name_is_taken_out_of_a_message_and_nothing_that_only_looks_like_it(
    superuser_connection: Database,
) -> None:
    def without(said: str, name: str, of: str = "text") -> str:
        row = superuser_connection.execute(f"SELECT ledger.without(%s::{of}, %s)::text", [said, name])
        return str((row.fetchone() or ("",))[0])

    sent = json.dumps(SENT, ensure_ascii=False)
    assert json.loads(without(sent, "lee")) == {
        "text": f"{ERASED} が開始", "lee": ERASED, "said": ["asleep, lee-2", f"by {ERASED}.", {"n": 7}],
        "to": f"小林 {ERASED}",
    }  # fmt: skip
    assert json.loads(without(sent, "lee", "jsonb")) == SENT | {"lee": ERASED}
    assert json.loads(without(sent, "text")) == SENT, "what a key is called is nobody's name"
    assert without("no JSON: lee (asleep)", "lee") == f"no JSON: {ERASED} (asleep)"
    for note in ('"\\u0000 lee"', '{"lee": [1e999999, "lee"]}'):
        assert "lee" not in without(note, "lee"), "a note that no JSON can be keeps nobody from being erased"
    assert json.loads(without('{"a": "a.b\\\\c [x]"}', "a.b\\c [x]")) == {"a": ERASED}


def test_what_a_process_has_opened_is_found_no_more_once_it_is_erased(scene: Scene) -> None:
    """A search keeps what it opened; an erasure, made by another process, takes it out of the next search."""
    with tenant_scope(scene.tenant_id):
        assert references_holding(scene.tenant_id, "消江")
    scene.database.execute("DELETE FROM ledger.person_value WHERE person = %s", [scene.person])
    with tenant_scope(scene.tenant_id):
        assert references_holding(scene.tenant_id, "消江") == []
        assert references_holding(scene.tenant_id, "operator"), "everybody else still"
