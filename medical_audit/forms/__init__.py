"""What people send: filters in a list's address, confirmations, reasons."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from medical_audit.domain.anomalies import Rule
from medical_audit.domain.burying import LEAST_YEARS, MOST_YEARS
from medical_audit.domain.erasing import LEAST_PERSON_MONTHS, MOST_PERSON_MONTHS
from medical_audit.domain.punctuality import Kept
from medical_audit.domain.seats import CODE_MAX, End
from medical_audit.domain.states import State
from medical_audit.forms.filters import EVENTS, SESSION_STATES, TEXT_MAX, UUID_TEXT, day_of, month_bounds
from medical_audit.models.export import Format
from medical_audit.operations.exports.report_files import MAKERS
from medical_audit.queries.anomalies import AnomalyFilter
from medical_audit.queries.events import EventChoices, EventFilter
from medical_audit.queries.operations import OperationCounts, OperationFilter
from medical_audit.queries.paging import PAGE_SIZE, PAGE_SIZE_MAX, Cursors
from medical_audit.queries.sessions import Account, SessionFilter

#: A mark of a page holds a name of 300 characters in base64.
CURSOR_MAX = 4000
REASON_MAX = 500
REVIEW_TEXT_MAX = 4000
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
    """`recently`: the person proved himself within the tenant's grace, so that the password may be left out; `deputy`: he
    confirms in another's place and says why."""

    digest = forms.CharField(max_length=64)
    password = forms.CharField(strip=False, max_length=1000)
    code = forms.CharField(max_length=CODE_MAX, required=False)
    deputy_reason = forms.CharField(max_length=REASON_MAX, required=False)

    def __init__(
        self, *arguments: Any, recently: bool = False, deputy: bool = False, **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["password"].required = not recently
        self.fields["deputy_reason"].required = deputy


def not_proven(code: str) -> tuple[str, Any]:
    """The field that a proof failed at, and what is said there. `code`: of NotReauthenticated."""
    if code == "sign_on_again":
        return "password", _("Prove once more at your identity provider that it is you.")
    if code == "wrong_code":
        return "code", _("The code is not right, or was used already.")
    return "password", _("The password is not right.")


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=REASON_MAX)


class PolicyForm(forms.Form):
    """What holds for sessions and confirmations; the operation holds the same bounds."""

    idle_minutes = forms.IntegerField(min_value=1, max_value=30)
    grace_seconds = forms.IntegerField(min_value=0, max_value=900)
    escalate_hours = forms.IntegerField(min_value=1, max_value=168)
    second_factor_from = forms.DateField(required=False)
    reason = forms.CharField(max_length=REASON_MAX)


class KeepingForm(forms.Form):
    """For how long the record is kept, and why nothing may go for now; the operation holds the same bounds."""

    years = forms.IntegerField(min_value=LEAST_YEARS, max_value=MOST_YEARS)
    hold = forms.CharField(max_length=500, required=False)
    person_months = forms.IntegerField(min_value=LEAST_PERSON_MONTHS, max_value=MOST_PERSON_MONTHS)
    reason = forms.CharField(max_length=REASON_MAX)


class PurgeForm(forms.Form):
    """The end of a month, as an instant; `refused` is the code of a refusal of the operation."""

    refused = ""

    until = forms.CharField(max_length=40)
    reason = forms.CharField(max_length=REASON_MAX)

    def clean_until(self) -> datetime:
        try:
            until = datetime.fromisoformat(self.cleaned_data["until"])
        except ValueError as error:
            raise forms.ValidationError(_("Choose one of the months.")) from error
        if until.tzinfo is None:
            raise forms.ValidationError(_("Choose one of the months."))
        return until


#: How many deputies the form offers.
PLACES = 3


