"""Who may be let in to a database, for how long, and what AWS would call the same rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.domain.reach import (
    Rule,
    description_problem,
    end_problem,
    port_of,
    same,
    source_of,
    source_problem,
)

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GROUP = "sg-0123456789abcdef0"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("sg-0123456789abcdef0", ""),
        ("sg-1234abcd", ""),
        ("10.1.2.3/32", ""),
        ("10.1.2.3", ""),
        ("172.16.0.0/16", ""),
        ("203.0.113.7/32", ""),
        ("0.0.0.0/0", "open_to_everybody"),
        ("::/0", "open_to_everybody"),
        ("0.0.0.0/1", "source_too_wide"),
        ("10.0.0.0/8", "source_too_wide"),
        ("203.0.113.0/24", "source_too_wide"),
        ("2001:db8::1/128", "source_not_ipv4"),
        ("10.1.2.3/24", "source_unreadable"),  # bits are set beyond its length: which was meant?
        ("１０.1.2.3/32", "source_unreadable"),
        ("karte-web", "source_unreadable"),
        ("", "source_unreadable"),
    ],
)
def test_who_may_be_let_in(source: str, code: str) -> None:
    assert source_problem(source) == code


@pytest.mark.parametrize(
    ("source", "hours", "code"),
    [
        (GROUP, None, ""),
        ("10.1.2.3/32", 24 * 90, ""),
        ("10.1.2.3/32", 24 * 400, "end_too_far"),
        ("203.0.113.7/32", None, "public_needs_end"),
        ("203.0.113.7/32", 8, ""),
        ("203.0.113.7/32", 25, "public_too_long"),
        (GROUP, -1, "end_past"),
    ],
)
def test_how_long(source: str, hours: float | None, code: str) -> None:
    assert end_problem(source, NOW + timedelta(hours=hours) if hours is not None else None, NOW) == code


def test_a_description_is_what_aws_takes() -> None:
    assert description_problem("app server #12 (10.1.2.3)") == ""
    assert description_problem("受付サーバー") == "description_characters"
    assert description_problem(" ") == "description_empty"
    assert description_problem("x" * 201) == "description_long"


def test_the_same_rule_is_that_of_one_group_port_and_source() -> None:
    rule = Rule("sgr-1", GROUP, "tcp", 3306, 3306, source_of("10.1.2.3"), "x")
    assert same([rule], GROUP, 3306, "10.1.2.3/32") is rule
    assert same([rule], GROUP, 5432, "10.1.2.3/32") is None
    assert same([rule], "sg-00000000", 3306, "10.1.2.3/32") is None
    assert rule.opens(3306)
    assert not rule.opens(5432)
    assert Rule("sgr-2", GROUP, "-1", -1, -1, "10.0.0.0/8", "").opens(5432)


@pytest.mark.parametrize(
    ("facts", "port"),
    [({"port": 13306, "engine": "mysql"}, 13306), ({"engine": "oracle-se2"}, 1521), ({"engine": "x"}, 0)],
)
def test_the_port_is_what_aws_says_else_the_engine_s_own(facts: dict[str, object], port: int) -> None:
    assert port_of(facts) == port
