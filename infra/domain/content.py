"""The content of a schedule as plain JSON, and back: read strictly, each fault named at its field.

Form: {"zone", "periods": [{"name", "begin", "end", "weekdays", "monthdays", "months"}], "options": {...}}. Times are
HH:MM or null, days are texts of infra.domain.days or null for every. The canonical form has every key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from infra.domain.days import BadDays, DayRule, as_text, read_days
from infra.domain.findings import shown
from infra.domain.schedule import OPTION_NAMES, Action, Options, Period, Schedule
from infra.domain.times import BadTime, ClockTime, UnknownZone, load_zone, parse_clock

PERIODS_MAX, NAME_MAX = 50, 100
GRACE_MIN, GRACE_MAX = 1, 360
PERIOD_KEYS = ("name", "begin", "end", "weekdays", "monthdays", "months")
DAY_KEYS = ("weekdays", "monthdays", "months")
WINDOWS_MAX = 20
#: What AWS lets a maintenance window be called (MaintenanceWindowName); an id has the same shape.
_WINDOW_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}", re.ASCII)
LOOKED_AHEAD_DAYS = 2 * 366


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong at one field: path such as "periods.0.begin", a code for words, the value as found."""

    path: str
    code: str
    value: str = ""
    params: tuple[tuple[str, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A schedule, its canonical JSON, and what a person should think about although it is allowed."""

    schedule: Schedule
    canonical: dict[str, Any]
    warnings: tuple[FieldProblem, ...] = ()


def read_content(data: object, *, today: date | None = None) -> Content | tuple[FieldProblem, ...]:
    """Read a content strictly; every problem is given, not only the first. With `today`, periods that never come are
    warned of."""
    if not isinstance(data, Mapping):
        return (FieldProblem("", "not_an_object", shown(repr(data))),)
    problems = list(_unknown_keys("", data, ("zone", "periods", "options")))
    zone = _read_zone(data.get("zone"), problems)
    periods = _read_periods(data.get("periods"), problems)
    options = _read_options(data.get("options", {}), problems)
    if problems:
        return tuple(problems)
    schedule = Schedule(zone, tuple(period for period, _ in periods), options)
    canonical = {
        "zone": zone,
        "periods": [texts for _, texts in periods],
        "options": _plain(options),
    }
    return Content(schedule, canonical, tuple(_warnings(schedule, today)))


def _plain(options: Options) -> dict[str, Any]:
    return asdict(options) | {"maintenance_windows": list(options.maintenance_windows)}


#: What an option is where a content (from before there was that option) does not say.
UNSAID = _plain(Options())


def schedule_of_content(canonical: Mapping[str, Any]) -> Schedule:
    """The schedule of a stored content; one that does not read any more is a ValueError."""
    content = read_content(canonical)
    if isinstance(content, tuple):
        raise ValueError(f"stored content: {content[0].path} {content[0].code}")
    return content.schedule


def read_period(
    data: object, path: str, problems: list[FieldProblem]
) -> tuple[Period, dict[str, Any]] | None:
    """Read one period and its canonical texts, or add to the problems. Equal times are read: they never run."""
    if not isinstance(data, Mapping):
        problems.append(FieldProblem(path, "not_an_object", shown(repr(data))))
        return None
    before = len(problems)
    problems += _unknown_keys(f"{path}.", data, PERIOD_KEYS)
    name = data.get("name") or ""
    if not isinstance(name, str) or len(name) > NAME_MAX or not name.isprintable():
        problems.append(FieldProblem(f"{path}.name", "bad_name", shown(str(name))))
    begin = _read_clock(data.get("begin"), f"{path}.begin", problems, end=False)
    end = _read_clock(data.get("end"), f"{path}.end", problems, end=True)
    days = read_rule(data, path, problems)
    if len(problems) > before:
        return None
    rule, texts = days or (DayRule(), {})
    plain = {"name": name, "begin": _text(begin), "end": _text(end), **texts}
    return Period(begin, end, rule, name), plain


def read_rule(
    data: Mapping[str, Any], path: str, problems: list[FieldProblem]
) -> tuple[DayRule, dict[str, str | None]] | None:
    """Read the three day rules of a period, or add to the problems which part cannot be read."""
    texts: dict[str, str | None] = {}
    good = True
    for key in DAY_KEYS:
        try:
            text = as_text(key, data.get(key))
            texts[key] = text.strip().lower().replace(" ", "") if text is not None else None
            read_days(**{name: texts[key] if name == key else None for name in DAY_KEYS})
        except BadDays as bad:
            problems.append(FieldProblem(f"{path}.{key}", f"bad_{key}", bad.part))
            good = False
    return (read_days(**texts), texts) if good else None


def _read_zone(value: object, problems: list[FieldProblem]) -> str:
    try:
        if not isinstance(value, str):
            raise UnknownZone(shown(repr(value)))
        load_zone(value)
    except UnknownZone as unknown:
        problems.append(FieldProblem("zone", "unknown_zone", str(unknown)))
        return ""
    return value


def _read_periods(value: object, problems: list[FieldProblem]) -> list[tuple[Period, dict[str, Any]]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        problems.append(FieldProblem("periods", "not_a_list", shown(repr(value))))
        return []
    if not 1 <= len(value) <= PERIODS_MAX:
        problems.append(
            FieldProblem("periods", "number_of_periods", str(len(value)), (("limit", PERIODS_MAX),))
        )
        return []
    found = []
    for number, one in enumerate(value):
        read = read_period(one, f"periods.{number}", problems)
        if read is None:
            continue
        if read[0].never:
            problems.append(FieldProblem(f"periods.{number}.end", "same_time", str(read[0].end)))
        found.append(read)
    return found


def _read_options(value: object, problems: list[FieldProblem]) -> Options:
    if not isinstance(value, Mapping):
        problems.append(FieldProblem("options", "not_an_object", shown(repr(value))))
        return Options()
    problems += _unknown_keys("options.", value, OPTION_NAMES)
    found: dict[str, Any] = {}
    for name in OPTION_NAMES:
        if name not in value:
            continue
        given, path = value[name], f"options.{name}"
        if name.startswith("grace_"):
            if isinstance(given, bool) or not isinstance(given, int) or not GRACE_MIN <= given <= GRACE_MAX:
                limits = (("least", GRACE_MIN), ("most", GRACE_MAX))
                problems.append(FieldProblem(path, "bad_grace", shown(repr(given)), limits))
                continue
            found[name] = given
        elif name == "maintenance_windows":
            found[name] = _read_windows(given, path, problems)
        elif isinstance(given, bool):
            found[name] = given
        else:
            problems.append(FieldProblem(path, "not_yes_or_no", shown(repr(given))))
    return Options(**found)


def _read_windows(value: object, path: str, problems: list[FieldProblem]) -> tuple[str, ...]:
    """Names or ids as AWS allows them, each once."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        problems.append(FieldProblem(path, "not_a_list", shown(repr(value))))
        return ()
    bad = [one for one in value if not isinstance(one, str) or not _WINDOW_NAME.fullmatch(one)]
    problems += [FieldProblem(path, "bad_window", shown(str(one))) for one in bad]
    names = () if bad else tuple(dict.fromkeys(value))
    if len(names) > WINDOWS_MAX:
        problems.append(FieldProblem(path, "too_many_windows", str(len(names)), (("limit", WINDOWS_MAX),)))
    return names


def _read_clock(value: object, path: str, problems: list[FieldProblem], *, end: bool) -> ClockTime | None:
    if value is None:
        return None
    clock = parse_clock(value, end=end) if isinstance(value, str) else None
    if isinstance(clock, ClockTime):
        return clock
    suggestion = clock.suggestion if isinstance(clock, BadTime) else None
    code = str(clock.code) if isinstance(clock, BadTime) else "not_a_time"
    params = (("suggestion", suggestion),) if suggestion else ()
    problems.append(FieldProblem(path, code, shown(str(value)), params))
    return None


def _unknown_keys(prefix: str, data: Mapping[Any, Any], known: Sequence[str]) -> Iterator[FieldProblem]:
    for key in data:
        if key not in known:
            yield FieldProblem(f"{prefix}{shown(str(key))}", "unknown_key")


def _warnings(schedule: Schedule, today: date | None) -> Iterator[FieldProblem]:
    """Allowed, but seldom meant: halves that do not compose, and periods that never come."""
    if {one.end is None for one in schedule.one_sided} == {True, False} or (
        schedule.one_sided and len(schedule.periods) > len(schedule.one_sided)
    ):
        yield FieldProblem("periods", "halves_do_not_compose")
    if schedule.options.enforced and len(schedule.directions) < len(Action):
        yield FieldProblem("options.enforced", "enforced_one_way")
    if today is None:
        return
    for number, period in enumerate(schedule.periods):
        if not any(period.days.matches(today + timedelta(days=ahead)) for ahead in range(LOOKED_AHEAD_DAYS)):
            yield FieldProblem(f"periods.{number}", "never_comes")


def _text(clock: ClockTime | None) -> str | None:
    return str(clock) if clock is not None else None
