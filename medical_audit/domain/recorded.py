"""One event read back from its canonical body: what every form in which it leaves the house is made from."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from medical_audit.domain.chain import Linked
from medical_audit.domain.personal import readable

#: DICOM's and FHIR's outcome: success, minor, serious and major failure.
_OUTCOMES: Final[Mapping[str, int]] = {"ok": 0, "skipped": 0, "denied": 4, "unknown": 4, "failed": 8}
#: What neither XML 1.0 nor FHIR's string has a place for, not even escaped.
ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def legal(text: str) -> str:
    """The text with a replacement character wherever a standard forbids what stands there."""
    return ILLEGAL.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the chain; `body` is the parsed canonical text with what is readable of its people.

    What was hashed is `link.body`, in which people stand by reference (ADR 19).
    """

    link: Linked
    body: Mapping[str, Any]

    @classmethod
    def of(cls, link: Linked, people: Mapping[str, str]) -> "Recorded":
        """`people`: readable values by reference. Raises ValueError for a body that is no JSON object."""
        body = json.loads(link.body)
        if not isinstance(body, dict):
            raise ValueError(f"event {link.event_id}: its body is no object")
        return cls(link, readable(body, people))

    @classmethod
    def bare(cls, link: Linked) -> "Recorded":
        """An event of which only its place and its proof are told, because its body cannot be read or is too long to tell."""
        return cls(link, {"kind": "ledger.untold", "outcome": "unknown"})

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def family(self) -> str:
        """'session' of 'session.signed_in'."""
        return self.kind.partition(".")[0]

    @property
    def outcome(self) -> str:
        return str(self.body["outcome"])

    @property
    def severity(self) -> int:
        """0, 4 or 8, as DICOM and FHIR count failures; what Toban does not know is a minor one."""
        return _OUTCOMES.get(self.outcome, 4)

    @property
    def actor(self) -> Mapping[str, Any]:
        return self._object("actor")

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(str(one) for one in self.actor.get("roles") or ())

    @property
    def subject(self) -> Mapping[str, Any]:
        return self._object("subject")

    @property
    def behalf(self) -> Mapping[str, Any]:
        """The person for whom a proxy acted; empty without one, and where he acted himself (which older events name as well)."""
        found = self._object("behalf")
        return {} if (found.get("id") or "") == (self.actor.get("id") or "") else found

    @property
    def detail(self) -> Mapping[str, Any]:
        return self._object("detail")

    def text(self, name: str) -> str:
        """session, address, request, operation or reason; empty where the event has none."""
        return str(self.body.get(name) or "")

    def _object(self, name: str) -> Mapping[str, Any]:
        found = self.body.get(name)
        return found if isinstance(found, dict) else {}
