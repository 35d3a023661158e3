"""What an hour costs, and a GiB of disk a month, as people bring it: read strictly, each fault named at its line and field. Pure.

A table has the columns of COLUMNS in any order, separated by commas or tabs; UNIT may stand beside them. What is billed as one type is named by
`billed_type`: for databases the engine and Multi-AZ belong to it, because they change the price.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from infra.domain.findings import shown

#: A snapshot's type is its tier.
VOLUME, VOLUME_SNAPSHOT = "volume", "volume_snapshot"
KINDS = ("ec2", "rds", "cluster", "asg", VOLUME, VOLUME_SNAPSHOT)
CURRENCIES = ("JPY", "USD", "EUR", "GBP", "CNY", "KRW", "SGD", "AUD")
#: What the amount is for; written into tables, and where it is read it must be right.
UNIT, HOUR, GIB_MONTH = "unit", "hour", "gib-month"
COLUMNS = ("kind", "region", "type", "per_hour", "currency", "source", "as_of")
ROWS_MAX, CHARACTERS_MAX = 500, 200_000
SOURCE_MAX, TYPE_MAX = 300, 60
#: Prices change; one that is older is said to be old.
STALE_AFTER = timedelta(days=365)
#: No price of AWS is older than EC2 itself.
EARLIEST = date(2006, 8, 24)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)
_PRICE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)
_DATE = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})", re.ASCII)

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price: of one hour, of a volume of one GiB for one month. region "": any region that has no price of its own."""

    kind: str
    region: str
    type: str
    per_hour: Decimal
    currency: str
    source: str
    as_of: date

    @property
    def key(self) -> Key:
        return self.kind, self.region, self.type

    def as_json(self) -> dict[str, str]:
        """The price without its key; amounts as plain decimal texts."""
        return {
            "per_hour": plain(self.per_hour),
            "currency": self.currency,
            "source": self.source,
            "as_of": self.as_of.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class PriceProblem:
    """What is wrong in a line (1 is the first after the heading, 0 the whole) at a field."""

    line: int
    field: str
    code: str
    value: str = ""


def billed_type(kind: str, type_: str, facts: Mapping[str, Any]) -> str:
    """The name under which a resource's hours are priced: "m5.large", "db.r6g.large oracle-se2 multi-az"; "" if unknown."""
    if not type_ or kind not in ("rds", "cluster"):
        return type_.lower()
    parts = [type_, str(facts.get("engine") or ""), "multi-az" if facts.get("multi_az") else ""]
    return " ".join(part for part in parts if part).lower()[:TYPE_MAX]


def unit_of(kind: str) -> str:
    """What the price of a kind is for."""
    return GIB_MONTH if kind in (VOLUME, VOLUME_SNAPSHOT) else HOUR


def month_of(per_gib: Decimal, gib: int) -> Decimal:
    """What a volume of this size costs a month, in hundredths."""
    return (per_gib * gib).quantize(Decimal("0.01"))


def provisioned_beside(type_: str, iops: int | None, throughput: int | None) -> bool:
    """Whether AWS charges a volume for IOPS or throughput besides its GiB (EBS pricing: io1 and io2 for each; gp3 above 3,000
    IOPS and 125 MiB/s)."""
    if type_ == "gp3":
        return (iops or 0) > 3000 or (throughput or 0) > 125
    return type_ in ("io1", "io2")


def plain(amount: Decimal) -> str:
    """A decimal without an exponent and without zeros at its end."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_price(given: Mapping[str, str], line: int, *, today: date) -> PriceRow | tuple[PriceProblem, ...]:
    """Read one price from texts by column; every problem of the line is given."""
    values = {name: " ".join((given.get(name) or "").split()) for name in COLUMNS}
    problems = []

    def wrong(name: str, code: str) -> None:
        problems.append(PriceProblem(line, name, code, shown(values[name])))

    kind, region, type_ = values["kind"].lower(), values["region"].lower(), values["type"].lower()
    region = "" if region == "*" else region
    if kind not in KINDS:
        wrong("kind", "bad_kind")
    if region and not _REGION.fullmatch(region):
        wrong("region", "bad_region")
    if not (1 <= len(type_) <= TYPE_MAX and type_.isprintable()):
        wrong("type", "bad_type")
    if not _PRICE.fullmatch(values["per_hour"]):
        wrong("per_hour", "bad_price")
    if values["currency"].upper() not in CURRENCIES:
        wrong("currency", "bad_currency")
    if not (1 <= len(values["source"]) <= SOURCE_MAX and values["source"].isprintable()):
        wrong("source", "no_source")
    unit = " ".join((given.get(UNIT) or "").split()).lower()
    if unit and kind in KINDS and unit != unit_of(kind):
        problems.append(PriceProblem(line, UNIT, "bad_unit", unit_of(kind)))
    as_of = _date(values["as_of"])
    if as_of is None or as_of < EARLIEST:
        wrong("as_of", "bad_date")
    elif as_of > today:
        wrong("as_of", "future_date")
    if problems or as_of is None:
        return tuple(problems)
    return PriceRow(
        kind, region, type_, Decimal(values["per_hour"]), values["currency"].upper(), values["source"], as_of
    )


def read_table(text: str, *, today: date) -> tuple[list[PriceRow], list[PriceProblem]]:
    """Read a whole table; lines without a price are left out, because a table to fill in is downloaded with such."""
    if len(text) > CHARACTERS_MAX:
        return [], [PriceProblem(0, "", "table_too_large")]
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if not lines:
        return [], [PriceProblem(0, "", "table_empty")]
    try:
        found = list(csv.DictReader(lines, delimiter="\t" if "\t" in lines[0] else ",", strict=True))
    except csv.Error as error:
        return [], [PriceProblem(0, "", "bad_table", shown(str(error)))]
    heading = [(name or "").strip().lower() for name in (found[0] if found else {})]
    if missing := [name for name in COLUMNS if name not in heading]:
        code = "columns_missing" if found else "table_empty"
        return [], [PriceProblem(0, "", code, ", ".join(missing) if found else "")]
    if len(found) > ROWS_MAX:
        return [], [PriceProblem(0, "", "table_too_long", str(len(found)))]
    return _rows(found, today)


def _rows(
    found: Sequence[Mapping[str | None, Any]], today: date
) -> tuple[list[PriceRow], list[PriceProblem]]:
    rows: dict[Key, PriceRow] = {}
    problems: list[PriceProblem] = []
    for line, one in enumerate(found, start=1):
        given = {(name or "").strip().lower(): value for name, value in one.items() if isinstance(value, str)}
        if None in one:
            problems.append(PriceProblem(line, "", "too_many_cells"))
            continue
        if not given.get("per_hour", "").strip():
            continue
        read = read_price(given, line, today=today)
        if isinstance(read, tuple):
            problems += read
        elif read.key in rows:
            problems.append(PriceProblem(line, "type", "named_twice", shown(read.type)))
        else:
            rows[read.key] = read
    return list(rows.values()), problems


def _date(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None
