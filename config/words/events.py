"""Ledger events: one sentence and one name per kind."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

EVENTS: Final[Mapping[str, Promise | str]] = {
    "operation.entered": _("%(actor)s entered: %(operation)s."),
    "operation.confirmed": _("%(actor)s confirmed: %(operation)s."),
    "operation.rejected": _("%(actor)s rejected: %(operation)s. Reason: %(reason)s"),
    "operation.withdrawn": _("%(actor)s withdrew the own entry: %(operation)s."),
    "operation.expired": _("Nobody confirmed in time, so it expired: %(operation)s."),
    "operation.cancelled": _("%(actor)s cancelled: %(operation)s."),
    "operation.leased": _("Toban took it up: %(operation)s."),
    "operation.called": _("Toban is about to call AWS: %(operation)s."),
    "operation.accepted": _("AWS accepted the call: %(operation)s."),
    "operation.succeeded": _("Done, and verified with AWS: %(operation)s."),
    "operation.failed": _("Failed: %(operation)s. %(problem)s"),
    "operation.unknown": _("AWS gave no answer, so the outcome is being looked up: %(operation)s."),
    "operation.missed": _("Missed, its time has passed: %(operation)s."),
    "operation.retried": _("To be tried again: %(operation)s. %(problem)s"),
    "operation.postponed": _("Postponed: %(operation)s. %(problem)s"),
    "schedule.skipped": _("Not carried out, as planned: %(operation)s. %(reason)s"),
    "schedule.skipped_earlier": _(
        "Not carried out, as planned, while Toban was away: %(number)s times %(operation)s, last with the reason: %(reason)s"
    ),
    "schedule.observed": _("Only observed, because the automation is off: %(operation)s."),
    "schedule.unauthorised": _(
        "Left out: %(entries)s planned actions rest on something that %(subject)s did not confirm."
    ),
    "schedule.long_outage": _(
        "Toban was away for long: %(older)s more planned changes of %(subject)s were missed."
    ),
    "calendar.list_adopted": _("%(actor)s took in a list of national holidays, which is in force now."),
    "calendar.list_quarantined": _(
        "%(actor)s took in a list of national holidays; it differs and waits for a person."
    ),
    "calendar.list_refused": _("A list of national holidays was refused. The last good one stays in force."),
    "schedule.drafted": _("%(actor)s saved a draft of the schedule %(subject)s."),
    "schedule.draft_discarded": _("%(actor)s threw the draft of the schedule %(subject)s away."),
    "schedule.finding": _("The schedule tag of %(subject)s cannot be read, so nothing is done: %(reason)s"),
    "schedule.mended": _("The schedule tag %(tag)s of %(subject)s can be read again."),
    "price.set": _(
        "%(actor)s set the price of %(subject)s: %(per_hour)s %(currency)s an hour (%(source)s, as of %(as_of)s)."
    ),
    "price.removed": _("%(actor)s removed the price of %(subject)s."),
    "session.signed_in": _("%(actor)s signed in."),
    "session.signed_out": _("%(actor)s signed out."),
    "session.failed": _("A sign-in as %(subject)s failed."),
    "inventory.synced": _("The inventory of %(subject)s was read from AWS."),
    "account.unreachable": _("The AWS account %(subject)s could not be read. %(problem)s"),
    "account.reachable": _("The AWS account %(subject)s can be read again."),
    "account.registered": _("%(actor)s made the AWS account %(subject)s known to Toban."),
    "account.setup_begun": _("%(actor)s began to take in the AWS account %(subject)s."),
    "account.setup_given_up": _("%(actor)s gave up taking in the AWS account %(subject)s."),
    "account.proof_asked": _("%(actor)s asked for a proof of the roles of the AWS account %(subject)s."),
    "account.proof_ended": _("The roles of the AWS account %(subject)s were tried."),
    "tenant.founded": _("The tenant %(subject)s was founded."),
    "member.granted": _("%(subject)s was given a role."),
    "user.created": _("%(subject)s was made known to Toban."),
    "session.reauthentication_failed": _("%(actor)s gave a wrong password when confirming."),
    "ledger.viewed": _("%(actor)s read the ledger."),
    "ledger.sealing_resumed": _("The ledger is sealed again, after a silence since seal %(after)s."),
    "ledger.catalogue_changed": _(
        "What guards the ledger was changed in an announced maintenance. Reason: %(reason)s"
    ),
    "ledger.verification_asked": _("%(actor)s had the ledger verified."),
    "ledger.verified": _("The ledger was verified up to event %(events)s."),
    "ledger.exported": _("%(actor)s exported the ledger: %(events)s events."),
    "breaker.opened": _(
        "Calls to the AWS account %(subject)s are paused after repeated failures. %(problem)s"
    ),
    "breaker.closed": _("The AWS account %(subject)s answers again, calls go on."),
    "volume.named": _("The EBS volume %(subject)s got the Name tag %(name)s."),
}

# Names of event kinds alone, for the filter.
EVENT_KINDS: Final[Mapping[str, Promise | str]] = {
    "operation.entered": _("Operation entered"),
    "operation.confirmed": _("Operation confirmed"),
    "operation.rejected": _("Operation rejected"),
    "operation.withdrawn": _("Operation withdrawn"),
    "operation.expired": _("Operation expired"),
    "operation.cancelled": _("Operation cancelled"),
    "operation.leased": _("Operation taken up"),
    "operation.called": _("AWS call intended"),
    "operation.accepted": _("AWS call accepted"),
    "operation.succeeded": _("Operation done"),
    "operation.failed": _("Operation failed"),
    "operation.unknown": _("Outcome unknown"),
    "operation.missed": _("Operation missed"),
    "operation.retried": _("Operation to be tried again"),
    "operation.postponed": _("Operation postponed"),
    "schedule.skipped": _("Planned start or stop skipped"),
    "schedule.skipped_earlier": _("Planned starts or stops skipped earlier"),
    "schedule.observed": _("Only observed"),
    "schedule.unauthorised": _("Planned action left out"),
    "schedule.long_outage": _("Long outage"),
    "calendar.list_adopted": _("List of holidays taken over"),
    "calendar.list_quarantined": _("List of holidays waits for a person"),
    "calendar.list_refused": _("List of holidays refused"),
    "schedule.drafted": _("Schedule drafted"),
    "schedule.draft_discarded": _("Draft discarded"),
    "schedule.finding": _("Tag to correct"),
    "schedule.mended": _("Tag corrected"),
    "price.set": _("Price set"),
    "price.removed": _("Price removed"),
    "session.signed_in": _("Signed in"),
    "session.signed_out": _("Signed out"),
    "session.failed": _("Sign-in failed"),
    "inventory.synced": _("Inventory read"),
    "account.unreachable": _("AWS account not reachable"),
    "account.reachable": _("AWS account reachable again"),
    "account.registered": _("AWS account made known"),
    "account.setup_begun": _("AWS account begun"),
    "account.setup_given_up": _("AWS account given up"),
    "account.proof_asked": _("Proof of roles asked for"),
    "account.proof_ended": _("Roles tried"),
    "tenant.founded": _("Tenant founded"),
    "member.granted": _("Role given"),
    "user.created": _("Person made known"),
    "session.reauthentication_failed": _("Wrong password at a confirmation"),
    "ledger.viewed": _("Ledger read"),
    "ledger.sealing_resumed": _("Sealing resumed"),
    "ledger.catalogue_changed": _("Guards of the ledger changed"),
    "ledger.verification_asked": _("Verification asked for"),
    "ledger.verified": _("Ledger verified"),
    "ledger.exported": _("Ledger exported"),
    "breaker.opened": _("AWS account paused"),
    "breaker.closed": _("AWS account answers again"),
    "volume.named": _("EBS volume named"),
}
