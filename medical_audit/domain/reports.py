"""What a report is made of: columns, rows of plain cells, and a hash over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Tokyo")
#: A cell is text, a number, an instant, or a list of codes; its column says how it is shown.
Cell = str | int | float | datetime | bool | None | list[str]


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: text, number, moment, roles, operation (a kind's name), event, yes (a boolean), minutes, millis hash or
    decision (on a right)."""

    name: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Report:
    """`as_of`: the moment by which it is judged who is dormant; `totals`: counts by name that stand above the table; `sha256`: over
    report, tenant, period, `as_of` and every row; `cut`: how many rows did not find room."""

    name: str
    since: datetime
    until: datetime
    as_of: datetime
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    totals: Mapping[str, int]
    sha256: str
    cut: int

    @property
    def lines(self) -> list[list[tuple[Column, Cell]]]:
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


Made = tuple[Sequence[Column], list[list[Cell]], dict[str, int]]


def as_of(until: datetime, now: datetime) -> datetime:
    """By which moment the report of a period that ends at `until` is judged: its end, or the beginning of today (JST) while it runs.

    So the same data have the same hash: of an ended period for ever, of a running one for that day.
    """
    return min(until, now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0))
