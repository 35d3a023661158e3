"""Which project a resource belongs to, as a table."""

from __future__ import annotations

import pytest

from infra.domain.projects import ProjectRule, clean_values, is_key, project_of

EHR = ProjectRule("EHR", "Application", ("ehr", "ehr-*"))
PACS = ProjectRule("PACS", "Application", ("pacs",))


@pytest.mark.parametrize(
    ("tags", "project"),
    [
        ({}, ""),
        ({"Project": "by its own tag"}, "by its own tag"),
        ({"Application": "ehr"}, "EHR"),
        ({"Application": "ehr-web", "Project": "other"}, "EHR"),
        ({"Application": "ehrx"}, ""),
        ({"application": "ehr"}, ""),
        ({"Application": "pacs"}, "PACS"),
        ({"Application": ""}, ""),
    ],
)
def test_a_rule_comes_before_its_own_tag(tags: dict[str, str], project: str) -> None:
    assert project_of(tags, [EHR, PACS]) == project


def test_where_two_rules_take_it_the_first_by_name_has_it() -> None:
    both = ProjectRule("A", "Application", ("ehr",)), EHR
    assert project_of({"Application": "ehr"}, both) == "A"


@pytest.mark.parametrize(
    ("values", "clean"),
    [
        (["b", " a ", "a"], ["a", "b"]),
        ([], None),
        (["*"], None),
        (["a\n"], ["a"]),
        (["x" * 257], None),
        ([str(n) for n in range(51)], None),
    ],
)
def test_values_are_kept_in_order_and_none_stands_for_everything(
    values: list[str], clean: list[str] | None
) -> None:
    assert clean_values(values) == clean


def test_keys_are_what_aws_takes() -> None:
    assert is_key("Application")
    assert not is_key("")
    assert not is_key("a\nb")
