"""What people send about databases: filters of the fleet, the name of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from infra.domain.database_names import SNAPSHOT_MAX, name_problem
from infra.domain.databases import Warn
from infra.domain.reach import description_problem, source_problem
from infra.domain.snapshots import PREFIX, key_problem
from infra.forms.moments import MomentField
from infra.forms.schedules import ReasonForm
from infra.queries.databases import DatabaseFilter, Fleet
from medical_audit.forms import choice, counted, text_of
from medical_audit.forms.filters import ACCOUNT, TEXT, YES, Shape, one_of

#: The filters of both lists, as pages and API take them.
DATABASES: Final[Mapping[str, Shape]] = {
    "engine": TEXT, "account": ACCOUNT, "ca": TEXT, "warning": one_of(("any", *map(str, Warn))), "q": TEXT,
}  # fmt: skip
SNAPSHOTS: Final[Mapping[str, Shape]] = {"orphans": YES, "q": TEXT}


class SnapshotForm(ReasonForm):
    """The name is checked at its field by AWS's rules; the error is a code, which the page says in words."""

    name = forms.CharField(max_length=1000, required=False)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip().lower()
        if problem := name_problem(name, SNAPSHOT_MAX):
            raise forms.ValidationError(str(problem))
        if not name.startswith(f"{PREFIX}-"):
            raise forms.ValidationError("snapshot_prefix")
        return name


class ReachForm(ReasonForm):
    """Who is let in, why, and until when (in the tenant's zone; empty: for good); errors are codes, said in words."""

    group = forms.CharField(max_length=40)
    source = forms.CharField(max_length=100, required=False)
    description = forms.CharField(max_length=1000, required=False)
    until = MomentField(required=False)

    def clean_source(self) -> str:
        source = str(self.cleaned_data["source"]).strip()
        if problem := source_problem(source):
            raise forms.ValidationError(problem)
        return source

    def clean_description(self) -> str:
        text = str(self.cleaned_data["description"]).strip()
        if problem := description_problem(text):
            raise forms.ValidationError(problem)
        return text


class CopyForm(SnapshotForm):
    """key: of KMS, empty for that of the original; version: empty for that of the original, else one of `versions`; option_group: for
    Oracle, where AWS wants one named."""

    key = forms.CharField(max_length=300, required=False)
    version = forms.CharField(max_length=100, required=False)
    option_group = forms.CharField(max_length=255, required=False)

    def __init__(self, *args: Any, region: str, versions: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region, self.versions = region, versions

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"]).strip()
        if key and (problem := key_problem(key, self.region)):
            raise forms.ValidationError(problem)
        return key

    def clean_version(self) -> str:
        version = str(self.cleaned_data["version"])
        if version and version not in self.versions:
            raise forms.ValidationError("version_not_offered")
        return version


def orphan_filter(value: str) -> list[dict[str, Any]]:
    of_gone = [{"value": "yes", "label": _("Of databases that exist no more")}]
    return [choice("orphans", _("Database"), value, of_gone)]


def database_filter(query: QueryDict) -> DatabaseFilter:
    return DatabaseFilter(
        **{name: text_of(query, name) for name in ("engine", "account", "ca", "warning", "q")}
    )


def database_filters(wanted: DatabaseFilter, fleet: Fleet) -> list[dict[str, Any]]:
    accounts = [
        option | {"label": fleet.account_names.get(option["value"], option["value"])}
        for option in counted(fleet.accounts)
    ]
    warnings: list[dict[str, Any]] = [{"value": "any", "label": pgettext("warning", "any")}]
    warnings += [
        {"value": str(one), "count": fleet.warnings[one], "label": ""}
        for one in Warn
        if fleet.warnings.get(one)
    ]
    return [
        choice("warning", _("Warning"), wanted.warning, warnings),
        choice("engine", _("Engine"), wanted.engine, counted(fleet.engines)),
        choice("ca", _("Certificate authority"), wanted.ca, counted(fleet.authorities)),
        choice("account", _("AWS account"), wanted.account, accounts),
    ]
