"""What people send about projects."""

from django import forms
from django.utils.translation import gettext_lazy as _

from medical_audit.forms import REASON_MAX


class ProjectForm(forms.Form):
    """`tag_values`: separated by commas, because values may hold spaces; `refused` is the operation's code."""

    refused = ""

    name = forms.CharField(max_length=300, error_messages={"required": _("Give it a name.")})
    owner = forms.CharField(max_length=200, error_messages={"required": _("Say whose it is.")})
    tag_key = forms.CharField(max_length=128, error_messages={"required": _("Name the tag.")})
    tag_values = forms.CharField(max_length=5000, error_messages={"required": _("Enter at least one value.")})
    reason = forms.CharField(max_length=REASON_MAX, error_messages={"required": _("Say why.")})

    def clean_tag_values(self) -> list[str]:
        text: str = self.cleaned_data["tag_values"]
        return [one.strip() for one in text.replace("、", ",").split(",") if one.strip()]
