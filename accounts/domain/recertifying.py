"""Once a quarter somebody else says of every right whether it is still needed."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

#: From the beginning of a round until everything is decided.
TERM: Final = timedelta(days=30)
#: What is not decided is reminded of so often, from the first week on.
REMIND_EVERY: Final = timedelta(days=7)


class Decision(StrEnum):
    """open: nobody has decided. keep: the right is still needed. take: an operation that takes it was entered. gone: it was taken
    meanwhile by other means."""

    OPEN = "open"
    KEEP = "keep"
    TAKE = "take"
    GONE = "gone"


def quarter_of(day: date) -> str:
    """The quarter of a calendar year as a name, like "2026-Q4"."""
    return f"{day.year}-Q{(day.month - 1) // 3 + 1}"


def first_day_of_quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
