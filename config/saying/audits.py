"""What is unusual, and how the clocks stand, in words."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from config.saying.codes import role_list
from config.saying.fields import field
from config.saying.ledger import event_kind_label
from config.saying.operations import operation_label
from config.saying.people import decision_label
from config.saying.times import jst_exact, number
from config.words import _Params, sentence
from config.words import audits as words


def rule_label(code: object) -> str:
    """The short name of a rule."""
    return str(words.RULES[str(code)][0]) if str(code) in words.RULES else str(code)


def rule_reason(code: object) -> str:
    """Why a reviewer should look at what a rule finds."""
    return str(words.RULES[str(code)][2]) if str(code) in words.RULES else ""


def anomaly_sentence(row: object) -> str:
    """One finding as one sentence."""
    found = words.RULES.get(str(field(row, "rule")))
    if found is None:
        return str(field(row, "rule"))
    figures = {
        name: number(value) if isinstance(value, int) else value
        for name, value in dict(field(row, "figures", {})).items()
    }
    told = words.ON_A_DAY_OFF if figures.get("day") else found[1]
    return str(told) % _Params({"person": field(row, "person_name") or "—"} | figures)


def limit_label(name: object) -> str:
    """The name of a threshold."""
    return str(words.LIMITS.get(str(name), name))


def clock_problem(code: object) -> str:
    return str(words.CLOCK_PROBLEMS.get(str(code), code))


def millis(value: object) -> str:
    """A difference in whole milliseconds, signed; what was not measured is a dash."""
    return _("%(value)s ms") % {"value": f"{value:+,d}"} if isinstance(value, int) else "—"


def report_label(name: object) -> str:
    return str(words.REPORTS[str(name)][0]) if str(name) in words.REPORTS else str(name)


def report_help(name: object) -> str:
    return str(words.REPORTS[str(name)][1]) if str(name) in words.REPORTS else ""


def column_label(name: object) -> str:
    """The name of a report's column or count."""
    return str(words.COLUMNS.get(str(name), name))


def report_cell(value: object, kind: str) -> str:
    """One cell of a report, as its column says."""
    if value is None or value in ("", []):
        return "—"
    shown: Mapping[str, Callable[[Any], str]] = {
        "number": lambda value: str(number(value)),
        "moment": jst_exact,
        "roles": role_list,
        "operation": operation_label,
        "event": event_kind_label,
        "decision": decision_label,
        "millis": millis,
        "minutes": lambda minutes: _("%(n)s min") % {"n": f"{minutes:,.1f}"},
        "yes": lambda is_so: str(_("yes")) if is_so else "—",
    }
    return shown.get(kind, str)(value)


def in_language(texts: Mapping[str, str], code: str) -> str:
    """One text of data that is kept in both languages."""
    return texts.get(code) or texts.get("ja", "")


def evidence_sentence(evidence: object) -> str:
    """What is so now, as one sentence."""
    figures = {name: number(value) for name, value in dict(field(evidence, "figures", {})).items()}
    return sentence(words.EVIDENCE, str(field(evidence, "kind")), figures)
