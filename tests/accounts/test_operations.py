"""Founding, signing in and out, and proving again who sits there: what each leaves in the ledger, and what it does not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import get_hasher, make_password
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from accounts.backends import PasswordBackend
from accounts.domain.permissions import Role, permissions_of
from accounts.models import Tenant, User
from accounts.operations.people import grant_first
from accounts.operations.signing import check_password, leave, reauthenticate, sign_in
from accounts.queries.people import People, actor_in, get_tenant, tenants_of
from medical_audit.domain.actor import NO_TENANT, Actor
from medical_audit.domain.errors import NotFound, NotReauthenticated
from medical_audit.domain.personal import readable
from medical_audit.domain.seats import End, Origin
from medical_audit.models import Event
from medical_audit.queries.people import people_in
from medical_audit.queries.verification import verify
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, PASSWORD, Cast, change, make_cast, make_person, revoke, unique
from tests.medical_audit.support import Database

ORIGIN = Origin("192.0.2.9", raw="10.0.0.1 (192.0.2.9)", device="Firefox 140 / Linux", request="r-9")


@pytest.fixture(scope="module")
def cast(django_db_setup: None) -> Cast:
    return make_cast()


@pytest.fixture
def person(cast: Cast) -> User:
    return cast.people[Role.OPERATOR]


def last_of_platform(database: Database) -> dict[str, Any]:
    row = database.execute(
        "SELECT e.body FROM ledger.event e WHERE e.tenant_id = %s ORDER BY e.ord DESC LIMIT 1", [NO_TENANT]
    ).fetchone()
    assert row is not None
    found: dict[str, Any] = readable(json.loads(row[0]), people_in(NO_TENANT, row))
    return found


def enter(username: str, password: str) -> User | None:
    with platform_scope():
        user = check_password(username, password, now=MONDAY_0830, origin=ORIGIN)
        if user is not None:
            sign_in(user, session=uuid.uuid4().hex[:16], origin=ORIGIN, now=MONDAY_0830)
        return user


def test_the_right_password_opens_whatever_the_case_of_the_name(
    person: User, superuser_connection: Database
) -> None:
    assert enter(person.username.upper(), PASSWORD) == person
    event = last_of_platform(superuser_connection)
    assert (event["kind"], event["outcome"]) == ("session.signed_in", "ok")
    assert event["actor"] == {"type": "user", "id": str(person.id), "name": person.name, "roles": []}
    assert (event["address"], event["request"]) == ("192.0.2.9", "r-9")


def test_a_wrong_password_and_an_unknown_name_cost_the_same_work_before_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted, not timed: hashes, and questions to the database; what only a known person's tenants are told comes afterwards."""
    house, hashed = make_cast(), []
    person = house.people[Role.OPERATOR]
    hasher = type(get_hasher())
    encode = hasher.encode

    def counting(*given: Any, **more: Any) -> Any:
        hashed.append(1)
        return encode(*given, **more)

    monkeypatch.setattr(hasher, "encode", counting)

    def work(name: str) -> tuple[int, int, list[Callable[[], None]]]:
        rest: list[Callable[[], None]] = []
        before = len(hashed)
        with platform_scope(), CaptureQueriesContext(connection) as asked:
            assert check_password(name, "wrong", now=MONDAY_0830, origin=ORIGIN, later=rest.append) is None
        return len(hashed) - before, len(asked), rest

    names = (person.username, f"nobody-{unique()}")
    for name in names:
        work(name)  # whoever is named for the first time gets a key
    known, unknown = (work(name) for name in names)
    assert known[:2] == unknown[:2]
    assert known[0] == 1
    told = Event.objects.filter(kind="session.failed")
    with tenant_scope(house.tenant.id):
        assert not told.exists()
    for _hashes, _questions, rest in (known, unknown):
        rest[0]()
    with tenant_scope(house.tenant.id):
        assert told.count() == 1


