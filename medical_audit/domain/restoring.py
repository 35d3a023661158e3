"""Going on after a restore from backup: a statement that two people sign with keys of their own, outside the database.

An operation in the database could not carry it: whoever cut the record off there could write one, too.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from medical_audit.domain.canonical import canonical, utc_text
from medical_audit.domain.merkle import root_of
from medical_audit.domain.notes import BadNote, VerifierKey, signers_of

ORIGIN = "toban/restore"
#: Names of keys that belong to people who may approve a restore begin so; they sign no seals.
APPROVER = "toban/approver/"
#: So many different people sign.
APPROVERS = 2
REASON_MAX = 500
_SHAPE = re.compile(
    r"(?P<origin>\S+)\nepoch (?P<epoch>\d{1,9})\nold (?P<old>\d{1,15}) (?P<old_hash>[0-9a-f]{64})\n"
    r"new (?P<new>\d{1,15}) (?P<new_hash>[0-9a-f]{64})\nlost (?P<lost>\d{1,9}) (?P<root>[A-Za-z0-9+/=]{44})\n"
    r"at (?P<at>\S{27})\nreason (?P<reason>\".{0,2000}\")\n"
)


@dataclass(frozen=True, slots=True)
class Loss:
    """Events `first` to `last` of one tenant, as they had been sealed, are not in the record any more."""

    tenant_id: UUID
    first: int
    last: int

    def leaf(self) -> bytes:
        """Its leaf in the tree over all losses, so that a tenant's bundle speaks of no other tenant."""
        return f"toban-lost-1\n{self.tenant_id}\n{self.first}\n{self.last}\n".encode()


def ordered(losses: Iterable[Loss]) -> list[Loss]:
    return sorted(losses, key=lambda loss: str(loss.tenant_id))


@dataclass(frozen=True, slots=True)
class Restore:
    """The record goes on from seal `new`, though seal `old` had been reached; what lay between is lost. The next seal is
    `old` + 1 and names this statement as the note before it. `new` 0: nothing at all was left."""

    epoch: int
    old: int
    old_hash: bytes
    new: int
    new_hash: bytes
    lost: int
    lost_root: bytes
    at: datetime
    reason: str

    def text(self) -> str:
        return (
            f"{ORIGIN}\nepoch {self.epoch}\nold {self.old} {self.old_hash.hex()}\nnew {self.new} {self.new_hash.hex()}\n"
            f"lost {self.lost} {base64.b64encode(self.lost_root).decode()}\nat {utc_text(self.at)}\n"
            f"reason {canonical(self.reason)}\n"
        )

    @classmethod
    def parse(cls, text: str) -> "Restore":
        """Read a statement's text; raises BadNote."""
        found = _SHAPE.fullmatch(text)
        if found is None or found["origin"] != ORIGIN:
            raise BadNote("not a statement about a restore")
        try:
            root, at = base64.b64decode(found["root"], validate=True), datetime.fromisoformat(found["at"])
            reason = str(json.loads(found["reason"]))
        except (ValueError, binascii.Error) as error:
            raise BadNote("its root, time or reason cannot be read") from error
        made = cls(
            epoch=int(found["epoch"]),
            old=int(found["old"]),
            old_hash=bytes.fromhex(found["old_hash"]),
            new=int(found["new"]),
            new_hash=bytes.fromhex(found["new_hash"]),
            lost=int(found["lost"]),
            lost_root=root,
            at=at,
            reason=reason,
        )
        if made.new >= made.old or made.text() != text:
            raise BadNote("not a statement about a restore")
        return made

    def covers(self, number: int) -> bool:
        """Whether this seal was made before the restore and is gone with it."""
        return self.new < number <= self.old

    def is_over(self, losses: Sequence[Loss]) -> bool:
        """Whether it speaks of exactly these losses."""
        return (len(losses), root_of(loss.leaf() for loss in ordered(losses))) == (self.lost, self.lost_root)


def open_restore(note: str, approvers: Sequence[VerifierKey]) -> tuple[Restore, tuple[str, ...]]:
    """The statement and who signed it, by name. Raises BadNote unless two different people did."""
    keys = [key for key in approvers if key.name.startswith(APPROVER)]
    text, signers = signers_of(note, keys)
    names = tuple(sorted({key.name.removeprefix(APPROVER) for key in signers}))
    if len({key.public for key in signers}) < APPROVERS or len(names) < APPROVERS:
        raise BadNote(f"signed by {len(names)} of the {APPROVERS} people who must approve a restore")
    return Restore.parse(text), names
