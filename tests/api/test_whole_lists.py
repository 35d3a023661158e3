"""No list is cut without saying so: what does not fit on one page is on the next, or is counted."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.domain.permissions import Role
from medical_audit.domain.errors import Refused
from medical_audit.queries.paging import Cursors, page_among
from tests.factories import past_every_guard
from tests.stage import Stage


def walked(stage: Stage, where: str) -> list[Any]:
    """Every row of a list, one on a page."""
    found, query = [], {"limit": "1"}
    while query:
        page = stage.client(Role.ADMINISTRATOR).get(stage.api(where), query).json()
        found += [one["id"] for one in page["results"]]
        query = {"limit": "1", "after": page["next"]} if page["next"] else {}
    return found


def test_databases_and_the_hosts_beside_one_are_read_to_their_end(stage: Stage) -> None:
    rows = stage.resources(3, kind="rds")
    hosts = stage.resources(2)
    ids = [str(row.id) for row in rows]
    assert sorted(walked(stage, "databases/")) == sorted(ids)
    assert sorted(walked(stage, f"databases/{ids[0]}/hosts/")) == sorted(str(row.id) for row in hosts)
    assert walked(stage, "tickets/stuck/") == []


def test_more_people_than_a_page_holds_are_counted_and_looked_for(stage: Stage) -> None:
    past_every_guard(
        "INSERT INTO ledger.person_key (tenant_id, person, sealed, made_at) "
        "SELECT %s, gen_random_uuid()::text, '', now() FROM generate_series(1, 201)",
        [stage.cast.tenant.id],
    )
    client, url = stage.client(Role.AUDITOR), stage.api("readable/")
    seen = client.get(url).json()
    assert len(seen["people"]) == 200
    assert seen["more"] >= 1
    one = seen["people"][-1]["person"]
    assert [row["person"] for row in client.get(url, {"q": one}).json()["people"]] == [one]


def test_rows_in_an_order_of_their_own_are_walked_both_ways_while_some_go() -> None:
    rows = [f"row-{number}" for number in range(7)]

    def page(rows: list[str], **where: str) -> Any:
        return page_among(rows, str, Cursors(size=3, **where))

    first = page(rows)
    second = page(rows, after=first.next)
    last = page(rows, after=second.next)
    assert [*first.rows, *second.rows, *last.rows] == rows
    assert (first.previous, last.next) == (None, None)
    assert page(rows, before=last.previous).rows == second.rows
    assert page(rows, before=second.previous) == first
    without = [row for row in rows if row != "row-2"]
    assert page(without, after=first.next).rows == second.rows
    for strange in ("W1tb" * 500, "x", "bnVsbA"):
        with pytest.raises(Refused):
            page(rows, after=strange)
