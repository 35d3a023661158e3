"""What stands out with databases, and how their snapshots, certificates and ways stand: the short words on badges."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words.diagnosis import FOUND
from config.words.look import State

# Why a database is looked at first (infra.domain.databases.Warn).
DATABASE_WARNINGS: Final[Mapping[str, State]] = {
    "ca_ended": State("failed", _("Its certificate has ended")),
    "ca_urgent": State("failed", _("Its certificate ends within 30 days")),
    "public": State("failed", _("Reachable from the internet")),
    "no_backups": State("failed", _("No automated backups")),
    "unprotected": State("late", _("Deletion protection is off")),
    "restarts_soon": State("late", _("AWS starts it within a day")),
    "ca_soon": State("late", _("Its certificate ends within 180 days")),
    "pending": State("transition", _("A change waits for its window")),
}

# How a certificate campaign stands, and one check of it.
ROTATION_STATES: Final[Mapping[str, State]] = {
    "planned": State("confirmed", pgettext_lazy("campaign", "Confirmed")),
    "checked": State("done", pgettext_lazy("campaign", "Checked")),
}

REACH_STATES: Final[Mapping[str, State]] = {
    "everybody": State("failed", _("Open to everybody")),
}

SNAPSHOT_STATES: Final[Mapping[str, State]] = {
    "available": State("done", pgettext_lazy("snapshot", "Complete")),
    "creating": State("transition", _("Being made")),
    "pending": State("transition", _("Being made")),
    "copying": State("transition", _("Being copied")),
    "deleting": State("transition", _("Being deleted")),
    "gone": State("excluded", _("Deleted")),
    "failed": State("failed", _("Failed")),
}
# How a step of a diagnosis ended (infra.domain.diagnosis.Found).
DIAGNOSIS_STATES: Final[Mapping[str, State]] = {
    "good": State("done", FOUND["good"]),
    "bad": State("failed", FOUND["bad"]),
    "unknown": State("unknown", FOUND["unknown"]),
    "left_out": State("excluded", FOUND["left_out"]),
}
