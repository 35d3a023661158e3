"""Every address of the API x every way in which a token lets nobody in, or too little: taken from the URL resolver."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from medical_audit import clock
from tests import factories
from tests.answers import assert_safe, said
from tests.asking import IN_TENANT, Asking
from tests.expected import METHODS
from tests.routes import converters
from tests.stage import Stage, make_stage
from tests.tokens import bearer, make_token

NAMES = [name for name in IN_TENANT if name.startswith("api:")]
#: What a token that may do nothing of all this is still told.
OPEN = {"api:me", "api:tokens"}


@pytest.fixture(scope="module")
def stage(django_db_setup: None) -> Stage:
    return make_stage(factories.make_cast())


@pytest.fixture(scope="module")
def elsewhere(stage: Stage) -> Stage:
    """The stranger's tenant."""
    cast = stage.cast
    return make_stage(
        factories.Cast(cast.other_tenant, dict.fromkeys(Role, cast.stranger), cast.stranger, cast.tenant)
    )


@pytest.fixture(scope="module")
def wide(stage: Stage) -> str:
    """A token that may do whatever an administrator may."""
    return make_token(stage.cast, Role.ADMINISTRATOR)


@pytest.fixture(scope="module")
def narrow(stage: Stage) -> str:
    """A token that may do nothing of what is asked here."""
    return make_token(stage.cast, Role.ADMINISTRATOR, ["emergency.open"])


def _expired(stage: Stage) -> str:
    return make_token(stage.cast, Role.ADMINISTRATOR, now=clock.now() - timedelta(days=3))


def _disabled(stage: Stage) -> str:
    cast = factories.make_cast()
    text = make_token(cast, Role.ADMINISTRATOR)
    factories.change(cast.people[Role.ADMINISTRATOR], is_active=False)
    return text


def _no_member(stage: Stage) -> str:
    cast = factories.make_cast()
    text = make_token(cast, Role.ADMINISTRATOR)
    factories.revoke(cast.tenant.id, cast.people[Role.ADMINISTRATOR])
    return text


def _elsewhere(stage: Stage) -> str:
    return make_token(stage.cast, Role.ADMINISTRATOR, networks=["203.0.113.0/24"])


@pytest.mark.parametrize("made", [_expired, _disabled, _no_member, _elsewhere])
def test_a_token_that_lets_nobody_in(stage: Stage, made: Callable[[Stage], str]) -> None:
    program = bearer(made(stage))
    for name in ["api:tenants", *NAMES]:
        asking = Asking(stage, name)
        for method in METHODS:
            answer = asking.ask(program, method, asking.url(pk=uuid.uuid4()), {})
            assert answer.status_code == 401, (name, method)
            assert_safe(answer)


@pytest.mark.parametrize("name", NAMES)
def test_a_token_without_the_right(stage: Stage, name: str, narrow: str) -> None:
    asking, program = Asking(stage, name), bearer(narrow)
    url = asking.url()
    for method in METHODS:
        answer = asking.ask(program, method, url)
        if name in OPEN and method == "GET":
            assert answer.status_code == 200
        else:
            assert answer.status_code in (403, 404, 405), (name, method)
        assert_safe(answer)


@pytest.mark.parametrize("name", NAMES)
def test_another_tenant_does_not_exist_for_a_token(stage: Stage, name: str, wide: str) -> None:
    asking, program, pk = Asking(stage, name), bearer(wide), uuid.uuid4()
    for method in METHODS:
        answers = [
            asking.ask(program, method, asking.url(slug=slug, pk=pk), {})
            for slug in (stage.cast.other_tenant.slug, "no-such-tenant")
        ]
        assert [one.status_code for one in answers] == [404, 404], (name, method)
        assert said(answers[0]) == said(answers[1])


@pytest.mark.parametrize("name", [name for name in NAMES if "pk" in converters(name)])
def test_another_tenants_id_does_not_exist_for_a_token(
    stage: Stage, elsewhere: Stage, name: str, wide: str
) -> None:
    theirs = Asking(elsewhere, name).fresh()
    asking, program = Asking(stage, name), bearer(wide)
    for method in METHODS:
        answers = [
            asking.ask(program, method, asking.url(pk=pk), asking.body()) for pk in (theirs, uuid.uuid4())
        ]
        assert answers[0].status_code in (404, 405), (name, method)
        assert said(answers[0]) == said(answers[1])
