"""The calendar of the bound tenant."""

from datetime import datetime

from infra.domain.calendar import Calendar, national


def calendar_of(now: datetime) -> Calendar:
    """National holidays from last year to two years ahead; the library's list is cached by year."""
    return national(range(now.year - 1, now.year + 3))
