"""What planners send: a schedule in fields, its publication, an assignment, an override, a change of the calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.http import QueryDict

from infra.domain.content import PERIODS_MAX
from infra.domain.days import DAY_NAMES, BadDays, read_days
from infra.domain.schedule import OPTION_NAMES
from infra.forms.moments import MomentField
from medical_audit.forms import REASON_MAX, text_of

#: Rows of periods that the form offers at once; more come with a saved draft.
ROWS = 3
FLAGS = tuple(
    name for name in OPTION_NAMES if not name.startswith("grace_") and name != "maintenance_windows"
)
#: Twenty names of 128 characters, with something between them.
WINDOWS_TEXT_MAX = 2600
GRACES = ("grace_start_min", "grace_stop_min")
END_OF_DAY = "24:00"
#: What a time field of a browser takes; anything else is shown as text, so that nothing typed is lost.
_TIME_FIELD = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|", re.ASCII)
#: Where a new schedule may begin, by name.
PRESETS: Mapping[str, Mapping[str, str | None]] = {
    "office": {"begin": "08:30", "end": "19:00", "weekdays": "mon-fri"},
    "night": {"begin": "22:00", "end": "06:00", "weekdays": "mon-fri"},
    "monthly": {"begin": "09:00", "end": "17:00", "weekdays": "sun#3"},
    "stop": {"begin": None, "end": "20:00", "weekdays": None},
}


def preset(name: str, zone: str) -> dict[str, Any]:
    """The content that a new schedule begins with; office hours for an unknown name."""
    return {"zone": zone, "periods": [dict(PRESETS.get(name, PRESETS["office"]))], "options": {}}


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=REASON_MAX)
    token = forms.RegexField(r"^[0-9a-f]{32}$", required=False)


class OverrideForm(ReasonForm):
    wish = forms.ChoiceField(choices=[("running", ""), ("stopped", ""), ("any", "")])
    until = MomentField()


class UploadForm(forms.Form):
    source = forms.ChoiceField(choices=[("cabinet", ""), ("ical", "")])
    file = forms.FileField(max_length=200)


class FeedForm(forms.Form):
    source = forms.ChoiceField(choices=[("cabinet", ""), ("ical", "")])
    url = forms.CharField(required=False, max_length=500)


def content_of(posted: QueryDict) -> dict[str, Any]:
    """The content that the editor's fields stand for; rows that are wholly empty are left out."""
    periods = []
    for number in range(min(_rows(posted), PERIODS_MAX)):
        row = _period_of(posted, f"p{number}-")
        if row is not None:
            periods.append(row)
    options: dict[str, Any] = {name: posted.get(name) == "on" for name in FLAGS}
    for name in GRACES:
        text = text_of(posted, name)
        options[name] = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else text or 60
    named = text_of(posted, "maintenance_windows", WINDOWS_TEXT_MAX)
    options["maintenance_windows"] = [one for one in re.split(r"[\s,、，]+", named) if one]
    return {"zone": zone_of(text_of(posted, "zone")), "periods": periods, "options": options}


def problems_by_row(posted: QueryDict, problems: Sequence[Any]) -> list[tuple[int, list[Any]]]:
    """What is wrong at each row of the form as it was sent, where unused rows stand between others."""
    found: list[tuple[int, list[Any]]] = []
    used = 0
    for number in range(min(_rows(posted), PERIODS_MAX)):
        if _period_of(posted, f"p{number}-") is None:
            found.append((number, []))
            continue
        prefix = f"periods.{used}."
        found.append((number, [one for one in problems if one.path.startswith(prefix)]))
        used += 1
    return found


