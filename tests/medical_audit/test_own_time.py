"""An operation is entered and confirmed now: its time is not the program's to choose (a delegation that ran out, another month)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from medical_audit.domain.states import State
from medical_audit.queries.seals import database_clock
from tests.conftest import _as_role
from tests.factories import make_cast
from tests.medical_audit.desk import SELF, Desk, make_desk
from tests.medical_audit.support import Database
from tests.medical_audit.test_proxies import for_approver, granted

STRICT = (
    "CREATE OR REPLACE FUNCTION medical_audit_clock_slack() RETURNS interval LANGUAGE sql STABLE SET search_path = pg_catalog "
    "AS 'SELECT interval ''15 minutes'''"
)


@pytest.fixture
def desk(ledger_of_its_own: None, superuser_connection: Database) -> Desk:
    """A delegation that ran out yesterday, in a database as production has it."""
    with _as_role("web"):
        desk = make_desk(make_cast())
        desk.clock.now = database_clock() - timedelta(days=31)
        granted(desk)
    superuser_connection.execute(STRICT)
    return desk


@pytest.mark.parametrize("away", [timedelta(minutes=-30), timedelta(minutes=30), timedelta(days=-2)])
def test_nothing_is_entered_at_another_time(away: timedelta, desk: Desk) -> None:
    desk.clock.now = database_clock() + away
    with pytest.raises(DatabaseError, match="entered at another time than now"):
        desk.enter(SELF)


def test_a_delegation_that_ran_out_is_not_made_to_hold_by_an_old_time(desk: Desk) -> None:
    desk.clock.now = database_clock() - timedelta(days=2)
    with pytest.raises(DatabaseError, match="entered at another time than now"):
        for_approver(desk)


def test_nothing_is_confirmed_at_another_time(desk: Desk) -> None:
    desk.clock.now = database_clock()
    waiting = desk.enter(SELF)
    desk.clock.now -= timedelta(minutes=30)
    with pytest.raises(DatabaseError, match="which is not now"):
        desk.confirm(waiting, Role.APPROVER)
    desk.clock.now = database_clock()
    assert desk.confirm(waiting, Role.APPROVER).state == State.CONFIRMED
