"""The walls between tenants as PostgreSQL's catalogue knows them: no tenant table without all of them, ever."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from tests import catalogue
from tests.accounts.walls import ACCOUNT_PRIVILEGES
from tests.audits.walls import AUDIT_PRIVILEGES
from tests.catalogue import LOUD, Database, missing_walls, policies, privileges
from tests.erasable_walls import ERASER_PRIVILEGES, ledgers_policies
from tests.ledger_walls import (
    EXPORT_PRIVILEGES,
    LEDGER,
    LEDGER_FUNCTIONS,
    LEDGER_PRIVILEGES,
    LEDGER_WITHOUT_TENANT,
    QUEUE_FUNCTIONS,
    READ,
)
from tests.redmine.walls import TICKET_PRIVILEGES

WORK, FULL = "INSERT, SELECT, UPDATE", "DELETE, INSERT, SELECT, UPDATE"
READERS = dict.fromkeys(("toban_worker", "toban_scheduler", "toban_audit"), READ)
PERSON = "SELECT (id, is_active, name, username)"
PLAN = "SELECT, UPDATE (next_action, next_change_at, owed, planned_from, schedule_revision, schedule_source, scheduled)"
QUEUE = "toban_queue"
THIS_USER = "( SELECT (current_setting('toban.user_id'::text))::uuid AS current_setting)"
#: Reviewed: where reading (nothing else) is wider than the bound tenant, and why it may be.
WIDER = {
    "public.accounts_membership": f"user_id = {THIS_USER}",  # the tenant picker: one's own memberships
    "public.accounts_invitation": f"user_id = {THIS_USER}",  # whether every tenant of a person gives him his way in anew
    "public.accounts_admission": f"user_id = {THIS_USER}",  # he answers what tenants ask of him, in none of them yet
    "public.accounts_memberterms": f"user_id = {THIS_USER}",  # the tenant picker leaves out where one is not let in now
    "public.medical_audit_visit": f"user_id = {THIS_USER}",  # where one's own sessions were, to end them
    "public.accounts_tenant": f"id IN ( SELECT m.tenant_id FROM accounts_membership m WHERE (m.user_id = {THIS_USER}))",
}
#: Reviewed: tables without a tenant, and why.
WITHOUT_TENANT = {
    **LEDGER_WITHOUT_TENANT,
    "public.accounts_tenant": "the tenant itself; walled in by its own id",
    "public.accounts_user": "a person may belong to several tenants; rights hang on memberships",
    "public.accounts_secondfactor": "a second factor belongs to a person, and row-level security shows it to him alone",
    "public.accounts_recoverycode": "as the second factor",
    "public.accounts_passkey": "as the second factor",
    "public.accounts_passkeyquestion": "as the second factor",
    "public.auth_group": "Django's, unused, no rights for anybody",
    "public.auth_group_permissions": "Django's, unused, no rights for anybody",
    "public.auth_permission": "Django's, unused, no rights for anybody",
    "public.django_admin_log": "Django's, unused: the admin writes nothing, no rights for anybody",
    "public.django_content_type": "Django's, names of models only, no rights for anybody",
    "public.django_migrations": "names of migrations",
    "public.django_session": "a session belongs to a person; the tenant stands in the URL, never in the session",
    "public.medical_audit_clockreading": "how the clocks stood; nobody's data",
    "public.medical_audit_failedsignin": "counts by account and address, before anybody is in a tenant",
    "public.medical_audit_heartbeat": "when periodic duties last ran",
    "public.medical_audit_session": "a session belongs to a person, and row-level security shows it to him alone",
}
#: Reviewed: walled in by the person instead of the tenant.
OF_A_PERSON = dict.fromkeys(
    (
        "public.medical_audit_session",
        "public.accounts_secondfactor",
        "public.accounts_recoverycode",
        "public.accounts_passkey",
        "public.accounts_passkeyquestion",
    ),
    f"user_id = {THIS_USER}",
)
#: Reviewed: every privilege that anybody but the owner holds on a table.
PRIVILEGES = {
    **LEDGER_PRIVILEGES,
    **EXPORT_PRIVILEGES,
    **ACCOUNT_PRIVILEGES,
    "public.auth_group": {},
    "public.auth_group_permissions": {},
    "public.auth_permission": {},
    "public.django_admin_log": {},
    "public.django_content_type": {},
    "public.django_migrations": {},
    "public.django_session": {"toban_web": FULL},
    "public.infra_accountsetup": {
        "toban_web": WORK,
        "toban_worker": "SELECT, UPDATE (in_force, listing, listing_began_at, listing_ended_at, proof, proof_began_at, proof_ended_at)",
        "toban_scheduler": "SELECT (id, in_force, registered_id, started_at, tenant_id)",
    },
    "public.infra_accounttrust": {"toban_web": WORK, "toban_worker": READ},
    "public.infra_assignment": {
        "toban_web": FULL,
        "toban_worker": READ,
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "public.infra_attachment": {"toban_web": READ, **READERS, "toban_worker": WORK},
    "public.infra_awsaccount": {"toban_web": WORK, **READERS},
    "public.infra_closure": {"toban_web": FULL, **READERS},
    "public.infra_companyday": {"toban_web": FULL, **READERS},
    "public.infra_databasesnapshot": {"toban_web": READ, **READERS, "toban_worker": WORK},
    "public.infra_holidayfeed": {
        "toban_web": FULL,
        **READERS,
        "toban_worker": "SELECT, UPDATE (detail, next_at, problem, succeeded_at, tried_at)",
        QUEUE: "SELECT (id, next_at, tenant_id)",
    },
    "public.infra_holidaylist": {
        "toban_web": WORK,
        "toban_worker": WORK,
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "public.infra_finding": {"toban_web": READ, **READERS, "toban_worker": WORK},
    "public.infra_heldround": {
        "toban_web": "SELECT, UPDATE (released_at, released_by_id, released_by_name)",
        "toban_worker": READ,
        "toban_scheduler": WORK,
        "toban_audit": READ,
        QUEUE: "SELECT (settled_at, tenant_id)",
    },
    "public.infra_maintenancewindow": {
        "toban_web": READ,
        "toban_worker": FULL,
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "public.infra_namedschedule": {"toban_web": WORK, **READERS},
    "public.infra_override": {"toban_web": WORK, **READERS},
    "public.infra_price": {"toban_web": FULL, **READERS},
    "public.infra_project": {"toban_web": FULL, **READERS},
    "public.infra_region": {
        "toban_web": WORK,
        "toban_worker": "SELECT, UPDATE",
        "toban_scheduler": READ,
        "toban_audit": READ,
        QUEUE: "SELECT (id, inventory_tried_at, looking, tenant_id)",
    },
    "public.infra_resource": {
        "toban_web": PLAN,
        "toban_worker": WORK,
        "toban_scheduler": PLAN,
        "toban_audit": READ,
        QUEUE: "SELECT (next_change_at, tenant_id)",
    },
    "public.infra_revision": {"toban_web": FULL, **READERS},
    "public.infra_tenantrules": {"toban_web": WORK, **READERS},
    "public.infra_taggingrule": {"toban_web": WORK, **READERS},
    "public.infra_volumesnapshot": {
        "toban_web": "SELECT, UPDATE (snooze_reason, snoozed_by_name, snoozed_until)",
        "toban_worker": WORK,
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "public.infra_volume": {
        "toban_web": "SELECT, UPDATE (left_over_at, snooze_reason, snoozed_by_name, snoozed_until)",
        "toban_worker": WORK,
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "public.medical_audit_heartbeat": {
        "toban_web": READ,
        "toban_worker": WORK,
        "toban_scheduler": WORK,
        "toban_audit": READ,
    },
    "public.medical_audit_lane": {
        "toban_web": READ,
        "toban_worker": WORK,
        "toban_scheduler": READ,
        "toban_audit": READ,
        QUEUE: "SELECT (account, failures, leased_until, name, open_until, served_at, tenant_id)",
    },
    "public.medical_audit_failedsignin": {"toban_web": WORK},
    "public.medical_audit_session": {
        "toban_web": WORK,
        "toban_scheduler": "SELECT, UPDATE",
        QUEUE: "SELECT (active_at, ended_at, idle_s, name, started_at, user_id)",
    },
    "public.medical_audit_storedanswer": {
        "toban_web": "DELETE, INSERT, SELECT, UPDATE (answer, status, version)",
        "toban_scheduler": "DELETE, SELECT (expires_at, id, tenant_id)",
    },
    "public.medical_audit_tenantpolicy": {"toban_web": WORK, **READERS},
    "public.medical_audit_visit": {
        "toban_web": WORK,
        "toban_worker": READ,
        "toban_scheduler": "SELECT, UPDATE",
        "toban_audit": READ,
        QUEUE: "SELECT (ended_at, session, user_id)",
    },
    "public.medical_audit_verificationrun": {
        "toban_web": "INSERT, SELECT",
        "toban_audit": "SELECT, UPDATE",
        QUEUE: "SELECT (started_at, tenant_id, verdict)",
    },
    "public.medical_audit_operation": {
        "toban_web": WORK,
        "toban_worker": WORK,
        "toban_scheduler": WORK,
        "toban_audit": READ,
        QUEUE: "SELECT (approval_expires_at, deadline, lane, on_behalf_of_id, state, tenant_id, work_at)",
    },
    "public.medical_audit_retention": {
        "toban_web": WORK,
        "toban_audit": READ,
    },
    **TICKET_PRIVILEGES,
    **AUDIT_PRIVILEGES,
}
#: Reviewed: who may call what looks or writes across row-level security.
DEFINER_FUNCTIONS = {**LEDGER_FUNCTIONS, **QUEUE_FUNCTIONS}


@pytest.fixture
def database(superuser_connection: Database) -> Database:
    return superuser_connection


@pytest.mark.wall("database")
def test_every_tenant_table_has_every_wall(database: Database) -> None:
    tables = [
        table.name for table in catalogue.all_tables(database) if table.has_tenant and not table.is_partition
    ]
    lacking = {name: missing_walls(database, name) for name in set(tables) - LEDGER}
    assert lacking
    assert {name: faults for name, faults in lacking.items() if faults} == {}


def test_the_tenant_itself_is_walled_in_by_its_id(database: Database) -> None:
    table = "public.accounts_tenant"
    assert missing_walls(database, table, tenant_column="id") == []


def test_each_table_without_a_tenant_is_on_the_reviewed_list_with_a_reason(database: Database) -> None:
    assert {table.name for table in catalogue.all_tables(database) if not table.has_tenant} == set(
        WITHOUT_TENANT
    )
    assert all(WITHOUT_TENANT.values())


def test_the_ledger_is_read_by_tenant_and_kept_by_its_own_role_alone(database: Database) -> None:
    readers = ("r", True, catalogue.APP_ROLES, LOUD, "")
    keeper = ("*", True, ("toban_ledger",), "true", "true")
    for name in LEDGER:
        found = policies(database, name)
        assert found.pop("tenant_wall") == readers
        assert found.pop("keeper") == keeper
        assert found == {}, name


def test_no_other_policy_lets_anybody_see_more(database: Database) -> None:
    """Besides the wall: the tenant picker's reading, and the windows of the queue, whose role nobody logs in as."""
    for table in catalogue.all_tables(database):
        if table.name not in LEDGER:
            found = policies(database, table.name)
            found.pop("tenant_wall", None)
            if table.name in OF_A_PERSON:
                own = OF_A_PERSON[table.name]
                assert found.pop("person_wall") == ("*", True, catalogue.APP_ROLES, own, own)
            if table.name in WIDER:
                assert found.pop("also_read") == ("r", True, catalogue.APP_ROLES, WIDER[table.name], "")
            assert set(found.values()) <= {("r", True, (QUEUE,), "true", ""), *ledgers_policies(table.name)}


