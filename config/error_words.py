"""What an error page or problem document says: what happened, and what to do about it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from config.words import sentence
from config.words.codes import CODES


class Words(NamedTuple):
    title: Promise | str
    cure: Promise | str


ERRORS: Final[Mapping[str, Words]] = {
    "not_found": Words(
        _("There is no such page or thing here."), _("Check the address, or go back to Today.")
    ),
    "only_sent": Words(
        _("Something is sent to this address; it shows no page of its own."),
        _("Go back to Today, and begin again from there."),
    ),
    "not_permitted": Words(
        _("Your role does not allow this."), _("Ask an administrator of this tenant for the right.")
    ),
    "another_person_must_confirm": Words(
        _("What you entered must be confirmed by another person."), _("Ask an approver to confirm it.")
    ),
    "proxy_cannot_confirm": Words(
        _("A proxy cannot confirm what he entered."), _("The person it was entered for must confirm it.")
    ),
    "only_the_enterer": Words(
        _("Only the person who entered it can withdraw it."), _("Reject it instead, with a reason.")
    ),
    "already_moved": Words(
        _("Somebody was first: this operation has moved on."), _("Look at its page again.")
    ),
    "stale_content": Words(
        _("The content is not what you were shown."),
        _("Read the operation again, then confirm what you see."),
    ),
    "not_reauthenticated": Words(_("Your identity was not confirmed."), _("Enter your password again.")),
    "wrong_password": Words(_("The password is wrong."), _("Enter your own sign-in password again.")),
    "reason_missing": Words(_("A reason is missing."), _("Say in a few words why; it stands in the ledger.")),
    "reason_too_long": Words(_("The reason is too long."), _("Use at most 1,000 characters.")),
    "approval_expired": Words(_("The time for confirming it is over."), _("Enter it again.")),
    "nothing_chosen": Words(
        _("Nothing was chosen."), _("Go back to the list and choose at least one resource.")
    ),
    "token_reused": Words(
        _("Something else was already entered from this form."),
        _("Nothing more was entered. Look at your operations, then begin again with a new form."),
    ),
    "too_many": Words(_("Too many resources at once."), _("Enter at most 200 at a time.")),
    "bad_cursor": Words(
        _("This page of the list no longer exists."), _("Go back to the first page of the list.")
    ),
    "export_too_long": Words(
        _(
            "There are too many rows for one file: a report holds 2,000 on paper and 20,000 in a table, events 20,000 on paper."
        ),
        _(
            "Choose a shorter period, or take a table instead of a PDF. An export of the events as a table or lines has no bound and "
            "is made in the background."
        ),
    ),
    "export_waits": Words(
        _("Three of your exports are still being made."), _("Wait until one of them is ready.")
    ),
    "export_not_ready": Words(
        _("This file is not there: it is not ready yet, or was removed after a day."),
        _("Look at the list of exports, and ask for it again if need be."),
    ),
    "export_purpose_missing": Words(
        _("What the file is for is missing."), _("Say it in a few words; it stands in the ledger.")
    ),
    "nothing_asked": Words(
        _("There is no question to keep."), _("Set a filter first, then keep the search under a name.")
    ),
    "too_many_searches": Words(
        _("You keep 30 searches already."), _("Let one of them go before you keep another.")
    ),
    "nothing_to_export": Words(
        _("There is no event to export."), _("Check the tenant, or begin at an earlier time.")
    ),
    "key_reused": Words(
        _("This Idempotency-Key was used for something else."), _("Nothing was done. Send a new key.")
    ),
    "precondition_failed": Words(
        _("Another version stands here by now."),
        _("Nothing was done. Read it again, then send your change anew."),
    ),
    "nothing_to_match": Words(
        _("This call holds no version, so that If-Match cannot be kept."),
        _(
            "Nothing was done. Leave If-Match away, or read what the call changes once more before you send it."
        ),
    ),
    "precondition_required": Words(
        _("The call does not say which version it read."),
        _("Send If-Match with the ETag of what you read, or If-None-Match: * where there was nothing."),
    ),
    "too_many_calls": Words(_("Too many calls."), _("Wait as long as Retry-After says.")),
    "not_acceptable": Words(
        _("The API answers in JSON only."), _("Send Accept: application/json, or leave it out.")
    ),
    "unsupported_media_type": Words(_("The API reads JSON only."), _("Send Content-Type: application/json.")),
    "body_too_long": Words(
        _("The body is too long."), _("Nothing was done. Send less at once, in several calls.")
    ),
    "parse_error": Words(_("The body is no JSON."), _("Correct it and send it again.")),
    "bad_idempotency_key": Words(
        _("The Idempotency-Key cannot be used."), _("Send 8 to 64 letters, digits, hyphens or underscores.")
    ),
    "invalid": Words(
        _("The request could not be read."), _("Correct the fields that are named, and send it again.")
    ),
    "not_signed_in": Words(_("You are not signed in."), _("Sign in, then send the request again.")),
    "token_unknown": Words(
        _("This token lets nobody in."), _("Check that the whole token was sent, or make a new one in Toban.")
    ),
    "token_over": Words(
        _("This token has ended: it expired, was ended, or its person may not enter here any more."),
        _("Make a new one in Toban."),
    ),
    "token_needs_sign_on": Words(
        _("The identity provider of this tenant has not vouched for this token's person for 14 days."),
        _("Sign in by the provider once; then the token works again."),
    ),
    "token_elsewhere": Words(
        _("This token is not for calls from this network."),
        _("Call from one of its networks, or make a token for this one."),
    ),
    "wrong_code": Words(
        _("The code of the second factor is not right, or was used already."),
        _("Send the next code of your app."),
    ),
    "machine_sees_no_page": Words(
        _("This account belongs to a machine, which works with tokens and sees no page."),
        _("Sign in with your own account."),
    ),
    "emergency_sealed": Words(
        _("This emergency account is sealed."),
        _("Two people open the emergency right for it first."),
    ),
    "sign_on_required": Words(
        _("This tenant lets people in by its own identity provider only."),
        _("Sign in by it, or use a token."),
    ),
    "signed_on_elsewhere": Words(
        _("The identity provider that this session rests on does not open this tenant."),
        _("Sign out, then sign in by this tenant's provider or with your password."),
    ),
    "second_factor_missing": Words(
        _("This tenant asks for a second factor."),
        _("Sign in to Toban and take an authenticator app into use."),
    ),
    "too_many_tries": Words(_("Too many wrong passwords."), _("Wait a few minutes, then try again.")),
    "token_is_no_proof": Words(
        _("A token alone does not prove who sits there."),
        _("Confirm on the page, or send your password with the call."),
    ),
    "seat_left": Words(
        _("The seat was left, so nothing is answered."),
        _("Give your password on the page, then send it again."),
    ),
    "method_not_allowed": Words(
        _("This address does not take that method."), _("Look into the API's table of methods.")
    ),
    "bad_request": Words(_("The request could not be read."), _("Go back, correct it and send it again.")),
    "csrf": Words(
        _("The form is too old, or came from another page."), _("Open the page again and send it once more.")
    ),
    "internal_error": Words(
        _("Something broke on our side."), _("Nothing was changed. Tell support the id below.")
    ),
    "account_taken": Words(
        _("This AWS account is already known to Toban."),
        _("Check the number. If another customer should not have it, ask the people who run Toban."),
    ),
    "external_id_taken": Words(
        _("This external ID is already in use."), _("Begin again; Toban makes a new one.")
    ),
    "setup_open": Words(
        _("This account is being taken in already."), _("Go on with it from the list of AWS accounts.")
    ),
    "setup_closed": Words(
        _("This account came in already, or was given up."), _("Look at the list of AWS accounts.")
    ),
    "listing_on": Words(_("The list is switched on already."), _("Look at the page again.")),
    "listing_off": Words(
        _("The list of the organization's accounts is not switched on."), _("Switch it on first.")
    ),
    "listing_under_way": Words(
        _("AWS is being asked already."), _("Wait for the list; it takes a few seconds.")
    ),
    "too_many_accounts": Words(
        _("More accounts are ticked than can begin at once."),
        _("Tick at most 50, and begin with the others after that."),
    ),
    "not_in_organization": Words(
        _("The organization does not list this account."), _("List the accounts again.")
    ),
    "account_not_active": Words(
        _("The account is suspended or closed at AWS."), _("Leave it out, or have AWS open it again first.")
    ),
    "proof_under_way": Words(
        _("The roles are being tried."), _("Wait for the result; it takes a few seconds.")
    ),
    "not_proven": Words(
        _("The roles have not been proven right."), _("Mend what the proof names, then prove them again.")
    ),
    "proof_too_old": Words(
        _("The proof is older than an hour."), _("Prove the roles again, then take the account in.")
    ),
    "no_principal": Words(
        _("Toban does not know its own AWS role."),
        _("Ask the people who run Toban to set TOBAN_AWS_PRINCIPAL_ARN."),
    ),
    "gone": Words(_("It no longer exists in AWS."), _("Choose another resource.")),
}
BY_STATUS: Final[Mapping[int, str]] = {
    400: "bad_request",
    403: "not_permitted",
    404: "not_found",
    409: "already_moved",
}


def error_words(code: str, status: int, params: Mapping[str, Any]) -> Words:
    """The words of a code: its own, else what pages say of it, else those of its status; never a bare code alone."""
    if code in ERRORS:
        return ERRORS[code]
    if code in CODES:
        return Words(sentence(CODES, code, params), _("Nothing was changed. Go back and look at it again."))
    return ERRORS[BY_STATUS.get(status, "internal_error" if status >= 500 else "bad_request")]
