"""A new database: what each engine asks of its names and its size. Pure.

Sources: Amazon RDS API reference, CreateDBInstance (DBName, MasterUsername by engine); user guide, CHAP_Storage (gp3). A password is
no question here: RDS makes it itself and keeps it in Secrets Manager (ManageMasterUserPassword).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.domain.makings import (
    STORAGE_QUOTA,
    Offer,
    Stock,
    Trouble,
    Wish,
    alike_classes,
    making_troubles,
    stay_troubles,
)

USER_MAX = 16
STORAGE_LEAST, STORAGE_MOST = 20, 65_536
BACKUPS_MOST = 35
USUAL_CLASS = "db.t4g.medium"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SID = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_USER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Databases that an engine keeps for itself, and words of its language that name nothing else, in small letters. Sources: MySQL
#: 8.4 reference manual, 11.3 (reserved words); PostgreSQL 17, appendix C (reserved); SQL words of Oracle, V$RESERVED_WORDS.
_RESERVED_NAMES = frozenset(
    ["null", "template0", "template1", "rdsadmin", "mysql", "information_schema", "performance_schema", "sys"]
)
_SQL_WORDS = frozenset(
    [
        "all",
        "alter",
        "and",
        "any",
        "as",
        "asc",
        "between",
        "by",
        "case",
        "check",
        "column",
        "constraint",
        "create",
        "cross",
        "current_date",
        "current_time",
        "current_timestamp",
        "default",
        "delete",
        "desc",
        "distinct",
        "drop",
        "else",
        "except",
        "exists",
        "false",
        "fetch",
        "for",
        "foreign",
        "from",
        "full",
        "grant",
        "group",
        "having",
        "in",
        "index",
        "inner",
        "insert",
        "intersect",
        "into",
        "is",
        "join",
        "key",
        "left",
        "like",
        "limit",
        "lock",
        "natural",
        "not",
        "null",
        "of",
        "on",
        "or",
        "order",
        "outer",
        "primary",
        "public",
        "references",
        "revoke",
        "right",
        "select",
        "session",
        "set",
        "table",
        "then",
        "to",
        "trigger",
        "true",
        "union",
        "unique",
        "update",
        "user",
        "using",
        "values",
        "view",
        "when",
        "where",
        "with",
    ]
)
_RESERVED_WORDS: Mapping[str, frozenset[str]] = {
    "mysql": _SQL_WORDS - {"full", "offset", "public", "session", "user", "view"} | {"database", "databases", "schema", "schemas", "rank", "row", "rows", "system", "groups", "function", "procedure"},
    "mariadb": _SQL_WORDS - {"full", "offset", "public", "session", "user", "view"} | {"database", "databases", "schema", "schemas", "row_number", "rows", "procedure"},
    "postgres": _SQL_WORDS - {"alter", "between", "by", "delete", "drop", "exists", "index", "insert", "key", "lock", "of", "public", "revoke", "session", "set", "trigger", "update", "values", "view"} | {"analyse", "analyze", "both", "do", "end", "user", "variadic", "window"},
    "oracle": _SQL_WORDS,
}  # fmt: skip
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
    kept = _RESERVED_NAMES | _RESERVED_WORDS.get(family_of(engine), frozenset())
    return "db_name_reserved" if name.lower() in kept else ""


def user_problem(engine: str, user: str) -> str:
    """Why an engine would refuse the name of its master user (a code), or ""."""
    if not 1 <= len(user) <= USER_MAX or _USER.fullmatch(user) is None:
        return "user_form"
    reserved = _RESERVED_USERS.get(family_of(engine), frozenset())
    return "user_reserved" if user.lower() in reserved else ""


def usual_user(engine: str) -> str:
    return _USUAL_USER.get(family_of(engine), "admin")


def licence_of(engine: str) -> str:
    """The licence under which Toban makes a database of an engine, as AWS names it; "" where AWS knows one only. Of Oracle the Standard
    Edition comes with its licence, the Enterprise Edition only with one of your own (RDS user guide, Oracle.Concepts.Licensing)."""
    if family_of(engine) != "oracle":
        return ""
    return "license-included" if engine.startswith("oracle-se2") else "bring-your-own-license"


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
    offer = stock.offers.get(f"{asked.engine}/{asked.version}")
    licence = licence_of(asked.engine)
    if offer is not None and offer.licences and licence and licence not in offer.licences:
        found.append(Trouble("licence_not_offered", "", {"licence": licence}))
    found += stay_troubles(asked.wish, for_a_while=False)
    return [*found, *making_troubles(asked.wish, asked.engine, asked.version, stock, lambda one: one.for_new)]


def wish_anew(offer: Offer, stock: Stock, aws_id: str) -> Wish:
    """How a new database is first proposed: in the first network, of a small class, with AWS's own groups; who may reach it is the
    reader's to say."""
    able = offer.classes if offer.for_new is None else offer.for_new
    classes = alike_classes(USUAL_CLASS, able)
    return Wish(
        aws_id=aws_id,
        db_class=USUAL_CLASS if USUAL_CLASS in able else next(iter(classes), ""),
        subnet_group=next((one.name for one in stock.subnet_groups), ""),
        groups=(),
        option_group=offer.default_options,
        parameter_group=offer.default_parameters,
    )