@pytest.mark.parametrize(
    "case", ["wrong password", "unknown person", "disabled person", "empty password", "unusable password"]
)
def test_every_other_try_gets_the_same_answer_and_is_recorded(
    case: str, superuser_connection: Database
) -> None:
    somebody = make_person("somebody")
    name, password = somebody.username, PASSWORD
    if case == "wrong password":
        password = PASSWORD + "x"
    elif case == "unknown person":
        name = f"nobody-{uuid.uuid4()}"
    elif case == "empty password":
        password = ""
    if case == "disabled person":
        change(somebody, is_active=False)
    if case == "unusable password":
        change(somebody, password=make_password(None))
    assert enter(name, password) is None
    event = last_of_platform(superuser_connection)
    assert (event["kind"], event["outcome"], event["actor"]["id"], event["actor"]["name"]) == (
        "session.failed",
        "failed",
        "",
        f"{name[:2]}…" if case == "unknown person" else name[:60],
    )


def test_no_password_ever_stands_in_the_ledger(person: User, superuser_connection: Database) -> None:
    secret = f"secret-{uuid.uuid4()}"
    enter(person.username, secret)
    with pytest.raises(NotReauthenticated):
        reauthenticate_as(person, secret, actor_of(person))
    row = superuser_connection.execute(
        "SELECT count(*) FROM ledger.event WHERE body LIKE %s", [f"%{secret}%"]
    ).fetchone()
    assert row == (0,)
    row = superuser_connection.execute(
        "SELECT count(*) FROM ledger.event WHERE body LIKE %s", [f"%{PASSWORD}%"]
    ).fetchone()
    assert row == (0,)


def test_a_name_that_nobody_has_is_not_kept_it_may_be_a_password(superuser_connection: Database) -> None:
    for typed, kept in (("x" * 5000, "xx…"), ("山田 太郎", "…")):
        assert enter(typed, "x") is None
        assert last_of_platform(superuser_connection)["actor"]["name"] == kept


def test_signing_out_is_recorded(person: User, superuser_connection: Database) -> None:
    with platform_scope(user_id=person.id):
        sign_in(person, session="s-9", origin=ORIGIN, now=MONDAY_0830)
        leave(person, End.SIGNED_OUT, now=MONDAY_0830, session="s-9", address="192.0.2.9", request="r-9")
    event = last_of_platform(superuser_connection)
    assert (event["kind"], event["session"], event["actor"]["id"]) == (
        "session.signed_out",
        "s-9",
        str(person.id),
    )


def test_the_platforms_own_chain_is_whole(person: User, as_role: AsRole) -> None:
    enter(person.username, PASSWORD)
    with as_role("audit"):
        assert verify(NO_TENANT).intact


# -- proving it again --------------------------------------------------------------------------------------------------


def actor_of(person: User) -> Actor:
    with platform_scope(user_id=person.id):
        ((tenant, _),) = tenants_of(person)
    with tenant_scope(tenant.id):
        return actor_in(tenant, person, session="s", address="a", request="r")


def reauthenticate_as(person: User, password: str, actor: Actor) -> object:
    """As a page does: the refusal becomes an answer inside the request's transaction, which is then committed."""
    refusal: NotReauthenticated | None = None
    with tenant_scope(actor.tenant_id):
        try:
            return reauthenticate(person, password, actor=actor, now=MONDAY_0830)
        except NotReauthenticated as refused:
            refusal = refused
    raise refusal


def test_the_own_password_proves_it(person: User) -> None:
    actor = actor_of(person)
    found = reauthenticate(person, PASSWORD, actor=actor, now=MONDAY_0830)
    assert (found.user_id, found.method, found.at) == (str(person.id), "password", MONDAY_0830)


