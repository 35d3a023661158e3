"""Each row of the requirements names a screen and a test that exist, or says why it is not served."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from django.urls import NoReverseMatch, reverse

from accounts.domain.permissions import Role
from config.words.audits import EVIDENCE as WORDS
from medical_audit.management.commands.requirements_table import table
from medical_audit.queries.requirements import EVIDENCE, requirements, versions
from medical_audit.queries.tested import Ran, results, worst_of
from tests.kept_results import KeptResults
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


def _report(name: str, outcome: Literal["passed", "failed", "skipped"]) -> pytest.TestReport:
    return pytest.TestReport(name, ("", 0, ""), {}, outcome, None, "call")


def test_what_the_suite_found_is_kept_and_a_part_of_it_renews_only_its_part(tmp_path: Path) -> None:
    named = requirements()[0].tests
    whole, part = KeptResults(tmp_path / "results.json"), KeptResults(tmp_path / "results.json")
    whole.pytest_runtest_logreport(_report(named[0], "passed"))
    whole.pytest_runtest_logreport(_report(f"{named[1]}[a]", "failed"))
    whole.pytest_runtest_logreport(_report(f"{named[1]}[b]", "passed"))
    whole.pytest_runtest_logreport(_report("tests/test_x.py::test_that_no_requirement_names", "passed"))
    whole.pytest_sessionfinish()
    assert {one.name: one.outcome for one in results(whole.file).values()} == {
        named[0]: "passed", named[1]: "failed",
    }  # fmt: skip
    part.pytest_runtest_logreport(_report(f"{named[1]}[a]", "passed"))
    part.pytest_sessionfinish()
    ran = results(part.file)
    assert {one.name: one.outcome for one in ran.values()} == {named[0]: "passed", named[1]: "passed"}
    assert worst_of(ran.values()) == "passed"
    assert worst_of([*ran.values(), Ran("another")]) == "unknown", "what nobody ran proves nothing"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": {}}', '{"a": {"outcome": "fine", "at": "2026-01-01", "revision": ""}}']
)
def test_a_file_of_results_that_says_nothing_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "results.json"
    assert results(file) == {}
    file.write_text(text, encoding="utf-8")
    assert results(file) == {}


def test_the_document_is_the_data() -> None:
    assert (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8") == table()


def test_every_evidence_has_words() -> None:
    assert set(EVIDENCE) == set(WORDS)


def test_the_page_shows_clauses_of_the_edition_that_is_asked_for(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    page = client.get(stage.url("audit/requirements/")).content.decode()
    assert "運用編 14.1.1" in page
    assert "非常時権限は二人で開き" in page
    assert "試験の最終実行" in page or "試験の結果は、ここでは分かりません" in page
    assert client.get(stage.url("audit/requirements/"), {"edition": "mhlw-6.0"}).status_code == 200
    assert stage.client(Role.OPERATOR).get(stage.url("audit/requirements/")).status_code == 403
