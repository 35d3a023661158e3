"""In which regions of an account that is in Toban looks, over the API."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from infra.api.accounts import REGION
from infra.models import Region
from infra.models.account import Looking
from infra.operations import regions
from infra.queries.regions import SeenRegions, get_regions
from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.operations import OperationOut, ReasonIn, version_of


class LookedAtOut(serializers.Serializer[Region]):
    """`looking`: on, waits (for a proof of the roles there), leaving, or left (what was known is kept, and not looked at any more)."""

    region = serializers.CharField(source="name")
    looking = serializers.ChoiceField(choices=Looking.values)
    inventory_at = serializers.DateTimeField(allow_null=True)


class RegionsOut(serializers.Serializer[SeenRegions]):
    """`waiting`: the operation that would change them."""

    regions = LookedAtOut(many=True)
    waiting = serializers.SerializerMethodField()

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_waiting(self, seen: SeenRegions) -> str | None:
        return str(seen.waiting.id) if seen.waiting else None


class RegionsIn(ReasonIn):
    """All regions in which Toban is to look from now on."""

    regions = serializers.ListField(
        child=serializers.RegexField(REGION, max_length=30), min_length=1, max_length=40
    )


@answers(RegionsOut)
def account_regions_get(call: Call, pk: UUID) -> Told:
    """See in which regions of an account Toban looks; the version is what a change names."""
    seen = get_regions(pk, actor=call.actor)
    return Told(seen, version_from(seen.version))


@answers(
    OperationOut,
    takes=RegionsIn,
    status=201,
    must=True,
    example={"regions": ["ap-northeast-1", "ap-northeast-3"], "reason": "大阪にも置くため"},
)
def account_regions_enter(call: Call, pk: UUID) -> Told:
    """Enter in which regions Toban is to look; another person confirms it, and one that comes is looked at once it is proven."""
    seen = get_regions(pk, actor=call.actor)
    given: dict[str, Any] = call.given
    call.expect(version_from(seen.version))
    entered = regions.enter_regions(
        pk, given["regions"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))
