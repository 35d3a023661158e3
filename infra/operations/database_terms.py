"""What AWS says of databases besides their own list: certificate authorities, engine versions, snapshots, the
rules of their security groups, what there is to make new ones of. Read once an hour,
as it changes rarely and costs calls of its own; what cannot be read stays as it was, and the region says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from infra.aws import certificates, makings, reach, snapshots
from infra.domain.aws import AwsError, Database, Problem, Target
from infra.domain.databases import terms_as_json
from infra.domain.makings import Offer
from infra.domain.reach import USUAL_LIMIT, Rule, counted, rule_as_json
from infra.domain.snapshots import DbSnapshot, can_upgrade
from infra.domain.stocks import stock_as_json, stock_from_json
from infra.models import AwsAccount, DatabaseSnapshot, Region

EVERY = timedelta(hours=1)
#: Which versions AWS offers on which classes takes many calls and changes by the week.
OFFERS_EVERY = timedelta(days=1)
#: Engines that Toban makes new databases of; of each AWS's own choice of a version is offered, and every version in use.
ENGINES = ("mariadb", "mysql", "oracle-se2", "postgres")
#: Of a region, what `keep` sets.
FIELDS = ("database_terms", "database_terms_at")
SEEN_FIELDS = (
    "database", "kind", "state", "engine", "engine_version", "storage_gib", "encrypted", "facts", "made_at",
    "seen_at", "gone_at",
)  # fmt: skip


@dataclass(slots=True)
class Read:
    """One reading. None: could not be read, or nothing here has any; `unread` says what AWS refused; `forbidden`: of what not every
    customer lets Toban read, what the role may not."""

    terms: dict[str, Any] | None = None
    snapshots: list[DbSnapshot] | None = None
    rules: list[Rule] | None = None
    rules_limit: int | None = None
    stock: dict[str, Any] | None = None
    unread: dict[str, AwsError] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)


def due(region: Region, now: datetime) -> bool:
    """Whether the last reading is an hour old, or from the future (the clock was put back)."""
    at = region.database_terms_at
    return at is None or not now - EVERY < at <= now


def read(target: Target, databases: Sequence[Database], kept: Mapping[str, Any], now: datetime) -> Read:
    """Ask AWS: one call for the snapshots and one for the subnet groups; with subnet groups four for the rest that a database
    is made of; with databases one for the authorities, one for each engine version in use, and one for the rules of
    200 security groups. kept: what the region's last reading left."""
    found = Read()
    try:
        found.snapshots = snapshots.list_snapshots(target)
    except AwsError as error:
        found.unread["snapshots"] = error
    try:
        found.stock = _stock(target, databases, found.snapshots or (), kept.get("stock", {}), now)
    except AwsError as error:
        # Not every customer lets Toban make databases; the pages that do so then say so.
        if error.problem is Problem.PERMISSION:
            found.forbidden.add("stock")
        else:
            found.unread["stock"] = error
    if not databases:
        return found
    try:
        authorities, default = certificates.list_authorities(target)
        wanted = sorted({(one.engine, one.engine_version) for one in databases})
        versions = [certificates.engine_version(target, engine, version) for engine, version in wanted]
    except AwsError as error:
        found.unread["certificates"] = error
    else:
        found.terms = terms_as_json(authorities, default, [one for one in versions if one is not None])
    try:
        groups = {group for one in databases for group in one.groups}
        found.rules = reach.list_rules(target, groups)
        # Below AWS's usual limit it makes no difference.
        if any(counted(found.rules, group) >= USUAL_LIMIT for group in groups):
            found.rules_limit = reach.rules_limit(target)
    except AwsError as error:
        # Not every customer lets Toban look at these; the page of a database then says so.
        if error.problem is Problem.PERMISSION:
            found.forbidden.add("rules")
        else:
            found.unread["rules"] = error
    return found


