"""The tenant of the running code: bound for one transaction, required by every tenant query.

Two walls meet here: the manager filters by the tenant bound in this context and raises when there is none, and
the same tenant is given to PostgreSQL for its row-level security, always transaction-local, so that a pooled
connection cannot carry it to the next borrower.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

from medical_audit.domain.actor import NO_TENANT


class TenantNotSet(RuntimeError):
    """A tenant's data was asked for where no tenant is bound."""


class _Scope(NamedTuple):
    tenant_id: UUID
    user_id: UUID


_scope: ContextVar[_Scope | None] = ContextVar("toban_tenant_scope", default=None)
NOBODY = UUID(int=0)


def current_tenant_id() -> UUID:
    """The bound tenant; raises TenantNotSet when there is none."""
    scope = _scope.get()
    if scope is None or scope.tenant_id == NO_TENANT:
        raise TenantNotSet("no tenant is bound here: open tenant_scope(tenant_id) round this query")
    return scope.tenant_id


def _tell_database(scope: _Scope | None) -> None:
    """None leaves nobody bound: an empty setting, on which the policies fail loudly."""
    tenant, user = (str(scope.tenant_id), str(scope.user_id)) if scope else ("", "")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('toban.tenant_id', %s, true), set_config('toban.user_id', %s, true)",
            [tenant, user],
        )


@contextmanager
def tenant_scope(tenant_id: UUID, *, user_id: UUID = NOBODY) -> Iterator[None]:
    """Bind a tenant to one transaction: opens it (a savepoint inside another), commits or rolls back at the end.

    A released savepoint would keep the inner tenant in PostgreSQL, so the outer one (or that there is none) is told
    again on leaving.
    """
    outer, inside = _scope.get(), connection.in_atomic_block
    scope = _Scope(tenant_id, user_id)
    with transaction.atomic():
        _tell_database(scope)
        token = _scope.set(scope)
        try:
            yield
        finally:
            _scope.reset(token)
        if inside:
            _tell_database(outer)


def within(tenant_id: UUID) -> AbstractContextManager[None]:
    """The scope that is open already, where it is this tenant's; else one of its own."""
    scope = _scope.get()
    return nullcontext() if scope is not None and scope.tenant_id == tenant_id else tenant_scope(tenant_id)


@contextmanager
def platform_scope(*, user_id: UUID = NOBODY) -> Iterator[None]:
    """One transaction without a tenant: tenant queries raise, row-level security shows only one's own memberships."""
    with tenant_scope(NO_TENANT, user_id=user_id):
        yield


class CurrentTenant(Expression):
    """The bound tenant, read when the query runs: querysets built at import are safe, running one is loud."""

    def __init__(self) -> None:
        super().__init__(output_field=models.UUIDField())

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (current_tenant_id(),)


class TenantManager(models.Manager[Any]):
    """Only rows of the bound tenant."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(tenant_id=CurrentTenant())


class TenantModel(models.Model):
    """A row of one tenant. Each concrete table also gets its database walls by a migration (`walls.Walls`)."""

    tenant_id = models.UUIDField(editable=False)

    objects: ClassVar[TenantManager] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
