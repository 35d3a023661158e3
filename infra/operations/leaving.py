"""A region that Toban looks at no more: what was known there is kept, and said to be seen no more."""

from datetime import datetime
from typing import Any

from infra.models import DatabaseSnapshot, MaintenanceWindow, Region, Volume, VolumeSnapshot
from infra.models.account import Looking
from infra.operations import stock
from infra.operations.leftovers import end_all_left_over
from medical_audit.domain.actor import Actor, Subject
from medical_audit.operations.ledger import record

#: As a look writes it of what it sees no more.
_SEEN_NO_MORE: tuple[tuple[Any, dict[str, str]], ...] = (
    (Volume, {"state": "gone", "fingerprint": "", "naming": ""}),
    (VolumeSnapshot, {"state": "gone"}),
    (DatabaseSnapshot, {}),
)


def leave(region: Region, *, actor: Actor, now: datetime) -> int:
    """Without a call to AWS, which goes on running what stands there. Returns how many servers and databases it was about. Needs the
    tenant bound and the region's row held, with its account."""
    count = stock.lose_all(region, actor=actor, now=now)
    for model, seen_no_more in _SEEN_NO_MORE:
        here = model.objects.filter(account=region.account, region=region.name, gone_at__isnull=True)
        here.update(gone_at=now, **seen_no_more)
    end_all_left_over(region, actor=actor, now=now)
    MaintenanceWindow.objects.filter(account=region.account, region=region.name).delete()
    region.looking, region.inventory_problem, region.inventory_problem_detail = Looking.LEFT, "", ""
    region.inventory_problem_since, region.inventory_ended_at = None, now
    region.save(
        update_fields=[
            "looking", "inventory_problem", "inventory_problem_detail", "inventory_problem_since", "inventory_ended_at",
        ]
    )  # fmt: skip
    record(
        "account.region_left", actor=actor, subject=Subject("account", str(region.account_id), str(region.account)), now=now,
        detail={"region": region.name, "count": count},
    )  # fmt: skip
    return count
