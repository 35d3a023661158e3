"""Ledger events as plain sentences."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from config.saying.fields import field
from config.saying.operations import code_with_detail, sentence_of
from config.saying.prices import price_unit
from config.saying.repositories import removal_word
from config.saying.schedules import finding_text, schedule_reason
from config.saying.seeing import drift_cause
from config.saying.times import day_long
from config.words import audits, databases, events, exports, sentence, states
from config.words.permissions import PERMISSIONS
from config.words.windows import WINDOWS
from medical_audit.domain.kinds import calls_outside


def _body(event: object) -> Mapping[str, Any]:
    # A row of the ledger says it with what can be read of its people; what is exported does so by itself.
    body = field(event, "said", None) or field(event, "body", None)
    if isinstance(body, str):
        body = json.loads(body)
    return body if isinstance(body, Mapping) else {}


def _actor_name(body: Mapping[str, Any]) -> str:
    actor = body.get("actor", {})
    known = states.ACTORS.get(str(actor.get("type")))
    return str(known) if known is not None else str(actor.get("name") or actor.get("id") or "—")


def event_actor(event: object) -> str:
    """Who: a person's name, or Toban itself; with the person whom he entered for."""
    body = _body(event)
    name, behalf = _actor_name(body), body.get("behalf")
    return _("%(actor)s for %(principal)s") % {"actor": name, "principal": behalf["name"]} if behalf else name


def event_sentence(event: object) -> str:
    """One ledger event (its row, with the canonical JSON in `body`) as one plain sentence."""
    body = _body(event)
    subject, detail = body.get("subject", {}), body.get("detail", {})
    kind = str(body.get("kind") or field(event, "kind"))
    name = subject.get("name") or subject.get("id") or "—"
    values = dict(detail) | {
        "actor": event_actor(event),
        "subject": name,
        "operation": sentence_of(
            detail.get("kind") or detail.get("action"), subject.get("name"), subject.get("id")
        ),
        "ends": day_long(detail.get("ends")),
        "as_of": day_long(detail.get("as_of")),
        "problem": code_with_detail(detail.get("problem") or detail.get("code"), detail),
        "reason": _event_reason(body, detail),
        "step": removal_word(detail["step"])
        if kind == "repository.step_done" and "step" in detail
        else detail.get("step", "—"),
        "unit": price_unit(detail.get("resource_kind", "")),
        "window": WINDOWS.get(str(detail.get("window")), "—"),
        "report": str(audits.REPORTS[str(detail["report"])][0])
        if detail.get("report") in audits.REPORTS
        else detail.get("report", "—"),
        "check": databases.CHECKS.get(str(detail.get("check", "")), detail.get("check", "—")),
        "right": str(PERMISSIONS.get(str(detail.get("right")), detail.get("right", "—"))),
        "drift": drift_cause(detail) if kind == "resource.drifted" else "",
    }
    table = (
        events.LOCAL_EVENTS
        if kind in events.LOCAL_EVENTS and not calls_outside(detail.get("kind"))
        else events.EVENTS
    )
    return sentence(table, kind, values).strip()


def _event_reason(body: Mapping[str, Any], detail: Mapping[str, Any]) -> str:
    """A reason that a person typed comes first, then the schedule's reason, then the finding."""
    if body.get("reason"):
        return str(body["reason"])
    if detail.get("because"):
        return schedule_reason(detail["because"])
    return finding_text(detail) if "tag" in detail else ""


def export_name(code: object) -> str:
    """A form of export, "CSV (UTF-8)"."""
    found = exports.FORMATS.get(str(code))
    return str(found.name if found else code)


def export_help(code: object) -> str:
    found = exports.FORMATS.get(str(code))
    return str(found.help) if found else ""


def report_form_help(code: object) -> str:
    """What a report's file of this form is like."""
    return str(exports.REPORT_FORMS.get(str(code)) or export_help(code))


def event_kind_label(kind: object) -> str:
    return str(events.EVENT_KINDS.get(str(kind), kind))


def pretty_json(value: object) -> str:
    """JSON, readable by people; text is parsed first."""
    parsed = json.loads(value) if isinstance(value, str) else value
    return json.dumps(parsed, ensure_ascii=False, indent=2, default=str)


def hexadecimal(value: object) -> str:
    """Bytes of a hash as hex digits; text stays as it is."""
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value or "")
