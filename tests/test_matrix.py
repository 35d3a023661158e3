"""Every address × role × tenant × method, taken from the URL resolver: an address that is not in the table fails.

Another tenant's slug and another tenant's ids are answered exactly as ones that do not exist. Every unsafe method needs
its CSRF token, every answer carries the security headers, and no HTML carries inline script or style.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from medical_audit.queries.reports import REPORTS
from tests import factories
from tests.answers import assert_safe, said
from tests.asking import ENTERING, IN_TENANT, NAMES, ROUTES, Asking
from tests.expected import (
    ACCOUNTS,
    API,
    METHODS,
    NOT_HERE,
    OPERATING,
    PAGES,
    PLANNING,
    READING,
    REPORT,
    UNSAFE,
    UNSEEN,
    VOLUMES,
    A,
    Expected,
    O,
    P,
    U,
    V,
    everyone,
    get,
    only,
    post,
)
from tests.routes import converters
from tests.stage import Stage, make_stage, signed_in

#: What is sent: an entry without its reason (422), a confirmation without its password (422), an empty reason (422).
EXPECTED: dict[str, Expected] = {
    **dict.fromkeys(("healthz", "readyz", "metrics"), get(everyone(200), anonymous={"GET": 200})),
    # Django's own view sends other methods back as well, and changes nothing then.
    "set_language": Expected({method: everyone(302) for method in METHODS}, dict.fromkeys(METHODS, 302)),
    "accounts:home": get(everyone(302), anonymous={"GET": 302}),
    "accounts:sign-in": Expected({"GET": everyone(302), "POST": everyone(422)}, {"GET": 200, "POST": 422}),
    "accounts:sign-out": post(everyone(302), anonymous={"POST": 302}),
    "accounts:lock": post(everyone(302), anonymous={"POST": 302}),
    "accounts:seat": get(everyone(204), anonymous={"GET": 401}),
    "accounts:second-step": Expected(
        {"GET": everyone(302), "POST": everyone(302)}, {"GET": 302, "POST": 302}
    ),
    "accounts:second-factor": Expected(
        {"GET": everyone(200), "POST": everyone(422)}, {"GET": 302, "POST": 302}
    ),
    "accounts:passkey-question": post(everyone(409), anonymous={"POST": 401}),
    "accounts:sessions": get(everyone(200), anonymous={"GET": 302}),
    "accounts:session-end": post(everyone(404), anonymous={"POST": 302}),
    "accounts:signed-out": get(everyone(200), anonymous={"GET": 200}),
    "accounts:tenants": get(everyone(200), anonymous={"GET": 302}),
    **{
        f"infra:{name}": get(everyone(200))
        for name in ("today", "resources", "resource", "volume", "volumes", "schedules", "schedule")
    },
    **VOLUMES,
    **ACCOUNTS,
    "infra:operation-enter": Expected({"GET": only(OPERATING, 200), "POST": only(OPERATING, 422)}),
    "infra:schedule-new": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:schedule-edit": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:schedule-publish": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:schedule-compare": get(everyone(404)),  # there is one revision only
    "infra:schedule-forecast": get(everyone(200)),
    "infra:schedule-archive": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:prices": Expected({"GET": everyone(200), "POST": only((A,), 422)}),
    "infra:price-table": get(everyone(200)),
    "infra:assign": Expected({"GET": only(PLANNING, 422), "POST": only(PLANNING, 422)}),
    "infra:calendar": get(everyone(200)),
    "infra:calendar-change": post(only(PLANNING, 422)),
    "infra:calendar-lists": post(only(PLANNING, 302)),
    "infra:calendar-adopt": post(everyone(404)),
    "infra:calendar-turn-down": post(everyone(404)),
    "infra:calendar-feeds": post(only(PLANNING, 422)),
    "infra:calendar-fetch": post(only(PLANNING, 404)),
    "infra:planning": Expected({"GET": everyone(200), "POST": only(PLANNING, 422)}),
    "infra:planning-export": get(everyone(200)),
    "infra:planning-schema": get(everyone(200)),
    "infra:overrides": get(everyone(200)),
    "infra:override-enter": Expected({"GET": only(OPERATING, 200), "POST": only(OPERATING, 422)}),
    "infra:rules-change": post(only(PLANNING, 422)),
    "infra:override-end": post(only(OPERATING, 404)),
    "inbox:list": get(everyone(200)),
    "inbox:read": post(everyone(302)),
    "inbox:settings": Expected({"GET": everyone(200), "POST": everyone(302)}),
    "medical_audit:operations": get(everyone(200)),
    "medical_audit:operation": get(everyone(200)),
    "medical_audit:operation-confirm": post(only(OPERATING, 422)),
    "medical_audit:operation-reject": post(only((P, A), 422)),
    "medical_audit:operation-withdraw": post(only((O,), 302)),
    "medical_audit:operation-cancel": post(only(OPERATING, 422)),
    "redmine_sync:tickets": get(everyone(200)),
    "redmine_sync:left-over-tickets": post(only(PLANNING, 422)),
    "redmine_sync:entry-decide": post(only(OPERATING, 404)),
    "redmine_sync:ticket-decide": post(only(OPERATING, 404)),
    "redmine_sync:redmine": get(everyone(200)),
    "redmine_sync:redmine-draft": post(only((A,), 422)),
    "redmine_sync:redmine-look": post(only((A,), 404)),
    "redmine_sync:redmine-connect": post(only((A,), 422)),
    "redmine_sync:redmine-leave": post(only((A,), 404)),
    "redmine_sync:redmine-hook": post(only((A,), 404)),
    "redmine_sync:ticket-rule": post(only((A,), 422)),
    "redmine_sync:ticket-rule-end": post(only((A,), 404)),
    "redmine_sync:repositories": get(everyone(200)),
    "redmine_sync:repository-new": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "redmine_sync:repository": get(everyone(200)),
    "redmine_sync:repository-fetch": post(only(OPERATING, 302)),
    "redmine_sync:repository-do": post(only((A,), 404)),
    "redmine_sync:repository-enter": post(only((A,), 422)),
    # GitHub's side: open to everybody, believed by its signature; an unknown project and a bad signature are the same.
    "hooks:githook": Expected({"GET": everyone(200), "POST": everyone(404)}, {"GET": 200, "POST": 404}),
    "hooks:redminehook": Expected({"GET": everyone(200), "POST": everyone(404)}, {"GET": 200, "POST": 404}),
    "hooks:github_hook": Expected({"GET": everyone(200), "POST": everyone(404)}, {"GET": 200, "POST": 404}),
    "medical_audit:emergencies": Expected({"GET": everyone(200), "POST": only((V, O), 422)}),
    "medical_audit:anomaly-rules": Expected({"GET": everyone(200), "POST": only((A,), 422)}),
    "medical_audit:review-begin": post(only((A, U), 422)),
    **{f"medical_audit:{name}": REPORT for name in ("exports", *(f"report-{one}" for one in REPORTS))},
    **{f"medical_audit:{name}": get(everyone(404)) for name in UNSEEN},
    **{f"medical_audit:{name}": post(everyone(404)) for name in NOT_HERE},
    **{f"medical_audit:{name}": get(only((A, U), 200)) for name in READING},
    "medical_audit:search-save": post(only((A, U), 422)),
    "medical_audit:policy-confirm": post(only((A,), 422)),
    "medical_audit:operation-correct": post(only(OPERATING, 422)),
    "medical_audit:queue": get(everyone(200)),
    "medical_audit:own-history": get(everyone(200)),
    "medical_audit:delegations": Expected({"GET": everyone(200), "POST": only(OPERATING, 422)}),
    "medical_audit:deputies": post(only(OPERATING, 422)),
    "medical_audit:policies": Expected({"GET": everyone(200), "POST": only((A,), 422)}),
    "people:readable": Expected({"GET": only((A, U), 200), "POST": only((A,), 404)}),
    "medical_audit:retention": Expected({"GET": only((A, U), 200), "POST": only((A,), 422)}),
    "medical_audit:retention-purge": post(only((A,), 422)),
    "medical_audit:retention-purge-end": post(only((A,), 422)),
    "medical_audit:verify": post(only((A, U), 302)),
    **API,
    **PAGES,
    "people:members": Expected({"GET": everyone(200), "POST": only((A,), 422)}),
    "people:member-change": Expected({"GET": everyone(404), "POST": everyone(404)}),
    "accounts:password": Expected({"GET": everyone(200), "POST": everyone(422)}, {"GET": 302, "POST": 302}),
    "accounts:invitation": Expected({"GET": everyone(404), "POST": everyone(404)}, {"GET": 404, "POST": 404}),
    "people:tokens": Expected({"GET": everyone(200), "POST": everyone(422)}),
    "people:token-end": post(everyone(404)),
}


@pytest.fixture(scope="module")
def stage(django_db_setup: None) -> Stage:
    return make_stage(factories.make_cast())


@pytest.fixture(scope="module")
def seats(stage: Stage) -> dict[Role, Client]:
    """A browser of each role, signed in once for all addresses but those that end a session."""
    return {role: stage.client(role) for role in Role}


@pytest.fixture(scope="module")
def no_such_tenant(stage: Stage, seats: dict[Role, Client]) -> Callable[[str, Role, str], str]:
    """What each role is told of a slug that does not exist: the same at every address of an app, so it is asked once."""
    told: dict[tuple[str, Role, str], str] = {}

    def ask(name: str, role: Role, method: str) -> str:
        key = (name.partition(":")[0], role, method)
        if key not in told:
            asking = Asking(stage, name)
            told[key] = said(
                asking.ask(seats[role], method, asking.url(slug="no-such-tenant", pk=uuid.uuid4()), {})
            )
        return told[key]

    return ask


def test_every_address_is_in_the_table_and_the_table_holds_nothing_else() -> None:
    assert set(EXPECTED) == NAMES


@pytest.mark.parametrize("name", ROUTES)
def test_own_tenant(stage: Stage, seats: dict[Role, Client], name: str) -> None:
    asking, expected = Asking(stage, name), EXPECTED[name]
    for role in Role:
        client = seats[role]
        for method in METHODS:
            if name in ("accounts:sign-out", "accounts:lock"):
                client = stage.client(role)
            taken = method in expected.by_method
            answer = asking.ask(
                client, method, asking.url(pk=None if taken else uuid.uuid4()), None if taken else {}
            )
            status = expected.by_method[method][role] if taken else 405
            assert answer.status_code == status, (name, role, method)
            assert_safe(answer)


@pytest.mark.parametrize("name", ROUTES)
def test_anonymous(stage: Stage, name: str) -> None:
    asking, expected = Asking(stage, name), EXPECTED[name]
    for method in METHODS:
        answer = asking.ask(Client(), method, asking.url(pk=uuid.uuid4()), {})
        assert_safe(answer)
        if name.startswith("api:"):
            assert answer.status_code == 401, (name, method)
            assert answer["WWW-Authenticate"] == 'Bearer realm="toban"'
        elif name in IN_TENANT:
            assert answer.status_code == 302, (name, method)
            assert urlsplit(answer["Location"]).path == "/sign-in/"
        else:
            assert answer.status_code == expected.anonymous.get(method, 405), (name, method)


def _disabled() -> tuple[Stage, Client]:
    """Nobody's account any more: the session is over, too."""
    cast = factories.make_cast()
    stage, client = make_stage(cast), signed_in(cast.people[A])
    factories.change(cast.people[A], is_active=False)
    return stage, client


