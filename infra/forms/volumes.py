"""What people send about volumes that are left over."""

from __future__ import annotations

from django import forms

from infra.domain.leftovers import SNOOZE_MAX_DAYS
from infra.forms.schedules import ReasonForm


class LeftOverForm(ReasonForm):
    """`days`: for how long they are left alone; without meaning for a deletion."""

    days = forms.IntegerField(min_value=1, max_value=SNOOZE_MAX_DAYS)
