"""What AWS itself orchestrates in the demo fleet: a database cluster, an Auto Scaling group, maintenance windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from config.simulator.fleet_parts import minute, starts, stops
from config.simulator.model import Cluster, Database, Group, Window

#: The cluster and the group stand in the first tenant's main account, the maintenance window in all.
_ORCHESTRATED = "301000000011"
CLUSTER, GROUP, PATCH_WINDOW = "karte-aurora", "yoyaku-web-asg", "monthly-patch"


def build_orchestrated(
    at: datetime, regions: Mapping[str, Sequence[str]]
) -> tuple[tuple[Cluster, ...], tuple[Database, ...], tuple[Group, ...], tuple[Window, ...]]:
    """A cluster that starts in two minutes, with its members; a group that stops in three; everywhere a window
    that opens in half an hour."""
    now, region = minute(at), regions[_ORCHESTRATED][0]
    starting, stopping = starts(now, 2), stops(now, 3)
    cluster = Cluster(
        _ORCHESTRATED, region, CLUSTER, state="stopped", tags={"Project": "電子カルテ", **starting.tags},
        maintenance="sun:18:00-sun:18:30",
    )  # fmt: skip
    members = tuple(
        Database(
            _ORCHESTRATED, region, f"{CLUSTER}-{n}", engine="aurora-mysql", state="stopped",
            tags={"Project": "電子カルテ"}, db_class="db.r6g.large", cluster=CLUSTER, created_at=now - timedelta(days=90),
        )
        for n in (1, 2)
    )  # fmt: skip
    group = Group(
        _ORCHESTRATED, region, GROUP, 2, 3, 6, {"Project": "予約", **stopping.tags}, instance_type="t3.medium"
    )
    windows = tuple(
        Window(
            account,
            place,
            f"mw-{0xC0FFEE:017x}",
            PATCH_WINDOW,
            duration_hours=1,
            next_at=now + timedelta(minutes=30),
        )
        for account, places in regions.items()
        for place in places
    )
    return (cluster,), members, (group,), windows