def _no_member() -> tuple[Stage, Client]:
    """His role was taken."""
    cast = factories.make_cast()
    stage, client = make_stage(cast), signed_in(cast.people[A])
    factories.revoke(cast.tenant.id, cast.people[A])
    return stage, client


def _terms_over() -> tuple[Stage, Client]:
    """He belongs, but his days are over."""
    cast = factories.make_cast()
    stage, client = make_stage(cast), signed_in(cast.people[A])
    factories.past_every_guard(
        "INSERT INTO accounts_memberterms (tenant_id, id, user_id, kind, ends_at, email, company, holder_id, holder_name, operation, "
        "changed_at) VALUES (%s, %s, %s, 'staff', now() - interval '1 hour', '', '', '', '', 'o', now())",
        [cast.tenant.id, uuid.uuid4(), cast.people[A].id],
    )
    return stage, client


@pytest.mark.parametrize(
    ("whose", "page", "call"), [(_disabled, 302, 401), (_no_member, 404, 404), (_terms_over, 404, 404)]
)
def test_who_does_not_belong_any_more(
    django_db_setup: None, whose: Callable[[], tuple[Stage, Client]], page: int, call: int
) -> None:
    stage, client = whose()
    for name in IN_TENANT:
        asking, pk = Asking(stage, name), uuid.uuid4()
        for method in EXPECTED[name].by_method:
            answer = asking.ask(client, method, asking.url(pk=pk), {})
            wanted = call if name.startswith("api:") else page
            assert answer.status_code == wanted, (name, method)
            if wanted == 302:
                assert urlsplit(answer["Location"]).path == "/sign-in/", (name, method)
            assert_safe(answer)


