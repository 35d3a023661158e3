"""What in a region is not over by itself: what was opened or made for a time, and certificates that are still to come.

Only looks in that region, and calls that the account's features allow, bring each to its end; so none of them is taken away before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from infra.domain.onboarding import MANAGED_TAG
from infra.models import Region, Resource
from infra.models.resource import ResourceKind
from infra.operations.campaigns import planned_for
from infra.operations.reaching import ending_in
from infra.queries.makings import standing_for_a_while


class Stands(StrEnum):
    """A database that was restored for a while; a way that is open until a time; a wave of certificates that is to come."""

    RESTORES = "restores"
    REACH = "reach"
    ROTATES = "rotates"


@dataclass(frozen=True, slots=True)
class Standing:
    """managed: it is known to carry the mark by which the roles may be narrowed, or is never narrowed by it."""

    what: Stands
    name: str
    managed: bool = False


def standing_in(region: Region, now: datetime) -> Iterator[Standing]:
    """Needs the tenant bound, and `region.account`."""
    for restored in standing_for_a_while(region):
        yield Standing(Stands.RESTORES, f"{restored.parameters['aws_id']} ({region.name})", managed=True)
    for way in ending_in(f"{region.account.account_id}/{region.name}"):
        yield Standing(Stands.REACH, f"{way.target_name} ({region.name})")
    here = Resource.objects.filter(account=region.account, region=region.name, kind=ResourceKind.RDS)
    databases = {one.id: one for one in here.filter(gone_at__isnull=True)}
    key, value = MANAGED_TAG
    for planned in sorted(planned_for(list(databases), now)):
        one = databases[UUID(planned)]
        yield Standing(Stands.ROTATES, f"{one.aws_id} ({region.name})", managed=one.tags.get(key) == value)
