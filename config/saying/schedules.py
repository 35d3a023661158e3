"""Schedules, reasons and findings in words; each may be a domain object, a row or the JSON of the ledger."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import dates
from django.utils.translation import get_language

from config.saying.fields import field
from config.saying.times import day
from config.words import schedules, sentence
from config.words.operations import CODES


def reason_values(reason: object) -> tuple[str, dict[str, Any]]:
    """Code and values of a domain Reason, of its JSON, or of a bare code; dates in words."""
    if isinstance(reason, str):
        return reason, {}
    if isinstance(reason, Mapping):
        values = dict(reason)
    else:
        params = field(reason, "params", {})
        values = dict(params if isinstance(params, Mapping | Iterable) else {})
    code = str(field(reason, "code"))
    if values.get("day"):
        values["day"] = day(values["day"])
    return code, values


def schedule_reason(reason: object) -> str:
    """Why a resource is on or off, as one sentence; nothing for no reason."""
    if not reason:
        return ""
    code, values = reason_values(reason)
    return sentence(schedules.REASONS, code, values)


def schedule_reason_short(reason: object) -> str:
    """The same in a few words, for a table cell."""
    if not reason:
        return ""
    code, values = reason_values(reason)
    return sentence(schedules.REASONS_SHORT, code, values)


def schedule_sentence(schedule: object) -> str:
    """The standing rule: "Starts at 08:30 on working days and stops at 19:00."; nothing for no schedule."""
    start, stop = field(schedule, "start", None), field(schedule, "stop", None)
    text = schedules.SCHEDULES.get((bool(start), bool(stop)))
    if text is None:
        return ""
    return str(text) % {
        "start": start,
        "stop": stop,
        "days": weekdays(field(schedule, "weekdays", range(5))),
    }


def weekdays(numbers: Iterable[int]) -> str:
    """Days of the week (0 is Monday) in words."""
    chosen = sorted(numbers)
    if chosen == list(range(7)):
        return str(schedules.EVERY_DAY)
    if chosen == list(range(5)):
        return str(schedules.WORKING_DAYS)
    return ("・" if get_language() == "ja" else ", ").join(
        str(dates.WEEKDAYS_ABBR[number]) for number in chosen
    )


def is_tag_finding(finding: object) -> bool:
    """Whether a corrected tag mends it; what AWS itself cannot do is found as well."""
    return str(field(finding, "code")) in schedules.FINDINGS


def finding_state(finding: object) -> str:
    """The badge of a finding, a key of PROBLEM_STATES."""
    return "finding" if is_tag_finding(finding) else "unsupported"


def finding_text(finding: object) -> str:
    """What is wrong with a tag, or why a schedule cannot be kept, as one sentence."""
    values = {name: field(finding, name) for name in ("tag", "value", "suggestion")}
    table = schedules.FINDINGS if is_tag_finding(finding) else CODES
    return sentence(table, str(field(finding, "code")), values)


def day_sentence(reason: object) -> str:
    """What kind of day it is and what that means for schedules."""
    code, values = reason_values(reason)
    return sentence(schedules.DAY_SENTENCES, code, values)


def day_kind(reason: object) -> str:
    """The kind of a day in a word."""
    code, values = reason_values(reason)
    return sentence(schedules.DAY_KINDS, code, values)
