"""Databases in words: what stands out with them, how they are protected, how long they are trusted."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# How long clients trust a database. %(days)s: whole days left; %(date)s: the day it ends.
TRUST_ENDS: Final = _("until %(date)s, %(days)s days left")
TRUST_FAR: Final = _("until %(date)s")
TRUST_ENDED: Final = _("ended on %(date)s")
TRUST_UNKNOWN: Final = _("AWS said nothing of its end")
# Whether a new certificate needs a restart (AWS's word on the engine version).
PENDING_CHANGES: Final = _("Changes that wait: %(pending)s")
RESTARTS: Final[Mapping[bool | None, Promise | str]] = {
    True: _("restarts"),
    False: _("no restart"),
    None: _("not known"),
}
RENEWAL: Final[Mapping[bool | None, Promise | str]] = {
    True: _("renewed without a restart"),
    False: _("a new certificate restarts it"),
    None: _("whether a new one restarts it is not known"),
}

PROTECTIONS: Final[Mapping[str, Promise | str]] = {
    "public": _("Reachable from the internet"),
    "private": _("Not public"),
    "protected": _("deletion protection on"),
    "unprotected": _("deletion protection off"),
    "backups": _("backups kept %(days)s days"),
    "no_backups": _("no automated backups"),
    "by_cluster": _("protected as its cluster is"),
}

SNAPSHOT_KINDS: Final[Mapping[str, Promise | str]] = {
    "manual": _("By hand"),
    "automated": _("Automated backup of AWS"),
    "awsbackup": _("AWS Backup"),
    "shared": _("Shared by another account"),
}

# Codes of operations on databases and of their refusals (infra.domain.snapshots, infra.domain.database_names).
DATABASE_CODES: Final[Mapping[str, Promise | str]] = {
    "snapshot_made": _("The snapshot is complete, and that was seen at AWS."),
    "snapshot_in_the_making": _("AWS is still making the snapshot."),
    "snapshot_broken": _("AWS could not make the snapshot. The database is as it was. Enter it again."),
    "snapshot_deleted": _("The snapshot is deleted, and that was seen at AWS."),
    "no_snapshot_of_cluster": _(
        "It belongs to an Aurora or Multi-AZ cluster, whose instances share their data: AWS makes snapshots of the whole cluster only, which Toban does not. In the AWS console: RDS > Databases > the cluster > Actions > Take snapshot."
    ),
    "no_snapshot_of_custom": _("It is an RDS Custom database. Make its snapshot in AWS's console."),
    "snapshot_of_stuck": _(
        "AWS makes no snapshot of a database in this state, and it does not change by itself: failed, incompatible, its storage full, or its key out of reach. Put that right in AWS first. What AWS's automated backups hold can still be restored."
    ),
    "snapshot_needs_running": _(
        "AWS makes a snapshot of a running database only. Start it first, then enter the snapshot again."
    ),
    "snapshot_automated": _(
        "It is an automated backup. AWS deletes it itself when its days are over, and nobody can earlier."
    ),
    "snapshot_replaced": _(
        "Another snapshot has taken this name since the deletion was entered. It is left. Enter its deletion if it is to go."
    ),
    "snapshot_not_ours": _(
        "Toban deletes only snapshots whose name begins with “toban-”, which is all that its role may do. Delete this one in AWS's console."
    ),
    "snapshot_prefix": _(
        "The name must begin with “toban-”: by that Toban's role may make it, and delete it later."
    ),
    "snapshot_busy": _("AWS is still working on this snapshot. Only a complete one can be deleted."),
    "snapshot_name_taken": _("A snapshot of this name exists already. Choose another name."),
    "reach_opened": _("The rule stands in the security group, and that was seen at AWS."),
    "reach_closed": _("The rule is taken away, and that was seen at AWS."),
    "source_unreadable": _(
        "This is neither a security group (sg-…) nor an IPv4 address with its length, such as 10.1.2.3/32."
    ),
    "open_to_everybody": _(
        "Toban opens no database to everybody (0.0.0.0/0 or ::/0). Name the security group or the address that needs it."
    ),
    "source_not_ipv4": _("Only IPv4 addresses can be entered here. Use a security group, or AWS's console."),
    "source_too_wide": _(
        "The network is too wide: /16 or smaller for private addresses, /29 or smaller for those of the internet."
    ),
    "description_empty": _("Say what the rule is for: it stands in AWS beside the rule."),
    "description_long": _("The description is too long: 200 characters at most."),
    "description_characters": _(
        "AWS takes half-width letters, digits, spaces and ._-:/()#,@[]+=&;{}!$* in a description only."
    ),
    "public_needs_end": _("An address of the internet needs an end, within 24 hours."),
    "public_too_long": _("An address of the internet may be let in for 24 hours at most."),
    "end_past": _("The end lies in the past."),
    "end_too_far": _("The end is more than a year away. Leave it empty for a rule that stays."),
    "port_unknown": _(
        "The port of this database is not known. Wait for the next look at AWS, within minutes."
    ),
    "group_not_its_own": _("This security group does not belong to the database. Choose one of its own."),
    "source_group_not_there": _(
        "There is no such security group in the network (VPC) of the database. Compare its id; one that was just made is known within the hour."
    ),
    "port_changed": _(
        "The database listens on another port than the one that was confirmed. Nothing was opened. Enter it anew."
    ),
    "rules_unread": _(
        "The rules of its security groups are not known. Let the role that looks have ec2:DescribeSecurityGroupRules; Toban reads them within the hour."
    ),
    "group_full": _(
        "The security group holds as many rules as AWS allows it. Take another group of the database, close what nobody needs, or have AWS raise the quota “Inbound or outbound rules per security group”."
    ),
    "group_full_unread": _(
        "The security group holds 60 rules, AWS's usual limit, and whether AWS has raised it is not known. Let the role that looks have servicequotas:GetServiceQuota, and wait an hour; or take another group of the database, or close what nobody needs."
    ),
    "rule_exists": _(
        "The same rule stands in the security group already, and Toban did not add it. Nothing needs to be done, and Toban will not take it away."
    ),
    "not_open": _("This was not opened by Toban, or it is closed already."),
    "rotated": _(
        "The new certificate is in place: AWS shows its authority, and the database shows it in a handshake."
    ),
    "rotated_unseen": _(
        "The new certificate is in place, as AWS says. No handshake was possible from here, so check it with a client."
    ),
    "rotation_left_on": _(
        "It was stopped before and stays on now, because since then its schedule or a person has wanted it to run."
    ),
    "pending_changes": _(
        "Other changes of it wait for its maintenance window, and AWS would apply them together with the certificate. Have them applied or taken back in AWS first, then plan it again."
    ),
    "rotation_started": _("The database has started. Next it gets its new certificate."),
    "rotation_changed": _("AWS shows the new authority. Next the database is looked at."),
    "rotation_put_back": _("The database is stopped again, as it was found."),
    "rotation_slow": _(
        "AWS takes longer than usual. Toban goes on waiting, so that the database is stopped again in the end."
    ),
    "rotation_continues": _("The next step follows."),
    "certificate_not_presented": _(
        "AWS shows the new authority, but the database still shows its clients another certificate. Look at it in AWS's console; a restart may be needed."
    ),
    "window_over": _(
        "The window was over before the certificate could be changed, so the database keeps the one it had. Plan it anew, with a longer window."
    ),
    "window_past": _("The window lies in the past. Choose a later beginning."),
    "window_far": _("The window is more than a year away. Choose an earlier one."),
    "window_short": _("The window is too short: a start, a change and a restart need 30 minutes at least."),
    "certificates_unread": _(
        "AWS's word on certificate authorities is not known in its region. Let the role that looks have rds:DescribeCertificates; Toban reads it at its next look, within minutes."
    ),
    "version_unread": _(
        "What AWS says of its engine version is not known. Let the role that looks have rds:DescribeDBEngineVersions; Toban reads it at its next look, within minutes."
    ),
    "ca_unknown": _("AWS does not list this certificate authority in its region. Choose another."),
    "ca_already": _(
        "It has a certificate of this authority already, and AWS renews that by itself, or has not said when it ends. To change it, choose another authority."
    ),
    "renewal_needs_running": _(
        "A renewal by the same authority needs a running database: a stop drops what AWS had planned. Start it first."
    ),
    "no_renewal_planned": _(
        "AWS has planned no renewal of its certificate yet, so there is nothing to do early. Plan it again nearer to the end, or change the authority."
    ),
    "ca_unsupported": _(
        "AWS does not offer this authority for its engine version. Choose another, or have the engine upgraded first."
    ),
    "chosen_twice": _("A database stands in two waves. Choose one wave for it."),
    "rotation_planned": _("It already belongs to a campaign that is not over."),
    "rotation_ended": _("This campaign is not open: it was not confirmed, or somebody ended it."),
    "too_many_rotations": _("Too many at once: a campaign has 3 waves and 50 databases at most."),
    "name_empty": _("Give it a name."),
    "name_too_long": _("The name is too long: a database has 63 characters at most, a snapshot 255."),
    "name_characters": _("AWS takes letters a to z, digits and hyphens only, all half-width."),
    "name_first_letter": _("The name must begin with a letter."),
    "name_double_hyphen": _("Two hyphens in a row are not allowed."),
    "name_last_hyphen": _("The name must not end with a hyphen."),
}

# What to do about a warning.
CURES: Final[Mapping[str, Promise | str]] = {
    "ca_ended": _("Clients that check certificates no longer connect. Give it a new certificate at once."),
    "ca_urgent": _("Give it a new certificate before that day, after its clients have the new bundle."),
    "ca_soon": _("Plan its new certificate. Clients need the new bundle first."),
    "public": _(
        "Its address answers from outside the VPC. Have it set to not public, or check its security groups."
    ),
    "no_backups": _("Nothing can be restored to a point in time. Have AWS keep backups for some days."),
    "unprotected": _(
        "Anybody with the right may delete it in one step. Have deletion protection switched on."
    ),
    "restarts_soon": _(
        "AWS starts a database that is stopped for seven days. Its schedule then stops it again."
    ),
    "pending": _("AWS applies it in the maintenance window, and may restart the database for it."),
}

# Kinds of operation, as config.words.operations has them: (short name, sentence), (effect, undoing it).
DATABASE_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "rds.snapshot": (_("Make snapshot"), _("Make a snapshot of the RDS database %(target)s")),
    "rds.snapshot_delete": (_("Delete snapshot"), _("Delete the database snapshot %(target)s")),
    "reach.open": (_("Open the way"), _("Let somebody reach the database %(target)s")),
    "reach.close": (_("Close the way"), _("Let somebody no longer reach the database %(target)s")),
    "rds.rotation": (_("Plan certificates"), _("Give databases the certificate authority %(target)s")),
    "rds.rotation_end": (
        _("End certificates"),
        _("Begin nothing more of the certificate campaign %(target)s"),
    ),
    "rds.certificate": (_("New certificate"), _("Give the RDS database %(target)s a new certificate")),
    "rds.prune": (_("Delete old snapshot"), _("Delete the replaced snapshot of the RDS database %(target)s")),
}
DATABASE_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "rds.snapshot": (
        _(
            "A copy of the database as it is now is made and kept until somebody deletes it. The database runs on."
        ),
        _("Can be undone: delete the snapshot. AWS charges for it as long as it is kept."),
    ),
    "rds.snapshot_delete": (
        _("The snapshot is deleted for good. The database and its other snapshots stay as they are."),
        _("Cannot be undone. Nobody can restore from this snapshot any more."),
    ),
    "reach.open": (
        _(
            "A rule is added to the security group. From then on the source may connect to the database's port."
        ),
        _("Can be undone: close it. With an end, Toban closes it by itself."),
    ),
    "reach.close": (
        _("The rule that Toban added is taken away. New connections from there no longer get through."),
        _("Can be undone: open it again, with another person."),
    ),
    "rds.rotation": (
        _(
            "In its window each database is started if it is stopped, gets its new certificate, is looked at, and is stopped again if it was stopped. Where AWS says so, it restarts."
        ),
        _(
            "Can be undone: another campaign gives them another certificate authority. What has not begun can be ended."
        ),
    ),
    "rds.rotation_end": (
        _("No more databases are begun. Those that are under way are finished and put back as they were."),
        _("Can be undone: plan a new campaign with those that are left."),
    ),
    "rds.certificate": (
        _(
            "The database gets a certificate of the new authority. Clients that do not trust it can no longer connect."
        ),
        _("Can be undone: a campaign with the authority it had before, as long as AWS offers that."),
    ),
    "rds.prune": (
        _("The snapshot of an earlier stop is deleted, because that of a later stop is complete."),
        _("Cannot be undone. The newer snapshot is kept."),
    ),
}
DATABASE_FACTS: Final[Mapping[str, Promise | str]] = {
    "group": _("Security group"),
    "port": _("Port"),
    "source": _("Who may connect"),
    "description": _("Description"),
    "ca": _("New certificate authority"),
    "before": _("Certificate authority now"),
    "wave": _("Wave"),
    "until_at": _("Until"),
    "snapshot": _("Snapshot"),
    "database": _("Database"),
    "storage_gib": _("Storage (GiB)"),
    "made_at": _("Made at"),
}

# What a person checks with the clients of a database (infra.operations.campaigns.CHECKS).
CHECKS: Final[Mapping[str, Promise | str]] = {
    "client": _("A client program connects"),
    "application": _("The application works"),
    "command_line": _("The command line connects"),
}

# What the handshake with a database showed (infra.operations.rotating.handshake_of).
HANDSHAKES: Final[Mapping[str, Promise | str]] = {
    "seen": _("The new certificate was seen in a handshake."),
    "other": _("The database showed another certificate."),
    "unreachable": _("No handshake: it cannot be reached from here."),
    "unspoken": _("No handshake: the TLS of its engine cannot be looked at from outside."),
}