def test_a_wrong_password_proves_nothing_and_is_recorded_in_the_tenant(cast: Cast, person: User) -> None:
    actor = actor_of(person)
    with pytest.raises(NotReauthenticated) as refused:
        reauthenticate_as(person, "wrong", actor)
    assert refused.value.code == "wrong_password"
    with tenant_scope(cast.tenant.id):
        event = Event.objects.filter(kind="session.reauthentication_failed").order_by("-ord")[0]
    assert (event.actor_id, event.outcome) == (str(person.id), "failed")


def test_the_password_of_somebody_else_proves_nothing(cast: Cast, person: User) -> None:
    """Two people of one tenant: the actor stays who is signed in."""
    actor = actor_of(person)
    with pytest.raises(NotReauthenticated):
        reauthenticate_as(cast.people[Role.APPROVER], PASSWORD, actor)


def test_a_disabled_person_proves_nothing() -> None:
    cast = make_cast()
    person = cast.people[Role.OPERATOR]
    actor = actor_of(person)
    change(person, is_active=False)
    with pytest.raises(NotReauthenticated):
        reauthenticate_as(person, PASSWORD, actor)
    assert PasswordBackend().get_user(person.id) is None


# -- who somebody is ---------------------------------------------------------------------------------------------------


def test_rights_are_those_of_all_roles_at_this_moment() -> None:
    cast = make_cast()
    person = cast.people[Role.VIEWER]
    assert cast.actor(Role.VIEWER).permissions == permissions_of(("viewer",))
    grant_first(cast.tenant.id, person, Role.AUDITOR, now=MONDAY_0830, founder="test")
    actor = cast.actor(Role.VIEWER)
    assert (actor.roles, actor.permissions) == (("auditor", "viewer"), permissions_of(("viewer", "auditor")))
    with tenant_scope(cast.tenant.id):
        assert People().holds(cast.tenant.id, str(person.id), "ledger.view", "")
        assert not People().holds(cast.tenant.id, str(person.id), "ledger.view", "approver")
        revoke(cast.tenant.id, person)
        assert not People().holds(cast.tenant.id, str(person.id), "ledger.view", "")
        with pytest.raises(NotFound):
            actor_in(cast.tenant, person, session="", address="", request="")


def test_a_foreign_tenant_is_a_missing_tenant(cast: Cast) -> None:
    told = []
    for slug in (cast.tenant.slug, f"missing-{uuid.uuid4()}"):
        with platform_scope(user_id=cast.stranger.id), pytest.raises(NotFound) as missing:
            get_tenant(slug)
        told.append((missing.value.code, missing.value.params))
    assert told[0] == told[1]


def test_the_picker_shows_ones_own_tenants_with_their_roles(cast: Cast) -> None:
    with platform_scope(user_id=cast.stranger.id):
        own = tenants_of(cast.stranger)
    assert [(tenant.id, set(roles)) for tenant, roles in own] == [(cast.other_tenant.id, set(map(str, Role)))]


def test_a_founding_stands_in_the_tenants_own_ledger(cast: Cast) -> None:
    with tenant_scope(cast.tenant.id):
        first, *rest = Event.objects.order_by("ord")[:6]
        assert (first.kind, first.actor_name, first.subject_name) == (
            "tenant.founded",
            "test",
            cast.tenant.name,
        )
        assert {one.kind for one in rest} == {"member.granted"}


def test_names_and_slugs_exist_once(cast: Cast) -> None:
    person = cast.people[Role.VIEWER]
    with pytest.raises(IntegrityError), platform_scope():
        User(username=person.username.upper(), name="x", created_at=MONDAY_0830).save(force_insert=True)
    tenant_id = uuid.uuid4()
    with pytest.raises(IntegrityError), tenant_scope(tenant_id):
        Tenant(id=tenant_id, slug=cast.tenant.slug, name="x", created_at=MONDAY_0830).save(force_insert=True)
    with pytest.raises(IntegrityError):
        grant_first(cast.tenant.id, person, Role.VIEWER, now=MONDAY_0830, founder="test")
