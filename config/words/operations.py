"""Operations in words: what they do, whether it can be undone, who confirms, and how they ended."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words.accounts import ACCOUNT_EFFECTS
from config.words.audits import RETENTION_EFFECTS
from config.words.channels import CHANNEL_EFFECTS, CHANNEL_KINDS
from config.words.databases import DATABASE_EFFECTS, DATABASE_KINDS
from config.words.makings import MAKING_EFFECTS, MAKING_KINDS
from config.words.people import PEOPLE_EFFECTS, PEOPLE_KINDS
from config.words.projects import PROJECT_EFFECTS, PROJECT_KINDS
from config.words.volumes import VOLUME_EFFECTS, VOLUME_KINDS, VOLUME_SOURCES

# Of whom no name is kept, because it stands for all that has none of its own.
NAMELESS: Final[Mapping[str, Promise | str]] = dict.fromkeys(
    ("ticket.rule", "ticket.rule_end"), _("Everything without a rule of its own")
)
# Kinds of operation: (short name for lists and filters, sentence with the target).
OPERATION_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    **DATABASE_KINDS,
    **CHANNEL_KINDS,
    **PROJECT_KINDS,
    **VOLUME_KINDS,
    **MAKING_KINDS,
    **PEOPLE_KINDS,
    "emergency.open": (_("Emergency right"), _("Open the emergency right for %(target)s")),
    "emergency.review": (
        _("Review of an emergency right"),
        _("Sign the review of the emergency right of %(target)s"),
    ),
    "review.sign": (_("Sign review"), _("Sign the review %(target)s")),
    "anomaly.rules": (_("Thresholds"), _("Change the thresholds of what is unusual")),
    "ec2.start": (_("Start EC2"), _("Start the EC2 instance %(target)s")),
    "ec2.stop": (_("Stop EC2"), _("Stop the EC2 instance %(target)s")),
    "rds.start": (_("Start RDS"), _("Start the RDS database %(target)s")),
    "rds.stop": (_("Stop RDS"), _("Stop the RDS database %(target)s")),
    "cluster.start": (_("Start cluster"), _("Start the database cluster %(target)s")),
    "cluster.stop": (_("Stop cluster"), _("Stop the database cluster %(target)s")),
    "asg.start": (_("Start group"), _("Start the Auto Scaling group %(target)s")),
    "asg.stop": (_("Stop group"), _("Stop the Auto Scaling group %(target)s")),
    "volume.delete": (
        _("Delete volume"),
        _("Delete the EBS volume %(target)s once a snapshot of it is complete"),
    ),
    "volume.restore": (
        _("Restore volume"),
        _("Bring the deleted EBS volume %(target)s back from its snapshot"),
    ),
    "account.automation": (_("Automation"), _("Change the automation of the AWS account %(target)s")),
    "account.features": (_("Features"), _("Change what Toban does in the AWS account %(target)s")),
    "account.regions": (_("Regions"), _("Change in which regions of the AWS account %(target)s Toban looks")),
    "schedule.publish": (_("Publish schedule"), _("Publish a revision of the schedule %(target)s")),
    "schedule.assign": (_("Assign schedule"), _("Change which schedule %(target)s follows")),
    "schedule.archive": (_("Archive schedule"), _("Archive the schedule %(target)s")),
    "schedule.restore": (_("Restore schedule"), _("Take the schedule %(target)s out of the archive")),
    "calendar.change": (_("Change calendar"), _("Change the company calendar: %(target)s")),
    "calendar.set": (
        _("Change many days of the calendar"),
        _("Change the company calendar in %(target)s places"),
    ),
    "calendar.adopt": (_("Adopt holidays"), _("Take over a list of national holidays (%(target)s)")),
    "freeze.end": (_("End freeze"), _("Let the clock act again (%(target)s)")),
    "freeze.set": (_("Freeze"), _("Let the clock do nothing for a while (%(target)s)")),
    "rules.change": (_("Change rules"), _("Change the limit on stops at once")),
    "price.change": (_("Change prices"), _("Change what hours and volumes cost")),
    "override.set": (_("Override"), _("Override the schedule of %(target)s for a while")),
    "override.end": (_("End override"), _("End the override of %(target)s early")),
    "policy.confirm": (_("Change confirmation"), _("Change who must confirm: %(target)s")),
    "delegation.grant": (_("Give delegation"), _("Let %(target)s enter for you")),
    "delegation.end": (_("End delegation"), _("End the delegation of %(target)s")),
    "deputies.set": (_("Name deputies"), _("Name who confirms in place of %(target)s")),
    "record.correct": (_("Correct record"), _("Correct the record of %(target)s")),
    "session.end": (_("End session"), _("End a session of %(target)s")),
    "member.invite": (_("Invite person"), _("Invite %(target)s")),
    "member.grant": (_("Give role"), _("Give %(target)s a role")),
    "member.revoke": (_("Take role"), _("Take a role from %(target)s")),
    "member.close": (_("Close account"), _("Close the account of %(target)s")),
    "member.reissue": (_("Reissue sign-in"), _("Reissue the sign-in of %(target)s")),
    "token.make": (_("Make API token"), _("Let the program %(target)s act for you")),
    "policy.change": (_("Change policy"), _("Change what holds for sessions and confirmations")),
    "ledger.retention": (
        _("Change retention"),
        _("Change for how long the record is kept, and whether it is held"),
    ),
    "ledger.purge_end": (_("End a purge"), _("Let events %(target)s of the record stay after all")),
    "person.erase": (_("Erase a person"), _("Erase what can be read of a person who has left, for good")),
    "ledger.purge": (_("Purge the record"), _("Let events %(target)s of the record go for good")),
    "round.release": (_("Release stops"), _("Stop so many at once: %(target)s that run")),
    "redmine.connect": (_("Connect Redmine"), _("Write tickets into the Redmine %(target)s")),
    "redmine.leave": (_("Leave Redmine"), _("Write nothing more into the Redmine %(target)s")),
    "repository.register": (_("Register repository"), _("Bring the commits of %(target)s into Redmine")),
    "repository.repin": (_("Change host key"), _("Believe another host key of the git server of %(target)s")),
    "repository.leave": (_("Remove repository"), _("Bring no more commits of %(target)s into Redmine")),
    "ticket.rule": (_("Ticket rule"), _("Decide which troubles become tickets (%(target)s)")),
    "ticket.rule_end": (_("End ticket rule"), _("Make no more tickets by a rule (%(target)s)")),
}

# What a kind does when it is carried out, and whether it can be undone: shown before entering and confirming.
OPERATION_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    **DATABASE_EFFECTS,
    **VOLUME_EFFECTS,
    **MAKING_EFFECTS,
    **PEOPLE_EFFECTS,
    "ec2.start": (
        _("The server starts, and from that moment AWS charges for its hours."),
        _("Can be undone: stop it again. A new start may give it another public IP address."),
    ),
    "ec2.stop": (
        _("The operating system shuts down and the server becomes unreachable. Its EBS volumes are kept."),
        _("Can be undone: start it again. What is only in memory or on instance store is lost."),
    ),
    "rds.start": (
        _(
            "The database starts and accepts connections after some minutes. From then on AWS charges for its hours."
        ),
        _("Can be undone: stop it again."),
    ),
    "rds.stop": (
        _("The database closes all connections and stops. Its storage and backups are kept."),
        _("Can be undone: start it again. AWS itself starts it again after 7 days."),
    ),
    "cluster.start": (
        _(
            "The cluster and all its instances start and accept connections after some minutes. From then on AWS charges for their hours."
        ),
        _("Can be undone: stop it again."),
    ),
    "cluster.stop": (
        _(
            "The cluster and all its instances close their connections and stop. Storage and backups are kept."
        ),
        _("Can be undone: start it again. AWS itself starts it again after 7 days."),
    ),
    "asg.start": (
        _(
            "The group gets back the sizes (minimum, desired, maximum) it had before its stop, and AWS launches new instances."
        ),
        _("Can be undone: stop it again. The instances are new ones, not those from before."),
    ),
    "asg.stop": (
        _(
            "The sizes of the group are written down and set to 0/0/0. AWS terminates all its instances: what is stored only on them is lost."
        ),
        _("Can be undone: start it again, and it gets its sizes back. The instances will be new ones."),
    ),
    "volume.delete": (
        _(
            "A snapshot is made and named after the volume. Once it is complete, the volume is deleted for good, and AWS charges for the snapshot only."
        ),
        _("Can be undone as long as the snapshot is kept: a new volume is made from it, with another ID."),
    ),
    "volume.restore": (
        _(
            "A new volume with the same name and tags is made from the snapshot, with another ID. AWS charges for it from then on."
        ),
        _("Can be undone: delete the new volume. The snapshot is kept either way."),
    ),
    "schedule.publish": (
        _(
            "From its confirmation on, everything that follows this schedule starts and stops by this revision."
        ),
        _("Can be undone: publish the revision before it again."),
    ),
    "schedule.assign": (
        _("From its confirmation on, what is named here starts and stops by the assigned schedule."),
        _("Can be undone: assign the schedule before it again."),
    ),
    "schedule.archive": (
        _(
            "The schedule leaves the lists and can no longer be assigned. Nothing follows it, so nothing changes."
        ),
        _("Can be undone: restore it. Its revisions are kept."),
    ),
    "schedule.restore": (
        _("The schedule stands in the lists again with the revision that was in force."),
        _("Can be undone: archive it again."),
    ),
    "calendar.change": (
        _("From its confirmation on, schedules that observe the calendar go by it."),
        _("Can be undone: change it back."),
    ),
    "calendar.set": (
        _("From its confirmation on, schedules that observe the calendar go by it."),
        _("Can be undone: change it back."),
    ),
    "calendar.adopt": (
        _("This list of national holidays takes the place of the one in force."),
        _("Can be undone: receive the right list again."),
    ),
    "freeze.end": (
        _("The freeze ends now, and what the schedules want at this moment is done."),
        _("Can be undone: freeze again."),
    ),
    "freeze.set": (
        _("Until its end nothing is started or stopped by schedule. Starts and stops by hand stay possible."),
        _("Can be undone: end it early. Then the schedule holds again at once."),
    ),
    "rules.change": (
        _("A round that would stop a larger share of what runs waits until a person releases it."),
        _("Can be undone: change it back."),
    ),
    "price.change": (
        _("Amounts on the pages are worked out with these prices from then on. Nothing starts or stops."),
        _("Can be undone: enter the prices before it again. Every change stands in the ledger."),
    ),
    "override.set": (
        _("Until its end this holds instead of the schedule. At its end the schedule holds again by itself."),
        _("Can be undone: end it early. Then the schedule holds again at once."),
    ),
    "override.end": (
        _("The override ends now, and what the schedule wants at this moment is done."),
        _("Can be undone: enter a new override."),
    ),
    "round.release": (
        _("More would be stopped at once than the tenant's limit allows, so Toban waits for you."),
        _("Can be undone: start them again. Rejected or left alone, nothing is stopped."),
    ),
    "emergency.open": (
        _(
            "The person may at once start, stop, override and cancel, until the time is over. Everybody is told."
        ),
        _("Can be undone: close it early. It closes by itself, and must be reviewed afterwards."),
    ),
    "emergency.review": (
        _("The opening counts as reviewed, with what stands here."),
        _("Cannot be undone: a signed review stands."),
    ),
    "review.sign": (
        _("The review counts as signed, with exactly these judgements, findings and measures."),
        _("Cannot be undone: a signed review stands. What is found later belongs into the next one."),
    ),
    "anomaly.rules": (
        _("From its confirmation on, these thresholds decide what stands among what is unusual."),
        _("Can be undone: change them back."),
    ),
    "policy.confirm": (
        _("From its confirmation on, what is entered of this kind is confirmed by this rule."),
        _("Can be undone: change it back."),
    ),
    "delegation.grant": (
        _(
            "The named person may enter these operations for you in this period. You confirm each of them yourself."
        ),
        _("Can be undone: end the delegation early."),
    ),
    "delegation.end": (
        _("From its confirmation on, such entries are refused. What was entered before still waits."),
        _("Can be undone: give a new delegation."),
    ),
    "deputies.set": (
        _("What a proxy entered for you may then be confirmed by them in this order, with a reason."),
        _("Can be undone: name others, or nobody."),
    ),
    "record.correct": (
        _("A corrected version is put beside the confirmed record. Nothing is carried out."),
        _("Can be undone: correct it again. Every version stays readable."),
    ),
    "member.invite": (
        _(
            "You are shown a code for the person when you confirm. With it and the link, which the enterer has, he gives himself a password and works with this role. Both hold for 7 days, once."
        ),
        _("Can be undone: close the account."),
    ),
    "member.grant": (
        _(
            "From its confirmation on the person may what this role may; somebody of another tenant only once he agrees himself."
        ),
        _("Can be undone: take the role again."),
    ),
    "member.revoke": (
        _(
            "With the next click the person may no more what only this role allowed. Without any role his tokens end, too."
        ),
        _("Can be undone: give the role again."),
    ),
    "member.close": (
        _(
            "The person is signed out everywhere, and his tokens and roles end. What he did stays in the ledger."
        ),
        _("Cannot be undone here: invite the person again with another user name."),
    ),
    "member.reissue": (
        _(
            "You are shown a code for the person when you confirm. With it and the link, which the enterer has, he sets a new password. Until then nothing changes; then he is signed out everywhere, and of what he lost nothing opens the door any more. If he belongs to other tenants, too, the link waits until two people of each have decided the same."
        ),
        _("Can be undone until the link is used: enter it again, and give the new link to nobody."),
    ),
    "token.make": (
        _(
            "Whoever holds the token acts for you in this tenant, within what it allows and what you may yourself."
        ),
        _("Can be undone: end the token. It then lets nobody in any more."),
    ),
    "session.end": (
        _("The person is signed out at once, in every tenant. What he had confirmed goes on."),
        _("Can be undone by the person: signing in again."),
    ),
    "policy.change": (
        _("From its confirmation on, the new values hold for everybody in this tenant."),
        _("Can be undone: change it back."),
    ),
    **RETENTION_EFFECTS,
    **CHANNEL_EFFECTS,
    **PROJECT_EFFECTS,
    "redmine.connect": (
        _(
            "From its confirmation on, Toban writes into this Redmine what the ticket rules say, and reads what people do there."
        ),
        _("Can be undone: leave the Redmine. Tickets that were written stay there."),
    ),
    "redmine.leave": (
        _(
            "Toban writes and reads nothing there any more, and destroys the API key. Tickets stay as they are."
        ),
        _("Can be undone: connect it again with an API key."),
    ),
    "repository.register": (
        _(
            "Toban copies the repository into a mirror, has Redmine read it, and links commits with the tickets that they name."
        ),
        _("Can be undone: remove the repository. Links that were made stay in Redmine."),
    ),
    "repository.repin": (
        _("From its confirmation on, a server that shows this host key is taken for the right one."),
        _("Can be undone: look again and enter the host key that is seen then."),
    ),
    "repository.leave": (
        _(
            "Nothing is fetched any more, and the keys kept here are destroyed. What is to be removed elsewhere is worked off as a checklist."
        ),
        _("Can be undone: register it again, with new keys."),
    ),
    "ticket.rule": (
        _(
            "Names of servers, persons and reasons of this project's operations are written into the named Redmine project."
        ),
        _("Can be undone: end the rule. Tickets that were written stay there."),
    ),
    "ticket.rule_end": (
        _(
            "Nothing new of this project is written into Redmine. Open tickets are still closed when their trouble is over."
        ),
        _("Can be undone: enter the rule again."),
    ),
    "account.automation": (
        _(
            "Decides whether schedules may start, stop and tag in this AWS account by themselves. Once it was on, people may act there by hand, also while it is off."
        ),
        _("Can be undone: switch it back. What was carried out until then stays as it is."),
    ),
    **ACCOUNT_EFFECTS,
}

POLICIES: Final[Mapping[str, Promise | str]] = {
    "self": _("The person who entered it may confirm it, with the password."),
    "other": _("A second person must confirm it, with the password."),
    "two": _("Two other people of one role must confirm it, each with the password."),
    "schedule": _(
        "The schedule acts by itself, because a person confirmed the automation of this AWS account."
    ),
}

# What stands behind an operation that the clock entered (authority.reason of the operation).
SOURCES: Final[Mapping[str, Promise | str]] = {
    "tags": _("Planned by the tags: AutoStart %(AutoStart)s, AutoStop %(AutoStop)s."),
    "schedule": _("Planned by the schedule %(schedule)s, revision %(revision)s."),
    "override": _("Planned by an override of the schedule."),
    "reach": _("The time that was confirmed for it is over."),
    "rotation": _("Wave %(wave)s of a campaign that two people agreed on."),
    **VOLUME_SOURCES,
}

STEPS: Final[Mapping[str, Promise | str]] = {
    "entered": pgettext_lazy("step", "Entered"),
    "confirmed": pgettext_lazy("step", "Confirmed"),
    "called": pgettext_lazy("step", "Call to AWS"),
    "verified": pgettext_lazy("step", "Verified"),
    "applied": pgettext_lazy("step", "In effect"),
}

# What a failure for a KMS key adds: the keys its volumes are encrypted with.
KEYS = _("Keys of its volumes: %(keys)s")
# How far AWS is with what was sent; the state is AWS's own word.
SEEN = _("AWS took the call. Its state there now: %(state)s")
# What a stop with a snapshot adds.
SNAPSHOT = _("Snapshot: %(snapshot)s")
# The same for a group: its sizes as minimum/desired/maximum.
SIZES = _("Its sizes now: %(sizes)s")