class DelegationForm(forms.Form):
    """`people` and `kinds`: what the person may choose; `refused` is the code of a refusal of the operation."""

    refused = ""

    proxy = forms.ChoiceField(error_messages={"required": _("Choose who may enter for you.")})
    kinds = forms.MultipleChoiceField(
        error_messages={"required": _("Choose at least one kind of operation.")}
    )
    begins = forms.DateField()
    ends = forms.DateField()
    evidence = forms.CharField(
        max_length=REASON_MAX, error_messages={"required": _("Say on what the permission rests.")}
    )

    def __init__(
        self, *arguments: Any, people: list[tuple[str, str]], kinds: list[str], **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["proxy"].choices = [("", "—"), *people]  # type: ignore[attr-defined]
        self.fields["kinds"].choices = [(name, name) for name in kinds]  # type: ignore[attr-defined]


class DeputiesForm(forms.Form):
    """The first, second and third deputy; empty ones are left out."""

    refused = ""

    reason = forms.CharField(max_length=REASON_MAX)

    def __init__(self, *arguments: Any, people: list[tuple[str, str]], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        for place in range(1, PLACES + 1):
            self.fields[f"deputy_{place}"] = forms.ChoiceField(required=False, choices=[("", "—"), *people])

    def chosen(self) -> list[str]:
        names = (f"deputy_{place}" for place in range(1, PLACES + 1))
        return [self.cleaned_data[name] for name in names if self.cleaned_data[name]]


class ConfirmPolicyForm(forms.Form):
    kind = forms.CharField(max_length=60)
    policy = forms.ChoiceField(choices=[("self", "self"), ("other", "other"), ("two", "two")])
    role = forms.CharField(max_length=20, required=False)
    reason = forms.CharField(max_length=REASON_MAX)


class ExportForm(forms.Form):
    """What of the ledger, in which form, and what for; `refused` is the code of a refusal of the operation."""

    refused = ""

    format = forms.ChoiceField(choices=[(name, name) for name in Format.values])
    purpose = forms.CharField(
        max_length=REASON_MAX,
        error_messages={"required": _("Say what the file is for; it stands in the ledger.")},
    )


class ReportForm(ExportForm):
    """As what a report is taken, and what for."""

    format = forms.ChoiceField(choices=[(name, name) for name in MAKERS])


class SaveForm(forms.Form):
    name = forms.CharField(max_length=80)


class CorrectionForm(forms.Form):
    says = forms.CharField(max_length=REASON_MAX)
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


def operation_filter(query: QueryDict, zone: ZoneInfo) -> OperationFilter:
    """`month` ("2026-11") is read in `zone`; what is no month asks for nothing."""
    since, until = month_bounds(text_of(query, "month"), zone)
    return OperationFilter(
        state=text_of(query, "state").upper(),
        kind=text_of(query, "kind"),
        mine=text_of(query, "mine") == "yes",
        target=text_of(query, "target"),
        q=text_of(query, "q"),
        kept=text_of(query, "kept"),
        since=since,
        until=until,
    )


def event_filter(query: QueryDict, zone: ZoneInfo) -> EventFilter:
    since, until = day_of(text_of(query, "from")), day_of(text_of(query, "to"))
    return EventFilter(
        kind=text_of(query, "event"),
        actor=text_of(query, "actor"),
        role=text_of(query, "role"),
        subject=text_of(query, "subject"),
        outcome=text_of(query, "outcome"),
        address=text_of(query, "address"),
        session=text_of(query, "session"),
        off_hours=text_of(query, "off_hours") == "yes",
        proxy=text_of(query, "proxy") == "yes",
        q=text_of(query, "q"),
        since=datetime.combine(since, time(), zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
    )


def session_filter(query: QueryDict) -> SessionFilter:
    state, person = text_of(query, "state"), text_of(query, "person").lower()
    return SessionFilter(
        state=state if state in SESSION_STATES else "", person=person if UUID_TEXT.fullmatch(person) else ""
    )


def session_filters(wanted: SessionFilter, account: Account) -> list[dict[str, Any]]:
    states: list[dict[str, Any]] = [{"value": str(end), "family": "session"} for end in ("open", *End)]
    states.append({"value": "parallel", "label": _("Two networks")})
    people = [{"value": one.person_id, "label": one.name} for one in account.people if one.begun]
    return [
        choice("state", _("How it ended"), wanted.state, states),
        choice("person", _("Person"), wanted.person, people),
    ]


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
    keeping = [{"value": str(one), "family": "kept"} for one in Kept]
    filters = [
        choice("kind", _("Kind"), wanted.kind, counted(counts.kinds)),
        choice("mine", _("Entered by"), "yes" if wanted.mine else "", mine),
        choice("kept", _("Planned time"), wanted.kept, keeping),
    ]
    if wanted.since:
        month = f"{wanted.since:%Y-%m}"
        filters.append(choice("month", _("Month"), month, [{"value": month}]))
    return filters


def event_filters(wanted: EventFilter, choices: EventChoices, roles: Iterable[str]) -> list[dict[str, Any]]:
    people = [{"value": key, "label": name} for key, name in choices.actors.items()]
    filters = [
        choice("event", _("Kind"), wanted.kind, [{"value": kind} for kind in choices.kinds]),
        choice("actor", _("Person"), wanted.actor, people),
        choice("outcome", _("Outcome"), wanted.outcome, [{"value": outcome} for outcome in choices.outcomes]),
    ]
    yes = [{"value": "yes", "label": pgettext("filter", "only these")}]
    filters += [
        choice("role", _("Role"), wanted.role, [{"value": role} for role in roles]),
        choice("off_hours", _("Off hours"), "yes" if wanted.off_hours else "", yes),
        choice("proxy", _("For somebody else"), "yes" if wanted.proxy else "", yes),
    ]
    for name, label in (("subject", _("Subject")), ("address", _("Address")), ("session", _("Session"))):
        if value := getattr(wanted, name):
            filters.append(choice(name, label, value, []))
    return filters


def anomaly_filter(query: QueryDict) -> AnomalyFilter:
    rule, person = text_of(query, "rule"), text_of(query, "person").lower()
    return AnomalyFilter(rule if rule in set(Rule) else "", person)


def anomaly_filters(wanted: AnomalyFilter, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    return [choice("rule", _("Rule"), wanted.rule, counted(counts))]


def kept_query(query: QueryDict) -> str:
    """The question of a search's address, always written the same way; empty when nothing is asked."""
    return urlencode([(name, text_of(query, name)) for name in EVENTS if text_of(query, name)])
