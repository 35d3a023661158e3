"""Reasons are codes with named values, each one listed."""

from __future__ import annotations

from datetime import date

import pytest

from infra.domain.reasons import PARAMS, ReasonCode, because


def test_every_code_lists_its_values() -> None:
    assert set(PARAMS) == set(ReasonCode)


@pytest.mark.parametrize("params", [{}, {"day": date(2026, 1, 1)}, {"day": date(2026, 1, 1), "nam": "x"}])
def test_a_reason_with_wrong_values_cannot_be_made(params: dict[str, date | str]) -> None:
    with pytest.raises(TypeError, match="takes"):
        because(ReasonCode.HOLIDAY, **params)


def test_a_reason_gives_its_values_to_sentences_and_to_json() -> None:
    reason = because(ReasonCode.HOLIDAY, name="元日", day=date(2026, 1, 1))
    assert reason.values() == {"day": date(2026, 1, 1), "name": "元日"}
    assert reason.as_json() == {"code": "holiday", "day": "2026-01-01", "name": "元日"}
