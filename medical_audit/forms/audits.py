"""What auditors send: emergencies, verdicts, sign-offs, limits."""

from typing import Any

from django import forms

from medical_audit.domain.anomalies import BOUNDS
from medical_audit.domain.emergencies import LONGEST, SHORTEST
from medical_audit.forms import REASON_MAX, REVIEW_TEXT_MAX


class EmergencyForm(forms.Form):
    """For whom, for how many minutes, and why."""

    refused = ""

    person = forms.ChoiceField()
    minutes = forms.IntegerField(min_value=SHORTEST, max_value=LONGEST)
    reason = forms.CharField(max_length=REASON_MAX)

    def __init__(self, *arguments: Any, people: list[tuple[str, str]], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["person"].choices = people  # type: ignore[attr-defined]


class VerdictForm(forms.Form):
    verdict = forms.CharField(max_length=REVIEW_TEXT_MAX)


class SignOffForm(forms.Form):
    """What a review found, and what is done about it."""

    findings = forms.CharField(max_length=REVIEW_TEXT_MAX)
    measures = forms.CharField(max_length=REVIEW_TEXT_MAX, required=False)


class AnomalyRulesForm(forms.Form):
    """Every threshold with its bounds; the operation holds the same ones."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        for name, bound in BOUNDS.items():
            self.fields[name] = forms.IntegerField(min_value=bound.least, max_value=bound.most)
        self.fields["reason"] = forms.CharField(max_length=REASON_MAX)
