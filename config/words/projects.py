"""Projects in words: what is entered about them and why it cannot be."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

PROJECT_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "project.set": (
        _("Declare a project"),
        _("Decide whose the project %(target)s is and what belongs to it"),
    ),
    "project.end": (_("End a project"), _("Sort nothing into the project %(target)s by its rule any more")),
}
PROJECT_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "project.set": (
        _(
            "From the next look at AWS on, within minutes, resources belong to it by its tags, and follow its schedules."
        ),
        _("Can be undone: change it back. What was started or stopped meanwhile stays so."),
    ),
    "project.end": (
        _(
            "From the next look at AWS on, within minutes, resources belong to where other rules or their own tag put them."
        ),
        _("Can be undone: declare it once more."),
    ),
}
_RULE: Final = {
    "owner": pgettext_lazy("project", "Owner"),
    "tag_key": pgettext_lazy("project", "Tag"),
    "tag_values": pgettext_lazy("project", "Values of the tag"),
    "count": _("Resources that change their project"),
}
PROJECT_FACTS: Final[Mapping[str, Mapping[str, Promise | str]]] = dict.fromkeys(PROJECT_KINDS, _RULE)
PROJECT_CODES: Final[Mapping[str, Promise | str]] = {
    "project_name_taken": _("There is a project of this name already. Change that one."),
    "project_changed": _("The project was changed meanwhile. Look again and enter it anew."),
    "project_holds": _(
        "A schedule, an override or a freeze hangs on the project's name and would be lost. Take it away or end it first; the page of the project names each."
    ),
}
