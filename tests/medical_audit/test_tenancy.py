"""A tenant is bound for one transaction, in Python and in PostgreSQL; without one, every question is an error."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction

from accounts.models import Membership
from medical_audit.domain.actor import NO_TENANT
from medical_audit.models import Lane, Operation
from medical_audit.tenancy import TenantNotSet, current_tenant_id, platform_scope, tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast


def _bound() -> str:
    """The tenant as PostgreSQL knows it on this connection; '' or None: none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('toban.tenant_id', true)")
        return str(cursor.fetchone()[0] or "")


def _lane(tenant_id: uuid.UUID, name: str = "111111111111/ap-northeast-1") -> Lane:
    return Lane(tenant_id=tenant_id, name=name, account=name.partition("/")[0])


ASKED: list[tuple[str, Callable[[Membership], Any]]] = [
    ("exists", lambda row: Membership.objects.exists()),
    ("count", lambda row: Membership.objects.count()),
    ("first", lambda row: Membership.objects.first()),
    ("get", lambda row: Membership.objects.get(id=row.id)),
    ("list", lambda row: list(Membership.objects.all())),
    ("values", lambda row: list(Membership.objects.values_list("role"))),
    ("aggregate", lambda row: Membership.objects.aggregate(models.Max("granted_at"))),
    ("in_bulk", lambda row: Membership.objects.in_bulk()),
    ("iterator", lambda row: list(Membership.objects.iterator())),
    ("union", lambda row: list(Membership.objects.all().union(Membership.objects.all()))),
    ("subquery", lambda row: list(Membership.own.filter(id__in=Membership.objects.values("id")))),
    ("update", lambda row: Membership.objects.update(role="viewer")),
    ("bulk_update", lambda row: Membership.objects.bulk_update([row], ["role"])),
    ("delete", lambda row: Membership.objects.all().delete()),
    ("save of a row", lambda row: row.save()),
    ("refresh_from_db", lambda row: row.refresh_from_db()),
    ("update_or_create", lambda row: Membership.objects.update_or_create(id=row.id)),
    ("select_for_update", lambda row: list(Membership.objects.select_for_update())),
]


@pytest.fixture
def row(cast: Cast) -> Membership:
    with tenant_scope(cast.tenant.id):
        return Membership.objects.all()[0]


@pytest.mark.parametrize(("name", "ask"), ASKED, ids=[name for name, _ in ASKED])
def test_asking_without_a_tenant_raises(name: str, ask: Callable[[Membership], Any], row: Membership) -> None:
    with pytest.raises(TenantNotSet):
        ask(row)
    with platform_scope(), pytest.raises(TenantNotSet):
        ask(row)


def test_a_queryset_made_inside_a_scope_cannot_be_run_outside(cast: Cast) -> None:
    with tenant_scope(cast.tenant.id):
        lazy = Membership.objects.all()
    with pytest.raises(TenantNotSet):
        list(lazy)


def test_a_queryset_answers_for_the_tenant_bound_when_it_runs(cast: Cast) -> None:
    lazy = Membership.objects.values_list("tenant_id", flat=True)
    for tenant in (cast.tenant, cast.other_tenant):
        with tenant_scope(tenant.id):
            assert set(lazy.all()) == {tenant.id}


def test_a_foreign_key_is_not_followed_without_a_tenant(cast: Cast, as_role: AsRole) -> None:
    """The base manager is scoped too: forward keys use it, whatever the default manager is."""
    for model in (Membership, Operation, Lane):
        assert model._meta.base_manager is not None
        with pytest.raises(TenantNotSet):
            model._meta.base_manager.first()


def test_inserting_without_a_tenant_is_refused_by_the_database(cast: Cast, as_role: AsRole) -> None:
    with as_role("worker"):
        for insert in (
            lambda: _lane(cast.tenant.id).save(force_insert=True),
            lambda: Lane.objects.bulk_create([_lane(cast.tenant.id)]),
        ):
            with pytest.raises(DatabaseError):
                insert()
            with platform_scope(), pytest.raises(DatabaseError), transaction.atomic():
                insert()


