"""Hold several lists of national holidays against each other, date by date."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

#: The Cabinet Office calls every substitute and every sandwiched day so, without saying which.
_UNNAMED = "休日"


@dataclass(frozen=True, slots=True)
class Difference:
    """One date on which lists do not say the same.

    names: what each list calls it, in the order of the lists; "" where a list speaks of that year but leaves the day out,
    None where it says nothing of the year. only_name: all that speak have the day, under other names.
    """

    day: date
    names: tuple[str | None, ...]
    only_name: bool


def differences(lists: Sequence[Mapping[date, str]], *, since: date) -> tuple[Difference, ...]:
    """Every date from `since` on that not all lists which speak of its year have under the same name."""
    years = [{day.year for day in one} for one in lists]
    found = []
    for day in sorted({day for one in lists for day in one if day >= since}):
        names = tuple(
            one.get(day, "") if day.year in spoken else None for one, spoken in zip(lists, years, strict=True)
        )
        said = {_plain(name) for name in names if name is not None}
        if len(said) > 1:
            found.append(Difference(day, names, only_name="" not in said))
    return tuple(found)


def _plain(name: str) -> str:
    """Names that mean the same day, however they are written: 振替休日 and 国民の休日 are 休日 in the official list."""
    text = "".join(unicodedata.normalize("NFKC", name).split())
    return _UNNAMED if text.endswith(_UNNAMED) else text
