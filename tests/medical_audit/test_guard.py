"""The catalogue's guard: no DDL changes what guards the ledger unannounced; an announced one is recorded."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from medical_audit.operations import partitions
from medical_audit.queries import seals
from tests.conftest import ROOT, AsRole, _admin, _as_role, _template
from tests.factories import make_tenant
from tests.medical_audit.support import Database, ledger_partitions, note

GUARD = (ROOT / "config" / "guard.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def guarded_name(django_db_setup: None) -> Iterator[str]:
    """One database as an installation's, with the guard on; every attack is rolled back."""
    before = connection.settings_dict["NAME"]
    name = f"{before}_guarded"
    with _admin() as admin:
        admin.execute(f'CREATE DATABASE "{name}" OWNER toban_owner TEMPLATE "{_template()}"')
    connection.close()
    connection.settings_dict["NAME"] = name
    with _as_role("owner"):
        call_command("migrate", verbosity=0)
    connection.close()
    connection.settings_dict["NAME"] = before
    with _admin(name) as admin:
        admin.execute(GUARD)
    yield name
    with _admin() as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def guarded(guarded_name: str) -> Iterator[Database]:
    connection.close()
    before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], guarded_name
    with _admin(guarded_name) as admin:
        yield admin
    connection.close()
    connection.settings_dict["NAME"] = before


ATTACKS = [
    "ALTER TABLE ledger.event DISABLE TRIGGER deny_change",
    "ALTER TABLE ledger.event DISABLE TRIGGER USER",
    "ALTER TABLE ledger.link ENABLE REPLICA TRIGGER deny_change",
    "ALTER TABLE {month} DISABLE TRIGGER deny_truncate",
    "ALTER TABLE {month} ENABLE TRIGGER link_at_commit",
    "ALTER TABLE ledger.event DETACH PARTITION {month}",
    "DROP TABLE {month}",
    "DROP TABLE ledger.link",
    "DROP TABLE ledger.checkpoint",
    "DROP SCHEMA ledger CASCADE",
    "DROP OWNED BY toban_ledger CASCADE",
    "DROP TRIGGER link_at_commit ON ledger.event",
    "DROP TRIGGER deny_change ON ledger.tree_head",
    "ALTER TABLE ledger.tombstone DISABLE TRIGGER check_tombstone",
    "ALTER TABLE ledger.restore DISABLE TRIGGER deny_change",
    "CREATE OR REPLACE FUNCTION ledger.check_tombstone() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "GRANT EXECUTE ON FUNCTION ledger.purge(uuid, bigint, bigint, bigint, timestamptz, uuid, text) TO toban_web",
    "CREATE TRIGGER a BEFORE INSERT ON ledger.event FOR EACH ROW EXECUTE FUNCTION ledger.deny()",
    "CREATE OR REPLACE FUNCTION ledger.deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE OR REPLACE FUNCTION ledger.catalogue_digest() RETURNS text LANGUAGE sql AS 'SELECT digest FROM ledger.catalogue'",
    "ALTER FUNCTION ledger.link_transaction() SECURITY INVOKER",
    "ALTER FUNCTION ledger.log(uuid, text[]) SET search_path = public",
    "CREATE FUNCTION ledger.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "GRANT INSERT ON ledger.event TO toban_web",
    "GRANT UPDATE (body) ON ledger.event TO toban_web",
    "GRANT EXECUTE ON FUNCTION ledger.seal(bigint, timestamptz, text, uuid[], bigint[], bytea[], bytea[], bytea[]) TO toban_web",
    "GRANT CREATE ON SCHEMA ledger TO toban_web",
    "REVOKE INSERT ON ledger.event FROM toban_ledger",
    "ALTER TABLE ledger.event OWNER TO toban_owner",
    "ALTER SCHEMA ledger OWNER TO toban_owner",
    "ALTER SCHEMA ledger RENAME TO other",
    "ALTER TABLE ledger.link SET SCHEMA public",
    "ALTER TABLE ledger.link RENAME TO chain",
    "ALTER TABLE ledger.link DROP CONSTRAINT link_tenant_id_prev_key",
    "ALTER TABLE ledger.event DROP CONSTRAINT people_act_through_the_web",
    "ALTER TABLE ledger.event ADD COLUMN more text",
    "ALTER TABLE ledger.event ALTER COLUMN db_user SET DEFAULT 'toban_web'",
    "ALTER TABLE ledger.event NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE ledger.head DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE ledger.link SET UNLOGGED",
    "CREATE POLICY more ON ledger.event FOR SELECT TO toban_web USING (true)",
    "DROP POLICY tenant_wall ON ledger.event",
    "CREATE RULE nothing AS ON INSERT TO ledger.link DO INSTEAD NOTHING",
    "CREATE TABLE ledger.event_9999 PARTITION OF ledger.event FOR VALUES FROM ('9999-01-01') TO ('9999-02-01')",
    "CREATE VIEW ledger.peep AS SELECT 1 AS one",
    "DROP TRIGGER event_for_move ON medical_audit_operation",
    "ALTER TABLE medical_audit_operation DISABLE TRIGGER guard_operation",
    "CREATE OR REPLACE FUNCTION medical_audit_may_move(before text, after text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "ALTER TABLE medical_audit_retention DISABLE TRIGGER USER",
    "ALTER TABLE accounts_membership DISABLE ROW LEVEL SECURITY",
    "DROP POLICY tenant_wall ON medical_audit_emergency",
    "GRANT UPDATE ON medical_audit_emergency TO toban_worker",
    "CREATE OR REPLACE FUNCTION queue.proxy_tenants() RETURNS TABLE (tenant_id uuid) LANGUAGE sql AS 'SELECT NULL::uuid'",
    "CREATE OR REPLACE FUNCTION toban_guard.digest() RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    # A child has neither triggers nor policies, and who reads the parent reads its rows.
    "CREATE TABLE public.planted () INHERITS (medical_audit_operation)",
    "CREATE TEMPORARY TABLE planted () INHERITS (medical_audit_operation)",
    "CREATE TABLE public.planted () INHERITS (ledger.tombstone)",
    "CREATE RULE nothing AS ON INSERT TO medical_audit_operation DO INSTEAD NOTHING",
    # Without a path of its own a session looks into the schema of its name first.
    "CREATE SCHEMA toban_worker CREATE TABLE medical_audit_operation (id uuid)",
]


