"""Prices are read strictly: what is not certain is named at its line, never taken for something."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from infra.domain.prices import PriceRow, billed_type, plain, provisioned_beside, read_price, read_table

TODAY = date(2026, 11, 25)
GOOD = {
    "kind": "ec2", "region": "ap-northeast-1", "type": "m5.large", "per_hour": "0.124", "currency": "USD",
    "source": "AWS Price List", "as_of": "2026-11-01",
}  # fmt: skip
HEADING = "kind,region,type,per_hour,currency,source,as_of"


def test_a_whole_line_is_read() -> None:
    assert read_price(GOOD, 1, today=TODAY) == PriceRow(
        "ec2", "ap-northeast-1", "m5.large", Decimal("0.124"), "USD", "AWS Price List", date(2026, 11, 1)
    )


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("kind", "vm", "bad_kind"),
        ("region", "Tokyo", "bad_region"),
        ("type", "", "bad_type"),
        ("type", "x" * 61, "bad_type"),
        ("per_hour", "", "bad_price"),
        ("per_hour", "-1", "bad_price"),
        ("per_hour", "1,234", "bad_price"),
        ("per_hour", "0.1234567", "bad_price"),
        ("per_hour", "１２", "bad_price"),
        ("per_hour", "1e3", "bad_price"),
        ("per_hour", "NaN", "bad_price"),
        ("currency", "円", "bad_currency"),
        ("currency", "JPN", "bad_currency"),
        ("source", "  ", "no_source"),
        ("as_of", "", "bad_date"),
        ("as_of", "2026-02-30", "bad_date"),
        ("as_of", "11/01/2026", "bad_date"),
        ("as_of", "1999-01-01", "bad_date"),
        ("as_of", "2026-11-26", "future_date"),
    ],
)
def test_what_is_wrong_is_named_at_its_field(field: str, value: str, code: str) -> None:
    problems = read_price(GOOD | {field: value}, 7, today=TODAY)
    assert isinstance(problems, tuple)
    assert [(one.line, one.field, one.code) for one in problems] == [(7, field, code)]


def test_a_table_may_be_pasted_from_a_spreadsheet_and_lines_without_a_price_are_left_out() -> None:
    lines = [
        HEADING.upper(), "ec2,,M5.Large,0.124,usd,list,2026/11/1", "ec2,,c5.large,,USD,,", "",
        'rds,*,db.r6g.large oracle-se2,1.5,USD,"list, page 2",2026-11-01',
    ]  # fmt: skip
    for text in ("\n".join(lines), "\ufeff" + "\r\n".join(lines)):
        rows, problems = read_table(text, today=TODAY)
        assert problems == []
        assert [row.key for row in rows] == [("ec2", "", "m5.large"), ("rds", "", "db.r6g.large oracle-se2")]
    tabs = "\n".join(lines[:3]).replace(",", "\t")
    assert len(read_table(tabs, today=TODAY)[0]) == 1


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["table_empty"]),
        (HEADING, ["table_empty"]),
        ("kind,type\nec2,m5.large", ["columns_missing"]),
        (f"{HEADING}\nec2,,m5.large,0.1,USD,a, b,2026-11-01", ["too_many_cells"]),
        (f'{HEADING}\n"ec2,,m5.large', ["bad_table"]),
        (f"{HEADING}\n" + "ec2,,m5.large,0.1,USD,a,2026-11-01\n" * 2, ["named_twice"]),
        (f"{HEADING}\n" + "ec2,,m5.large,0.1,USD,a,2026-11-01\n" * 501, ["table_too_long"]),
        ("x" * 200_001, ["table_too_large"]),
        ("\x00\x01", ["table_empty"]),
    ],
)
def test_a_table_that_cannot_be_taken_says_why(text: str, codes: list[str]) -> None:
    rows, problems = read_table(text, today=TODAY)
    assert ([one.code for one in problems], len(rows)) == (codes, 1 if codes == ["named_twice"] else 0)


@pytest.mark.parametrize(
    ("kind", "type_", "facts", "billed"),
    [
        ("ec2", "M5.large", {"engine": "x"}, "m5.large"),
        (
            "rds",
            "db.r6g.large",
            {"engine": "oracle-se2", "multi_az": True},
            "db.r6g.large oracle-se2 multi-az",
        ),
        ("rds", "db.r6g.large", {"engine": "mysql", "multi_az": False}, "db.r6g.large mysql"),
        ("rds", "db.r6g.large", {}, "db.r6g.large"),
        ("cluster", "", {"engine": "aurora-mysql"}, ""),
    ],
)
def test_what_changes_the_price_belongs_to_its_name(
    kind: str, type_: str, facts: dict[str, Any], billed: str
) -> None:
    assert billed_type(kind, type_, facts) == billed


def test_amounts_are_plain_texts() -> None:
    assert [plain(Decimal(text)) for text in ("0.124000", "100", "0.000001", "1E+2")] == [
        "0.124",
        "100",
        "0.000001",
        "100",
    ]


@pytest.mark.parametrize(
    ("type_", "iops", "throughput", "beside"),
    [("io2", 1000, None, True), ("gp3", 3000, 125, False), ("gp3", 6000, 125, True), ("gp3", 3000, 250, True), ("gp2", 300, None, False)],
)  # fmt: skip
def test_iops_that_are_paid_besides_are_said(
    type_: str, iops: int, throughput: int | None, beside: bool
) -> None:
    assert provisioned_beside(type_, iops, throughput) is beside
