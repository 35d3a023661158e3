"""On which dates nobody is expected to work: the floor that keeps the tenant's calendar says so; this floor asks."""

from collections.abc import Mapping
from datetime import date
from typing import Protocol


class WorkingDays(Protocol):
    """The calendar of the bound tenant."""

    def days_off(self, first: date, last: date) -> Mapping[date, str]:
        """Every date off from `first` to `last`, both included: the name of its holiday or closure, "" for a weekend."""


_working_days: list[WorkingDays] = []


def register_working_days(found: WorkingDays) -> None:
    """Tell this floor whom to ask; called once per process by the floor that keeps calendars."""
    _working_days[:] = [found]


def working_days() -> WorkingDays:
    """Raises RuntimeError where nobody can answer: a night shift must not be guessed."""
    if not _working_days:
        raise RuntimeError("no calendar of working days is registered")
    return _working_days[0]
