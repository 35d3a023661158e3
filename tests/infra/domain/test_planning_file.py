"""A planning file is read strictly, each fault at its line; what is written reads back as the same."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.domain.planning_file import (
    FORMAT,
    AssignmentEntry,
    CalendarEntries,
    ScheduleEntry,
    Target,
    read_planning,
    write_planning,
)
from infra.domain.yaml_tree import BadFile, read_tree

ROOT = Path(__file__).resolve().parents[3]
WHOLE = """\
format: toban-planning/1
schedules:
- name: 日勤
  zone: Asia/Tokyo
  periods:
  - begin: 08:30
    end: 19:00
    weekdays: mon-fri
calendar:
  closures:
  - first: 12-29
    last: 01-03
    name: 年末年始
  closed:
  - {day: 2026-12-28, name: 棚卸し}
  working:
  - {day: 2026-12-30, name: 出勤}
  feeds:
  - source: cabinet
    url: https://example.com/syukujitsu.csv
assignments:
- to: {tenant: true}
  schedule: 日勤
- to: {project: 電子カルテ}
  schedule: 日勤
- to:
    resource: {account: "012345678901", region: ap-northeast-1, kind: ec2, id: i-0123}
  schedule: 日勤
"""


def faults(text: str | bytes) -> list[tuple[int, str, str]]:
    with pytest.raises(BadFile) as caught:
        read_planning(text if isinstance(text, bytes) else text.encode())
    return [(one.line, one.field, one.code) for one in caught.value.problems]


def test_a_right_file_is_read_with_times_dates_and_numbers_as_they_stand() -> None:
    read = read_planning(WHOLE.encode())
    assert read.schedules is not None
    assert read.assignments is not None
    [schedule] = read.schedules
    assert (schedule.name, schedule.line) == ("日勤", 3)
    assert schedule.content["periods"][0]["end"] == "19:00"
    assert read.calendar.closures == {("12-29", "01-03"): "年末年始"}
    assert read.calendar.closed == {"2026-12-28": "棚卸し"}
    assert read.calendar.working == {"2026-12-30": "出勤"}
    assert read.calendar.feeds == {"cabinet": "https://example.com/syukujitsu.csv"}
    assert [one.target for one in read.assignments] == [
        Target("tenant"),
        Target("project", ("電子カルテ",)),
        Target("resource", ("012345678901", "ap-northeast-1", "ec2", "i-0123")),
    ]


def test_what_is_written_reads_back_as_the_same_and_is_written_the_same_again() -> None:
    read = read_planning(WHOLE.encode())
    text = write_planning(read.schedules or (), read.calendar, read.assignments or ())
    again = read_planning(text.encode())
    assert write_planning(again.schedules or (), again.calendar, again.assignments or ()) == text
    assert [one.content for one in again.schedules or ()] == [one.content for one in read.schedules or ()]
    assert (again.calendar.closures, again.calendar.closed) == (read.calendar.closures, read.calendar.closed)
    assert {one.target for one in again.assignments or ()} == {one.target for one in read.assignments or ()}


def test_other_readers_of_yaml_take_every_written_value_for_the_same_text() -> None:
    content = {
        "zone": "Asia/Tokyo",
        "periods": [{"begin": "10:00", "end": "19:00", "monthdays": "15", "months": "4", "name": "off"}],
        "options": {"grace_start_min": 60, "enforced": False},
    }
    names = [
        "yes",
        "null",
        "12",
        "0x1F",
        "1_000",
        "2026-12-28",
        "~",
        "a: b",
        "- x",
        "#1",
        "1e3",
        "=",
        "<<",
        "漢字 ",
        "",
    ]
    schedules = [ScheduleEntry(name, name, content) for name in names]
    feeds = CalendarEntries(closures={("12-29", "01-03"): "12-29"}, closed={}, working={}, feeds={})
    text = write_planning(schedules, feeds, [AssignmentEntry(Target("project", ("no",)), "on")])
    plain = yaml.safe_load(text)
    assert plain == read_tree(text.encode()).value
    assert sorted(one["name"] for one in plain["schedules"]) == sorted(names)
    assert plain["schedules"][0]["periods"][0]["end"] == "19:00"
    assert plain["format"] == FORMAT


def test_a_part_that_is_left_out_says_nothing() -> None:
    read = read_planning(b"format: toban-planning/1\n")
    assert (read.schedules, read.assignments, read.calendar.closures) == (None, None, None)
    assert read_planning(b"format: toban-planning/1\ncalendar:\n  closed: []\n").calendar.closed == {}


HEAD = "format: toban-planning/1\n"
SCHEDULE = HEAD + "schedules:\n- name: 日勤\n  zone: Asia/Tokyo\n  periods:\n  - begin: 08:30\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(0, "", "empty_file")]),
        ("# nothing\n", [(0, "", "empty_file")]),
        (b"\xff\xfe\x00", [(1, "", "not_utf8")]),
        (HEAD.encode() + "name: 日勤".encode("cp932"), [(2, "", "not_utf8")]),
        ("format: [", [(2, "", "not_yaml")]),
        ("<html>\n<body>", [(1, "", "wrong_type")]),
        ("a: b: c", [(1, "", "not_yaml")]),
        (HEAD + "\tx: 1", [(2, "", "not_yaml")]),
        (HEAD + "x: \x07", [(0, "", "not_yaml")]),
        (HEAD + "---\nformat: x\n", [(2, "", "second_document")]),
        (HEAD + "format: toban-planning/1\n", [(2, "format", "key_twice")]),
        (SCHEDULE + "  name: 夜勤\n", [(7, "schedules[1].name", "key_twice")]),
        (HEAD + "schedules: &a []\n", [(2, "schedules", "alias")]),
        (HEAD + "schedules: *a\n", [(2, "schedules", "alias")]),
        (HEAD + "schedules: !!python/object/apply:os.system [id]\n", [(2, "schedules", "yaml_tag")]),
        (HEAD + "calendar: !!map {}\n", [(2, "calendar", "yaml_tag")]),
        (HEAD + "[1, 2]: x\n", [(2, "", "key_not_text")]),
        (HEAD + "<<: {a: 1}\n", [(2, "<<", "unknown_key")]),
        (HEAD + "x: " + "[" * 12 + "]" * 12, [(2, "x[1][1][1][1][1][1][1][1][1][1]", "too_much")]),
        ("schedules: []\n", [(1, "", "missing")]),
        ("format: toban-planning/2\n", [(1, "format", "not_one_of")]),
        ("- a\n", [(1, "", "wrong_type")]),
        (HEAD + "schedule: []\n", [(2, "schedule", "unknown_key")]),
        (HEAD + "schedules:\n- name: 日勤\n", [(3, "schedules[1]", "missing"), (3, "schedules[1]", "missing")]),
        (SCHEDULE.replace("08:30", "25:00"), [(6, "schedules[1].periods[1].begin", "out_of_range")]),
        (SCHEDULE.replace("Asia/Tokyo", "Asia/Edo"), [(4, "schedules[1].zone", "unknown_zone")]),
        (SCHEDULE + "    weekdays: moon\n", [(7, "schedules[1].periods[1].weekdays", "bad_weekdays")]),
        (SCHEDULE + "    end: 08:30\n", [(7, "schedules[1].periods[1].end", "same_time")]),
        (SCHEDULE + "    until: 19:00\n", [(7, "schedules[1].periods[1].until", "unknown_key")]),
        (SCHEDULE + "  options:\n    enforced: yes\n", [(8, "schedules[1].options.enforced", "not_yes_or_no")]),
        (SCHEDULE + "  options:\n    fast: true\n", [(8, "schedules[1].options.fast", "unknown_key")]),
        (SCHEDULE + "- name: 日勤\n  zone: UTC\n  periods: [{begin: 09:00}]\n", [(7, "schedules[2].name", "stands_twice")]),
        (HEAD + "calendar:\n  closed:\n  - {day: 2026-02-30, name: x}\n", [(4, "calendar.closed[1].day", "no_such_day")]),
        (HEAD + "calendar:\n  closed:\n  - {day: 02-28, name: x}\n", [(4, "calendar.closed[1].day", "bad_form")]),
        (HEAD + "calendar:\n  closed:\n  - {day: 2026-02-03, name: 12}\n", [(4, "calendar.closed[1].name", "wrong_type")]),
        (HEAD + "calendar:\n  closures:\n  - {first: 02-30, last: 13-01, name: x}\n",
         [(4, "calendar.closures[1].first", "no_such_day"), (4, "calendar.closures[1].last", "no_such_day")]),
        (HEAD + "calendar:\n  closed:\n  - {day: 2026-02-03, name: x}\n  working:\n  - {day: 2026-02-03, name: y}\n",
         [(6, "calendar.working", "closed_and_working")]),
        (HEAD + "calendar:\n  closed:\n  - {day: 2026-02-03, name: x}\n  - {day: 2026-02-03, name: y}\n",
         [(5, "calendar.closed[2]", "stands_twice")]),
        (HEAD + "calendar:\n  feeds:\n  - {source: google, url: https://x}\n", [(4, "calendar.feeds[1].source", "not_one_of")]),
        (HEAD + "assignments:\n- to: {tenant: true, project: x}\n  schedule: 日勤\n", [(3, "assignments[1].to", "one_target")]),
        (HEAD + "assignments:\n- to: {}\n  schedule: 日勤\n", [(3, "assignments[1].to", "one_target")]),
        (HEAD + "assignments:\n- to: {resource: {account: 123456789, region: x, kind: ec2, id: i}}\n  schedule: a\n",
         [(3, "assignments[1].to.resource.account", "wrong_type")]),
        (HEAD + "assignments:\n- {to: {project: x}, schedule: a}\n- {to: {project: x}, schedule: b}\n",
         [(4, "assignments[2].to", "stands_twice")]),
    ],
)  # fmt: skip
def test_each_fault_is_named_at_its_line_and_field(
    text: str | bytes, expected: list[tuple[int, str, str]]
) -> None:
    assert faults(text) == expected


def test_every_fault_is_named_not_only_the_first() -> None:
    text = (
        SCHEDULE.replace("08:30", "8:30")
        + "- name: 夜勤\n  zone: x\n  periods: [{begin: 22:00, end: 99:00}]\n"
    )
    assert [line for line, _, _ in faults(text)] == [6, 8, 9]


BOMBS = """
from infra.domain.planning_file import read_planning
from infra.domain.yaml_tree import BadFile
head = b"format: toban-planning/1\\n"
lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
lines += [b"a%d: &a%d [" % (n, n) + b", ".join([b"*a%d" % (n - 1)] * 10) + b"]" for n in range(1, 10)]
FILES = {
    "billion laughs": head + b"\\n".join(lines),
    "deep": head + b"x: " + b"[" * 400_000,
    "wide": head + b"x: [" + b"1," * 480_000 + b"]",
    "many keys": head + b"\\n".join(b"k%d: 1" % n for n in range(90_000)),
    "one key": head + b"k" * 900_000 + b": 1",
    "one text": head + b"x: '" + b"y" * 900_000 + b"'",
    "too large": head + b"#" * 1_000_000,
    "many faults": head + b"calendar: {closed: [" + b"{}," * 1_900 + b"]}",
}
for name, data in FILES.items():
    try:
        read_planning(data)
    except BadFile as bad:
        print(f"{name}|{bad.problems[0].code}|{len(bad.problems)}")
"""


def test_no_file_takes_more_than_a_little_memory_and_time() -> None:
    """The reader in a process that the kernel ends beyond 400 MB of addresses or 40 seconds of work."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000))
        resource.setrlimit(resource.RLIMIT_CPU, (40, 40))

    ran = subprocess.run(
        [sys.executable, "-c", BOMBS], cwd=ROOT, preexec_fn=bound, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said = {line.split("|")[0]: line.split("|")[1:] for line in ran.stdout.splitlines()}
    assert len(said) == 8
    assert said["billion laughs"][0] == "alias"
    assert (said["deep"][0], said["wide"][0], said["many keys"][0]) == ("too_much", "too_much", "too_much")
    assert said["too large"][0] == "file_too_large"
    assert max(int(number) for _, number in said.values()) <= 50
