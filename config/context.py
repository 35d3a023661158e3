"""What every page's frame needs: who, where, what waits, and whether the platform itself is well."""

from typing import Any

from django.http import HttpRequest

from medical_audit.queries.operations import waiting_count


def page(request: HttpRequest) -> dict[str, Any]:
    """Empty outside a tenant; inside one: tenant, me, how many operations wait for a confirmation."""
    tenant = getattr(request, "tenant", None)
    if tenant is None:
        return {"tenant": None, "me": getattr(request, "user", None)}
    return {"tenant": tenant, "me": request.user, "actor": request.actor, "waiting_count": waiting_count()}  # type: ignore[attr-defined]