def test_a_partition_of_the_ledger_is_closed_to_everybody(database: Database) -> None:
    partitions = [table.name for table in catalogue.all_tables(database) if table.is_partition]
    assert len(partitions) >= 24
    for name in partitions:
        assert policies(database, name) == {}
        assert privileges(database, name) == {}
        assert "row security is not forced" not in missing_walls(database, name)


def test_nobody_holds_a_privilege_that_was_not_reviewed(database: Database) -> None:
    tables = [table.name for table in catalogue.all_tables(database) if not table.is_partition]
    found = {name: privileges(database, name) for name in tables}
    erasers = {name: held.pop("toban_ledger") for name, held in found.items() if "toban_ledger" in held}
    assert found == PRIVILEGES
    assert erasers == ERASER_PRIVILEGES


def test_functions_that_pass_the_walls_are_reviewed_and_cannot_be_led_astray(database: Database) -> None:
    rows = database.execute(
        """
        SELECT n.nspname || '.' || p.proname, coalesce(p.proconfig, '{}'),
               array(SELECT coalesce(r.rolname, 'PUBLIC')::text
                     FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
                     LEFT JOIN pg_roles r ON r.oid = x.grantee WHERE x.grantee <> p.proowner)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        """
    ).fetchall()
    assert {name: set(callers) for name, _, callers in rows} == DEFINER_FUNCTIONS
    assert [name for name, settings, _ in rows if "search_path=pg_catalog" not in settings] == []
    others = {setting for _, settings, _ in rows for setting in settings} - {"search_path=pg_catalog"}
    assert others == {"plan_cache_mode=force_generic_plan", "lock_timeout=2s"}


