"""AWS accounts in words: what Toban may do there, how its roles were proven, how well an account answers."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words.look import State

# What Toban does in an account: (label, what it means).
FEATURES: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "servers": (
        _("Start and stop EC2 servers"),
        _("Looks at servers, starts and stops them. With encrypted disks the role may also use their keys."),
    ),
    "databases": (_("Start and stop RDS databases"), _("Looks at databases, starts and stops them.")),
    "making": (
        _("Restore and create RDS databases"),
        _(
            "Looks at what a database is made of, makes databases, and removes only those that it restored for a while. Their passwords are made and kept by AWS."
        ),
    ),
    "reach": (
        _("Open and close the way to RDS databases"),
        _(
            "Adds a rule to a database's security group once two people confirmed it, and takes it away when its time is over."
        ),
    ),
    "certificates": (
        _("Give RDS databases new certificates"),
        _(
            "Changes the certificate authority of a database in a confirmed window, and starts and stops it for that. The right to modify databases allows other settings, too; Toban changes no other."
        ),
    ),
    "volumes": (
        _("Name EBS volumes"),
        _(
            "Looks at volumes and sets the tag Name, no other, on those that lack one; takes away what it wrote when that is undone."
        ),
    ),
    "tags": (
        _("Tags of volumes and snapshots"),
        _(
            "Copies the tags that the tagging rules name from servers to volumes and snapshots. Which ones, two people decide later."
        ),
    ),
    "leftovers": (
        _("Delete left-over EBS volumes"),
        _(
            "Makes a snapshot of a volume that serves nothing, and deletes the volume, once two people confirmed it. Deletes snapshots without a volume the same way, never those of AWS Backup. So that encrypted volumes can come back, EC2 may use their keys in the role's name."
        ),
    ),
    "organization": (
        _("List the accounts of the organization"),
        _(
            "Only for the account that manages an AWS organization, or its delegated administrator: many accounts can then be taken in at once."
        ),
    ),
    "termination": (
        _("Let EBS volumes go with their servers"),
        _(
            "Changes, once two people confirmed it, whether a volume is deleted when its server is terminated. The right to modify servers allows other settings, too; Toban changes no other."
        ),
    ),
}

ROLES: Final[Mapping[str, Promise | str]] = {
    "read": _("The role that only looks"),
    "operate": _("The role that operates"),
}

# How an account of an organization stands: known here, on its way in, or not to be had.
MEMBER_STATES: Final[Mapping[str, State]] = {
    "in": State("done", pgettext_lazy("member", "Is in")),
    "coming": State("waiting", pgettext_lazy("member", "Is being taken in")),
    "free": State("stopped", pgettext_lazy("member", "Can be taken in")),
    "closed": State("excluded", pgettext_lazy("member", "Suspended or closed at AWS")),
    "unproven": State("waiting", pgettext_lazy("member", "Not proven yet")),
    "trying": State("transition", pgettext_lazy("member", "Is being tried")),
    "lost": State("late", pgettext_lazy("member", "Was lost: ask again")),
    "proven": State("done", pgettext_lazy("member", "Proven")),
    "failed": State("failed", pgettext_lazy("member", "Not right")),
}

# How a feature of an AWS account stands (infra.queries.features).
FEATURE_STATES: Final[Mapping[str, State]] = {
    "on": State("done", pgettext_lazy("feature", "On")),
    "waits": State("waiting", pgettext_lazy("feature", "Waits for the proof")),
    "off": State("excluded", pgettext_lazy("feature", "Off")),
    "unknown": State("unknown", pgettext_lazy("feature", "Never proven")),
}

# One check of a proof: how it reads when it passed, failed, or could not be tried. %(subject)s: an action or role.
CHECKS: Final[Mapping[tuple[str, str], Promise | str]] = {
    ("no_id", "passed"): _("Without an external ID nobody gets in."),
    ("no_id", "failed"): _(
        "It lets in callers without an external ID. Add the condition sts:ExternalId to its trust policy."
    ),
    ("no_id", "untried"): _(
        "Whether it lets in callers without an external ID could not be found out: %(message)s"
    ),
    ("wrong_id", "passed"): _("With a wrong external ID nobody gets in."),
    ("wrong_id", "failed"): _(
        "It lets in callers with a wrong external ID. The trust policy must demand exactly this one."
    ),
    ("wrong_id", "untried"): _(
        "Whether it lets in callers with a wrong external ID could not be found out: %(message)s"
    ),
    ("right_id", "passed"): _("With the right external ID Toban gets in."),
    ("right_id", "failed"): _(
        "Toban does not get in (%(subject)s). Check that the stack is complete, that it was made from this template and in "
        "this account, and that the trust policy names exactly the external ID of this page."
    ),
    ("right_account", "passed"): _("It leads into account %(subject)s, as it should."),
    ("right_account", "failed"): _("It leads into account %(subject)s, which is another one."),
    ("may", "passed"): _("May do %(subject)s."),
    ("may_not", "failed"): _(
        "May not do %(subject)s: %(missing)s is missing. Add this statement to its policy:"
    ),
    ("region_off", "failed"): _(
        "The region is not switched on in this account: %(subject)s. Switch it on at AWS (Account > AWS Regions), which takes some minutes, and prove the roles again; or begin again without it."
    ),
    ("not_answered", "untried"): _("%(subject)s could not be tried: %(message)s"),
    ("not_answered", "failed"): _(
        "AWS did not answer %(subject)s, so nobody knows whether it may be done. Check the name of the region, then prove the roles again."
    ),
    ("rest_untried", "untried"): _(
        "AWS did not answer in %(subject)s, so what else is looked at there was not tried: %(message)s"
    ),
    ("out_of_time", "failed"): _(
        "AWS answers too slowly: the time of this proof was over before everything was tried in %(subject)s. Prove the roles again."
    ),
    ("answered_otherwise", "untried"): _(
        "AWS answered %(subject)s with something else than its rights: %(message)s"
    ),
    ("denied_service_control", "failed"): _(
        "%(subject)s is refused by a service control policy (SCP) of the AWS organization. No statement added to the role helps: whoever manages the organization has to allow it there."
    ),
    ("denied_resource_control", "failed"): _(
        "%(subject)s is refused by a resource control policy (RCP) of the AWS organization. No statement added to the role helps: whoever manages the organization has to allow it there."
    ),
    ("denied_boundary", "failed"): _(
        "%(subject)s is refused by the permissions boundary that was put on the role. Allow it in that boundary, or take the boundary off the role."
    ),
    ("denied_session", "failed"): _(
        "%(subject)s is refused by the session policy with which Toban narrows its own calls. Nothing is wrong in this account: tell whoever runs Toban."
    ),
    ("denied_identity", "failed"): _(
        "%(subject)s is denied by a policy that is attached to the role (Effect: Deny). Take that statement out: none that is added outweighs it."
    ),
    ("denied_resource", "failed"): _(
        "%(subject)s is refused by a policy of the resource itself, that of a KMS key for example. Allow the role there."
    ),
    ("denied_endpoint", "failed"): _(
        "%(subject)s is refused by the policy of a VPC endpoint through which Toban reaches AWS. Allow it there: tell whoever runs Toban."
    ),
    ("no_dry_run", "untried"): _("AWS offers no way to try %(subject)s without doing it."),
    ("nothing_there", "untried"): _("There is nothing in the account yet to try %(subject)s on."),
    ("dry_run_ignored", "failed"): _(
        "%(subject)s did not answer as a dry run should. Do not go on; ask support."
    ),
}

# Whether Toban looks at a region (infra.models.account.Looking).
LOOKING_STATES: Final[Mapping[str, State]] = {
    "waits": State("waiting", pgettext_lazy("account", "Waits for a proof")),
    "on": State("done", pgettext_lazy("region", "Looked at")),
    "leaving": State("transition", pgettext_lazy("region", "Being left")),
    "left": State("excluded", pgettext_lazy("account", "Not looked at any more")),
}

# What follows from an operation on an account, and whether it can be undone.
ACCOUNT_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "account.features": (
        _(
            "What is switched off is used no more at once. What is switched on is used once the stack has the new template and the roles are proven."
        ),
        _("Can be undone: enter the features as they were."),
    ),
    "account.regions": (
        _(
            "A region that comes is looked at once the roles are proven there. In one that goes Toban starts, stops and tags nothing any more; what stands there goes on running at AWS."
        ),
        _("Can be undone: enter the regions as they were, and prove the roles again."),
    ),
}

# Codes of the table in config.words.codes that are about the rights of an account's roles, and about its regions.
ACCOUNT_CODES: Final[Mapping[str, Promise | str]] = {
    "denied_service_control": _(
        "A service control policy (SCP) of the AWS organization refuses %(action)s. No statement added to the role helps: whoever manages the organization has to allow it there."
    ),
    "denied_resource_control": _(
        "A resource control policy (RCP) of the AWS organization refuses %(action)s. No statement added to the role helps: whoever manages the organization has to allow it there."
    ),
    "denied_boundary": _(
        "The permissions boundary of the role refuses %(action)s. Allow it in that boundary, or take the boundary off the role."
    ),
    "denied_session": _(
        "The session policy with which Toban narrows its own calls refuses %(action)s. Nothing is wrong in the account: tell whoever runs Toban."
    ),
    "denied_identity": _(
        "A policy that is attached to the role denies %(action)s (Effect: Deny). Take that statement out: none that is added outweighs it."
    ),
    "denied_resource": _(
        "A policy of the resource itself, that of a KMS key for example, refuses %(action)s. Allow the role there."
    ),
    "denied_endpoint": _(
        "The policy of a VPC endpoint through which Toban reaches AWS refuses %(action)s. Tell whoever runs Toban."
    ),
    "proof_under_way": _(
        "The roles of the AWS account are just being proven. Toban waits for what comes of it."
    ),
    "key_rights_unproven": _(
        "The volume is encrypted, and the last proof of the account's roles did not ask for the rights on its key that bringing it back takes, or never ended. Nothing was deleted. Update the roles with the template of today, prove them again, then enter this anew."
    ),
    "region_off": _(
        "Toban does not look at this region of the AWS account, so it changes nothing there: the region was left, or the roles are not proven there yet. An administrator chooses the regions on the page of the AWS account."
    ),
    # What keeps a region from being left.
    "region_busy": _(
        "Toban cannot leave %(target)s: something that was entered there has not ended yet. Wait for it, or take it back; then enter this again."
    ),
    "region_restores": _(
        "Toban cannot leave the region: %(target)s was restored for a while and is still there. Have it removed first, because nobody is asked to remove it in a region that was left."
    ),
    "region_reach": _(
        "Toban cannot leave the region: the way to %(target)s is open until a time at which Toban closes it. Close it first."
    ),
    "region_rotates": _(
        "Toban cannot leave the region: %(target)s is to get a new certificate in a campaign that is not over. Wait for it, or end the campaign first, because nothing is begun in a region that was left."
    ),
    # What keeps a feature from being taken away.
    "feature_busy": _(
        "Toban cannot give this up: an operation on %(target)s that rests on it has not ended yet. Wait for it, or take it back; then enter this again."
    ),
    "feature_restores": _(
        "Toban cannot give this up: %(target)s was restored for a while and is still there. Have it removed first, because the role could not remove it any more."
    ),
    "feature_reach": _(
        "Toban cannot change this: the way to %(target)s is open until a time at which Toban closes it, and the role might not be able to any more. Close it first."
    ),
    "feature_rotates": _(
        "Toban cannot change this: %(target)s is to get a new certificate in a campaign that is not over. Wait for it, or end the campaign first; where the account is narrowed to what carries Toban=managed, that tag on the database will do."
    ),
    "region_unknown": _("There is no AWS region %(region)s. Did you mean: %(alike)s?"),
    "region_other_partition": _(
        "%(region)s belongs to a separate AWS (China or GovCloud), which the roles of this one do not reach."
    ),
}
