"""The second factor: taken in, asked for at the door and at each confirmation, and what happens without it."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.domain.permissions import Role
from accounts.models import ApiToken, RecoveryCode, SecondFactor, User
from accounts.operations import second_factor, signing
from accounts.queries.people import person_without_tenant
from medical_audit import clock
from medical_audit.domain.actor import Actor, Reauthentication
from medical_audit.domain.errors import Refused
from medical_audit.models import Event, Operation, Session, TenantPolicy
from medical_audit.operations import entry
from medical_audit.operations.policies import enter_policy
from medical_audit.queries.policies import Policy
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import AsRole
from tests.factories import PASSWORD, Cast, grant, make_cast, past_every_guard, proof, told
from tests.stage import Stage, make_stage
from tests.tokens import bearer, make_token


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def person(user: User) -> Actor:
    return person_without_tenant(user, user.name, session="", address="192.0.2.7", request="r")


def enrolled(user: User, at: datetime | None = None) -> tuple[str, list[str]]:
    """An app's secret and the codes on paper of somebody who took it in a minute ago."""
    secret, now = second_factor.new_secret(), (at or clock.now()) - timedelta(minutes=1)
    codes = second_factor.enrol(
        user, secret, code_at(secret, now), actor=person(user), now=now, proof=proven(user, now)
    )
    return secret, codes


def test_resealing_moves_apps_to_the_new_key_as_well(cast: Cast, settings: Any, as_role: AsRole) -> None:
    """The old key can be taken away afterwards: the app still opens the door."""
    user, new = cast.people[Role.OPERATOR], {"new": b"2" * 32}
    secret, _ = enrolled(user)
    settings.SECRETS_KEYS = new | settings.SECRETS_KEYS
    with as_role("worker"), contextlib.suppress(CommandError):  # other tests' secrets may be spoiled
        call_command("reseal")
    settings.SECRETS_KEYS = new
    now = clock.now()
    assert second_factor.prove(user, code_at(secret, now), actor=person(user), now=now) == "otp"


def proven(user: User, now: datetime, factor: str = "") -> Reauthentication:
    """What the right password gives, and with it the right code."""
    return Reauthentication(str(user.id), f"password+{factor}" if factor else "password", now)


def code_at(secret: str, now: datetime | None = None) -> str:
    return pyotp.TOTP(secret).at(now or clock.now())


def door(user: User) -> Client:
    client = Client()
    client.post("/sign-in/", {"username": user.username, "password": PASSWORD})
    return client


