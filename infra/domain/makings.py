"""A database that is to be made, of a snapshot or anew: what AWS has to make it of, and why AWS would refuse it. Pure.

Sources: Amazon RDS API reference, RestoreDBInstanceFromDBSnapshot, CreateDBInstance; Amazon RDS user guide,
USER_RestoreFromSnapshot (an option group is tied to its VPC), CHAP_Limits (names), Appendix.Oracle.Options (lasting options).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infra.domain.database_names import DATABASE_MAX, name_problem
from infra.domain.databases import FOR_A_WHILE, is_called_for_a_while
from infra.domain.snapshots import COMPLETE, can_upgrade

#: Service Quotas' codes of "Total storage for all DB instances" and "DB instances".
STORAGE_QUOTA, DATABASES_QUOTA = "L-7ADDB58A", "L-7B6409FD"
#: The storage of every new database.
NEW_STORAGE = "gp3"
#: What is chosen of a making; a fix sets some of these.
FIELDS = ("aws_id", "db_class", "subnet_group", "groups", "option_group", "parameter_group")


@dataclass(frozen=True, slots=True)
class SubnetGroup:
    name: str
    vpc: str


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """vpc: the one it is tied to, "" where it serves any. lasting: options that a database keeps for ever (permanent, persistent)."""

    name: str
    engine: str
    major: str
    vpc: str
    lasting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    name: str
    family: str


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    id: str
    name: str
    vpc: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One engine version that AWS offers here: its parameter group family, its major version, the classes it runs on.

    encrypting: the classes that take encrypted storage; for_new: those that take it on gp3, as Toban makes new databases. None where it
    was not asked. licences: what AWS takes as LicenseModel.
    """

    engine: str
    version: str
    family: str
    major: str
    classes: tuple[str, ...]
    encrypting: tuple[str, ...] | None = None
    for_new: tuple[str, ...] | None = None
    licences: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.engine}/{self.version}"

    @property
    def default_options(self) -> str:
        return f"default:{self.engine}-{self.major.replace('.', '-')}"

    @property
    def default_parameters(self) -> str:
        return f"default.{self.family}"


