from __future__ import annotations

import pytest

from tests import factories
from tests.stage import Stage, make_stage


@pytest.fixture
def stage(cast: factories.Cast) -> Stage:
    """The cast's tenant with one AWS account whose clock is on; rows only, no AWS behind them."""
    return make_stage(cast)
