"""The sealer's signed word on a transaction that had linked events and stayed open over seals (docs/ledger.md).

Who links before his COMMIT and waits makes events that lie before seals which do not hold them, as one that was put in later
under an earlier time does. Only the sealer can tell the two apart: it saw the transaction open. So it signs that.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from medical_audit.domain.canonical import utc_text
from medical_audit.domain.notes import BadNote

KIND = "ledger.transaction_held"
_SHAPE = re.compile(r"toban/held\ntxid (\d{1,19})\nfrom (\S{27})\nuntil (\S{27})\n")


@dataclass(frozen=True, slots=True)
class Held:
    """`since`: when the sealer had last looked and had not seen it, so that nothing of it was linked before; `until`: when it looked
    and it had ended, so that the next seal holds all of it."""

    txid: int
    since: datetime
    until: datetime

    def text(self) -> str:
        return f"toban/held\ntxid {self.txid}\nfrom {utc_text(self.since)}\nuntil {utc_text(self.until)}\n"

    @classmethod
    def parse(cls, text: str) -> "Held":
        """Raises BadNote."""
        found = _SHAPE.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            return cls(int(found[1]), datetime.fromisoformat(found[2]), datetime.fromisoformat(found[3]))
        except ValueError as error:
            raise BadNote("not a word on a transaction that was held") from error