def test_the_queue_shows_where_work_is_due_and_nothing_else(database: Database) -> None:
    rows = database.execute(
        "SELECT proname, pg_get_function_result(oid) FROM pg_proc WHERE pronamespace = 'queue'::regnamespace"
    ).fetchall()
    assert dict(rows) == {
        "due_exports": "TABLE(tenant_id uuid)",
        "emergency_tenants": "TABLE(tenant_id uuid)",
        "due_verifications": "TABLE(tenant_id uuid)",
        "due_lanes": "TABLE(tenant_id uuid, lane text)",
        "due_tenants": "TABLE(tenant_id uuid, due bigint)",
        "due_feeds": "TABLE(tenant_id uuid, feed_id uuid)",
        "due_inventories": "TABLE(tenant_id uuid, region_id uuid)",
        "overdue_tenants": "TABLE(tenant_id uuid)",
        "proxy_tenants": "TABLE(tenant_id uuid)",
        "silent_sessions": "TABLE(user_id uuid)",
        "due_repositories": "TABLE(tenant_id uuid, repository_id uuid)",
        "hooked_repositories": "TABLE(tenant_id uuid, repository_id uuid)",
        "channel_tenants": "TABLE(tenant_id uuid)",
        "hooked_redmine": "TABLE(tenant_id uuid)",
        "redmine_servers": "TABLE(tenant_id uuid, server_id uuid)",
        "tenants": "TABLE(tenant_id uuid)",
    }


