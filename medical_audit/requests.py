"""What a view under a tenant's address receives, filled in by the middleware of the floor that knows people; and how a file leaves."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.request import Request

from medical_audit.domain.actor import Actor, Reauthentication
from medical_audit.models import Export
from medical_audit.operations.exports.files import ENDINGS
from medical_audit.queries.events import ZONE
from medical_audit.queries.exports import part, part_numbers
from medical_audit.tenancy import tenant_scope


class TenantRequest(HttpRequest):
    """`tenant`: its text is its name. `now` is one reading of the database's clock for the whole request.
    `reauthenticate(password, code)` checks the password of the person at the keyboard, and the code if he has a second factor, and
    raises NotReauthenticated; where he `proved_recently`, "" is enough, but not for `prove_anew`. `signed_on`: an identity provider vouched for the
    session, so that instead of a password its fresh word counts."""

    tenant: Any
    actor: Actor
    now: datetime
    proved_recently: bool
    signed_on: bool
    reauthenticate: Callable[[str, str], Reauthentication]
    prove_anew: Callable[[str, str], Reauthentication]


def of_tenant(request: Request) -> TenantRequest:
    """The same behind REST framework's own request."""
    return cast(TenantRequest, request._request)


def handed_over(made: Export, slug: str) -> StreamingHttpResponse:
    """The file of an export, part by part; that it is taken is recorded before."""
    ending, content_type = ENDINGS[made.format]
    answer = StreamingHttpResponse(_pieces(made), content_type=content_type)
    name = f"toban-{slug}-{made.asked_at.astimezone(ZONE):%Y%m%d-%H%M}.{ending}"
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    answer["Content-Length"] = str(made.bytes)
    return answer


def _pieces(made: Export) -> Iterator[bytes]:
    """Sent after the view has ended, so each part binds its tenant anew."""
    with tenant_scope(made.tenant_id):
        numbers = part_numbers(made.id)
    for number in numbers:
        with tenant_scope(made.tenant_id):
            data = part(made.id, number)
        yield data
