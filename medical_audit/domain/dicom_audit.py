"""An event as a DICOM audit message (PS3.15 A.5.1): one XML element, valid against the standard's schema.

What a person or a process wrote, and the proof, stand as base64 in ParticipantObjectDetail, as the standard asks, so that
nothing in them can be taken for markup.
"""

import base64
from datetime import datetime
from xml.etree import ElementTree

from medical_audit.domain.anchoring import Payload
from medical_audit.domain.audit_codes import (
    DESTINATION_ROLE,
    LOG_USED,
    OWN,
    SOURCE_ROLE,
    Code,
    action_code,
    event_codes,
    part_of_actor,
)
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.recorded import Recorded, legal

#: Which part of Toban reports: an application server (PS3.15, Audit Source Type Code).
_SOURCE_TYPE = "4"
_SOURCE = "toban"
_LOG = "Security Audit Log"
_URI, _NODE = Code("12", "RFC-3881", "URI"), Code("11", "RFC-3881", "User Identifier")
_SEARCH = Code("10", "RFC-3881", "Search Criteria")
#: Participant object: type 1 person, 2 system object; roles of PS3.15.
_PERSON, _THING = "1", "2"
_USER, _SECURITY_RESOURCE, _JOB, _QUERY, _MASTER_FILE = "6", "13", "20", "24", "5"
_LIFECYCLE = {"C": "1", "R": "6", "U": "3", "D": "14"}


def message(event: Recorded, *, whole: bool = True) -> str:
    """The message as one line of XML without a declaration; not `whole`: without the event's own text, which may be long."""
    root = ElementTree.Element("AuditMessage")
    _identification(root, event)
    _participants(root, event)
    source = ElementTree.SubElement(
        root,
        "AuditSourceIdentification",
        {"AuditEnterpriseSiteID": str(event.link.tenant_id), "AuditSourceID": _SOURCE},
    )
    ElementTree.SubElement(source, "AuditSourceTypeCode", {"csd-code": _SOURCE_TYPE})
    _subject(root, event, whole=whole)
    if whole:
        _question(root, event)
    if session := event.text("session"):
        _object(root, _NODE, session, _THING, _JOB, name="session")
    return _line(root)


def seal_message(payload: Payload, at: datetime) -> str:
    """A seal as a message: the use of the audit log by its own sealer, with the line that an anchor holds."""
    root = ElementTree.Element("AuditMessage")
    found = ElementTree.SubElement(
        root,
        "EventIdentification",
        {"EventActionCode": "E", "EventDateTime": utc_text(at), "EventOutcomeIndicator": "0"},
    )
    ElementTree.SubElement(found, "EventID", _coded(LOG_USED))
    ElementTree.SubElement(found, "EventTypeCode", _coded(Code("ledger.sealed", OWN, "ledger.sealed")))
    _participant(root, {"UserID": "toban/sealer", "UserIsRequestor": "true"}, [])
    source = ElementTree.SubElement(root, "AuditSourceIdentification", {"AuditSourceID": _SOURCE})
    ElementTree.SubElement(source, "AuditSourceTypeCode", {"csd-code": _SOURCE_TYPE})
    _object(
        root, _URI, f"urn:toban:seal:{payload.number}", _THING, _SECURITY_RESOURCE, name=_LOG,
        details={"number": str(payload.number), "seal": payload.text()},
    )  # fmt: skip
    return _line(root)


