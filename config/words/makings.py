"""Making databases and taking them away again, in words: why AWS would refuse, what would pass, and how it ended."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Why a database cannot be made so (infra.domain.makings), and how making and removing ended.
MAKING_CODES: Final[Mapping[str, Promise | str]] = {
    "stock_unread": _(
        "What AWS has there to make a database of is not known. Let the role that looks have the rights for restoring and creating databases, and make a DB subnet group if there is none; Toban reads it within the hour."
    ),
    "snapshot_not_complete": _("The snapshot is not complete, or it is gone. Only a complete one can be restored."),
    "restore_of_cluster": _(
        "It is a snapshot of an Aurora cluster: AWS brings the cluster back first, and instances are added to it, which Toban does not do. In the AWS console: RDS > Snapshots > the snapshot > Restore snapshot."
    ),
    "copy_first": _(
        "Another account shares this encrypted snapshot. AWS restores such a snapshot only from a copy of your own: copy it with a key of this account first."
    ),
    "restore_snapshot_gone": _("The snapshot does not exist any more, so nothing was restored. Choose another one."),
    "database_name_taken": _("A database of this name exists already. AWS never restores over one: choose another name."),
    "database_quota": _(
        "The account has no room for another database in this region. Remove one, or have AWS raise the quota “DB instances”."
    ),
    "storage_quota": _(
        "The account has not enough database storage left in this region. Remove something, or have AWS raise the quota “Total storage for all DB instances”."
    ),
    "version_not_offered": _(
        "AWS does not offer this engine version here any more, or Toban, which asks once a day, has not read it yet. Where a newer version is named below, a copy of the snapshot can be brought to it and restored."
    ),
    "class_not_offered": _("AWS does not offer this class for this engine version here."),
    "subnet_group_unknown": _("This DB subnet group does not exist here. It decides in which network (VPC) the database lies."),
    "groups_missing": _(
        "No security group is chosen. AWS would take the VPC's default one, which lets in whoever is in that group."
    ),
    "group_other_vpc": _("A security group lies in another network (VPC) than the DB subnet group. Both must be in one."),
    "option_group_unknown": _("This option group does not exist here."),
    "option_group_other_engine": _("This option group is for another engine or another major version."),
    "option_group_other_vpc": _(
        "The option group belongs to another network (VPC) than the DB subnet group. AWS would refuse with InvalidParameterCombination."
    ),
    "options_lost": _(
        "The snapshot has options that a database keeps for ever, and this option group lacks them. Choose one that has them, or have one made in AWS's console."
    ),
    "parameter_group_family": _("This parameter group is not for this engine version."),
    "snapshot_copied": _("The copy is complete. Next it is brought to the newer engine version."),
    "snapshot_upgrading": _("AWS is bringing the copy to the newer engine version."),
    "snapshot_copy_made": _("The copy is complete, and that was seen at AWS. It can be restored like any other snapshot."),
    "copy_of_cluster": _(
        "It is a snapshot of an Aurora cluster, which AWS copies by a call of its own, and Toban does not. In the AWS console: RDS > Snapshots > the snapshot > Copy snapshot."
    ),
    "copy_options_needed": _(
        "With a newer major version of Oracle AWS wants an option group of that version named, because the snapshot's own serves the old one only. Choose one that holds the same lasting options; if there is none, make one in the AWS console (RDS > Option groups) and take an inventory."
    ),
    "copy_of_custom": _("It is a snapshot of an RDS Custom database, which AWS makes no copies of."),
    "key_missing": _("Another account shares it encrypted. The copy needs a KMS key of this account."),
    "key_unreadable": _("This is no KMS key: give an alias (alias/…), a key id or an ARN."),
    "key_other_region": _("This KMS key lies in another region. AWS takes only one of the region in which the snapshot lies."),
    "upgrade_of_engine": _(
        "AWS brings snapshots of this engine to no other version. Nothing was copied. Copy it as it is, or upgrade a database of it."
    ),
    "upgrade_impossible": _("AWS does not bring this version to the wanted one directly. Nothing was copied. Choose one that it names."),
    "name_for_a_while": _(
        "The name of a database that is restored for a while begins with “toban-tmp-”. Only such ones may Toban's role delete in AWS when the time is over."
    ),
    "name_of_one_that_goes": _(
        "Names that begin with “toban-tmp-” are for databases that are restored for a while. Choose another name for one that stays."
    ),
    "test_end_missing": _("Say until when it is needed."),
    "test_end_soon": _("The end is too soon: an hour from now at least."),
    "test_end_over": _("The time for which it was wanted was over before it was restored, so nothing was restored. Enter it anew."),
    "test_end_far": _("The end is too far away: 90 days at most. Choose “for good” for a database that stays."),
    "database_making": _("AWS is making the database. A large one takes hours."),
    "database_broken": _(
        "AWS could not make the database work. Look at its state and its events in AWS's console; nothing else was changed."
    ),
    "database_restored": _("The database is available, as it was asked for, and that was seen at AWS."),
    "database_restored_differs": _(
        "The database is available, but AWS made something otherwise than it was asked for. Compare it with what was confirmed."
    ),
    "database_created": _("The database is available, as it was asked for, and that was seen at AWS."),
    "database_created_differs": _(
        "The database is available, but AWS made something otherwise than it was asked for. Compare it with what was confirmed."
    ),
    "class_unfit": _(
        "AWS runs this version on this class, but not with encrypted storage of the kind that is needed (gp3 for a new database). Choose one of the classes below."
    ),
    "licence_not_offered": _("AWS does not offer this version with the licence that Toban would ask for. Make the database in AWS's console."),
    "restore_of_custom": _(
        "It is a snapshot of an RDS Custom database: its restore needs a machine image and an instance profile of your own, which Toban does not know. Restore it in AWS's console."
    ),
    "tag_value": _(
        "RDS takes letters, digits, spaces and + - = . _ : / @ in a tag only, no brackets or middle dots, and no beginning with aws: or rds:."
    ),
    "db_name_empty": _("Give the database inside a name."),
    "sid_long": _("An Oracle SID has 8 characters at most."),
    "sid_characters": _("An Oracle SID takes letters and digits only, a letter first."),
    "db_name_long": _("The name is too long for this engine."),
    "db_name_characters": _("The name takes half-width letters, digits and underscores only, a letter first."),
    "db_name_reserved": _("The engine keeps this name for itself. Choose another one."),
    "user_form": _("1 to 16 half-width letters, digits and underscores, a letter first."),
    "user_reserved": _("The engine keeps this user name for itself. Choose another one."),
    "storage_size": _("The storage must lie between 20 and 65,536 GiB."),
    "backup_days": _("Backups are kept for 1 to 35 days."),
    "not_a_test_restore": _(
        "Toban removes only databases that it restored for a while. This one is none, or somebody has changed its marks."
    ),
    "name_of_before": _(
        "Its name is of before: what Toban restores for a while is called “toban-tmp-…” now, and nothing else may Toban's role delete. Toban does not remove this one and asks nobody for it. When it is needed no more, delete it in AWS's console."
    ),
    "database_going": _("AWS is removing the database."),
    "database_removed": _("The database is removed, and that was seen at AWS."),
    "database_protected": _(
        "Somebody has switched deletion protection on. Nothing was removed. Switch it off in AWS's console, if it is to go after all."
    ),
    "source_replaced": _(
        "The snapshot that was confirmed is gone, and another one has its name now. Nothing was made of it. Look at the one that is there, and enter it anew if it is the right one."
    ),
    "no_final_snapshot": _(
        "AWS makes no snapshot of a database in this state (failed, incompatible network or incompatible restore), and its data are nowhere else. Toban removes nothing that is nowhere else. Put its state right in AWS first; or, if nobody needs its data, delete it in the AWS console without a final snapshot."
    ),
    "final_snapshot_needed": _(
        "The snapshot it came from is gone meanwhile, so that its data are nowhere else. Nothing was removed. Enter the removal again: then a snapshot is made first."
    ),
}  # fmt: skip

# What a fix does, by the field it sets first.
FIXES: Final[Mapping[str, Promise | str]] = {
    "aws_id": _("Name it %(value)s"),
    "db_class": _("Take the class %(value)s"),
    "subnet_group": _("Take the DB subnet group %(value)s"),
    "groups": _("Take the security group %(value)s"),
    "option_group": _("Take the option group %(value)s"),
    "parameter_group": _("Take the parameter group %(value)s"),
}

# Lines of the plan (infra.queries.making_pages.Line).
PLAN_LINES: Final[Mapping[str, Promise | str]] = {
    "name": _("Name"),
    "engine": _("Engine"),
    "class": _("Class"),
    "storage": _("Storage"),
    "vpc": _("Network (VPC)"),
    "subnet_group": _("DB subnet group"),
    "groups": _("Security groups"),
    "option_group": _("Option group"),
    "parameter_group": _("Parameter group"),
    "multi_az": "Multi-AZ",
    "public": _("Reachable from the internet"),
    "protected": _("Deletion protection"),
    "db_name": _("Database name"),
    "user": _("Master user"),
    "password": _("Password"),
    "encrypted": _("Encrypted"),
    "backups": _("Backups kept for (days)"),
    "tag": _("Tag %(name)s"),
}
YES_NO: Final[Mapping[str, Promise | str]] = {
    "yes": _("Yes"),
    "no": _("No"),
    "managed": _("RDS makes it and keeps it in Secrets Manager. Nobody sees it here."),
}

MAKING_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "rds.restore": (_("Restore database"), _("Restore the database snapshot %(target)s beside its original")),
    "rds.snapshot_copy": (_("Copy snapshot"), _("Make a copy of the database snapshot %(target)s")),
    "rds.create": (_("Create database"), _("Create the database %(target)s")),
    "rds.remove": (_("Remove restored database"), _("Remove the database %(target)s that was restored for a while")),
}  # fmt: skip
MAKING_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "rds.restore": (
        _("A new database is made of the snapshot. The original stays as it is. AWS charges for the new one from then on."),
        _("Can be undone: remove the new database. The snapshot is kept."),
    ),
    "rds.snapshot_copy": (
        _("A copy is made in this account, with the key and the engine version that are named. The original stays as it is."),
        _("Can be undone: delete the copy. AWS charges for it as long as it is kept."),
    ),
    "rds.create": (
        _("A new, empty database is made. It is not public. AWS charges for it from then on."),
        _("Toban does not delete it again: delete it in AWS's console, after switching its deletion protection off."),
    ),
    "rds.remove": (
        _("The database is deleted, with its automated backups. Where its snapshot is gone, AWS makes one first."),
        _("Cannot be undone. Its snapshot can be restored again, but everything written since it was restored is lost."),
    ),
}  # fmt: skip
MAKING_FACTS: Final[Mapping[str, Promise | str]] = {
    "made_at": _("Snapshot made at"),
    "aws_id": _("Name of the database"),
    "engine": _("Engine"),
    "engine_version": _("Version"),
    "final_snapshot": _("Snapshot at the end"),
}
COPY_FACTS: Final[Mapping[str, Promise | str]] = {
    "source": _("Snapshot"),
    "made_at": _("Snapshot made at"),
    "snapshot": _("Name of the copy"),
    "engine": _("Engine"),
    "engine_version": _("Version"),
    "version": _("Version of the copy"),
    "option_group": _("Option group of the copy"),
    "key": _("KMS key of the copy"),
    "storage_gib": _("Storage (GiB)"),
}

# What stands for the name of the database where it has none: PostgreSQL's own, and a place to be filled in.
UNNAMED: Final[Mapping[str, str]] = {"postgres": "postgres", "oracle": "SID"}

# How a client connects, by the beginning of the engine's name. The password is asked for.
COMMANDS: Final[Mapping[str, str]] = {
    "mysql": "mysql -h %(host)s -P %(port)s -u %(user)s -p --ssl-ca=global-bundle.pem --ssl-mode=VERIFY_IDENTITY %(name)s",
    "mariadb": "mariadb -h %(host)s -P %(port)s -u %(user)s -p --ssl-ca=global-bundle.pem --ssl-verify-server-cert %(name)s",
    "postgres": "psql 'host=%(host)s port=%(port)s user=%(user)s dbname=%(name)s sslmode=verify-full sslrootcert=global-bundle.pem'",
    "sqlserver": "sqlcmd -S tcp:%(host)s,%(port)s -U %(user)s -N",
    "oracle": "sqlplus %(user)s@//%(host)s:%(port)s/%(name)s",
}
