"""What people send to make a database: step by step, each step carrying what the others said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from infra.domain.creations import (
    BACKUPS_MOST,
    STORAGE_LEAST,
    STORAGE_MOST,
    db_name_problem,
    user_problem,
)
from infra.domain.database_names import DATABASE_MAX, name_problem
from infra.domain.makings import FIELDS, Wish, fixed
from infra.domain.tagging import value_problem
from infra.forms.moments import LOCAL, MomentField
from infra.forms.schedules import ReasonForm

#: Steps by number, and the fields that each of them asks for.
STEPS: Mapping[int, tuple[str, ...]] = {
    1: ("aws_id", "stays", "until", "project", "autostart", "autostop"),
    2: ("db_class", "subnet_group", "groups", "option_group", "parameter_group", "protected"),
    3: ("reason",),
}
LAST = 3
FOR_GOOD, FOR_A_WHILE = "good", "while"
CREATION_STEPS: Mapping[int, tuple[str, ...]] = {
    1: (
        "offer",
        "aws_id",
        "db_name",
        "user",
        "storage_gib",
        "backup_days",
        "project",
        "autostart",
        "autostop",
    ),
    2: STEPS[2],
    3: STEPS[3],
}


class MakingForm(ReasonForm):
    """Where and how a database is made; errors are codes, said in words."""

    aws_id = forms.CharField(max_length=1000, required=False)
    project = forms.CharField(max_length=256, required=False)
    autostart = forms.TimeField(input_formats=["%H:%M"], required=False)
    autostop = forms.TimeField(input_formats=["%H:%M"], required=False)
    db_class = forms.CharField(max_length=60, required=False)
    subnet_group = forms.CharField(max_length=255, required=False)
    groups = forms.MultipleChoiceField(required=False)
    option_group = forms.CharField(max_length=255, required=False)
    parameter_group = forms.CharField(max_length=255, required=False)
    protected = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Which groups there are is the preflight's to say, at its field and with what would pass.
        data = self.data
        sent = data.getlist("groups") if hasattr(data, "getlist") else []
        field = self.fields["groups"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(one, one) for one in sent]

    def clean_aws_id(self) -> str:
        name = str(self.cleaned_data["aws_id"]).strip().lower()
        if problem := name_problem(name, DATABASE_MAX):
            raise forms.ValidationError(str(problem))
        return name

    def clean_project(self) -> str:
        project = str(self.cleaned_data["project"]).strip()
        if problem := value_problem(project):
            raise forms.ValidationError(problem)
        return project

    def wish(self) -> Wish:
        """As it stands, be it right or wrong."""
        values = {name: str(self[name].value() or "").strip() for name in FIELDS if name != "groups"}
        return Wish(
            groups=tuple(self["groups"].value() or ()), **{**values, "aws_id": values["aws_id"].lower()}
        )

    def tags(self) -> dict[str, str]:
        given = self.cleaned_data
        found = {"Project": given.get("project", "")}
        for name, field in (("AutoStart", "autostart"), ("AutoStop", "autostop")):
            found[name] = f"{given[field]:%H:%M}" if given.get(field) else ""
        return {name: value for name, value in found.items() if value}


class RestoreForm(MakingForm):
    """stays: for good, or for a while, and then until when (in the tenant's zone)."""

    stays = forms.ChoiceField(choices=[(FOR_GOOD, ""), (FOR_A_WHILE, "")])
    until = MomentField(required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("stays") == FOR_A_WHILE and not given.get("until") and "until" not in self.errors:
            self.add_error("until", forms.ValidationError("test_end_missing"))
        return given

    def until_in(self, zone: ZoneInfo) -> datetime | None:
        given = self.cleaned_data
        if given.get("stays") != FOR_A_WHILE or not given.get("until"):
            return None
        end: datetime = given["until"].replace(tzinfo=zone)
        return end


class CreationForm(MakingForm):
    """offer: the region's row and the engine version, "uuid|engine/version"; of: the offer that the place was proposed for."""

    offer = forms.RegexField(r"^[0-9a-f-]{36}\|[a-z0-9-]{1,40}/.{1,60}$")
    of = forms.CharField(max_length=150, required=False)
    db_name = forms.CharField(max_length=1000, required=False)
    user = forms.CharField(max_length=1000, required=False)
    storage_gib = forms.IntegerField(min_value=STORAGE_LEAST, max_value=STORAGE_MOST)
    backup_days = forms.IntegerField(min_value=1, max_value=BACKUPS_MOST)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        engine = str(given.get("offer", "")).partition("|")[2].partition("/")[0]
        if engine:
            for name, problem in (
                ("db_name", db_name_problem(engine, str(given.get("db_name", "")).strip())),
                ("user", user_problem(engine, str(given.get("user", "")).strip())),
            ):
                if problem:
                    self.add_error(name, forms.ValidationError(problem))
        return given


def proposed_end(now: datetime, zone: ZoneInfo) -> str:
    """A week is enough for most tests."""
    end = (now.astimezone(zone) + timedelta(days=7)).replace(hour=18, minute=0)
    return end.strftime(LOCAL)


def with_fix(given: QueryDict) -> QueryDict:
    """What was sent, with the fix whose button was pressed, if one was."""
    if not given.get("fix"):
        return given
    changed = given.copy()
    before = Wish(
        aws_id=given.get("aws_id", ""),
        db_class=given.get("db_class", ""),
        subnet_group=given.get("subnet_group", ""),
        groups=tuple(map(str, given.getlist("groups"))),
        option_group=given.get("option_group", ""),
        parameter_group=given.get("parameter_group", ""),
    )
    after = fixed(before, str(given["fix"]))
    for name in FIELDS:
        value = getattr(after, name)
        changed.setlist(name, list(value) if name == "groups" else [value])
    return changed


def proposed_place(given: QueryDict, wish: Wish, key: str) -> QueryDict:
    """What was sent, with the place as it is proposed for another engine or region than before."""
    changed = given.copy()
    for name in ("db_class", "subnet_group", "option_group", "parameter_group"):
        changed[name] = getattr(wish, name)
    changed.setlist("groups", list(wish.groups))
    changed["of"] = key
    return changed


def forgive(form: forms.Form, given: QueryDict) -> None:
    """On the way through the steps a reason that nobody has asked for yet is not missing."""
    if (form.is_bound and given.get("go") in ("1", "2", "3")) or given.get("fix"):
        form.errors.pop("reason", None)


def step_of(given: QueryDict, form: forms.Form, steps: Mapping[int, tuple[str, ...]]) -> int:
    """Where the reader is: where he wants to go, but never beyond a step with something wrong. What its page has not asked for yet is
    not wrong."""
    wanted = LAST if given.get("fix") or given.get("go") == "enter" else _number(given.get("go", ""))
    passed = range(1, wanted + 1 if given.get("go") == "enter" else wanted)
    return next((one for one in passed if any(form.errors.get(name) for name in steps[one])), wanted)


def _number(text: str) -> int:
    return int(text) if text in ("1", "2", "3") else 1
