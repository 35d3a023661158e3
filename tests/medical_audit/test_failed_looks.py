"""A look that failed proves nothing: what AWS accepted is not called FAILED because nobody could look."""

import uuid
from datetime import timedelta

import pytest

from medical_audit.domain.actor import system_actor
from medical_audit.domain.kinds import Later, get_kind
from medical_audit.domain.states import Phase, State
from medical_audit.models import Operation
from medical_audit.operations.results import after_looking
from tests.factories import MONDAY_0830


@pytest.mark.parametrize(("seen", "state"), [(True, State.FAILED), (False, State.UNKNOWN)])
def test_past_its_time_a_row_fails_only_if_somebody_looked(seen: bool, state: State) -> None:
    tenant, now = uuid.uuid4(), MONDAY_0830
    row = Operation(
        tenant_id=tenant,
        kind="ec2.start",
        state=State.RUNNING,
        phase=Phase.VERIFYING,
        verify_until=now,
        deadline=now,
    )
    verdict = Later("no_answer", timedelta(seconds=15), seen=seen)
    late = now + timedelta(seconds=1)
    after_looking(row, get_kind("ec2.start"), verdict, actor=system_actor(tenant, "test"), now=late)
    assert row.state == state
    assert (row.work_at is None) == (state == State.FAILED)
