"""The names of what a person confirms about an operation."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from config.words.audits import LIMITS, RETENTION_FACTS

# Names of parameters that a person confirms (operation.shown), with their unit.
FACTS: Final[Mapping[str, Promise | str]] = {
    "names": _("Which ones"),
    "size_gib": _("Size (GiB)"),
    "served_name": _("Last it served"),
    "unattached_at": _("Serves nothing since"),
    "from_snapshot": _("From the snapshot"),
    "zone": _("Availability Zone"),
    **LIMITS,
    **RETENTION_FACTS,
    "minutes": _("For how many minutes"),
    "person_name": _("Person"),
    "opened_by_name": _("Opened by"),
    "review": _("Period"),
    "population": _("Events in the period"),
    "drawn": _("Events looked at"),
    "remarked": _("With a finding"),
    "findings": _("What was found"),
    "measures": _("What is done about it"),
    "seal": _("Seal that drew the sample"),
    "items": _("SHA-256 of the judgements"),
    "idle_minutes": _("A seat may stand empty for (minutes)"),
    "grace_seconds": _("A password given counts again for (seconds)"),
    "escalate_hours": _("A proxy entry is reminded of after (hours)"),
    "second_factor_from": _("A second factor is required from"),
    "kind": _("Kind"),
    "policy": _("Who confirms"),
    "role": _("Role"),
    "principal_name": _("For whom"),
    "proxy_name": _("Who enters"),
    "kinds": _("For which operations"),
    "begins_at": _("From when"),
    "ends_at": _("Until when"),
    "evidence": _("On what it rests"),
    "deputy_names": _("Deputies, in this order"),
    "says": _("What the reason says"),
    "username": _("User name"),
    "roles_before": _("Roles now"),
    "roles_after": _("Roles afterwards"),
    "permissions": _("What it may do"),
    "networks": _("From which networks"),
    "expires_at": _("Until when"),
    "session": _("Session"),
    "address": _("Address"),
    "device": _("Device"),
    "entered_at": _("Since"),
}
