"""A tenant's schedules, company calendar and assignments as one YAML file, and back.

The form is planning.schema.json beside this module; what a schema cannot say (a day that exists, hours that can be read,
a name that stands twice) is judged here, with the same readers that the pages use. Written files are canonical: the same
rules give the same text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path as File
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator

from infra.domain.calendar import ClosedRange
from infra.domain.content import PERIOD_KEYS, read_content
from infra.domain.schedule import OPTION_NAMES
from infra.domain.yaml_tree import BadFile, FileProblem, Path, Tree, read_tree

FORMAT: Final = "toban-planning/1"
SCHEMA_FILE = File(__file__).with_name("planning.schema.json")
SCHEMA: Final[dict[str, Any]] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
HEAD = "# A tenant's schedules, company calendar and assignments, for Toban.\n# Lists of national holidays are not in it: they come from their source.\n"
_VALIDATOR: Any = Draft202012Validator(SCHEMA)
#: Texts that other readers of YAML take for numbers, times or dates; they are written in quotes.
_QUOTED = re.compile(r"[-+0-9.:_]+|[0-9].*", re.ASCII)
_CODES = {
    "type": "wrong_type", "const": "not_one_of", "enum": "not_one_of", "pattern": "bad_form",
    "maxLength": "wrong_length", "minLength": "wrong_length", "maxItems": "wrong_number", "minItems": "wrong_number",
    "minProperties": "one_target", "maxProperties": "one_target",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """One schedule of the file; `content` is canonical (infra.domain.content)."""

    name: str
    description: str
    content: dict[str, Any]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an assignment speaks of; scope: tenant, project or resource; key: its project's name, or the four parts of a
    resource (account, region, kind, id)."""

    scope: str
    key: tuple[str, ...] = ()

    def as_plain(self) -> dict[str, Any]:
        if self.scope == "tenant":
            return {"tenant": True}
        if self.scope == "project":
            return {"project": self.key[0]}
        return {"resource": dict(zip(("account", "region", "kind", "id"), self.key, strict=True))}

    def __str__(self) -> str:
        return "/".join(self.key)


@dataclass(frozen=True, slots=True)
class AssignmentEntry:
    """Who follows which schedule, and on which lines of the file the two stand."""

    target: Target
    schedule: str
    line: int = 0
    schedule_line: int = 0


@dataclass(frozen=True, slots=True)
class CalendarEntries:
    """The company's days. closures: name by (first, last); closed and working: name by date; feeds: address by source.
    None where the file says nothing of them."""

    closures: Mapping[tuple[str, str], str] | None = None
    closed: Mapping[str, str] | None = None
    working: Mapping[str, str] | None = None
    feeds: Mapping[str, str] | None = None
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanningFile:
    """A file that was read; schedules and assignments are None where the file says nothing of them."""

    schedules: tuple[ScheduleEntry, ...] | None
    calendar: CalendarEntries
    assignments: tuple[AssignmentEntry, ...] | None


def read_planning(data: bytes) -> PlanningFile:
    """Read a file strictly. Raises BadFile with every fault that was found."""
    tree = read_tree(data)
    problems = list(_of_schema(tree))
    if problems:
        raise BadFile(problems)
    value: dict[str, Any] = tree.value
    schedules = _schedules(tree, value["schedules"], problems) if "schedules" in value else None
    calendar = _calendar(tree, value.get("calendar", {}), problems)
    assignments = _assignments(tree, value["assignments"], problems) if "assignments" in value else None
    if problems:
        raise BadFile(problems)
    return PlanningFile(schedules, calendar, assignments)


def write_planning(
    schedules: Iterable[ScheduleEntry], calendar: CalendarEntries, assignments: Iterable[AssignmentEntry]
) -> str:
    """The canonical text of a file, every list in its order of names and dates."""
    plain = {
        "format": FORMAT,
        "schedules": [_plain_schedule(one) for one in sorted(schedules, key=lambda one: one.name)],
        "calendar": {
            "closures": [
                {"first": first, "last": last, "name": name}
                for (first, last), name in sorted((calendar.closures or {}).items())
            ],
            "closed": [{"day": day, "name": name} for day, name in sorted((calendar.closed or {}).items())],
            "working": [{"day": day, "name": name} for day, name in sorted((calendar.working or {}).items())],
            "feeds": [{"source": one, "url": url} for one, url in sorted((calendar.feeds or {}).items())],
        },
        "assignments": [
            {"to": one.target.as_plain(), "schedule": one.schedule}
            for one in sorted(assignments, key=lambda one: (_ORDER[one.target.scope], one.target.key))
        ],
    }
    return HEAD + yaml.dump(
        plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False, default_flow_style=False, width=110
    )


_ORDER = {"tenant": 0, "project": 1, "resource": 2}


