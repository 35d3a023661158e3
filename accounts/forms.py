"""The forms at the door, and the choice of notices."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from accounts.domain.channels import (
    CHATS,
    NAME_MAX,
    OFFERED,
    URL_MAX,
    ChannelKind,
    clean_patterns,
    silent_patterns,
)
from accounts.domain.mailboxes import is_mailbox
from accounts.domain.notices import Topic
from accounts.domain.permissions import Role
from accounts.domain.sign_on import Claim, Mode
from accounts.domain.terms import AccountKind, Terms
from accounts.domain.tokens import clean_networks
from accounts.models import User
from medical_audit.domain.errors import Refused
from medical_audit.domain.event_kinds import event_kinds
from medical_audit.domain.seats import CODE_MAX
from medical_audit.forms import REASON_MAX


class SignInForm(forms.Form):
    """Only that both are given; whether they fit is `operations.signing`'s to say, in one sentence for every cause."""

    username = forms.CharField(max_length=60, error_messages={"required": _("Enter your user name.")})
    password = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter your password.")}
    )


def refuse_odd_mailbox(address: str) -> None:
    """What Django takes for an address may be quoted, with signs that break the header of a letter."""
    if not is_mailbox(address):
        raise forms.ValidationError(_("This is no mail address."))


class NoticeForm(forms.Form):
    """Which notices a person wants; an address is needed as soon as anything is to be mailed."""

    inbox = forms.MultipleChoiceField(choices=[(one, one) for one in Topic], required=False)
    mail = forms.MultipleChoiceField(choices=[(one, one) for one in Topic], required=False)
    address = forms.EmailField(
        max_length=254, required=False, validators=[refuse_odd_mailbox], error_messages={"invalid": _("This is no mail address.")}
    )  # fmt: skip
    slack = forms.MultipleChoiceField(choices=[(one, one) for one in Topic], required=False)
    teams = forms.MultipleChoiceField(choices=[(one, one) for one in Topic], required=False)
    slack_url = forms.CharField(max_length=URL_MAX, required=False)
    teams_url = forms.CharField(max_length=URL_MAX, required=False)

    #: Field -> why the operation refused it, as its code.
    refused: dict[str, str]

    def refuse(self, field: str, code: str) -> None:
        self.refused = {**getattr(self, "refused", {}), field: code}
        self.add_error(field, forms.ValidationError("", code=code))

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


class CodeForm(forms.Form):
    """The second step at the door: a code, or what a browser got from a passkey."""

    code = forms.CharField(max_length=CODE_MAX, error_messages={"required": _("Enter the code.")})


class ProofForm(CodeForm):
    """Password and code together; `refused` is the operation's code; who is `signed_on` may have no password."""

    refused = ""

    password = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter your password.")}
    )

    def __init__(self, *arguments: Any, signed_on: bool = False, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["password"].required = not signed_on


class AcceptForm(ProofForm):
    """One's own answer to a tenant that lets one in: proven like a change of what one proves oneself with."""

    code = forms.CharField(max_length=CODE_MAX, required=False)


class AppForm(ProofForm):
    """An app to be taken in: `code` is its first; `proof`: of who has a passkey already, what that answers."""

    proof = forms.CharField(max_length=CODE_MAX, required=False)


class PasskeyForm(ProofForm):
    """A passkey to be taken in: what the person calls it, and what the browser got from the device."""

    name = forms.CharField(max_length=60, error_messages={"required": _("Give it a name.")})
    answer = forms.CharField(
        max_length=CODE_MAX, error_messages={"required": _("The browser got no answer from the device.")}
    )
    code = forms.CharField(max_length=CODE_MAX, required=False)


class InviteForm(forms.Form):
    """Who is invited, and as what; `refused` is the operation's code."""

    refused = ""

    username = forms.CharField(max_length=60, error_messages={"required": _("Choose a user name.")})
    name = forms.CharField(max_length=100, error_messages={"required": _("Enter the person's name.")})
    role = forms.ChoiceField(
        choices=[(role, role) for role in Role], error_messages={"required": _("Choose a role.")}
    )
    email = forms.EmailField(
        max_length=254, required=False, validators=[refuse_odd_mailbox], error_messages={"invalid": _("This is no mail address.")}
    )  # fmt: skip
    reason = forms.CharField(max_length=REASON_MAX, error_messages={"required": _("Say why.")})


class SignOnForm(forms.Form):
    """A tenant's identity provider; the operation looks at it more closely. `refused`: what it said."""

    refused: Refused | None = None

    name = forms.CharField(max_length=60, error_messages={"required": _("Give it a name.")})
    issuer = forms.CharField(
        max_length=500, error_messages={"required": _("Enter the address of the issuer.")}
    )
    client_id = forms.CharField(max_length=200, error_messages={"required": _("Enter the client's id.")})
    secret = forms.CharField(max_length=500, required=False, strip=False)
    claim = forms.ChoiceField(choices=[(one, one) for one in Claim])
    domains = forms.CharField(max_length=2000, required=False)
    reason = forms.CharField(max_length=REASON_MAX, error_messages={"required": _("Say why.")})


class SignOnSwitchForm(forms.Form):
    """Who comes in by the provider. `people`: who may be named to come in by a password all the same."""

    refused: Refused | None = None

    mode = forms.ChoiceField(choices=[(one, one) for one in Mode])
    local_people = forms.MultipleChoiceField(required=False)
    reason = forms.CharField(max_length=REASON_MAX, error_messages={"required": _("Say why.")})

    def __init__(self, *arguments: Any, people: Sequence[tuple[str, str]], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["local_people"].choices = people  # type: ignore[attr-defined]


class TermsForm(forms.Form):
    """On what terms somebody belongs here; the operation knows what each kind asks for."""

    kind = forms.ChoiceField(choices=[(one, one) for one in AccountKind])
    first = forms.DateField(required=False)
    last = forms.DateField(required=False)
    email = forms.EmailField(max_length=254, required=False, validators=[refuse_odd_mailbox])
    company = forms.CharField(max_length=100, required=False)
    holder = forms.CharField(max_length=36, required=False)

    def terms(self) -> Terms:
        return Terms(**self.cleaned_data)


class AdmitForm(forms.Form):
    """Somebody who has an account already and comes in for some days; `refused` is the operation's code."""

    refused = ""

    username = forms.CharField(max_length=60)
    role = forms.ChoiceField(choices=[(role, role) for role in Role])
    company = forms.CharField(max_length=100)
    last = forms.DateField()
    reason = forms.CharField(max_length=REASON_MAX)


class IssueForm(forms.Form):
    """A token for a program's own account."""

    name = forms.CharField(max_length=60)
    networks = forms.CharField(max_length=1000, required=False)
    last_day = forms.DateField()


class NewPasswordForm(forms.Form):
    """A password of one's own, typed twice; what is too short, common or like one's name is refused."""

    refused = ""

    password = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter your new password.")}
    )
    again = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter it once more.")}
    )

    def __init__(self, *arguments: Any, user: User, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.user = user

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        password, again = cleaned.get("password"), cleaned.get("again")
        if password and again and password != again:
            self.add_error("again", _("The two are not the same."))
        if password:
            try:
                validate_password(password, self.user)
            except forms.ValidationError as weak:
                self.add_error("password", weak)
        return cleaned


class InvitationForm(NewPasswordForm):
    """`code`: the half that the confirmer gave the person; the link is the other."""

    code = forms.CharField(max_length=60, error_messages={"required": _("Enter the code.")})

    field_order = ("code", "password", "again")


class PasswordChangeForm(NewPasswordForm):
    current = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter your password.")}
    )
    code = forms.CharField(max_length=CODE_MAX, required=False)

    field_order = ("current", "code", "password", "again")


