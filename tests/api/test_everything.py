"""Everything that a person can do and see is there for a program, by the same operations; and the API keeps its word to programs."""

from __future__ import annotations

import inspect
import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jsonschema
from django.urls import get_resolver, reverse
from drf_spectacular.drainage import GENERATOR_STATS

from accounts.domain.permissions import Role
from config.api import document
from medical_audit.api.describing import Described
from medical_audit.api.examples import UNKNOWN
from medical_audit.domain.kinds import all_kinds
from medical_audit.models import StoredAnswer
from medical_audit.tasks import forget_answers
from medical_audit.tenancy import tenant_scope
from tests.api.everything import ENTERED, NO_PAGES, NOT_ENTERED, PAGES
from tests.api.test_v1 import send
from tests.conftest import AsRole
from tests.factories import past_every_guard
from tests.routes import routes
from tests.stage import Stage

#: Moves whose repetition the thing itself tells: their version is the state they leave.
EDITS = ("put", "delete")
#: What has no version, because nothing of it is overwritten by who did not read it.
UNVERSIONED = {
    "admission_take_back": "ends a question that nobody has answered; an answer that came first stands",
    "token_delete": "ends a token, which is nothing but ended",
    "setup_give_up": "gives up an account that is on its way in",
    "snapshot_delete": "a snapshot never changes",
    "search_forget": "one's own kept question",
    "redmine_hook_end": "ends what only the secret of it could use",
    "repository_drop": "gives a draft up",
    "repository_secret_end": "ends the secret before",
    "repository_service_key": "one key for each Redmine; it is never read",
}


def functions() -> dict[str, Any]:
    """Every function of the API by its name."""
    found: dict[str, Any] = {}
    for name, pattern in routes(get_resolver().url_patterns):
        if name.startswith("api:"):
            found |= {one.__name__: one for one in getattr(pattern.callback, "cls").functions.values()}  # noqa: B009
    return found


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, one in methods.items():
            yield path, method, one


def test_every_kind_of_operation_is_entered_over_the_api_or_says_why_not() -> None:
    kinds = {kind.name for kind in all_kinds() if not kind.name.startswith("test.")}
    assert set(ENTERED) | set(NOT_ENTERED) == kinds
    assert not set(ENTERED) & set(NOT_ENTERED)
    assert set(ENTERED.values()) <= set(functions())


def test_every_page_has_its_address_in_the_api_or_says_why_not() -> None:
    names = {name for name, _pattern in routes(get_resolver().url_patterns)}
    pages = {name for name in names if not name.startswith(("api:", "admin:"))}
    reports = {name for name in pages if name.startswith("medical_audit:report-")}
    assert set(PAGES) | set(NO_PAGES) | reports == pages
    told = {f"api:{one}" for page in PAGES.values() for one in page}
    told |= {name.replace("medical_audit:", "api:") for name in reports}
    assert told <= names
    assert names - told - pages == {"api:me"} | {name for name in names if name.startswith("admin:")}


def test_every_operation_has_an_example_of_what_it_takes_and_gives() -> None:
    document()
    assert not GENERATOR_STATS
    components = {"components": document()["components"]}
    for path, method, one in operations():
        told = {"body": one.get("requestBody", {}), **one["responses"]}
        for status, part in told.items():
            content = part.get("content", {}).get("application/json")
            if content is None or status[0] not in "b2":
                continue
            assert content.get("examples"), (path, method, status)
            for example in content["examples"].values():
                assert f'"{UNKNOWN}"' not in json.dumps(example), (
                    path,
                    method,
                    "TEXTS knows no example of a field",
                )
                jsonschema.validate(example["value"], content["schema"] | components)


def test_what_the_examples_send_is_taken() -> None:
    for name, function in functions().items():
        described: Described = vars(function)["described"]
        if described.takes is None:
            continue
        (body,) = (
            one["requestBody"]["content"]["application/json"]["examples"]
            for _path, _method, one in operations()
            if one["operationId"] == name
        )
        for example in body.values():
            read = described.takes(data=example["value"])
            assert read.is_valid(), (name, read.errors)


def test_every_unsafe_call_may_carry_an_idempotency_key_and_every_list_its_cursors() -> None:
    for path, method, one in operations():
        names = {parameter["name"] for parameter in one["parameters"]}
        if method == "get":
            contents: list[Any] = list(one["responses"]["200"].get("content", {}).values())
            schema = contents[0].get("schema", {}) if contents else {}
            paged = vars(functions()[one["operationId"]])["described"].paged
            assert ({"after", "before", "limit"} <= names) == paged, path
            assert "fields" in names or "$ref" not in schema, path
        else:
            assert "Idempotency-Key" in names, (path, method)


