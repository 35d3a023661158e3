"""People and how they come in, in words: identity providers, and what may be wrong with what they say."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

SIGN_ON_MODES: Final[Mapping[str, Promise | str]] = {
    "off": _("Nobody comes in by the provider."),
    "offered": _("People come in by the provider or by a password."),
    "required": _(
        "People come in by the provider only; a password lets in nobody but those who are named for emergencies."
    ),
}
SIGN_ON_CLAIMS: Final[Mapping[str, Promise | str]] = {
    "email": _("The verified mail address is that of the person who was invited."),
    "preferred_username": _("The user name there is the user name here."),
}

SIGN_ON_REPLACES: Final[Mapping[str, Promise | str]] = {
    "client": _(
        "Another client of the same issuer: the provider may know people by other ids there. Everybody is named anew at the next sign-in, within 14 days; what the provider said before opens nothing any more, open sessions that it began end, and where it is required personal tokens rest until their person has come. Entering the client of before does not bring back what was bound."
    ),
    "issuer": _(
        "Another issuer: nobody comes in by the provider until two people switch it on again, and until then passwords let in. Everybody is named anew at the next sign-in; open sessions that the provider of before began end. Entering it again does not bring back what was bound."
    ),
}

ACCOUNT_KINDS: Final[Mapping[str, Promise | str]] = {
    "staff": pgettext_lazy("account", "Staff"),
    "vendor": pgettext_lazy("account", "Maintenance vendor"),
    "shared": pgettext_lazy("account", "Shared account"),
    "emergency": pgettext_lazy("account", "Emergency account"),
    "machine": pgettext_lazy("account", "Machine"),
}

# What a personnel list says otherwise: (heading, what to do about it).
DIFFERENCES: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "invite": (_("To be invited"), _("In the list, and no member here.")),
    "close": (_("To be closed"), _("Staff here, but not in the list, or past the last day.")),
    "change": (_("To be changed"), _("Days or mail address differ: here → in the list.")),
    "name": (_("Another name"), _("Only the name differs: here → in the list. Nothing is entered for it.")),
    "unknown": (
        _("Not in the list"),
        _("Vendors, machines and the like, whom a personnel list need not know. Nothing is entered."),
    ),
}
DECISIONS: Final[Mapping[str, Promise | str]] = {
    "open": pgettext_lazy("recertification", "Not decided"),
    "keep": pgettext_lazy("recertification", "Still needed"),
    "take": pgettext_lazy("recertification", "To be taken"),
    "gone": pgettext_lazy("recertification", "Gone already"),
}

PEOPLE_KINDS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "member.terms": (_("Terms of an account"), _("Change on what terms %(target)s belongs here")),
    "token.issue": (_("Issue a token"), _("Issue a token for the program %(target)s")),
    "member.unbind": (_("Name anew"), _("Let the identity provider name %(target)s anew")),
    "sign_on.set": (_("Identity provider"), _("Let the identity provider %(target)s vouch for people")),
    "sign_on.switch": (_("Single sign-on"), _("Change who comes in by %(target)s")),
}
PEOPLE_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "member.terms": (
        _(
            "It holds with the next click. Outside of its days the account lets nobody in; when they are over, its sessions and tokens end."
        ),
        _("Can be undone: enter other terms."),
    ),
    "token.issue": (
        _("Whoever holds the token may do what the roles of this account allow, until it ends."),
        _("Can be undone: end the token."),
    ),
    "member.unbind": (
        _(
            "The id by which the provider knows this person opens nothing any more, and his sessions that it began end. For 14 days whoever comes from the provider with the address or user name named here is bound to this account, with all its roles. Confirm only when the person and the provider's administrator have told you that it is still his."
        ),
        _(
            "Can be undone until he has come: change the mail address in his terms, or close the account. Once bound again, only another such decision changes it."
        ),
    ),
    "sign_on.set": (
        _(
            "What this provider says of a person is believed from then on. Whoever governs it can come in as any member of this tenant. A new provider lets nobody in before it is switched on."
        ),
        _("Can be undone: switch it off, or enter another one."),
    ),
    "sign_on.switch": (
        _(
            "It holds with the next click. Where the provider is required, sessions that a password began lead in no more."
        ),
        _("Can be undone: switch it back."),
    ),
}
PEOPLE_FACTS: Final[Mapping[str, Promise | str]] = {
    "account_kind": _("Kind of account"),
    "email": _("Mail address at the identity provider"),
    "company": _("Company"),
    "holder_name": _("Who answers for it"),
    "issuer": _("Issuer"),
    "client_id": _("Client id"),
    "claim": _("Recognised by"),
    "domains": _("Mail domains"),
    "hosts": _("Machines that it names"),
    "sign_on_mode": _("Who comes in by it"),
    "sign_on_replaces": _("What it changes for people"),
    "known_people": _("Whom it knew until now"),
    "local_names": _("A password still lets in"),
    "reissues": _("What is given anew"),
    "elsewhere": _("He belongs to other tenants, too"),
    "agrees": _("Holds only when the person agrees himself"),
}
REISSUES: Final[Mapping[str, Promise | str]] = {
    "password": _("The password; the second factor stays and is asked for"),
    "everything": _("Password and second factor; his tokens end"),
}
PEOPLE_CODES: Final[Mapping[str, Promise | str]] = {
    "no_such_person": _("Nobody has an account of this name. Invite the person instead."),
    "account_closed": _("This account is closed. Invite the person again with another user name."),
    "other_half_wrong": _("This code does not belong to this link."),
    "guest_is_ones_own": _(
        "A guest's account is his own: it cannot become one that several share, that a program uses or that lies in an envelope."
    ),
    "guest_too_long": _("Who comes in for some days is let in for 30 days at most."),
    "roster_missing": _("Choose a file first."),
    "roster_too_large": _("The file is too large: 2 MB at most."),
    "roster_too_long": _("The file has too many rows: 5,000 at most."),
    "roster_encoding": _("The file is neither UTF-8 nor Windows' Japanese (CP932). Save it anew as CSV."),
    "roster_no_csv": _("The file cannot be read as CSV. Save it anew as CSV."),
    "roster_columns": _("The first row lacks a column:"),
    "roster_empty": _("The file names nobody. Nothing was compared."),
    "in_your_hands": _(
        "The account that entered this is nobody's own, and you have it in hand: you were shown its token, asked for its envelope, or answer for it. Somebody else has to confirm it."
    ),
    "envelope_confirms_nothing": _(
        "An emergency account is no second person: somebody has to confirm this with an account of his own."
    ),
    "roster_twice": _(
        "This user name stands in the file more than once. None of its rows counts and nothing is proposed for this person: keep the row that holds, and read the file again."
    ),
    "roster_bad_day": _("This is no day of the form 2026-11-30 or 2026/11/30."),
    "nothing_chosen": _("Tick at least one."),
    "too_many_chosen": _("Too many at once: 200 at most. Check the file."),
    "recertified_already": _("This quarter's round has begun already."),
    "decided_already": _("Somebody has decided this meanwhile."),
    "bad_account_kind": _("There is no such kind of account."),
    "bad_mail": _("This is no mail address."),
    "ends_before_it_begins": _("The last day lies before the first."),
    "day_far_off": _("Choose a day between 1900 and 2199. Leave the field empty where there is no end."),
    "term_in_the_past": _("The last day has passed already. To end an account now, close it."),
    "vendor_company_missing": _("Name the company that this person works for."),
    "vendor_end_missing": _("People of a vendor need a last day, within a year."),
    "shared_holder_missing": _("Name a member of the staff who answers for this shared account."),
    "shared_only_looks": _(
        "Several people use this account, so it only looks: take its other roles first. What is entered or confirmed must be one person's."
    ),
    "terms_changed": _("The terms of this person have changed meanwhile. Enter it again."),
    "token_elsewhere": _("This token is not for calls from this network."),
    "token_needs_sign_on": _(
        "The identity provider of this tenant has not vouched for this token's person for 14 days."
    ),
    "token_needs_whole_proof": _(
        "A token takes your password and, if you have one, your second factor, given now. Who has no password proves himself at the identity provider once more, and with the code."
    ),
    "filter_unread": _("A filter of this question cannot be read. Mend it in the search, then ask again."),
    "token_too_strong": _("Choose at least one permission, and only such as you hold yourself."),
    "token_in_the_past": _("The last day must lie ahead."),
    "token_too_long": _("A token lasts one year at most."),
    "token_over": _("This token has ended already."),
    "not_a_machine": _("Only accounts of machines are issued a token. People make their own."),
    "sign_on_again": _("Prove once more at your identity provider that it is you."),
    "sign_on_bad_issuer": _(
        "The issuer is no address of the form https://login.example.jp/..., or leads inside this machine."
    ),
    "sign_on_secret_missing": _("Enter the client's secret: it belongs to this issuer and client only."),
    "sign_on_domains_missing": _(
        "Name the mail domains whose people are taken. Otherwise anybody's address would do."
    ),
    "sign_on_missing": _("There is no provider yet. Enter one first."),
    "local_people_missing": _(
        "Name at least one member whom a password still lets in: otherwise nobody comes in on the day the provider does not answer."
    ),
    "local_person_weak": _("This person needs a password and a second factor of Toban first:"),
    "sign_on_other_issuer": _("Another issuer answered than the one that was entered."),
    "sign_on_bad_endpoint": _(
        "The provider names an address that Toban does not call: not https, or inside a network."
    ),
    "sign_on_unreachable": _("The provider does not answer. Try again in a few minutes."),
    "sign_on_refused": _(
        "The provider gave no usable answer. Its administrator should look at the client that Toban is there."
    ),
    "sign_on_no_token": _(
        "The provider gave no ID token. Its administrator should allow the scope openid for Toban."
    ),
    "sign_on_bad_keys": _("The keys that the provider publishes cannot be used."),
    "sign_on_bad_signature": _("What came back is not signed by the provider."),
    "sign_on_not_for_us": _("What came back is meant for another program than Toban."),
    "sign_on_other_request": _("What came back answers another sign-in than this one."),
    "sign_on_expired": _(
        "What came back is too old. Check the clocks of the provider and of Toban, then try again."
    ),
    "sign_on_not_fresh": _(
        "The provider does not say that you proved yourself just now. Use a code of your own instead."
    ),
    "sign_on_not_anew": _(
        "The provider did not ask anew who you are, and its word from before your last session opens none. Try again and prove yourself there; if it asks nothing, sign out there first."
    ),
    "sign_on_undated": _(
        "The provider does not say when you proved yourself, so its word alone takes up no seat that was left. Ask your administrator: the provider has to put auth_time into the ID token. Until it does, a second factor of Toban beside its word lets you in; where you have none, two people give you a link for it."
    ),
    "sign_on_no_logout": _("What came is no word of a logout."),
    "sign_on_not_asked": _(
        "This sign-in did not begin in this browser, or was finished already. Begin anew."
    ),
    "sign_on_too_late": _("The sign-in took too long. Begin anew."),
    "sign_on_declined": _("The provider let nobody in."),
    "sign_on_nameless": _(
        "The provider does not say who it is. Its administrator should release the mail address or user name, verified."
    ),
    "sign_on_other_domain": _("The mail address belongs to a domain that is not taken here."),
    "sign_on_unknown_person": _(
        "Nobody of that name was invited here. Ask your administrator for an invitation."
    ),
    "sign_on_name_given_anew": _(
        "The provider knows you by another id than before. If your account there was made anew, ask your administrator to let the provider name you anew; if the name belonged to somebody else before, ask for an invitation of your own."
    ),
    "sign_on_while_signed_in": _(
        "Somebody else is signed in with this browser. Sign out first, then sign in with the identity provider."
    ),
    "sign_on_somebody_else": _("Somebody else came back than the one who is signed in here."),
}
PEOPLE_EVENTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "session.elsewhere": (
        _("The session of %(subject)s was used from another network, too (%(other_address)s)."),
        _("One session from two networks"),
    ),
    "token.refused": (
        _("The token %(subject)s was turned away at %(address)s. %(problem)s"),
        _("Token turned away"),
    ),
    "token.issued": (
        _("The token %(subject)s was issued to the program %(person)s."),
        _("Token issued"),
    ),
    "member.reconciled": (
        _("%(actor)s held a personnel list of %(people)s people against the members."),
        _("Personnel list compared"),
    ),
    "member.recertification_begun": (
        _("The round %(subject)s of looking at all rights anew has begun: %(rights)s rights."),
        _("Round of rights begun"),
    ),
    "member.recertification_due": (
        _("%(left)s rights of the round %(subject)s are not decided yet."),
        _("Round of rights waits"),
    ),
    "member.recertified": (
        _("%(actor)s decided on a right of %(subject)s. Reason: %(reason)s"),
        _("Right looked at anew"),
    ),
    "member.recertification_reopened": (
        _("A right of %(subject)s was to be taken, and its operation came to nothing: it is open again."),
        _("Right open again"),
    ),
    "member.recertification_closed": (
        _("The round %(subject)s is whole: %(keep)s kept, %(take)s to be taken, %(gone)s gone already."),
        _("Round of rights whole"),
    ),
    "member.admitted": (
        _("%(subject)s agreed to be let in and belongs to this tenant from now on."),
        _("Agreed to be let in"),
    ),
    "member.admission_refused": (
        _("%(subject)s did not agree to be let in."),
        _("Did not agree to be let in"),
    ),
    "member.admission_taken_back": (
        _("%(actor)s took back that %(subject)s was asked to come in."),
        _("Question taken back"),
    ),
    "member.term_ended": (
        _("The term of %(subject)s is over: %(sessions)s sessions and %(tokens)s tokens were ended."),
        _("Term over"),
    ),
    "user.reissued": (
        _("%(subject)s used a reissue link and set a new password."),
        _("Sign-in reissued"),
    ),
    "user.sign_on_unbound": (
        _("%(subject)s is to be named anew by the identity provider (%(issuer)s). Reason: %(reason)s"),
        _("Known to the provider no more"),
    ),
    "user.sign_on_bound": (
        _("%(subject)s came in by an identity provider for the first time, recognised as %(username)s."),
        _("Known to the provider"),
    ),
    "sign_on.logout_refused": (
        _(
            "Somebody at %(address)s said for the identity provider %(subject)s that a session had ended, and could not prove it."
        ),
        _("Word of a logout refused"),
    ),
    "sign_on.resealed": (
        _("The secret of the identity provider %(subject)s was sealed with a new key."),
        _("Provider's secret resealed"),
    ),
}
