"""What was before the demo began: prices, and half a year in which servers went and left their volumes behind.

Prices come as a table, as anybody would bring one. The past is made of looks at AWS as an inventory keeps them, with what AWS would
have shown on those days; from the first real look on, only AWS speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from config.simulator import fleet
from infra.aws import ec2
from infra.domain.aws import Attachment, EbsVolume, Ec2Instance
from infra.domain.prices import COLUMNS, read_table
from infra.models import Price, Region, Volume
from infra.operations import pricing
from infra.operations.volumes import keep_volumes
from infra.queries.targets import target_of

if TYPE_CHECKING:
    from config.demo_story import Stage

SOURCE = "デモ用の値（AWSの実際の価格ではありません）"
#: kind, type, amount; some types stay without a price, so that the page shows what that looks like.
_PRICES = """
ec2 t3.micro 0.0136 | ec2 t3.small 0.0272 | ec2 t3.medium 0.0544 | ec2 t3.large 0.1088 | ec2 m5.large 0.124
ec2 m6i.large 0.124 | ec2 m6i.xlarge 0.248 | ec2 c6i.large 0.107 | ec2 c6i.xlarge 0.214 | ec2 r6i.large 0.152
ec2 r6i.xlarge 0.304 | asg t3.medium 0.0544
rds db.t4g.medium mysql 0.1 | rds db.t4g.medium mysql multi-az 0.2 | rds db.t4g.medium mariadb 0.1
rds db.t4g.medium postgres 0.1 | rds db.t4g.medium postgres multi-az 0.2
rds db.r6i.large oracle-se2 0.5 | rds db.r6i.large oracle-se2 multi-az 1
volume gp2 0.12 | volume gp3 0.096 | volume io2 0.142 | volume_snapshot standard 0.05
"""
#: Days before today on which an inventory was kept; what was once attached was detached between two of them.
_LOOKS = (185, 155, 125, 95, 64, 33, 16)
#: Cleaned up at this look: the volumes of which only a snapshot is left.
_CLEANED = 5


def price(stage: Stage, now: datetime) -> None:
    """Enter and confirm the demo's prices; once."""
    if Price.objects.exists():
        return
    actor, as_of = stage.actor("kanri"), now.date().replace(day=1).isoformat()
    lines = [one.split() for line in _PRICES.strip().splitlines() for one in line.split(" | ")]
    table = [
        ",".join((kind, "*", " ".join(name), amount, "USD", SOURCE, as_of)) for kind, *name, amount in lines
    ]
    rows, problems = read_table("\n".join((",".join(COLUMNS), *table)), today=now.date())
    if problems:
        raise ValueError(f"the demo's own prices cannot be read: {problems}")
    entered = pricing.enter_change(rows, actor=actor, now=now, reason="デモの開始: 費用を見るための仮の価格")
    stage.confirm(entered, "kanri", now)


def remember(now: datetime) -> int:
    """Keep what looks of the last half year would have shown of the bound tenant's volumes; gives how many looks there were.

    Nothing where volumes are known already. Accounts that let nobody in, or answer slowly, have no past.
    """
    if Volume.objects.exists():
        return 0
    looks = 0
    plain = {one.account_id for one in fleet.ACCOUNTS if one.behaviour == fleet.NORMAL}
    for region in Region.objects.select_related("account").order_by("id"):
        target = target_of(region.account.account_id, region.name)
        if target is None or target.account_id not in plain:
            continue
        servers, volumes = ec2.list_instances(target), ec2.list_volumes(target)
        gone = list(_gone(region, now))
        for number, days in enumerate(_LOOKS):
            at = now - timedelta(days=days)
            listed = _as_of(number, at, volumes, gone, servers)
            keep_volumes(region, listed, servers, looked_at=at, now=at)
            looks += 1
    return looks


def _gone(region: Region, now: datetime) -> Iterator[EbsVolume]:
    here = region.account.account_id, region.name
    for one in fleet.demo_fleet(now).snapshots:
        if (one.account_id, one.region) == here and one.created_at is not None:
            yield EbsVolume(
                id=one.volume_id, name=one.tags.get("Name", ""), tags=dict(one.tags), size_gib=one.size_gib, volume_type="gp3",
                state="available", zone=f"{one.region}a", created_at=one.created_at - timedelta(days=400), attachments=(),
                multi_attach=False,
            )  # fmt: skip


def _as_of(
    look: int,
    at: datetime,
    volumes: Sequence[EbsVolume],
    gone: Sequence[EbsVolume],
    servers: Sequence[Ec2Instance],
) -> list[EbsVolume]:
    """The volumes as that look would have shown them: those of today still on a server, and those that were deleted since."""
    hosts = [one.id for one in servers if one.name]
    left = [one for one in volumes if not one.attachments]
    found = [
        replace(one, attachments=tuple(replace(tie, attached_at=None) for tie in one.attachments))
        for one in volumes
        if one.attachments and one.created_at is not None and one.created_at <= at
    ]
    for number, one in enumerate(left):
        # One more server goes with every look, and leaves its volumes.
        detached = 1 + number % (len(_LOOKS) - 1)
        found.append(one if look >= detached else _attached(one, hosts, number))
    if look < _CLEANED:
        found += [
            one if look >= 1 + number % 2 else _attached(one, hosts, number)
            for number, one in enumerate(gone)
        ]
    return found


def _attached(volume: EbsVolume, hosts: Sequence[str], number: int) -> EbsVolume:
    if not hosts:
        return volume
    tie = Attachment(hosts[number % len(hosts)], "/dev/sdp", None, delete_on_termination=False)
    return replace(volume, state="in-use", attachments=(tie,))
