"""Each move is made by the processes whose duty it is, and a confirmation by the person whom its event names."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import transaction

from accounts.domain.permissions import Role
from medical_audit.domain.actor import Actor, system_actor
from medical_audit.domain.states import TRANSITIONS, State
from medical_audit.models import Operation
from medical_audit.queries.compared import digest_of
from medical_audit.queries.verification import verify
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole, _as_role
from tests.factories import Cast, make_cast, past_every_guard
from tests.forging import authority_of, confirmed, copy, forge, move, refused, rest_on
from tests.medical_audit.desk import APPLY, OTHER, SELF, Desk, make_desk, register_kinds
from tests.medical_audit.support import execute, plant


@pytest.fixture(scope="module")
def cast(django_db_setup: None) -> Cast:
    register_kinds()
    with _as_role("web"):
        return make_cast()


@pytest.fixture
def desk(cast: Cast) -> Desk:
    return make_desk(cast)


# -- moving ----------------------------------------------------------------------------------------------------------------

#: Reviewed: role -> the moves that its processes make.
OF_ROLE: dict[str, set[tuple[State, State]]] = {
    "web": {
        (State.ENTERED, State.CONFIRMED),
        (State.ENTERED, State.REJECTED),
        (State.ENTERED, State.WITHDRAWN),
        (State.CONFIRMED, State.CANCELLED),
    },
    "worker": {
        (before, after)
        for before in (State.CONFIRMED, State.RUNNING, State.UNKNOWN)
        for after in TRANSITIONS[before]
    },
    "scheduler": {
        (State.ENTERED, State.EXPIRED),
        (State.CONFIRMED, State.MISSED),
        (State.CONFIRMED, State.EXPIRED),
    },
    "audit": set(),
    "owner": set(),
    "super": set(),
}


def _actor(desk: Desk, role: str, after: State) -> Actor:
    """Who writes the event of a move."""
    if role != "web":
        return desk.clockwork()
    return desk.actor(Role.OPERATOR if after == State.WITHDRAWN else Role.APPROVER)


@pytest.mark.parametrize("role", OF_ROLE)
def test_each_role_makes_its_own_moves_only(role: str, desk: Desk, as_role: AsRole) -> None:
    approver = desk.actor(Role.APPROVER)
    for before, after in (
        (before, after) for before, moves in TRANSITIONS.items() for after in sorted(moves)
    ):
        confirmer = {} if before == State.ENTERED else {"confirmed_by_id": approver.id}
        row = plant(copy(desk.enter(), state=before, **confirmer))
        changes = {"confirmed_by_id": approver.id} if after == State.CONFIRMED and not confirmer else {}
        actor = _actor(desk, role, after)
        with as_role(role):
            if (before, after) in OF_ROLE[role]:
                move(desk, row, actor, state=after, **changes)
            else:
                refused(move, desk, row, actor, state=after, **changes)
        assert desk.row(row).state == (after if (before, after) in OF_ROLE[role] else before), (before, after)


@pytest.mark.parametrize("role", OF_ROLE)
@pytest.mark.parametrize("state", [state for state, moves in TRANSITIONS.items() if moves])
def test_only_the_worker_writes_on_a_row_without_moving_it(
    state: State, role: str, desk: Desk, as_role: AsRole
) -> None:
    confirmer = {} if state == State.ENTERED else {"confirmed_by_id": "u-1"}
    row = plant(copy(desk.enter(), state=state, **confirmer))

    def postpone() -> None:
        with tenant_scope(desk.tenant_id):
            assert (
                Operation.objects.filter(id=row.id).update(work_at=desk.clock(), outcome="busy")
                or role == "owner"
            )

    with as_role(role):
        if role == "owner" or (role == "worker" and state != State.ENTERED):
            postpone()
        else:
            refused(postpone)
    assert (desk.row(row).outcome == "busy") == (role == "worker" and state != State.ENTERED)


def test_the_tables_owner_rewrites_nothing_as_the_role_that_erases(desk: Desk, as_role: AsRole) -> None:
    """The owner may become it (migrations do); an erasure is called for by the web server or the sealer."""
    row = plant(copy(desk.enter(), state=State.SUCCEEDED, confirmed_by_id="u-1"))

    def rewrite() -> None:
        with transaction.atomic():
            execute("SET LOCAL ROLE toban_ledger")
            assert execute("UPDATE medical_audit_operation SET outcome_detail = '[]' WHERE id = %s", [row.id])

    with as_role("owner"):
        assert "it has ended" in refused(rewrite)


def test_a_verification_names_an_operation_that_is_not_as_its_events_say(as_role: AsRole) -> None:
    """As only a superuser can leave one, who had every guard asleep for a moment: planted, or changed with a digest that fits."""
    register_kinds()
    desk = make_desk(make_cast())
    (row,) = desk.confirmed()

    def found() -> tuple[str, str]:
        with as_role("audit"):
            damage = verify(desk.tenant_id).damage
        return (damage.kind, damage.operation) if damage else ("", "")

    def rewrite(**changes: Any) -> None:
        as_is = {
            "parameters": row.parameters,
            "digest": row.digest,
            "confirmed_by_id": row.confirmed_by_id,
        } | changes
        past_every_guard(
            "UPDATE medical_audit_operation SET parameters = %s, digest = %s, confirmed_by_id = %s WHERE id = %s",
            [json.dumps(as_is["parameters"]), as_is["digest"], as_is["confirmed_by_id"], row.id],
        )

    assert found() == ("", "")
    forced = {"force": True}
    for changes in (
        {"parameters": forced},
        {"parameters": forced, "digest": digest_of(copy(row, parameters=forced))},
        {"confirmed_by_id": "u-1"},
    ):
        rewrite(**changes)
        assert found() == ("operation_differs", str(row.id)), changes
    rewrite()
    assert found() == ("", "")
    (automatic,) = desk.scheduled(uuid.uuid4().hex)
    assert found() == ("", "")
    told = "UPDATE medical_audit_operation SET confirmed_by_id = %s WHERE id = %s"
    past_every_guard(told, ["u-1", automatic.id])
    assert found() == ("operation_differs", str(automatic.id)), "who stands behind what the clock enters"
    past_every_guard(told, [automatic.confirmed_by_id, automatic.id])
    planted = plant(copy(row, dedupe_key=None))
    assert found() == ("operation_differs", str(planted.id))


def test_a_worker_carries_out_nothing_that_has_no_lane(desk: Desk, as_role: AsRole) -> None:
    row = plant(copy(desk.enter(), lane="", state=State.CONFIRMED, confirmed_by_id="u-1"))
    with as_role("worker"):
        refused(move, desk, row, desk.clockwork(), state=State.RUNNING)


# -- confirming --------------------------------------------------------------------------------------------------------------


def test_a_confirmation_names_the_person_whose_event_it_is(desk: Desk) -> None:
    approver, operator = desk.actor(Role.APPROVER), desk.actor(Role.OPERATOR)
    confirmation = {
        "state": State.CONFIRMED,
        "confirmed_by_id": approver.id,
        "confirmed_by_name": approver.name,
    }
    for actor in (operator, desk.clockwork(), system_actor(desk.tenant_id, approver.id)):
        assert "without its ledger event" in refused(move, desk, desk.enter(), actor, **confirmation)
    move(desk, row := desk.enter(), approver, **confirmation)
    assert desk.row(row).state == State.CONFIRMED


def test_an_entry_names_the_person_whose_event_it_is(desk: Desk) -> None:
    for actor in (desk.actor(Role.APPROVER), desk.clockwork()):
        assert "without its ledger event" in refused(forge, desk, copy(desk.enter()), actor)


def test_what_the_clock_enters_has_the_clocks_event(desk: Desk, as_role: AsRole) -> None:
    (model,) = rest_on(desk, authority_of(confirmed(desk)))
    row = copy(model, dedupe_key=uuid.uuid4().hex)
    with as_role("scheduler"):
        refused(forge, desk, row, system_actor(desk.tenant_id, "somebody else"))


@pytest.mark.parametrize("after", [State.REJECTED, State.WITHDRAWN])
def test_what_a_person_turns_down_has_a_persons_event(after: State, desk: Desk) -> None:
    for actor in (desk.clockwork(), system_actor(desk.tenant_id, "sweeper")):
        assert "without its ledger event" in refused(move, desk, desk.enter(), actor, state=after)


def test_only_the_enterers_event_withdraws_his_entry(desk: Desk) -> None:
    refused(move, desk, desk.enter(), desk.actor(Role.APPROVER), state=State.WITHDRAWN)


@pytest.mark.parametrize(("kind", "behalf"), [(OTHER, ""), (SELF, "u-9")])
def test_the_database_wants_another_person_where_the_policy_does(kind: str, behalf: str, desk: Desk) -> None:
    """Also for what a proxy entered, whatever the policy."""
    operator = desk.actor(Role.OPERATOR)
    row = plant(copy(desk.enter(kind), on_behalf_of_id=behalf))
    words = refused(move, desk, row, operator, state=State.CONFIRMED, confirmed_by_id=operator.id)
    assert "another person must confirm" in words


@pytest.mark.parametrize("column", ["confirmed_by_id", "confirmed_by_name", "reauthentication"])
def test_only_a_confirmation_says_who_confirmed(column: str, desk: Desk) -> None:
    for after in (State.REJECTED, State.WITHDRAWN):
        words = refused(move, desk, desk.enter(), desk.actor(Role.OPERATOR), state=after, **{column: "u-1"})
        assert "who confirmed it never changes" in words


def test_what_has_no_lane_is_carried_out_in_the_transaction_that_confirms_it(desk: Desk) -> None:
    """Neither left confirmed, to be carried out some other day, nor left running."""
    approver = desk.actor(Role.APPROVER)
    for states in ([State.CONFIRMED], [State.CONFIRMED, State.RUNNING]):
        row = desk.enter(APPLY, Role.ADMINISTRATOR)

        def attack(row: Operation = row, states: list[State] = states) -> None:
            with transaction.atomic():
                for state in states:
                    move(desk, row, approver, state=state, confirmed_by_id=approver.id)

        assert "neither carried out here nor in a lane" in refused(attack)
        assert desk.row(row).state == State.ENTERED


def test_the_web_server_carries_out_nothing_that_has_a_lane(desk: Desk) -> None:
    approver = desk.actor(Role.APPROVER)
    (row,) = desk.confirmed()
    for state in (State.RUNNING, State.SUCCEEDED):
        refused(move, desk, row, approver, state=state)