def _rows(posted: QueryDict) -> int:
    text = posted.get("rows", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _period_of(posted: QueryDict, prefix: str) -> dict[str, Any] | None:
    mode = text_of(posted, f"{prefix}mode")
    if mode == "none" or f"{prefix}mode" not in posted:
        return None
    days = [day for day in posted.getlist(f"{prefix}day") if day in DAY_NAMES]
    typed = text_of(posted, f"{prefix}weekdays")
    # No box ticked is no day at all, which the reader of the content refuses at this field.
    weekdays = typed or (None if len(days) == len(DAY_NAMES) else ",".join(days))
    return {
        "name": text_of(posted, f"{prefix}name"),
        "begin": text_of(posted, f"{prefix}begin") if mode in ("both", "start") else None,
        "end": _end_of(posted, prefix) if mode in ("both", "stop") else None,
        "weekdays": weekdays,
        "monthdays": text_of(posted, f"{prefix}monthdays") or None,
        "months": text_of(posted, f"{prefix}months") or None,
    }


def _end_of(posted: QueryDict, prefix: str) -> str:
    """A browser's time field knows no 24:00, so a box stands beside it."""
    return END_OF_DAY if posted.get(f"{prefix}midnight") == "on" else text_of(posted, f"{prefix}end")


def rows_of(content: Mapping[str, Any], problems: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The periods as rows of the editor, with what is wrong at each field; empty rows follow."""
    rows = []
    for number, one in enumerate(content.get("periods", [])):
        rows.append(_row(number, one, problems))
    empty = {"begin": "", "end": "", "weekdays": None, "monthdays": None, "months": None, "name": ""}
    wanted = min(max(ROWS, len(rows) + 1), PERIODS_MAX)
    while len(rows) < wanted:
        rows.append(_row(len(rows), empty, ()) | {"mode": "none"})
    return rows


def _row(number: int, one: Mapping[str, Any], problems: Sequence[Any]) -> dict[str, Any]:
    begin, end = one.get("begin"), one.get("end")
    mode = {(True, True): "both", (True, False): "start", (False, True): "stop", (False, False): "all"}
    chosen, typed = _chosen_days(one.get("weekdays"))
    prefix = f"periods.{number}."
    midnight = end == END_OF_DAY
    mine = [problem for problem in problems if problem.path.startswith(prefix)]
    return {
        "number": number, "mode": mode[begin is not None, end is not None], "begin": begin or "",
        "end": "" if midnight else end or "", "midnight": midnight,
        "begin_is_time": bool(_TIME_FIELD.fullmatch(begin or "")),
        "end_is_time": midnight or bool(_TIME_FIELD.fullmatch(end or "")),
        "days": [(day, day in chosen) for day in DAY_NAMES], "weekdays": typed,
        "monthdays": one.get("monthdays") or "", "months": one.get("months") or "", "name": one.get("name") or "",
        "advanced": bool(typed or one.get("monthdays") or one.get("months")),
        "problems": mine, "wrong": {problem.path.removeprefix(prefix) for problem in mine},
    }  # fmt: skip


def _chosen_days(text: str | None) -> tuple[set[str], str]:
    """Which toggles are on, and the text for what toggles cannot say."""
    if not text:
        return set(DAY_NAMES), ""
    try:
        rule = read_days(text, None, None)
    except BadDays:
        return set(), text
    if rule.nth or rule.last:
        return set(), text
    numbers = range(7) if rule.weekdays is None else rule.weekdays
    return {DAY_NAMES[number] for number in numbers}, ""


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(
        sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    )


def zones(tenants: str) -> list[str]:
    """Time zones to choose from: Tokyo and the tenant's own first."""
    return list(dict.fromkeys(["Asia/Tokyo", tenants, "UTC", *_zones()]))


def zone_of(text: str) -> str:
    """The zone that a person can only have meant ("tokyo", "new york"); what is not clear stays as it was typed."""
    wanted = text.replace(" ", "_").casefold()
    known = ("UTC", *_zones())
    found = [one for one in known if wanted in (one.casefold(), one.casefold().rpartition("/")[2])]
    return found[0] if len(found) == 1 else text


def zones_like(text: str) -> list[str]:
    """Up to three zones whose name or city is near to what was typed."""
    cities = {one.casefold().rpartition("/")[2]: one for one in reversed(_zones())}
    near = get_close_matches(text.replace(" ", "_").casefold().rpartition("/")[2], cities, n=3)
    return [cities[one] for one in near]


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """A naive local time of a form as an instant."""
    return moment.replace(tzinfo=zone)
