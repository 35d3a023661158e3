"""The forms at the door."""

from django import forms
from django.utils.translation import gettext_lazy as _


class SignInForm(forms.Form):
    """Only that both are given; whether they fit is `operations.signing`'s to say, in one sentence for every cause."""

    username = forms.CharField(max_length=60, error_messages={"required": _("Enter your user name.")})
    password = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter your password.")}
    )
