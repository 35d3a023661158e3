"""What Toban knows of a region that databases are made of, and which of those it made are there for a while only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from infra.domain.disks import OPERATION_TAG
from infra.domain.makings import Source, Stock
from infra.domain.stocks import stock_from_json
from infra.models import AwsAccount, DatabaseSnapshot, Region, Resource
from infra.models.resource import ResourceKind
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation

RESTORE, CREATE, REMOVE = "rds.restore", "rds.create", "rds.remove"


def stock_of(account: AwsAccount, region: str) -> Stock | None:
    """As last read; None where it could not be, or where no database can be made. Needs the tenant bound."""
    row = Region.objects.filter(account=account, name=region).first()
    kept = row.database_terms.get("stock") if row is not None else None
    if not kept:
        return None
    here = Resource.objects.filter(
        account=account, region=region, kind=ResourceKind.RDS, gone_at__isnull=True
    )
    return stock_from_json(kept, frozenset(name.lower() for name in here.values_list("aws_id", flat=True)))


def source_of_snapshot(row: DatabaseSnapshot) -> Source:
    return Source(
        name=row.name, state="gone" if row.gone_at else row.state, engine=row.engine, version=row.engine_version,
        storage_gib=row.storage_gib, encrypted=row.encrypted, kind=row.kind, vpc=row.facts.get("vpc_id", ""),
        option_group=row.facts.get("option_group", ""),
    )  # fmt: skip


def for_a_while(ids: Sequence[UUID] | None = None) -> list[Operation]:
    """Restores that have an end, oldest first; `ids`: only these operations. Needs the tenant bound. Those that failed, too: AWS may have
    made something of them all the same, or only later."""
    ended = (State.SUCCEEDED, State.FAILED)
    rows = Operation.objects.filter(kind=RESTORE, state__in=ended).exclude(parameters__until_at="")
    if ids is not None:
        rows = rows.filter(id__in=list(ids))
    return list(rows.order_by("entered_at", "id"))


def standing_for_a_while(region: Region) -> list[Operation]:
    """Restores for a while of which a database stands in a region, or may: what was made after its last look nobody has seen yet. Needs the
    tenant bound, and `region.account`."""
    here = Resource.objects.filter(account=region.account, region=region.name, kind=ResourceKind.RDS)
    seen = {
        (row.tags.get(OPERATION_TAG, ""), row.aws_id.lower()): row.gone_at is None
        for row in here.filter(tags__has_key=OPERATION_TAG)
    }
    lane = f"{region.account.account_id}/{region.name}/"
    mine = [one for one in for_a_while() if one.lane.startswith(lane)]
    removed = {
        key for key, one in removals_of(mine).items() if one.state == State.SUCCEEDED
    } if mine else set()  # fmt: skip

    def stands(one: Operation) -> bool:
        known = seen.get((str(one.id), one.parameters["aws_id"].lower()))
        if known is not None:
            return known and str(one.id) not in removed
        unseen = (
            region.inventory_at is None or one.finished_at is None or one.finished_at >= region.inventory_at
        )
        return one.state == State.SUCCEEDED and unseen and str(one.id) not in removed

    return [one for one in mine if stands(one)]


def restored_as(row: Resource) -> Operation | None:
    """The restore that made a database for a while; None for any other. Needs the tenant bound."""
    text = row.tags.get(OPERATION_TAG, "")
    try:
        found = for_a_while([UUID(text)])
    except ValueError:
        return None
    return next((one for one in found if one.parameters["aws_id"] == row.aws_id.lower()), None)


def removals_of(restores: Sequence[Operation]) -> dict[str, Operation]:
    """The newest removal of each of these restores, by the restore's id."""
    wanted = [str(one.id) for one in restores]
    rows = Operation.objects.filter(kind=REMOVE, target_type="resource", parameters__restored__in=wanted)
    return {one.parameters["restored"]: one for one in rows.order_by("entered_at", "id")}


def asks_again_at(removal: Operation | None, now: datetime) -> bool:
    """Whether a removal is to be asked for: none is open or done, and the last one was not turned down today."""
    if removal is None:
        return True
    if removal.state in OPEN or removal.state == State.SUCCEEDED:
        return False
    return (now - (removal.finished_at or removal.entered_at)).days >= 1