#: Calls that take the place of what stands: they must say which version they read.
OVERWRITING = {
    "account_features_enter", "account_regions_enter", "anomaly_limits_enter", "assignment_enter", "channel_change", "channel_rotate", "choice_put", "confirm_policy_enter",
    "deputies_enter", "holiday_feed_set", "member_terms", "policy_enter", "price_enter", "project_change", "retention_enter",
    "draft_delete", "draft_put", "rules_enter", "search_save", "sign_on_set", "sign_on_switch", "tagging_rule_enter", "ticket_rule_enter",
}  # fmt: skip
#: Kinds that are held against what stood before them, and whose call need not say what it read.
UNREAD = {
    "account.automation": "switches on or off; what is so already is refused",
    "project.set": "project_enter makes one; what is changed goes by project_change",
    "schedule.publish": "publishes the draft, which was written under its version",
}


def test_no_call_takes_the_place_of_what_stands_without_being_counted_here() -> None:
    """What a kind's own `apply` holds against `before` takes its place; so does what is put or set by name."""
    held = set()
    for kind in all_kinds():
        source = inspect.getsource(kind.apply) if kind.apply is not None else ""
        if kind.name in ENTERED and ("refuse_changed(" in source or '"before"' in source):
            held.add(kind.name)
    assert len(held) > 10
    assert {name for name in held if ENTERED[name] not in OVERWRITING} == set(UNREAD)


def test_a_version_is_never_passed_over(stage: Stage) -> None:
    """`If-Match` with the version of something is kept, or refused by what holds no version."""
    client, asked = stage.client(Role.ADMINISTRATOR), 0
    for path, method, one in operations():
        if method == "get" or {"If-Match"} & {parameter["name"] for parameter in one["parameters"]}:
            continue
        url = path.replace("{slug}", stage.slug).replace("{pk}", str(uuid.uuid4()))
        answer = client.generic(
            method.upper(), url, "{}", content_type="application/json", headers={"If-Match": '"read"'}
        )
        assert (answer.status_code, answer.json().get("code")) == (412, "nothing_to_match"), path
        asked += 1
    assert asked > 80


def test_the_brake_is_read_and_changed_by_its_version(stage: Stage) -> None:
    client, url = stage.client(Role.ADMINISTRATOR), stage.api("rules/")
    read = client.get(url)
    assert read.json() == {"brake_percent": None, "brake_least": 5, "operation": ""}
    body = {"brake_percent": 30, "brake_least": 5, "reason": "一度に止めない"}
    assert send(client, url, body).status_code == 428
    assert send(client, url, body | {"brake_least": 10_001}, **{"If-Match": "*"}).status_code == 400
    assert send(client, url, body, **{"If-Match": read["ETag"]}).status_code == 201


def test_what_takes_the_place_of_what_stands_is_refused_unread(stage: Stage) -> None:
    assert {name for name, one in functions().items() if vars(one)["described"].must} == OVERWRITING
    client, asked = stage.client(Role.ADMINISTRATOR), set()
    for path, method, one in operations():
        if one["operationId"] not in OVERWRITING or path.count("{") > 1:
            continue
        content = one["requestBody"]["content"]["application/json"]
        body = json.dumps(content["examples"]["Request"]["value"] | {"account": None})
        url = path.replace("{slug}", stage.slug)
        for status, headers in ((428, {}), (412, {"If-Match": '"another"'})):
            answer = client.generic(
                method.upper(), url, body, content_type="application/json", headers=headers
            )
            assert answer.status_code == status, (path, answer.content)
        asked.add(one["operationId"])
    assert len(asked) >= 8


def test_what_is_overwritten_names_the_version_that_was_read() -> None:
    for path, method, one in operations():
        if method in EDITS:
            names = {parameter["name"] for parameter in one["parameters"]}
            assert "If-Match" in names or one["operationId"] in UNVERSIONED, (path, method)
    assert set(UNVERSIONED) <= {one["operationId"] for _path, _method, one in operations()}


#: What no client of good will sends, as a whole body.
HOSTILE = {
    "deep": b"[" * 60_000,
    "deep objects": b'{"reason":' * 20_000 + b"1" + b"}" * 20_000,
    "not UTF-8": b'{"reason": "\xff\xfe"}',
    "huge numbers": b'{"days": ' + b"9" * 5000 + b', "years": 1e999, "minutes": -1e400}',
    "no numbers": b'{"days": NaN, "years": Infinity, "minutes": -Infinity}',
    "twice": b'{"reason": "a", "reason": {"b": []}}',
    "no object": b'"reason"',
    "null": b"null",
    "empty": b"",
}
#: And as the values of the fields that an address takes, in turn.
VALUES = (
    "a\x00b", "\ud800", "", {"a\x00": "b"}, [{"a": ["\udfff"]}], "長" * 50_000, 10**30, -(10**30), [["a"]], {"a": {"b": 1}}, None,
    True, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", 1e308, "/",
)  # fmt: skip


def addresses() -> list[tuple[str, str, Any]]:
    """(name, method, function) of everything that is sent to without naming a thing."""
    found = []
    for name, pattern in routes(get_resolver().url_patterns):
        if name.startswith("api:") and "pk" not in pattern.pattern.converters:
            functions = getattr(pattern.callback, "cls").functions  # noqa: B009
            found += [(name, method, one) for method, one in functions.items() if method != "get"]
    return found


def _refused_in_words(answer: Any, told: object) -> None:
    assert answer.status_code < 500, (told, answer.content[:300])
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json", told


