"""Each row of the requirements names a screen and a test that exist, or says why it is not served."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path

import pytest
from django.urls import NoReverseMatch, reverse

from accounts.domain.permissions import Role
from config.words.audits import EVIDENCE as WORDS
from medical_audit.management.commands.requirements_table import table
from medical_audit.queries.requirements import EVIDENCE, requirements, versions
from tests.stage import Stage

ROOT = Path(__file__).resolve().parent.parent.parent
#: Sections of the specification and how many rows each has.
ROWS = {"A": 12, "B": 11, "C": 12, "D": 14, "E": 4, "F": 6, "G": 6}


def test_every_row_of_the_specification_is_there() -> None:
    wanted = [f"{section}{number}" for section, count in ROWS.items() for number in range(1, count + 1)]
    assert [row.id for row in requirements()] == wanted


@pytest.mark.parametrize("row", requirements(), ids=lambda row: row.id)
def test_a_row_has_a_test_that_exists_or_says_why_not(row: object) -> None:
    assert (row.toban is None) != (row.absent is None)  # type: ignore[attr-defined]
    for texts in (row.title, row.toban or row.absent):  # type: ignore[attr-defined]
        assert set(texts) == {"ja", "en"}
    assert bool(row.tests) == bool(row.toban)  # type: ignore[attr-defined]
    for test in row.tests:  # type: ignore[attr-defined]
        file, _, name = test.partition("::")
        names = {
            node.name
            for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)
        }
        assert not name or name in names, test
    if row.evidence:  # type: ignore[attr-defined]
        assert row.evidence in EVIDENCE  # type: ignore[attr-defined]


@pytest.mark.parametrize("screen", sorted({row.screen for row in requirements() if row.screen}))
def test_a_screen_exists(screen: str) -> None:
    try:
        reverse(screen, kwargs={"slug": "x"})
    except NoReverseMatch:
        reverse(screen)


def test_one_edition_of_each_guideline_is_in_force_on_any_day_since() -> None:
    for day, wanted in ((date(2026, 6, 28), "6.0"), (date(2026, 6, 29), "7.0"), (date(2030, 1, 1), "7.0")):
        assert [one.version for one in versions() if one.guideline == "mhlw" and one.in_force(day)] == [
            wanted
        ]


def test_no_version_of_a_guideline_stands_in_code_or_templates() -> None:
    pattern = re.compile(r"第?[67]\.0版|guideline.{0,20}[67]\.0", re.IGNORECASE)
    files = [
        path
        for folder in ("medical_audit", "accounts", "config", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html")
    ]
    assert [path.name for path in files if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_the_document_is_the_data() -> None:
    assert (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8") == table()


def test_every_evidence_has_words() -> None:
    assert set(EVIDENCE) == set(WORDS)


def test_the_page_shows_clauses_of_the_edition_that_is_asked_for(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    page = client.get(stage.url("audit/requirements/")).content.decode()
    assert "運用編 14.1.1" in page
    assert "非常時権限は二人で開き" in page
    assert client.get(stage.url("audit/requirements/"), {"edition": "mhlw-6.0"}).status_code == 200
    assert stage.client(Role.OPERATOR).get(stage.url("audit/requirements/")).status_code == 403
