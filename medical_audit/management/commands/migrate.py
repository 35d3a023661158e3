"""`migrate`, within an announced maintenance of the ledger: what it changes in what guards the ledger is recorded."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

_IS_THERE = "SELECT to_regprocedure('ledger.open_maintenance(text, interval)') IS NOT NULL"


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        database = options["database"]
        self._maintain(database, "SELECT ledger.open_maintenance('migrate', interval '1 hour')")
        try:
            super().handle(*args, **options)
        finally:
            self._maintain(database, "SELECT ledger.close_maintenance()")

    def _maintain(self, database: str, statement: str) -> None:
        """Nothing to announce before the ledger has come to be."""
        with connections[database].cursor() as cursor:
            cursor.execute(_IS_THERE)
            if cursor.fetchone()[0]:
                cursor.execute(statement)