def test_no_hostile_body_is_a_defect(stage: Stage) -> None:
    client = stage.client(Role.ADMINISTRATOR)
    for place, (name, method, function) in enumerate(addresses()):
        url = reverse(name, kwargs={"slug": stage.slug})
        takes: Any = vars(function)["described"].takes
        bodies = dict(HOSTILE) if name == "api:overrides" else {}
        for turn in range(5) if takes else ():
            values = {
                field: VALUES[(place + turn * 3 + at) % len(VALUES)]
                for at, field in enumerate(takes().fields)
            }
            bodies[str(values)[:300]] = json.dumps(values).encode()
        for what, body in bodies.items():
            answer = client.generic(method.upper(), url, body, content_type="application/json")
            _refused_in_words(answer, (name, what))


def test_hostile_values_in_an_address_are_no_defect(stage: Stage) -> None:
    client = stage.client(Role.ADMINISTRATOR)
    for name, pattern in routes(get_resolver().url_patterns):
        if not name.startswith("api:") or "get" not in getattr(pattern.callback, "cls").functions:  # noqa: B009
            continue
        if "pk" in pattern.pattern.converters or name == "api:tenants":
            continue
        described = vars(getattr(pattern.callback, "cls").functions["get"])["described"]  # noqa: B009
        names = [*(one.name for one in described.filters), "fields", "after", "before", "limit"]
        odd = ("a\x00b", "\ud800", "9" * 500, "%", "1e9", "2026-13", "0000-00")
        for turn in range(3):
            told = {one: odd[(turn * 2 + at) % len(odd)] for at, one in enumerate(names)}
            query = "&".join(f"{one}={quote(text, errors='surrogatepass')}" for one, text in told.items())
            _refused_in_words(
                client.get(f"{reverse(name, kwargs={'slug': stage.slug})}?{query}"), (name, told)
            )


def test_a_body_of_another_kind_or_too_long_is_refused_in_words(stage: Stage) -> None:
    client, url = stage.client(Role.ADMINISTRATOR), stage.api("overrides/")
    for kind in (
        "text/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "application/json; charset=x",
    ):
        answer = client.generic("POST", url, b"<a/>", content_type=kind)
        _refused_in_words(answer, kind)
        assert answer.status_code in (400, 415), kind
    long = json.dumps({"reason": "a" * 10_000_000})
    answer = client.post(url, long, content_type="application/json")
    _refused_in_words(answer, "10 MB")
    assert answer.status_code == 413


def test_every_answer_says_how_many_calls_are_left(stage: Stage) -> None:
    client = stage.client(Role.VIEWER)
    for url in (
        stage.api("resources/"),
        stage.api("resources/no-id/"),
        "/api/v1/tenants/",
        "/api/v1/schema/",
    ):
        answer = client.get(url)
        assert int(answer["RateLimit-Limit"]) > int(answer["RateLimit-Remaining"]) >= 0, url
        assert 0 < int(answer["RateLimit-Reset"]) <= 60, url


def test_a_secret_is_told_once_and_not_kept_to_repeat_the_answer(stage: Stage) -> None:
    client, key = stage.client(Role.ADMINISTRATOR), {"Idempotency-Key": "invite-00000001"}
    body = {"username": "hanako", "name": "佐藤 花子", "role": "viewer", "reason": "異動"}
    first, again = (send(client, stage.api("members/"), body, **key) for _try in range(2))
    assert "/invitation/" in first.json()["link"]
    assert (again["Idempotency-Replayed"], again.json()["link"]) == ("true", "")
    assert again.json()["operation"] == first.json()["operation"]
    with tenant_scope(stage.cast.tenant.id):
        kept = json.dumps(list(StoredAnswer.objects.values_list("answer", flat=True)), ensure_ascii=False)
    assert first.json()["link"].partition("_")[2].strip("/") not in kept


def test_a_personnel_list_is_not_kept_to_repeat_the_answer_and_the_clock_forgets_what_is_over(
    stage: Stage, as_role: AsRole
) -> None:
    client, key = stage.client(Role.ADMINISTRATOR), {"Idempotency-Key": "roster-00000001"}
    body = {"text": "ユーザー名,氏名\nichiro,鈴木 一郎\n"}
    first, again = (send(client, stage.api("roster/look/"), body, **key) for _try in range(2))
    assert (first.status_code, again.json()["differences"]) == (200, first.json()["differences"])
    invited = {"username": "hanako", "name": "佐藤 花子", "role": "viewer", "reason": "異動"}
    assert (
        send(client, stage.api("members/"), invited, **{"Idempotency-Key": "invite-00000002"}).status_code
        == 201
    )
    with tenant_scope(stage.cast.tenant.id):
        assert [one.key for one in StoredAnswer.objects.all()] == ["invite-00000002"]
    past_every_guard(
        "UPDATE medical_audit_storedanswer SET expires_at = now() - interval '1 hour' WHERE tenant_id = %s",
        [stage.cast.tenant.id],
    )
    with as_role("scheduler"):
        forget_answers()
    with tenant_scope(stage.cast.tenant.id):
        assert not StoredAnswer.objects.exists()
