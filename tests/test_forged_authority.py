"""Nobody enters in a person's name but the web server, and nothing rests on what no person confirmed."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from accounts.domain.permissions import Role
from medical_audit.domain.actor import Actor, ActorType, Subject, system_actor
from medical_audit.domain.kinds import Authority
from medical_audit.domain.states import AUTHORISING, State
from medical_audit.models import Event, Operation
from medical_audit.operations.automatic import enter_due
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole, _as_role
from tests.factories import Cast, make_cast
from tests.forging import ROLES, authority_of, claim, confirmed, copy, forge, refused, rest_on
from tests.medical_audit.desk import SELF, Desk, make_desk, register_kinds
from tests.medical_audit.support import plant

PROCESSES = ("worker", "scheduler")
NOWHERE = "0b9c1d2e-3f40-4a51-8b62-7c738d849e95"


@pytest.fixture(scope="module")
def cast(django_db_setup: None) -> Cast:
    register_kinds()
    with _as_role("web"):
        return make_cast()


@pytest.fixture
def desk(cast: Cast) -> Desk:
    return make_desk(cast)


# -- entering --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("policy", ["self", "other", "schedule"])
@pytest.mark.parametrize("of_person", [True, False])
def test_nobody_enters_what_a_person_is_said_to_have_confirmed(
    of_person: bool, policy: str, role: str, desk: Desk, as_role: AsRole
) -> None:
    """A row as if confirmed, with its events: in the person's own name, and in the clock's."""
    model, approver = desk.confirm(desk.enter(kind=SELF)), desk.actor(Role.APPROVER)
    actor = approver if of_person else desk.clockwork()
    row = copy(
        model, policy=policy, entered_by_type=actor.type, entered_by_id=actor.id, dedupe_key=uuid.uuid4().hex
    )
    with as_role(role):
        refused(forge, desk, row, actor)


@pytest.mark.parametrize("role", ROLES)
def test_only_the_web_server_enters_for_a_person(role: str, desk: Desk, as_role: AsRole) -> None:
    operator = desk.actor(Role.OPERATOR)
    row = copy(desk.enter())
    with as_role(role):
        if role == "web":
            forge(desk, row, operator)
        else:
            refused(forge, desk, row, operator)


@pytest.mark.parametrize("role", ROLES)
def test_only_the_processes_of_the_clock_enter_what_waits_for_a_person_without_one(
    role: str, desk: Desk, as_role: AsRole
) -> None:
    """A round that is held until somebody decides."""
    for actor in (system_actor(desk.tenant_id, "brake"), desk.clockwork()):
        row = copy(
            desk.enter(), entered_by_type=actor.type, entered_by_id=actor.id, entered_by_name=actor.name
        )
        with as_role(role):
            if role in PROCESSES:
                forge(desk, row, actor)
            else:
                refused(forge, desk, row, actor)
    if role in PROCESSES:
        assert desk.confirm(desk.row(row)).state == State.CONFIRMED


@pytest.mark.parametrize(
    "changes",
    [
        {"confirmed_by_id": "u-1"},
        {"confirmed_by_name": "承認者"},
        {"reauthentication": "password"},
        {"authority": {"person": "承認者"}},
        {"policy": "schedule"},
        {"policy": "nobody"},
    ],
)
def test_what_waits_for_a_person_says_nothing_of_a_confirmation(changes: dict[str, Any], desk: Desk) -> None:
    refused(forge, desk, copy(desk.enter(), **changes), desk.actor(Role.OPERATOR))


@pytest.mark.parametrize("role", ["owner", "super"])
def test_who_keeps_the_database_enters_nothing(role: str, desk: Desk, as_role: AsRole) -> None:
    row = copy(desk.enter())
    with as_role(role):
        refused(forge, desk, row, desk.clockwork())


# -- what the clock rests on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", PROCESSES)
def test_the_clock_acts_on_what_a_person_confirmed(role: str, desk: Desk) -> None:
    (row,) = rest_on(desk, authority_of(confirmed(desk)), role)
    assert desk.row(row).state == State.CONFIRMED


def test_what_follows_rests_on_what_it_follows(desk: Desk) -> None:
    """A second step names the first, which names the same person."""
    (first,) = rest_on(desk, authority_of(confirmed(desk)))
    (second,) = rest_on(desk, authority_of(first), "worker")
    assert desk.row(second).confirmed_by_id == first.confirmed_by_id


@pytest.mark.parametrize("operation", ["", "op-1", "x" * 36, NOWHERE, NOWHERE.upper()])
def test_the_clock_does_not_act_on_an_operation_that_does_not_exist(operation: str, desk: Desk) -> None:
    forged = Authority("tags", operation, "u-1", "承認者")
    assert "nothing rests on it" in refused(claim, desk, forged)


def test_the_clock_does_not_act_in_the_name_of_somebody_else(desk: Desk) -> None:
    told, other = authority_of(confirmed(desk)), desk.actor(Role.ADMINISTRATOR)
    refused(claim, desk, Authority("tags", told.operation, other.id, other.name))


def test_the_clock_does_not_act_on_what_another_tenants_people_confirmed(desk: Desk) -> None:
    told = authority_of(confirmed(make_desk(make_cast())))
    refused(claim, desk, told)


@pytest.mark.parametrize("state", State)
def test_the_clock_acts_on_what_was_confirmed_and_has_not_come_to_nothing(state: State, desk: Desk) -> None:
    row = plant(copy(desk.enter(), state=state, confirmed_by_id="u-1", confirmed_by_name="承認者"))
    if state in AUTHORISING:
        claim(desk, authority_of(row))
    else:
        refused(claim, desk, authority_of(row))


def test_no_row_is_its_own_authority(desk: Desk) -> None:
    (row,) = rest_on(desk, authority_of(confirmed(desk)))
    own = copy(row, id=uuid.uuid4(), dedupe_key=uuid.uuid4().hex)
    own.authority = {**own.authority, "operation": str(own.id)}
    with _as_role("scheduler"):
        refused(forge, desk, own, desk.clockwork())


def test_two_rows_of_one_statement_are_not_each_others_authority(desk: Desk) -> None:
    (row,) = rest_on(desk, authority_of(confirmed(desk)))
    first, second = (copy(row, id=uuid.uuid4(), dedupe_key=uuid.uuid4().hex) for _ in range(2))
    first.authority = {**row.authority, "operation": str(second.id)}
    second.authority = {**row.authority, "operation": str(first.id)}

    def attack() -> None:
        with tenant_scope(desk.tenant_id):
            Operation.objects.bulk_create([first, second])

    with _as_role("scheduler"):
        refused(attack)


@pytest.mark.parametrize(
    "changes",
    [
        {"dedupe_key": None},
        {"dedupe_key": ""},
        {"confirmed_by_id": ""},
        {"authority": {}},
        {"entered_by_type": "user"},
        {"state": State.ENTERED},
        {"state": State.RUNNING},
        {"state": State.SUCCEEDED},
    ],
    ids=str,
)
def test_what_the_clock_enters_is_due_once_rests_on_a_person_and_has_not_begun(
    changes: dict[str, Any], desk: Desk
) -> None:
    (row,) = rest_on(desk, authority_of(confirmed(desk)))
    false = copy(row, **{"id": uuid.uuid4(), "dedupe_key": uuid.uuid4().hex, **changes})
    with _as_role("scheduler"):
        refused(forge, desk, false, desk.clockwork())


def test_what_rests_on_nobody_is_left_out_with_an_event_and_takes_nothing_with_it(desk: Desk) -> None:
    good, bad = authority_of(confirmed(desk)), Authority("tags", "op-1", "u-1", "承認者")
    dues = [desk.due(uuid.uuid4().hex, authority=bad if number % 3 else good) for number in range(9)]
    with _as_role("scheduler"):
        entered = enter_due(dues, actor=desk.clockwork(), now=desk.clock())
    assert {row.authority["operation"] for row in entered} == {good.operation}
    assert len(entered) == 3
    with tenant_scope(desk.tenant_id):
        event = Event.objects.filter(kind="schedule.unauthorised").order_by("-ord")[0]
    assert (event.subject_id, event.subject_name, event.outcome) == ("op-1", "承認者", "failed")
    assert json.loads(event.body)["detail"] == {"entries": 6}


# -- the ledger ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("actor_type", ActorType)
def test_only_the_web_server_writes_events_of_people(
    actor_type: ActorType, role: str, desk: Desk, as_role: AsRole
) -> None:
    actor = Actor(tenant_id=desk.tenant_id, type=actor_type, id="u-1", name="承認者")

    def write() -> None:
        with tenant_scope(desk.tenant_id):
            record("test.forged", actor=actor, subject=Subject("test", "1"), now=desk.clock())

    with as_role(role):
        if actor_type == ActorType.USER and role != "web":
            assert "people_act_through_the_web" in refused(write)
        else:
            write()
