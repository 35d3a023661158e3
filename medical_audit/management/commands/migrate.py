"""`migrate`, within an announced maintenance of the ledger: what it changes in what guards the ledger is recorded. At its end each
trigger of ours fires always, so that a session that says it is a replica passes none of them."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

_IS_THERE = "SELECT to_regprocedure('ledger.open_maintenance(text, interval)') IS NOT NULL"
#: A trigger is made as "origin only"; one that somebody switched off stays so, for whoever looks for it.
_ALWAYS = """
DO $$
DECLARE
    v_statement text;
BEGIN
    FOR v_statement IN
        SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.tgrelid::regclass, t.tgname)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relowner = CURRENT_USER::regrole
            AND NOT t.tgisinternal AND t.tgenabled = 'O'
    LOOP
        EXECUTE v_statement;
    END LOOP;
END
$$
"""


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        database = options["database"]
        self._maintain(database, "SELECT ledger.open_maintenance('migrate', interval '1 hour')")
        try:
            super().handle(*args, **options)
            self._maintain(database, _ALWAYS)
        finally:
            self._maintain(database, "SELECT ledger.close_maintenance()")

    def _maintain(self, database: str, statement: str) -> None:
        """Nothing to announce before the ledger has come to be."""
        with connections[database].cursor() as cursor:
            cursor.execute(_IS_THERE)
            if cursor.fetchone()[0]:
                cursor.execute(statement)
