"""The auditors' windows: names, columns and values in words."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from config.saying.audits import rule_label
from config.saying.channels import channel_kind, wanted_word
from config.saying.codes import action_label, kind_label, permission_label, role_label, state_word
from config.saying.fields import field
from config.saying.operations import code_text, operation_label, policy_text
from config.saying.people import account_kind, decision_label, reissue_label
from config.saying.times import day_long
from config.words import events, exports, states
from config.words.schedules import LIST_SOURCES, OVERRIDES
from config.words.window_fields import FIELDS
from config.words.windows import APPS, WINDOWS


def _state(family: str) -> Callable[[object], str]:
    return lambda code: state_word(code, family)


#: What says a value, by model.field, else by field; other texts are shown as they are.
_SAID: Final[Mapping[str, Callable[[object], str]]] = {
    "event.kind": lambda code: str(events.EVENT_KINDS.get(str(code), code)),
    "event.outcome": _state("outcome"),
    "operation.state": _state("operation"),
    "operation.kind": operation_label,
    "operation.outcome": code_text,
    "operation.entered_by_type": lambda code: str(states.ACTORS.get(str(code)) or kind_label(code)),
    "event.actor_type": lambda code: str(states.ACTORS.get(str(code)) or kind_label(code)),
    "subject_type": kind_label,
    "target_type": kind_label,
    "operation_kind": operation_label,
    "confirmpolicy.kind": operation_label,
    "delegation.kinds": operation_label,
    "policy": policy_text,
    "policy_role": role_label,
    "role": role_label,
    "memberterms.kind": account_kind,
    "admission.kind": account_kind,
    "invitation.reissues": reissue_label,
    "decision": decision_label,
    "permissions": permission_label,
    "end": _state("session"),
    "anomaly.rule": rule_label,
    "reviewitem.verdict": _state("review"),
    "verificationrun.verdict": _state("verdict"),
    "export.state": _state("export"),
    "export.format": lambda code: str(exports.FORMATS[str(code)].name),
    "clockreading.state": _state("clock"),
    "noticedelivery.state": _state("delivery"),
    "awsaccount.automation": _state("account"),
    "region.looking": _state("looking"),
    "resource.state": _state("resource"),
    "override.wish": _state("resource"),
    "override.kind": lambda code: (
        str(OVERRIDES.get((str(code), "any"), code)) if code != "override" else kind_label(code)
    ),
    "scope": kind_label,
    "next_action": action_label,
    "holidaylist.source": lambda code: str(LIST_SOURCES.get(str(code), code)),
    "holidayfeed.source": lambda code: str(LIST_SOURCES.get(str(code), code)),
    "resource.kind": kind_label,
    "price.kind": kind_label,
    "channel.kind": channel_kind,
    "channel.state": _state("channel"),
    "channel.problem": code_text,
    "channel.wanted": wanted_word,
    "dispatch.state": _state("dispatch"),
    "dispatch.event_kind": wanted_word,
    "dispatch.outcome": code_text,
    "volume.state": _state("volume"),
    "ticket.state": _state("ticket"),
    "repository.state": _state("repository"),
    "syncrun.state": _state("repository"),
    "delivery.verdict": _state("repository"),
    "inventory_problem": code_text,
}


def window_label(code: object) -> str:
    """The name of a window, by app.model."""
    return str(WINDOWS.get(str(code), code))


def window_app(label: object) -> str:
    return str(APPS.get(str(label), label))


def column_name(key: object) -> str:
    """The name of a column (model.field)."""
    return str(FIELDS.get(str(key).partition(".")[2], key))


def value_word(value: object, key: str) -> str:
    """A value of a column in words; nothing is a dash."""
    if value is None or value in ("", [], {}):
        return state_word("", "session") if key == "visit.end" else "—"
    if isinstance(value, bool) or value in ("True", "False"):
        return pgettext("answer", "Yes") if value in (True, "True") else pgettext("answer", "No")
    said = _SAID.get(key) or _SAID.get(key.partition(".")[2])
    if said is not None:
        return "、".join(map(said, value)) if isinstance(value, list) else said(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, date) and not isinstance(value, datetime):
        return day_long(value)
    return (
        ", ".join(map(str, value)) if isinstance(value, list) and not any(map(_nested, value)) else str(value)
    )


def _nested(value: object) -> bool:
    return isinstance(value, dict | list)


def option_word(option: object, _name: object = "") -> str:
    """One choice of a window's filter."""
    return value_word(field(option, "value"), str(field(option, "key")))


#: Columns that name an operation.
_OPERATIONS: Final = frozenset(
    {
        "operation",
        "operation_id",
        "review_operation",
        "published_operation",
        "automation_operation",
        "ended_operation",
        "corrects",
    }
)


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def cell_form(cell: Any) -> str:
    """How a value is shown: moment, operation (a link to it), code (structured, as it is stored) or text."""
    value, name = cell.value, str(cell.key).partition(".")[2]
    if isinstance(value, datetime):
        return "moment"
    if name in _OPERATIONS and _is_id(value):
        return "operation"
    if (isinstance(value, dict) and value) or (isinstance(value, list) and any(map(_nested, value))):
        return "code"
    return "body" if name in ("body", "note") and value else "text"


def stored(value: object) -> str:
    """A structured value, readable by people; texts that hold JSON are parsed first."""
    parsed = value
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError:
            return value
    return json.dumps(parsed, ensure_ascii=False, indent=2, default=str)


def period_word(parts: tuple[int, ...]) -> str:
    """2026, 2026/11, 11/30."""
    match parts:
        case (year,):
            return str(year)
        case (year, month):
            return f"{year}/{month}"
        case (_year, month, day):
            return f"{month}/{day}"
    return _("All")
