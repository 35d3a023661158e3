"""Who steals one role of the application destroys nobody's key, and an erasure in one tenant leaves what another still needs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from accounts.models import SignOnLink
from accounts.queries.readable import names_of
from medical_audit import clock
from medical_audit.domain.actor import NO_TENANT, Subject, system_actor
from medical_audit.domain.bundle_verifier import verdict
from medical_audit.domain.errors import Refused
from medical_audit.domain.personal import Field, Value
from medical_audit.models import Event
from medical_audit.operations.ledger import record
from medical_audit.operations.resealing import reseal_people
from medical_audit.queries.people import CHANGED
from medical_audit.sealing import open_person_key, seal_value
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import Entry, RedmineServer, ServerState, Ticket
from tests.conftest import _as_role
from tests.factories import change, grant, revoke
from tests.medical_audit.support import execute, plant
from tests.medical_audit.test_erasures import NAME, Scene, _names, scene

__all__ = ["scene"]


def test_no_stolen_role_makes_people_unreadable_or_unable_to_act(scene: Scene) -> None:
    mine, somebody = scene.tenant_id, scene.cast.actor(Role.OPERATOR)
    with tenant_scope(mine):
        record("note.kept", actor=somebody, subject=Subject("", "", ""), now=clock.now())
    for role in ("web", "worker", "scheduler"):
        for text in ("rubbish", "v1:test:rubbish"):
            with _as_role(role), tenant_scope(mine):
                execute(
                    "SELECT ledger.reseal_person(tenant_id, person, sealed, %s) FROM ledger.person_key WHERE tenant_id = %s",
                    [text, mine],
                )
    assert _names(scene), "still readable"
    with tenant_scope(mine):
        subject = Subject("user", scene.person, "a new name")
        record("note.kept", actor=somebody, subject=subject, now=clock.now())
    stranger, like_a_key = str(uuid.uuid4()), f"v1:test:{'A' * 96}"
    with _as_role("worker"), tenant_scope(mine):
        execute("SELECT ledger.keep_person(%s, %s, %s)", [mine, stranger, like_a_key])
    new = Subject("user", stranger, "somebody new")
    with tenant_scope(mine), pytest.raises(Refused, match="person_key_closed"):
        record("note.kept", actor=somebody, subject=new, now=clock.now())
    with _as_role("worker"):
        reseal_people(actor=system_actor(mine, "reseal"), now=clock.now())
    whole = scene.database.execute(
        "SELECT bool_and(sealed LIKE 'v1:%%' AND sealed NOT LIKE '%%rubbish' AND sealed <> %s) FROM ledger.person_key WHERE tenant_id = %s",
        [like_a_key, mine],
    )
    assert whole.fetchone() == (True,), "reseal mends what was put in their place"
    assert _names(scene)
    with tenant_scope(mine):
        record("note.kept", actor=somebody, subject=new, now=clock.now())


def test_a_value_that_somebody_with_all_keys_exchanged_is_told(scene: Scene) -> None:
    where = "tenant_id = %s AND person = %s AND field = 'name'"
    given = [scene.tenant_id, scene.person]
    token, key = scene.database.execute(
        f"SELECT token, (SELECT k.sealed FROM ledger.person_key k WHERE k.tenant_id = v.tenant_id AND k.person = v.person) "
        f"FROM ledger.person_value v WHERE {where}", given,
    ).fetchone() or ("", "")  # fmt: skip
    opened = open_person_key(key, tenant_id=scene.tenant_id, person=scene.person)
    other = Value(scene.person, Field.NAME, "別人 花子")
    sealed = seal_value(opened, other, tenant_id=scene.tenant_id, token=token)
    scene.database.execute(f"UPDATE ledger.person_value SET sealed = %s WHERE {where}", [sealed, *given])
    with tenant_scope(scene.tenant_id):
        his = Event.objects.filter(actor_id=scene.person, kind="note.kept").latest("ord")
        assert his.actor_name == CHANGED
    assert verdict(scene.bundle())[1]["damage"]["what"] == "person"


def test_the_sealers_role_destroys_no_key_without_an_event_that_says_so(scene: Scene) -> None:
    before = scene.dump()
    forged = [scene.tenant_id, scene.person, scene.tenant_id, "", "2100-01-01T00:00:00Z", "nobody signed"]
    with (
        _as_role("audit"),
        pytest.raises(DatabaseError, match="without an event about it"),
        tenant_scope(scene.tenant_id),
    ):
        execute("SELECT ledger.erase_again(%s, %s, %s, %s, %s, %s)", forged)
    assert scene.dump() == before


def test_the_sealer_signs_no_erasure_that_the_chain_does_not_tell(scene: Scene) -> None:
    given = [scene.tenant_id, scene.person, uuid.uuid4()]
    forged = (
        "INSERT INTO ledger.erasure (tenant_id, person, operation, key_id, count) VALUES (%s, %s, %s, '', 1)"
    )
    scene.database.execute(forged, given)
    scene.room.seal()
    notes = scene.database.execute("SELECT note FROM ledger.erasure WHERE tenant_id = %s", [scene.tenant_id])
    assert notes.fetchall() == [("",)]


def test_what_another_tenant_still_needs_stays_until_it_erases_him_too(scene: Scene) -> None:
    """Its hold and its term must not be undone from here: the account, the sessions and the platform's key are left."""
    other, platform = scene.cast.other_tenant.id, [NO_TENANT, scene.person]
    grant(other, scene.gone, Role.OPERATOR)
    with tenant_scope(other):
        subject = Subject("user", scene.person, NAME)
        record("note.kept", actor=scene.cast.stranger_actor, subject=subject, now=clock.now())
    revoke(other, scene.gone)
    scene.confirm(scene.enter())
    key = "SELECT count(*) FROM ledger.person_key WHERE tenant_id = %s AND person = %s"
    assert scene.database.execute(key, [scene.tenant_id, scene.person]).fetchone() == (0,)
    assert scene.database.execute(key, platform).fetchone() == (1,)
    name = scene.database.execute("SELECT name FROM accounts_user WHERE id = %s", [scene.gone.id])
    assert name.fetchone() == (NAME,)


