"""The schedule of a resource, read from its tags in the zone and week of its account."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from infra.domain.calendar import Calendar, national
from infra.domain.schedule import TagSchedule, Unreadable, read_tags
from infra.models import AwsAccount

#: How late a start or stop may still be done (design §3).
GRACE = timedelta(minutes=60)


def calendar_at(now: datetime) -> Calendar:
    """National holidays from last year to two years ahead; the library's list is cached by year."""
    return national(range(now.year - 1, now.year + 3))


def schedule_of(tags: Mapping[str, str], account: AwsAccount) -> TagSchedule | Unreadable | None:
    return read_tags(tags, account.time_zone, frozenset(int(day) for day in account.weekdays))
