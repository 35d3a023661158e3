"""What waits in each of a person's tenants, for the page on which he chooses one."""

from collections.abc import Sequence
from uuid import UUID

from accounts.models import Tenant, User
from accounts.queries.people import actor_in
from medical_audit.queries.operations import waiting_count
from medical_audit.tenancy import tenant_scope

#: Each tenant is asked inside its own walls; somebody with more tenants than this chooses by name.
TENANTS_COUNTED = 12


def waiting_by_tenant(tenants: Sequence[Tenant], user: User) -> dict[UUID, int]:
    """How many operations wait for a confirmation, by tenant; `tenants`: at most TENANTS_COUNTED, into which he may look."""
    return {tenant.id: _waiting(tenant, user) for tenant in tenants}


def _waiting(tenant: Tenant, user: User) -> int:
    with tenant_scope(tenant.id, user_id=user.id):
        return waiting_count(actor_in(tenant, user, session="", address="", request=""))
