"""What a planner sends to read a planning file in."""

from __future__ import annotations

from typing import Any

from django import forms

from infra.domain.yaml_tree import BYTES_MAX
from medical_audit.forms import REASON_MAX


class ImportForm(forms.Form):
    """The file itself at first, its text again when it is entered; `seen` is the digest of what was looked at."""

    file = forms.FileField(required=False, max_length=200)
    text = forms.CharField(required=False, strip=False)
    remove = forms.BooleanField(required=False)
    then = forms.ChoiceField(choices=[("look", ""), ("enter", "")])
    seen = forms.CharField(required=False, max_length=64)
    reason = forms.CharField(required=False, max_length=REASON_MAX)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("file") and not cleaned.get("text"):
            self.add_error("file", "missing")
        return cleaned

    def data_of_file(self) -> bytes:
        """The bytes of the file, at most one more than may be read."""
        file = self.cleaned_data["file"]
        if file is not None:
            data: bytes = file.read(BYTES_MAX + 1)
            return data
        return str(self.cleaned_data["text"]).encode()
