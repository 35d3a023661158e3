"""What a view under a tenant's address receives; filled in by the middleware of the floor that knows people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django.http import HttpRequest
from rest_framework.request import Request

from medical_audit.domain.actor import Actor, Reauthentication


class TenantRequest(HttpRequest):
    """`tenant`: its text is its name. `now` is one reading of the database's clock for the whole request.
    `reauthenticate(password, code)` checks the password of the person at the keyboard, and the code if he has a second factor, and
    raises NotReauthenticated; where he `proved_recently`, "" is enough."""

    tenant: Any
    actor: Actor
    now: datetime
    proved_recently: bool
    reauthenticate: Callable[[str, str], Reauthentication]


def of_tenant(request: Request) -> TenantRequest:
    """The same behind REST framework's own request."""
    return cast(TenantRequest, request._request)
