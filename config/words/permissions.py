"""What each permission lets its holder do."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# accounts.domain.permissions.Permission
PERMISSIONS: Final[Mapping[str, Promise | str]] = {
    "resource.view": _("See resources, schedules, calendars and accounts"),
    "operation.view": _("See operations and tickets"),
    "power.enter": _("Enter starts and stops"),
    "power.confirm": _("Confirm starts and stops"),
    "volume.tag": _("Name volumes"),
    "volume.delete": _("Enter the deletion of volumes"),
    "volume.delete.confirm": _("Confirm the deletion of volumes"),
    "database.edit": _("Enter changes of databases and the deletion of their snapshots"),
    "database.confirm": _("Confirm changes of databases and the deletion of their snapshots"),
    "automation.enter": _(
        "Take AWS accounts in, enter what Toban does there and that their clock is switched"
    ),
    "automation.confirm": _("Confirm what Toban does in an account and that its clock is switched"),
    "schedule.edit": _("Write schedules, enter their publication"),
    "schedule.confirm": _("Confirm schedules"),
    "override.enter": _("Enter overrides"),
    "override.confirm": _("Confirm overrides"),
    "calendar.edit": _("Enter changes of the calendar"),
    "calendar.confirm": _("Confirm changes of the calendar"),
    "price.edit": _("Change prices"),
    "operation.reject": _("Reject what others entered"),
    "operation.cancel": _("Cancel what is confirmed and not begun"),
    "ledger.view": _("Read the ledger, sessions and verifications"),
    "session.end": _("End sessions and tokens of others"),
    "policy.edit": _("Enter changes of policies"),
    "policy.confirm": _("Confirm changes of policies"),
    "ticket.edit": _("Connect Redmine, enter ticket rules"),
    "ticket.confirm": _("Confirm Redmine and ticket rules"),
    "ticket.decide": _("Decide about tickets that are stuck or differ"),
    "delegation.give": _("Let others enter in one's own name, name deputies"),
    "record.correct": _("Enter corrections of records"),
    "member.edit": _("Invite people, enter changes of their roles"),
    "member.confirm": _("Confirm who belongs to the tenant and as what"),
    "review.write": _("Review the records, sign reviews"),
    "emergency.ask": _("Ask for an emergency right"),
    "emergency.open": _("Open emergency rights for others"),
    "channel.edit": _("Enter where events go outside, decide about messages that were not taken"),
    "channel.confirm": _("Confirm where events go outside"),
    "own.change": _(
        "Take one's own things back: entries that wait, tokens, an emergency right, what one is told of"
    ),
    "token.make": _("Make API tokens for oneself"),
}
