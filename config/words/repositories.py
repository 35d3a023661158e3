"""Repositories: what goes wrong between GitHub, the mirror and Redmine, each with its cure; checks, steps, verdicts."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

#: A part of codes.CODES.
REPOSITORY_CODES: Final[Mapping[str, Promise | str]] = {
    # between us and the git server
    "git_host_key_changed": _(
        "The git server shows another host key than the confirmed one, so nothing was fetched. Ask whether the server was really changed. Then press “Look again” and enter the new host key; a second person confirms it."
    ),
    "git_key_refused": _(
        "The git server refuses the deploy key. Add the public key shown here as a read-only deploy key of the repository."
    ),
    "git_no_name": _(
        "The name of the git server is not found. Check the address and the DNS of this machine."
    ),
    "git_unreachable": _(
        "The git server cannot be reached. Toban tries again by itself; check the firewall if it lasts."
    ),
    "git_needs_login": _(
        "The git server asks for a name and a password, which Toban never gives. Use the ssh address with a deploy key."
    ),
    "git_certificate": _(
        "The certificate of the git server is not trusted. Add your authority with TOBAN_CA_BUNDLE."
    ),
    "git_not_found": _(
        "The git server knows no such repository, or the deploy key belongs to another one. Check the address and where the key was added."
    ),
    "git_forced": _(
        "A branch was rewritten by force, and this repository takes no such push (strict form). Have the branch put right, or register it anew without the strict form."
    ),
    "git_timeout": _("The git server took too long. Toban tries again by itself."),
    "git_too_much": _("The git server sent more than Toban is willing to read."),
    "git_too_many_branches": _("The repository has more than 5,000 branches. Delete what is merged."),
    "git_no_host_key": _(
        "The git server showed no ed25519 host key. Check address and port; servers without such a key are not taken."
    ),
    "git_missing": _("git or ssh is not installed where the commits worker runs."),
    "git_failed": _("git ended with an error."),
    # the mirror
    "mirror_full": _("The disk of the mirrors is full. Make room; Toban goes on by itself."),
    "mirror_locked": _(
        "Another git still works in this mirror. Toban tries again by itself; if it lasts, end that process and delete the file named *.lock."
    ),
    "mirror_unwritable": _(
        "The folder of the mirrors cannot be written. Give it to the user of the commits worker."
    ),
    "mirror_broken": _(
        "The mirror is damaged. Move its folder away: Toban makes a new one at the next fetch and gets back what Redmine remembers."
    ),
    "mirror_made": _("The mirror was made."),
    "mirror_rebuilt": _("The mirror was gone and was made anew, with what Redmine remembers."),
    # Redmine's service for repositories
    "redmine_service_key_refused": _(
        "Redmine refuses the service key. In Redmine, as administrator: Administration > Settings > Repositories, enable the web service for repository management and copy its key here."
    ),
    "redmine_read_nothing": _(
        "Redmine says that it read the repository, and does not know the commits. Its user must be able to read the mirror's folder; Redmine's log says more (“git log error”)."
    ),
    "redmine_other_repository": _(
        "The project has another repository in Redmine already. Add a second one there: Settings > Repositories > New, Git, with the identifier and the path shown here."
    ),
    "redmine_no_repositories": _(
        "The Redmine project has no repositories. In the project: Settings > Modules, tick “Repository”."
    ),
    "redmine_attached": _("The mirror was made the project's repository in Redmine."),
    "links_repaired": _("Links that Redmine had left out were set."),
    "nothing_new": _("Everything was there already."),
    "worker_gone": _("The worker ended in the middle. Another one began again."),
    "repository_left": _("The repository was removed before it was its turn."),
    # why something cannot be entered
    "bad_remote": _(
        "This is no address of a git repository that Toban takes: ssh (git@host:owner/name.git) or https, without options."
    ),
    "remote_secret": _(
        "The address holds a name or a password. Leave them out; for private repositories use ssh."
    ),
    "bad_repository_name": _("GitHub's name of a repository is owner/name."),
    "no_mirrors": _(
        "No folder for mirrors is set. Set TOBAN_MIRRORS for the web server and the commits worker."
    ),
    "service_key_needed": _("Give the service key of Redmine, too."),
    "bad_service_key": _("The service key has up to 100 plain characters without spaces."),
    "repository_exists": _("This repository is there already."),
    "repository_not_ready": _("The look at the repository found something that must be mended first."),
    "repository_changed": _("The repository was changed or looked at again meanwhile. Enter it once more."),
    "removal_not_done": _("Not every step of the removal is done yet."),
}

#: What a look found beside the codes above.
REPOSITORY_CHECKS: Final[Mapping[str, Promise | str]] = {
    "host_key_github": _("The host key is the one that GitHub publishes (%(fingerprint)s)."),
    "host_key_not_github": _(
        "The host key is not the one that GitHub publishes (%(fingerprint)s). Somebody may stand between you and GitHub: do not go on."
    ),
    "host_key_seen": _(
        "%(host)s shows the host key %(fingerprint)s. Compare it with what its administrators say."
    ),
    "host_key_differs": _("The host key is %(fingerprint)s now; confirmed was %(before)s."),
    "branches_seen": _("The repository can be read; branches: %(n)s."),
    "service_key_accepted": _("Redmine accepts the service key."),
    "redmine_has_another": _(
        "The project %(project)s has another repository in Redmine (%(path)s). Ours must be added there by hand, as shown below."
    ),
    "mirror_place_ready": _("The mirror will lie in %(folder)s."),
}

STEPS: Final[Mapping[str, Promise | str]] = {
    "remote": _("Look at the git server"),
    "mirror": _("Mirror"),
    "fetch": _("Fetch"),
    "attach": _("Repository in Redmine"),
    "read": _("Have Redmine read"),
    "proof": _("Does Redmine know the commits?"),
    "links": _("Do the commits stand at their tickets?"),
    "backfill": _("Link older commits"),
}
CAUSES: Final[Mapping[str, Promise | str]] = {
    "webhook": pgettext_lazy("cause", "Webhook"),
    "poll": pgettext_lazy("cause", "Poll"),
    "person": pgettext_lazy("cause", "By hand"),
    "start": pgettext_lazy("cause", "First fetch"),
    "backfill": pgettext_lazy("cause", "Older commits"),
}
RULES: Final[Mapping[str, Promise | str]] = {
    "": _(
        "Not known yet: it shows with the first commit that names a ticket by its number with no word before it, for example “(#12)”: a word may be one of this Redmine's own keywords. Until then Toban itself links only what stands after refs, references, IssueID, fixes or closes."
    ),
    "words": _("A ticket is linked only after a keyword, for example “refs #12”. A plain “#12” is not."),
    "any": _("The keyword “*” is set: every “#12” after a space links."),
}
HINTS: Final[Mapping[str, Promise | str]] = {
    "pull": _(
        "Numbers of pull requests (“Merge pull request #10”) link to tickets that have nothing to do with them when “*” is set. Better set the keywords refs,fixes,closes."
    ),
    "glued": _("Without a space before it the number does not link: “修正#12” does not, “修正 #12” does."),
    "wide": _(
        "Full-width signs, digits and spaces do not link: “＃12” or “refs　#12” with a full-width space does not, “refs #12” does."
    ),
}
REMOVAL: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "stopped": (
        _("Stop polling and taking deliveries; destroy the keys kept here"),
        _("Done by the confirmation itself."),
    ),
    "hook": (
        _("Delete the webhook at GitHub"),
        _("Repository > Settings > Webhooks. Toban has no right to do it."),
    ),
    "deploy_key": (
        _("Delete the deploy key at GitHub"),
        _("Repository > Settings > Deploy keys. Toban has no right to do it."),
    ),
    "redmine": (
        _("Remove the repository in Redmine, or keep it"),
        _("Project > Settings > Repositories. Removing it there removes the commits from the tickets, too."),
    ),
    "mirror_asked": (_("Have the mirror deleted"), ""),
    "mirror": (
        _("Delete the mirror"),
        _("A worker deletes the folder. Redmine can show its files no longer."),
    ),
}
