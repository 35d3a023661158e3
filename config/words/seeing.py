"""What people see of the clock: whether plans were kept, what changed outside Toban, what Toban keeps its hands off."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# What became of a planned start or stop (medical_audit.domain.punctuality.Kept), by (action, kept).
KEPT_SENTENCES: Final[Mapping[tuple[str, str], Promise | str]] = {
    ("start", "on_time"): _("Planned for %(due)s, running at %(at)s."),
    ("stop", "on_time"): _("Planned for %(due)s, stopped at %(at)s."),
    ("start", "late"): _("Planned for %(due)s, running at %(at)s: %(span)s late."),
    ("stop", "late"): _("Planned for %(due)s, stopped at %(at)s: %(span)s late."),
    ("start", "already"): _("Planned for %(due)s, and it was running already."),
    ("stop", "already"): _("Planned for %(due)s, and it was stopped already."),
    ("start", "overdue"): _("Planned for %(due)s, not running yet: %(span)s late."),
    ("stop", "overdue"): _("Planned for %(due)s, not stopped yet: %(span)s late."),
    ("start", "missed"): _("Planned for %(due)s, not started by Toban."),
    ("stop", "missed"): _("Planned for %(due)s, not stopped by Toban."),
    ("start", "failed"): _("Planned for %(due)s, the start failed."),
    ("stop", "failed"): _("Planned for %(due)s, the stop failed."),
    ("start", "due"): _("Planned for %(due)s, under way."),
    ("stop", "due"): _("Planned for %(due)s, under way."),
    ("start", "left_out"): _("Planned for %(due)s, and no longer wanted by then."),
    ("stop", "left_out"): _("Planned for %(due)s, and no longer wanted by then."),
}
LATE_LIMIT = _("More than %(span)s counts as late.")

# Who or what changed a state outside Toban (infra.domain.drift.DriftCause): (sentence, a few words).
DRIFT_CAUSES: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "by_hand": (
        _("Somebody stopped it in AWS by hand or with a tool of his own."),
        _("Stopped in AWS by a person"),
    ),
    "from_inside": (_("It was shut down from its own operating system."), _("Shut down from inside")),
    "spot": (_("AWS took the spot capacity back."), _("Spot interruption")),
    "aws": (_("AWS stopped it for a reason of its own."), _("Stopped by AWS")),
    "aws_restart": (
        _("AWS starts a stopped database by itself after seven days."),
        _("Automatic restart by AWS"),
    ),
    "outside": (_("Toban did not do it, and AWS does not say who did."), _("AWS does not say who did it")),
}
# By (how Toban left it, how it is).
DRIFTS: Final[Mapping[tuple[str, str], Promise | str]] = {
    ("running", "stopped"): _("Toban left it running on %(left)s, and it is stopped since %(since)s."),
    ("stopped", "running"): _("Toban left it stopped on %(left)s, and it is running since %(since)s."),
}
DRIFT_STANDS: Final[Mapping[str, Promise | str]] = {
    "next": _("It stays as it is until its next planned change."),
    "enforced": _("Its schedule is enforced, so Toban changes it back at its next look."),
    "none": _("No change is planned, so it stays as it is."),
}

# When AWS starts a stopped database by itself (infra.domain.restart.Restart), by whether it is an estimate.
RESTARTS: Final[Mapping[bool, Promise | str]] = {
    False: _("AWS starts it by itself in %(span)s (%(at)s)."),
    True: _("AWS starts it by itself in %(span)s at the latest (estimated: %(at)s)."),
}
RESTARTS_SHORT: Final[Mapping[bool, Promise | str]] = {
    False: _("AWS restarts it in %(span)s"),
    True: _("AWS restarts it in %(span)s (estimated)"),
}
RESTART_DUE = _("AWS starts it by itself any moment now.")

# Why Toban keeps its hands off (infra.queries.standing.Standing.hands_off): (sentence, a few words).
HANDS_OFF: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "observed": (
        _(
            "Toban only observes this AWS account: nothing in it is changed, neither by schedule nor by hand, until its automation is switched on."
        ),
        _("Only observed"),
    ),
    "off": (
        _(
            "The automation of this AWS account is off: Toban does nothing by schedule. People can act by hand."
        ),
        _("Automation off"),
    ),
    "never": (
        _("Its tag Toban=never tells Toban to leave it alone, so nothing is done by schedule."),
        _("Never touched (tag)"),
    ),
}

EVERYTHING = pgettext_lazy("override", "Everything")
PROJECT = _("Project %(name)s")
AND_MORE = _("%(name)s and %(n)s more")
