"""A page costs the same number of queries for one row as for fifty."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.domain.permissions import Role
from tests.stage import Stage

#: What a whole page may ask the database for, the walls' own statements apart; Today is six lists in one,
#: and the tenant's rules (schedules, assignments, overrides, calendar) cost seven wherever a schedule is shown.
#: The session, its part in the tenant and the tenant's policy cost three of them; that somebody is still there is
#: written every few seconds only. Since notices, seals, delegations and drift came: nine more on every page, and on Today
#: seven for overrides, drift, punctuality and the lists of holidays. Since emergency rights and clocks: two more on every page.
#: Since single sign-on and terms of members: two more on every page.
MOST = 42
MOST_TODAY = 57
FRAME = re.compile(
    r"^(BEGIN|COMMIT|SAVEPOINT|RELEASE|ROLLBACK|SELECT set_config|SELECT clock_timestamp"
    r'|UPDATE "medical_audit_(session|visit)"|SELECT "medical_audit_session"."id" .* SKIP LOCKED)',
    re.IGNORECASE,
)


def asked(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in seen if not FRAME.match(query["sql"])]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "resources/",
        "resources/?part=live",
        "databases/",
        "databases/certificates/",
        "volumes/",
        "operations/",
        "ledger/",
    ],
)
def test_pages(stage: Stage, path: str) -> None:
    client = entered(stage)
    grow(stage, 1)
    few = asked(client, stage.url(path))
    grow(stage, 49)
    many = asked(client, stage.url(path))
    assert len(many) == len(few), "\n".join(sorted(set(many) - set(few)))
    assert len(many) <= (MOST if path else MOST_TODAY), "\n".join(many)


@pytest.mark.parametrize("path", ["resources/", "volumes/", "operations/", "events/"])
def test_the_api(stage: Stage, path: str) -> None:
    client = entered(stage)
    grow(stage, 1)
    few = asked(client, stage.api(path))
    grow(stage, 49)
    assert len(asked(client, stage.api(path))) == len(few)


def test_one_resource_and_one_operation(stage: Stage) -> None:
    client = entered(stage)
    operation = stage.entered()
    for path in (f"resources/{operation.target_id}/", f"operations/{operation.id}/"):
        assert len(asked(client, stage.url(path))) <= MOST


def entered(stage: Stage) -> Client:
    """Somebody who is in the tenant already: the first request of a session there writes that down."""
    client = stage.client(Role.ADMINISTRATOR)
    client.get(stage.url())
    return client


def grow(stage: Stage, number: int) -> None:
    """More of everything: resources of all sorts with findings and operations, and volumes."""
    for row in stage.resources(number, tags={"AutoStart": "08:30", "AutoStop": "19:00"}):
        stage.entered(row)
        stage.finding(row)
    for row in stage.resources(number, kind="rds", facts={"engine": "mysql", "public": True}):
        stage.campaign(row)
    stage.volumes(number, served_name="web")
