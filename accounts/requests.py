"""What a view under a tenant's address receives, and where a request came from."""

import hashlib

from django.conf import settings
from django.http import HttpRequest

from accounts.domain.addresses import client_address
from accounts.models import Tenant, User
from medical_audit.requests import TenantRequest as RequestOfTenant


class TenantRequest(RequestOfTenant):
    tenant: Tenant
    user: User


def whereabouts(request: HttpRequest) -> dict[str, str]:
    """Session, address and request id, as they stand in the ledger: a name for the session, never its key."""
    key = getattr(request.session, "session_key", "") or ""
    return {
        "session": hashlib.sha256(f"toban-session:{key}".encode()).hexdigest()[:16] if key else "",
        "address": client_address(
            request.META.get("REMOTE_ADDR", ""),
            request.META.get("HTTP_X_FORWARDED_FOR", ""),
            settings.TRUSTED_PROXIES,
        ),
        "request": getattr(request, "request_id", ""),
    }