def test_no_login_role_can_pass_the_walls_by_what_it_is(database: Database) -> None:
    rows = database.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'toban\\_%' AND rolname <> 'toban_super' "
        "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication)"
    ).fetchall()
    assert rows == []
    for role in (*catalogue.APP_ROLES, "toban_owner"):
        for keeper in ("toban_ledger", QUEUE):
            row = database.execute(
                "SELECT pg_has_role(%s::name, %s::name, 'USAGE')", [role, keeper]
            ).fetchone()
            assert row == (False,), f"{role} has the rights of {keeper} without asking for them"


def test_app_roles_own_nothing_and_can_make_nothing(database: Database) -> None:
    owned = database.execute(
        "SELECT relname FROM pg_class WHERE relowner IN (SELECT oid FROM pg_roles WHERE rolname = ANY(%s))",
        [list(catalogue.APP_ROLES)],
    ).fetchall()
    assert owned == []
    for role in catalogue.APP_ROLES:
        for schema in ("public", "ledger", "queue"):
            row = database.execute(
                "SELECT has_schema_privilege(%s::name, %s, 'CREATE')", [role, schema]
            ).fetchone()
            assert row == (False,), f"{role} may make things in {schema}"


@pytest.fixture
def unwalled(database: Database) -> Iterator[Database]:
    """A child of the AWS account, made by the owner in a hurry; undone at the end."""
    parts = database.info
    owner = psycopg.connect(
        host=parts.host, port=parts.port, dbname=connection.settings_dict["NAME"], user="toban_owner"
    )
    with owner:
        owner.execute(
            "CREATE TABLE hurry (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, "
            "account_id uuid NOT NULL REFERENCES infra_awsaccount (id))"
        )
        yield owner
        owner.rollback()


def test_a_new_tenant_table_without_walls_is_found(unwalled: Database) -> None:
    assert "public.hurry" in {table.name for table in catalogue.all_tables(unwalled) if table.has_tenant}
    assert missing_walls(unwalled, "public.hurry") == [
        "row security is not enabled",
        "row security is not forced",
        "no policy tenant_wall",
        "no index begins with the tenant",
        "no UNIQUE (tenant_id, id)",
        "foreign key hurry_account_id_fkey does not carry the tenant",
    ]


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ("USING (tenant_id = NULLIF(current_setting('toban.tenant_id', true), '')::uuid)", "USING"),
        (f"USING ({LOUD.replace(' AS current_setting', '')})", "WITH CHECK"),
        ("USING (true) WITH CHECK (true)", "USING"),
        (f"FOR SELECT USING ({LOUD.replace(' AS current_setting', '')})", "commands"),
    ],
)
def test_a_policy_in_another_form_is_found(unwalled: Database, policy: str, fault: str) -> None:
    command, _, conditions = policy.partition("USING")
    roles = ", ".join(catalogue.APP_ROLES)
    unwalled.execute(f"CREATE POLICY tenant_wall ON hurry {command} TO {roles} USING {conditions}")
    assert any(found.startswith(f"policy: {fault} is") for found in missing_walls(unwalled, "public.hurry"))


def test_a_policy_that_forgets_a_role_is_found(unwalled: Database) -> None:
    own = LOUD.replace(" AS current_setting", "")
    unwalled.execute(f"CREATE POLICY tenant_wall ON hurry TO toban_web USING ({own}) WITH CHECK ({own})")
    assert any(found.startswith("policy: roles is") for found in missing_walls(unwalled, "public.hurry"))
