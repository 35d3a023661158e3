"""Builds the parts of the demo fleet: names, schedules relative to an instant, and what is odd on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.simulator.model import Database, Server, stable_id

TOKYO = ZoneInfo("Asia/Tokyo")
SOON = (1, 2, 3, 5, 8, 13)
SEED = "toban-demo"
_ZONES = {"ap-northeast-1": ("a", "c", "d"), "ap-northeast-3": ("a", "b", "c")}
_EVERY_N_IN_SECOND_REGION = 4
_OFFICE = (("08:30", "19:00"), ("08:00", "18:30"), ("09:00", "20:00"), ("07:30", "21:00"), ("08:45", "17:30"))
_NIGHT = (("20:00", "06:00"), ("22:30", "05:30"))
_BAD: tuple[Mapping[str, str], ...] = (
    {"AutoStart": "8", "AutoStop": "19:00"},
    {"AutoStart": "08:30", "AutoStop": "25:00"},
    {"AutoStart": "", "AutoStop": "19:00"},
    {"AutoStart": "９:００", "AutoStop": "１８:００"},
    {"AutoStart": "09:00", "AutoStop": "09:00"},
    {"AutoStart": "8:30", "AutoStop": "19:00"},
)

# account -> (name, Project, Env, how many, instance type)
_SYSTEMS: dict[str, tuple[tuple[str, str, str, int, str], ...]] = {
    "301000000011": (
        ("denshi-karte-web", "電子カルテ", "prod", 8, "m6i.large"),
        ("denshi-karte-ap", "電子カルテ", "prod", 10, "m6i.xlarge"),
        ("denshi-karte-relay", "電子カルテ", "prod", 4, "t3.large"),
        ("検査連携", "検査", "prod", 6, "t3.large"),
        ("検査DB", "検査", "prod", 4, "r6i.large"),
        ("shohou-order-ap", "処方オーダ", "prod", 6, "m6i.large"),
        ("文書管理", "文書管理", "prod", 4, "t3.medium"),
        ("予約受付-web", "予約", "prod", 6, "t3.medium"),
        ("kaikei-batch", "医事会計", "prod", 6, "c6i.large"),
        ("karte-dev", "電子カルテ", "dev", 6, "t3.medium"),
    ),
    "301000000012": (
        ("pacs-store", "PACS", "prod", 8, "r6i.xlarge"),
        ("pacs-viewer", "PACS", "prod", 8, "m6i.large"),
        ("画像変換", "PACS", "prod", 6, "c6i.xlarge"),
        ("検体検査-ap", "検査", "prod", 6, "m6i.large"),
        ("ris-web", "RIS", "prod", 4, "t3.large"),
        ("lab-dev", "検査", "dev", 3, "t3.medium"),
    ),
    "302000000021": (
        ("emr-web", "EMR", "prod", 8, "m6i.large"),
        ("emr-ap", "EMR", "prod", 8, "m6i.xlarge"),
        ("医事会計", "医事会計", "prod", 6, "m6i.large"),
        ("健診予約", "健診", "prod", 5, "t3.medium"),
        ("看護支援", "看護支援", "prod", 6, "t3.large"),
        ("yakuzai-ap", "薬剤", "prod", 4, "m6i.large"),
        ("地域連携", "地域連携", "prod", 4, "t3.medium"),
        ("mail-relay", "共通", "prod", 2, "t3.small"),
        ("bastion", "共通", "prod", 2, "t3.micro"),
    ),
    "302000000022": (
        ("emr-stg", "EMR", "stg", 6, "t3.large"),
        ("emr-dev", "EMR", "dev", 6, "t3.medium"),
        ("検証用", "共通", "dev", 4, "t3.medium"),
    ),
    "303000000031": (
        ("clinic-web", "診療所", "prod", 8, "t3.large"),
        ("clinic-ap", "診療所", "prod", 8, "m6i.large"),
        ("予約センター", "予約", "prod", 6, "t3.large"),
        ("レセプト", "レセプト", "prod", 6, "c6i.large"),
        ("電話応対-ivr", "予約", "prod", 4, "t3.medium"),
        ("監視-zabbix", "共通", "prod", 2, "t3.large"),
    ),
    "303000000032": (
        ("legacy-emr", "旧電子カルテ", "prod", 6, "m5.large"),
        ("旧予約", "予約", "prod", 4, "t2.medium"),
    ),
}
_DATABASES: dict[str, tuple[tuple[str, str, str, int], ...]] = {
    "301000000011": (
        ("karte-mysql", "mysql", "電子カルテ", 4),
        ("order-postgres", "postgres", "処方オーダ", 4),
        ("kaikei-oracle", "oracle-se2", "医事会計", 2),
        ("bunsho-mariadb", "mariadb", "文書管理", 2),
    ),
    "301000000012": (
        ("pacs-postgres", "postgres", "PACS", 4),
        ("kensa-mysql", "mysql", "検査", 3),
        ("ris-mariadb", "mariadb", "RIS", 1),
    ),
    "302000000021": (
        ("emr-oracle", "oracle-se2", "EMR", 3),
        ("emr-mysql", "mysql", "EMR", 4),
        ("iji-sqlserver", "sqlserver-se", "医事会計", 1),
        ("kenshin-postgres", "postgres", "健診", 1),
    ),
    "302000000022": (("emr-stg-mysql", "mysql", "EMR", 2), ("emr-dev-postgres", "postgres", "EMR", 1)),
    "303000000031": (
        ("clinic-mysql", "mysql", "診療所", 4),
        ("yoyaku-postgres", "postgres", "予約", 1),
        ("rezept-mariadb", "mariadb", "レセプト", 1),
    ),
    "303000000032": (("legacy-mysql", "mysql", "旧電子カルテ", 2),),
}
_SOURCE, _REPLICA, _MIRRORED = "clinic-mysql-01", "clinic-mysql-02", "iji-sqlserver-01"


def minute(at: datetime) -> datetime:
    """The minute of an aware instant, in Tokyo."""
    return at.astimezone(TOKYO).replace(second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Role:
    """What a resource shows in the demo: its schedule tags, whether it is on, and what else is odd about it."""

    tags: Mapping[str, str]
    on: bool
    name: bool = True
    bare: bool = False
    bounce: str | None = None
    no_capacity: bool = False


def _clock(at: datetime, minutes: int = 0) -> str:
    return f"{at + timedelta(minutes=minutes):%H:%M}"


def _partner(due: datetime, choices: Sequence[str], *, after: bool) -> str:
    """A believable other end for a tag that falls on `due`: 2-14 hours after (or before) it."""
    for choice in choices:
        hour, minute_of_hour = map(int, choice.split(":"))
        gap = (hour * 60 + minute_of_hour - due.hour * 60 - due.minute) % 1440
        if not after:
            gap = (1440 - gap) % 1440
        if 120 <= gap <= 840:
            return choice
    return _clock(due, 600 if after else -600)


def starts(at: datetime, in_minutes: int) -> Role:
    due = at + timedelta(minutes=in_minutes)
    return Role(
        {"AutoStart": _clock(due), "AutoStop": _partner(due, ("19:00", "21:00", "23:30"), after=True)},
        on=False,
    )


def stops(at: datetime, in_minutes: int) -> Role:
    due = at + timedelta(minutes=in_minutes)
    return Role(
        {"AutoStart": _partner(due, ("08:30", "07:30", "13:00"), after=False), "AutoStop": _clock(due)},
        on=True,
    )


def was_on_before(at: datetime, start: str, stop: str) -> bool:
    """The state just before `at` that start (weekdays) and stop (every day) have led to."""
    for back in range(8):
        day = at - timedelta(days=back)
        events = []
        for clock, on in ((start, True), (stop, False)):
            when = day.replace(hour=int(clock[:2]), minute=int(clock[3:]))
            if when < at and (not on or day.weekday() < 5):
                events.append((when, on))
        if events:
            return max(events)[1]
    return False


def _scheduled(at: datetime, start: str, stop: str) -> Role:
    return Role({"AutoStart": start, "AutoStop": stop}, on=was_on_before(at, start, stop))


#: Schedules of the portal that some servers name in their tag.
NIGHT_SHIFT, MAINTENANCE_DAY = "夜間勤務", "月例保守日"


def _visible_cases(at: datetime) -> list[Role]:
    """The servers that have to stand where anyone can reach them quickly."""
    kms = replace(starts(at, 0), bounce="Client.InvalidKMSKey.InvalidState")
    full = replace(starts(at, 0), no_capacity=True)
    return [kms, full, *(Role(tags, on=True) for tags in _BAD)]


def _common_cases(at: datetime) -> list[Role]:
    roles = [starts(at, 0) for _ in range(12)] + [stops(at, 0) for _ in range(8)]
    for minutes in SOON:
        roles += [starts(at, minutes) for _ in range(3)] + [stops(at, minutes) for _ in range(2)]
    roles += [Role({}, on=n % 3 != 0, name=False, bare=True) for n in range(10)]
    roles += [replace(_scheduled(at, "08:30", "19:00"), name=False) for _ in range(6)]
    roles += [Role({"AutoStop": "22:00"}, on=was_on_before(at, "09:00", "22:00")) for _ in range(6)]
    roles += [_scheduled(at, *_NIGHT[n % 2]) for n in range(6)]
    roles += [Role({"Schedule": NIGHT_SHIFT}, on=was_on_before(at, "22:00", "06:00")) for _ in range(6)]
    roles += [Role({"Schedule": MAINTENANCE_DAY}, on=False) for _ in range(3)]
    roles += [Role({"AutoStart": "08:30", "AutoStop": "19:00", "Toban": "never"}, on=True) for _ in range(4)]
    roles += [Role({}, on=True) for _ in range(26)]
    return roles


def _deal(
    keys: Sequence[str], accounts: Mapping[str, str], visible: list[Role], common: list[Role],
    rest: Callable[[int], Role], *, plain: Set[str], reachable: Set[str], seed: str,
) -> dict[str, Role]:  # fmt: skip
    """Gives every key a role: always the same key the same role, whatever the instant."""
    shuffled = list(keys)
    random.Random(f"{SEED}/{seed}").shuffle(shuffled)
    # Those that fit nowhere else first: visible cases need a plain account, the others only a reachable one.
    order = [key for key in shuffled if accounts[key] in plain][: len(visible)]
    taken = set(order)
    others = [key for key in shuffled if key not in taken and accounts[key] in reachable]
    dealt = dict(zip(order, visible, strict=True)) | dict(zip(others, common, strict=False))
    return {key: dealt.get(key) or rest(n) for n, key in enumerate(keys)}


def build_servers(
    at: datetime, regions: Mapping[str, Sequence[str]], *, plain: Set[str], reachable: Set[str]
) -> tuple[Server, ...]:
    """200 instances; `plain` accounts answer normally, `reachable` ones answer at all."""
    now = minute(at)
    listed = list(_server_names())
    account_of = {name: account for account, name, *_ in listed}
    roles = _deal(
        list(account_of), account_of, _visible_cases(now), _common_cases(now),
        lambda n: _scheduled(now, *_OFFICE[n % len(_OFFICE)]),
        plain=plain, reachable=reachable, seed="servers",
    )  # fmt: skip
    servers = []
    for n, (account, name, project, env, kind) in enumerate(listed):
        places = regions[account]
        region = places[1] if len(places) > 1 and n % _EVERY_N_IN_SECOND_REGION == 3 else places[0]
        role = roles[name]
        labels = {"Project": project, "Env": env} | ({"Name": name} if role.name else {})
        servers.append(
            Server(
                account,
                region,
                stable_id("instance", SEED, account, name),
                state="running" if role.on else "stopped",
                tags={} if role.bare else {**labels, **role.tags},
                instance_type=kind,
                zone=f"{region}{_ZONES[region][n % 3]}",
                launched_at=now - timedelta(days=1 + n % 90, minutes=37 * n % 600),
                bounce=role.bounce,
                no_capacity=role.no_capacity,
            )
        )
    return tuple(servers)


def _server_names() -> Iterator[tuple[str, str, str, str, str]]:
    for account, systems in _SYSTEMS.items():
        for name, project, env, count, kind in systems:
            for n in range(1, count + 1):
                yield account, f"{name}-{n:02d}", project, env, kind


def build_databases(
    at: datetime, regions: Mapping[str, Sequence[str]], *, plain: Set[str], reachable: Set[str]
) -> tuple[Database, ...]:
    """40 databases: with a replica pair whose replica is due to stop, and a mirrored SQL Server that may not."""
    now = minute(at)
    listed = [
        (account, f"{name}-{n:02d}", engine, project)
        for account, systems in _DATABASES.items()
        for name, engine, project, count in systems
        for n in range(1, count + 1)
    ]
    fixed = {_SOURCE: Role({}, on=True), _REPLICA: stops(now, 0), _MIRRORED: stops(now, 3)}
    account_of = {name: account for account, name, *_ in listed if name not in fixed}
    common = [starts(now, 0)] * 4 + [stops(now, 0)] * 3
    common += [starts(now, 2), stops(now, 2), starts(now, 5), stops(now, 5)]
    common += [Role({}, on=True, bare=n % 2 == 0) for n in range(6)]
    bad = Role({"AutoStart": "25:00", "AutoStop": "19:00"}, on=True)
    roles = fixed | _deal(
        list(account_of), account_of, [bad], common,
        lambda n: _scheduled(now, *_OFFICE[n % len(_OFFICE)]),
        plain=plain, reachable=reachable, seed="databases",
    )  # fmt: skip
    return tuple(
        Database(
            account,
            regions[account][0],
            name,
            engine=engine,
            state="available" if roles[name].on else "stopped",
            tags={} if roles[name].bare else {"Project": project, **roles[name].tags},
            db_class="db.r6i.large" if engine in ("oracle-se2", "sqlserver-se") else "db.t4g.medium",
            zone=f"{regions[account][0]}{_ZONES[regions[account][0]][n % 2]}",
            multi_az=name == _MIRRORED or n % 9 == 0,
            replica_of=_SOURCE if name == _REPLICA else None,
            created_at=now - timedelta(days=200 + 3 * n),
            subnet_group="hospital-private",
            **_care(name, n, now),
        )
        for n, (account, name, engine, project) in enumerate(listed)
    )


def _care(name: str, n: int, now: datetime) -> dict[str, Any]:
    """What there is to look at: certificates that end soon, one open to the internet, one without backups."""
    return {
        "certificate_until": now + timedelta(days=(12, 24, 75, 160)[n % 4]) if n % 5 == 2 else None,
        "ca": "rds-ca-2019" if n % 5 == 2 else "rds-ca-rsa2048-g1",
        "public": name == "ris-mariadb-01",
        "backup_days": 0 if name == "karte-mysql-03" else 7,
        "protected": n % 7 != 3,
    }
