"""What went wrong at a Redmine, and why something about it cannot be entered: a part of codes.CODES."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REDMINE_CODES: Final[Mapping[str, Promise | str]] = {
    # Redmine: what went wrong there
    "redmine_unreachable": _(
        "Redmine could not be reached, so nothing was sent. Toban tries again by itself."
    ),
    "redmine_certificate": _(
        "The certificate of Redmine is not trusted. Add your authority with TOBAN_CA_BUNDLE."
    ),
    "redmine_no_answer": _("Redmine gave no answer. Toban looks up what happened and does not guess."),
    "redmine_busy": _("Redmine is overloaded or in maintenance. Toban tries again by itself."),
    "redmine_broken": _(
        "Redmine answered with an internal error. Toban tries again by itself; Redmine's log says more."
    ),
    "redmine_key_refused": _("Redmine refuses the API key. Give a new key of a user who is not locked."),
    "redmine_not_redmine": _(
        "What answered is no Redmine: a redirect, a sign-in page or a proxy. Check the address, and that REST is on."
    ),
    "redmine_filter_broken": _(
        "Redmine gave issues that do not carry Toban's key, so nothing is written. Tick “Used as a filter” at the field portal_key."
    ),
    "redmine_forbidden": _(
        "Redmine does not allow it: the project is closed or archived, or the role lacks a right."
    ),
    "redmine_missing": _(
        "The ticket or the project no longer exists in Redmine. Trying again makes a new ticket."
    ),
    "redmine_key_gone": _(
        "The Redmine ticket no longer holds Toban's key: put the key back, or move it to a project with the field portal_key. Trying again makes a new ticket."
    ),
    "redmine_invalid": _(
        "Redmine refuses the content, for example a required field that Toban does not fill."
    ),
    "redmine_unforeseen": _(
        "Toban could not make anything of what Redmine answered and tries again. Tell whoever runs Toban; its log names the cause."
    ),
    "redmine_key_not_kept": _(
        "Redmine did not keep Toban's key in the field portal_key. Enable the field for the project and the tracker."
    ),
    "redmine_error": _("Redmine answered with an error."),
    "key_unsealable": _(
        "The stored API key is missing or cannot be opened. Connect the Redmine again with a new key, or put the old sealing key back into TOBAN_SECRETS_KEYS."
    ),
    # Redmine: why something cannot be entered
    "no_seal_key": _(
        "No key for sealing secrets is set. Set TOBAN_SECRETS_KEYS, then give the API key again."
    ),
    "bad_key": _("An API key has letters and digits only. Copy it from “My account” in Redmine."),
    "redmine_not_ready": _("The look at the Redmine found something that must be mended first."),
    "redmine_not_connected": _(
        "No Redmine is connected. An administrator connects one at Tickets, Redmine and rules."
    ),
    "no_ticket_rule": _(
        "No rule says where tickets of its project go. An administrator enters one at Tickets, Redmine and rules; then ask again."
    ),
    "ticket_there": _("It has its ticket already, or stands in the one for all of its project."),
    "ticket_asked": _("A ticket is asked for already, and is being written."),
    "not_left_over": _(
        "It is not left over: it serves something, was unattached only lately, is kept for now, or is gone."
    ),
    "redmine_project_unusable": _("This Redmine project cannot take tickets: see what the look at it found."),
    "nothing_to_tell": _("Choose at least one thing that becomes a ticket."),
    "rule_changed": _("The rule was changed meanwhile. Look at it again."),
}
