"""On what terms somebody belongs to a tenant: as what kind of account, from when until when, and what that kind asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from accounts.domain.mailboxes import is_mailbox
from accounts.domain.permissions import Role

#: People of a vendor are looked at anew once a year at least.
VENDOR_LONGEST: Final = timedelta(days=366)
TEXT_MAX: Final = 100
#: Days that a person may work on; 9999-12-31 and its like stand in other systems for "no end" and are none.
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)


class AccountKind(StrEnum):
    """staff: of the house. vendor: who maintains for a company, with an end. shared: several people at one terminal, who only
    look, with a member who answers for it. emergency: lies in a sealed envelope, and opens nothing but while two people have opened
    the emergency right for it. machine: a program, which sees no page."""

    STAFF = "staff"
    VENDOR = "vendor"
    SHARED = "shared"
    EMERGENCY = "emergency"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Terms:
    """`first`, `last`: days in the tenant's zone, both within; None: no limit. `holder`: id of the member who answers for a shared
    account; `company`: of a vendor; `email`: by which an identity provider recognises the person in this tenant."""

    kind: str = AccountKind.STAFF
    first: date | None = None
    last: date | None = None
    email: str = ""
    company: str = ""
    holder: str = ""


#: Of somebody about whom nothing was decided.
USUAL: Final = Terms()


def faults(terms: Terms, roles: frozenset[str], today: date) -> list[str]:
    """Codes of what is wrong with these terms for somebody with these roles, worst first; none: they may hold."""
    found = []
    if terms.kind not in set(AccountKind):
        return ["bad_account_kind"]
    if any(day and not EARLIEST <= day <= LATEST for day in (terms.first, terms.last)):
        return ["day_far_off"]
    if terms.email and not is_mailbox(terms.email):
        found.append("bad_mail")
    if terms.first and terms.last and terms.last < terms.first:
        found.append("ends_before_it_begins")
    if terms.last and terms.last < today:
        found.append("term_in_the_past")
    if terms.kind == AccountKind.VENDOR:
        if not terms.company:
            found.append("vendor_company_missing")
        if terms.last is None or terms.last - max(terms.first or today, today) > VENDOR_LONGEST:
            found.append("vendor_end_missing")
    if terms.kind == AccountKind.SHARED:
        if not terms.holder:
            found.append("shared_holder_missing")
        # What is entered, confirmed or reviewed must be one person's: a shared account only looks.
        if roles - {str(Role.VIEWER)}:
            found.append("shared_only_looks")
    if any(len(text) > TEXT_MAX or not text.isprintable() for text in (terms.company, terms.holder)):
        found.append("bad_person_name")
    return found


def instants(terms: Terms, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """From which instant on, and until which (no longer within) the terms hold."""
    begins = datetime.combine(terms.first, time(), zone) if terms.first else None
    return begins, end_of(terms.last, zone) if terms.last else None


def end_of(last: date, zone: ZoneInfo) -> datetime:
    """The instant at which this day is over in a zone; of the calendar's very last day the one at which it begins."""
    return datetime.combine(last + timedelta(days=1) if last < date.max else last, time(), zone)
