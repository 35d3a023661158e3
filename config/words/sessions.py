"""Sessions in words: how they ended, what does not add up."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# medical_audit.domain.seats.End: said to the person whose session it was.
ENDS: Final[Mapping[str, Promise | str]] = {
    "signed_out": _("You signed out."),
    "idle": _("Nothing was done for a while, so the seat counts as left."),
    "left_seat": _("You left your seat."),
    "forced": _(
        "Your session was ended: by an administrator, by you at another place, or because your account was closed."
    ),
    "expired": _("A session ends after 12 hours. Sign in again."),
    "cut_off": _("Nothing was heard of your browser for a while, so the seat counts as left."),
}

# medical_audit.domain.counting.Fault: what does not add up.
FAULTS: Final[Mapping[str, Promise | str]] = {
    "no_start": _("The ledger holds an end without a beginning."),
    "no_end": _("The session is over, but the ledger holds no end of it."),
    "ended_twice": _("The ledger holds more than one end."),
    "no_row": _("The ledger holds a beginning, but the session is missing from the list of sessions."),
    "no_event": _("The session stands in the list of sessions, but the ledger holds no beginning of it."),
    "open_too_long": _("It is long past its idle limit and still open: the sweeper does not run."),
    "other_end": _("The ledger and the list of sessions name different ends."),
}
