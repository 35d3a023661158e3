"""The brake of the bound tenant: from how many stops at once on a person is asked."""

from typing import Any

from accounts.domain.permissions import Permission
from infra.models import TenantRules
from medical_audit.domain.actor import Actor


def brake_of(row: TenantRules | None) -> dict[str, Any]:
    """What holds; a tenant that decided nothing has no brake."""
    return {
        "brake_percent": row.brake_percent if row else None,
        "brake_least": row.brake_least if row else 5,
    }


def brake_here(*, actor: Actor) -> dict[str, Any]:
    """What holds in the tenant, and the operation that decided it ("": none). Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    row: TenantRules | None = TenantRules.objects.first()
    return {**brake_of(row), "operation": row.operation if row else ""}