@pytest.mark.parametrize("name", IN_TENANT)
def test_another_tenants_slug_is_a_slug_that_does_not_exist(
    stage: Stage, seats: dict[Role, Client], name: str, no_such_tenant: Callable[[str, Role, str], str]
) -> None:
    asking, pk = Asking(stage, name), uuid.uuid4()
    for role in Role:
        for method in METHODS:
            foreign = asking.ask(
                seats[role], method, asking.url(slug=stage.cast.other_tenant.slug, pk=pk), {}
            )
            assert foreign.status_code == 404, (name, role, method)
            assert said(foreign) == no_such_tenant(name, role, method), (name, role, method)
            assert_safe(foreign)


@pytest.mark.parametrize("name", [name for name in IN_TENANT if name in ENTERING or "pk" in converters(name)])
def test_another_tenants_id_is_an_id_that_does_not_exist(
    stage: Stage, seats: dict[Role, Client], name: str, theirs: Theirs
) -> None:
    asking = Asking(stage, name)
    takes_id, enters = "pk" in converters(name), name in ENTERING
    # Of the very kind that this address takes: any other is unknown there with or without walls.
    foreign_id = theirs.resource if enters else Asking(theirs.stage, name).fresh()
    for role in Role:
        client = seats[role]
        for method in METHODS:
            answers = [
                asking.ask(client, method, asking.url(pk=one), asking.body(one) if enters else None)
                for one in (foreign_id, uuid.uuid4())
            ]
            expected = EXPECTED[name].by_method.get(method)
            if takes_id:
                assert answers[0].status_code == (404 if expected else 405), (name, role, method)
            elif expected:
                refused = expected[role] == 403 and name == "infra:operation-enter"
                listing = name == "api:operations" and method == "GET"
                assert answers[0].status_code == (200 if listing else 403 if refused else 404), (
                    name,
                    role,
                    method,
                )
            assert answers[0].status_code == answers[1].status_code
            if answers[0].status_code in (403, 404):
                assert said(answers[0]) == said(answers[1]), (name, role, method)


