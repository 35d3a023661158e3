"""The demo fleet as plain data: who the customers are, and their 200 servers, 42 databases (two of
an Aurora cluster), 500 volumes and an Auto Scaling group.

Ids and names are the same in every process; states and times in tags depend on the instant asked for. No moto
in here, so that the portal can read tenants and accounts from the same place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.simulator.fleet_orchestrated import PATCH_WINDOW, build_orchestrated
from config.simulator.fleet_parts import (
    MAINTENANCE_DAY,
    NIGHT_SHIFT,
    TOKYO,
    build_databases,
    build_servers,
    minute,
)
from config.simulator.fleet_volumes import build_snapshots, build_volumes
from config.simulator.model import Fleet

NORMAL, REFUSED, SLOW = "normal", "refused", "slow"
_TOKYO_REGION, _OSAKA_REGION = "ap-northeast-1", "ap-northeast-3"
_ROLE = "TobanOperator"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer."""

    slug: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's AWS account.

    behaviour: normal; refused (its role lets nobody in); slow (every EC2 and RDS answer takes 3-5 s).
    """

    account_id: str
    name: str
    tenant: str
    external_id: str
    regions: tuple[str, ...]
    behaviour: str = NORMAL

    @property
    def role_arn(self) -> str:
        """The role Toban signs in with."""
        return f"arn:aws:iam::{self.account_id}:role/{_ROLE}"


TENANTS: tuple[Tenant, ...] = (
    Tenant("sakuragawa", "桜川総合病院", "Sakuragawa General Hospital"),
    Tenant("minato", "みなと医療センター", "Minato Medical Center"),
    Tenant("hokuto", "北斗クリニックグループ", "Hokuto Clinic Group"),
)

ACCOUNTS: tuple[Account, ...] = (
    Account(
        "301000000011",
        "電子カルテ",
        "sakuragawa",
        "toban-demo-3f9c1a7e52d84b06",
        (_TOKYO_REGION, _OSAKA_REGION),
    ),
    Account("301000000012", "検査・画像", "sakuragawa", "toban-demo-b1d07c64e8a3495f", (_TOKYO_REGION,)),
    Account("302000000021", "本番", "minato", "toban-demo-64ae92f05b1c4d38", (_TOKYO_REGION, _OSAKA_REGION)),
    Account("302000000022", "開発・検証", "minato", "toban-demo-0c5be7319fd24a86", (_TOKYO_REGION,), SLOW),
    Account(
        "303000000031", "共通基盤", "hokuto", "toban-demo-9a27d4f8c16e4b53", (_TOKYO_REGION, _OSAKA_REGION)
    ),
    Account("303000000032", "旧システム", "hokuto", "toban-demo-e80b36c59d7f4a12", (_TOKYO_REGION,), REFUSED),
)

#: The organization that the first account manages: the second is its member, as are accounts that nobody has taken in yet.
ORGANIZATION: tuple[dict[str, str], ...] = (
    {"id": ACCOUNTS[1].account_id, "name": ACCOUNTS[1].name},
    *(
        {"id": f"3010000001{number:02d}", "name": name}
        for number, name in enumerate(
            (
                "医事会計",
                "看護支援",
                "薬剤部門",
                "放射線部門",
                "臨床研究",
                "地域連携",
                "災害対策",
                "教育・検証",
            ),
            start=1,
        )
    ),
    {"id": "301000000191", "name": "旧オーダリング", "state": "SUSPENDED"},
    {"id": "301000000192", "name": "旧人事給与", "state": "CLOSED"},
)


def demo_fleet(at: datetime) -> Fleet:
    """The fleet as it stands just before `at` (aware): what is due at that minute has not happened yet."""
    regions = {account.account_id: account.regions for account in ACCOUNTS}
    # Special cases stand where they can be seen soon: not behind a refused role, not behind slow answers.
    plain = frozenset(account.account_id for account in ACCOUNTS if account.behaviour == NORMAL)
    reachable = frozenset(account.account_id for account in ACCOUNTS if account.behaviour != REFUSED)
    servers = build_servers(at, regions, plain=plain, reachable=reachable)
    databases = build_databases(at, regions, plain=plain, reachable=reachable)
    clusters, members, groups, windows = build_orchestrated(at, regions)
    return Fleet(
        servers,
        build_volumes(at, servers),
        (*databases, *members),
        clusters,
        groups,
        windows,
        build_snapshots(at, servers),
    )


def due_by_tag(fleet: Fleet, at: datetime) -> dict[str, int]:
    """How many resources carry a tag that falls on the minute of `at`; weekends and holidays are not looked at.

    Keys: ec2_start, ec2_stop, rds_start, rds_stop.
    """
    now = f"{minute(at):%H:%M}"
    sums: Counter[str] = Counter(dict.fromkeys(("ec2_start", "ec2_stop", "rds_start", "rds_stop"), 0))
    groups: tuple[tuple[str, str, Sequence[Any]], ...] = (
        ("ec2", "running", fleet.servers),
        ("rds", "available", fleet.databases),
    )
    for kind, on, resources in groups:
        for one in resources:
            if one.tags.get("AutoStart") == one.tags.get("AutoStop") or "Toban" in one.tags:
                continue
            if one.tags.get("AutoStart") == now and one.state == "stopped":
                sums[f"{kind}_start"] += 1
            if one.tags.get("AutoStop") == now and one.state == on:
                sums[f"{kind}_stop"] += 1
    return dict(sums)


__all__ = [
    "ACCOUNTS",
    "MAINTENANCE_DAY",
    "NIGHT_SHIFT",
    "NORMAL",
    "ORGANIZATION",
    "PATCH_WINDOW",
    "REFUSED",
    "SLOW",
    "TENANTS",
    "TOKYO",
    "Account",
    "Tenant",
    "demo_fleet",
    "minute",
]