#: After DROP SCHEMA the guard finds no table to look into, which refuses as well.
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)


def tried(database: Database, *statements: str) -> None:
    with database.transaction(force_rollback=True):
        for statement in statements:
            database.execute(statement)


@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_unannounced_changes_of_the_catalogue_are_refused_for_a_superuser(
    attack: str, mode: str, guarded: Database
) -> None:
    month = ledger_partitions(guarded)[0]
    with pytest.raises(REFUSED):
        tried(guarded, f"SET LOCAL session_replication_role = {mode}", attack.format(month=month))


def test_the_tables_owner_cannot_either(guarded: Database) -> None:
    month = ledger_partitions(guarded)[0]
    for attack in ATTACKS:
        with pytest.raises(REFUSED):
            tried(guarded, "SET LOCAL ROLE toban_ledger", attack.format(month=month))


def test_other_tables_are_changed_as_ever(guarded: Database) -> None:
    with guarded.transaction(force_rollback=True):
        guarded.execute("CREATE TABLE public.other (id int)")
        guarded.execute("ALTER TABLE accounts_tenant ADD COLUMN more text")


def test_months_are_made_ahead_within_an_announced_maintenance(guarded: Database, as_role: AsRole) -> None:
    with as_role("scheduler"):
        assert partitions.ensure(months=26) > 0
    (kind, reason) = guarded.execute(
        "SELECT kind, body::jsonb ->> 'reason' FROM ledger.event ORDER BY ord DESC LIMIT 1"
    ).fetchall()[0]
    assert (kind, reason) == ("ledger.catalogue_changed", "partitions")
    with as_role("audit"):
        digest = seals.catalogue_digest()
        assert seals.is_guarded()
    assert guarded.execute("SELECT digest FROM ledger.catalogue ORDER BY id DESC LIMIT 1").fetchone() == (
        digest,
    )


MAINTENANCE = (
    "INSERT INTO ledger.maintenance (until, reason) VALUES (clock_timestamp() + interval '30 minutes', '')"
)
FORGED = "CREATE OR REPLACE FUNCTION ledger.check_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"


