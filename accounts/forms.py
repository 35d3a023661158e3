"""The forms at the door, and the choice of notices."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices import Topic


class SignInForm(forms.Form):
    """Only that both are given; whether they fit is `operations.signing`'s to say, in one sentence for every cause."""

    username = forms.CharField(max_length=60, error_messages={"required": _("Enter your user name.")})
    password = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter your password.")}
    )


class NoticeForm(forms.Form):
    """Which notices a person wants; an address is needed as soon as anything is to be mailed."""

    inbox = forms.MultipleChoiceField(choices=[(one, one) for one in Topic], required=False)
    mail = forms.MultipleChoiceField(choices=[(one, one) for one in Topic], required=False)
    address = forms.EmailField(
        max_length=254, required=False, error_messages={"invalid": _("This is no mail address.")}
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        address = cleaned.get("address", "")
        if cleaned.get("mail") and not address and "address" not in self.errors:
            self.add_error("address", _("Say where the mails are to go."))
        domains = settings.TOBAN_MAIL_DOMAINS
        if address and domains and address.rpartition("@")[2].lower() not in domains:
            said = _("Mails go to these domains only: %(domains)s") % {"domains": ", ".join(domains)}
            self.add_error("address", said)
        return cleaned
