"""What goes out to an anchor: a seal, and the tree heads that grew since the one that went there before."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from medical_audit.domain.checkpoint import TreeHead

#: A payload that is longer than this was not written by a sealer.
LONGEST = 8_000_000


class AnchorError(Exception):
    """An anchor did not take or give a seal; the text names the place and says what to do."""


class AnchorDoubt(AnchorError):
    """An anchor answers, but with something that no sealer put there."""


@dataclass(frozen=True, slots=True)
class Payload:
    """`erasures`: signed notes of whose key was destroyed since, so that a restore from a backup of before can be told (ADR 19)."""

    number: int
    note: str
    heads: tuple[TreeHead, ...]
    erasures: tuple[str, ...] = ()

    def text(self) -> str:
        heads = [[str(h.tenant_id), h.size, h.root.hex(), h.last_hash.hex()] for h in self.heads]
        found: dict[str, object] = {"number": self.number, "note": self.note, "heads": heads}
        if self.erasures:
            found["erasures"] = list(self.erasures)
        return json.dumps(found, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> "Payload":
        """Raises AnchorDoubt."""
        try:
            if len(text) > LONGEST:
                raise ValueError("too long")
            content = json.loads(text)
            heads = tuple(
                TreeHead(UUID(tenant), int(size), bytes.fromhex(root), bytes.fromhex(last))
                for tenant, size, root, last in content["heads"]
            )
            erasures = tuple(str(one) for one in content.get("erasures", ()))
            return cls(int(content["number"]), str(content["note"]), heads, erasures)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise AnchorDoubt(f"not a sealed checkpoint: {error}") from error


class Anchor(Protocol):
    """A place outside the database. Every method raises AnchorError."""

    @property
    def name(self) -> str: ...

    def put(self, payload: Payload) -> None:
        """Keep it. Putting the same again changes nothing."""

    def newest(self, *, at_least: int) -> Payload | None:
        """The one with the highest number; `at_least`: a number that was put there, from which to look on; 0: none known."""

    def after(self, number: int) -> Iterator[Payload]:
        """All behind this number (one that was put there, or 0), in order."""


def newest_of(anchor: Anchor, hint: int) -> Payload | None:
    """What an anchor holds last. `hint`: a number that is said to be there, so that years of seals need not be listed; it is believed
    only where the anchor knows it. Raises AnchorError."""
    found = anchor.newest(at_least=hint)
    return anchor.newest(at_least=0) if found is None and hint else found


def heads_known(payloads: Sequence[Payload]) -> dict[UUID, TreeHead]:
    """The newest head of each tenant that these payloads, in order, speak of."""
    return {head.tenant_id: head for payload in payloads for head in payload.heads}
