"""The ledger's months, made ahead."""

from django.db import connection


def ensure(*, months: int) -> int:
    """Make the partitions of the coming months that are missing; returns how many were made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger.ensure_partitions(%s)", [months])
        return int(cursor.fetchone()[0])
