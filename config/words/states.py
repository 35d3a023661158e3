"""States with their look, kinds, roles and actors: the short words on badges and in tables."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words.accounts import FEATURE_STATES, LOOKING_STATES, MEMBER_STATES
from config.words.audits import EDITION_STATES, TEST_STATES
from config.words.channels import CHANNEL_STATES, DISPATCH_STATES
from config.words.database_states import (
    DATABASE_WARNINGS,
    DIAGNOSIS_STATES,
    REACH_STATES,
    ROTATION_STATES,
    SNAPSHOT_STATES,
)
from config.words.look import State

RESOURCE_STATES: Final[Mapping[str, State]] = {
    "running": State("running", _("Running")),
    "available": State("running", _("Running")),
    "stopped": State("stopped", _("Stopped")),
    "transition": State("transition", _("In transition")),
    "pending": State("transition", _("Starting")),
    "starting": State("transition", _("Starting")),
    "stopping": State("transition", _("Stopping")),
    "shutting-down": State("transition", _("Being deleted")),
    "deleting": State("transition", _("Being deleted")),
    "terminated": State("excluded", _("Deleted")),
    "deleted": State("excluded", _("Deleted")),
    "gone": State("excluded", _("Deleted")),
    "any": State("excluded", _("Left as it is")),
    "excluded": State("excluded", _("Excluded")),
    "failed": State("failed", _("Failed")),
    "unknown": State("unknown", _("Unknown")),
}

OPERATION_STATES: Final[Mapping[str, State]] = {
    "entered": State("waiting", _("Waiting for confirmation")),
    "confirmed": State("confirmed", _("Confirmed")),
    "running": State("transition", _("Being carried out")),
    "succeeded": State("done", _("Done")),
    "failed": State("failed", _("Failed")),
    "unknown": State("unknown", _("Outcome unknown")),
    "missed": State("failed", _("Missed")),
    "late": State("late", _("Late")),
    "rejected": State("excluded", _("Rejected")),
    "withdrawn": State("excluded", _("Withdrawn")),
    "expired": State("excluded", _("Expired")),
    "cancelled": State("excluded", _("Cancelled")),
}

# A mark on the day band: what became of a planned start or stop.
MARK_STATES: Final[Mapping[str, State]] = {
    "done": State("done", pgettext_lazy("mark", "done")),
    "late": State("late", pgettext_lazy("mark", "late")),
    "missed": State("failed", pgettext_lazy("mark", "missed or failed")),
    "waiting": State("waiting", pgettext_lazy("mark", "planned")),
    "skipped": State("excluded", pgettext_lazy("mark", "skipped")),
}

# How one check of an account's proof, one region, or the clock of an account stands.
ACCOUNT_STATES: Final[Mapping[str, State]] = {
    "passed": State("done", pgettext_lazy("check", "Right")),
    "failed": State("failed", pgettext_lazy("check", "Wrong")),
    "untried": State("unknown", pgettext_lazy("check", "Not tried")),
    "refused": State("failed", pgettext_lazy("check", "AWS refused it")),
    "ok": State("done", pgettext_lazy("account", "Answers")),
    "late": State("late", pgettext_lazy("account", "Look is late")),
    "new": State("waiting", pgettext_lazy("account", "Not looked at yet")),
    "unreachable": State("failed", pgettext_lazy("account", "Does not answer")),
    "waits": State("waiting", pgettext_lazy("account", "Waits for a proof")),
    "left": State("excluded", pgettext_lazy("account", "Not looked at any more")),
    "calling": State("done", pgettext_lazy("breaker", "Normal")),
    "paused": State("failed", pgettext_lazy("breaker", "Paused")),
    "on": State("running", pgettext_lazy("automation", "On")),
    "off": State("stopped", pgettext_lazy("automation", "Off, by hand only")),
    "observe": State("excluded", pgettext_lazy("automation", "Observes only")),
}

# What people can be told of (accounts.domain.notices.Topic).
TOPIC_STATES: Final[Mapping[str, State]] = {
    "failed": State("failed", pgettext_lazy("notice", "Failed")),
    "missed": State("failed", pgettext_lazy("notice", "Missed")),
    "waiting": State("waiting", pgettext_lazy("notice", "Waits for confirmation")),
    "brake": State("late", pgettext_lazy("notice", "Brake")),
    "drift": State("late", pgettext_lazy("notice", "Changed outside Toban")),
    "review": State("late", pgettext_lazy("notice", "Review overdue")),
    "emergency": State("failed", pgettext_lazy("notice", "Emergency right")),
    "expiry": State("late", pgettext_lazy("notice", "Certificate ends")),
    "breaker": State("failed", pgettext_lazy("notice", "Calls paused")),
}
TOPIC_HELP: Final[Mapping[str, Promise | str]] = {
    "failed": _("An operation failed, or an AWS account cannot be read."),
    "missed": _("A planned start or stop was not done in time."),
    "waiting": _("An operation waits that you may confirm."),
    "brake": _("More would be stopped at once than the limit allows: you decide."),
    "drift": _("A server or database changed its state without Toban."),
    "review": _("The review of a month of the ledger is overdue."),
    "emergency": _(
        "An emergency right was opened, or an emergency account was used. This mail is not held back."
    ),
    "expiry": _("The certificate of a database ends in 180, 90, 30 or 7 days, or has ended."),
    "breaker": _("Calls to an AWS account, a Redmine or a receiver are paused after failures."),
}
# What became of a mail (accounts.models.notice.DeliveryState).
DELIVERY_STATES: Final[Mapping[str, State]] = {
    "sending": State("transition", pgettext_lazy("mail", "Being sent")),
    "sent": State("done", pgettext_lazy("mail", "Sent")),
    "failed": State("failed", pgettext_lazy("mail", "Not sent")),
    "unknown": State("unknown", pgettext_lazy("mail", "Outcome unknown")),
}

# How a planned start or stop was kept (medical_audit.domain.punctuality.Kept).
KEPT_STATES: Final[Mapping[str, State]] = {
    "on_time": State("done", pgettext_lazy("kept", "On time")),
    "late": State("late", pgettext_lazy("kept", "Late")),
    "missed": State("failed", pgettext_lazy("kept", "Missed")),
    "failed": State("failed", pgettext_lazy("kept", "Failed")),
    "due": State("waiting", pgettext_lazy("kept", "Under way")),
    "left_out": State("excluded", pgettext_lazy("kept", "No longer wanted")),
}

# What stands out of the ordinary with a resource (infra.queries.resources.Mark).
NOTE_STATES: Final[Mapping[str, State]] = {
    "drift": State("late", _("Changed outside Toban")),
    "override": State("waiting", _("Override")),
    "restart": State("late", _("AWS will restart it")),
    "observed": State("excluded", _("Only observed")),
    "off": State("excluded", _("Automation off")),
    "never": State("excluded", _("Never touched (tag)")),
}

# What a line in the list "wrong" of Today speaks of.
PROBLEM_STATES: Final[Mapping[str, State]] = {
    "failed": State("failed", _("Failed")),
    "missed": State("failed", _("Missed")),
    "unknown": State("unknown", _("Outcome unknown")),
    "late": State("late", _("Late")),
    "finding": State("late", _("Tag to correct")),
    "unsupported": State("late", _("AWS cannot stop it")),
    "schedule": State("late", _("Problem with its schedule")),
    "account": State("failed", _("AWS account")),
    "unreachable": State("failed", _("Not reachable")),
    "refused": State("failed", _("Refused")),
    "wrong": State("failed", pgettext_lazy("count", "Wrong")),
    "nothing_wrong": State("done", pgettext_lazy("count", "Nothing wrong")),
}

VOLUME_STATES: Final[Mapping[str, State]] = {
    "in-use": State("running", _("Attached")),
    "available": State("stopped", _("Not attached")),
    "creating": State("transition", _("Being created")),
    "deleting": State("transition", _("Being deleted")),
    "deleted": State("excluded", _("Deleted")),
    "gone": State("excluded", _("Deleted")),
    "error": State("failed", _("Error")),
    "unknown": State("unknown", _("Unknown")),
}

OUTCOMES: Final[Mapping[str, State]] = {
    "ok": State("done", pgettext_lazy("outcome", "Done")),
    "denied": State("excluded", pgettext_lazy("outcome", "Refused")),
    "failed": State("failed", pgettext_lazy("outcome", "Failed")),
    "skipped": State("excluded", pgettext_lazy("outcome", "Skipped")),
    "unknown": State("unknown", pgettext_lazy("outcome", "Unknown")),
}

# How far an export of the ledger is (medical_audit.models.export.Making).
EXPORT_STATES: Final[Mapping[str, State]] = {
    "asked": State("waiting", pgettext_lazy("export", "Waiting")),
    "running": State("transition", pgettext_lazy("export", "Being made")),
    "ready": State("done", pgettext_lazy("export", "Ready")),
    "failed": State("failed", pgettext_lazy("export", "Failed")),
    "gone": State("excluded", pgettext_lazy("export", "Removed after a day")),
}

# How a session ended (medical_audit.domain.seats.End), and one that goes on.
SESSION_STATES: Final[Mapping[str, State]] = {
    "": State("running", pgettext_lazy("session", "Open")),
    "open": State("running", pgettext_lazy("session", "Open")),
    "signed_out": State("done", pgettext_lazy("session", "Signed out")),
    "idle": State("stopped", pgettext_lazy("session", "Nothing done")),
    "left_seat": State("done", pgettext_lazy("session", "Left seat")),
    "forced": State("late", pgettext_lazy("session", "Ended by force")),
    "expired": State("stopped", pgettext_lazy("session", "Time over")),
    "cut_off": State("unknown", pgettext_lazy("session", "Presumed cut off")),
}

VERDICTS: Final[Mapping[str, State]] = {
    "asked": State("waiting", pgettext_lazy("verdict", "Asked for")),
    "running": State("transition", pgettext_lazy("verdict", "Being verified")),
    "intact": State("done", pgettext_lazy("verdict", "Intact")),
    "damaged": State("failed", pgettext_lazy("verdict", "Damaged")),
    "unsaid": State("unknown", pgettext_lazy("verdict", "Cannot be said")),
}

SEAL_STATES: Final[Mapping[str, State]] = {
    "sealed": State("done", pgettext_lazy("seal", "In order")),
    "late": State("failed", pgettext_lazy("seal", "Overdue")),
    "withheld": State("failed", pgettext_lazy("seal", "Withheld: the chain is damaged")),
    "behind": State("late", pgettext_lazy("seal", "Behind")),
    "never": State("unknown", pgettext_lazy("seal", "None yet")),
    "lost": State("late", pgettext_lazy("seal", "Events lost")),
    "nothing_lost": State("done", pgettext_lazy("seal", "Nothing lost")),
}

KEEPING_STATES: Final[Mapping[str, State]] = {
    "held": State("late", pgettext_lazy("retention", "Held")),
    "free": State("excluded", pgettext_lazy("retention", "No hold")),
}
PURGE_STATES: Final[Mapping[str, State]] = {
    "entered": State("waiting", pgettext_lazy("purge", "Waits for its confirmation")),
    "ordered": State("transition", pgettext_lazy("purge", "Waits for the sealer")),
    "ended": State("excluded", pgettext_lazy("purge", "Ended before it was carried out")),
    "gone": State("done", pgettext_lazy("purge", "Gone")),
}

# The four questions of the auditor's first view, and the clocks (medical_audit.domain.clocks.ClockState).
AUDIT_STATES: Final[Mapping[str, State]] = {
    "good": State("done", pgettext_lazy("audit", "In order")),
    "mind": State("late", pgettext_lazy("audit", "To be looked at")),
    "bad": State("failed", pgettext_lazy("audit", "Not in order")),
}
# How far the review of a period is (medical_audit.domain.reviews.Standing), and what was said of one event.
REVIEW_STATES: Final[Mapping[str, State]] = {
    "due": State("waiting", pgettext_lazy("review", "Not begun")),
    "overdue": State("failed", pgettext_lazy("review", "Overdue")),
    "begun": State("transition", pgettext_lazy("review", "Waits for the next seal")),
    "drawn": State("waiting", pgettext_lazy("review", "Being reviewed")),
    "waiting": State("waiting", pgettext_lazy("review", "Waits for the signature")),
    "signed": State("done", pgettext_lazy("review", "Signed")),
    "fine": State("done", pgettext_lazy("review", "Nothing to remark")),
    "finding": State("late", pgettext_lazy("review", "Finding")),
    "": State("waiting", pgettext_lazy("review", "Not looked at yet")),
}
EMERGENCY_STATES: Final[Mapping[str, State]] = {
    "open": State("failed", pgettext_lazy("emergency", "Open")),
    "closed": State("late", pgettext_lazy("emergency", "Closed, not reviewed")),
    "reviewed": State("done", pgettext_lazy("emergency", "Reviewed")),
}
CLOCK_STATES: Final[Mapping[str, State]] = {
    "ok": State("done", pgettext_lazy("clock", "In time")),
    "over": State("failed", pgettext_lazy("clock", "More than a second apart")),
    "unreachable": State("late", pgettext_lazy("clock", "Time server does not answer")),
    "unconfigured": State("unknown", pgettext_lazy("clock", "No time server named")),
    "stale": State("late", pgettext_lazy("clock", "Not measured lately")),
    "never": State("unknown", pgettext_lazy("clock", "Never measured")),
}

TICKET_STATES: Final[Mapping[str, State]] = {
    "wanted": State("waiting", _("Not written yet")),
    "open": State("late", pgettext_lazy("ticket", "Open")),
    "closed": State("done", pgettext_lazy("ticket", "Closed")),
    "snoozed": State("excluded", _("Left alone")),
    "orphaned": State("unknown", _("Gone in Redmine")),
    "diverged": State("late", _("Differs")),
    "ok": State("done", pgettext_lazy("check", "In order")),
    "late": State("late", pgettext_lazy("check", "Mind")),
    "failed": State("failed", pgettext_lazy("check", "Must be mended")),
}

# Repositories, runs and deliveries (redmine_sync.models.repository); `trouble` is one that cannot be fetched or read.
REPOSITORY_STATES: Final[Mapping[str, State]] = {
    "draft": State("waiting", pgettext_lazy("repository", "Being set up")),
    "active": State("done", pgettext_lazy("repository", "In order")),
    "trouble": State("failed", pgettext_lazy("repository", "In trouble")),
    "silent": State("late", pgettext_lazy("repository", "Webhook silent")),
    "leaving": State("transition", pgettext_lazy("repository", "Being removed")),
    "left": State("excluded", pgettext_lazy("repository", "Removed")),
    "waiting": State("waiting", pgettext_lazy("run", "Waits its turn")),
    "running": State("transition", pgettext_lazy("run", "Under way")),
    "done": State("done", pgettext_lazy("run", "Done")),
    "failed": State("failed", pgettext_lazy("run", "Failed")),
    "todo": State("waiting", pgettext_lazy("step", "To be done")),
    "accepted": State("done", pgettext_lazy("delivery", "Taken")),
    "pong": State("done", pgettext_lazy("delivery", "Test answered")),
    "ignored": State("excluded", pgettext_lazy("delivery", "Not needed")),
    "other_repository": State("failed", pgettext_lazy("delivery", "Other repository")),
}

STATE_FAMILIES: Final[Mapping[str, Mapping[str, State]]] = {
    "resource": RESOURCE_STATES,
    "operation": OPERATION_STATES,
    "mark": MARK_STATES,
    "looking": LOOKING_STATES,
    "kept": KEPT_STATES,
    "topic": TOPIC_STATES,
    "delivery": DELIVERY_STATES,
    "note": NOTE_STATES,
    "problem": PROBLEM_STATES,
    "volume": VOLUME_STATES,
    "database": DATABASE_WARNINGS,
    "snapshot": SNAPSHOT_STATES,
    "rotation": ROTATION_STATES,
    "reach": REACH_STATES,
    "diagnosis": DIAGNOSIS_STATES,
    "outcome": OUTCOMES,
    "export": EXPORT_STATES,
    "verdict": VERDICTS,
    "seal": SEAL_STATES,
    "keeping": KEEPING_STATES,
    "purge": PURGE_STATES,
    "account": ACCOUNT_STATES,
    "feature": FEATURE_STATES,
    "member": MEMBER_STATES,
    "session": SESSION_STATES,
    "ticket": TICKET_STATES,
    "audit": AUDIT_STATES,
    "clock": CLOCK_STATES,
    "emergency": EMERGENCY_STATES,
    "edition": EDITION_STATES,
    "test": TEST_STATES,
    "review": REVIEW_STATES,
    "repository": REPOSITORY_STATES,
    "channel": CHANNEL_STATES,
    "dispatch": DISPATCH_STATES,
}

RESOURCE_KINDS: Final[Mapping[str, Promise | str]] = {
    "resource": _("Resource"),
    "ec2": _("EC2 instance"),
    "rds": _("RDS database"),
    "database": _("RDS database"),
    "cluster": _("Database cluster"),
    "asg": _("Auto Scaling group"),
    "ebs": _("EBS volume"),
    "volume": _("EBS volume"),
    "snapshot": _("Database snapshot"),
    "volume_snapshot": _("EBS snapshot"),
    "tagging_rule": _("Tagging rules of all accounts"),
    "tagging_run": _("Run of tagging"),
    "rotation": _("Certificate campaign"),
    "lane": _("AWS account and region"),
    "account": _("AWS account"),
    "account_setup": _("AWS account"),
    "project": _("Project"),
    "operation": pgettext_lazy("noun", "Operation"),
    "session": _("Session"),
    "token": _("API token"),
    "channel": pgettext_lazy("subject", "Receiver"),
    "user": _("User"),
    "person": _("User"),
    "people": _("Keys of people"),
    "sign_on": _("Single sign-on"),
    "recertification": _("Quarterly round over rights"),
    "tenant": _("Tenant"),
    "policy": _("Policy"),
    "redmine": _("Redmine"),
    "ticket_rule": _("Ticket rule"),
    "repository": _("Repository"),
    "confirm_policy": _("Policy"),
    "delegation": _("Delegation"),
    "deputies": _("Deputies"),
    "review": _("Review"),
    "review_month": _("Review"),
    "anomaly_rules": _("Rules of what is unusual"),
    "clock": _("Clock"),
    "address": _("Address"),
    "assignment": pgettext_lazy("subject", "Assignment"),
    "calendar": pgettext_lazy("subject", "Calendar"),
    "event": pgettext_lazy("subject", "Event"),
    "holiday_feed": pgettext_lazy("subject", "Feed of holidays"),
    "holiday_list": pgettext_lazy("subject", "List of holidays"),
    "ledger": pgettext_lazy("subject", "Ledger"),
    "override": pgettext_lazy("subject", "Override"),
    "planning": pgettext_lazy("subject", "Planning file"),
    "price": pgettext_lazy("subject", "Price"),
    "prices": pgettext_lazy("subject", "Prices"),
    "retention": pgettext_lazy("subject", "Term of keeping"),
    "round": pgettext_lazy("subject", "Round of stops"),
    "rules": pgettext_lazy("subject", "Rules of the schedules"),
    "schedule": pgettext_lazy("subject", "Schedule"),
}

ROLES: Final[Mapping[str, Promise | str]] = {
    "viewer": _("Viewer"),
    "operator": _("Operator"),
    "approver": _("Approver"),
    "administrator": _("Administrator"),
    "auditor": _("Auditor"),
    "emergency": _("Emergency right"),
}

# Who stands behind an event when it is not a person.
ACTORS: Final[Mapping[str, Promise | str]] = {
    "system": _("Toban (system)"),
    "schedule": _("Toban (schedule)"),
    "anonymous": _("Somebody not signed in"),
}

ACTIONS: Final[Mapping[str, Promise | str]] = {
    "start": pgettext_lazy("action", "Start"),
    "stop": pgettext_lazy("action", "Stop"),
    "tag": pgettext_lazy("action", "Tag"),
}
