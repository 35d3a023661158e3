"""What the pages show that make databases: what there is to choose from, what speaks against it, and the plan side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.domain.creations import Creation
from infra.domain.makings import (
    Offer,
    SecurityGroup,
    Source,
    Stock,
    Trouble,
    Wish,
    restore_troubles,
    wish_beside,
)
from infra.domain.snapshots import SHARED
from infra.models import DatabaseSnapshot, Region, Resource
from infra.models.account import Looking
from infra.models.resource import ResourceKind
from infra.queries.makings import source_of_snapshot, stock_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound

#: Engines that a database is made of here.
ENGINES = ("mariadb", "mysql", "oracle-se2", "postgres")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a step offers. groups: the security groups of the chosen network; elsewhere: how many there are in others."""

    classes: Sequence[str]
    subnet_groups: Sequence[tuple[str, str]]
    groups: Sequence[SecurityGroup]
    option_groups: Sequence[str]
    parameter_groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class RestorePage:
    """stock: None where it was not read. read_at: when AWS was asked of it."""

    snapshot: DatabaseSnapshot
    original: Resource | None
    source: Source
    stock: Stock | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the plan: by its code, as it was and as it will be."""

    code: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


def restore_page(snapshot_id: UUID, *, actor: Actor) -> RestorePage:
    """Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    row: DatabaseSnapshot | None = (
        DatabaseSnapshot.objects.select_related("account").filter(id=snapshot_id).first()
    )
    if row is None:
        raise NotFound(type="snapshot", id=str(snapshot_id))
    here = {"account": row.account, "region": row.region}
    # What another account shares is of its database, and not of one that is called so here.
    original: Resource | None = (
        Resource.objects.filter(**here, kind=ResourceKind.RDS, aws_id=row.database).first()
        if row.kind != SHARED
        else None
    )
    region = Region.objects.filter(account=row.account, name=row.region).first()
    return RestorePage(
        row, original, source_of_snapshot(row), stock_of(row.account, row.region), region.database_terms_at if region else None
    )  # fmt: skip


def proposal(page: RestorePage, aws_id: str) -> Wish:
    """How the restored database is first proposed. Needs the stock."""
    assert page.stock is not None
    facts = page.original.facts if page.original is not None else {}
    db_class = page.original.type if page.original is not None else ""
    return wish_beside(page.source, facts, db_class, page.stock, aws_id)


def choices(wish: Wish, engine: str, version: str, stock: Stock) -> Choices:
    """What stands in the lists; what is chosen now stands there, too, even if AWS would not take it."""
    offer = stock.offers.get(f"{engine}/{version}")
    vpc = stock.vpc_of(wish.subnet_group)
    options = [one.name for one in stock.option_groups if one.engine == engine]
    family = offer.family if offer else ""
    parameters = [one.name for one in stock.parameter_groups if one.family == family]
    return Choices(
        classes=_with(wish.db_class, offer.classes if offer else ()),
        subnet_groups=[(one.name, one.vpc) for one in stock.subnet_groups],
        groups=stock.groups_in(vpc),
        option_groups=_with(wish.option_group, [*_defaults(offer, "default_options"), *options]),
        parameter_groups=_with(wish.parameter_group, [*_defaults(offer, "default_parameters"), *parameters]),
    )


def _with(chosen: str, offered: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(offered))
    return found if not chosen or chosen in found else [chosen, *found]


def _defaults(offer: Offer | None, name: str) -> list[str]:
    return [str(getattr(offer, name))] if offer is not None else []


def troubles_of(wish: Wish, page: RestorePage) -> list[Trouble]:
    return restore_troubles(wish, page.source, page.stock) if page.stock is not None else []


def plan(wish: Wish, page: RestorePage, tags: Mapping[str, str], *, protected: bool) -> list[Line]:
    """The original, as last seen, beside what is made. Where the original is gone, its side stays empty."""
    assert page.stock is not None
    original, source, stock = page.original, page.source, page.stock
    facts = original.facts if original is not None else {}
    old_tags = original.tags if original is not None else {}
    names = {one.id: f"{one.id} ({one.name})" for one in stock.groups}
    version = f"{source.engine} {source.version}"
    lines = [
        Line("name", original.aws_id if original is not None else source.name, wish.aws_id),
        Line("engine", version, version),
        Line("class", original.type if original is not None else "", wish.db_class),
        Line("storage", f"{source.storage_gib} GiB", f"{source.storage_gib} GiB"),
        Line("vpc", source.vpc or str(facts.get("vpc_id", "")), stock.vpc_of(wish.subnet_group)),
        Line("subnet_group", str(facts.get("subnet_group", "")), wish.subnet_group),
        Line("groups", _list(facts.get("groups", ()), names), _list(wish.groups, names)),
        Line("option_group", source.option_group or str(facts.get("option_group", "")), wish.option_group),
        Line("parameter_group", str(facts.get("parameter_group", "")), wish.parameter_group),
        Line("multi_az", _yes(facts.get("multi_az"), known=original is not None), "no"),
        Line("public", _yes(facts.get("public"), known=original is not None), "no"),
        Line(
            "protected",
            _yes(facts.get("protected"), known=original is not None),
            "yes" if protected else "no",
        ),
    ]
    for name in ("Project", "AutoStart", "AutoStop", "Schedule"):
        if old_tags.get(name) or tags.get(name):
            lines.append(Line(f"tag:{name}", old_tags.get(name, ""), tags.get(name, "")))
    return lines


def _list(groups: Sequence[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(one, one) for one in groups)


def _yes(value: object, *, known: bool) -> str:
    return ("yes" if value else "no") if known else ""


@dataclass(frozen=True, slots=True)
class Place:
    """One engine version in one region where a database can be made. key: as the form sends it."""

    key: str
    region: Region
    offer: Offer


def places(*, actor: Actor) -> list[Place]:
    """Where a database can be made, by account, region and engine. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = Region.objects.filter(looking=Looking.ON, database_terms__stock__has_key="offers").select_related(
        "account"
    )
    found = []
    for row in rows.order_by("account__name", "name"):
        stock = stock_of(row.account, row.name)
        offers = sorted(stock.offers.values(), key=lambda one: one.key) if stock is not None else []
        found += [
            Place(f"{row.id}|{one.key}", row, one) for one in offers if one.engine in ENGINES and one.classes
        ]
    return found


def creation_plan(asked: Creation, stock: Stock, tags: Mapping[str, str], *, protected: bool) -> list[Line]:
    wish = asked.wish
    names = {one.id: f"{one.id} ({one.name})" for one in stock.groups}
    lines = {
        "name": wish.aws_id, "engine": f"{asked.engine} {asked.version}", "db_name": asked.db_name, "user": asked.user,
        "password": "managed", "class": wish.db_class, "storage": f"{asked.storage_gib} GiB (gp3)", "encrypted": "yes",
        "vpc": stock.vpc_of(wish.subnet_group), "subnet_group": wish.subnet_group, "groups": _list(wish.groups, names),
        "option_group": wish.option_group, "parameter_group": wish.parameter_group, "public": "no",
        "protected": "yes" if protected else "no", "backups": str(asked.backup_days),
        **{f"tag:{name}": value for name, value in sorted(tags.items())},
    }  # fmt: skip
    return [Line(code, "", value) for code, value in lines.items()]
