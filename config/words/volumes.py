"""Volumes and their tags in words."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Kinds of operation: (short name, sentence with the target).
VOLUME_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "ebs.tag": (_("Tag EBS"), _("Write tags on the EBS volume %(target)s")),
    "snapshot.tag": (_("Tag snapshot"), _("Write tags on the EBS snapshot %(target)s")),
    "tagging.rules": (_("Tagging rules"), _("Change which tags volumes get (%(target)s)")),
    "tagging.undo": (_("Undo tagging"), _("Undo a run of tagging in %(target)s")),
}
# (effect, how it is undone)
VOLUME_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "ebs.tag": (
        _("The volume gets these tags. Nothing else about it changes."),
        _("Can be undone: undo the run, or change the tags."),
    ),
    "snapshot.tag": (
        _("The snapshot gets these tags. Nothing else about it changes."),
        _("Can be undone: undo the run, or change the tags."),
    ),
    "tagging.rules": (
        _(
            "From the next look on, Toban writes these tags in accounts whose automation is on. Accounts that are only observed stay as they are."
        ),
        _("Can be undone: change the rules back, and undo the runs that wrote by them."),
    ),
    "tagging.undo": (
        _(
            "What the run wrote goes back to what stood there before. What somebody changed since is left and named. Toban does not write the same values there again."
        ),
        _("Can be undone by hand only: write the tags again."),
    ),
}
VOLUME_SOURCES: Final[Mapping[str, Promise | str]] = {
    "ebs_tagging": _("The volume is attached to %(instance)s and has no Name tag."),
    "ebs_tags": _("The tagging rules copy %(keys)s from the server %(instance)s."),
    "snapshot_tags": _("The tagging rules copy %(keys)s from the volume %(volume)s."),
}
VOLUME_CODES: Final[Mapping[str, Promise | str]] = {
    "tags_present": _("Somebody has written these tags meanwhile. They are left as they are."),
    "undone": _("What the run wrote is taken back, and that was seen at AWS."),
    "undo_partly": _(
        "Some of it could not be taken back. Look at what AWS said, and enter the undoing again for the rest."
    ),
    "run_not_over": _("This run is still being worked off. Wait until it is over."),
    "nothing_to_undo": _("This run wrote nothing."),
    "undone_already": _("This run was undone already."),
    "tag_key_long": _("A tag key has at most 128 characters."),
    "tag_key_of_aws": _("Keys that begin with aws: belong to AWS and cannot be copied."),
    "tag_key_of_toban": _(
        "Toban reads this tag itself: on a volume it would mean something else than on its server."
    ),
    "tag_key_characters": _("A tag key has letters, digits, spaces and + - = . _ : / @ only."),
    "too_many_keys": _("At most ten keys are copied."),
}
VOLUME_FACTS: Final[Mapping[str, Promise | str]] = {
    "tag_keys": _("Tags that are copied"),
    "tag_overwrite": _("Where another value stands"),
    "tag_snapshots": _("Snapshots of the volumes, too"),
    "run_at": _("Run of"),
}
OVERWRITES: Final[Mapping[str, Promise | str]] = {
    "never": _("It stays"),
    "ours": _("It is written anew only if Toban wrote it"),
    "always": _("It is written anew"),
}
YES_NO: Final[Mapping[str, Promise | str]] = {"yes": _("yes"), "no": _("no")}
LEFT: Final = _("Left as it is, because it was changed since: %(left)s")
