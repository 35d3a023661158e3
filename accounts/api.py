"""REST, first form: which tenants are mine."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.queries.people import tenants_of


@api_view(["GET"])
def tenant_list(request: Request) -> Response:
    assert isinstance(request.user, User)
    rows = [
        {
            "id": str(tenant.id),
            "slug": tenant.slug,
            "name": tenant.name,
            "roles": roles,
            "time_zone": tenant.time_zone,
        }
        for tenant, roles in tenants_of(request.user)
    ]
    return Response({"results": rows, "next": None, "previous": None})