@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize(
    "opening",
    [
        ["SET LOCAL ROLE toban_ledger", MAINTENANCE],
        ["SET LOCAL ROLE toban_ledger", "INSERT INTO ledger.catalogue (digest, reason) SELECT ledger.catalogue_digest(), ''"],
        ["SELECT ledger.open_maintenance('one that takes its own record away', interval '1 minute')"],
    ],
    ids=["without its event", "a digest without its event", "in the transaction that changes"],
)  # fmt: skip
def test_nothing_is_changed_in_a_maintenance_that_was_not_announced_before(
    opening: list[str], mode: str, guarded: Database
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tried(guarded, f"SET LOCAL session_replication_role = {mode}", *opening, FORGED)


def test_an_announced_change_is_let_through_and_recorded_with_both_digests(guarded: Database) -> None:
    guarded.execute("SELECT ledger.open_maintenance('an index more', interval '1 minute')")
    with guarded.transaction(force_rollback=True):
        guarded.execute("CREATE INDEX more ON ledger.link (linked_at)")
        assert guarded.execute("SELECT ledger.close_maintenance()").fetchone() == (True,)
        row = guarded.execute(
            "SELECT body::jsonb ->> 'reason', body::jsonb #>> '{actor,id}', body::jsonb #>> '{detail,after}' = "
            "(SELECT digest FROM ledger.catalogue ORDER BY id DESC LIMIT 1) FROM ledger.event ORDER BY ord DESC LIMIT 1"
        ).fetchone()
        assert row == ("an index more", "toban_super", True)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            guarded.execute("CREATE INDEX yet_another ON ledger.link (clock_at)")
    assert guarded.execute("SELECT ledger.close_maintenance()").fetchone() == (False,), "nothing was changed"


def test_migrate_announces_itself(guarded: Database, as_role: AsRole) -> None:
    with as_role("owner"):
        call_command("migrate", verbosity=0)
    rows = guarded.execute(
        "SELECT reason FROM ledger.maintenance WHERE db_user = 'toban_owner' ORDER BY id DESC LIMIT 2"
    ).fetchall()
    assert rows == [("migrate",), ("migrate",)]


def test_every_trigger_fires_in_a_session_of_a_replica(guarded: Database) -> None:
    asleep = guarded.execute(
        "SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT t.tgisinternal AND c.relnamespace IN ('public'::regnamespace, 'ledger'::regnamespace) AND t.tgenabled <> 'A'"
    ).fetchall()
    assert asleep == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no such entry is made by toban_super"):
        tried(
            guarded,
            "SET LOCAL session_replication_role = replica",
            "INSERT INTO medical_audit_operation SELECT (jsonb_populate_record(NULL::medical_audit_operation, to_jsonb(o))).* FROM "
            "(SELECT gen_random_uuid() AS id, gen_random_uuid() AS tenant_id, 'ec2.stop' AS kind, 'CONFIRMED' AS state, 'u-1' AS confirmed_by_id, "
            "'' AS target_type, '' AS target_id, '' AS target_name, '' AS lane, '{}'::jsonb AS parameters, '{}'::jsonb AS shown, '' AS digest, "
            "'' AS reason, 'user' AS entered_by_type, 'u-2' AS entered_by_id, '' AS entered_by_name, '' AS on_behalf_of_id, "
            "'' AS on_behalf_of_name, now() AS entered_at, now() AS due_at, now() AS deadline, now() AS approval_expires_at, 'other' AS policy, "
            "'' AS policy_role, 1 AS version, '{}'::jsonb AS authority, '' AS confirmed_by_name, '' AS reauthentication, '' AS phase, "
            "0 AS attempts, 0 AS fence, '' AS outcome, '{}'::jsonb AS outcome_detail, '' AS request_id) AS o",
        )


def test_work_goes_on_under_the_guard(guarded: Database) -> None:
    note(make_tenant().id)


def test_a_superuser_who_switches_the_guard_off_changes_the_digest(
    guarded: Database, as_role: AsRole
) -> None:
    """He can: event triggers do not watch event triggers. The next seal carries another digest."""
    with as_role("audit"):
        before = seals.catalogue_digest()
    guarded.execute("ALTER EVENT TRIGGER toban_guard DISABLE")
    try:
        with as_role("audit"):
            assert seals.catalogue_digest() != before
            assert not seals.is_guarded()
    finally:
        guarded.execute("ALTER EVENT TRIGGER toban_guard ENABLE ALWAYS")
    with as_role("audit"):
        assert seals.catalogue_digest() == before


@pytest.mark.parametrize(
    "change",
    [
        "GRANT toban_ledger TO toban_web",
        "ALTER ROLE toban_ledger LOGIN",
        "ALTER ROLE toban_web BYPASSRLS",
        "ALTER ROLE toban_web SET session_replication_role = replica",
        "ALTER ROLE toban_audit RESET idle_in_transaction_session_timeout",
        "ALTER ROLE ALL SET session_replication_role = replica",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = planted', current_database()); END $$",
    ],
)
def test_rights_that_no_event_trigger_sees_change_the_digest(change: str, guarded: Database) -> None:
    digest = "SELECT ledger.catalogue_digest()"
    before = guarded.execute(digest).fetchone()
    with guarded.transaction(force_rollback=True):
        guarded.execute(change)
        assert guarded.execute(digest).fetchone() != before


def test_the_guard_can_be_laid_anew(guarded: Database) -> None:
    before = guarded.execute("SELECT ledger.catalogue_digest()").fetchone()
    guarded.execute(GUARD)
    assert guarded.execute("SELECT ledger.catalogue_digest()").fetchone() == before
