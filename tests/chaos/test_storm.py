"""Faults 1-4 and 14 at once, at moments of chance: whatever dies, nothing is lost and nothing is done twice."""

import pytest

from tests.chaos.conftest import HerdOf
from tests.chaos.field import Field
from tests.chaos.judge import judge
from tests.chaos.storm import Storm, blow
from tests.factories import Cast

pytestmark = pytest.mark.chaos


def test_300_operations_survive_25_killed_and_3_frozen_workers(casts: list[Cast], herd_of: HerdOf) -> None:
    field = Field(casts, accounts=30, servers=10)
    field.rough(100, 600)
    entered = blow(Storm(kills=25, freezes=3), field, herd_of(field))
    said = judge(field)
    assert entered == said.operations == 300
    assert said.faults() == {}
