"""The only clock: the database's, so that every process agrees; read by entry points, passed down as `now=`."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection


def now() -> datetime:
    """Aware UTC. A local demo may shift it (`TOBAN_CLOCK_OFFSET`); production refuses to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment + timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