@pytest.mark.parametrize("name", ROUTES)
def test_no_unsafe_method_without_its_csrf_token(stage: Stage, name: str) -> None:
    if name.startswith("hooks:") or name == "accounts:sign-on-ended":
        return  # no browser sends these; what is sent is believed by its signature alone
    asking, client = Asking(stage, name), stage.client(A, csrf=True)
    for method in UNSAFE:
        answer = asking.ask(client, method, asking.url(pk=uuid.uuid4()), {})
        assert answer.status_code == 403, (name, method)
        assert_safe(answer)


def test_the_token_of_the_page_is_what_opens_the_door(stage: Stage) -> None:
    client = stage.client(O, csrf=True)
    page = client.get(stage.url()).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    asking = Asking(stage, "api:operations")
    assert asking.ask(client, "POST", asking.url(), body=None, **{"X-CSRFToken": token[1]}).status_code == 201


@dataclass(frozen=True)
class Theirs:
    stage: Stage
    resource: uuid.UUID
    operation: uuid.UUID


@pytest.fixture(scope="module")
def theirs(stage: Stage) -> Theirs:
    """Objects of the stranger's tenant."""
    cast = stage.cast
    other = factories.Cast(cast.other_tenant, dict.fromkeys(Role, cast.stranger), cast.stranger, cast.tenant)
    elsewhere = make_stage(other)
    return Theirs(elsewhere, elsewhere.resource().id, elsewhere.entered().id)


def test_the_stranger_reaches_his_own_things_at_those_ids(stage: Stage, theirs: Theirs) -> None:
    client = signed_in(stage.cast.stranger)
    slug = stage.cast.other_tenant.slug
    assert client.get(f"/t/{slug}/resources/{theirs.resource}/").status_code == 200
    assert client.get(f"/t/{slug}/operations/{theirs.operation}/").status_code == 200
