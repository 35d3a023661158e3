"""What is unusual, in words: the rules with their reasons, their thresholds, the clocks."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.words.look import State

# medical_audit.domain.anomalies.Rule: (short name, the sentence of one finding, why a reviewer should look).
RULES: Final[Mapping[str, tuple[Promise | str, Promise | str, Promise | str]]] = {
    "off_hours": (
        _("Outside working hours"),
        _("%(person)s entered or confirmed a privileged operation at %(time)s, outside working hours."),
        _("Work at night or on a day off should have a known reason, such as an announced maintenance."),
    ),
    "refusals": (
        _("Many refusals"),
        _("%(person)s was refused %(count)s times within an hour."),
        _("Somebody may be trying what he has no right to, or lacks a right that his work needs."),
    ),
    "wrong_passwords": (
        _("Many wrong passwords"),
        _("A wrong password was given for %(person)s %(count)s times within an hour."),
        _("Somebody else may be trying to get in under this name."),
    ),
    "new_network": (
        _("New network"),
        _("%(person)s came in from %(network)s, where he was not seen for %(days)s days."),
        _("A stolen or lent password is mostly used from another place than its owner's."),
    ),
    "parallel": (
        _("Two networks at once"),
        _("%(person)s was here from two networks at once."),
        _("One person sits in one place: a password may have been lent."),
    ),
    "hasty": (
        _("Confirmed at once"),
        _("%(person)s confirmed an operation %(seconds)s seconds after its entry."),
        _("In so short a time nobody reads what he confirms."),
    ),
    "many_confirmed": (
        _("Many confirmations"),
        _("%(person)s confirmed %(count)s operations within %(minutes)s minutes."),
        _("Were they read one by one, or merely passed?"),
    ),
    "much_exported": (
        _("Much exported"),
        _("%(person)s exported %(rows)s rows in one day."),
        _("What has left the portal is no longer protected by it."),
    ),
    "much_read": (
        _("Much read"),
        _("%(person)s opened pages of the ledger %(count)s times within an hour."),
        _("Somebody may be collecting what others do."),
    ),
    "dormant": (
        _("Came back after long"),
        _("%(person)s came in after %(days)s days of absence."),
        _("An account that its owner no longer uses is taken over unnoticed."),
    ),
    "emergency": (
        _("Emergency right opened"),
        _("%(person)s opened an emergency right for %(holder)s."),
        _("Each use of an emergency right is reviewed afterwards."),
    ),
    "clock_apart": (
        _("Clocks apart"),
        _("The time of an event and that of the database differ by %(seconds)s seconds."),
        _("If the times are wrong, so is the order of what happened."),
    ),
}

# The sentence of the first rule on a named day off.
ON_A_DAY_OFF = _("%(person)s entered or confirmed a privileged operation at %(time)s on %(day)s, a day off.")

# medical_audit.domain.anomalies.BOUNDS.
LIMITS: Final[Mapping[str, Promise | str]] = {
    "day_begins": _("Working hours begin at (hour)"),
    "day_ends": _("Working hours end at (hour)"),
    "refusals_hour": _("Refusals within an hour"),
    "wrong_passwords_hour": _("Wrong passwords within an hour"),
    "network_days": _("A network is new after (days)"),
    "hasty_seconds": _("Confirmed at once means within (seconds)"),
    "confirmed_minutes": _("Confirmations are counted over (minutes)"),
    "confirmed_many": _("That many confirmations are many"),
    "exported_rows_day": _("Rows exported a day"),
    "read_hour": _("Pages of the ledger read within an hour"),
    "dormant_days": _("Absent for long means (days)"),
    "clock_seconds": _("Clocks are apart from (seconds)"),
    "sample_people": _("Sample of a review: events of people"),
    "sample_clock": _("Sample of a review: events of Toban itself"),
    "review_days": _("A review is due after the month's end in (days)"),
}

CLOCK_PROBLEMS: Final[Mapping[str, Promise | str]] = {
    "short": _("Its answer cannot be read."),
    "not_ours": _("An answer came that was not made for us."),
    "unsynchronised": _("The time server is itself not in time."),
    "TimeoutError": _("It did not answer within two seconds."),
    "gaierror": _("Its name cannot be resolved."),
    "ConnectionRefusedError": _("Nothing listens there."),
}

# medical_audit.queries.reports.REPORTS: (name, what it answers).
REPORTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "reviews": (
        _("Monthly review of the access log"),
        _("What was drawn and judged, what was found, what is done about it, and who signed."),
    ),
    "accounts": (
        _("Privileged and dormant accounts"),
        _("Who may do what, when he was last here, and who has not been here for long."),
    ),
    "sessions": (
        _("Sessions"),
        _("Who was here how often, and how it ended; beginnings and ends add up."),
    ),
    "confirmations": (
        _("Entries and confirmations"),
        _("What people entered, how much of it was confirmed, by proxy and by deputy, and how long it took."),
    ),
    "roles": (_("Changes of roles"), _("Each change with the roles before and after it.")),
    "exports": (_("Exports"), _("What left the portal as a file, by whom, how much and what for.")),
    "emergencies": (
        _("Emergency rights"),
        _("Each opening: who asked, who opened, until when, and what the review afterwards said."),
    ),
    "recertification": (
        _("Quarterly look at the rights"),
        _("Every right of the rounds that began this month: kept, taken or undecided, by whom and why."),
    ),
    "clocks": (_("Clocks"), _("How far the clocks stood apart, day by day.")),
}
# Columns and counts of reports.
COLUMNS: Final[Mapping[str, Promise | str]] = {
    "person": _("Person"),
    "people": _("People"),
    "roles": _("Roles"),
    "privileged": _("Privileged"),
    "last_seen": _("Last here"),
    "visits": _("Visits"),
    "dormant": _("Not here for long"),
    "both": _("Privileged and not here for long"),
    "password_only": _("Password alone"),
    "operation": pgettext_lazy("noun", "Operation"),
    "entered": _("Entered"),
    "confirmed": _("Confirmed"),
    "waiting": _("Waits"),
    "rejected": _("Rejected"),
    "withdrawn": _("Withdrawn"),
    "expired": _("Expired"),
    "proxied": _("By proxy"),
    "deputies": _("By a deputy"),
    "median_wait": _("Half confirmed within"),
    "at": _("When"),
    "before": _("Before"),
    "after": _("After"),
    "by": _("By whom"),
    "asked_by": _("Asked for by"),
    "reason": _("Reason"),
    "changes": _("Changes"),
    "purged": _("Left out, their record was purged"),
    "what": _("What"),
    "rows": _("Rows"),
    "purpose": _("Purpose"),
    "sha256": _("SHA-256 of the file"),
    "exports": _("Exports"),
    "emergencies": _("Openings"),
    "open_reviews": _("Not reviewed yet"),
    "opened_by": _("Opened by"),
    "closed": _("Closed"),
    "acts": _("Acts"),
    "reviewed": _("Reviewed by"),
    "verdict": _("What the review said"),
    "review": _("Review"),
    "reviews": _("Reviews"),
    "population": _("Events of the period"),
    "drawn": _("Drawn"),
    "judged": _("Judged"),
    "findings": _("With a finding"),
    "said": _("What was found"),
    "measures": _("What is done about it"),
    "signed": pgettext_lazy("review", "Signed"),
    "signed_by": _("Signed by"),
    "signed_at": _("Signed at"),
    "begun": _("Begun"),
    "ended": _("Ended"),
    "end_signed_out": _("Signed out"),
    "end_idle": _("Ended by itself when idle"),
    "end_left_seat": _("Left the seat"),
    "end_forced": _("Ended by somebody"),
    "end_expired": _("Ended after 12 hours"),
    "end_cut_off": _("Presumed cut off"),
    "still_open": _("Still open"),
    "parallel": _("Two networks at once"),
    "failed": _("Failed sign-ins"),
    "faults": _("That do not add up"),
    "day": pgettext_lazy("clock", "Day"),
    "days": _("Days"),
    "readings": _("Measurements"),
    "machine_ms": _("Largest difference from the database"),
    "database_ms": _("Largest difference from the time server"),
    "over": _("Over the limit"),
    "silent": _("Without a time server"),
    "round": pgettext_lazy("recertification", "Round"),
    "rounds": _("Rounds"),
    "rights": _("Rights"),
    "right": pgettext_lazy("role", "Right"),
    "username": _("User name"),
    "granted": _("Given on"),
    "decision": _("Decision"),
    "keep": pgettext_lazy("recertification", "Kept"),
    "take": pgettext_lazy("recertification", "To be taken"),
    "gone": pgettext_lazy("recertification", "Taken otherwise"),
    "undecided": pgettext_lazy("recertification", "Not decided"),
}

# medical_audit.queries.requirements.EVIDENCE: what is so now.
EVIDENCE: Final[Mapping[str, Promise | str]] = {
    "sessions": _("%(begun)s sessions began this month, %(ended)s ended; each is accounted for."),
    "unusual": _("%(number)s findings this month."),
    "views": _("%(number)s times the ledger was read this month."),
    "factors": _("%(number)s people came in with a password alone this month."),
    "accounts": _("%(people)s people, %(number)s of them privileged and not here for long."),
    "roles": _("%(number)s changes of roles this month."),
    "confirmations": _("%(entered)s entries this month, %(confirmed)s confirmed."),
    "proxies": _("%(number)s proxy entries wait too long."),
    "emergencies": _("%(number)s openings are not reviewed."),
    "events": _("%(number)s events stand in the ledger."),
    "verification": _("As the last verification found it."),
    "reviews": _("%(number)s months wait for their signature."),
    "clock": _("As the last measurement found it."),
    "seal": _("%(sealed)s of %(events)s events are sealed."),
    "anchors": _("%(number)s places outside hold copies of the seals."),
    "exports": _("%(number)s exports this month."),
    "refusals": _("%(number)s refusals this month."),
    "policy": _("A seat counts as left after %(minutes)s minutes."),
}

# What the record's retention and purges are confirmed with.
RETENTION_FACTS: Final[Mapping[str, Promise | str]] = {
    "years": _("Kept for (years)"),
    "hold": _("Why nothing may go for now"),
    "person_months": _("People readable after their last act (months)"),
    "names": _("Names"),
    "addresses": _("Addresses"),
    "devices": _("Devices"),
    "first_event": _("First event"),
    "last_event": _("Last event"),
    "event_count": _("Events"),
    "before_at": _("Sealed before"),
    "sealed_by": _("Seal up to which they go"),
    "root": _("Root of their tree"),
}
RETENTION_EFFECTS: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "ledger.retention": (
        _(
            "From its confirmation on, nothing goes before this term, and nothing at all while the record is held."
        ),
        _("Can be undone: change it back. What went meanwhile stays gone."),
    ),
    "ledger.purge_end": (
        _("The sealer does not carry the confirmed purge out any more. Nothing goes."),
        _("Can be undone: enter the purge again."),
    ),
    "person.erase": (
        _(
            "At once nobody can read this person's names, addresses and devices any more: on pages, in searches, exports, reports "
            "and bundles. What happened, when, and the account's id stay, and so do all proofs."
        ),
        _(
            "Cannot be undone: the key is destroyed. What left the portal before, and backups of before, are not reached."
        ),
    ),
    "ledger.purge": (
        _(
            "Within a minute the sealer signs a tombstone for these events and deletes them. Their seals stay."
        ),
        _("Cannot be undone: nobody can bring these events back."),
    ),
}
# Of guidelines, and how the tests that requirements name ended (medical_audit.queries.tested).
EDITION_STATES: Final[Mapping[str, State]] = {
    "good": State("done", pgettext_lazy("edition", "In force")),
    "old": State("excluded", pgettext_lazy("edition", "Before")),
    "none": State("excluded", pgettext_lazy("edition", "Not served")),
}
TEST_STATES: Final[Mapping[str, State]] = {
    "passed": State("done", pgettext_lazy("test", "Passed")),
    "failed": State("failed", pgettext_lazy("test", "Failed")),
    "skipped": State("late", pgettext_lazy("test", "Left out")),
    "unknown": State("unknown", pgettext_lazy("test", "Not known when it ran")),
}
