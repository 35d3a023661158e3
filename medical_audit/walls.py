"""Migration operations that give a tenant table its database walls.

A table is walled when it has row-level security ENABLEd and FORCEd with the canonical policy, a unique
(tenant_id, id) that children point at, composite foreign keys that carry the tenant, and grants for named
roles only. The catalogue test fails for any table with a tenant_id that lacks one of these.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

APP_ROLES = ("toban_web", "toban_worker", "toban_scheduler", "toban_audit")
#: Loud by design: a missing setting or an empty one is an error, never "no rows".
THIS_TENANT = "(SELECT current_setting('toban.tenant_id')::uuid)"
THIS_USER = "(SELECT current_setting('toban.user_id')::uuid)"
POLICY = "tenant_wall"
READING = "also_read"


class Walls(Operation):
    """Wall one tenant model in.

    `grants` maps a role to its privileges ("SELECT, INSERT, UPDATE (a, b)"); a role left out gets nothing.
    `also` lets rows be read, never written, under one more condition (own memberships); `tenant_column` is `id` for
    the tenant itself.
    """

    reversible = False
    reduces_to_sql = True

    def __init__(
        self, model: str, *, grants: Mapping[str, str], also: str = "", tenant_column: str = "tenant_id"
    ) -> None:
        self.model, self.grants, self.also, self.tenant_column = model, dict(grants), also, tenant_column

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        keywords: dict[str, Any] = {"grants": self.grants}
        if self.also:
            keywords["also"] = self.also
        if self.tenant_column != "tenant_id":
            keywords["tenant_column"] = self.tenant_column
        return type(self).__name__, [self.model], keywords

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The model's state does not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        for statement in self._statements(model):
            schema_editor.execute(statement, params=None)

    def _statements(self, model: type[models.Model]) -> list[str]:
        table = model._meta.db_table
        own = f"{self.tenant_column} = {THIS_TENANT}"
        roles = ", ".join(APP_ROLES)
        statements = [
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
            f'CREATE POLICY {POLICY} ON "{table}" TO {roles} USING ({own}) WITH CHECK ({own})',
        ]
        if self.also:
            statements.append(
                f'CREATE POLICY {READING} ON "{table}" FOR SELECT TO {roles} USING ({self.also})'
            )
        if self.tenant_column == "tenant_id":
            statements.append(
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_tenant_key" UNIQUE (tenant_id, id)'
            )
            statements += [self._composite(table, field) for field in _tenant_foreign_keys(model)]
        return statements + [
            f'GRANT {privileges} ON "{table}" TO {role}' for role, privileges in sorted(self.grants.items())
        ]

    @staticmethod
    def _composite(table: str, field: "models.ForeignKey[Any, Any]") -> str:
        parent = field.related_model._meta.db_table
        return (
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_{field.column}_same_tenant" FOREIGN KEY '
            f'(tenant_id, "{field.column}") REFERENCES "{parent}" (tenant_id, id) DEFERRABLE INITIALLY DEFERRED'
        )

    def describe(self) -> str:
        return f"Wall in {self.model}: row-level security, composite keys, grants"


class Grant(Operation):
    """Give named roles privileges on a table without a tenant (users, sessions); each such table is on a reviewed list."""

    reversible = False
    reduces_to_sql = True

    def __init__(self, table: str, grants: Mapping[str, str]) -> None:
        self.table, self.grants = table, dict(grants)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [self.table, self.grants], {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The model's state does not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for role, privileges in sorted(self.grants.items()):
            schema_editor.execute(f'GRANT {privileges} ON "{self.table}" TO {role}', params=None)

    def describe(self) -> str:
        return f"Grant rights on {self.table}"


class Recorded(Operation):
    """Let rows of one model appear, change or go only with an event about them in the same transaction.

    `subject`: the type of the event's subject; `column`: where the row holds the subject's id; `kinds`: how the event's
    kind may begin; `besides`: fields that change without one.
    """

    reversible = False
    reduces_to_sql = True

    def __init__(
        self, model: str, *, subject: str, column: str, kinds: Sequence[str], besides: Sequence[str] = ()
    ) -> None:
        self.model, self.subject, self.column = model, subject, column
        self.kinds, self.besides = tuple(kinds), tuple(besides)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        keywords: dict[str, Any] = {"subject": self.subject, "column": self.column, "kinds": self.kinds}
        if self.besides:
            keywords["besides"] = self.besides
        return type(self).__name__, [self.model], keywords

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The model's state does not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        names = [
            field.column for field in model._meta.local_concrete_fields if field.name not in self.besides
        ]
        old, new = (", ".join(f'{side}."{name}"' for name in names) for side in ("OLD", "NEW"))
        arguments = ", ".join(f"'{one}'" for one in (self.subject, self.column, *self.kinds))
        changed = f"WHEN (({old}) IS DISTINCT FROM ({new}))"
        for name, what, when in (
            ("recorded", "INSERT OR DELETE", ""),
            ("recorded_change", "UPDATE", changed),
        ):
            schema_editor.execute(
                f'CREATE CONSTRAINT TRIGGER {name} AFTER {what} ON "{model._meta.db_table}" '
                f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {when} "
                f"EXECUTE FUNCTION ledger.require_event_about({arguments})",
                params=None,
            )

    def describe(self) -> str:
        return f"Changes of {self.model} need an event about them"


class Erasable(Operation):
    """Let an erasure (ADR 19) empty the columns of one model that can be read as a person's.

    `people`: the column with a person's id -> the columns that are his; `named`: columns with a name beside which no id stands,
    found by the name itself; `notes`: JSON or text that may hold one; `everywhere`: the table has no tenant, its rows go when the last tenant erases the person. The
    triggers of the table that refuse changes let these through, from the ledger's own function only.
    """

    reversible = False
    reduces_to_sql = True

    def __init__(
        self,
        model: str,
        people: Mapping[str, Sequence[str]],
        *,
        named: Sequence[str] = (),
        notes: Sequence[str] = (),
        everywhere: bool = False,
    ) -> None:
        self.model, self.named, self.notes, self.everywhere = model, tuple(named), tuple(notes), everywhere
        self.people = {person: tuple(columns) for person, columns in people.items()}

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        keywords: dict[str, Any] = {"named": self.named} if self.named else {}
        if self.notes:
            keywords["notes"] = self.notes
        if self.everywhere:
            keywords["everywhere"] = True
        return type(self).__name__, [self.model, self.people], keywords

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The model's state does not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for statement in self._statements(to_state.apps.get_model(app_label, self.model)._meta.db_table):
            schema_editor.execute(statement, params=None)

    def _statements(self, table: str) -> list[str]:
        columns = sorted({*self.named, *self.notes, *(one for own in self.people.values() for one in own)})
        read = sorted({*columns, *self.people, *(() if self.everywhere else ("tenant_id",))})
        quoted, seen = (", ".join(f'"{one}"' for one in names) for names in (columns, read))
        rows = [(person, own) for person, own in sorted(self.people.items())]
        rows += [(one, (one,)) for one in self.named] + [("{}", (one,)) for one in self.notes]
        return [
            f'GRANT SELECT ({seen}), UPDATE ({quoted}) ON "{table}" TO toban_ledger',
            f'CREATE POLICY eraser_reads ON "{table}" FOR SELECT TO toban_ledger USING (true)',
            f'CREATE POLICY eraser ON "{table}" FOR UPDATE TO toban_ledger USING (true)',
            "SET LOCAL ROLE toban_ledger",
            *(
                "INSERT INTO ledger.person_column (relation, person, columns, everywhere) VALUES "  # noqa: S608  our own names  # nosec B608
                f"('public.{table}', '{person}', ARRAY[{', '.join(repr(one) for one in own)}]::text[], "
                f"{str(self.everywhere).lower()})"
                for person, own in rows
            ),
            "RESET ROLE",
            _LET_THROUGH.format(table=table),
        ]

    def describe(self) -> str:
        return f"What of {self.model} can be read as a person's can be erased"


#: Each row trigger of the table that refuses changes, made anew with the condition that it is not the ledger's own erasure: as its
#: role, in a session of who may call for one. Who only becomes that role (the tables' owner may) is refused like anybody.
_LET_THROUGH = """
DO $$
DECLARE
    v_trigger text;
BEGIN
    FOR v_trigger IN
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t
        WHERE t.tgrelid = 'public.{table}'::regclass AND NOT t.tgisinternal AND t.tgconstraint = 0
          AND t.tgtype & 1 = 1 AND t.tgtype & 2 = 2 AND t.tgtype & 16 = 16 AND t.tgqual IS NULL
    LOOP
        EXECUTE replace(replace(v_trigger, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'), ' FOR EACH ROW EXECUTE',
            ' FOR EACH ROW WHEN (CURRENT_USER <> ''toban_ledger'' OR SESSION_USER NOT IN (''toban_web'', ''toban_audit'')) EXECUTE');
    END LOOP;
END
$$
"""


def _tenant_foreign_keys(model: type[models.Model]) -> "list[models.ForeignKey[Any, Any]]":
    return [
        field
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey)
        and any(parent.name == "tenant_id" for parent in field.related_model._meta.local_fields)
    ]
