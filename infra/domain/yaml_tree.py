"""Read a small YAML file strictly: plain values and the line of each, each fault named at its line.

Of YAML only what a file of settings needs: one document of mappings, lists and plain or quoted scalars. Anchors, aliases
and tags are refused, because they make a small file large or give it meanings that nobody reads; so is a key that stands
twice. A plain scalar is null, true, false, a whole number, or text: 19:00, 12-29, yes and 2026-12-28 are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from infra.domain.findings import shown

BYTES_MAX, VALUES_MAX, DEPTH_MAX, PROBLEMS_MAX = 1_000_000, 50_000, 10, 50
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,8}", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Where something stands: keys and places in lists, from the top.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class FileProblem:
    """What is wrong at one place of a file: its line (from 1; 0 for the whole file), the field, a code for words."""

    line: int
    field: str
    code: str
    value: str = ""
    params: tuple[tuple[str, str | int], ...] = ()


class BadFile(ValueError):
    """The file cannot be taken; `problems` names every fault that was found, by line."""

    def __init__(self, problems: list[FileProblem]) -> None:
        first = problems[0]
        super().__init__(f"line {first.line}, {first.field}: {first.code}")
        self.problems = tuple(sorted(problems, key=lambda one: (one.line, one.field))[:PROBLEMS_MAX])


@dataclass(frozen=True, slots=True)
class Tree:
    """A file as plain values, and on which line each place of it stands."""

    value: Any
    lines: dict[Path, int] = field(repr=False)

    def problem(self, path: Path, code: str, value: object = "", **params: str | int) -> FileProblem:
        """A fault at a place; where the place itself is missing, the nearest one above it has the line."""
        at = path
        while at and at not in self.lines:
            at = at[:-1]
        text = value if isinstance(value, str) else repr(value)
        return FileProblem(self.lines.get(at, 0), named(path), code, shown(text), tuple(params.items()))


def named(path: Path) -> str:
    """A place as people write it: schedules[2].periods[0].begin, counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{shown(part)}" if text else shown(part)
    return text


def read_tree(data: bytes) -> Tree:
    """Read the one document of a file. Raises BadFile."""
    if len(data) > BYTES_MAX:
        raise BadFile([FileProblem(0, "", "file_too_large", str(len(data)), (("limit", BYTES_MAX),))])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line = data[: bad.start].count(b"\n") + 1
        raise BadFile([FileProblem(line, "", "not_utf8")]) from bad
    reader = _Reader()
    try:
        value = reader.document(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        line = mark.line + 1 if mark else 0
        raise BadFile([FileProblem(line, "", "not_yaml", shown(bad.problem or ""))]) from bad
    except yaml.YAMLError as bad:
        raise BadFile([FileProblem(0, "", "not_yaml", shown(str(bad).splitlines()[0]))]) from bad
    if reader.problems:
        raise BadFile(reader.problems)
    return Tree(value, reader.lines)


class _TooMuch(Exception):
    """The file holds more, or deeper, than any file of settings: reading ends here."""


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[FileProblem] = []

    def document(self, events: Iterator[Any]) -> Any:
        """The value of the only document."""
        value: Any = None
        documents = 0
        try:
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._fault(event, (), "second_document")
                        break
                    value = self._value(next(events), events, ())
        except _TooMuch:
            pass
        if not documents:
            self.problems.append(FileProblem(0, "", "empty_file"))
        return value

    def _value(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        self.lines.setdefault(path, self._line(event))
        if len(path) > DEPTH_MAX or len(self.lines) > VALUES_MAX or len(self.problems) >= PROBLEMS_MAX:
            self._fault(event, path, "too_much")
            raise _TooMuch
        if isinstance(event, yaml.AliasEvent):
            self._fault(event, path, "alias", f"*{event.anchor}")
            return None
        if event.anchor is not None:
            self._fault(event, path, "alias", f"&{event.anchor}")
        if event.tag is not None:
            self._fault(event, path, "yaml_tag", event.tag)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return _scalar(event)

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            line = self._line(event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                self._fault(event, path, "key_not_text")
                raise _TooMuch
            key: str = event.value
            place = (*path, key)
            if key in found:
                self._fault(event, place, "key_twice", key)
            self.lines[place] = line
            found[key] = self._value(next(events), events, place)
        return found

    def _sequence(self, events: Iterator[Any], path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            found.append(self._value(event, events, (*path, len(found))))
        return found

    def _fault(self, event: Any, path: Path, code: str, value: str = "") -> None:
        self.problems.append(FileProblem(self._line(event), named(path), code, shown(value)))

    @staticmethod
    def _line(event: Any) -> int:
        line: int = event.start_mark.line + 1
        return line


def _scalar(event: Any) -> Any:
    if event.style not in (None, ""):
        return event.value
    if event.value in _WORDS:
        return _WORDS[event.value]
    return int(event.value) if _NUMBER.fullmatch(event.value) else event.value
