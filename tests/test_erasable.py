"""What an erasure must empty is on the list that it goes by."""

from __future__ import annotations

from tests.erasable_walls import ERASABLE
from tests.medical_audit.support import Database


def test_every_column_that_names_a_person_can_be_emptied_by_an_erasure(
    superuser_connection: Database,
) -> None:
    """A new table that keeps somebody's name is put on the list, with walls.Erasable in its migration."""
    rows = superuser_connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND column_name ~ '(^|_)(by|person|user|principal|proxy|deputy|actor|behalf_of)_name$' AND table_name NOT LIKE 'backup%'"
    ).fetchall()
    assert len(rows) > 30
    known = {(table, column) for table, (_, columns) in ERASABLE.items() for column in columns.split()}
    known |= {("medical_audit_export", "asked_by_name")}
    known |= {
        ("medical_audit_operation", f"{one}_name") for one in ("entered_by", "confirmed_by", "on_behalf_of")
    }
    assert set(rows) - known == set()
