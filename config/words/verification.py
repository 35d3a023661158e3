"""What is wrong with a ledger, in words; where copies of the seals lie."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DAMAGES: Final[Mapping[str, Promise | str]] = {
    "edited": _("Event %(number)s was changed after it was recorded."),
    "removed": _("Event %(number)s was removed."),
    "reordered": _("Event %(number)s stands in another order than it was recorded in."),
    "unlinked": _("An event stands in the ledger that the chain does not hold, after event %(number)s."),
    "head_differs": _("The end of the chain, at event %(number)s, is not the one that the database wrote."),
    "tail_cut": _("Events from number %(number)s on were cut off."),
    "wiped": _("The whole ledger was wiped out."),
    "recomputed": _("From event %(number)s on the ledger was rewritten: it is not what was sealed."),
    "back_dated": _("Event %(number)s was put in later under an earlier time."),
}
SEAL_DAMAGES: Final[Mapping[str, Promise | str]] = {
    "seal_broken": _("Seal %(number)s is missing, or not signed by Toban's key."),
    "tail_cut": _(
        "Seals from number %(number)s on were cut off: a copy outside the database still holds them."
    ),
    "wiped": _("All seals were wiped out: a copy outside the database still holds them."),
    "recomputed": _(
        "Seal %(number)s does not fit the ledgers of all tenants, or its copy outside the database."
    ),
    "back_dated": _("Seal %(number)s bears a time before the seal that precedes it."),
    "catalogue_changed": _(
        "What guards the ledger had been changed without notice when seal %(number)s was made."
    ),
    "heartbeat_missing": _("Before seal %(number)s nothing was sealed for a while, and nobody recorded it."),
}
#: What the kinds of damage of the seals are called where there is no number.
ANCHORS: Final[Mapping[str, Promise | str]] = {
    "file": _("Append-only file"),
    "s3": _("S3 bucket with Object Lock"),
}
