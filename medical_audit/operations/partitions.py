"""The ledger's months, made ahead."""

import structlog
from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

log = structlog.get_logger(__name__)
#: Fewer months in hand than this are an error: a run a day makes up to twice as many.
FEW = 12
_IN_HAND = """
SELECT count(*) FROM generate_series(1, %s) AS n
WHERE to_regclass('ledger.event_' || to_char(now() AT TIME ZONE 'UTC' + make_interval(months => n), 'YYYY_MM')) IS NOT NULL
"""


def ensure(*, months: int) -> int:
    """Make the partitions of the coming months that are missing; returns how many were made. None while somebody holds the ledger's
    table, or where that was announced four times within a day: a later run tries again, and it is said how many months are in hand.

    Announced and made in two transactions: the guard lets through only what was announced before (config/guard.sql).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger.announce_partitions(%s)", [months])
        (announced,), why = cursor.fetchone(), "announced too often"
        if announced:
            try:
                cursor.execute("SELECT ledger.ensure_partitions(%s)", [months])
                return int(cursor.fetchone()[0])
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                why = "the table is held"
        cursor.execute(_IN_HAND, [months])
        (in_hand,) = cursor.fetchone()
    if in_hand < months:
        (log.warning if in_hand >= FEW else log.error)("partitions_wait", why=why, in_hand=in_hand)
    return 0
