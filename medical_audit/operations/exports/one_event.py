"""One event in a form that other programs read, as its page and the API show it."""

import json
from xml.etree import ElementTree

from medical_audit.domain import dicom_audit, fhir_audit
from medical_audit.operations.exports.files import event_line, seal_line
from medical_audit.operations.reading import EventView

#: What an event can be looked at as.
FORMS = ("sentence", "raw", "dicom", "fhir", "proof")


def in_form(seen: EventView, form: str) -> str:
    """The event as raw JSON, DICOM, FHIR (R4B and R5) or with its proof; "" for the sentence and before its transaction has ended."""
    event = seen.recorded
    if event is None:
        return ""
    match form:
        case "raw":
            return json.dumps(event_line(event) | {"body": event.body}, ensure_ascii=False, indent=2)
        case "dicom":
            element = ElementTree.fromstring(dicom_audit.message(event))  # noqa: S314  made by ourselves just now  # nosec B314
            ElementTree.indent(element)
            return ElementTree.tostring(element, encoding="unicode")
        case "fhir":
            made: list[object] = []
            for release in ("R4B", "R5"):
                made += [fhir_audit.audit_event(event, release), fhir_audit.provenance(event, release)]
            return "\n\n".join(json.dumps(one, ensure_ascii=False, indent=2) for one in made if one)
        case "proof":
            lines: list[object] = [] if seen.seal is None else [seal_line(seen.seal)]
            line: dict[str, object] = {"event": event_line(event)}
            if seen.seal is not None:
                line |= {"seal": seen.seal.number, "path": [step.hex() for step in seen.path]}
            return "\n".join(json.dumps(one, ensure_ascii=False) for one in [*lines, line])
    return ""
