"""The door: who comes in, where he lands, and what the ledger says of it."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from medical_audit.models import Event
from medical_audit.tenancy import tenant_scope
from tests.accounts.test_second_factor import require_from
from tests.factories import PASSWORD, Cast, change, past_every_guard, revoke
from tests.stage import Stage, signed_in


def test_somebody_of_one_tenant_lands_on_its_today(cast: Cast) -> None:
    client = Client()
    answer = client.post(
        "/sign-in/", {"username": cast.people[Role.VIEWER].username, "password": PASSWORD}, follow=True
    )
    assert answer.redirect_chain[-1][0] == f"/t/{cast.tenant.slug}/"
    assert answer.status_code == 200
    assert cast.tenant.name in answer.content.decode()


def test_the_user_name_may_be_typed_in_any_case(cast: Cast) -> None:
    answer = Client().post(
        "/sign-in/", {"username": cast.people[Role.VIEWER].username.upper(), "password": PASSWORD}
    )
    assert answer.status_code == 302


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(cast: Cast) -> None:
    name = cast.people[Role.VIEWER].username
    answers = [
        Client().post("/sign-in/", {"username": name, "password": "wrong"}),
        Client().post("/sign-in/", {"username": f"no-{name}"[: len(name)], "password": "wrong"}),
    ]
    texts = {
        answer.content.decode().partition('role="alert"')[2].partition("</div>")[0] for answer in answers
    }
    assert [answer.status_code for answer in answers] == [422, 422]
    assert len(texts) == 1
    assert "利用者名またはパスワードが正しくありません。" in texts.pop()


def test_somebody_disabled_does_not_come_in_and_an_open_session_ends(cast: Cast) -> None:
    user = cast.people[Role.VIEWER]
    client = signed_in(user)
    change(user, is_active=False)
    assert client.get(f"/t/{cast.tenant.slug}/").status_code == 302
    assert Client().post("/sign-in/", {"username": user.username, "password": PASSWORD}).status_code == 422


@pytest.mark.parametrize(
    "evil",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:///evil"],
)
def test_next_never_leads_to_another_host(cast: Cast, evil: str) -> None:
    user = cast.people[Role.VIEWER]
    answer = Client().post("/sign-in/", {"username": user.username, "password": PASSWORD, "next": evil})
    assert answer["Location"] == "/"


def test_the_page_that_was_asked_for_comes_after_signing_in(cast: Cast) -> None:
    client, wanted = Client(), f"/t/{cast.tenant.slug}/operations/?state=ENTERED"
    door = client.get(wanted)
    assert client.get(door["Location"]).context["next"] == wanted
    answer = client.post(
        door["Location"],
        {"username": cast.people[Role.VIEWER].username, "password": PASSWORD, "next": wanted},
    )
    assert answer["Location"] == wanted


def test_a_page_that_polls_after_the_session_ended_moves_to_the_door_as_a_whole(cast: Cast) -> None:
    here = f"http://testserver/t/{cast.tenant.slug}/resources/"
    answer = Client().get(f"{here}?part=live", headers={"HX-Request": "true", "HX-Current-URL": here})
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer["HX-Redirect"] == f"/sign-in/?next=/t/{cast.tenant.slug}/resources/"


def test_signing_out_ends_the_session_and_says_so(cast: Cast) -> None:
    client = signed_in(cast.people[Role.VIEWER])
    assert "サインアウト" in client.post("/sign-out/", follow=True).content.decode()
    assert client.get(f"/t/{cast.tenant.slug}/").status_code == 302


def test_tenants_lists_only_ones_own_with_what_waits_there(stage: Stage) -> None:
    stage.entered()
    page = stage.client(Role.APPROVER).get("/tenants/")
    assert [row["tenant"].id for row in page.context["tenants"]] == [stage.cast.tenant.id]
    assert page.context["tenants"][0]["waiting"] == 1
    assert stage.cast.other_tenant.name not in page.content.decode()


def test_of_a_tenant_that_keeps_this_session_out_the_list_tells_nothing(stage: Stage) -> None:
    """It asks for a second factor that was not shown; its identity provider is required; the account lies in an envelope."""
    stage.entered()
    cast, client = stage.cast, stage.client(Role.APPROVER)

    def waiting() -> int | None:
        (row,) = client.get("/tenants/").context["tenants"]
        return row["waiting"] or None

    assert waiting() == 1
    require_from(cast, "2026-11-01")
    assert waiting() is None
    past_every_guard("DELETE FROM medical_audit_tenantpolicy WHERE tenant_id = %s", [cast.tenant.id])
    assert waiting() == 1
    past_every_guard(
        "INSERT INTO accounts_signonprovider (tenant_id, id, name, issuer, client_id, sealed, claim, domains, endpoints, mode, local_people, "
        "operation, changed_at) VALUES (%s, %s, 'x', 'https://x', 'x', 'x', 'email', '[]', '{}', 'required', '[]', 'o', now())",
        [cast.tenant.id, uuid.uuid4()],
    )
    assert waiting() is None


def test_a_membership_taken_away_closes_the_tenant_at_once(cast: Cast) -> None:
    client = signed_in(cast.people[Role.VIEWER])
    assert client.get(f"/t/{cast.tenant.slug}/").status_code == 200
    revoke(cast.tenant.id, cast.people[Role.VIEWER])
    assert client.get(f"/t/{cast.tenant.slug}/").status_code == 404


def test_pages_of_a_tenant_are_never_kept_by_the_browser(stage: Stage) -> None:
    assert "no-store" in stage.client(Role.VIEWER).get(stage.url())["Cache-Control"]


def test_the_ledger_names_the_session_without_giving_its_key_away(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    client.get(stage.url("ledger/"))
    with tenant_scope(stage.cast.tenant.id):
        body = Event.objects.get(kind="ledger.viewed").body
    assert client.session.session_key not in body
    assert '"session":"' in body


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(cast: Cast) -> None:
    client = Client()
    client.get("/sign-in/")
    client.post("/sign-in/", {"username": cast.people[Role.VIEWER].username, "password": PASSWORD})
    assert {(name, one["httponly"], one["samesite"]) for name, one in client.cookies.items()} == {
        ("sessionid", True, "Lax"),
        ("csrftoken", True, "Lax"),
        ("toban_browser", True, "Lax"),
    }


def test_signing_in_gives_the_session_a_new_key(cast: Cast) -> None:
    client = signed_in(cast.people[Role.VIEWER])
    before = client.session.session_key
    client.post("/sign-out/")
    client.post("/sign-in/", {"username": cast.people[Role.VIEWER].username, "password": PASSWORD})
    assert client.session.session_key != before


def test_whoever_is_refused_stands_in_the_ledger(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    for url in (stage.url("ledger/"), stage.api("events/"), stage.url("admin/accounts/membership/")):
        assert client.get(url).status_code == 403
    with tenant_scope(stage.cast.tenant.id):
        told = [one.body for one in Event.objects.filter(kind="access.denied").order_by("event_at", "ord")]
    assert len(told) == 3
    assert all('"right":"ledger.view"' in one and '"not_permitted"' in one for one in told)
