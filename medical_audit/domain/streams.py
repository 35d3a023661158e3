"""Where the ledger goes as it grows: the receivers that the platform's settings name, and what they are sent.

A message is one of DICOM's inside one of syslog's (RFC 5424), its length before it (RFC 5425), as IHE's ITI-20 asks:
facility 10, MSGID IHE+RFC-3881.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from medical_audit.domain import dicom_audit
from medical_audit.domain.anchoring import Payload
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.chain import Linked
from medical_audit.domain.recorded import Recorded

#: What every receiver of DICOM audit messages must take (PS3.15 A.6).
LONGEST_MESSAGE = 32_768
_FACILITY, _NOTICE, _WARNING = 10, 5, 4
_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_KNOWN = {"name", "host", "port", "tenants", "ca_file", "certificate_file", "key_file", "closing"}
#: How a receiver shows that it has read to the end (RFC 5425 §4.4): it answers our closing, or only ends the connection.
CLOSINGS: Final = ("answered", "ended")


@dataclass(frozen=True, slots=True)
class Destination:
    """`tenants`: None for all, with the platform's own chain. `ca_file`: "" trusts the machine's own list."""

    name: str
    host: str
    port: int
    tenants: frozenset[UUID] | None
    ca_file: str
    certificate_file: str
    key_file: str
    closing: str

    def takes(self, tenant_id: UUID) -> bool:
        return self.tenants is None or tenant_id in self.tenants

    def duty_of(self, tenant_id: UUID) -> str:
        """Under which name it is kept how far a tenant's events have gone there."""
        return f"stream:{self.name}:{tenant_id}"

    @property
    def seals_duty(self) -> str:
        return f"stream:{self.name}:seals"


def read_destinations(text: str) -> tuple[Destination, ...]:
    """The receivers of a TOML file with [[stream]] tables; raises ValueError with what is wrong and where."""
    content = tomllib.loads(text)
    if set(content) - {"stream"} or not isinstance(content.get("stream", []), list):
        raise ValueError("write one [[stream]] table for each receiver, and nothing else")
    found = tuple(_read(one) for one in content.get("stream", []))
    names = [one.name for one in found]
    if len(set(names)) != len(names):
        raise ValueError("two streams have the same name: how far each has gone is kept by name")
    return found


def _read(given: Mapping[str, Any]) -> Destination:
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("each stream needs a name of small letters, digits and hyphens, at most 20")
    if unknown := sorted(set(given) - _KNOWN):
        raise ValueError(
            f"stream {name}: {', '.join(unknown)} is not known. There are: {', '.join(sorted(_KNOWN))}"
        )
    host, port = given.get("host"), given.get("port", 6514)
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise ValueError(f"stream {name}: host must be a host name or an address, without a scheme")
    if not isinstance(port, int) or not 0 < port < 65536:
        raise ValueError(f"stream {name}: port must be a number from 1 to 65535")
    files = {key: given.get(key, "") for key in ("ca_file", "certificate_file", "key_file")}
    for key, file in files.items():
        if not isinstance(file, str) or (file and not Path(file).is_absolute()):
            raise ValueError(f"stream {name}: {key} must be an absolute path")
    if bool(files["certificate_file"]) != bool(files["key_file"]):
        raise ValueError(f"stream {name}: certificate_file and key_file belong together")
    closing = given.get("closing", CLOSINGS[0])
    if closing not in CLOSINGS:
        raise ValueError(f"stream {name}: closing is {' or '.join(CLOSINGS)}")
    return Destination(name, host, port, _tenants(name, given.get("tenants")), closing=closing, **files)


def _tenants(name: str, given: object) -> frozenset[UUID] | None:
    if given == "all":
        return None
    try:
        if not isinstance(given, list) or not given:
            raise ValueError
        return frozenset(UUID(str(one)) for one in given)
    except ValueError as error:
        raise ValueError(
            f'stream {name}: tenants must be "all" or a list of tenants\' ids, as audit_verify prints them'
        ) from error


def event_frame(event: Recorded, *, machine: str) -> bytes:
    """One event for the wire. One that is too long for a receiver goes without its body, whose hash it still bears, and where
    that is not enough with nothing but its place and proof: what a receiver refuses would keep everything behind it away."""
    frame = b""
    for told, whole in ((event, True), (event, False), (Recorded.bare(event.link), False)):
        severity = _WARNING if told.severity else _NOTICE
        frame = _frame(dicom_audit.message(told, whole=whole), event.link.event_at, severity, machine)
        if len(frame) <= LONGEST_MESSAGE:
            break
    return frame


def link_frame(link: Linked, people: Mapping[str, str], *, machine: str) -> bytes:
    """The same of an event as it stands in the chain, with what can be read of its people; of one whose body nobody can read,
    its place and proof."""
    try:
        return event_frame(Recorded.of(link, people), machine=machine)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return event_frame(Recorded.bare(link), machine=machine)


def seal_frame(payload: Payload, at: datetime, *, machine: str) -> bytes:
    """One seal for the wire: the same line that an anchor holds, without the heads where they would be too long."""
    frame = _frame(dicom_audit.seal_message(payload, at), at, _NOTICE, machine)
    if len(frame) > LONGEST_MESSAGE:
        bare = Payload(payload.number, payload.note, ())
        return _frame(dicom_audit.seal_message(bare, at), at, _NOTICE, machine)
    return frame


def _frame(message: str, at: datetime, severity: int, machine: str) -> bytes:
    host = re.sub(r"[^\x21-\x7e]", "-", machine)[:255] or "-"
    header = f"<{_FACILITY * 8 + severity}>1 {utc_text(at)} {host} toban ledger IHE+RFC-3881 - "
    line = header.encode("ascii") + _BOM + b'<?xml version="1.0" encoding="UTF-8"?>' + message.encode("utf-8")
    return str(len(line)).encode("ascii") + b" " + line
