"""API tokens: how one is made, what it lets a program do, and how it ends."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.domain.permissions import Permission, Role
from accounts.models import ApiToken
from accounts.operations.ending_tokens import end_token
from accounts.operations.tokens import admit, enter_token
from medical_audit import clock
from medical_audit.domain.errors import AlreadyMoved, NotPermitted, Refused
from medical_audit.models import Event
from medical_audit.tenancy import tenant_scope
from tests.factories import PASSWORD, change, make_cast, revoke
from tests.stage import Stage
from tests.tokens import bearer, make_token


def code(answer: Any) -> str:
    return str(json.loads(answer.content)["code"])


def enter(stage: Stage, client: Client, resource: object) -> Any:
    body = {"kind": "ec2.start", "resource": str(resource), "reason": "保守"}
    return client.post(stage.api("operations/"), json.dumps(body), content_type="application/json")


def form(**more: object) -> dict[str, object]:
    last = (clock.now() + timedelta(days=30)).date()
    given = {"name": "Jenkins", "permissions": ["resource.view"], "last_day": f"{last}", "reason": "監視"}
    return given | {"password": PASSWORD} | more


def test_a_person_makes_one_on_the_page_and_sees_it_once(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    page = client.post(stage.url("tokens/"), form())
    (text,) = set(re.findall(r"toban_[0-9a-f]{32}_[A-Za-z0-9_-]{43}", page.content.decode()))
    assert page["Cache-Control"] == "private, no-store"
    assert bearer(text).get(stage.api("resources/")).status_code == 200
    assert text.split("_", 2)[2] not in client.get(stage.url("tokens/")).content.decode()
    with tenant_scope(stage.cast.tenant.id):
        token = ApiToken.objects.get()
        kinds = Event.objects.filter(subject_id=str(token.id)).order_by("ord").values_list("kind", flat=True)
        assert list(kinds)[:2] == ["operation.entered", "operation.confirmed"]
        assert text.split("_", 2)[2] not in json.dumps([event.body for event in Event.objects.all()])
    assert token.used_at is not None
    assert token.used_from == "127.0.0.1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong"},
        {"name": ""},
        {"permissions": []},
        {"permissions": ["ledger.view"]},
        {"networks": "everywhere"},
        {"networks": "0.0.0.0/0"},
        {"last_day": "2020-01-01"},
        {"last_day": "2099-01-01"},
    ],
)
def test_what_cannot_be_made_is_told_on_the_page(stage: Stage, wrong: dict[str, object]) -> None:
    page = stage.client(Role.OPERATOR).post(stage.url("tokens/"), form(**wrong))
    assert page.status_code == 422
    assert "problem" in page.content.decode() or "state-failed-line" in page.content.decode()
    with tenant_scope(stage.cast.tenant.id):
        assert not ApiToken.objects.exists()


def test_a_token_that_is_turned_away_leaves_one_event(stage: Stage) -> None:
    """Not one for each call: a program that calls without end writes nothing more."""
    text = make_token(stage.cast, Role.OPERATOR, networks=["203.0.113.0/24"])
    for _try in range(3):
        answer = bearer(text).get(stage.api("resources/"))
        assert (answer.status_code, code(answer)) == (401, "token_elsewhere")
    with tenant_scope(stage.cast.tenant.id):
        token = ApiToken.objects.get()
        event = Event.objects.get(kind="token.refused")
        assert (event.subject_id, event.said["detail"]["code"]) == (str(token.id), "token_elsewhere")
        assert event.said["detail"]["address"] == "127.0.0.1"
        assert "127.0.0.1" not in event.body
    end_token(token.id, actor=stage.cast.actor(Role.OPERATOR), now=clock.now())
    for now, told in ((clock.now(), 2), (clock.now(), 2), (clock.now() + timedelta(hours=2), 3)):
        assert admit(text, address="198.51.100.7", now=now) == "token_over"
        with tenant_scope(stage.cast.tenant.id):
            assert Event.objects.filter(kind="token.refused").count() == told
    for number in range(25):
        admit(text, address=f"198.51.100.{number}", now=clock.now())
    with tenant_scope(stage.cast.tenant.id):
        assert Event.objects.filter(kind="token.refused").count() < 25


def test_nobody_puts_into_a_token_what_he_does_not_hold(stage: Stage) -> None:
    actor, now = stage.cast.actor(Role.VIEWER), clock.now()
    for wanted in (["power.enter"], ["token.make"], []):
        with pytest.raises(Refused, match="token_too_strong"):
            enter_token("CI", wanted, [], now + timedelta(days=1), actor=actor, now=now, reason="x")


def test_a_token_does_what_it_was_made_for_and_nothing_else(stage: Stage) -> None:
    row = stage.resource()
    reader = bearer(make_token(stage.cast, Role.OPERATOR, ["resource.view"]))
    assert reader.get(stage.api("resources/")).status_code == 200
    assert code(enter(stage, reader, row.id)) == "not_permitted"
    blind = bearer(make_token(stage.cast, Role.OPERATOR, ["operation.view"]))
    assert code(blind.get(stage.api("resources/"))) == "not_permitted"
    writer = bearer(make_token(stage.cast, Role.OPERATOR, ["resource.view", "operation.view", "power.enter"]))
    entered = enter(stage, writer, row.id)
    assert entered.status_code == 201
    assert entered.json()["entered_by"]["name"] == "operator"
    with tenant_scope(stage.cast.tenant.id):
        event = Event.objects.get(operation_id=entered.json()["id"])
        assert json.loads(event.body)["session"].startswith("token-")


def test_a_token_that_may_look_changes_nothing_of_its_own_person_either(stage: Stage) -> None:
    waiting = stage.entered()
    with tenant_scope(stage.cast.tenant.id):
        text = make_token(stage.cast, Role.OPERATOR, ["resource.view", "operation.view"])
        (token,) = ApiToken.objects.all()
    reader = bearer(text)
    choice = {"inbox": [], "language": "ja"}
    asked = [
        reader.post(stage.api(f"operations/{waiting.id}/withdraw/"), "{}", content_type="application/json"),
        reader.delete(stage.api(f"tokens/{token.id}/")),
        reader.put(stage.api("inbox/choice/"), json.dumps(choice), content_type="application/json"),
    ]
    assert [(one.status_code, code(one)) for one in asked] == [(403, "not_permitted")] * 3
    own = bearer(make_token(stage.cast, Role.OPERATOR, ["operation.view", "own.change"]))
    gone = own.post(stage.api(f"operations/{waiting.id}/withdraw/"), "{}", content_type="application/json")
    assert gone.json()["state"] == "WITHDRAWN"


def test_a_token_never_carries_more_than_its_person_holds_now(stage: Stage) -> None:
    program, person = bearer(make_token(stage.cast, Role.OPERATOR)), stage.cast.people[Role.OPERATOR]
    assert "power.enter" in program.get(stage.api()).json()["permissions"]
    assert "token.make" not in program.get(stage.api()).json()["permissions"]
    revoke(stage.cast.tenant.id, person)
    from_now_on = program.get(stage.api())
    assert (from_now_on.status_code, code(from_now_on)) == (401, "token_over")


def test_a_disabled_persons_token_is_over_at_once(stage: Stage) -> None:
    program = bearer(make_token(stage.cast, Role.OPERATOR))
    assert program.get(stage.api()).status_code == 200
    change(stage.cast.people[Role.OPERATOR], is_active=False)
    assert code(program.get(stage.api())) == "token_over"


def test_a_token_expires(stage: Stage) -> None:
    long_ago = clock.now() - timedelta(days=3)
    program = bearer(make_token(stage.cast, Role.OPERATOR, now=long_ago))
    answer = program.get(stage.api())
    assert (answer.status_code, code(answer)) == (401, "token_over")
    assert answer["WWW-Authenticate"] == 'Bearer realm="toban", error="invalid_token"'


def test_a_token_is_bound_to_its_networks(stage: Stage) -> None:
    at_home = bearer(make_token(stage.cast, Role.OPERATOR, networks=["127.0.0.0/8"]))
    elsewhere = bearer(make_token(stage.cast, Role.OPERATOR, networks=["203.0.113.0/24"]))
    assert at_home.get(stage.api()).status_code == 200
    assert code(elsewhere.get(stage.api())) == "token_elsewhere"


def test_a_token_leads_into_its_own_tenant_only(stage: Stage) -> None:
    cast = stage.cast
    everywhere = make_cast()
    text = make_token(cast, Role.OPERATOR)
    program = bearer(text)
    assert [one["slug"] for one in program.get("/api/v1/tenants/").json()["results"]] == [stage.slug]
    foreign = program.get(f"/api/v1/tenants/{everywhere.tenant.slug}/resources/")
    assert (foreign.status_code, code(foreign)) == (404, "not_found")
    for wrong in (
        text[:-1] + ("A" if text[-1] != "A" else "B"),
        text.replace(cast.tenant.id.hex, everywhere.tenant.id.hex),
        f"toban_{'0' * 32}_{'A' * 43}",
        "toban_",
        "",
    ):
        answer = bearer(wrong).get(stage.api())
        assert (answer.status_code, code(answer)) == (401, "token_unknown")


def test_a_token_opens_no_page_and_no_session_comes_with_it(stage: Stage) -> None:
    program = bearer(make_token(stage.cast, Role.OPERATOR))
    assert program.get(stage.url()).status_code == 302
    signed_in = stage.client(Role.ADMINISTRATOR)
    answer = signed_in.get(stage.api(), headers={"Authorization": "Bearer toban_wrong"})
    assert code(answer) == "token_unknown"
    assert signed_in.get(stage.api()).status_code == 200


def test_a_token_alone_confirms_nothing(stage: Stage) -> None:
    program, operation = bearer(make_token(stage.cast, Role.OPERATOR)), stage.entered()
    url = stage.api(f"operations/{operation.id}/confirm/")

    def confirm(**more: str) -> Any:
        body = json.dumps({"digest": operation.digest} | more)
        return program.post(url, body, content_type="application/json")

    alone = confirm()
    assert (alone.status_code, code(alone)) == (422, "token_is_no_proof")
    assert code(confirm(password="wrong")) == "wrong_password"
    assert confirm(password=PASSWORD).json()["state"] == "CONFIRMED"


def test_a_token_is_ended_by_its_person_or_by_who_may_end_sessions(stage: Stage) -> None:
    make_token(stage.cast, Role.OPERATOR)
    program = bearer(make_token(stage.cast, Role.OPERATOR))
    with tenant_scope(stage.cast.tenant.id):
        mine, other = ApiToken.objects.order_by("made_at")
    viewer = stage.client(Role.VIEWER)
    assert viewer.post(stage.url(f"tokens/{mine.id}/end/")).status_code == 404
    with pytest.raises(NotPermitted):
        end_token(mine.id, actor=stage.cast.actor(Role.VIEWER), now=clock.now())
    stage.client(Role.OPERATOR).post(stage.url(f"tokens/{mine.id}/end/"))
    administrator = stage.client(Role.ADMINISTRATOR)
    assert "CI" in administrator.get(stage.url("tokens/")).content.decode()
    assert program.get(stage.api()).status_code == 200
    assert administrator.delete(stage.api(f"tokens/{other.id}/")).status_code == 204
    assert code(program.get(stage.api())) == "token_over"
    with pytest.raises(AlreadyMoved):
        end_token(other.id, actor=stage.cast.actor(Role.OPERATOR), now=clock.now())
    with tenant_scope(stage.cast.tenant.id):
        ended = [one.actor_name for one in Event.objects.filter(kind="token.ended")]
        assert sorted(ended) == ["administrator", "operator"]


def test_every_right_but_one_may_be_in_a_token(stage: Stage) -> None:
    told = bearer(make_token(stage.cast, Role.ADMINISTRATOR)).get(stage.api()).json()["permissions"]
    assert set(told) == set(stage.cast.actor(Role.ADMINISTRATOR).permissions) - {Permission.TOKEN_MAKE}
