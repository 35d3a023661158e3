"""The database's walls at work, with the ORM's own wall switched off: plain querysets and raw SQL."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from accounts.domain.permissions import Role
from infra.models import Attachment, Finding, Region, Resource, Volume
from medical_audit.models import Lane
from medical_audit.tenancy import TenantModel, platform_scope, tenant_scope
from tests.conftest import AsRole, _as_role
from tests.factories import MONDAY_0830
from tests.stock import Stock, fill
from tests.test_walls import PRIVILEGES

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]
READ = "SELECT"
APP_ROLES = ("web", "worker", "scheduler", "audit")
#: What each role holds on each table; the ledger's own tables are read by all.
PRIVILEGES_OF = {
    (role, model): PRIVILEGES[f"public.{model._meta.db_table}"].get(f"toban_{role}", "").split(", ")
    if model._meta.managed
    else [READ]
    for role in APP_ROLES
    for model in TENANT_MODELS
}
#: Which role may not even read which table, by the reviewed list of privileges.
SECRET = {
    (role, model.__name__)
    for role in APP_ROLES
    for model in TENANT_MODELS
    if model._meta.managed
    and "SELECT" not in PRIVILEGES[f"public.{model._meta.db_table}"].get(f"toban_{role}", "")
}
Errors = psycopg.errors


def unscoped(model: type[models.Model]) -> models.QuerySet[Any]:
    """Every row that the database lets through; no manager filters."""
    return models.QuerySet(model)


pytestmark = pytest.mark.wall("database")


@pytest.fixture(scope="module")
def ours(django_db_setup: None) -> Stock:
    return fill()


@pytest.fixture(scope="module")
def theirs(django_db_setup: None) -> Stock:
    return fill()


def cause(refusal: pytest.ExceptionInfo[DatabaseError]) -> BaseException | None:
    return refusal.value.__cause__


every_role = pytest.mark.parametrize("role", APP_ROLES)


@every_role
def test_without_a_tenant_the_database_refuses_to_answer(role: str, ours: Stock, as_role: AsRole) -> None:
    """With rows there: where a table has a second policy, PostgreSQL asks neither before it meets a row. A connection on which a
    tenant was bound once knows the setting, and refuses it for being empty."""
    unbound = (Errors.UndefinedObject, Errors.InvalidTextRepresentation)
    with as_role(role):
        for model in TENANT_MODELS:
            refused = Errors.InsufficientPrivilege if (role, model.__name__) in SECRET else unbound
            with pytest.raises(DatabaseError) as refusal:
                unscoped(model).count()
            assert isinstance(cause(refusal), refused), model.__name__


@every_role
def test_after_a_tenant_was_bound_the_database_still_refuses_to_answer_without(
    role: str, ours: Stock, as_role: AsRole
) -> None:
    """A setting that was once set on a connection is empty afterwards, not unknown: that must be loud, too."""
    with as_role(role):
        with tenant_scope(ours.tenant_id):
            assert unscoped(Region).count() == 1
        with pytest.raises(DatabaseError) as refusal:
            unscoped(Region).count()
        assert isinstance(cause(refusal), Errors.InvalidTextRepresentation)


@every_role
def test_no_row_of_another_tenant_is_seen(role: str, ours: Stock, theirs: Stock, as_role: AsRole) -> None:
    with as_role(role), tenant_scope(ours.tenant_id):
        for model in TENANT_MODELS:
            if (role, model.__name__) not in SECRET:
                seen = set(unscoped(model).values_list("tenant_id", flat=True))
                assert seen == {ours.tenant_id}, model.__name__


#: Kept for the platform's own chain as well, under the tenant that no tenant is.
OF_THE_PLATFORM_TOO = ("Event", "Link", "PersonKey", "PersonValue", "Erasure")


@every_role
def test_the_platform_sees_no_row_of_any_tenant(role: str, ours: Stock, as_role: AsRole) -> None:
    with as_role(role), platform_scope():
        for model in TENANT_MODELS:
            if (role, model.__name__) not in SECRET and model.__name__ not in OF_THE_PLATFORM_TOO:
                assert unscoped(model).count() == 0, model.__name__


def test_the_owner_sees_no_row_at_all(ours: Stock, as_role: AsRole) -> None:
    """FORCE binds the owner, and no policy speaks for it: with a tenant bound, without one, and for counting. The ledger's tables
    he may not even read; see the next test."""
    with as_role("owner"):
        for model in TENANT_MODELS:
            if model._meta.db_table.startswith('"ledger"'):
                continue
            assert unscoped(model).count() == 0, model.__name__
            with tenant_scope(ours.tenant_id):
                assert unscoped(model).count() == 0, model.__name__
                assert unscoped(model).update(tenant_id=ours.tenant_id) == 0, model.__name__


@pytest.mark.parametrize("table", ["event", "link", "head"])
def test_the_owner_may_not_read_the_ledger(table: str, ours: Stock, as_role: AsRole) -> None:
    with as_role("owner"), pytest.raises(DatabaseError) as refusal, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ledger.{table}")
    assert isinstance(cause(refusal), Errors.InsufficientPrivilege)


def rows_of(stock: Stock) -> list[models.Model]:
    """One row of each table, read by a role that may read it."""
    found: dict[type[models.Model], models.Model | None] = {}
    for role in APP_ROLES:
        with _as_role(role), tenant_scope(stock.tenant_id):
            for model in TENANT_MODELS:
                if model not in found and READ in PRIVILEGES_OF[role, model]:
                    found[model] = unscoped(model).first()
    assert [model.__name__ for model in TENANT_MODELS if found.get(model) is None] == []
    return [row for row in found.values() if row is not None]


@every_role
def test_a_row_for_another_tenant_cannot_be_inserted(
    role: str, ours: Stock, theirs: Stock, as_role: AsRole
) -> None:
    rows = rows_of(theirs)
    with as_role(role):
        for row in rows:
            row.pk = uuid.uuid4()
            with pytest.raises(DatabaseError) as refusal, tenant_scope(ours.tenant_id):
                row.save_base(raw=True, force_insert=True)
            if row._meta.managed:
                assert isinstance(cause(refusal), Errors.InsufficientPrivilege), type(row).__name__


@every_role
def test_a_row_cannot_be_moved_to_another_tenant(
    role: str, ours: Stock, theirs: Stock, as_role: AsRole
) -> None:
    with as_role(role):
        for model in TENANT_MODELS:
            with pytest.raises(DatabaseError) as refusal, tenant_scope(ours.tenant_id):
                unscoped(model).update(tenant_id=theirs.tenant_id)
            refused = Errors.InsufficientPrivilege | Errors.CheckViolation
            assert isinstance(cause(refusal), refused), model.__name__


@every_role
def test_another_tenants_rows_cannot_be_changed_or_deleted(
    role: str, ours: Stock, theirs: Stock, as_role: AsRole
) -> None:
    """Refused outright, or nothing is hit; the rows stand as before."""
    with as_role(role), tenant_scope(ours.tenant_id):
        for model in TENANT_MODELS:
            named = model._meta.db_table
            table = named if named.startswith('"') else f'"{named}"'
            for attack in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
                try:
                    with transaction.atomic(), connection.cursor() as cursor:
                        cursor.execute(f"{attack} WHERE tenant_id = %s", [theirs.tenant_id])
                        assert cursor.rowcount == 0, model.__name__
                except DatabaseError as refused:
                    assert isinstance(refused.__cause__, Errors.InsufficientPrivilege), model.__name__  # noqa: PT017  either is right
    rows_of(theirs)


def _children(ours: Stock, theirs: Stock) -> list[models.Model]:
    """Rows of our tenant that point at things of theirs."""
    tenant = {"tenant_id": ours.tenant_id}
    here = {
        **tenant,
        "region": "x",
        "fingerprint": "",
        "first_seen_at": MONDAY_0830,
        "account_id": theirs.account.id,
    }
    with tenant_scope(theirs.tenant_id):
        resource, volume = unscoped(Resource).get(), unscoped(Volume).get()
    return [
        Region(**tenant, account_id=theirs.account.id, name="x"),
        Resource(**here, kind="ec2", aws_id="i-2", state="on", aws_state="on", state_since=MONDAY_0830),
        Volume(**here, volume_id="vol-2", state="in-use", size_gib=8, type="gp3"),
        Finding(**tenant, resource_id=resource.id, code="other", found_at=MONDAY_0830),
        Attachment(**tenant, volume_id=volume.id, instance_id="i-2", since=MONDAY_0830),
    ]


@pytest.mark.parametrize("role", ["web", "worker", "owner", "super"])
def test_a_child_of_another_tenants_parent_is_refused(
    role: str, ours: Stock, theirs: Stock, as_role: AsRole
) -> None:
    """Foreign keys look past row-level security: only the composite key stops this, even for a superuser."""
    for child in _children(ours, theirs):
        with as_role(role), pytest.raises(DatabaseError) as refusal, tenant_scope(ours.tenant_id):
            child.save(force_insert=True)
        stopped = (
            (Errors.ForeignKeyViolation,)
            if role == "super"
            else (Errors.ForeignKeyViolation, Errors.InsufficientPrivilege)
        )
        assert isinstance(cause(refusal), stopped), type(child).__name__


def test_it_is_the_composite_key_that_refuses_the_worker(ours: Stock, theirs: Stock, as_role: AsRole) -> None:
    for child in _children(ours, theirs)[1:]:
        with (
            as_role("worker"),
            pytest.raises(IntegrityError, match="_same_tenant"),
            tenant_scope(ours.tenant_id),
        ):
            child.save(force_insert=True)


def test_a_name_taken_by_another_tenant_is_free_here(ours: Stock, theirs: Stock, as_role: AsRole) -> None:
    """Uniques are per tenant, so that a refusal tells nothing of the neighbours."""
    with tenant_scope(theirs.tenant_id):
        lane = unscoped(Lane).get()
    with as_role("worker"), tenant_scope(ours.tenant_id):
        Lane(tenant_id=ours.tenant_id, name=lane.name, account=lane.account).save(force_insert=True)
        transaction.set_rollback(True)


FORBIDDEN = [
    ("scheduler", "SELECT role_arn FROM infra_accounttrust"),
    ("audit", "SELECT external_id FROM infra_accounttrust"),
    ("worker", "SELECT password FROM accounts_user"),
    ("scheduler", "SELECT password FROM accounts_user"),
    ("audit", "SELECT password FROM accounts_user"),
    ("worker", "SELECT email FROM accounts_user"),
    ("worker", "SELECT * FROM django_session"),
    ("scheduler", "SELECT * FROM django_session"),
    ("audit", "SELECT * FROM django_session"),
    ("web", "SELECT * FROM queue.due_lanes(now(), 1)"),
    ("web", "SELECT * FROM queue.overdue_tenants(now())"),
    ("web", "SELECT * FROM queue.tenants()"),
    ("audit", "SELECT * FROM queue.due_lanes(now(), 1)"),
    ("web", "SELECT ledger.ensure_partitions(1)"),
    ("worker", "SELECT ledger.ensure_partitions(1)"),
    ("scheduler", "INSERT INTO medical_audit_lane SELECT * FROM medical_audit_lane"),
    ("web", "UPDATE infra_resource SET state = 'on'"),
    ("scheduler", "UPDATE infra_resource SET tags = '{}'"),
    ("web", "UPDATE medical_audit_lane SET leased_until = NULL"),
    ("audit", "UPDATE medical_audit_operation SET state = 'FAILED'"),
    ("web", "DELETE FROM medical_audit_operation"),
    ("worker", "DELETE FROM medical_audit_operation"),
    ("scheduler", "DELETE FROM medical_audit_operation"),
    ("web", "DELETE FROM accounts_user"),
    ("worker", "UPDATE accounts_membership SET role = 'administrator'"),
    ("scheduler", "UPDATE accounts_membership SET role = 'administrator'"),
    ("web", "SET ROLE toban_ledger"),
    ("worker", "SET ROLE toban_owner"),
    ("scheduler", "SET ROLE toban_queue"),
    ("audit", "SET session_replication_role = replica"),
    ("web", "ALTER TABLE medical_audit_operation DISABLE TRIGGER guard_operation"),
    ("web", "ALTER TABLE medical_audit_operation DISABLE ROW LEVEL SECURITY"),
    ("web", "TRUNCATE medical_audit_operation"),
    ("web", "CREATE TABLE public.mine (id int)"),
    ("web", "CREATE SCHEMA mine"),
]


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
def test_a_role_may_not_do_what_is_not_its_duty(
    role: str, statement: str, ours: Stock, as_role: AsRole
) -> None:
    with (
        as_role(role),
        pytest.raises(DatabaseError) as refusal,
        tenant_scope(ours.tenant_id),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert isinstance(cause(refusal), Errors.InsufficientPrivilege)


def test_a_person_sees_his_own_memberships_and_tenants_without_a_tenant_bound(
    ours: Stock, theirs: Stock
) -> None:
    """The tenant picker; somebody else's stay hidden even there."""
    with platform_scope(user_id=ours.cast.stranger.id), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tenant_id FROM accounts_membership")
        assert cursor.fetchall() == [(ours.cast.other_tenant.id,)]
        cursor.execute("SELECT id FROM accounts_tenant")
        assert cursor.fetchall() == [(ours.cast.other_tenant.id,)]


def test_a_person_cannot_change_his_own_membership_of_a_tenant_that_is_not_bound(ours: Stock) -> None:
    """Seeing one's own memberships everywhere is for reading only."""
    person = ours.cast.stranger.id
    mine = "accounts_membership WHERE user_id = %s"
    for attack in (
        f"DELETE FROM {mine}",
        "UPDATE accounts_membership SET role = 'viewer' WHERE user_id = %s",
    ):
        with tenant_scope(ours.tenant_id, user_id=person), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {mine}", [person])
            assert cursor.fetchone()[0] == len(Role)
            cursor.execute(attack, [person])
            assert cursor.rowcount == 0


def test_a_person_cannot_rename_a_tenant_of_his_that_is_not_bound(ours: Stock) -> None:
    with tenant_scope(ours.tenant_id, user_id=ours.cast.stranger.id), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_tenant SET name = 'mine' WHERE id = %s", [ours.cast.other_tenant.id])
        assert cursor.rowcount == 0
