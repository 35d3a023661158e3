"""The volumes of the demo fleet, and the snapshots of some that are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from config.simulator.fleet_parts import SEED, minute
from config.simulator.model import Attachment, Server, Snapshot, Volume, stable_id

_VOLUMES, _LEFT_OVER, _MULTI_ATTACH, _GONE = 500, 40, 5, 12
_MULTI_ATTACH_DEVICE = "/dev/sdm"


def build_volumes(at: datetime, servers: Sequence[Server]) -> tuple[Volume, ...]:
    """500 volumes: a root for each server, data volumes, shared ones, and 40 that nothing uses any more."""
    now = minute(at)
    volumes = [_attached(server, 0, n, now) for n, server in enumerate(servers)]
    volumes += _shared(servers, now)
    data = _VOLUMES - _LEFT_OVER - len(volumes)
    per_server = (1, 2, 0, 1, 2, 1, 3, 0, 2, 1)
    places = [
        (server, slot, n) for n, server in enumerate(servers) for slot in range(1, per_server[n % 10] + 1)
    ]
    volumes += [_attached(server, slot, n, now) for server, slot, n in places[:data]]
    return (*volumes, *_left_over(servers, now, _VOLUMES - len(volumes)))


def _attached(server: Server, slot: int, n: int, now: datetime) -> Volume:
    name = server.tags.get("Name")
    named = name is not None and (n + slot) % 3 == 0
    return Volume(
        server.account_id,
        server.region,
        stable_id("volume", SEED, server.id, str(slot)),
        size_gib=(30, 100, 200, 500)[slot],
        volume_type="gp2" if n % 7 == 0 else "gp3",
        tags={"Name": f"{name}-{'root' if slot == 0 else f'data{slot}'}"} if named else {},
        zone=server.zone,
        created_at=now - timedelta(days=100 + n),
        attachments=(
            Attachment(server.id, "/dev/xvda" if slot == 0 else f"/dev/sd{'efg'[slot - 1]}", slot == 0),
        ),
    )


def _shared(servers: Sequence[Server], now: datetime) -> Iterator[Volume]:
    """Multi-attach volumes, each between the first two servers of one place."""
    by_place: dict[tuple[str, str, str], list[Server]] = {}
    for server in servers:
        by_place.setdefault((server.account_id, server.region, server.zone), []).append(server)
    pairs = [group[:2] for group in by_place.values() if len(group) >= 2][:_MULTI_ATTACH]
    for n, (one, other) in enumerate(pairs):
        yield Volume(
            one.account_id,
            one.region,
            stable_id("volume", SEED, "shared", str(n)),
            size_gib=200,
            volume_type="io2",
            tags={"Project": "共有"} if n % 2 else {},
            zone=one.zone,
            created_at=now - timedelta(days=60 + n),
            attachments=tuple(Attachment(host.id, _MULTI_ATTACH_DEVICE) for host in (one, other)),
            multi_attach=True,
        )


def build_snapshots(at: datetime, servers: Sequence[Server]) -> tuple[Snapshot, ...]:
    """Snapshots of volumes that were deleted long ago."""
    now = minute(at)
    found = []
    for n in range(_GONE):
        once = servers[n * len(servers) // _GONE]
        name = once.tags.get("Name", "server")
        found.append(
            Snapshot(
                once.account_id, once.region, stable_id("snapshot", SEED, "gone", str(n)), stable_id("volume", SEED, "gone", str(n)),
                size_gib=(500, 100, 200)[n % 3], tags={"Name": f"{name}-{'backup' if n % 2 else 'old'}"} if n % 4 else {},
                description=f"before update of {name}", created_at=now - timedelta(days=60 + 7 * n),
            )
        )  # fmt: skip
    return tuple(found)


def _left_over(servers: Sequence[Server], now: datetime, count: int) -> Iterator[Volume]:
    for n in range(count):
        once = servers[n * len(servers) // count]
        tags: dict[str, str] = {}
        if n % 2 == 0:
            tags["Name"] = f"{once.tags.get('Name', 'server')}-old"
        if n % 3 == 0:
            tags["Project"] = once.tags.get("Project", "不明")
        yield Volume(
            once.account_id,
            once.region,
            stable_id("volume", SEED, "left-over", str(n)),
            size_gib=(50, 100, 200, 500)[n % 4],
            volume_type="gp2" if n % 3 else "gp3",
            tags=tags,
            zone=once.zone,
            created_at=now - timedelta(days=150 + 11 * n),
        )
