"""What people send to this floor."""

from __future__ import annotations

from typing import Any

from django import forms

from medical_audit.forms import REASON_MAX
from redmine_sync.domain.topics import CHOSEN, How


class DraftForm(forms.Form):
    url = forms.CharField(max_length=300)
    key = forms.CharField(max_length=200, strip=True)
    language = forms.ChoiceField(choices=[("ja", ""), ("en", "")])


class ConnectForm(forms.Form):
    open_status = forms.IntegerField(min_value=1)
    closed_status = forms.IntegerField(min_value=1)
    snooze_days = forms.IntegerField(min_value=0, max_value=90)
    reason = forms.CharField(max_length=REASON_MAX)


class RuleForm(forms.Form):
    """`goal` is '<project id>:<tracker id>', because which trackers there are hangs on the project."""

    project = forms.CharField(max_length=300, required=False)
    goal = forms.RegexField(r"^[0-9]{1,9}:[0-9]{1,9}$")
    failures = forms.BooleanField(required=False)
    approvals = forms.BooleanField(required=False)
    approval_wait_min = forms.IntegerField(min_value=0, max_value=24 * 60)
    reason = forms.CharField(max_length=REASON_MAX)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for topic in CHOSEN:
            hows = [How.NOT, How.EACH, *([How.DIGEST] if topic.digest else [])]
            self.fields[f"topic_{topic.code}"] = forms.ChoiceField(
                choices=[(str(how), "") for how in hows], required=False
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        names = [name for name in cleaned if name.startswith("topic_")]
        cleaned["topics"] = {name.removeprefix("topic_"): cleaned.pop(name) for name in names}
        if "goal" in cleaned:
            project, _, tracker = cleaned.pop("goal").partition(":")
            cleaned |= {"redmine_project": int(project), "tracker": int(tracker)}
        return cleaned


class RepositoryForm(forms.Form):
    url = forms.CharField(max_length=300)
    name = forms.CharField(max_length=201, required=False)
    redmine_project = forms.IntegerField(min_value=1)
    service_key = forms.CharField(max_length=200, required=False, strip=True)
    strict = forms.BooleanField(required=False)
