"""What AWS would refuse of a new database is seen before, each with what would pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.domain.creations import Creation, creation_troubles, db_name_problem, licence_of
from infra.domain.makings import (
    STORAGE_QUOTA,
    Offer,
    OptionGroup,
    ParameterGroup,
    SecurityGroup,
    Source,
    Stock,
    SubnetGroup,
    Wish,
    fix_text,
    fixed,
    restore_troubles,
    upgrade_choices,
    upgrade_options,
)
from infra.domain.stocks import stock_as_json, stock_from_json

STOCK = Stock(
    subnet_groups=(SubnetGroup("main", "vpc-1"), SubnetGroup("other", "vpc-2")),
    option_groups=(
        OptionGroup("karte", "oracle-se2", "19", "vpc-1", ("Timezone",)),
        OptionGroup("karte-other", "oracle-se2", "19", "vpc-2", ("Timezone",)),
        OptionGroup("plain", "oracle-se2", "19", ""),
        OptionGroup("mysql", "mysql", "8.0", ""),
    ),
    parameter_groups=(ParameterGroup("mine", "oracle-se2-19"), ParameterGroup("old", "oracle-se2-12.1")),
    groups=(SecurityGroup("sg-1", "db", "vpc-1"), SecurityGroup("sg-2", "db", "vpc-2")),
    offers={"oracle-se2/19.0": Offer("oracle-se2", "19.0", "oracle-se2-19", "19", ("db.m6i.large", "db.r6i.large"))},
    storage_left=500,
    databases_left=3,
    names=frozenset({"karte", "karte-2"}),
)  # fmt: skip
SOURCE = Source("snap", "available", "oracle-se2", "19.0", 100, True, "manual", "vpc-1", "karte")
WISH = Wish("try", "db.m6i.large", "main", ("sg-1",), "karte", "mine")


def codes(wish: Wish = WISH, source: Source = SOURCE, stock: Stock = STOCK) -> list[str]:
    return [one.code for one in restore_troubles(wish, source, stock)]


def test_as_the_original_is_nothing_speaks_against_it() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"aws_id": "bad--id"}, "name_double_hyphen"),
        ({"aws_id": "karte"}, "database_name_taken"),
        ({"db_class": "db.m5.large"}, "class_not_offered"),
        ({"subnet_group": "gone"}, "subnet_group_unknown"),
        ({"groups": ()}, "groups_missing"),
        ({"groups": ("sg-2",)}, "group_other_vpc"),
        ({"option_group": "gone"}, "option_group_unknown"),
        ({"option_group": "mysql"}, "option_group_other_engine"),
        ({"option_group": "karte-other"}, "option_group_other_vpc"),
        ({"parameter_group": "old"}, "parameter_group_family"),
    ],
)
def test_each_wrong_choice_has_its_own_word_and_its_fix_passes(wish: dict[str, Any], code: str) -> None:
    wrong = replace(WISH, **wish)
    found = next(one for one in restore_troubles(wrong, SOURCE, STOCK) if one.code == code)
    if code == "name_double_hyphen":
        assert found.fixes == ()
        return
    for fix in found.fixes:
        assert code not in codes(fixed(wrong, fix_text(fix)))
    assert found.fixes


@pytest.mark.parametrize(
    ("source", "stock", "code"),
    [
        ({"state": "creating"}, {}, "snapshot_not_complete"),
        ({"kind": "shared"}, {}, "copy_first"),
        ({"engine": "aurora-mysql"}, {}, "restore_of_cluster"),
        ({"version": "12.1"}, {}, "version_not_offered"),
        ({}, {"storage_left": 99}, "storage_quota"),
        ({}, {"databases_left": 0}, "database_quota"),
    ],
)
def test_what_no_choice_mends_is_told_too(source: dict[str, Any], stock: dict[str, Any], code: str) -> None:
    assert code in codes(source=replace(SOURCE, **source), stock=replace(STOCK, **stock))


def test_options_that_a_database_keeps_for_ever_are_not_given_up_for_a_default_group() -> None:
    assert codes(replace(WISH, option_group="plain")) == ["options_lost"]
    moved = replace(WISH, subnet_group="other", groups=("sg-2",))
    (trouble,) = restore_troubles(moved, SOURCE, STOCK)
    assert trouble.code == "option_group_other_vpc"
    better = [fixed(moved, fix_text(one)) for one in trouble.fixes]
    assert any(codes(one) == [] for one in better)
    assert all(not one.option_group.startswith("default:") for one in better)


def test_only_of_engines_whose_snapshots_aws_upgrades_a_copy_of_another_version_is_offered() -> None:
    for engine, copies in (
        ("oracle-se2", ("19.0",)),
        ("mariadb", ("19.0",)),
        ("sqlserver-se", ()),
        ("db2-se", ()),
    ):
        offers = {f"{engine}/19.0": replace(STOCK.offers["oracle-se2/19.0"], engine=engine)}
        found = restore_troubles(
            WISH, replace(SOURCE, engine=engine, version="12.1"), replace(STOCK, offers=offers)
        )
        [trouble] = [one for one in found if one.code == "version_not_offered"]
        assert trouble.copies == copies, engine


def test_a_copy_is_offered_where_aws_brings_it_and_not_merely_what_it_offers_by_itself() -> None:
    offers = {"mysql/8.4.6": replace(STOCK.offers["oracle-se2/19.0"], engine="mysql", version="8.4.6")}
    named = {
        "mysql/5.7.44": ("8.0.28", "8.0.42", "5.7.44", "8.0.9"),
        "postgres/11.22": ("12.22", "16.9", "16.10", "13.4", "17.1"),
    }
    stock = replace(STOCK, offers=offers, upgrades=named)
    assert upgrade_choices("mysql", "5.7.44", stock) == ("8.0.42",)
    assert upgrade_choices("postgres", "11.22", stock) == ("12.22", "13.4", "16.10")
    assert upgrade_choices("mysql", "8.0.30", stock) == ("8.4.6",), "of one that is offered AWS was not asked"
    assert stock_from_json(stock_as_json(stock), stock.names) == stock


def test_a_quota_leads_to_service_quotas_whether_a_database_is_restored_or_made_anew() -> None:
    full = replace(STOCK, storage_left=19)
    made = Creation("oracle-se2", "19.0", WISH, "pondb", "ponsuke", 20, 7)
    for found in (restore_troubles(WISH, SOURCE, full), creation_troubles(made, full)):
        assert [one.quota for one in found if one.code == "storage_quota"] == [STORAGE_QUOTA]


def test_what_a_region_keeps_is_read_back_as_it_was() -> None:
    assert stock_from_json(stock_as_json(STOCK), STOCK.names) == STOCK
    told = offering(encrypting=("db.m6i.large",), for_new=(), licences=("license-included",))
    assert stock_from_json(stock_as_json(told), told.names) == told


def offering(**more: Any) -> Stock:
    return replace(STOCK, offers={"oracle-se2/19.0": replace(STOCK.offers["oracle-se2/19.0"], **more)})


MADE = Creation("oracle-se2", "19.0", WISH, "KARTE", "admin", 100, 7)


@pytest.mark.parametrize(
    ("more", "restored", "made"),
    [
        ({}, [], []),
        ({"encrypting": ("db.r6i.large",)}, ["class_unfit"], []),
        ({"encrypting": ("db.m6i.large",), "for_new": ("db.r6i.large",)}, [], ["class_unfit"]),
        ({"licences": ("bring-your-own-license",)}, [], ["licence_not_offered"]),
    ],
)
def test_a_class_that_takes_no_such_storage_is_seen_before(
    more: dict[str, Any], restored: list[str], made: list[str]
) -> None:
    stock = offering(**more)
    assert codes(stock=stock) == restored
    found = creation_troubles(replace(MADE, wish=replace(WISH, option_group="plain")), stock)
    assert [one.code for one in found] == made
    assert codes(source=replace(SOURCE, encrypted=False), stock=stock) == []


def test_what_is_restored_otherwise_is_not_tried() -> None:
    assert "restore_of_custom" in codes(source=replace(SOURCE, engine="custom-oracle-se2"))


@pytest.mark.parametrize(
    ("engine", "name", "problem"),
    [
        ("mysql", "select", "db_name_reserved"),
        ("mysql", "user", ""),
        ("mariadb", "order", "db_name_reserved"),
        ("postgres", "user", "db_name_reserved"),
        ("postgres", "karte", ""),
        ("oracle-se2", "ORDER", "db_name_reserved"),
        ("oracle-se2", "KARTE9876", "sid_long"),
    ],
)
def test_words_of_an_engine_name_no_database(engine: str, name: str, problem: str) -> None:
    assert db_name_problem(engine, name) == problem


@pytest.mark.parametrize(
    ("engine", "licence"),
    [("mysql", ""), ("oracle-se2-cdb", "license-included"), ("oracle-ee", "bring-your-own-license")],
)
def test_oracle_is_made_under_a_licence_that_is_said(engine: str, licence: str) -> None:
    assert licence_of(engine) == licence


def test_a_new_major_version_of_oracle_wants_an_option_group_named_that_keeps_the_lasting_options() -> None:
    old = replace(SOURCE, version="12.1.0.2.v28", option_group="karte-12")
    stock = replace(
        STOCK, option_groups=(*STOCK.option_groups, OptionGroup("karte-12", "oracle-se2", "12.1", "", ("Timezone",)))
    )  # fmt: skip
    new = "19.0.0.0.ru-2026-01.rur-2026-01.r1"
    assert upgrade_options(old, new, stock) == ("karte", "karte-other")  # "plain" has lost the time zone
    assert upgrade_options(old, "12.1.0.2.v30", stock) is None
    assert upgrade_options(replace(old, option_group="default:oracle-se2-12-1"), new, stock) is None
    assert upgrade_options(replace(old, engine="mysql", version="5.7.44"), "8.0.42", stock) is None
