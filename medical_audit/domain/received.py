"""What a receiver of the stream kept, read back: which event it got under which number and hash, and which seals."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from xml.etree import ElementTree

from medical_audit.domain.anchoring import LONGEST, AnchorDoubt, Payload

#: Events are counted by PostgreSQL's bigint.
NUMBERS = 2**63
_MESSAGE = re.compile(rb"<AuditMessage\b.*</AuditMessage>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Claim:
    """That this event, of the moment `at`, stood in the tenant's chain at `seq` with this hash when it was sent."""

    tenant_id: UUID
    seq: int
    hash: bytes
    event_id: str
    at: datetime


def read_received(lines: Iterable[bytes]) -> Iterator[Claim | Payload]:
    """Of each line that holds a message of Toban's; other lines, and cut ones, say nothing."""
    for line in lines:
        found = _MESSAGE.search(line) if len(line) <= LONGEST else None
        if found is not None and b"<!" not in found[0]:
            said = _read(found[0])
            if said is not None:
                yield said


def _read(message: bytes) -> Claim | Payload | None:
    try:
        root = ElementTree.fromstring(message)  # noqa: S314  no DTD, see above  # nosec B314
        details = {
            str(one.get("type")): base64.b64decode(one.get("value") or "", validate=True).decode()
            for one in root.iter("ParticipantObjectDetail")
        }
        if "seal" in details:
            return Payload.parse(details["seal"])
        source = root.find("AuditSourceIdentification")
        tenant = source.get("AuditEnterpriseSiteID") if source is not None else None
        happened = root.find("EventIdentification")
        claim = Claim(
            UUID(str(tenant)),
            int(details["seq"]),
            bytes.fromhex(details["hash"]),
            details.get("event", ""),
            datetime.fromisoformat((happened.get("EventDateTime") if happened is not None else None) or ""),
        )
        # Another house's file: what no sender of ours wrote says nothing.
        ours = 0 < claim.seq < NUMBERS and len(claim.hash) == 32 and claim.at.tzinfo is not None
        return claim if ours else None
    except (ElementTree.ParseError, binascii.Error, ValueError, KeyError, AnchorDoubt):
        return None
