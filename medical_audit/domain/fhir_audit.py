"""An event as FHIR: AuditEvent of R4B and of R5, and Provenance where a person entered for another or confirmed.

Libraries accept what the standard forbids (an action "X", no agent), so `faults` holds every resource against what we
rely on before it leaves: required elements, closed value sets, instants with a zone.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from medical_audit.domain.audit_codes import DCM, OWN, Code, action_code, event_codes, part_of_actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.recorded import Recorded, legal

Release = Literal["R4B", "R5"]
Resource = dict[str, Any]

_SYSTEMS: Final = {DCM: "http://dicom.nema.org/resources/ontology/DCM", OWN: "urn:toban:audit"}
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
_OBJECT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_SEVERITY = "http://hl7.org/fhir/issue-severity"
_SEVERITIES: Final = {0: "information", 4: "warning", 8: "error", 12: "fatal"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def audit_event(event: Recorded, release: Release) -> Resource:
    """The AuditEvent; raises ValueError naming what is wrong with it, which would be a fault of ours."""
    made: Resource = _legal(_r5(event) if release == "R5" else _r4b(event))
    return _sound(made, faults(made, release), event, release)


def _sound(made: Resource, wrong: list[str], event: Recorded, release: Release) -> Resource:
    if wrong:
        raise ValueError(
            f"event {event.link.event_id} as {made['resourceType']} {release}: {'; '.join(wrong)}"
        )
    return made


def _legal(value: Any) -> Any:
    """With nothing in any text that FHIR forbids there."""
    if isinstance(value, dict):
        return {name: _legal(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_legal(one) for one in value]
    return legal(value) if isinstance(value, str) else value


def provenance(event: Recorded, release: Release) -> Resource | None:
    """Who entered for whom, or who confirmed what; None for other events. Raises ValueError as `audit_event`."""
    part = part_of_actor(event)
    if not part:
        return None
    agent: Resource = {
        "type": {"coding": [{"system": _PARTICIPANT, "code": part}]},
        "who": _who(event, event.actor),
    }
    if event.behalf:
        agent["onBehalfOf"] = _who(event, event.behalf)
    target = {
        "identifier": {"system": "urn:toban:operation", "value": event.text("operation")},
        "display": str(event.subject.get("name") or event.subject.get("id") or ""),
    }
    coded = {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation",
                "code": "CREATE" if part == "enterer" else "UPDATE",
            }
        ]
    }
    made: Resource = {
        "resourceType": "Provenance",
        "id": str(event.link.event_id),
        "target": [target],
        "recorded": utc_text(event.link.event_at),
        "activity": coded,
        "agent": [agent],
    }
    made["occurredDateTime"] = utc_text(event.link.event_at)
    if reason := event.text("reason"):
        made["authorization" if release == "R5" else "reason"] = (
            [{"concept": {"text": reason}}] if release == "R5" else [{"text": reason}]
        )
    if part == "verifier":
        # What was confirmed by whom is bound by the ledger's own hash, not by a signature of FHIR's: so it is named here.
        made["entity"] = [
            {
                "role": "revision",
                "what": {
                    "identifier": {
                        "system": "urn:toban:digest",
                        "value": str(event.detail.get("digest") or event.link.hash.hex()),
                    }
                },
            }
        ]
    made = _legal(made)
    return _sound(made, provenance_faults(made), event, release)


def _r4b(event: Recorded) -> Resource:
    what, exactly = event_codes(event)
    made = _common(event)
    made |= {
        "type": _coding(what),
        "subtype": [_coding(code) for code in exactly],
        "outcome": str(event.severity),
        "recorded": utc_text(event.link.event_at),
        "source": {
            "site": str(event.link.tenant_id),
            "observer": {"display": "Toban", "identifier": {"system": "urn:toban", "value": "toban"}},
            "type": [{"system": _SOURCE_TYPE, "code": "4", "display": "Application Server"}],
        },
    }
    if event.severity:
        made["outcomeDesc"] = _problem(event)
    if reason := event.text("reason"):
        made["purposeOfEvent"] = [{"text": reason}]
    for agent in made["agent"]:
        if address := agent.pop("address", ""):
            agent["network"] = {"address": address, "type": "2"}
    for entity in made["entity"]:
        entity["type"] = {"system": _OBJECT_TYPE, "code": entity.pop("kind")}
        entity["role"] = {"system": _OBJECT_ROLE, "code": entity.pop("part")}
        entity["detail"] = [
            {"type": kind, "valueBase64Binary": _base64(value)} for kind, value in entity.pop("facts")
        ]
        if not entity["detail"]:
            del entity["detail"]
    return made


def _r5(event: Recorded) -> Resource:
    what, exactly = event_codes(event)
    made = _common(event)
    made |= {
        "category": [{"coding": [_coding(what)]}],
        "code": {"coding": [_coding(code) for code in exactly]},
        "occurredDateTime": utc_text(event.link.event_at),
        "recorded": utc_text(event.link.event_at),
        "outcome": {"code": {"system": _SEVERITY, "code": _SEVERITIES[event.severity]}},
        "source": {
            "site": {"identifier": {"system": "urn:toban:tenant", "value": str(event.link.tenant_id)}},
            "observer": {"display": "Toban", "identifier": {"system": "urn:toban", "value": "toban"}},
            "type": [{"coding": [{"system": _SOURCE_TYPE, "code": "4", "display": "Application Server"}]}],
        },
    }
    if event.severity:
        made["outcome"]["detail"] = [{"text": _problem(event)}]
    if reason := event.text("reason"):
        made["authorization"] = [{"text": reason}]
    for agent in made["agent"]:
        if address := agent.pop("address", ""):
            agent["networkString"] = address
        agent.pop("name", None)
    for entity in made["entity"]:
        entity.pop("kind")
        entity.pop("name", None)
        entity["role"] = {"coding": [{"system": _OBJECT_ROLE, "code": entity.pop("part")}]}
        entity["detail"] = [
            {"type": {"text": kind}, "valueBase64Binary": _base64(value)}
            for kind, value in entity.pop("facts")
        ]
        if not entity["detail"]:
            del entity["detail"]
    return made


def _common(event: Recorded) -> Resource:
    """What both releases hold; entities and agents still with names of ours, which each release turns into its own."""
    part = part_of_actor(event)
    agent: Resource = {
        "who": _who(event, event.actor),
        "requestor": True,
        "name": str(event.actor.get("name") or event.actor.get("id") or "unknown"),
    }
    if event.roles:
        agent["role"] = [{"coding": [{"system": "urn:toban:role", "code": role}]} for role in event.roles]
    if part:
        agent["type"] = {"coding": [{"system": _PARTICIPANT, "code": part}]}
    if address := event.text("address"):
        agent["address"] = address
    agents = [agent]
    if event.behalf:
        agents.append(
            {
                "who": _who(event, event.behalf),
                "requestor": False,
                "name": str(event.behalf.get("name") or event.behalf.get("id") or "unknown"),
            }
        )
    subject = event.subject
    facts = [
        ("seq", str(event.link.seq)),
        ("hash", event.link.hash.hex()),
        ("previous", event.link.prev.hex()),
        ("body", event.link.body),
    ]
    entities: list[Resource] = [
        {
            "what": _thing(f"urn:toban:{subject.get('type') or 'unknown'}", subject),
            "kind": "1" if subject.get("type") == "user" else "2",
            "part": "6" if subject.get("type") == "user" else "13" if event.family == "ledger" else "4",
            "name": str(subject.get("name") or subject.get("id") or "unknown"),
            "facts": facts,
        }
    ]
    for name, part_of in (("session", "20"), ("request", "20"), ("operation", "20")):
        if value := event.text(name):
            entities.append(
                {
                    "what": {"identifier": {"system": f"urn:toban:{name}", "value": value}},
                    "kind": "2",
                    "part": part_of,
                    "facts": [],
                }
            )
    if asked := event.detail.get("filter"):
        entities.append({"kind": "2", "part": "24", "facts": [], "query": _base64(repr(asked))})
    return {
        "resourceType": "AuditEvent",
        "id": str(event.link.event_id),
        "action": action_code(event),
        "agent": agents,
        "entity": entities,
    }


def faults(made: Mapping[str, Any], release: Release) -> list[str]:
    """What the standard forbids and libraries let pass, one sentence each."""
    wrong = [f"{name} is missing" for name in _REQUIRED[release] if not made.get(name)]
    if made.get("action") not in ("C", "R", "U", "D", "E"):
        wrong.append(f"action {made.get('action')!r}")
    if not _INSTANT.fullmatch(str(made.get("recorded"))):
        wrong.append(f"recorded {made.get('recorded')!r} is no instant with a zone")
    agents = made.get("agent") or []
    if sum(bool(agent.get("requestor")) for agent in agents) != 1:
        wrong.append("not exactly one requestor")
    if any(not agent.get("who", {}).get("identifier", {}).get("value") for agent in agents):
        wrong.append("an agent without an identifier")
    if len({_identifier(agent.get("who")) for agent in agents}) < len(agents):
        wrong.append("an agent for himself")
    outcome = made.get("outcome")
    if release == "R4B" and outcome not in ("0", "4", "8", "12"):
        wrong.append(f"outcome {outcome!r}")
    if release == "R5" and (
        not isinstance(outcome, dict) or outcome.get("code", {}).get("code") not in _SEVERITIES.values()
    ):
        wrong.append(f"outcome {outcome!r}")
    if any("what" not in entity and "query" not in entity for entity in made.get("entity") or []):
        wrong.append("an entity that is nothing")
    return wrong + _illegal(made)


def provenance_faults(made: Mapping[str, Any]) -> list[str]:
    """The same of a Provenance, which has one shape in both releases but for its reason."""
    wrong = [f"{name} is missing" for name in ("target", "recorded", "agent") if not made.get(name)]
    if not _INSTANT.fullmatch(str(made.get("recorded"))):
        wrong.append(f"recorded {made.get('recorded')!r} is no instant with a zone")
    named = [*(made.get("target") or []), *(agent.get("who", {}) for agent in made.get("agent") or [])]
    if any(not one.get("identifier", {}).get("value") for one in named):
        wrong.append("a target or an agent without an identifier")
    if any(
        _identifier(agent.get("who")) == _identifier(agent.get("onBehalfOf"))
        for agent in made.get("agent") or []
    ):
        wrong.append("an agent for himself")
    if any("what" not in entity for entity in made.get("entity") or []):
        wrong.append("an entity that is nothing")
    return wrong + _illegal(made)


def _identifier(named: Mapping[str, Any] | None) -> object:
    return (named or {}).get("identifier", {}).get("value")


def _illegal(made: object) -> list[str]:
    return [] if _legal(made) == made else ["a text with a character that FHIR forbids"]


_REQUIRED: Final[Mapping[Release, tuple[str, ...]]] = {
    "R4B": ("type", "recorded", "agent", "source", "outcome"),
    "R5": ("code", "recorded", "agent", "source", "outcome", "category"),
}


def _coding(code: Code) -> dict[str, str]:
    return {"system": _SYSTEMS[code.system], "code": code.code, "display": code.meaning}


def _who(event: Recorded, person: Mapping[str, Any]) -> Resource:
    return _thing(f"urn:toban:{event.link.tenant_id}:user", person)


def _thing(system: str, named: Mapping[str, Any]) -> Resource:
    found: Resource = {"identifier": {"system": system, "value": str(named.get("id") or "unknown")}}
    if named.get("name"):
        found["display"] = str(named["name"])
    return found


def _problem(event: Recorded) -> str:
    return str(event.detail.get("problem") or event.detail.get("code") or event.outcome)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode()
