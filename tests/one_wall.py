"""The whole suite with one wall of the tenants taken down: TOBAN_WITHOUT_WALL=orm (managers give every tenant's rows) or
TOBAN_WITHOUT_WALL=database (PostgreSQL's row-level security is off for every table of tenants but the ledger's own, whose owner alone
could take it down). Everything must pass but what asks for that wall itself (`pytest.mark.wall("orm")`), which is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

import psycopg
import pytest
from django.apps import apps
from django.db import models

from medical_audit.tenancy import TenantManager, TenantModel

WALLS: Final = ("orm", "database")
#: The wall that this run goes without, or "".
WITHOUT: Final = os.environ.get("TOBAN_WITHOUT_WALL", "")
assert WITHOUT in ("", *WALLS), f"TOBAN_WITHOUT_WALL is one of {', '.join(WALLS)}, not {WITHOUT!r}"


def tables() -> list[type[TenantModel]]:
    """Every table of tenants but the ledger's own."""
    return [
        one for one in apps.get_models() if issubclass(one, TenantModel) and '"' not in one._meta.db_table
    ]


def take_down_the_databases(database: psycopg.Connection[tuple[object, ...]]) -> None:
    """As a superuser, with the guards of the catalogue asleep."""
    database.execute("SET session_replication_role = replica")
    for model in tables():
        database.execute(f"ALTER TABLE {model._meta.db_table} DISABLE ROW LEVEL SECURITY")


def take_down_the_orms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TenantManager, "get_queryset", models.Manager.get_queryset)


def skip_what_asks_for_it(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if any(WITHOUT in mark.args for mark in item.iter_markers("wall")):
            item.add_marker(pytest.mark.skip(reason=f"asks for the wall that is taken down: {WITHOUT}"))
