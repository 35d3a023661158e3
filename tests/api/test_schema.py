"""The API's own description against the API: every address is in it, and nothing comes back that it does not say.

Each operation gets a case as one of the roles. TOBAN_API_CASES=N sends N cases to each operation as each role; how many were sent stands
in what `TOBAN_API_CASES=26 ./toban test -rP tests/api/test_schema.py` prints.
"""

from __future__ import annotations

import os
import random
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.domain.permissions import Role
from config.api import document
from tests import factories
from tests.routes import routes
from tests.stage import Stage, make_stage
from tests.tokens import make_token

CASES = int(os.environ.get("TOBAN_API_CASES", "0"))
CANARY = "別テナントの鳥"
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> Any:
    found = schemathesis.openapi.from_dict(document())
    found.app = get_wsgi_application()
    return found


@pytest.fixture(scope="module")
def stage(django_db_setup: None) -> Stage:
    """A tenant with something of everything that is easily had."""
    made = make_stage(factories.make_cast())
    made.resources(3, tags={"AutoStart": "08:30", "AutoStop": "19:00"})
    made.finding(made.resource(name="bad"))
    made.volumes(2)
    for _one in range(3):
        made.entered()
    return made


@pytest.fixture(scope="module")
def foreign_ids(stage: Stage) -> list[str]:
    """Things of another tenant, whose name must never be read in an answer."""
    cast = stage.cast
    other = factories.Cast(cast.other_tenant, dict.fromkeys(Role, cast.stranger), cast.stranger, cast.tenant)
    theirs = make_stage(other)
    rows = theirs.resources(2, name=CANARY, project=CANARY)
    return [str(one) for one in (*[row.id for row in rows], theirs.entered(rows[0]).id, theirs.account.id)]


def test_the_description_is_openapi_31_and_valid(schema: Any) -> None:
    assert document()["openapi"].startswith("3.1")
    schema.validate()


def test_every_address_of_the_api_is_described_and_nothing_else() -> None:
    here = {
        (re.sub(r"<\w+:(\w+)>", r"{\1}", f"/api/v1/tenants/{_path(pattern)}"), method)
        for name, pattern in routes(get_resolver().url_patterns)
        if name.startswith("api:")
        for method in getattr(pattern.callback, "cls").http_method_names  # noqa: B009  REST framework's own
        if method != "head"
    }
    told = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert here == told


def _path(pattern: Any) -> str:
    inside = str(pattern.pattern)
    return inside if pattern.name == "tenants" else f"<slug:slug>/{inside}"


def test_every_operation_says_what_it_does() -> None:
    for path, method, one in _operations():
        assert one["summary"], (path, method)
        assert one["operationId"], (path, method)
        assert {"401", "429"} <= set(one["responses"]), (path, method)


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, one in methods.items():
            yield path, method, one


@pytest.mark.parametrize("role", list(Role))
def test_whatever_is_sent_is_answered_as_described(
    schema: Any, stage: Stage, foreign_ids: list[str], role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.API_PER_MINUTE", 10**9)
    token = make_token(stage.cast, role)
    rows: list[Any] = [*stage.made, stage.account, stage.entered(), stage.entered()]
    ours = [str(one.id) for one in (*rows, *stage.cast.people.values())]
    wrong: list[str] = []
    answers: Counter[int] = Counter()
    ids = st.sampled_from([*ours, *foreign_ids, str(uuid.uuid4())])

    for turn, result in enumerate(schema.get_all_operations(), list(Role).index(role)):
        operation = result.ok()
        if not CASES and turn % len(Role):
            continue

        @seed(random.randrange(2**32))
        @settings(
            max_examples=CASES or 1, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(), pk=ids, there=st.integers(0, 9))
        def ask(case: Any, pk: str, there: int) -> None:
            if "slug" in case.path_parameters and there:
                case.path_parameters["slug"] = stage.slug
            if "pk" in case.path_parameters and there:
                case.path_parameters["pk"] = pk
            try:
                answer = case.call(headers={"Authorization": f"Bearer {token}"})
                answers[answer.status_code] += 1
                assert CANARY not in answer.text
                case.validate_response(answer, checks=CHECKS)
            except (Exception, FailureGroup) as failure:  # noqa: BLE001  every one is told at the end
                wrong.append(
                    f"{case.method} {case.formatted_path} {case.query} {case.body!r:.500}: {failure}"
                )

        ask()
    print(f"{role.value}: {answers.total()} cases, answered {dict(sorted(answers.items()))}")
    assert not wrong, "\n\n".join(wrong)
