"""Schedules, reasons and findings in words; each may be a domain object, a row or the JSON of the ledger."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.utils import dates
from django.utils.translation import get_language

from config.saying.fields import field
from config.saying.times import day, day_long, jst
from config.words import schedules, sentence
from config.words.codes import CODES
from infra.domain.content import PERIOD_KEYS, read_period
from infra.domain.days import DAY_NAMES, DayRule
from infra.domain.schedule import Period
from infra.domain.week import DAY_MINUTES, Block, Mark


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
    values |= {name: jst(values[name]) for name in ("until", "since") if values.get(name)}
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
    periods = list(field(schedule, "periods", None) or ())
    if not periods:
        return ""
    only = periods[0]
    if len(periods) == 1 and only.days.weekly and (only.one_sided or only.stop_every_day):
        return str(schedules.SCHEDULES[only.begin is not None, only.end is not None]) % {
            "start": only.begin,
            "stop": only.end,
            "days": days_words(only.days),
        }
    return str(schedules.RUNS) % {"periods": _listed([period_words(one) for one in periods])}


def period_words(period: Period) -> str:
    """Days and hours of one period: "working days 08:30–19:00"."""
    overnight = period.begin is not None and period.end is not None and period.end < period.begin
    hours = (
        schedules.OVERNIGHT
        if overnight
        else schedules.HOURS[period.begin is not None, period.end is not None]
    )
    return f"{days_words(period.days)} {str(hours) % {'begin': period.begin, 'end': period.end}}"


def days_words(rule: DayRule) -> str:
    """Which dates a period is for, in words."""
    parts = []
    if rule.weekdays is not None:
        if rule.weekdays or not (rule.nth or rule.last):
            parts.append(weekdays(rule.weekdays))
        for number, nth in sorted(rule.nth, key=lambda one: (one[1], one[0])):
            parts.append(str(schedules.ORDINALS[nth]) % {"weekday": _weekday(number)})
        parts += [str(schedules.LAST_WEEKDAY) % {"weekday": _weekday(number)} for number in sorted(rule.last)]
    if rule.monthdays is not None:
        if rule.monthdays:
            parts.append(
                str(schedules.MONTHDAY) % {"days": _listed([str(one) for one in sorted(rule.monthdays)])}
            )
        parts += [str(schedules.NEAREST) % {"day": one} for one in sorted(rule.nearest)]
        parts += [str(schedules.LAST_DAY)] if rule.last_day else []
    words = _listed(parts) if parts else str(schedules.EVERY_DAY)
    if rule.months is None:
        return words
    months = _listed([str(dates.MONTHS[number]) for number in sorted(rule.months)])
    return f"{words} {str(schedules.IN_MONTHS) % {'months': months}}"


def _weekday(number: int) -> str:
    return str(dates.WEEKDAYS[number])


def _listed(words: list[str]) -> str:
    return ("、" if get_language() == "ja" else ", ").join(words)


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


def problem_words(problem: object) -> str:
    """What is wrong at a field of a schedule, and how to put it right."""
    code, params = str(field(problem, "code")), dict(field(problem, "params", ()) or ())
    values = {"field": field(problem, "path"), "value": field(problem, "value"), **params}
    text = schedules.PROBLEMS.get(code)
    if text is None:
        cure = f" {str(schedules.TIME_CURE) % values}" if params.get("suggestion") else ""
        return f"{str(schedules.TIME_PROBLEM) % values}{cure}"
    return str(text) % values


def difference_words(one: Mapping[str, Any]) -> str:
    """One difference of two contents of a schedule, or of two calendars."""
    values = dict(one)
    if values.get("day"):
        values["day"] = day_long(date.fromisoformat(str(values["day"])))
    if "period" in str(one["code"]):
        read = read_period({key: one.get(key) for key in PERIOD_KEYS}, "period", [])
        values["period"] = period_words(read[0]) if read else ""
    if one["code"] == "option_changed":
        values |= {name: _option_value(one[name]) for name in ("before", "after")}
        values["option"] = option_label(one["option"])
    return str(schedules.DIFFERENCES[str(one["code"])]) % values


def _option_value(value: object) -> str:
    if isinstance(value, bool):
        return str(schedules.YES if value else schedules.NO)
    return (", ".join(value) or "—") if isinstance(value, list) else str(value)


def option_label(name: object) -> str:
    return str(schedules.OPTIONS[str(name)][0])


def option_help(name: object) -> str:
    return str(schedules.OPTIONS[str(name)][1])


def weekday_name(number: int) -> str:
    """The whole name of a weekday, 0 is Monday."""
    return _weekday(number)


def weekday_initials(number: int) -> str:
    """The short name of a weekday, 0 is Monday."""
    return str(dates.WEEKDAYS_ABBR[number])


def minutes_clock(minutes: int) -> str:
    """Minutes of a day as a clock shows them, 1440 as 24:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def percent_of_day(minutes: int) -> str:
    """Minutes as a share of 24 hours, for a drawing; the same in every language."""
    return f"{minutes * 100 / DAY_MINUTES:.3f}"


def block_words(block: Block) -> str:
    """One block of a week in words: "08:30–19:00", or what comes only sometimes as its rule."""
    if block.period is not None and not block.from_before:
        return period_words(block.period)
    table = {Mark.ALONE: schedules.ALONE, Mark.SOMETIMES: schedules.SOMETIMES}.get(
        block.mark, schedules.BLOCKS
    )
    whole = block.length == DAY_MINUTES
    text = table["whole"] if whole else table[block.from_before, block.goes_on]
    return str(text) % {"begin": minutes_clock(block.begin), "end": minutes_clock(block.end)}


def preset_words(name: str) -> str:
    """What a new schedule may begin with."""
    return str(schedules.PRESETS[name])


def weekday_short(name: str) -> str:
    """The short name of a weekday that the grammar calls mon, tue, ..."""
    return str(dates.WEEKDAYS_ABBR[DAY_NAMES.index(name)])


def override_words(one: object) -> str:
    """What an override holds: "kept running"."""
    return str(schedules.OVERRIDES[str(field(one, "kind")), str(field(one, "wish"))])


def source_words(source: object) -> str:
    """Where the schedule of a resource comes from."""
    return str(schedules.FOLLOWED[str(source)])


def following_words(source: object) -> str:
    """The same of a number of resources."""
    return str(schedules.FOLLOWING[str(source)])


def end_word(key: str) -> str:
    return str(schedules.ENDS[key])


def list_source(source: object) -> str:
    return str(schedules.LIST_SOURCES[str(source)])


def list_state(state: object) -> str:
    return str(schedules.LIST_STATES[str(state)])


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
