"""What a code says: how something ended at AWS or here, and why it cannot be done."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from config.words.accounts import ACCOUNT_CODES
from config.words.channels import CHANNEL_CODES
from config.words.databases import DATABASE_CODES
from config.words.makings import MAKING_CODES
from config.words.people import PEOPLE_CODES
from config.words.projects import PROJECT_CODES
from config.words.redmine import REDMINE_CODES
from config.words.repositories import REPOSITORY_CODES
from config.words.volumes import VOLUME_CODES

# Every code that says how something ended or why it cannot be done: infra.domain.aws.Problem, the outcomes of
# operations, the refusals of entering and confirming. %(action)s is the missing permission at AWS.
CODES: Final[Mapping[str, Promise | str]] = {
    # problems at AWS
    "only_observed": _(
        "Toban only observes this AWS account: nothing in it is changed before its automation is switched on by two people. An administrator enters that on the page of the AWS account."
    ),
    "feature_off": _(
        "Toban does not do this in the AWS account: the feature is off, or its rights are not proven yet. An administrator changes it under "
        "“AWS accounts”."
    ),
    "permission": _("The role may not do %(action)s. Add this action to the role's policy."),
    "may_not_list": _(
        "The role that only looks may not list the accounts of the organization. Give it the right below, then list them again."
    ),
    "no_organization": _(
        "This account belongs to no AWS organization. Take in the management account, and list from there."
    ),
    "role_refused": _("AWS refused the role. Check the role's trust policy and its external ID."),
    "throttled": _("AWS asked to slow down. Toban tries again by itself."),
    "gone": _("It no longer exists at AWS."),
    "wrong_state": _("It was in a state in which AWS does not allow this."),
    "no_capacity": _(
        "AWS has no free capacity for this instance type in this zone. Try later or change the type."
    ),
    "key": _(
        "The KMS key of a volume cannot be used. Check that it is enabled and that the role may use it."
    ),
    "quota": _(
        "A quota of the AWS account is used up. Delete what is no longer needed, or ask AWS to raise it."
    ),
    "exists": _("Something of this name exists already."),
    "unreachable": _("AWS could not be reached, so nothing was sent."),
    "no_answer": _("The call was sent but no answer came. Toban looks up what happened and does not guess."),
    "invalid": _("AWS found the request invalid."),
    "unsupported": _("AWS does not support this for this kind of resource."),
    "other": _("AWS answered with an error."),
    # how an operation ended, or why it still waits
    "reached": _("Done, and seen at AWS."),
    "already": _("It was already so, nothing had to be done."),
    "pruned": _("The replaced snapshot is deleted, and that was seen at AWS."),
    "snapshot_not_complete": _("The newer snapshot is not complete yet. Until then the older one is kept."),
    "frozen": _(
        "Everything is frozen at that time, as two people confirmed, so an override would do nothing. Start or stop by hand, or end the freeze with a second person."
    ),
    "deleted": _("Its snapshot is complete, and the volume is deleted: both were seen at AWS."),
    "snapshot_pending": _("Its snapshot is not complete yet. Until then the volume stays."),
    "snapshot_complete": _("Its snapshot is complete. Next the volume is deleted."),
    "restored": _("The new volume is there: seen at AWS."),
    "volume_creating": _("AWS is making the volume from its snapshot."),
    "restore_failed": _(
        "AWS could not make the volume. Its snapshot is kept. If the volume was encrypted, check that its KMS key is enabled and that the role and the policy of the key allow its use."
    ),
    "snapshot_gone": _("The snapshot is not there any more, so nothing can be made from it."),
    "not_deleted": _("It is not deleted, so there is nothing to bring back."),
    "nothing_to_restore": _(
        "Toban has no snapshot of what it held when it was deleted, so nothing can be brought back."
    ),
    "snapshot_archived": _(
        "Its snapshot is archived, and AWS makes no volume of an archived one. Restore it in AWS to the standard tier (EC2, Snapshots, Restore snapshot from archive), which takes up to 72 hours, and enter this again."
    ),
    "restored_already": _("It was brought back already."),
    "snapshot_failed": _("AWS could not make its snapshot, so the volume stays."),
    "snapshot_outlives": _(
        "The volume is gone already. Its snapshot is not complete yet, and Toban waits for it."
    ),
    "snapshot_lost": _(
        "The volume is gone, and AWS could not make its snapshot: what it held cannot be brought back."
    ),
    "volume_deleting": _("AWS is deleting the volume, which can take some minutes. Its snapshot is kept."),
    "volume_in_use": _(
        "It is attached to a server. Only a volume that is attached to nothing can be deleted."
    ),
    "volume_state": _("It is in a state in which AWS deletes no volume."),
    "volume_unwatched": _(
        "Toban could not look at it for more than ten minutes after its snapshot began, so nobody knows whether something was written that the snapshot lacks. The volume and the snapshot are kept. Enter it again: a new snapshot is made."
    ),
    "volume_used_meanwhile": _(
        "It was attached to a server after this was entered, so what it holds now is not what was confirmed. Enter it again."
    ),
    "toban_value": _(
        "Its tag Toban says neither never nor managed, so nobody can say what was meant. Correct the tag first."
    ),
    "never_touch": _("Its tag Toban=never tells Toban to leave it alone."),
    "snapshot_kept": _("The newer snapshot is not usable, so the older one is kept."),
    "snapshot_of_cluster": _(
        "A cluster follows this schedule, and AWS makes no snapshot when a cluster is stopped. Take the snapshot out of the options, or let the cluster follow another schedule."
    ),
    "unsupported_snapshot_of_cluster": _(
        "Its schedule asks for a snapshot before the stop, which AWS has for RDS instances only. Let the cluster follow a schedule without it."
    ),
    "hibernated": _("It hibernates, and that was seen at AWS."),
    "stopped_unprepared": _(
        "It was stopped, not hibernated: the instance was not launched for hibernation, which can only be chosen at its launch."
    ),
    "stopped_instead": _("It was stopped, not hibernated, because AWS did not let it hibernate."),
    "partly": _("A part could not be read. What is known of that part stays as it was last seen."),
    "launch_suspended": _(
        "The process Launch of the group is suspended, so it would launch nothing. Resume it, then start again."
    ),
    "terminate_suspended": _(
        "The process Terminate of the group is suspended, so its instances would stay. Resume it, then stop again."
    ),
    "scale_in_protected": _(
        "Instances of the group are protected from scale-in, so they would stay. Take the protection off, then stop again."
    ),
    "sizes_changed": _(
        "The group does not have the sizes 0/0/0 of a stop by Toban, so somebody changed them. Toban leaves them: set the desired number by hand."
    ),
    "no_sizes": _(
        "Toban did not stop this group, so it does not know its sizes. Set them by hand, or write the tag TobanSizes as minimum/desired/maximum, for example 1/2/4."
    ),
    "bad_sizes": _(
        "The tag TobanSizes cannot be read. Write minimum/desired/maximum with a desired number of at least 1, for example 1/2/4."
    ),
    "tagged": _("The tag was written, and seen at AWS."),
    "applied": _("Applied."),
    "no_trust": _("The AWS account has no role that Toban may use."),
    "in_transition": _("It is just changing its state. Toban looks again."),
    "busy": _("It is busy, for example with a backup. Toban looks again."),
    "internal_error": _(
        "Toban met an error of its own and tries again. Tell whoever runs Toban; its log names the cause."
    ),
    "not_yet": _("The new state is not there yet. Toban looks again."),
    "not_applied": _("The call had no effect. Toban sends it again."),
    "outcome_unknown": _("For a day nobody could see whether AWS did it. Look at AWS; enter what is wanted."),
    "did_not_reach": _("AWS accepted the call, but the state was not reached in time."),
    "fell_back": _("It started and fell back at once. Look at the reason that AWS gives."),
    "automation_off": _("The automation of the AWS account was switched off in the meantime."),
    "tags_changed": _("The tags were changed in the meantime, so the plan no longer holds."),
    "superseded": _("A later planned change took its place."),
    "left_alone": _("By the rules that hold now, Toban leaves it as it is."),
    "grace_passed": _("Toban could not act within the grace that the schedule allows."),
    "empty": _("The file is empty."),
    "html": _("The file is a web page, not a list of holidays."),
    "encoding": _("The file is not in the encoding that its source uses."),
    "header": _("The first line is not that of a list of holidays."),
    "line": _("A line of the file cannot be read."),
    "no_days": _("There is no holiday in the file."),
    "too_large": _("The file is larger than a list of holidays ever is."),
    "too_few": _("A year has fewer holidays than Japan has."),
    "too_old": _("The list ends before this year."),
    "cut_off": _("The file was cut off on its way."),
    "compressed": _("The file is compressed. Only plain files are read."),
    "takes_back": _("The calendar takes entries back instead of publishing them."),
    "unknown_years": _("The list speaks of years of which the shipped list knows nothing."),
    "just_tried": _("It was fetched a moment ago. Try again in a minute."),
    "recurrence": _("The list has repeating entries, which are never expanded."),
    "not_national": _("The list has days that are no national holidays."),
    "not_all_day": _("The list has entries that are not one whole day."),
    "removes_days": _("The list leaves out days that are known as holidays."),
    "differs": _("The list has days that the shipped list does not know."),
    "bad_url": _("The address cannot be used."),
    "https_only": _("Only https addresses can be used."),
    "private_address": _("The address lies in a private network and is not asked."),
    "too_many_redirects": _("The address redirects too many times."),
    "http_status": _("The server answered with an error."),
    "too_slow": _("The file did not come within 10 seconds."),
    "list_settled": _("This list is settled already."),
    "brake_not_released": _(
        "More would have been stopped at once than the limit allows, and nobody released it."
    ),
    "retained": _("It ran already when its hours began, and its schedule leaves such servers on."),
    "waits_for_databases": _("It waits until the databases of its project run."),
    "waits_for_servers": _("It waits until the servers of its project have stopped."),
    "name_present": _("It has a Name tag by now, which is never overwritten."),
    "attachment_changed": _("It is attached to another server by now."),
    "attempts_exhausted": _("All attempts are used up."),
    "authority_revoked": _("Whoever confirmed it no longer has the right."),
    "no_verdict": _("AWS said nothing about it."),
    "worker_lost": _("The process that carried it out ended. Toban looks up what happened."),
    "not_started_in_time": _("It could not be begun in time."),
    "not_approved_in_time": _("Nobody confirmed it in time."),
    "rejected": _("A person rejected it."),
    "withdrawn": _("Whoever entered it took it back."),
    "cancelled": _("A person cancelled it."),
    "unsupported_aurora": _(
        "AWS cannot start or stop one instance of Aurora. Start or stop its cluster instead."
    ),
    "unsupported_cluster_member": _(
        "AWS cannot start or stop one member of a database cluster. Start or stop its cluster instead."
    ),
    "unsupported_read_replica": _("AWS cannot stop a read replica."),
    "unsupported_has_replicas": _("AWS cannot stop a database that has read replicas."),
    "unsupported_sqlserver_multi_az": _("AWS cannot stop SQL Server in several zones."),
    "unsupported_rds_custom": _("AWS cannot stop RDS Custom in this way."),
    "unsupported_multi_az_cluster": _("AWS cannot stop a Multi-AZ DB cluster."),
    "unsupported_serverless_v1": _("AWS cannot stop an Aurora Serverless v1 cluster. It pauses by itself."),
    "unsupported_global_database": _("AWS cannot stop a cluster of an Aurora global database."),
    "unsupported_parallel_query": _("AWS cannot stop a cluster that uses Aurora parallel query."),
    "unsupported_multi_master": _("AWS cannot stop an Aurora multi-master cluster."),
    "unsupported_cluster_has_replicas": _("AWS cannot stop a cluster that has read replicas."),
    "unsupported_other_engine": _("Toban does not start or stop clusters of this engine."),
    "unsupported_group_member": _(
        "It belongs to an Auto Scaling group, which would replace it. Start or stop the group instead."
    ),
    # why something cannot be entered or confirmed now
    "already_moved": _("Somebody else was first: the operation is already in another state."),
    "stale_content": _("The content has changed since this page was shown. Read it again, then confirm."),
    "not_permitted": _("Your role does not allow this."),
    "not_found": _("There is no such thing, or it belongs to another tenant."),
    "not_reauthenticated": _("Confirm that it is you: enter your password."),
    "wrong_password": _("The password is not right."),
    "another_person_must_confirm": _("Whoever entered it cannot confirm it. A second person must."),
    "proxy_cannot_confirm": _("Whoever entered it for somebody else cannot confirm it."),
    "program_confirms_nothing": _("A program's account confirms nothing: a person of this tenant has to."),
    "shared_confirms_nothing": _(
        "An account that several people share confirms nothing: somebody has to with an account of his own."
    ),
    "emergency_for_one_person": _(
        "The emergency right is one person's: no account that several share, and no program's, can have it."
    ),
    "confirmer_not_a_person": _("Only a person can confirm this."),
    "only_the_enterer": _("Only the person who entered it can take it back."),
    "approval_expired": _("The time for confirming it has passed. Enter it again."),
    "nothing_selected": _("Nothing is selected. Tick at least one line."),
    "too_many": _("So many at once are not taken. Choose fewer, and do it in several steps."),
    "reason_missing": _("Say why. The reason stands in the ledger."),
    "reason_too_long": _("The reason is too long."),
    "bad_content": _("Something in the schedule is not right. The field says what."),
    "bad_name": _("A name has 1 to 100 characters that can be shown."),
    "name_taken": _("There is a schedule of this name already (upper and lower case count as the same)."),
    "draft_changed": _("The draft has changed since this page was shown. Look at it again."),
    "published_meanwhile": _("Another revision was published meanwhile. Look at the difference again."),
    "assigned_meanwhile": _("The assignment was changed meanwhile. Look at it again."),
    "round_settled": _("This round is settled already."),
    "schedule_in_use": _("Something still follows this schedule. Assign another one first."),
    "no_delegation": _("You may not enter this for that person now: there is no live delegation."),
    "principal_without_right": _(
        "The person it is entered for may not confirm it (any more): a delegation gives no more than its principal has. End the delegation, or enter it in your own name."
    ),
    "only_the_principal": _(
        "It was entered for somebody else: he, or a deputy whom he named, must confirm it."
    ),
    "deputy_not_yet": _("Another deputy is before you. Your turn comes after one more escalation period."),
    "deputy_reason_missing": _("Say why the person it was entered for does not confirm it."),
    "only_the_enterer_confirms": _("Only the person who entered it confirms it: it is his own right."),
    "confirmer_lacks_the_role": _("It must be confirmed by two people of a role that you do not hold."),
    "confirmed_by_you_already": _("You have confirmed it already. A second person must confirm it, too."),
    "proxy_for_oneself": _("Choose somebody other than yourself."),
    "no_kinds": _("Choose at least one kind of operation."),
    "kind_not_ours": _("You may only let others enter starts and stops that you may confirm yourself."),
    "delegation_too_long": _("A delegation lasts one year at most."),
    "evidence_missing": _("Say on what the permission rests."),
    "password_too_short_alone": _(
        "Your password is too short to stand alone. Change it first: 13 characters at least."
    ),
    "bad_username": _("A user name has 2 to 60 small letters, digits, points, hyphens or underscores."),
    "bad_person_name": _("Enter the person's name, at most 100 characters."),
    "bad_role": _("There is no such role."),
    "bad_slug": _(
        "What stands in addresses has 1 to 40 small letters, digits and hyphens, and no hyphen at its ends."
    ),
    "slug_taken": _("There is a tenant at this address already. Choose another one."),
    "bad_tenant_name": _("Enter the tenant's name, at most 100 characters."),
    "bad_colour": _("A colour is written as #2f6fde."),
    "bad_founder": _("Say who founds it, with at most 100 characters."),
    "same_person": _(
        "The first administrator and the first approver are two people: nobody confirms what he entered."
    ),
    "not_ones_own": _(
        "The account of %(name)s is not one person's own: he was invited and has not come yet, or it is shared, sealed or a program's. Name another one."
    ),
    "username_taken": _("This user name is taken. Choose another one."),
    "own_rights": _("Nobody decides about his own rights. Ask another administrator."),
    "sign_on_counts_for_one": _(
        "You belong to another tenant, too, and the provider of one tenant does not change what you prove yourself with in all of them. Set a password by your invitation first."
    ),
    "account_closed": _("This account was closed, or its person erased. Invite the person anew."),
    "belongs_elsewhere": _("This person belongs to another tenant, too. Take his roles here instead."),
    "roles_changed": _("The roles of this person have changed meanwhile. Enter it again."),
    "wrong_code": _("The code is not right, or was used already."),
    "weak_password": _(
        "This password is too short, known from breaches, or made of the words around you. Choose another one."
    ),
    "password_like_before": _(
        "This is the old password again, or nearly so. Who knows the old one would guess it: choose another one."
    ),
    "breached_list_unreadable": _(
        "The list of breached passwords cannot be read, so no password can be set now. Tell who runs Toban."
    ),
    "already_enrolled": _("You have an authenticator app in use already."),
    "no_passkeys_here": _(
        "Browsers allow no passkeys for an IP address. Open Toban by its host name, then try again."
    ),
    "no_passkey_of_yours": _("You have no passkey for this address. Use a code instead."),
    "too_many_passkeys": _(
        "You have as many passkeys as one person may. Take one away that is not used any more."
    ),
    "passkey_not_right": _("What the device answered could not be verified. Try again from the beginning."),
    "passkey_known": _("This passkey is in use already."),
    "not_enrolled": _("You have no second factor."),
    "too_many_tries": _("Too many wrong passwords. Wait a few minutes, then try again."),
    "delegation_over": _("This delegation has ended already."),
    "deputy_twice": _("Name each deputy once."),
    "too_many_deputies": _("Name five deputies at most."),
    "policy_fixed": _("Who confirms this kind is fixed."),
    "policy_too_loose": _("A tenant may be stricter than Toban, never looser."),
    "role_without_right": _("Nobody of this role may confirm this kind. Choose a role that may."),
    "not_confirmed": _("Only what was confirmed is corrected."),
    "correction_waits": _("A correction of it waits for its confirmation already."),
    "session_over": _("This session has ended already."),
    "emergency_open": _("This person's emergency right is open already."),
    "emergency_still_open": _("It is still open. Review it when it is closed."),
    "opens_for_himself": _("Nobody opens an emergency right for himself. A second person must."),
    "own_act": _("What somebody did himself another person judges. Leave it to a colleague."),
    "note_missing": _("Say in a few words what you found."),
    "items_open": _("Not every event is judged yet."),
    "findings_missing": _("Say what was found, also if it is nothing."),
    "measures_missing": _("Say what is done about the findings."),
    "month_not_over": _("This month is not over yet. Begin an interim review instead."),
    "nothing_to_review": _("There was no ledger in this period yet."),
    "signer_judged": _("Whoever judged events of this review cannot sign it. Another reviewer must."),
    "signer_concerned": _("The review looks at what you did yourself, so another person must sign it."),
    "nothing_changed": _("Nothing would change."),
    "not_published": _("This schedule has no published revision yet."),
    "prices_changed": _("A price was changed meanwhile. Look at the difference again."),
    "too_many_prices": _("At most 500 prices are changed at once."),
    "bad_end": _("The end must lie in the future, and after the beginning."),
    "too_long": _("An override lasts 31 days at most."),
    "nothing_to_skip": _("Nothing is planned that could be skipped."),
    "override_over": _("This override has ended already."),
    "override_overlaps": _("There is an override for this already. End it first, or choose a time after it."),
    "wrong_kind": _("This operation does not fit this kind of resource."),
    "unknown_kind": _("There is no such operation."),
    "not_a_month": _("Events go in whole months only."),
    "record_held": _("The record is held, so nothing may go. Lift the hold first."),
    "term_not_over": _("The term of this month is not over yet."),
    "nothing_to_purge": _("Nothing is left of this that could go."),
    "retention_changed": _(
        "How long the record is kept, or its hold, was changed meanwhile. Enter it again."
    ),
    "two_secrets": _(
        "Two secrets are valid already. Put the new one into GitHub, end the old one here, then make another."
    ),
    "rules_changed": _("These rules were changed after this was entered. Enter the change again."),
    "erasure_waits": _("An erasure of this person waits for its confirmation already."),
    "person_still_here": _(
        "This person still holds a role here. Take it or close the account first; only then can what is readable go."
    ),
    "person_term_not_over": _(
        "Too little time has passed since this person's last act. Until the term is over it must stay readable who did what."
    ),
    "no_person_key": _(
        "No key for sealing names and addresses is set, so nothing can be recorded and nothing was done. "
        "Set TOBAN_SECRETS_KEYS for this process."
    ),
    "person_key_closed": _(
        "The key of the person %(person)s cannot be opened, so nothing about this person can be recorded and nothing was done. Put the "
        "missing key back into TOBAN_SECRETS_KEYS, then run ./toban manage reseal."
    ),
    "text_too_common": _("This text stands in too many names and addresses. Write more of it."),
    "person_erased": _("Somebody in it was erased while it was made. Ask for it again."),
    "no_purge_waits": _("No confirmed purge waits for the sealer any more."),
    "not_as_confirmed": _("The events are not those that were confirmed. End this purge and enter another."),
    "seal_broken": _(
        "The seal up to which they go is not ours, or not from before the end of that month. Verify the ledger."
    ),
    "workers_ended": _("Three workers ended while they made it. Ask for fewer events, or for another form."),
    "purge_waits": _("A purge waits already: for its confirmation, or for the sealer."),
    "purged_meanwhile": _("Events went by a purge while the file was made. Ask for it again."),
    "bad_parameter": _("A value is not allowed."),
    "already_running": _("It is already running."),
    "already_stopped": _("It is already stopped."),
    "state_changing": _("It is just changing its state. Wait a moment."),
    "state_unknown": _("Its state is unknown. Wait for the next look at AWS."),
    "operation_open": _("Another operation on it is not finished yet."),
    "refused": _("This is not possible now."),
    **ACCOUNT_CODES,
    **DATABASE_CODES,
    **VOLUME_CODES,
    **MAKING_CODES,
    **PEOPLE_CODES,
    **REDMINE_CODES,
    **CHANNEL_CODES,
    **PROJECT_CODES,
    **REPOSITORY_CODES,
}
