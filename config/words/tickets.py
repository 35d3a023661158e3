"""Tickets: what a look at a Redmine found, how they stand, and where Redmine and Toban differ."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from config.words.codes import CODES
from config.words.repositories import REPOSITORY_CHECKS

#: What a look found: one sentence each, with what is to be done where something is.
CHECKS: Final[Mapping[str, Promise | str]] = {
    **{
        code: text
        for code, text in CODES.items()
        if code.startswith(("redmine_", "git_", "mirror_")) or code == "key_unsealable"
    },
    **REPOSITORY_CHECKS,
    "key_accepted": _("The API key is accepted; Toban acts there as the user %(login)s."),
    "key_is_admin": _(
        "%(login)s is an administrator of Redmine. Better give Toban a user of its own with a role in its projects."
    ),
    "server_too_old": _("This Redmine is older than 4.2 and does not tell what Toban must know."),
    "statuses_missing": _("There must be an open and a closed status."),
    "no_project": _("The user %(login)s sees no open project with issue tracking. Make it a member of one."),
    "projects_seen": _("Projects that can take tickets: %(n)s."),
    "field_missing": _(
        "The field %(field)s is missing. In Redmine, as administrator: Administration > Custom fields > New > Issues, format Text, name %(field)s, tick “Used as a filter”, choose trackers and projects. Then look again."
    ),
    "field_partly": _(
        "The field %(field)s is not used in these projects, which cannot take tickets: %(projects)s."
    ),
    "field_found": _("The field %(field)s, by which tickets are found again, is there."),
    "filter_works": _("Looking for a key gives only its own ticket."),
    "filter_unproven": _(
        "There is no ticket yet to prove it, but every ticket found is checked for its %(field)s."
    ),
    "filter_broken": _(
        "Redmine does not filter by %(field)s, so tickets would be made twice. Tick “Used as a filter” at this field, then look again."
    ),
    "rights_enough": _("The role allows to view, add, edit and note."),
    "rights_missing": _("The role lacks rights (%(rights)s) in: %(projects)s."),
}

DIVERGED: Final[Mapping[str, Promise | str]] = {
    "moved_by_a_person": _("The trouble is over, but a person has changed the status in Redmine meanwhile."),
    "opened_by_a_person": _("Toban closed it, and a person opened it again in Redmine."),
    "status_refused": _(
        "Redmine took the note but not the status: its workflow does not allow Toban's user this move."
    ),
    "several_issues": _(
        "Several Redmine tickets carry the same key. Toban writes into the oldest; close the others."
    ),
    "issue_gone": _("The ticket was deleted in Redmine."),
    "key_gone": _(
        "The Redmine ticket no longer holds Toban's key: it was moved to a project without the field, or the field was changed. Toban writes nothing into it."
    ),
    "project_closed": _(
        "The Redmine project was closed, so nothing can be written into this ticket. Open it again there, or change the rule."
    ),
    "issue_hidden": _("The ticket cannot be read any more: its project is closed to Toban's user."),
}

#: How an entry ended, or why it waits.
ENTRY_OUTCOMES: Final[Mapping[str, Promise | str]] = {
    **CODES,
    "created": _("Ticket made."),
    "noted": _("Note written."),
    "reopened": _("Opened again."),
    "closed": _("Closed."),
    "closed_already": _("It was closed already."),
    "snoozed": _("Left alone: a person closed it."),
    "status_refused": _("Note written, status refused."),
    "no_issue": _("There was no ticket to close."),
}

#: What a rule may tell of besides failures and confirmations; a ticket's name for one thing, and for all of a project.
TOPICS: Final[Mapping[str, Promise | str]] = {
    "volume": _("EBS volumes that are left over"),
    "review": _("Reviews of the ledger that are overdue"),
    "deletion": _("Deletions of EBS volumes, from the entry to the end"),
    "restore": _("Restores from snapshots, from the entry to the end"),
    "rotation": _("Certificate campaigns, each database from the beginning of its wave to the end"),
}
FOR_ALL = _("%(topic)s (one ticket for all of a project)")
FINDINGS: Final[Mapping[str, Promise | str]] = {
    "volume": _("EBS volume %(target)s is left over"),
    "review": _("Review of the ledger of %(target)s is overdue"),
}
FINDINGS_FOR_ALL: Final[Mapping[str, Promise | str]] = {
    "volume": _("EBS volumes left over in the project %(project)s"),
}
FINDINGS_WITHOUT_PROJECT: Final[Mapping[str, Promise | str]] = {
    "volume": _("EBS volumes left over that belong to no project"),
}
