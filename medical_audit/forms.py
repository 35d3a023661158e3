"""What people send: filters in a list's address, confirmations, reasons."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from medical_audit.domain.states import State
from medical_audit.queries.events import EventChoices, EventFilter
from medical_audit.queries.operations import OperationCounts, OperationFilter
from medical_audit.queries.paging import PAGE_SIZE, PAGE_SIZE_MAX, Cursors

TEXT_MAX = 200
#: A mark of a page holds a name of 300 characters in base64.
CURSOR_MAX = 4000
REASON_MAX = 500
#: The order in which states stand above the list.
STATE_ORDER = (
    State.ENTERED,
    State.CONFIRMED,
    State.RUNNING,
    State.UNKNOWN,
    State.FAILED,
    State.MISSED,
    State.SUCCEEDED,
    State.REJECTED,
    State.WITHDRAWN,
    State.EXPIRED,
    State.CANCELLED,
)


class ConfirmForm(forms.Form):
    digest = forms.CharField(max_length=64)
    password = forms.CharField(strip=False, max_length=1000)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=REASON_MAX)


def text_of(query: QueryDict, name: str, limit: int = TEXT_MAX) -> str:
    """One value of an address, safe to look for: no NUL characters, no spaces around, not endless."""
    return query.get(name, "").replace("\x00", "").strip()[:limit]


def cursors_of(query: QueryDict) -> Cursors:
    size = text_of(query, "limit")[:6]
    return Cursors(
        after=text_of(query, "after", CURSOR_MAX),
        before=text_of(query, "before", CURSOR_MAX),
        size=min(int(size), PAGE_SIZE_MAX) if size.isascii() and size.isdigit() and int(size) else PAGE_SIZE,
    )


def operation_filter(query: QueryDict) -> OperationFilter:
    return OperationFilter(
        state=text_of(query, "state").upper(),
        kind=text_of(query, "kind"),
        mine=text_of(query, "mine") == "yes",
        target=text_of(query, "target"),
        q=text_of(query, "q"),
    )


def event_filter(query: QueryDict, zone: ZoneInfo) -> EventFilter:
    since, until = _day(text_of(query, "from")), _day(text_of(query, "to"))
    return EventFilter(
        kind=text_of(query, "event"),
        actor=text_of(query, "actor"),
        subject=text_of(query, "subject"),
        outcome=text_of(query, "outcome"),
        q=text_of(query, "q"),
        since=datetime.combine(since, time(), zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found <= date(9000, 1, 1) else None


def choice(name: str, label: object, value: str, options: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One filter as the templates show it; a chosen value that no row has any more stays visible, to be taken away."""
    listed = list(options)
    if value and all(option["value"] != value for option in listed):
        listed.append({"value": value, "count": 0})
    return {"name": name, "label": label, "value": value, "options": listed}


def counted(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in sorted(counts.items()) if value]


def operation_state_tabs(wanted: OperationFilter, counts: OperationCounts) -> dict[str, Any]:
    options = [
        {"value": str(state), "family": "operation", "count": counts.states.get(state, 0)}
        for state in STATE_ORDER
        if counts.states.get(state) or state == wanted.state
    ]
    return {"name": "state", "value": wanted.state, "options": options}


def operation_choices(wanted: OperationFilter, counts: OperationCounts) -> list[dict[str, Any]]:
    mine = [{"value": "yes", "label": pgettext("filter", "me")}]
    return [
        choice("kind", _("Kind"), wanted.kind, counted(counts.kinds)),
        choice("mine", _("Entered by"), "yes" if wanted.mine else "", mine),
    ]


def event_filters(wanted: EventFilter, choices: EventChoices) -> list[dict[str, Any]]:
    people = [{"value": key, "label": name} for key, name in choices.actors.items()]
    filters = [
        choice("event", _("Kind"), wanted.kind, [{"value": kind} for kind in choices.kinds]),
        choice("actor", _("Person"), wanted.actor, people),
        choice("outcome", _("Outcome"), wanted.outcome, [{"value": outcome} for outcome in choices.outcomes]),
    ]
    if wanted.subject:
        filters.append(choice("subject", _("Subject"), wanted.subject, []))
    return filters
