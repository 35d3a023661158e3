"""What PostgreSQL's own catalogue says of the walls round a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

APP_ROLES = ("toban_audit", "toban_scheduler", "toban_web", "toban_worker")
OUR_ROLES = (*APP_ROLES, "toban_queue", "toban_ledger", "PUBLIC")
#: The loud form: without a tenant bound it is an error, never "no rows"; wrapped in SELECT it is computed once.
LOUD = "tenant_id = ( SELECT (current_setting('toban.tenant_id'::text))::uuid AS current_setting)"

Database = psycopg.Connection[Any]


@dataclass(frozen=True)
class Table:
    """One table: `schema.name` as PostgreSQL writes it."""

    name: str
    has_tenant: bool
    is_partition: bool


def all_tables(database: Database) -> list[Table]:
    rows = database.execute(
        """
        SELECT n.nspname || '.' || c.relname, c.relispartition,
               EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
        ORDER BY 1
        """
    ).fetchall()
    return [Table(name, has_tenant, is_partition) for name, is_partition, has_tenant in rows]


def missing_walls(database: Database, table: str, *, tenant_column: str = "tenant_id") -> list[str]:
    """What a tenant table lacks, in words; an empty list: walled in."""
    checks = [
        _row_security(database, table),
        _policy(database, table, tenant_column),
        _index(database, table, tenant_column),
    ]
    if tenant_column == "tenant_id":
        checks += [_key(database, table), _composite_keys(database, table)]
    return [fault for faults in checks for fault in faults]


def _row_security(database: Database, table: str) -> Iterable[str]:
    row = database.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [table]
    ).fetchone()
    assert row is not None
    return [
        word
        for on, word in zip(row, ("row security is not enabled", "row security is not forced"), strict=True)
        if not on
    ]


def policies(database: Database, table: str) -> dict[str, tuple[str, bool, tuple[str, ...], str, str]]:
    """name -> (command, permissive, roles, USING, WITH CHECK)."""
    rows = database.execute(
        """
        SELECT p.polname, p.polcmd::text, p.polpermissive,
               array(SELECT coalesce(r.rolname, 'PUBLIC')::text FROM unnest(p.polroles) o LEFT JOIN pg_roles r ON r.oid = o ORDER BY 1),
               coalesce(pg_get_expr(p.polqual, p.polrelid), ''), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
        FROM pg_policy p WHERE p.polrelid = %s::regclass
        """,
        [table],
    ).fetchall()
    return {
        name: (cmd, permissive, tuple(roles), plain(using), plain(check))
        for name, cmd, permissive, roles, using, check in rows
    }


def plain(expression: str) -> str:
    """An expression in one line, without the brackets round the whole."""
    text = " ".join(expression.split())
    return text[1:-1] if text.startswith("(") and text.endswith(")") and _closes_last(text) else text


def _closes_last(text: str) -> bool:
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _policy(database: Database, table: str, tenant_column: str) -> Iterable[str]:
    found = policies(database, table).get("tenant_wall")
    if found is None:
        return ["no policy tenant_wall"]
    own = LOUD if tenant_column == "tenant_id" else LOUD.replace("tenant_id =", f"{tenant_column} =")
    wanted = ("*", True, APP_ROLES, own, own)
    names = ("commands", "kind", "roles", "USING", "WITH CHECK")
    return [
        f"policy: {name} is {is_!r}, not {be!r}"
        for name, is_, be in zip(names, found, wanted, strict=True)
        if is_ != be
    ]


def _index(database: Database, table: str, tenant_column: str) -> Iterable[str]:
    row = database.execute(
        """
        SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = %s::regclass AND a.attname = %s AND i.indisvalid AND i.indpred IS NULL
        """,
        [table, tenant_column],
    ).fetchone()
    return [] if row and row[0] else ["no index begins with the tenant"]


def _key(database: Database, table: str) -> Iterable[str]:
    row = database.execute(
        """
        SELECT count(*) FROM pg_constraint c WHERE c.conrelid = %s::regclass AND c.contype IN ('u', 'p')
        AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
             WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) = ARRAY['id', 'tenant_id']
        """,
        [table],
    ).fetchone()
    return [] if row and row[0] else ["no UNIQUE (tenant_id, id)"]


def _composite_keys(database: Database, table: str) -> Iterable[str]:
    """Foreign keys to tenant tables whose column is not also held together with the tenant."""
    rows = database.execute(
        """
        WITH keys AS (
            SELECT c.conname, c.confrelid,
                   (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY k (num, place)
                    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) AS here,
                   (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY k (num, place)
                    JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num) AS there
            FROM pg_constraint c WHERE c.conrelid = %s::regclass AND c.contype = 'f'
        )
        SELECT plain.conname FROM keys plain
        WHERE cardinality(plain.here) = 1
          AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = plain.confrelid AND a.attname = 'tenant_id')
          AND NOT EXISTS (SELECT 1 FROM keys pair WHERE pair.confrelid = plain.confrelid
                          AND pair.here = ARRAY['tenant_id', plain.here[1]] AND pair.there = ARRAY['tenant_id', 'id'])
        """,
        [table],
    ).fetchall()
    return [f"foreign key {name} does not carry the tenant" for (name,) in rows]


def privileges(database: Database, table: str) -> dict[str, str]:
    """role -> what it may do here besides the owner, e.g. {"toban_web": "INSERT, SELECT, UPDATE (name)"}."""
    rows = database.execute(
        """
        SELECT coalesce(r.rolname, 'PUBLIC'), x.privilege_type, '' FROM pg_class c, aclexplode(c.relacl) x
        LEFT JOIN pg_roles r ON r.oid = x.grantee WHERE c.oid = %(table)s::regclass AND x.grantee <> c.relowner
        UNION ALL
        SELECT coalesce(r.rolname, 'PUBLIC'), x.privilege_type, string_agg(a.attname, ', ' ORDER BY a.attname)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) x
        LEFT JOIN pg_roles r ON r.oid = x.grantee WHERE c.oid = %(table)s::regclass AND x.grantee <> c.relowner
        GROUP BY 1, 2
        ORDER BY 1, 2
        """,
        {"table": table},
    ).fetchall()
    found: dict[str, list[str]] = {}
    for role, privilege, columns in rows:
        found.setdefault(role, []).append(f"{privilege} ({columns})" if columns else privilege)
    return {role: ", ".join(words) for role, words in found.items()}
