"""Volumes and their tags in words."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Kinds of operation: (short name, sentence with the target).
VOLUME_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "ebs.tag": (_("Tag EBS"), _("Write tags on the EBS volume %(target)s")),
    "snapshot.tag": (_("Tag snapshot"), _("Write tags on the EBS snapshot %(target)s")),
    "tagging.rules": (_("Tagging rules"), _("Change which tags volumes get")),
    "tagging.undo": (_("Undo tagging"), _("Undo a run of tagging in %(target)s")),
    "volume.termination": (
        _("Volume with its server"),
        _("Change whether the EBS volume %(target)s is deleted with its server"),
    ),
    "volume_snapshot.delete": (_("Delete EBS snapshot"), _("Delete the EBS snapshot %(target)s for good")),
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
    "volume.termination": (
        _(
            "Nothing happens now. When its server is terminated, AWS deletes the volume with it, or leaves it, as is said here."
        ),
        _("Can be undone as long as the server is there: change it back."),
    ),
    "volume_snapshot.delete": (
        _("AWS deletes the snapshot for good and no longer charges for it. Its volume is gone already."),
        _("Cannot be undone."),
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
    "termination_set": _("It is so now, and that was seen at AWS."),
    "not_taken": _("AWS took the call, and yet it is as it was. Look at it in AWS's console."),
    "not_attached": _("It is attached to no server now."),
    "multi_attached": _(
        "It is attached to several servers. It would be deleted with the first of them that is terminated, so this is left to AWS's console."
    ),
    "snapshot_of_backup": _(
        "AWS Backup or a lifecycle policy keeps it. It is deleted there, and never here."
    ),
    "snapshot_of_image": _("An AMI is made of it. AWS keeps it as long as that AMI exists."),
    "snapshot_shared": _("It is shared with other accounts, which may need it. End the sharing first."),
    "snapshot_of_volume": _(
        "Its volume is still there. Snapshots of a volume that exists are deleted where they are made, and never here."
    ),
    "snapshot_copied": _(
        "It was copied from another snapshot, and AWS does not say of which volume. Delete it where it was made."
    ),
    "snapshot_last_copy": _(
        "It was not the last copy when its deletion was entered, but it is now. It is left. Enter it again if it is to go all the same."
    ),
    "snapshot_restorable": _(
        "Toban made it before it deleted the volume. For 90 days it is kept, so that the volume can be brought back."
    ),
    "snapshot_stays": _(
        "AWS took the call, and yet the snapshot is still there. Look at it in AWS's console."
    ),
    "bad_zone": _("Choose one of the Availability Zones in which this account has volumes."),
    "too_many_keys": _("At most ten keys are copied."),
}
VOLUME_FACTS: Final[Mapping[str, Promise | str]] = {
    "tag_keys": _("Tags that are copied"),
    "tag_overwrite": _("Where another value stands"),
    "tag_snapshots": _("Snapshots of the volumes, too"),
    "run_at": _("Run of"),
    "on_termination": _("When its server is terminated"),
    "iops": _("IOPS"),
    "throughput": _("Throughput (MiB/s)"),
}
OVERWRITES: Final[Mapping[str, Promise | str]] = {
    "never": _("It stays"),
    "ours": _("It is written anew only if Toban wrote it"),
    "always": _("It is written anew"),
}
ON_TERMINATION: Final[Mapping[str, Promise | str]] = {
    "goes": _("AWS deletes the volume, too"),
    "stays": _("the volume stays and costs on"),
}
YES_NO: Final[Mapping[str, Promise | str]] = {"yes": _("yes"), "no": _("no")}
LEFT: Final = _("Left as it is, because it was changed since: %(left)s")

# What happened to volumes and their snapshots: a part of events, as a sentence and as a name.
VOLUME_EVENTS: Final[Mapping[str, Promise | str]] = {
    "volume.left_over": _(
        "The EBS volume %(subject)s (%(gib)s GiB) has served nothing for %(days)s days and is left over."
    ),
    "snapshot.snoozed": _(
        "%(actor)s wants the EBS snapshot %(subject)s kept for %(days)s days. Reason: %(reason)s"
    ),
    "volume.snoozed": _(
        "%(actor)s wants the EBS volume %(subject)s kept for %(days)s days. Reason: %(reason)s"
    ),
    "volume.ticket_asked": _(
        "%(actor)s wants a ticket of the left-over EBS volume %(subject)s. Reason: %(reason)s"
    ),
    "volume.taken_up": _("The EBS volume %(subject)s is no longer left over: it serves again, or is gone."),
    "volume.named": _("The EBS volume %(subject)s got the Name tag %(name)s."),
}
VOLUME_EVENT_NAMES: Final[Mapping[str, Promise | str]] = {
    "volume.left_over": _("EBS volume left over"),
    "snapshot.snoozed": _("EBS snapshot kept for now"),
    "volume.snoozed": _("Left-over EBS volume kept for now"),
    "volume.ticket_asked": _("Ticket asked for"),
    "volume.taken_up": _("EBS volume no longer left over"),
    "volume.named": _("EBS volume named"),
}
