"""Writing many rows at once."""

from collections.abc import Sequence

from django.db import connection

from medical_audit.tenancy import TenantModel, current_tenant_id


def write_rows(rows: Sequence[TenantModel], names: Sequence[str]) -> None:
    """Write these fields of rows of one model and the bound tenant, in one statement over arrays.

    Django's own bulk_update builds an expression for each field of each row, which cost most of a worker's time.
    Raises ValueError for rows of another tenant.
    """
    if not rows:
        return
    tenant_id = current_tenant_id()
    if any(row.tenant_id != tenant_id for row in rows):
        raise ValueError("a row belongs to another tenant")
    meta = rows[0]._meta
    by_name = {field.name: field for field in meta.local_concrete_fields}
    fields = [by_name[name] for name in names]
    arrays, values = ["%s::uuid[]"], [[row.pk for row in rows]]
    for field in fields:
        # Without the length: a text that is too long must be an error here too, and a cast would cut it.
        kind = str(field.db_type(connection)).partition("(")[0]
        arrays.append(f"%s::{kind}[]")
        values.append([field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows])
    columns = [f'"{field.column}"' for field in fields]
    changes = ", ".join(f"{column} = new.{column}" for column in columns)
    statement = (
        f'UPDATE "{meta.db_table}" AS old SET {changes} '  # noqa: S608  names of our own models  # nosec B608
        f"FROM unnest({', '.join(arrays)}) AS new (id, {', '.join(columns)}) WHERE old.id = new.id AND old.tenant_id = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, tenant_id])