def _line(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode").replace("\n", "&#10;").replace("\r", "&#13;")


def _identification(root: ElementTree.Element, event: Recorded) -> None:
    what, exactly = event_codes(event)
    found = ElementTree.SubElement(
        root,
        "EventIdentification",
        {
            "EventActionCode": action_code(event),
            "EventDateTime": utc_text(event.link.event_at),
            "EventOutcomeIndicator": str(event.severity),
        },
    )
    ElementTree.SubElement(found, "EventID", _coded(what))
    for code in exactly:
        ElementTree.SubElement(found, "EventTypeCode", _coded(code))
    if event.severity:
        said = str(event.detail.get("problem") or event.detail.get("code") or event.outcome)
        ElementTree.SubElement(found, "EventOutcomeDescription").text = legal(said)


def _participants(root: ElementTree.Element, event: Recorded) -> None:
    part = part_of_actor(event)
    roles = [Code(role, OWN, role) for role in (part, *event.roles) if role]
    if event.kind.endswith(".exported"):
        roles.insert(0, DESTINATION_ROLE)
    person = {
        "UserID": f"{event.link.tenant_id}/{event.actor.get('id') or 'unknown'}",
        "UserName": str(event.actor.get("name") or ""),
        "UserIsRequestor": "true",
    }
    if address := event.text("address"):
        person |= {"NetworkAccessPointID": address, "NetworkAccessPointTypeCode": "2"}
    _participant(root, person, roles)
    if event.behalf:
        principal = {
            "UserID": f"{event.link.tenant_id}/{event.behalf.get('id') or 'unknown'}",
            "UserName": str(event.behalf.get("name") or ""),
            "UserIsRequestor": "false",
        }
        _participant(root, principal, [Code("principal", OWN, "principal")])
    if event.kind.endswith(".exported"):
        _participant(root, {"UserID": _SOURCE, "UserIsRequestor": "false"}, [SOURCE_ROLE])


def _participant(root: ElementTree.Element, attributes: dict[str, str], roles: list[Code]) -> None:
    cleaned = {name: legal(value) for name, value in attributes.items()}
    found = ElementTree.SubElement(root, "ActiveParticipant", cleaned)
    for role in roles:
        ElementTree.SubElement(found, "RoleIDCode", _coded(role))


def _subject(root: ElementTree.Element, event: Recorded, *, whole: bool) -> None:
    kind, identity = str(event.subject.get("type") or "unknown"), str(event.subject.get("id") or "unknown")
    details = {
        "event": str(event.link.event_id),
        "seq": str(event.link.seq),
        "hash": event.link.hash.hex(),
        "previous": event.link.prev.hex(),
        "operation": event.text("operation"),
        "request": event.text("request"),
        "reason": event.text("reason") if whole else "",
        "body": event.link.body if whole else "",
    }
    is_person = kind == "user"
    role = _USER if is_person else _SECURITY_RESOURCE if event.family == "ledger" else _MASTER_FILE
    name = _LOG if event.family == "ledger" else str(event.subject.get("name") or "") or identity
    found = _object(
        root,
        _NODE if is_person else _URI,
        identity if is_person else f"urn:toban:{event.link.tenant_id}:{kind}:{identity}",
        _PERSON if is_person else _THING,
        role,
        name=name,
        details=details,
    )
    if action_code(event) in _LIFECYCLE:
        found.set("ParticipantObjectDataLifeCycle", _LIFECYCLE[action_code(event)])


def _question(root: ElementTree.Element, event: Recorded) -> None:
    """What a search of the ledger asked for."""
    if asked := event.detail.get("filter"):
        text = repr(sorted(asked.items())) if isinstance(asked, dict) else str(asked)
        _object(root, _SEARCH, "filter", _THING, _QUERY, query=text)


def _object(
    root: ElementTree.Element, id_type: Code, identity: str, of_type: str, role: str, *, name: str = "", query: str = "",
    details: dict[str, str] | None = None,
) -> ElementTree.Element:  # fmt: skip
    found = ElementTree.SubElement(
        root,
        "ParticipantObjectIdentification",
        {
            "ParticipantObjectID": legal(identity),
            "ParticipantObjectTypeCode": of_type,
            "ParticipantObjectTypeCodeRole": role,
        },
    )
    ElementTree.SubElement(found, "ParticipantObjectIDTypeCode", _coded(id_type))
    if query:
        ElementTree.SubElement(found, "ParticipantObjectQuery").text = _base64(query)
    else:
        ElementTree.SubElement(found, "ParticipantObjectName").text = legal(name)
    for kind, value in (details or {}).items():
        if value:
            ElementTree.SubElement(found, "ParticipantObjectDetail", {"type": kind, "value": _base64(value)})
    return found


def _coded(code: Code) -> dict[str, str]:
    return {
        "csd-code": legal(code.code),
        "codeSystemName": code.system,
        "originalText": legal(code.meaning),
    }


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode()
