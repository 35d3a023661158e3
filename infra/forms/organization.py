"""What administrators send when they take in many accounts of an organization."""

from __future__ import annotations

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from infra.domain.onboarding import Feature
from infra.forms.accounts import RegionForm

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


class _Numbers(forms.MultipleChoiceField):
    """Account numbers; which of them can begin is for the operation to say, one by one."""

    def valid_value(self, value: str) -> bool:
        return _ACCOUNT.fullmatch(value) is not None


class RolloutForm(RegionForm):
    ids = _Numbers(error_messages={"required": _("Tick at least one account.")})
    feature = forms.MultipleChoiceField(
        choices=[(str(one), "") for one in Feature if one is not Feature.ORGANIZATION],
        error_messages={"required": _("Choose at least one thing that Toban is to do.")},
    )
    managed_only = forms.BooleanField(required=False)
