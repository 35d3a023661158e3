"""A new database: what each engine asks of its names and its size. Pure.

Sources: Amazon RDS API reference, CreateDBInstance (DBName, MasterUsername by engine); user guide, CHAP_Storage (gp3). A password is
no question here: RDS makes it itself and keeps it in Secrets Manager (ManageMasterUserPassword).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.domain.makings import STORAGE_QUOTA, Offer, Stock, Trouble, Wish, alike_classes, making_troubles

USER_MAX = 16
STORAGE_LEAST, STORAGE_MOST = 20, 65_536
BACKUPS_MOST = 35
USUAL_CLASS = "db.t4g.medium"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SID = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_USER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Words that an engine keeps for itself, in small letters.
_RESERVED_NAMES = frozenset(
    {"null", "template0", "template1", "rdsadmin", "mysql", "information_schema", "performance_schema", "sys"}
)
_RESERVED_USERS: Mapping[str, frozenset[str]] = {
    "postgres": frozenset({"admin", "rdsadmin", "rds_superuser", "public", "user"}),
    "mysql": frozenset({"root", "rdsadmin", "mysql"}),
    "mariadb": frozenset({"root", "rdsadmin", "mysql"}),
    "oracle": frozenset({"sys", "system", "rdsadmin", "dbsnmp", "public"}),
}
_USUAL_USER = {"postgres": "postgres"}


@dataclass(frozen=True, slots=True)
class Creation:
    """A new database: its version, its first schema (db_name; of Oracle its SID), its master user, GiB, days of backups."""

    engine: str
    version: str
    wish: Wish
    db_name: str
    user: str
    storage_gib: int
    backup_days: int


def family_of(engine: str) -> str:
    return engine.partition("-")[0]


def longest_name(engine: str) -> int:
    return {"oracle": 8, "postgres": 63}.get(family_of(engine), 64)


def db_name_problem(engine: str, name: str) -> str:
    """Why an engine would refuse the name of the first schema (a code), or ""."""
    oracle = family_of(engine) == "oracle"
    if not name:
        return "db_name_empty"
    if len(name) > longest_name(engine):
        return "sid_long" if oracle else "db_name_long"
    if (_SID if oracle else _NAME).fullmatch(name) is None:
        return "sid_characters" if oracle else "db_name_characters"
    return "db_name_reserved" if name.lower() in _RESERVED_NAMES else ""


def user_problem(engine: str, user: str) -> str:
    """Why an engine would refuse the name of its master user (a code), or ""."""
    if not 1 <= len(user) <= USER_MAX or _USER.fullmatch(user) is None:
        return "user_form"
    reserved = _RESERVED_USERS.get(family_of(engine), frozenset())
    return "user_reserved" if user.lower() in reserved else ""


def usual_user(engine: str) -> str:
    return _USUAL_USER.get(family_of(engine), "admin")


def creation_troubles(asked: Creation, stock: Stock) -> list[Trouble]:
    """Everything for which AWS would refuse to make it."""
    found = []
    if problem := db_name_problem(asked.engine, asked.db_name):
        found.append(Trouble(problem, "db_name", {"name": asked.db_name} if asked.db_name else {}))
    if problem := user_problem(asked.engine, asked.user):
        found.append(Trouble(problem, "user", {"name": asked.user} if asked.user else {}))
    if not STORAGE_LEAST <= asked.storage_gib <= STORAGE_MOST:
        found.append(Trouble("storage_size", "storage_gib"))
    elif stock.storage_left is not None and stock.storage_left < asked.storage_gib:
        told = {"left": str(max(0, stock.storage_left)), "needed": str(asked.storage_gib)}
        found.append(Trouble("storage_quota", "storage_gib", told, quota=STORAGE_QUOTA))
    if not 1 <= asked.backup_days <= BACKUPS_MOST:
        found.append(Trouble("backup_days", "backup_days"))
    return [*found, *making_troubles(asked.wish, asked.engine, asked.version, stock)]


def wish_anew(offer: Offer, stock: Stock, aws_id: str) -> Wish:
    """How a new database is first proposed: in the first network, of a small class, with AWS's own groups; who may reach it is the
    reader's to say."""
    classes = alike_classes(USUAL_CLASS, offer.classes)
    return Wish(
        aws_id=aws_id,
        db_class=USUAL_CLASS if USUAL_CLASS in offer.classes else next(iter(classes), ""),
        subnet_group=next((one.name for one in stock.subnet_groups), ""),
        groups=(),
        option_group=offer.default_options,
        parameter_group=offer.default_parameters,
    )
