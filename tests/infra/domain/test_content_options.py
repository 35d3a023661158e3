"""Options of a schedule as they are typed: named at their field, kept in one form, and read where they are older."""

from __future__ import annotations

from typing import Any

import pytest

from infra.domain.content import Content, read_content, schedule_of_content

WEEK = {"begin": "08:30", "end": "19:00", "weekdays": "mon-fri"}


def read(**options: Any) -> Content | tuple[Any, ...]:
    return read_content({"zone": "Asia/Tokyo", "periods": [WEEK], "options": options})


def test_windows_are_kept_once_each_in_their_order() -> None:
    content = read(maintenance_windows=["monthly-patch", "mw-0c0ffee0c0ffee000", "monthly-patch"])
    assert isinstance(content, Content)
    assert content.canonical["options"]["maintenance_windows"] == ["monthly-patch", "mw-0c0ffee0c0ffee000"]
    assert schedule_of_content(content.canonical) == content.schedule


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (["ab"], "bad_window"),
        (["月例パッチ"], "bad_window"),
        (["monthly patch"], "bad_window"),
        (["a" * 129], "bad_window"),
        ([7], "bad_window"),
        ([["x"]], "bad_window"),
        ("monthly-patch", "not_a_list"),
        (None, "not_a_list"),
        ([f"window-{n}" for n in range(21)], "too_many_windows"),
    ],
)
def test_what_is_no_window_is_named_at_its_field(value: object, code: str) -> None:
    problems = read(maintenance_windows=value)
    assert isinstance(problems, tuple)
    assert {(one.path, one.code) for one in problems} == {("options.maintenance_windows", code)}


@pytest.mark.parametrize("name", ["snapshot", "rds_maintenance"])
def test_the_others_are_yes_or_no(name: str) -> None:
    assert isinstance(read(**{name: True}), Content)
    problems = read(**{name: "yes"})
    assert isinstance(problems, tuple)
    assert [(one.path, one.code) for one in problems] == [(f"options.{name}", "not_yes_or_no")]


def test_a_content_from_before_these_options_reads_as_if_they_were_off() -> None:
    options = schedule_of_content(
        {"zone": "Asia/Tokyo", "periods": [WEEK], "options": {"enforced": True}}
    ).options
    assert (options.snapshot, options.rds_maintenance, options.maintenance_windows) == (False, False, ())
