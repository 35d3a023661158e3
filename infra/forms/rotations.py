"""What people send to plan a campaign of certificates: three windows, and in which of them each database stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from infra.domain.rotation import MOST_WAVES
from infra.forms.moments import LOCAL, MomentField
from infra.forms.schedules import ReasonForm
from infra.operations.campaigns import Wave
from medical_audit.domain.errors import NotFound

NUMBERS = tuple(range(1, MOST_WAVES + 1))
_SUNDAY, _HOUR, _HOURS = 6, time(2, 0), 3


class WaveForm(forms.Form):
    """One window, in the tenant's zone."""

    begins = MomentField()
    hours = forms.IntegerField(min_value=1, max_value=24)


class RotationForm(ReasonForm):
    ca = forms.CharField(max_length=100)


def proposed(number: int, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The night of one of the next Sundays, one for each wave: what is tried first shows what the next may bring."""
    today = now.astimezone(zone).date()
    day = today + timedelta(days=(_SUNDAY - today.weekday()) % 7 or 7, weeks=number - 1)
    return {"begins": datetime.combine(day, _HOUR).strftime(LOCAL), "hours": _HOURS}


def wave_forms(given: QueryDict | None, now: datetime, zone: ZoneInfo) -> list[WaveForm]:
    """All windows, as they came or as they are proposed."""
    return [WaveForm(given, prefix=f"w{one}", initial=proposed(one, now, zone)) for one in NUMBERS]


def chosen(given: QueryDict) -> dict[UUID, int]:
    """The number of the wave by database; what stands in none is left out. Raises NotFound for what is no id."""
    found = {}
    for name, value in given.items():
        if name.startswith("wave_") and value:
            try:
                found[UUID(name.removeprefix("wave_"))] = int(str(value))
            except ValueError:
                raise NotFound(type="resource") from None
    return found


def waves_of(forms_: list[WaveForm], chosen_: dict[UUID, int], zone: ZoneInfo) -> Iterator[Wave]:
    """Only windows in which something stands; those must be filled in, which `check` says at their fields."""
    for number, form in zip(NUMBERS, forms_, strict=True):
        mine = tuple(pk for pk, wave in chosen_.items() if wave == number)
        if mine:
            begins = form.cleaned_data["begins"].replace(tzinfo=zone)
            yield Wave(begins, begins + timedelta(hours=form.cleaned_data["hours"]), mine)


def check(forms_: list[WaveForm], chosen_: dict[UUID, int]) -> bool:
    """Whether every window in which something stands is filled in."""
    used = set(chosen_.values())
    return used <= set(NUMBERS) and all(
        form.is_valid() for number, form in zip(NUMBERS, forms_, strict=True) if number in used
    )


class CheckForm(forms.Form):
    """A tick for one client of one database."""

    database = forms.UUIDField()
    check = forms.CharField(max_length=20)
    note = forms.CharField(max_length=300, required=False, label=_("Note"))
