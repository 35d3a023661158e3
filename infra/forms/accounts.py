"""What administrators send when they take an AWS account in."""

from __future__ import annotations

import re
import unicodedata

from django import forms
from django.utils.translation import gettext_lazy as _

from infra.domain.onboarding import Feature
from medical_audit.domain.errors import Refused
from medical_audit.forms import REASON_MAX

#: Offered as boxes; others are typed.
COMMON_REGIONS = ("ap-northeast-1", "ap-northeast-3")
_BETWEEN = re.compile(r"[\s‐‑–—-]+")
_SEPARATORS = re.compile(r"[\s,、]+")


#: A region that is refused, said at its field; `config.words` says the same to programs.
_REGIONS_REFUSED = {
    "bad_parameter": "",
    "region_unknown": _("There is no AWS region %(region)s. Did you mean: %(alike)s?"),
    "region_other_partition": _(
        "%(region)s belongs to a separate AWS (China or GovCloud), which the roles of this one do not reach."
    ),
}


class RegionForm(forms.Form):
    """Regions as boxes and as text, together in `regions`."""

    region = forms.MultipleChoiceField(choices=[(one, one) for one in COMMON_REGIONS], required=False)
    other_regions = forms.CharField(max_length=400, required=False)

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        typed = [one for one in _SEPARATORS.split(cleaned.get("other_regions", "")) if one]
        cleaned["regions"] = list(dict.fromkeys([*cleaned.get("region", ()), *typed]))
        if not cleaned["regions"] and "region" not in self.errors:
            self.add_error("other_regions", _("Choose at least one region."))
        return cleaned

    def refuse_region(self, why: Refused) -> Refused | None:
        """Say it at the field where a region was refused; gives what is left to be said above the form."""
        if why.params.get("name") != "regions" or why.code not in _REGIONS_REFUSED:
            return why
        self.add_error("other_regions", str(_REGIONS_REFUSED[why.code]) % why.params)
        return why if why.code == "bad_parameter" else None


class RegionChangeForm(RegionForm):
    reason = forms.CharField(max_length=REASON_MAX, error_messages={"required": _("Say why.")})


class AccountNumberField(forms.RegexField):
    """12 digits, also as the AWS console shows them (1111-2222-3333) or as an input method leaves them (full width)."""

    def __init__(self) -> None:
        super().__init__(
            r"^[0-9]{12}$", error_messages={"invalid": _("An AWS account number has 12 digits.")}
        )

    def to_python(self, value: str | None) -> str:
        return _BETWEEN.sub("", unicodedata.normalize("NFKC", str(super().to_python(value))))


class FeatureForm(forms.Form):
    """What Toban is to do in an account."""

    feature = forms.MultipleChoiceField(
        choices=[(str(one), "") for one in Feature],
        error_messages={"required": _("Choose at least one thing that Toban is to do.")},
    )
    managed_only = forms.BooleanField(required=False)


class SetupForm(FeatureForm, RegionForm):
    account_id = AccountNumberField()
    name = forms.CharField(max_length=100)


class FeatureChangeForm(FeatureForm):
    reason = forms.CharField(max_length=REASON_MAX, error_messages={"required": _("Say why.")})