class TokenForm(forms.Form):
    """A new API token. `allowed`: the permissions that the person may put into it; `refused`: the operation's code."""

    refused = ""

    name = forms.CharField(max_length=60, error_messages={"required": _("Say which program it is for.")})
    permissions = forms.MultipleChoiceField(error_messages={"required": _("Choose at least one permission.")})
    networks = forms.CharField(max_length=1000, required=False)
    last_day = forms.DateField(error_messages={"required": _("Say until when it holds.")})
    reason = forms.CharField(
        max_length=REASON_MAX, error_messages={"required": _("Say what it is needed for.")}
    )
    password = forms.CharField(
        strip=False, max_length=1000, error_messages={"required": _("Enter your password.")}
    )
    code = forms.CharField(max_length=CODE_MAX, required=False)

    def __init__(
        self, *arguments: Any, allowed: Sequence[str], signed_on: bool = False, **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["password"].required = not signed_on
        self.fields["permissions"].choices = [(one, one) for one in allowed]  # type: ignore[attr-defined]

    def clean_networks(self) -> list[str]:
        """Networks separated by commas, spaces or lines."""
        try:
            return clean_networks(self.cleaned_data["networks"].replace(",", " ").split())
        except ValueError:
            raise forms.ValidationError(
                _(
                    "Write networks like 203.0.113.0/24 or 203.0.113.7, separated by spaces; empty means from anywhere."
                )
            ) from None


class ChannelForm(forms.Form):
    """A receiver of events; `refused` is the operation's code. `fixed`: the kind, where one is changed that is there."""

    refused = ""

    kind = forms.ChoiceField(choices=[(one, one) for one in ChannelKind])
    name = forms.CharField(max_length=NAME_MAX, error_messages={"required": _("Give it a name.")})
    url = forms.CharField(max_length=URL_MAX, error_messages={"required": _("Enter the address.")})
    events = forms.MultipleChoiceField(choices=[(one, one) for one in OFFERED], required=False)
    patterns = forms.CharField(max_length=1000, required=False)
    topics = forms.MultipleChoiceField(choices=[(one, one) for one in Topic], required=False)
    language = forms.ChoiceField(choices=[("ja", "ja"), ("en", "en")])
    reason = forms.CharField(max_length=REASON_MAX, error_messages={"required": _("Say why.")})

    def __init__(self, *arguments: Any, fixed: str = "", **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fixed = fixed
        if fixed:
            del self.fields["kind"]
        if fixed in CHATS:
            del self.fields["url"]

    def clean(self) -> dict[str, Any]:
        """`wanted`: topics of a chat, kinds of events of a webhook."""
        cleaned = super().clean() or {}
        kind = self.fixed or cleaned.get("kind", "")
        typed = cleaned.get("patterns", "").replace(",", " ").split()
        chat = kind in CHATS
        wanted = cleaned.get("topics", []) if chat else clean_patterns([*cleaned.get("events", []), *typed])
        if wanted is None and (typed or cleaned.get("events")):
            self.add_error("patterns", _("Write kinds like operation.failed or operation.*, or * for all."))
        elif not chat and (silent := silent_patterns(wanted or [], event_kinds())):
            strange, near = next(iter(silent.items()))
            said = _("No event that is sent is of the kind %(name)s. Written much like it: %(near)s.")
            self.add_error("patterns", said % {"name": strange, "near": ", ".join(near) or "operation.*"})
        elif not wanted:
            self.add_error("topics" if chat else "patterns", _("Choose what is sent."))
        return cleaned | {"kind": kind, "wanted": wanted or []}
