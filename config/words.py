"""The words that codes are shown with: one table per set of codes, English here and Japanese in locale/ja.

Domain code and the ledger keep codes and parameters, never sentences, so that an old record can be read in either
language. Every table maps a code to a lazy text; sentences take named %(parameters)s. A code that stands in no table
is shown as it is, because hiding what happened would be worse than showing a code.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class State(NamedTuple):
    """How a state looks: `look` names the icon (`state-<look>` in the sprite) and the colour (`.state-<look>`)."""

    look: str
    word: Promise | str


class _Params(dict[str, Any]):
    """Parameters of a sentence; one that was not recorded shows as a dash instead of breaking the page."""

    def __missing__(self, key: str) -> str:
        return "—"


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

# What a line in the list "wrong" of Today speaks of.
PROBLEM_STATES: Final[Mapping[str, State]] = {
    "failed": State("failed", _("Failed")),
    "missed": State("failed", _("Missed")),
    "unknown": State("unknown", _("Outcome unknown")),
    "late": State("late", _("Late")),
    "finding": State("late", _("Tag to correct")),
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

STATE_FAMILIES: Final[Mapping[str, Mapping[str, State]]] = {
    "resource": RESOURCE_STATES,
    "operation": OPERATION_STATES,
    "mark": MARK_STATES,
    "problem": PROBLEM_STATES,
    "volume": VOLUME_STATES,
    "outcome": OUTCOMES,
}

RESOURCE_KINDS: Final[Mapping[str, Promise | str]] = {
    "resource": _("Resource"),
    "ec2": _("EC2 instance"),
    "rds": _("RDS database"),
    "ebs": _("EBS volume"),
    "volume": _("EBS volume"),
    "lane": _("AWS account and region"),
    "account": _("AWS account"),
    "project": _("Project"),
    "operation": pgettext_lazy("noun", "Operation"),
    "session": _("Session"),
    "user": _("User"),
    "tenant": _("Tenant"),
}

ROLES: Final[Mapping[str, Promise | str]] = {
    "viewer": _("Viewer"),
    "operator": _("Operator"),
    "approver": _("Approver"),
    "administrator": _("Administrator"),
    "auditor": _("Auditor"),
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

# Kinds of operation: (short name for lists and filters, sentence with the target).
OPERATION_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "ec2.start": (_("Start EC2"), _("Start the EC2 instance %(target)s")),
    "ec2.stop": (_("Stop EC2"), _("Stop the EC2 instance %(target)s")),
    "rds.start": (_("Start RDS"), _("Start the RDS database %(target)s")),
    "rds.stop": (_("Stop RDS"), _("Stop the RDS database %(target)s")),
    "ebs.tag": (_("Tag EBS"), _("Give the EBS volume %(target)s its Name tag")),
    "account.automation": (_("Automation"), _("Change the automation of the AWS account %(target)s")),
}

# What a kind does when it is carried out, and whether it can be undone: shown before entering and confirming.
OPERATION_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "ec2.start": (
        _("The server starts, and from that moment AWS charges for its hours."),
        _("Can be undone: stop it again. A new start may give it another public IP address."),
    ),
    "ec2.stop": (
        _("The operating system shuts down and the server becomes unreachable. Its EBS volumes are kept."),
        _("Can be undone: start it again. What is only in memory or on instance store is lost."),
    ),
    "rds.start": (
        _(
            "The database starts and accepts connections after some minutes. From then on AWS charges for its hours."
        ),
        _("Can be undone: stop it again."),
    ),
    "rds.stop": (
        _("The database closes all connections and stops. Its storage and backups are kept."),
        _("Can be undone: start it again. AWS itself starts it again after 7 days."),
    ),
    "ebs.tag": (
        _("The volume gets a Name tag. Nothing else about it changes."),
        _("Can be undone: change or remove the tag."),
    ),
    "account.automation": (
        _("Decides whether schedules may start, stop and tag in this AWS account by themselves."),
        _("Can be undone: switch it back. What was carried out until then stays as it is."),
    ),
}

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
    "schedule.observed": _("Only observed, because the automation is off: %(operation)s."),
    "schedule.long_outage": _(
        "Toban was away for long: %(older)s more planned changes of %(subject)s were missed."
    ),
    "schedule.finding": _("The schedule tag of %(subject)s cannot be read, so nothing is done: %(reason)s"),
    "schedule.mended": _("The schedule tag %(tag)s of %(subject)s can be read again."),
    "session.signed_in": _("%(actor)s signed in."),
    "session.signed_out": _("%(actor)s signed out."),
    "session.failed": _("A sign-in as %(subject)s failed."),
    "inventory.synced": _("The inventory of %(subject)s was read from AWS."),
    "account.unreachable": _("The AWS account %(subject)s could not be read. %(problem)s"),
    "account.reachable": _("The AWS account %(subject)s can be read again."),
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
    "schedule.observed": _("Only observed"),
    "schedule.long_outage": _("Long outage"),
    "schedule.finding": _("Tag to correct"),
    "schedule.mended": _("Tag corrected"),
    "session.signed_in": _("Signed in"),
    "session.signed_out": _("Signed out"),
    "session.failed": _("Sign-in failed"),
    "inventory.synced": _("Inventory read"),
    "account.unreachable": _("AWS account not reachable"),
    "account.reachable": _("AWS account reachable again"),
    "breaker.opened": _("AWS account paused"),
    "breaker.closed": _("AWS account answers again"),
    "volume.named": _("EBS volume named"),
}

# Every code that says how something ended or why it cannot be done: infra.domain.aws.Problem, the outcomes of
# operations, the refusals of entering and confirming. %(action)s is the missing permission at AWS.
CODES: Final[Mapping[str, Promise | str]] = {
    # problems at AWS
    "permission": _("The role may not do %(action)s. Add this action to the role's policy."),
    "role_refused": _("AWS refused the role. Check the role's trust policy and its external ID."),
    "throttled": _("AWS asked to slow down. Toban tries again by itself."),
    "gone": _("It no longer exists at AWS."),
    "wrong_state": _("It was in a state in which AWS does not allow this."),
    "no_capacity": _(
        "AWS has no free capacity for this instance type in this zone. Try later or change the type."
    ),
    "key": _(
        "The KMS key of a volume cannot be used. Check that it is enabled and that the role may use it."
    ),
    "unreachable": _("AWS could not be reached, so nothing was sent."),
    "no_answer": _("The call was sent but no answer came. Toban looks up what happened and does not guess."),
    "invalid": _("AWS found the request invalid."),
    "unsupported": _("AWS does not support this for this kind of resource."),
    "other": _("AWS answered with an error."),
    # how an operation ended, or why it still waits
    "reached": _("Done, and seen at AWS."),
    "already": _("It was already so, nothing had to be done."),
    "tagged": _("The tag was written, and seen at AWS."),
    "applied": _("Applied."),
    "no_trust": _("The AWS account has no role that Toban may use."),
    "in_transition": _("It is just changing its state. Toban looks again."),
    "busy": _("It is busy, for example with a backup. Toban looks again."),
    "not_yet": _("The new state is not there yet. Toban looks again."),
    "not_applied": _("The call had no effect. Toban sends it again."),
    "did_not_reach": _("AWS accepted the call, but the state was not reached in time."),
    "fell_back": _("It started and fell back at once. Look at the reason that AWS gives."),
    "automation_off": _("The automation of the AWS account was switched off in the meantime."),
    "tags_changed": _("The tags were changed in the meantime, so the plan no longer holds."),
    "superseded": _("A later planned change took its place."),
    "grace_passed": _("Toban could not act within 60 minutes of the planned time."),
    "name_present": _("It has a Name tag by now, which is never overwritten."),
    "attachment_changed": _("It serves another server by now."),
    "attempts_exhausted": _("All attempts are used up."),
    "authority_revoked": _("Whoever confirmed it no longer has the right."),
    "no_verdict": _("AWS said nothing about it."),
    "worker_lost": _("The process that carried it out ended. Toban looks up what happened."),
    "not_started_in_time": _("It could not be begun in time."),
    "not_approved_in_time": _("Nobody confirmed it in time."),
    "rejected": _("A person rejected it."),
    "withdrawn": _("Whoever entered it took it back."),
    "cancelled": _("A person cancelled it."),
    "unsupported_aurora": _("AWS cannot stop one instance of Aurora, only its cluster."),
    "unsupported_cluster_member": _("AWS cannot stop one member of a database cluster."),
    "unsupported_read_replica": _("AWS cannot stop a read replica."),
    "unsupported_has_replicas": _("AWS cannot stop a database that has read replicas."),
    "unsupported_sqlserver_multi_az": _("AWS cannot stop SQL Server in several zones."),
    # why something cannot be entered or confirmed now
    "already_moved": _("Somebody else was first: the operation is already in another state."),
    "stale_content": _("The content has changed since this page was shown. Read it again, then confirm."),
    "not_permitted": _("Your role does not allow this."),
    "not_found": _("There is no such thing, or it belongs to another tenant."),
    "not_reauthenticated": _("Prove once more that it is you: enter your password."),
    "wrong_password": _("The password is not right."),
    "another_person_must_confirm": _("Whoever entered it cannot confirm it. A second person must."),
    "proxy_cannot_confirm": _("Whoever entered it for somebody else cannot confirm it."),
    "confirmer_not_a_person": _("Only a person can confirm this."),
    "only_the_enterer": _("Only the person who entered it can take it back."),
    "approval_expired": _("The time for confirming it has passed. Enter it again."),
    "reason_missing": _("Say why. The reason stands in the ledger."),
    "reason_too_long": _("The reason is too long."),
    "wrong_kind": _("This operation does not fit this kind of resource."),
    "unknown_kind": _("There is no such operation."),
    "bad_parameter": _("A value is not allowed."),
    "already_running": _("It is already running."),
    "already_stopped": _("It is already stopped."),
    "state_changing": _("It is just changing its state. Wait a moment."),
    "state_unknown": _("Its state is unknown. Wait for the next look at AWS."),
    "operation_open": _("Another operation on it is not finished yet."),
    "refused": _("This is not possible now."),
}

POLICIES: Final[Mapping[str, Promise | str]] = {
    "self": _("The person who entered it may confirm it, with the password."),
    "other": _("A second person must confirm it, with the password."),
    "schedule": _(
        "The schedule acts by itself, because a person confirmed the automation of this AWS account."
    ),
}

# What stands behind an operation that the clock entered (authority.reason of the operation).
SOURCES: Final[Mapping[str, Promise | str]] = {
    "tags": _("Planned by the tags: AutoStart %(AutoStart)s, AutoStop %(AutoStop)s."),
    "ebs_tagging": _("The volume is attached to %(instance)s and has no Name tag."),
}

DAY_SENTENCES: Final[Mapping[str, Promise | str]] = {
    "working_day": _("A working day. Servers start and stop as planned."),
    "weekend": _("Not a working day. Nothing is started by schedule, stops are still done."),
    "holiday": _("A holiday (%(name)s). Nothing is started by schedule, stops are still done."),
}

DAY_KINDS: Final[Mapping[str, Promise | str]] = {
    "working_day": pgettext_lazy("day", "Working day"),
    "weekend": pgettext_lazy("day", "Weekend"),
    "holiday": pgettext_lazy("day", "Holiday: %(name)s"),
}

STEPS: Final[Mapping[str, Promise | str]] = {
    "entered": pgettext_lazy("step", "Entered"),
    "confirmed": pgettext_lazy("step", "Confirmed"),
    "called": pgettext_lazy("step", "Call to AWS"),
    "verified": pgettext_lazy("step", "Verified"),
}

# Why a resource is on or off, or why a planned start or stop is not carried out (infra.domain.reasons).
REASONS: Final[Mapping[str, Promise | str]] = {
    "not_scheduled": _("It has no schedule: there is neither an AutoStart nor an AutoStop tag."),
    "unreadable": _("Its schedule tags cannot be read, so Toban does nothing until they are corrected."),
    "working_day": _("%(day)s is a working day."),
    "weekend": _("On %(day)s it is not started, because the schedule leaves this day of the week out."),
    "holiday": _("On %(day)s it is not started, because that day is a holiday (%(name)s)."),
    "before_start": _("It starts on %(day)s at %(start)s."),
    "within": _("On %(day)s it runs from %(start)s to %(stop)s."),
    "after_stop": _("Its stop on %(day)s at %(stop)s has passed."),
    "start_only_waiting": _("It starts on %(day)s at %(start)s. After that Toban leaves it as it is."),
    "start_only_fired": _("Its start on %(day)s at %(start)s has passed. Toban leaves it as it is."),
    "stop_only_waiting": _("It stops on %(day)s at %(stop)s. Until then Toban leaves it as it is."),
    "stop_only_fired": _("Its stop on %(day)s at %(stop)s has passed. Toban leaves it as it is."),
}

# The same reasons in a few words, for a table cell.
REASONS_SHORT: Final[Mapping[str, Promise | str]] = {
    "not_scheduled": _("No schedule"),
    "unreadable": _("Tag to correct"),
    "working_day": _("Working day"),
    "weekend": _("Day without a start"),
    "holiday": _("Holiday: %(name)s"),
    "before_start": _("Before its start at %(start)s"),
    "within": _("Runs %(start)s to %(stop)s"),
    "after_stop": _("After its stop at %(stop)s"),
    "start_only_waiting": _("Before its start at %(start)s"),
    "start_only_fired": _("Started at %(start)s, no stop"),
    "stop_only_waiting": _("Before its stop at %(stop)s"),
    "stop_only_fired": _("Stopped at %(stop)s, no start"),
}

# What is wrong with a tag (infra.domain.findings).
FINDINGS: Final[Mapping[str, Promise | str]] = {
    "empty": _("The tag %(tag)s has no value."),
    "too_long": _("The value of the tag %(tag)s is too long for a time: %(value)s"),
    "full_width": _("The tag %(tag)s is written in full-width characters: %(value)s"),
    "surrounded": _("The tag %(tag)s has spaces or invisible characters round its time: %(value)s"),
    "not_hh_mm": _("The tag %(tag)s is not two digits, a colon and two digits: %(value)s"),
    "hour_24": _("The tag %(tag)s says 24:00. Midnight is written 00:00."),
    "out_of_range": _("The tag %(tag)s names a time that no clock shows: %(value)s"),
    "has_zone": _(
        "The tag %(tag)s names a time zone: %(value)s. Tags are read in the zone of the AWS account."
    ),
    "not_a_time": _("The tag %(tag)s is not a time: %(value)s"),
    "same_time": _("AutoStart and AutoStop name the same time: %(value)s"),
    "tag_name": _("The tag name %(tag)s is almost right, but not quite."),
    "unknown_zone": _("The time zone of the AWS account does not exist: %(value)s"),
}

# The standing rule of a resource, by (has a start, has a stop).
SCHEDULES: Final[Mapping[tuple[bool, bool], Promise | str]] = {
    (True, True): _("Starts at %(start)s on %(days)s and stops at %(stop)s."),
    (True, False): _("Starts at %(start)s on %(days)s. Toban does not stop it."),
    (False, True): _("Stops at %(stop)s every day. Toban does not start it."),
}
EVERY_DAY = _("every day")
WORKING_DAYS = _("working days")


def sentence(table: Mapping[str, Promise | str], code: str, params: Mapping[str, Any]) -> str:
    """Return the text of `code` with its parameters put in; an unknown code comes back as itself."""
    template = table.get(code)
    return str(code) if template is None else str(template) % _Params(params)
