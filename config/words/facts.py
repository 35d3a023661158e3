"""The names of what a person confirms about an operation."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words.audits import LIMITS, RETENTION_FACTS
from config.words.channels import CHANNEL_FACTS
from config.words.databases import DATABASE_FACTS
from config.words.makings import COPY_FACTS, MAKING_FACTS
from config.words.people import PEOPLE_FACTS
from config.words.projects import PROJECT_FACTS
from config.words.volumes import VOLUME_FACTS

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
    "unusual": _("Found by the rules"),
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
    **DATABASE_FACTS,
    **VOLUME_FACTS,
    **PEOPLE_FACTS,
}

# The same for single kinds, whose parameters have names that mean something else elsewhere.
KIND_FACTS: Final[Mapping[str, Mapping[str, Promise | str]]] = {
    "review.sign": {
        "since": _("From when"),
        "until": _("Until when"),
    },
    "rules.change": {
        "brake_percent": _("A person is asked when more than this share would stop (%)"),
        "brake_least": _("Rounds of fewer resources than this never ask"),
    },
    "account.automation": {"mode": _("What the clock may do")},
    "account.features": {
        "features": _("What Toban is to do there"),
        "managed_only": _("Only what carries the tag Toban=managed"),
        "rights_more": _("Rights that come"),
        "rights_less": _("Rights that go"),
    },
    "account.regions": {
        "regions": _("Regions"),
        "resources_left": _("Resources that are not looked at any more"),
    },
    "override.set": {
        "wish": _("What holds meanwhile"),
        "project": _("Project"),
        "since": _("From when"),
        "until": _("Until when"),
    },
    "freeze.set": {
        "wish": _("What holds meanwhile"),
        "since": _("From when"),
        "until": _("Until when"),
    },
    "round.release": {
        "count": _("Stops that wait"),
        "running": _("Running at that moment"),
        "limit": _("Limit (%)"),
    },
    "schedule.assign": {"schedule_name": pgettext_lazy("assignment", "Schedule")},
    "ebs.tag": {"tags": _("Tags")},
    "volume_snapshot.delete": {"last_copy": _("It is the last snapshot of its volume")},
    "volume.restore": {"type": _("Type")},
    "snapshot.tag": {"tags": _("Tags")},
    "rds.restore": MAKING_FACTS,
    "rds.snapshot_copy": COPY_FACTS,
    "rds.create": MAKING_FACTS,
    "rds.remove": MAKING_FACTS,
    **CHANNEL_FACTS,
    **PROJECT_FACTS,
}
