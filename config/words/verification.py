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
    "operation_differs": _("Operation %(operation)s is not what the ledger says was entered and confirmed."),
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
    "stamp_broken": _("The time stamp of seal %(number)s was not given for it by the authority."),
    "stamp_differs": _("Seal %(number)s says another time than its time stamp."),
    "catalogue_changed": _(
        "What guards the ledger had been changed without notice when seal %(number)s was made."
    ),
    "heartbeat_missing": _("Before seal %(number)s nothing was sealed for a while, and nobody recorded it."),
}
PLATFORM_DAMAGE: Final[Promise | str] = _(
    "Toban's own record, in which changes of the guards and silences of the sealer stand, is damaged: %(found)s"
)
ANCHORS: Final[Mapping[str, Promise | str]] = {
    "file": _("Append-only file"),
    "s3": _("S3 bucket with Object Lock"),
}
#: Why the sealer does not go on (operations.sealing.SealRefused).
SEAL_REFUSALS: Final[Mapping[str, Promise | str]] = {
    "forged": _("The sealer does not go on: the newest seal in the database is not signed by Toban's key."),
    "behind": _(
        "The sealer does not go on: the database ends before a seal that a copy outside holds. It was cut or restored from backup; "
        "two people sign a restore (audit_restore)."
    ),
    "rewritten": _(
        "The sealer does not go on: a seal is another one than the sealer or a copy outside knows."
    ),
    "anchor_unread": _(
        "The sealer has begun anew and does not go on before each copy outside has answered once: only a copy can tell that the database was "
        "restored from backup. Mend the access; sealing then goes on by itself."
    ),
    "heads_differ": _("The sealer does not go on: the stored trees are not those of the newest seal."),
    "broken": _(
        "The sealer met an error of its own in its last round, and its log names it. It tries again each minute."
    ),
    "clock_back": _(
        "The sealer does not go on: the database's clock stands before the newest seal. Set the clock right; sealing then goes on by itself."
    ),
}
#: Why a receiver of the stream did not take what it was sent (anchors.syslog.StreamError).
STREAM_PROBLEMS: Final[Mapping[str, Promise | str]] = {
    "unresolved": _("The receiver's name was not found. Check the name in the file of streams, and the DNS."),
    "unreachable": _("Nobody answers at the receiver's address. Check that it runs, and the firewalls."),
    "untrusted": _(
        "The receiver's certificate is not trusted. Check ca_file and that host is the name in it."
    ),
    "refused_us": _(
        "The receiver refused the connection. Check certificate_file: it wants another certificate."
    ),
    "files": _(
        "A certificate or key file cannot be read. Check the paths and their rights on the sealer's machine."
    ),
    "slow": _("The receiver took too long. Check its load."),
    "cut": _("The connection ended in the middle. Check the receiver's log."),
    "unanswered": _(
        "The receiver ended the connection without saying that it had read everything. If it is known never to say so, write "
        'closing = "ended".'
    ),
}