class _Dumper(yaml.SafeDumper):
    """Writes what our reader and any other take for the same."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, '"' if _QUOTED.fullmatch(value) else None)


_Dumper.add_representer(str, _text)


def _plain_schedule(one: ScheduleEntry) -> dict[str, Any]:
    """In the order of the editor, whatever order the database keeps; a stored content may lack options that came later."""
    periods = [
        {key: period[key] for key in PERIOD_KEYS if period.get(key) not in (None, "")}
        for period in one.content["periods"]
    ]
    given = one.content["options"]
    options = {name: given[name] for name in OPTION_NAMES if name in given}
    said = {"description": one.description} if one.description else {}
    return {"name": one.name, **said, "zone": one.content["zone"], "periods": periods, "options": options}


def _of_schema(tree: Tree) -> Iterator[FileProblem]:
    seen: set[tuple[Path, str, str]] = set()
    for error in _VALIDATOR.iter_errors(tree.value):
        for path, code, value, params in _said(error):
            if (path, code, value) not in seen:
                seen.add((path, code, value))
                yield tree.problem(path, code, value, **params)


def _said(error: Any) -> Iterator[tuple[Path, str, str, dict[str, str | int]]]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield path, "missing", name, {}
    elif error.validator == "additionalProperties" and isinstance(error.validator_value, bool):
        for name in error.instance:
            if name not in error.schema["properties"]:
                yield (*path, name), "unknown_key", name, {"known": ", ".join(error.schema["properties"])}
    else:
        yield path, _CODES[str(error.validator)], _as_text(error.instance), _limits(error)


def _limits(error: Any) -> dict[str, str | int]:
    wanted = error.validator_value
    if isinstance(wanted, list):
        return {"wanted": ", ".join(map(str, wanted))}
    return {"wanted": wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else str(wanted)}


def _as_text(value: Any) -> str:
    """A value as it would stand in a file; of lists and mappings only what they are."""
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, int | str) or isinstance(value, bool)
        else str(value)
    )


def _schedules(
    tree: Tree, given: list[dict[str, Any]], problems: list[FileProblem]
) -> tuple[ScheduleEntry, ...]:
    found: dict[str, ScheduleEntry] = {}
    for number, one in enumerate(given):
        path: Path = ("schedules", number)
        if one["name"] in found:
            problems.append(
                tree.problem((*path, "name"), "stands_twice", one["name"], first=found[one["name"]].line)
            )
        content = {key: one[key] for key in ("zone", "periods", "options") if key in one}
        read = read_content(content)
        if isinstance(read, tuple):
            for fault in read:
                place: Path = (
                    *path,
                    *(int(part) if part.isdigit() else part for part in fault.path.split(".")),
                )
                at = tree.problem(place, fault.code, fault.value)
                problems.append(FileProblem(at.line, at.field, fault.code, fault.value, fault.params))
            continue
        entry = ScheduleEntry(one["name"], one.get("description", ""), read.canonical, tree.lines[path])
        found.setdefault(one["name"], entry)
    return tuple(found.values())


def _calendar(tree: Tree, given: Mapping[str, Any], problems: list[FileProblem]) -> CalendarEntries:
    lines: dict[tuple[str, ...], int] = {}

    def collect(name: str, key_of: Any, value: str) -> dict[Any, str] | None:
        if name not in given:
            return None
        kept: dict[Any, str] = {}
        for number, one in enumerate(given[name]):
            path: Path = ("calendar", name, number)
            key = key_of(one, path)
            if key in kept:
                problems.append(
                    tree.problem(path, "stands_twice", " – ".join(key) if isinstance(key, tuple) else key)
                )
            kept[key] = one[value]
            lines[(name, *key) if isinstance(key, tuple) else (name, key)] = tree.lines[path]
        return kept

    def closure(one: Mapping[str, str], path: Path) -> tuple[str, str]:
        for side in ("first", "last"):
            try:
                ClosedRange(one[side], one[side], "")
            except ValueError:
                problems.append(tree.problem((*path, side), "no_such_day", one[side]))
        return one["first"], one["last"]

    def day(one: Mapping[str, str], path: Path) -> str:
        try:
            date.fromisoformat(one["day"])
        except ValueError:
            problems.append(tree.problem((*path, "day"), "no_such_day", one["day"]))
        return one["day"]

    closures, closed, working = (
        collect("closures", closure, "name"),
        collect("closed", day, "name"),
        collect("working", day, "name"),
    )
    for both in sorted(set(closed or {}) & set(working or {})):
        line = lines["working", both]
        problems.append(FileProblem(line, "calendar.working", "closed_and_working", both))
    feeds = collect("feeds", lambda one, path: one["source"], "url")
    return CalendarEntries(closures, closed, working, feeds, lines)


def _assignments(
    tree: Tree, given: list[dict[str, Any]], problems: list[FileProblem]
) -> tuple[AssignmentEntry, ...]:
    found: dict[Target, AssignmentEntry] = {}
    for number, one in enumerate(given):
        path: Path = ("assignments", number)
        target = _target(one["to"])
        if target in found:
            problems.append(
                tree.problem((*path, "to"), "stands_twice", str(target), first=found[target].line)
            )
        found.setdefault(
            target,
            AssignmentEntry(target, one["schedule"], tree.lines[path], tree.lines[(*path, "schedule")]),
        )
    return tuple(found.values())


def _target(to: Mapping[str, Any]) -> Target:
    if "tenant" in to:
        return Target("tenant")
    if "project" in to:
        return Target("project", (to["project"],))
    given = to["resource"]
    return Target("resource", tuple(given[name] for name in ("account", "region", "kind", "id")))
