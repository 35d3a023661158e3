"""Which tenants are mine, and what I may do in one: by the session or by the token of the call."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Tenant, User
from accounts.queries.people import tenants_of
from medical_audit.api.calls import Call, answers


class TenantOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    time_zone = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())


class MeOut(serializers.Serializer[Call]):
    """`permissions`: what this call may, which for a token is never more than the person may right now."""

    tenant = serializers.SerializerMethodField()
    id = serializers.CharField(source="actor.id")
    name = serializers.CharField(source="actor.name")
    roles = serializers.ListField(source="actor.roles", child=serializers.CharField())
    permissions = serializers.SerializerMethodField()
    now = serializers.DateTimeField()

    @extend_schema_field(str)
    def get_tenant(self, call: Call) -> str:
        tenant: Tenant = call.asked.tenant
        return tenant.slug

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_permissions(self, call: Call) -> list[str]:
        return sorted(call.actor.permissions)


@answers(TenantOut, many=True, inside=False)
def tenant_list(call: Call) -> list[dict[str, Any]]:
    """List the tenants that this session, or this token, leads into."""
    assert isinstance(call.request.user, User)
    token: Any = getattr(call.asked, "token", None)
    seat: Any = getattr(call.asked, "seat", None)
    return [
        {
            "id": tenant.id,
            "slug": tenant.slug,
            "name": tenant.name,
            "roles": list(roles),
            "time_zone": tenant.time_zone,
        }
        for tenant, roles in tenants_of(call.request.user, via=seat.via if seat else None)
        if token is None or token.tenant_id == tenant.id
    ]


@answers(MeOut)
def me_get(call: Call) -> Call:
    """See who I am in this tenant and what I may do."""
    return call