@dataclass(frozen=True, slots=True)
class Stock:
    """What a region has to make databases of. storage_left (GiB), databases_left: what the account may still have there,
    None where AWS did not say. names: databases that exist. upgrades: of versions of snapshots that are offered no more, by the key of an
    offer: to which AWS brings them."""

    subnet_groups: tuple[SubnetGroup, ...] = ()
    option_groups: tuple[OptionGroup, ...] = ()
    parameter_groups: tuple[ParameterGroup, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    offers: Mapping[str, Offer] = field(default_factory=dict)
    storage_left: int | None = None
    databases_left: int | None = None
    names: frozenset[str] = frozenset()
    upgrades: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def vpc_of(self, subnet_group: str) -> str:
        return next((one.vpc for one in self.subnet_groups if one.name == subnet_group), "")

    def option_group(self, name: str) -> OptionGroup | None:
        return next((one for one in self.option_groups if one.name == name), None)

    def groups_in(self, vpc: str) -> tuple[SecurityGroup, ...]:
        return tuple(one for one in self.groups if one.vpc == vpc)


@dataclass(frozen=True, slots=True)
class Wish:
    """How the database is to be. groups: ids of security groups."""

    aws_id: str
    db_class: str
    subnet_group: str
    groups: tuple[str, ...]
    option_group: str
    parameter_group: str


@dataclass(frozen=True, slots=True)
class Source:
    """The snapshot. kind: manual, automated, shared or another. option_group: that of its database when it was made."""

    name: str
    state: str
    engine: str
    version: str
    storage_gib: int
    encrypted: bool
    kind: str
    vpc: str
    option_group: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why AWS would refuse (a code), at which field, with what; fixes: what would pass instead, each sets fields of the wish.

    copies: a copy of the snapshot would pass, of these engine versions ("" for its own). quota: what AWS would have to raise, by its
    code in Service Quotas (Amazon RDS user guide, CHAP_Limits).
    """

    code: str
    at: str
    told: Mapping[str, str] = field(default_factory=dict)
    fixes: tuple[Mapping[str, str], ...] = ()
    copies: tuple[str, ...] = ()
    quota: str = ""


def restore_troubles(wish: Wish, source: Source, stock: Stock) -> list[Trouble]:
    """Everything for which AWS would refuse to restore, so that nobody meets one after the other."""

    def fit(offer: Offer) -> tuple[str, ...] | None:
        return offer.encrypting if source.encrypted else None

    found = [*_source_troubles(source), *making_troubles(wish, source.engine, source.version, stock, fit)]
    newer = upgrade_choices(source.engine, source.version, stock)
    found = [replace(one, copies=newer) if one.code == "version_not_offered" else one for one in found]
    if stock.storage_left is not None and stock.storage_left < source.storage_gib:
        told = {"left": str(max(0, stock.storage_left)), "needed": str(source.storage_gib)}
        found.append(Trouble("storage_quota", "", told, quota=STORAGE_QUOTA))
    lasting = stock.option_group(source.option_group)
    chosen = stock.option_group(wish.option_group)
    if lasting is not None and lasting.lasting:
        have = set(chosen.lasting) if chosen is not None else set()
        if missing := sorted(set(lasting.lasting) - have):
            fits = [
                one
                for one in _options_that_fit(wish, source.engine, stock)
                if set(lasting.lasting) <= set(one.lasting)
            ]
            # The group may well be in the wrong network, too; that is said beside it.
            fixes = tuple({"option_group": one.name} for one in fits)
            found.append(Trouble("options_lost", "option_group", {"options": ", ".join(missing)}, fixes))
    return found  # fmt: skip


def upgrade_choices(engine: str, version: str, stock: Stock) -> tuple[str, ...]:
    """Newer versions to which a copy of a snapshot can be brought: of the three nearest lines of versions the newest; none of an engine
    whose snapshots stay at their version. Those that AWS names, where it was asked; else what it offers, and it is asked when one is
    chosen."""
    if not can_upgrade(engine):
        return ()
    offered = tuple(one.version for one in stock.offers.values() if one.engine == engine)
    have = stock.upgrades.get(f"{engine}/{version}", offered)
    newest: dict[tuple[int, ...], str] = {}
    for one in sorted(have, key=_order):
        if _order(one) > _order(version):
            newest[_line(engine, one)] = one
    return tuple(newest.values())[:3]


def upgrade_options(source: Source, version: str, stock: Stock) -> tuple[str, ...] | None:
    """The option groups of which one must be named when a copy is brought to this version; None where AWS finds one by itself.

    Only Oracle's do, and a group of one's own serves one major version. Source: RDS API reference, ModifyDBSnapshot (OptionGroupName);
    RDS user guide, USER_UpgradeDBInstance.Oracle.OGPG (option group considerations).
    """
    major = _oracle_major(version)
    own = source.option_group and not source.option_group.startswith("default:")
    if not source.engine.startswith("oracle") or not own or major == _oracle_major(source.version):
        return None
    now = stock.option_group(source.option_group)
    lasting = set(now.lasting) if now is not None else set()
    return tuple(
        one.name for one in stock.option_groups
        if (one.engine, one.major) == (source.engine, major) and lasting <= set(one.lasting)
    )  # fmt: skip


def _oracle_major(version: str) -> str:
    """12.1 of 12.1.0.2.v28, 19 of 19.0.0.0.ru-2026-01…: Oracle counts by years since 18."""
    numbers = [str(one) for one in _order(version)] or ["0"]
    return numbers[0] if int(numbers[0]) >= 18 else ".".join(numbers[:2])


def _line(engine: str, version: str) -> tuple[int, ...]:
    """A major version by its numbers: PostgreSQL 16, MySQL 8.0."""
    return _order(version)[: 2 if engine in ("mariadb", "mysql") else 1]


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))


def _source_troubles(source: Source) -> list[Trouble]:
    if source.state != COMPLETE:
        return [Trouble("snapshot_not_complete", "", {"name": source.name})]
    if source.engine.startswith("aurora"):
        return [Trouble("restore_of_cluster", "")]
    if source.engine.startswith("custom-"):
        return [Trouble("restore_of_custom", "")]
    if source.kind == "shared" and source.encrypted:
        return [Trouble("copy_first", "", {"name": source.name}, copies=("",))]
    return []


def making_troubles(
    wish: Wish, engine: str, version: str, stock: Stock, fit: Callable[[Offer], tuple[str, ...] | None]
) -> list[Trouble]:
    """What both ways of making a database have in common. fit: the classes that take what is asked for besides; None: not known."""
    found = [*_name_troubles(wish, stock)]
    if stock.databases_left is not None and stock.databases_left < 1:
        found.append(Trouble("database_quota", "", quota=DATABASES_QUOTA))
    offer = stock.offers.get(f"{engine}/{version}")
    if offer is None:
        found.append(Trouble("version_not_offered", "", {"version": f"{engine} {version}"}))
    elif wish.db_class not in offer.classes:
        fixes = tuple({"db_class": one} for one in alike_classes(wish.db_class, offer.classes)[:3])
        found.append(Trouble("class_not_offered", "db_class", {"class": wish.db_class}, fixes))
    elif (able := fit(offer)) is not None and wish.db_class not in able:
        fixes = tuple({"db_class": one} for one in alike_classes(wish.db_class, able)[:3])
        found.append(Trouble("class_unfit", "db_class", {"class": wish.db_class}, fixes))
    found += _network_troubles(wish, stock)
    found += _option_troubles(wish, engine, offer, stock)
    family = next((one.family for one in stock.parameter_groups if one.name == wish.parameter_group), "")
    if offer is not None and wish.parameter_group != offer.default_parameters and family != offer.family:
        told = {"name": wish.parameter_group, "family": offer.family}
        fix = {"parameter_group": offer.default_parameters}
        found.append(Trouble("parameter_group_family", "parameter_group", told, (fix,)))
    return found


def _name_troubles(wish: Wish, stock: Stock) -> list[Trouble]:
    if problem := name_problem(wish.aws_id, DATABASE_MAX):
        return [Trouble(str(problem), "aws_id")]
    if wish.aws_id.lower() in stock.names:
        free = free_name(wish.aws_id, stock.names)
        return [Trouble("database_name_taken", "aws_id", {"name": wish.aws_id}, ({"aws_id": free},))]
    return []


def stay_troubles(wish: Wish, *, for_a_while: bool) -> list[Trouble]:
    """The name says whether it stays: only what is called so may Toban's role delete, and only what goes again is called so."""
    name = wish.aws_id.lower()
    called_so = is_called_for_a_while(name)
    if called_so == for_a_while:
        return []
    right = name.removeprefix(FOR_A_WHILE) if called_so else f"{FOR_A_WHILE}{name}"[:DATABASE_MAX].rstrip("-")
    fixes = () if name_problem(right, DATABASE_MAX) else ({"aws_id": right},)
    code = "name_for_a_while" if for_a_while else "name_of_one_that_goes"
    return [Trouble(code, "aws_id", {"name": wish.aws_id}, fixes)]


def _network_troubles(wish: Wish, stock: Stock) -> list[Trouble]:
    vpc = stock.vpc_of(wish.subnet_group)
    if not vpc:
        fixes = tuple({"subnet_group": one.name} for one in stock.subnet_groups[:3])
        return [Trouble("subnet_group_unknown", "subnet_group", {"name": wish.subnet_group}, fixes)]
    here = [one.id for one in stock.groups_in(vpc)]
    right = [one for one in wish.groups if one in here]
    fix: dict[str, str] = {"groups": ",".join(right or here[:1])}
    if not wish.groups:
        return [Trouble("groups_missing", "groups", {}, (fix,) if here else ())]
    wrong = [one for one in wish.groups if one not in here]
    if not wrong:
        return []
    told = {"groups": ", ".join(wrong), "vpc": vpc}
    return [Trouble("group_other_vpc", "groups", told, (fix,) if fix["groups"] else ())]


def _option_troubles(wish: Wish, engine: str, offer: Offer | None, stock: Stock) -> list[Trouble]:
    """An option group is of one engine and major version, and, once a database has used it, of one VPC."""
    vpc = stock.vpc_of(wish.subnet_group)
    if offer is None or not vpc or wish.option_group == offer.default_options:
        return []
    chosen = stock.option_group(wish.option_group)
    fits = [{"option_group": one.name} for one in _options_that_fit(wish, engine, stock, offer.major)]
    fixes = ({"option_group": offer.default_options}, *fits[:2])
    told = {"name": wish.option_group, "vpc": vpc}
    if chosen is None:
        return [Trouble("option_group_unknown", "option_group", told, fixes)]
    if (chosen.engine, chosen.major) != (engine, offer.major):
        return [Trouble("option_group_other_engine", "option_group", told, fixes)]
    if chosen.vpc and chosen.vpc != vpc:
        beside = [one for one in stock.subnet_groups if one.vpc == chosen.vpc][:1]
        told |= {"other": chosen.vpc}
        moved = tuple({"subnet_group": one.name, **_groups_there(wish, one.vpc, stock)} for one in beside)
        # What the database keeps for ever is not given up for a default group.
        kept = fixes[1:] if chosen.lasting else fixes
        return [Trouble("option_group_other_vpc", "option_group", told, (*kept, *moved))]
    return []


def _groups_there(wish: Wish, vpc: str, stock: Stock) -> dict[str, str]:
    here = [one.id for one in stock.groups_in(vpc)]
    right = [one for one in wish.groups if one in here] or here[:1]
    return {"groups": ",".join(right)} if right else {}


def _options_that_fit(wish: Wish, engine: str, stock: Stock, major: str = "") -> list[OptionGroup]:
    vpc = stock.vpc_of(wish.subnet_group)
    return [
        one
        for one in stock.option_groups
        if one.engine == engine and (not major or one.major == major) and one.vpc in ("", vpc)
        and not one.name.startswith("default:")
    ]  # fmt: skip


def alike_classes(wanted: str, classes: Sequence[str]) -> list[str]:
    """Classes as near to the wanted one as there are: of its size first, then of its family."""
    parts = wanted.split(".")
    size, family = parts[-1], parts[1][:1] if len(parts) > 1 else ""

    def distance(one: str) -> tuple[bool, bool, str]:
        theirs = one.split(".")
        return theirs[-1] != size, theirs[1][:1] != family if len(theirs) > 1 else True, one

    return sorted(classes, key=distance)


def free_name(wanted: str, names: frozenset[str] | set[str]) -> str:
    """The wanted name, or it with the first number that nobody has."""
    wanted = wanted.lower()
    tries = (wanted, *(f"{wanted[: DATABASE_MAX - 4].rstrip('-')}-{number}" for number in range(2, 1000)))
    return next(one for one in tries if one not in names)


def wish_beside(source: Source, facts: Mapping[str, Any], db_class: str, stock: Stock, aws_id: str) -> Wish:
    """How a restored database is first proposed: as its original is, or what would pass where that is not known."""
    in_vpc = [one.name for one in stock.subnet_groups if one.vpc == source.vpc]
    named = facts.get("subnet_group") or next(iter(in_vpc), "")
    subnet_group = named or next((one.name for one in stock.subnet_groups), "")
    vpc = stock.vpc_of(subnet_group)
    offer = stock.offers.get(f"{source.engine}/{source.version}")
    here = {one.id for one in stock.groups_in(vpc)}
    parameters = facts.get("parameter_group") or (offer.default_parameters if offer else "")
    options = source.option_group or (offer.default_options if offer else "")
    classes = offer.classes if offer else ()
    return Wish(
        aws_id=aws_id,
        db_class=db_class or next(iter(classes), ""),
        subnet_group=subnet_group,
        groups=tuple(one for one in facts.get("groups", ()) if one in here),
        option_group=options,
        parameter_group=parameters,
    )


def fixed(wish: Wish, fix: str) -> Wish:
    """The wish with a fix as its button sends it: "field=value;field=value"; what is no field of a wish is left out."""
    changes: dict[str, Any] = {}
    for part in fix.split(";"):
        name, _, value = part.partition("=")
        if name in FIELDS:
            changes[name] = tuple(one for one in value.split(",") if one) if name == "groups" else value
    return replace(wish, **changes)


def fix_text(fix: Mapping[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in fix.items())