def test_deleting_a_row_in_hand_without_a_tenant_is_refused_by_the_database(row: Membership) -> None:
    """Django deletes a row in hand by its key, past every manager: here the second wall stands alone."""
    with pytest.raises(DatabaseError):
        row.delete()
    with platform_scope():
        assert row.delete()[0] == 0


def test_the_tenant_of_a_scope_ends_with_it(cast: Cast) -> None:
    with tenant_scope(cast.tenant.id):
        assert current_tenant_id() == cast.tenant.id
        assert _bound() == str(cast.tenant.id)
    with pytest.raises(TenantNotSet):
        current_tenant_id()
    assert _bound() == ""


def test_no_tenant_leaks_to_the_next_transaction_of_a_connection(cast: Cast) -> None:
    """One connection, two tenants in turn, 1,000 times, as a pool would lend it."""
    tenants = [cast.tenant.id, cast.other_tenant.id]
    for number in range(1000):
        wanted = tenants[number % 2]
        with tenant_scope(wanted):
            assert _bound() == str(wanted)
        assert _bound() == ""


def test_an_inner_scope_gives_the_outer_tenant_back(cast: Cast) -> None:
    with tenant_scope(cast.tenant.id):
        with tenant_scope(cast.other_tenant.id):
            assert _bound() == str(cast.other_tenant.id)
            assert Membership.objects.filter(user=cast.stranger).exists()
        assert (_bound(), current_tenant_id()) == (str(cast.tenant.id), cast.tenant.id)
        assert not Membership.objects.filter(user=cast.stranger).exists()


def test_an_inner_scope_that_fails_gives_the_outer_tenant_back(cast: Cast) -> None:
    with tenant_scope(cast.tenant.id):
        with pytest.raises(ZeroDivisionError), tenant_scope(cast.other_tenant.id):
            _ = 1 // 0
        assert (_bound(), current_tenant_id()) == (str(cast.tenant.id), cast.tenant.id)


def test_an_inner_scope_that_the_database_breaks_gives_the_outer_tenant_back(cast: Cast) -> None:
    with tenant_scope(cast.tenant.id):
        with pytest.raises(DatabaseError), tenant_scope(cast.other_tenant.id), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        assert (_bound(), current_tenant_id()) == (str(cast.tenant.id), cast.tenant.id)


def test_the_acting_person_of_the_outer_scope_comes_back_too(cast: Cast) -> None:
    def person() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('toban.user_id', true)")
            return str(cursor.fetchone()[0])

    with tenant_scope(cast.tenant.id, user_id=cast.stranger.id):
        with platform_scope():
            assert person() == str(uuid.UUID(int=0))
        assert person() == str(cast.stranger.id)


def test_a_scope_inside_a_plain_transaction_leaves_no_tenant_behind(cast: Cast) -> None:
    """A released savepoint keeps what was set inside it: raw SQL after the scope must not speak for its tenant."""
    with transaction.atomic():
        with tenant_scope(cast.tenant.id):
            pass
        assert _bound() == ""
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM medical_audit_operation")


def test_a_failing_scope_undoes_everything_in_it(cast: Cast, as_role: AsRole) -> None:
    def save_and_fail() -> None:
        with tenant_scope(cast.tenant.id):
            _lane(cast.tenant.id).save(force_insert=True)
            _ = 1 // 0

    with as_role("worker"):
        with pytest.raises(ZeroDivisionError):
            save_and_fail()
        with tenant_scope(cast.tenant.id):
            assert not Lane.objects.exists()


def test_the_platform_is_no_tenant(cast: Cast) -> None:
    with tenant_scope(NO_TENANT), pytest.raises(TenantNotSet):
        current_tenant_id()
