"""What people send to this floor: filters in a list's address, and the entry of a start or stop."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from infra.domain.power import Power
from infra.domain.schedule import Action
from infra.models.resource import ResourceKind
from infra.queries.resources import NO_PROJECT, Mark, ResourceCounts, ResourceFilter
from infra.queries.volumes import VolumeCounts, VolumeFilter
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.seats import CODE_MAX
from medical_audit.forms import REASON_MAX, choice, counted, text_of
from medical_audit.forms.filters import ACCOUNT, TEXT, YES_NO, Shape, one_of

STATES = (Power.RUNNING, Power.STOPPED, Power.TRANSITION, Power.UNKNOWN)
VOLUME_STATES = ("in-use", "available", "creating", "deleting", "error", "gone")
#: For how many days a volume serves nothing before it is looked for as left over.
UNATTACHED_DAYS = ("14", "30", "90")
#: The filters of both lists, as pages and API take them.
RESOURCES: Final[Mapping[str, Shape]] = {
    "state": one_of(tuple(map(str, STATES))), "kind": one_of(tuple(ResourceKind.values)), "account": ACCOUNT, "project": TEXT,
    "schedule": YES_NO, "problem": YES_NO, "mark": one_of(tuple(map(str, Mark))), "next": one_of(("hour",)), "q": TEXT,
}  # fmt: skip
VOLUMES: Final[Mapping[str, Shape]] = {
    "state": one_of(VOLUME_STATES),
    "account": ACCOUNT,
    "named": YES_NO,
    "q": TEXT,
}
#: And of the page of volumes besides.
VOLUMES_PAGE: Final = {**VOLUMES, "stays": YES_NO, "unattached": one_of(UNATTACHED_DAYS)}


class EnterForm(forms.Form):
    """Everything besides the resources themselves; `password` only for somebody who may confirm at once."""

    reason = forms.CharField(max_length=REASON_MAX)
    token = forms.RegexField(r"^[0-9a-f]{32}$", required=False)
    password = forms.CharField(strip=False, max_length=1000, required=False)
    code = forms.CharField(max_length=CODE_MAX, required=False)

    def __init__(
        self,
        *args: Any,
        may_confirm: bool,
        principals: Sequence[tuple[str, str]] = (),
        signed_on: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.signed_on = signed_on
        if principals:
            self.fields["behalf"] = forms.ChoiceField(required=False, choices=[("", "—"), *principals])
        if not may_confirm:
            del self.fields["password"], self.fields["code"]

    @property
    def confirms(self) -> bool:
        """Enter and confirm in one step was pressed."""
        return "password" in self.fields and self.data.get("then") == "confirm"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.confirms and cleaned.get("behalf"):
            self.add_error("behalf", _("He confirms it, you cannot."))
        if self.confirms and not cleaned.get("password") and not self.signed_on:
            self.add_error("password", _("Enter your password to confirm at once, or enter only."))
        return cleaned


def action_of(query: QueryDict) -> Action:
    try:
        return Action(query.get("action", ""))
    except ValueError:
        raise Refused("unknown_kind") from None


def ids_of(query: QueryDict) -> list[UUID]:
    """The chosen resources, each once; a text that is no id names nothing."""
    try:
        return list(dict.fromkeys(UUID(text) for text in query.getlist("ids")))
    except ValueError:
        raise NotFound(type="resource") from None


def resource_filter(query: QueryDict) -> ResourceFilter:
    names = ("state", "kind", "account", "project", "schedule", "problem", "next", "mark", "q")
    return ResourceFilter(**{name: text_of(query, name) for name in names})


def volume_filter(query: QueryDict, now: datetime | None = None) -> VolumeFilter:
    names = {name: text_of(query, name) for name in ("state", "account", "named", "stays", "q")}
    days = text_of(query, "unattached")
    before = now - timedelta(days=int(days)) if now is not None and days in UNATTACHED_DAYS else None
    return VolumeFilter(**names, unattached_before=before)


def filter_count(wanted: ResourceFilter | VolumeFilter) -> int:
    return sum(bool(getattr(wanted, name)) for name in wanted.__dataclass_fields__)


def resource_state_tabs(wanted: ResourceFilter, counts: ResourceCounts) -> dict[str, Any]:
    options = [{"value": str(state), "count": counts.states.get(state, 0)} for state in STATES]
    return {"name": "state", "value": wanted.state, "options": options}


def volume_state_tabs(wanted: VolumeFilter, counts: VolumeCounts) -> dict[str, Any]:
    options = [
        {"value": state, "family": "volume", "count": counts.states.get(state, 0)}
        for state in VOLUME_STATES
        if counts.states.get(state) or state == wanted.state
    ]
    return {"name": "state", "value": wanted.state, "options": options}


def resource_filters(wanted: ResourceFilter, counts: ResourceCounts) -> list[dict[str, Any]]:
    projects = [
        option | {"label": pgettext("project", "None") if option["value"] == NO_PROJECT else option["value"]}
        for option in counted(counts.projects)
    ]
    words = {"yes": pgettext("schedule", "With"), "no": pgettext("schedule", "Without")}
    problem = {"yes": pgettext("problem", "With"), "no": pgettext("problem", "Without")}
    filters = [
        choice("kind", _("Kind"), wanted.kind, counted(counts.kinds)),
        choice("account", _("AWS account"), wanted.account, _accounts(counts.accounts, counts.account_names)),
        choice("project", _("Project"), wanted.project, projects),
        choice("schedule", _("Schedule"), wanted.schedule, _yes_no(words, counts.schedules)),
        choice("problem", _("Problem"), wanted.problem, _yes_no(problem, {})),
        choice("mark", _("Mark"), wanted.mark, [{"value": str(one)} for one in Mark]),
    ]
    if wanted.next:
        label = pgettext("next change", "within 60 minutes")
        filters.append(choice("next", _("Next change"), wanted.next, [{"value": "hour", "label": label}]))
    return filters


def volume_filters(wanted: VolumeFilter, counts: VolumeCounts, days: str) -> list[dict[str, Any]]:
    words = {"yes": pgettext("name", "With"), "no": pgettext("name", "Without")}
    stays = {"yes": pgettext("volume", "stays"), "no": pgettext("volume", "goes with it")}
    return [
        choice("account", _("AWS account"), wanted.account, _accounts(counts.accounts, counts.account_names)),
        choice("named", pgettext_lazy("filter", "Name tag"), wanted.named, _yes_no(words, counts.named)),
        choice("stays", _("When its server is terminated"), wanted.stays, _yes_no(stays, counts.stays)),
        choice(
            "unattached",
            _("Serves nothing"),
            days,
            [{"value": one, "label": _("for %(days)s days") % {"days": one}} for one in UNATTACHED_DAYS],
        ),
    ]


def _accounts(counts: Mapping[str, int], names: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    return [option | {"label": names.get(option["value"], option["value"])} for option in counted(counts)]


def _yes_no(words: Mapping[str, str], counts: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"value": value, "label": label, "count": counts.get(value)} for value, label in words.items()]
