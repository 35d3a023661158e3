"""What is asked of a list and cannot be read is refused: an answer that is wider than the question is a wrong one."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from accounts.domain.permissions import Role
from medical_audit.models import Event, Export
from medical_audit.tenancy import tenant_scope
from tests.api.test_everything import operations
from tests.api.test_v1 import problem, send
from tests.stage import Stage

UNREADABLE = [
    ("events/", "from", "2026/11/01"), ("events/", "to", "2026-11-31"), ("events/", "off_hours", "true"),
    ("events/", "proxy", "1"), ("events/", "q", "x" * 201), ("events/", "off_hour", "yes"), ("operations/", "mine", "true"),
    ("operations/", "month", "2026-9"), ("operations/", "state", "opened"), ("sessions/", "person", "somebody"),
    ("sessions/", "state", "opened"), ("reports/sessions/", "month", "2026-9"), ("audit/", "month", "2026-13"),
    ("anomalies/", "rule", "strange"), ("resources/", "next", "day"), ("resources/", "limit", "many"),
    ("volumes/", "named", "maybe"), ("calendar/", "month", "next"),
]  # fmt: skip


def test_a_filter_that_cannot_be_read_is_refused_by_its_name(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    for where, name, given in UNREADABLE:
        said = []
        for language in ("ja", "en"):
            answer = client.get(stage.api(where), {name: given}, headers={"Accept-Language": language})
            assert (answer.status_code, [*problem(answer)["fields"]]) == (400, [name]), (where, name)
            said.append(problem(answer)["fields"][name])
        assert said[0] != said[1], (where, name)
    with tenant_scope(stage.cast.tenant.id):
        assert not Event.objects.filter(kind__in=("ledger.searched", "report.viewed")).exists()


def test_every_function_refuses_what_its_address_cannot_be_asked(stage: Stage) -> None:
    client, held = stage.client(Role.ADMINISTRATOR), 0
    for where, method, one in operations():
        url = where.replace("{slug}", stage.slug).replace("{pk}", str(uuid.uuid4()))
        named = [
            parameter["name"]
            for parameter in one["parameters"]
            if parameter["in"] == "query" and {"enum", "pattern", "format"} & set(parameter["schema"])
        ]
        query = "&".join(f"{name}=%C2%A7" for name in ["strange", *named])
        answer = client.generic(
            method.upper(), f"{url}?{query}", "{}", content_type="application/json", headers={"If-Match": "*"}
        )
        assert (answer.status_code, sorted(problem(answer)["fields"])) == (
            400,
            sorted(["strange", *named]),
        ), where
        held += len(named)
    assert held > 40


@pytest.mark.parametrize("wish", [{"from": "2026/11/01"}, {"proxy": "1"}, {"to": "2026-11-31"}])
def test_nothing_is_exported_or_kept_by_a_filter_that_cannot_be_read(stage: Stage, wish: Any) -> None:
    client = stage.client(Role.AUDITOR)
    for where, body in (("exports/", {"format": "csv", "purpose": "点検"}), ("searches/", {"name": "点検"})):
        answer = send(client, stage.api(where), body | {"filter": wish}, **{"If-Match": "*"})
        assert answer.status_code == 400
        assert next(iter(wish)) in json.dumps(problem(answer)["fields"]["filter"])
    with tenant_scope(stage.cast.tenant.id):
        assert not Export.objects.exists()


def test_the_id_of_a_person_may_be_written_in_capitals(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    client.get(stage.api("resources/"))
    person = str(stage.cast.people[Role.AUDITOR].id)
    for given, found in ((person.upper(), {person}), (str(uuid.uuid4()).upper(), set())):
        rows = client.get(stage.api("sessions/"), {"person": given}).json()["results"]
        assert {one["person"]["id"] for one in rows} == found


def test_a_page_says_which_filter_it_cannot_read_and_exports_nothing_by_it(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    for where in (
        "ledger/?from=2026/11/01",
        "sessions/?state=opened",
        "operations/?month=2026-9",
        "audit/reports/?month=2026-9",
        "resources/?next=day",
        "volumes/?unattached=7",
        "databases/?warning=strange",
        "databases/snapshots/?orphans=1",
        "tickets/?state=gone",
    ):
        shown = client.get(stage.url(where)).content.decode()
        assert where.partition("?")[2] in shown, where
    answer = client.post(stage.url("ledger/exports/?from=2026/11/01"), {"format": "csv", "purpose": "点検"})
    assert answer.status_code == 422
    assert "from=2026/11/01" in answer.content.decode()
    with tenant_scope(stage.cast.tenant.id):
        assert not Export.objects.exists()
