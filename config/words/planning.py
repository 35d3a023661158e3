"""A planning file in words: what is wrong with it, and what it would change."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# What is wrong at a place of the file (infra.domain.yaml_tree, infra.domain.planning_file): the fault and its cure.
FILE_PROBLEMS: Final[Mapping[str, Promise | str]] = {
    "file_too_large": _("The file is larger than %(limit)s bytes. Split it, or leave parts out."),
    "not_utf8": _("The file is not UTF-8 text. Save it as UTF-8."),
    "not_yaml": _(
        "This is not YAML (%(value)s). Look at the indentation and quotes here and on the line before."
    ),
    "empty_file": _("The file is empty."),
    "second_document": _("A second document begins here. One file holds one; take the line --- away."),
    "too_much": _("The file is deeper or larger than a planning file ever is. Reading ended here."),
    "alias": _("Anchors and aliases (%(value)s) are not read. Write the value itself."),
    "yaml_tag": _("YAML tags (%(value)s) are not read. Write the plain value."),
    "key_not_text": _("A key is a plain word, written before a colon."),
    "key_twice": _("%(value)s stands here twice. Keep one of the two."),
    "missing": _("%(value)s is missing. Add it."),
    "unknown_key": _("%(value)s is not known here. Known are: %(known)s."),
    "wrong_type": _(
        "%(value)s is of the wrong kind; wanted is: %(wanted)s. Texts that look like numbers need quotes."
    ),
    "not_one_of": _("%(value)s is not allowed. Allowed is: %(wanted)s."),
    "bad_form": _("%(value)s does not have the form that is wanted here (%(wanted)s)."),
    "wrong_length": _("The text is too short or too long (limit: %(wanted)s characters)."),
    "wrong_number": _("There are too few or too many entries (limit: %(wanted)s)."),
    "one_target": _("Name exactly one: tenant, project or resource."),
    "stands_twice": _("%(value)s stands in the file twice. Keep one of the two."),
    "no_such_day": _("There is no such day: %(value)s. Write 12-29, or 2026-12-28."),
    "closed_and_working": _("%(value)s is both closed and an extra working day. Keep one of the two."),
    "no_such_schedule": _(
        "There is no published schedule %(value)s, and the file does not bring one. Correct the name."
    ),
    "no_such_project": _(
        "No resource here belongs to the project %(value)s. Correct the name, or tag a resource first."
    ),
    "no_such_resource": _(
        "The resource %(value)s is not known here. Correct its id, or read the inventory first."
    ),
    "bad_url": _("The address cannot be used: %(value)s"),
    "https_only": _("Only https addresses can be used: %(value)s"),
    "private_address": _("The address lies in a private network and is not asked: %(value)s"),
}

# What an import would do (infra.operations.planning.Step), by code.
STEPS: Final[Mapping[str, Promise | str]] = {
    "schedule_new": _("Schedule %(name)s: make it and enter its publication"),
    "schedule_changed": _("Schedule %(name)s: enter the publication of a new revision"),
    "calendar": _("Company calendar: enter the change"),
    "feed": _("Address of the list of holidays (%(source)s): %(schedule)s"),
    "assign": _("%(name)s: enter that it follows the schedule %(schedule)s"),
    "unassign": _("%(name)s: enter that it no longer follows the schedule %(schedule)s"),
}
# The same where the file does not name it, and it stays as it is.
LEFT: Final[Mapping[str, Promise | str]] = {
    "schedule_changed": _("Schedule %(name)s is not in the file and stays."),
    "calendar": _("Company days that are not in the file stay."),
    "feed": _("The address of the list of holidays (%(source)s) is not in the file and stays."),
    "unassign": _("%(name)s still follows the schedule %(schedule)s, which the file does not say."),
}
STEP_STATES: Final[Mapping[str, Promise | str]] = {
    "enter": _("to be entered"),
    "waits": _("waits for its confirmation already"),
    "later": _("later"),
    "left": _("stays"),
    "blocked": _("stands in the way"),
}
STEP_WHY: Final[Mapping[str, Promise | str]] = {
    "publish_first": _(
        "Its schedule is not published yet. When that is confirmed, import the same file again."
    ),
    "draft_in_hand": _(
        "Somebody has a draft of this schedule in hand. Publish it or throw it away, then import again."
    ),
    "archived_name": _("An archived schedule has this name. Give the one in the file another name."),
}
WHOLE_TENANT = _("The whole tenant")