def test_an_app_is_taken_in_on_the_page_and_asked_for_at_the_door(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    client = door(user)
    page = client.get("/second-factor/").content.decode()
    found = re.search(r"<code>([A-Z2-7 ]{30,})</code>", page)
    assert found
    secret = found[1].replace(" ", "")
    wrong = client.post("/second-factor/", {"then": "app", "password": PASSWORD, "code": "000000"})
    assert wrong.status_code == 422
    done = client.post("/second-factor/", {"then": "app", "password": PASSWORD, "code": code_at(secret)})
    assert (
        len(set(re.findall(r"<code>([a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4})</code>", done.content.decode())))
        == 10
    )
    with platform_scope(user_id=user.id):
        assert secret not in SecondFactor.objects.get(user_id=user.id).sealed
    assert told("user.second_factor_set", str(user.id)) == 1
    again = door(user)
    assert again.get(f"/t/{cast.tenant.slug}/").status_code == 302
    assert again.post("/sign-in/code/", {"code": "000000"}).status_code == 422
    later = clock.now() + timedelta(seconds=second_factor.STEP_S)
    assert again.post("/sign-in/code/", {"code": code_at(secret, later)}).status_code == 302
    assert again.get(f"/t/{cast.tenant.slug}/").status_code == 200
    with platform_scope(user_id=user.id):
        assert Session.objects.filter(user_id=user.id).latest("started_at").factors == ["pwd", "otp"]


def test_a_code_works_once_and_only_near_its_time(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    secret, _codes = enrolled(user, now)

    def prove(code: str, at: datetime = now) -> str:
        return second_factor.prove(user, code, actor=person(user), now=at)

    assert prove(code_at(secret, now - timedelta(minutes=2))) == ""
    assert prove(code_at(secret, now + timedelta(minutes=2))) == ""
    code = code_at(secret, now)
    assert prove(code) == "otp"
    assert prove(code) == ""
    assert prove(code_at(secret, now - timedelta(seconds=30))) == ""
    assert prove("") == ""
    assert prove("１２３４５６") == ""


def test_a_code_from_paper_works_once_however_it_is_typed(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    _secret, codes = enrolled(user)
    assert (
        second_factor.prove(user, codes[0].upper().replace("-", " "), actor=person(user), now=now)
        == "recovery"
    )
    assert second_factor.prove(user, codes[0], actor=person(user), now=now) == ""
    assert second_factor.codes_left(user.id) == 9
    fresh = second_factor.renew_codes(user, actor=person(user), now=now, proof=proven(user, now, "otp"))
    assert second_factor.prove(user, codes[1], actor=person(user), now=now) == ""
    assert second_factor.prove(user, fresh[0], actor=person(user), now=now) == "recovery"


def test_nobody_uses_anothers_codes(cast: Cast) -> None:
    user, other = cast.people[Role.OPERATOR], cast.people[Role.APPROVER]
    secret, codes = enrolled(user)
    enrolled(other)
    for code in (code_at(secret), codes[0]):
        assert second_factor.prove(other, code, actor=person(other), now=clock.now()) == ""
    with platform_scope(user_id=other.id):
        assert not RecoveryCode.objects.filter(user_id=user.id).exists()


def test_taking_it_in_ends_the_sessions_that_a_password_alone_began(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    elsewhere = door(user)
    assert elsewhere.get(f"/t/{cast.tenant.slug}/").status_code == 200
    enrolled(user)
    assert elsewhere.get(f"/t/{cast.tenant.slug}/").status_code == 302


def test_twice_is_refused_and_so_is_taking_away_what_is_not_there(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    with pytest.raises(Refused, match="not_enrolled"):
        second_factor.remove(user, PASSWORD, actor=person(user), now=now, proof=proven(user, now))
    secret, _codes = enrolled(user)
    both = proven(user, now, "otp")
    with pytest.raises(Refused, match="already_enrolled"):
        second_factor.enrol(user, secret, code_at(secret, now), actor=person(user), now=now, proof=both)
    second_factor.remove(user, PASSWORD, actor=person(user), now=now, proof=both)
    assert not second_factor.is_enrolled(user.id)
    assert door(user).get(f"/t/{cast.tenant.slug}/").status_code == 200


def test_guessing_codes_waits_like_guessing_passwords(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    enrolled(user)
    client = door(user)
    assert [client.post("/sign-in/code/", {"code": "000000"}).status_code for _try in range(6)] == [
        422
    ] * 5 + [429]
    # The password alone does not forgive: else one could go on guessing for ever.
    assert Client().post("/sign-in/", {"username": user.username, "password": PASSWORD}).status_code == 429


def test_confirming_asks_for_the_code_too(stage: Stage) -> None:
    user, operation = stage.cast.people[Role.OPERATOR], stage.entered()
    program = bearer(make_token(stage.cast, Role.OPERATOR))
    secret, _codes = enrolled(user)
    url = stage.api(f"operations/{operation.id}/confirm/")

    def confirm(code: str) -> Any:
        body = {"digest": operation.digest, "password": PASSWORD, "code": code}
        return program.post(url, body, content_type="application/json").json()

    assert confirm("")["code"] == "wrong_code"
    assert confirm("000000")["code"] == "wrong_code"
    assert confirm(code_at(secret))["state"] == "CONFIRMED"
    with tenant_scope(stage.cast.tenant.id):
        operation.refresh_from_db()
        assert operation.reauthentication == "password+otp"


def require_from(cast: Cast, day: str) -> None:
    """The tenant decides it, as everything: entered by one person and confirmed by another."""
    now, enterer, confirmer = clock.now(), cast.actor(Role.ADMINISTRATOR), cast.actor(Role.APPROVER)
    operation = enter_policy(
        replace(Policy(), second_factor_from=day), actor=enterer, now=now, reason="情報部門の決定"
    )
    entry.confirm(
        operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
    )


def test_from_the_tenants_day_on_nobody_works_with_a_password_alone(stage: Stage) -> None:
    cast = stage.cast
    client, program = door(cast.people[Role.OPERATOR]), bearer(make_token(cast, Role.OPERATOR, factor=""))
    strong = bearer(make_token(cast, Role.OPERATOR))
    require_from(cast, f"{clock.now().date() + timedelta(days=2)}")
    assert client.get(stage.url()).status_code == 200
    assert program.get(stage.api()).status_code == 200
    with tenant_scope(cast.tenant.id):
        assert TenantPolicy.objects.get().second_factor_from is not None
    require_from(cast, "2026-11-01")
    page = client.get(stage.url())
    assert (page.status_code, page["Location"]) == (302, "/second-factor/?required=yes")
    for caller in (client, program, strong):
        answer = caller.get(stage.api("resources/"))
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_missing")
    with tenant_scope(cast.tenant.id):
        assert Event.objects.filter(kind="access.denied").count() == 4
        # As it is where the person has had a factor and taken it away since.
        weak = ApiToken.objects.get(ended_at__isnull=True, operation__in=_alone(cast))
    enrolled(cast.people[Role.OPERATOR])
    assert strong.get(stage.api("resources/")).status_code == 200
    assert program.get(stage.api("resources/")).json()["code"] == "token_over"
    past_every_guard("UPDATE accounts_apitoken SET ended_at = NULL WHERE id = %s", [weak.id])
    answer = program.get(stage.api("resources/"))
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_missing")


def _alone(cast: Cast) -> list[str]:
    rows = Operation.objects.filter(kind="token.make", reauthentication="password")
    return [str(one) for one in rows.values_list("id", flat=True)]


def test_the_first_factor_and_a_new_password_end_the_tokens_that_a_password_alone_made(stage: Stage) -> None:
    cast, user, now = stage.cast, stage.cast.people[Role.OPERATOR], clock.now()
    other = make_cast()
    grant(other.tenant.id, user, Role.OPERATOR)
    house = replace(other, people={**other.people, Role.OPERATOR: user})
    weak = [bearer(make_token(one, Role.OPERATOR, factor="")) for one in (cast, house)]
    strong, api = bearer(make_token(cast, Role.OPERATOR)), stage.api("resources/")
    there = f"/api/v1/tenants/{other.tenant.slug}/resources/"
    assert [one.get(url).status_code for one, url in zip(weak, (api, there), strict=True)] == [200, 200]
    signing.change_password(
        user, "und-ganz-anders-81", PASSWORD, actor=person(user), now=now, proof=proven(user, now)
    )
    assert [one.get(url).status_code for one, url in zip(weak, (api, there), strict=True)] == [401, 401]
    assert strong.get(api).status_code == 200
    program = bearer(make_token(cast, Role.OPERATOR, factor=""))
    assert program.get(api).status_code == 200
    enrolled(user)
    assert program.get(api).json()["code"] == "token_over"
    assert strong.get(api).status_code == 200
    for one, number in ((cast, 2), (other, 1)):
        with tenant_scope(one.tenant.id):
            assert Event.objects.filter(kind="token.ended").count() == number


def test_a_tenant_may_ask_for_it_earlier_but_not_later(cast: Cast) -> None:
    with pytest.raises(Refused, match="bad_parameter"):
        require_from(cast, "2027-04-02")


def test_who_has_a_short_password_keeps_the_second_factor(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    enrolled(user)
    both, short, long = proven(user, now, "otp"), "kz-4711-wolke"[:9], "und-ganz-anders-81"
    for password in (short, long):
        signing.change_password(user, password, PASSWORD, actor=person(user), now=now, proof=both)
        if password == short:
            with pytest.raises(Refused, match="password_too_short_alone"):
                second_factor.remove(user, password, actor=person(user), now=now, proof=both)
            assert second_factor.is_enrolled(user.id)
    second_factor.remove(user, long, actor=person(user), now=now, proof=both)
    assert not second_factor.is_enrolled(user.id)
