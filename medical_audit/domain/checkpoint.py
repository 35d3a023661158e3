"""What a seal says: one text a minute over the trees of all tenants, each naming the seal before it."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from medical_audit.domain.canonical import utc_text
from medical_audit.domain.merkle import root_of
from medical_audit.domain.notes import BadNote

ORIGIN = "toban/ledger"
#: The first seal names this as the one before it.
NOTHING_BEFORE = hashlib.sha256(b"toban-checkpoint-genesis").digest()
_SHAPE = re.compile(
    r"(?P<origin>\S+)\n(?P<tenants>\d{1,9})\n(?P<root>[A-Za-z0-9+/=]{44})\n"
    r"number (?P<number>\d{1,15})\nepoch (?P<epoch>\d{1,9})\nat (?P<at>\S{27})\nclock (?P<clock>-?\d{1,15})\n"
    r"catalogue (?P<catalogue>[0-9a-f]{64})\nprev (?P<prev>[0-9a-f]{64})\n"
)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A tenant's tree at one moment: how many events, their root, and the hash of the last link."""

    tenant_id: UUID
    size: int
    root: bytes
    last_hash: bytes

    def leaf(self) -> bytes:
        """Its leaf in the tree over all tenants."""
        return f"toban-tree-head-1\n{self.tenant_id}\n{self.size}\n{self.root.hex()}\n{self.last_hash.hex()}\n".encode()


def ordered(heads: Iterable[TreeHead]) -> list[TreeHead]:
    """By tenant, as the tree over all tenants holds them."""
    return sorted(heads, key=lambda head: str(head.tenant_id))


def root_over(heads: Iterable[TreeHead]) -> bytes:
    return root_of(head.leaf() for head in ordered(heads))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`root`: over the heads of all `tenants`. `clock_ms`: the sealer's own clock against the database's. `catalogue`: the
    digest of what guards the ledger. `prev`: SHA-256 of the note before. `epoch`: rises with each restore."""

    tenants: int
    root: bytes
    number: int
    epoch: int
    at: datetime
    clock_ms: int
    catalogue: str
    prev: bytes

    def text(self) -> str:
        return (
            f"{ORIGIN}\n{self.tenants}\n{base64.b64encode(self.root).decode()}\nnumber {self.number}\nepoch {self.epoch}\n"
            f"at {utc_text(self.at)}\nclock {self.clock_ms}\ncatalogue {self.catalogue}\nprev {self.prev.hex()}\n"
        )

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note's text; raises BadNote."""
        found = _SHAPE.fullmatch(text)
        if found is None or found["origin"] != ORIGIN:
            raise BadNote("not a checkpoint of Toban")
        try:
            root, at = base64.b64decode(found["root"], validate=True), datetime.fromisoformat(found["at"])
        except (ValueError, binascii.Error) as error:
            raise BadNote("a checkpoint's root or time cannot be read") from error
        return cls(
            tenants=int(found["tenants"]),
            root=root,
            number=int(found["number"]),
            epoch=int(found["epoch"]),
            at=at,
            clock_ms=int(found["clock"]),
            catalogue=found["catalogue"],
            prev=bytes.fromhex(found["prev"]),
        )


def note_hash(note: str) -> bytes:
    return hashlib.sha256(note.encode()).digest()
