"""Where events go outside, in words: kinds of receivers, what is entered about them, what went wrong there."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words.look import State

CHANNEL_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "channel.open": (_("Send events outside"), _("Send events of this tenant to %(target)s")),
    "channel.change": (_("Change a receiver"), _("Change where or which events go to %(target)s")),
    "channel.rotate": (_("New webhook secret"), _("Sign what goes to %(target)s with a new secret")),
    "channel.end": (_("End a receiver"), _("Send nothing more to %(target)s")),
}
CHANNEL_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "channel.open": (
        _("From its confirmation on, what happens leaves this house for the address above, without names of persons."),
        _("Can be undone: end the receiver. What was sent stays there."),
    ),
    "channel.change": (
        _("From its confirmation on, what happens and what still waits goes there as stated above."),
        _("Can be undone: change it back. What was sent stays there."),
    ),
    "channel.rotate": (
        _("From its confirmation on, each message is signed with both secrets for 24 hours, then with the new one alone."),
        _("Can be undone: exchange it once more."),
    ),
    "channel.end": (
        _("Nothing is sent there any more, what waits included, and the secret is destroyed."),
        _("Can be undone: enter it as a new receiver. What waited is not sent then."),
    ),
}  # fmt: skip
_ADDRESS: Final = {
    "receiver": pgettext_lazy("channel", "Kind"),
    "name": _("Name"),
    "url": _("Address"),
    "host": _("Host"),
    "wanted": _("What is sent"),
    "language": _("Language"),
    "fingerprint": _("Fingerprint of the secret"),
}
CHANNEL_FACTS: Final[Mapping[str, Mapping[str, Promise | str]]] = dict.fromkeys(CHANNEL_KINDS, _ADDRESS)

CHANNEL_EVENTS: Final[Mapping[str, Promise | str]] = {
    "channel.own_chosen": _("%(actor)s chose what comes into the own room of %(subject)s."),
    "channel.own_ended": _("%(actor)s ended the notices in the own room of %(subject)s."),
    "channel.secret_gone": _(
        "A secret of the receiver %(subject)s with which nothing is signed any more was deleted."
    ),
    "channel.dead": _(
        "The receiver %(subject)s did not take a message; it is kept for a person. %(problem)s"
    ),
    "channel.replayed": _("%(actor)s had %(items)s messages sent to the receiver %(subject)s once more."),
    "channel.discarded": _("%(actor)s left out a message to the receiver %(subject)s for good."),
    "channel.resealed": _("A secret of the receiver %(subject)s was sealed with a new key."),
}
CHANNEL_EVENT_KINDS: Final[Mapping[str, Promise | str]] = {
    "channel.own_chosen": _("Own chat chosen"),
    "channel.own_ended": _("Own chat ended"),
    "channel.secret_gone": _("Unused secret deleted"),
    "channel.dead": _("Message not taken"),
    "channel.replayed": _("Message sent once more"),
    "channel.discarded": _("Message left out"),
    "channel.resealed": _("Webhook secret sealed anew"),
}
CHANNEL_CODES: Final[Mapping[str, Promise | str]] = {
    "no_such_event": _(
        "No event that is sent is of the kind %(name)s. Written much like it: %(near)s."
    ),
    "bad_chat_host": _(
        "This is no address of an incoming webhook of this chat. The operator of Toban can add hosts with TOBAN_CHAT_HOSTS."
    ),
    "chat_address_missing": _("Paste the address of the incoming webhook."),
    "bad_channel_secret": _("Give a secret of whsec_ and 24 to 64 bytes in base64, or leave it out."),
    "channel_without_secret": _("A chat has no secret besides its address: enter a new receiver and end this one."),
    "feed_changed": _("The address was changed meanwhile. Look again and enter it anew."),
    "channel_changed": _("The receiver was changed meanwhile. Look again and enter it anew."),
    "bad_certificate": _("The certificate of the server is not trusted. Use another address, or take in the file itself."),
    "receiver_unreachable": _("The receiver could not be reached. Toban tries again by itself, ever more seldom."),
    "receiver_bad_certificate": _(
        "The certificate of the receiver is not trusted. Mend it there, or add your authority with TOBAN_CA_BUNDLE."
    ),
    "receiver_too_slow": _("The receiver did not answer within 10 seconds. Toban tries again by itself."),
    "receiver_too_large": _("The headers of the receiver's answer are too large."),
    "receiver_cut_off": _("The receiver's answer was cut off. Toban tries again by itself."),
    "receiver_private_address": _(
        "The receiver's name now leads into a private network, so nothing was sent. TOBAN_CHANNEL_NETWORKS opens networks."
    ),
    "receiver_bad_url": _("The receiver's address cannot be used. Change it."),
    "receiver_https_only": _("The receiver's address has no https. Change it."),
    "receiver_moved": _("The receiver answered with a redirect, which is not followed. Enter the address it moved to."),
    "receiver_refused": _("The receiver answered with an error. Toban tries again by itself; its own log says more."),
    "receiver_secret_gone": _("The receiver's secret is gone. Enter the receiver anew."),
    "receiver_secret_unsealable": _(
        "The stored secret cannot be opened: its key is missing. Put it back into TOBAN_SECRETS_KEYS."
    ),
}  # fmt: skip

CHANNEL_KIND_NAMES: Final[Mapping[str, Promise | str]] = {
    "webhook": _("Webhook"),
    "slack": "Slack",
    "teams": "Microsoft Teams",
}
#: The ways by which a person is told, as the choice of notices names them.
WAYS: Final[Mapping[str, Promise | str]] = {
    "inbox": pgettext_lazy("notice", "Portal"),
    "mail": pgettext_lazy("notice", "Mail"),
    "slack": "Slack",
    "teams": "Teams",
}
CHANNEL_STATES: Final[Mapping[str, State]] = {
    "draft": State("waiting", pgettext_lazy("channel", "Waits for confirmation")),
    "active": State("done", pgettext_lazy("channel", "Sends")),
    "failing": State("failed", pgettext_lazy("channel", "Not taken")),
    "ended": State("excluded", pgettext_lazy("channel", "Ended")),
}
DISPATCH_STATES: Final[Mapping[str, State]] = {
    "waiting": State("waiting", pgettext_lazy("message", "Waits")),
    "trying": State("transition", pgettext_lazy("message", "Being sent")),
    "done": State("done", pgettext_lazy("message", "Taken")),
    "dropped": State("excluded", pgettext_lazy("message", "Left out")),
    "dead": State("failed", pgettext_lazy("message", "Not taken: decide")),
}
