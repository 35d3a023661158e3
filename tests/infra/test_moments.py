"""Moments that people type: what no clock of ours can tell is refused at its field."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from infra.forms.database_makings import RestoreForm
from infra.forms.databases import ReachForm
from infra.forms.moments import MomentField
from infra.forms.rotations import WaveForm
from infra.forms.schedules import OverrideForm


@pytest.mark.parametrize("typed", ["0001-01-01T00:00", "9999-12-31T23:00", "2026-11-31T10:00", "soon"])
def test_a_moment_that_nobody_means_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        MomentField().clean(typed)


def test_a_moment_is_read_as_typed() -> None:
    found = MomentField().clean("2026-11-30T08:30")
    assert found is not None
    assert (found.year, found.hour, found.minute) == (2026, 8, 30)


@pytest.mark.parametrize(
    ("form", "field"),
    [(WaveForm, "begins"), (RestoreForm, "until"), (ReachForm, "until"), (OverrideForm, "until")],
)
def test_every_form_with_a_moment_has_this_field(form: type, field: str) -> None:
    assert isinstance(form.base_fields[field], MomentField)  # type: ignore[attr-defined]