def _stock(
    target: Target,
    databases: Sequence[Database],
    listed: Sequence[DbSnapshot],
    kept: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """What there is to make databases of; nothing where no database can be made, for want of a subnet group."""
    groups = makings.subnet_groups(target)
    if not groups:
        return {}
    used = {(one.engine, one.engine_version) for one in databases}
    used |= {(one.engine, one.engine_version) for one in listed}
    used = {one for one in used if not one[0].startswith("aurora")}
    known = stock_from_json(kept, frozenset())
    at = kept.get("offers_at", "")
    old = not at or not now - OFFERS_EVERY < datetime.fromisoformat(at) <= now
    offers: list[Offer | None] = []
    if old:
        offers += [makings.offer(target, engine) for engine in ENGINES]
    else:
        offers += known.offers.values()
    have = {one.key for one in offers if one is not None}
    offers += [makings.offer(target, *one) for one in sorted(used) if "/".join(one) not in have]
    stock = makings.stock(target, groups, [one for one in offers if one is not None])
    # What only an upgraded copy brings back.
    ended = {(one.engine, one.engine_version) for one in listed if can_upgrade(one.engine)}
    upgrades = {
        key: known.upgrades[key]
        if key in known.upgrades and not old
        else tuple(sorted(makings.upgrades(target, *one)))
        for one in sorted(ended)
        if (key := "/".join(one)) not in stock.offers
    }
    stock = replace(stock, upgrades=upgrades)
    return {**stock_as_json(stock), "offers_at": now.isoformat() if old else at}


def keep(
    region: Region, read: Read, *, before: Mapping[str, Any], looked_at: datetime, now: datetime
) -> None:
    """Write what was read; the caller holds the region's row and saves it (FIELDS). What could not be read is asked for again
    at the next look; what may not be read any more is forgotten, so that nothing old passes for what stands now. before: the region's
    terms when this look began; what an operation has written since stays."""
    if read.snapshots is not None:
        _keep_snapshots(region, read.snapshots, looked_at, now)
    if not read.unread:
        region.database_terms_at = now
    kept = region.database_terms.items()
    region.database_terms = {name: said for name, said in kept if name not in read.forbidden}
    if read.terms is not None:
        region.database_terms = region.database_terms | read.terms
    if read.rules is not None:
        rules = _newest(read.rules, before.get("rules") or (), region.database_terms.get("rules") or ())
        region.database_terms = region.database_terms | {"rules": rules, "rules_limit": read.rules_limit}
    if read.stock is not None:
        region.database_terms = region.database_terms | {"stock": read.stock}


def _newest(
    read: Iterable[Rule], before: Sequence[dict[str, Any]], present: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rules as they were read, except for groups whose rules have been written anew since the look began."""
    then, now = _by_group(before), _by_group(present)
    written = {group for group in then | now if then.get(group) != now.get(group)}
    kept = [one for one in present if one["group"] in written]
    return kept + [rule_as_json(one) for one in read if one.group not in written]


def _by_group(rules: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(rules, key=lambda one: str(one["id"])):
        found.setdefault(one["group"], []).append(one)
    return found


def keep_seen(account: AwsAccount, region: str, seen: Iterable[DbSnapshot], *, now: datetime) -> None:
    """Write snapshots as they were just seen: new ones appear, known ones take the new facts and keep their id."""
    _write([_row(account, region, one, now) for one in seen])


def _row(account: AwsAccount, region: str, one: DbSnapshot, seen_at: datetime) -> DatabaseSnapshot:
    return DatabaseSnapshot(
        tenant_id=account.tenant_id, account=account, region=region, name=one.id, database=one.database, kind=one.kind,
        state=one.state, engine=one.engine, engine_version=one.engine_version, storage_gib=one.storage_gib,
        encrypted=one.encrypted, made_at=one.created_at, seen_at=seen_at, gone_at=None,
        facts={"arn": one.arn, "vpc_id": one.vpc_id, "option_group": one.option_group, "source_id": one.source_id, "tags": one.tags},
    )  # fmt: skip


def _write(rows: Sequence[DatabaseSnapshot]) -> None:
    DatabaseSnapshot.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["account", "region", "name"], update_fields=SEEN_FIELDS, batch_size=500
    )  # fmt: skip


def _keep_snapshots(region: Region, seen: Sequence[DbSnapshot], looked_at: datetime, now: datetime) -> None:
    here = DatabaseSnapshot.objects.filter(account=region.account, region=region.name)
    present = list(here.filter(Q(gone_at__isnull=True) | Q(seen_at__gt=looked_at)))
    newer = {row.name for row in present if looked_at < row.seen_at <= now}
    known = {row.name: row for row in present if row.gone_at is None}
    listed = [one for one in seen if one.id not in newer]
    found = {one.id: _row(region.account, region.name, one, looked_at) for one in listed}
    _write([row for name, row in found.items() if name not in known or _told(row) != _told(known[name])])
    gone = [row.id for name, row in known.items() if name not in found and name not in newer]
    here.filter(id__in=gone, seen_at__lt=looked_at).update(gone_at=now, state="gone")


def _told(row: DatabaseSnapshot) -> tuple[Any, ...]:
    return row.state, row.kind, row.engine_version, row.storage_gib, row.encrypted, row.made_at, row.facts
