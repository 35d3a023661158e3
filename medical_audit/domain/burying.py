"""Removing what is older than its term: a signed tombstone stands for the events that went, oldest months first.

A purge always begins behind the one before it, so that the record is whole from some event on, and what went is one stretch.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from medical_audit.domain.canonical import utc_text
from medical_audit.domain.notes import BadNote

ORIGIN: Final = "toban/tombstone"
#: No tenant keeps the record for less: the term for clinical records, because the guidelines name none for logs
#: (requirement C10). The database holds the same number, and so does the single-file verifier.
LEAST_YEARS: Final = 5
MOST_YEARS: Final = 30
#: A tombstone is signed in the round that made the newest seal before it; a round with many purges may be long.
SIGNED_WITHIN: Final = timedelta(days=1)
#: Months are those of this zone.
JST: Final = timezone(timedelta(hours=9))
_SHAPE = re.compile(
    r"(?P<origin>\S+)\ntenant (?P<tenant>[0-9a-f-]{36})\nevents (?P<first>\d{1,15}) (?P<last>\d{1,15})\n"
    r"seal (?P<number>\d{1,15}) (?P<root>[A-Za-z0-9+/=]{44})\nlast (?P<last_hash>[0-9a-f]{64})\nuntil (?P<until>\S{27})\n"
    r"term (?P<term>\d{1,3})\nat (?P<at>\S{27})\nafter (?P<after>\d{1,15})\noperation (?P<operation>[0-9a-f-]{36})\n"
    r"entered (?P<entered>\S{1,64})\nconfirmed (?P<confirmed>\S{1,64})\n"
)


def term_ends(until: datetime, years: int) -> datetime:
    """When a month that ends at `until` may go."""
    local = until.astimezone(JST)
    return local.replace(year=local.year + years)


def is_month(until: datetime) -> bool:
    """Whether a month begins at this instant, in JST."""
    local = until.astimezone(JST)
    return (local.day, local.hour, local.minute, local.second, local.microsecond) == (1, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Events `first` to `last` of the tenant are gone, all of them sealed before `until`, the end of a month. `number`: the seal
    at which its tree had size `last`, `root` and `last_hash`; `after`: the newest seal when they went, at `at`. `entered` and
    `confirmed` are the two people's ids, `term` the years that held then."""

    tenant_id: UUID
    first: int
    last: int
    number: int
    root: bytes
    last_hash: bytes
    until: datetime
    term: int
    at: datetime
    after: int
    operation: UUID
    entered: str
    confirmed: str

    def is_of_its_time(self, sealed_at: datetime) -> bool:
        """`sealed_at`: when the seal `after` was made. So a key that was retired signs none for a term that ends later."""
        return abs(self.at - sealed_at) <= SIGNED_WITHIN

    def text(self) -> str:
        return (
            f"{ORIGIN}\ntenant {self.tenant_id}\nevents {self.first} {self.last}\n"
            f"seal {self.number} {base64.b64encode(self.root).decode()}\nlast {self.last_hash.hex()}\n"
            f"until {utc_text(self.until)}\nterm {self.term}\nat {utc_text(self.at)}\nafter {self.after}\n"
            f"operation {self.operation}\nentered {self.entered}\nconfirmed {self.confirmed}\n"
        )

    @classmethod
    def parse(cls, text: str) -> "Tombstone":
        """Read a note's text; raises BadNote, also for one that two people or the term do not bear."""
        found = _SHAPE.fullmatch(text)
        if found is None or found["origin"] != ORIGIN:
            raise BadNote("not a tombstone of Toban")
        try:
            made = cls(
                tenant_id=UUID(found["tenant"]),
                first=int(found["first"]),
                last=int(found["last"]),
                number=int(found["number"]),
                root=base64.b64decode(found["root"], validate=True),
                last_hash=bytes.fromhex(found["last_hash"]),
                until=datetime.fromisoformat(found["until"]),
                term=int(found["term"]),
                at=datetime.fromisoformat(found["at"]),
                after=int(found["after"]),
                operation=UUID(found["operation"]),
                entered=found["entered"],
                confirmed=found["confirmed"],
            )
        except (ValueError, binascii.Error) as error:
            raise BadNote("a tombstone's root, time or id cannot be read") from error
        if made.entered == made.confirmed:
            raise BadNote("one person alone let events go")
        if not is_month(made.until) or made.at < term_ends(made.until, max(made.term, LEAST_YEARS)):
            raise BadNote("events went before their term")
        return made
