"""What people send about volumes that are left over, and about the tags that volumes get."""

from __future__ import annotations

from django import forms

from infra.domain.leftovers import SNOOZE_MAX_DAYS
from infra.domain.tagging import Overwrite, Rules, read_keys
from infra.forms.schedules import ReasonForm


class LeftOverForm(ReasonForm):
    """`days`: for how long they are left alone; without meaning for a deletion."""

    days = forms.IntegerField(min_value=1, max_value=SNOOZE_MAX_DAYS)


class RulesForm(forms.Form):
    """`keys`: one a line; the cleaned form gives `rules`. Its errors are codes."""

    keys = forms.CharField(required=False, max_length=2000)
    overwrite = forms.ChoiceField(choices=[(str(one), "") for one in Overwrite])
    snapshots = forms.BooleanField(required=False)

    def clean_keys(self) -> tuple[str, ...]:
        keys, problems = read_keys(self.cleaned_data["keys"])
        self.key_problems = problems
        if problems:
            raise forms.ValidationError("tag_keys", code="tag_keys")
        return keys

    @property
    def rules(self) -> Rules:
        given = self.cleaned_data
        return Rules(given["keys"], Overwrite(given["overwrite"]), given["snapshots"])
