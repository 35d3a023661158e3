"""How long a database is trusted, and what stands out with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.domain.databases import (
    Authority,
    EngineVersion,
    Terms,
    Warn,
    expected_facts,
    terms_as_json,
    terms_from_json,
    trust_ends,
    warnings_of,
)
from infra.domain.makings import Wish, stay_troubles

NOW = datetime(2026, 11, 30, tzinfo=UTC)
CA, OWN = NOW + timedelta(days=9000), NOW + timedelta(days=100)
QUIET = {
    "engine": "mysql",
    "engine_version": "8.0.39",
    "ca": "g1",
    "backup_days": 7,
    "protected": True,
    "public": False,
}


def terms(*, without_restart: bool) -> Terms:
    version = EngineVersion("mysql", "8.0.39", without_restart, ("g1",))
    return terms_from_json(terms_as_json([Authority("g1", CA)], "g1", [version]))


@pytest.mark.parametrize(
    ("known", "facts", "ends"),
    [
        (terms(without_restart=True), {}, CA),  # AWS renews the database's own certificate by itself
        (terms(without_restart=False), {}, OWN),  # it does not: that one ends first
        (terms(without_restart=True), {"engine_version": "8.4.0"}, OWN),  # of this version AWS said nothing
        (terms(without_restart=True), {"ca": "rds-ca-2019"}, OWN),  # AWS lists this CA no more
        (terms(without_restart=True), {"ca": "rds-ca-2019", "certificate_until": ""}, None),
        (terms_from_json({}), {"certificate_until": ""}, None),
    ],
)
def test_trust_ends_with_what_nobody_renews(
    known: Terms, facts: dict[str, Any], ends: datetime | None
) -> None:
    assert trust_ends({**QUIET, "certificate_until": OWN.isoformat(), **facts}, known) == ends


@pytest.mark.parametrize(
    ("facts", "days", "warnings"),
    [
        ({}, 400, ()),
        ({}, 180, (Warn.CA_SOON,)),
        ({}, 30, (Warn.CA_URGENT,)),
        ({}, 0, (Warn.CA_ENDED,)),
        ({}, None, ()),  # what AWS did not say is no warning
        ({"public": True, "pending": ["AllocatedStorage"]}, 400, (Warn.PUBLIC, Warn.PENDING)),
        ({"backup_days": 0, "protected": False}, 400, (Warn.NO_BACKUPS, Warn.UNPROTECTED)),
        ({"backup_days": 0, "replica_of": "karte"}, 400, ()),  # a replica is backed up by its source
        ({"backup_days": 0, "protected": False, "cluster_id": "c"}, 400, ()),  # decided for the cluster
    ],
)
def test_what_stands_out(facts: dict[str, Any], days: int | None, warnings: tuple[Warn, ...]) -> None:
    ends = NOW + timedelta(days=days) if days is not None else None
    assert warnings_of({**QUIET, **facts}, ends, None, NOW) == warnings


def test_facts_of_an_older_inventory_warn_of_nothing() -> None:
    assert warnings_of({"engine": "mysql"}, None, None, NOW) == ()


def test_a_stopped_one_that_aws_starts_tomorrow_is_told_of() -> None:
    assert warnings_of(QUIET, None, NOW + timedelta(hours=20), NOW) == (Warn.RESTARTS_SOON,)
    assert warnings_of(QUIET, None, NOW + timedelta(days=3), NOW) == ()


def test_one_that_is_to_be_removed_again_is_not_said_to_lack_deletion_protection() -> None:
    bare = {**QUIET, "protected": False}
    assert warnings_of(expected_facts(bare, {}), None, None, NOW) == (Warn.UNPROTECTED,)
    assert warnings_of(expected_facts(bare, {"toban:until": "2026-12-03"}), None, None, NOW) == ()


def test_a_name_that_says_something_else_than_its_end_has_the_right_one_beside_it() -> None:
    def fixes(name: str, *, for_a_while: bool) -> list[tuple[str, str]]:
        wish = Wish(name, "db.t4g.medium", "main", ("sg-1",), "default:mysql-8-0", "default.mysql8.0")
        found = stay_troubles(wish, for_a_while=for_a_while)
        return [(one.code, fix["aws_id"]) for one in found for fix in one.fixes]

    assert fixes("karte", for_a_while=True) == [("name_for_a_while", "toban-tmp-karte")]
    assert fixes("toban-tmp-karte", for_a_while=False) == [("name_of_one_that_goes", "karte")]
    assert fixes("toban-tmp-karte", for_a_while=True) == fixes("karte", for_a_while=False) == []
    assert len(fixes("k" * 63, for_a_while=True)[0][1]) == 63