def test_what_waits_for_redmine_and_what_a_browser_and_a_provider_said_goes_too(scene: Scene) -> None:
    now = clock.now()
    tenant: dict[str, Any] = {"tenant_id": scene.tenant_id}
    # His last role was taken, his account never closed: nobody could close it any more.
    change(scene.gone, is_active=True)
    server = RedmineServer(
        **tenant,
        url="https://redmine.example.jp",
        state=ServerState.LEFT,
        drafted_by_name="管理",
        drafted_at=now,
    )
    ticket = Ticket(
        **tenant, server=server, key=uuid.uuid4().hex, kind="failure", operation_kind="ec2.start", operation="o",
        target_type="resource", target_id="r", target_name="web", redmine_project=1, tracker=1, created_at=now,
    )  # fmt: skip
    facts = {"actor": NAME, "kind": "operation.failed"}
    for row in (
        server,
        ticket,
        Entry(
            **tenant, ticket=ticket, seq=1, event_id=uuid.uuid4(), verb="open", event=facts, next_at=now, created_at=now
        ),
        SignOnLink(
            **tenant, user=scene.gone, issuer="https://id.example.jp", subject=scene.gone.username, made_at=now, used_at=now
        ),
    ):  # fmt: skip
        plant(row)
    assert any("redmine_sync_entry" in one for one in scene.dump())
    scene.confirm(scene.enter())
    assert scene.dump() == []
    agents = scene.database.execute(
        "SELECT count(*) FROM medical_audit_session WHERE user_id = %s AND user_agent NOT IN ('', '消去済み (erased)')",
        [scene.gone.id],
    )
    assert agents.fetchone() == (0,)


def test_who_is_called_as_a_role_is_takes_no_role_out_of_others_papers(scene: Scene) -> None:
    change(scene.gone, username="operator")
    with tenant_scope(scene.tenant_id):
        assert names_of(scene.person) == [NAME]
