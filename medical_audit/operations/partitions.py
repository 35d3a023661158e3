"""The ledger's months, made ahead."""

from django.db import connection


def ensure(*, months: int) -> int:
    """Make the partitions of the coming months that are missing; returns how many were made.

    Announced and made in two transactions: the guard lets through only what was announced before (config/guard.sql).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger.announce_partitions(%s)", [months])
        cursor.execute("SELECT ledger.ensure_partitions(%s)", [months])
        return int(cursor.fetchone()[0])
