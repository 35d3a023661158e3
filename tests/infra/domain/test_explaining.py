"""`schedule_explain` answers plain questions with the engine's own verdict, and names what it cannot read."""

from __future__ import annotations

import io
import json
import sys
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from infra.domain.explaining import Unexplained, explain

OFFICE = {"begin": "08:30", "end": "19:00", "weekdays": "mon-fri", "monthdays": None, "months": None}
NIGHT = {"begin": "22:00", "end": "06:00", "weekdays": [0]}


def ask(at: str, *periods: dict[str, Any], zone: str = "Asia/Tokyo", **more: Any) -> dict[str, Any]:
    return {"id": "x", "schedule": {"timezone": zone, "periods": list(periods), **more}, "at": at}


# 2026-11-30 is a Monday.
@pytest.mark.parametrize(
    ("question", "state", "following"),
    [
        (ask("2026-11-30T08:29:59+09:00", OFFICE), "stopped", "2026-11-30T08:30:00+09:00"),
        (ask("2026-11-29T23:30:00Z", OFFICE), "running", "2026-11-30T19:00:00+09:00"),
        (ask("2026-11-30T10:00:00+09:00", OFFICE, holidays=["2026-11-30"]), "stopped", "2026-12-01T08:30:00+09:00"),
        (ask("2026-11-30T10:00:00+09:00", OFFICE, override="stopped"), "stopped", None),
        (ask("2026-12-01T03:00:00+09:00", NIGHT), "running", "2026-12-01T06:00:00+09:00"),
        (ask("2026-12-01T03:00:00+09:00", NIGHT, holidays=["2026-11-30"]), "stopped", "2026-12-07T22:00:00+09:00"),
        (ask("2026-12-01T03:00:00+09:00", NIGHT, holidays=["2026-12-01"]), "running", "2026-12-01T06:00:00+09:00"),
        (ask("2026-11-30T23:59:00+09:00", {"begin": "20:00", "end": "23:59"}, {"begin": "00:00", "end": "06:00"}), "running", "2026-12-01T06:00:00+09:00"),
        (ask("2026-11-30T23:59:30+09:00", {"begin": "20:00", "end": "23:59"}, {"begin": "00:00", "end": "06:00"}), "running", "2026-12-01T06:00:00+09:00"),
        (ask("2026-11-30T23:58:30+09:00", {"begin": "20:00", "end": "23:58"}, {"begin": "00:00", "end": "06:00"}), "stopped", "2026-12-01T00:00:00+09:00"),
        (ask("2026-11-30T09:00:00+09:00", {"begin": "09:00", "end": "09:00"}), "stopped", None),
        (ask("2026-11-30T09:00:00+09:00", {}), "running", None),
        (ask("2026-11-30T09:00:00+09:00", {"begin": "20:00"}), "any", "2026-11-30T20:00:00+09:00"),
        (ask("2026-11-30T23:59:59+09:00", {"begin": "20:00", "weekdays": "mon"}), "running", "2026-12-01T00:00:00+09:00"),
        (ask("2026-12-01T09:00:00+09:00", {"begin": "20:00", "weekdays": "mon"}), "any", "2026-12-07T20:00:00+09:00"),
        (ask("2026-11-30T23:59:00+09:00", {"end": "24:00"}), "any", None),
        (ask("2026-11-30T08:30:00+09:00", {"begin": "08:30", "end": "08:30"}), "stopped", None),
        (ask("2026-11-30T12:00:00+09:00", {"begin": "19:00"}, {"end": "10:00"}), "any", "2026-11-30T19:00:00+09:00"),
        (ask("2026-11-30T23:59:00+09:00", {"end": "23:59"}), "stopped", "2026-12-01T00:00:00+09:00"),
        (ask("2026-11-30T21:00:00+09:00", {"begin": "08:00"}, {"end": "20:00"}), "running", "2026-12-01T00:00:00+09:00"),
        (ask("2026-11-30T23:59:59+09:00", {"begin": "08:00", "end": "24:00"}), "running", "2026-12-01T00:00:00+09:00"),
        (ask("2026-11-30T09:00:00+09:00", {"weekdays": "mon#1"}), "stopped", "2026-12-07T00:00:00+09:00"),
        (ask("2026-11-30T09:00:00+09:00", {"weekdays": "mon#5"}), "running", "2026-12-01T00:00:00+09:00"),
        (ask("2026-11-27T09:00:00+09:00", {"weekdays": "friL"}), "running", "2026-11-28T00:00:00+09:00"),
        (ask("2026-11-29T09:00:00+09:00", {"weekdays": "sat-mon"}), "running", "2026-12-01T00:00:00+09:00"),
        (ask("2026-11-27T09:00:00+09:00", {"monthdays": "1/15"}), "stopped", "2026-12-01T00:00:00+09:00"),
        (ask("2026-12-16T09:00:00+09:00", {"monthdays": "1/15"}), "running", "2026-12-17T00:00:00+09:00"),
        (ask("2026-11-30T09:00:00+09:00", {"monthdays": "31W"}), "stopped", "2026-12-31T00:00:00+09:00"),
        (ask("2026-08-03T09:00:00+09:00", {"monthdays": "1W"}), "running", "2026-08-04T00:00:00+09:00"),
        (ask("2026-11-30T09:00:00+09:00", {"monthdays": "L", "months": "feb"}), "stopped", "2027-02-28T00:00:00+09:00"),
        (ask("2026-11-30T09:00:00+09:00", {"monthdays": [29], "months": [2]}), "stopped", "2028-02-29T00:00:00+09:00"),
        (ask("2026-11-30T09:00:00+09:00", {"months": "nov-feb"}), "running", "2027-03-01T00:00:00+09:00"),
        (ask("2026-03-08T01:00:00-05:00", {"begin": "02:30", "end": "08:00"}, zone="America/New_York"), "stopped", "2026-03-08T03:00:00-04:00"),
        (ask("2026-11-01T00:45:00-04:00", {"begin": "00:00", "end": "01:30"}, zone="America/New_York"), "running", "2026-11-01T01:30:00-04:00"),
        (ask("2026-11-01T01:15:00-05:00", {"begin": "00:00", "end": "01:30"}, zone="America/New_York"), "stopped", "2026-11-02T00:00:00-05:00"),
        (ask("2026-03-29T00:30:00Z", {"begin": "01:30", "end": "03:00"}, zone="Europe/London"), "stopped", "2026-03-29T02:00:00+01:00"),
        (ask("2026-04-05T02:30:00+11:00", {"begin": "02:15", "end": "03:30"}, zone="Australia/Sydney"), "running", "2026-04-05T03:30:00+10:00"),
    ],
)  # fmt: skip
def test_state_and_next_change(question: dict[str, Any], state: str, following: str | None) -> None:
    answer = explain(question)
    assert (answer["state"], answer["next_change"]) == (state, following)
    assert answer["reason"]


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (ask("2026-11-30T09:00:00", OFFICE), "at"),
        (ask("0001-01-01T00:00:00+09:00", OFFICE), "at"),
        (ask("9999-12-31T00:00:00+00:00", OFFICE), "at"),
        (ask("tomorrow", OFFICE), "at"),
        (ask("2026-11-30T09:00:00Z", OFFICE, zone="Mars/Olympus"), "schedule.timezone"),
        (ask("2026-11-30T09:00:00Z", {"begin": "25:00"}), "schedule.periods.0.begin"),
        (ask("2026-11-30T09:00:00Z", {"begin": "24:00"}), "schedule.periods.0.begin"),
        (ask("2026-11-30T09:00:00Z", OFFICE, {"weekdays": "moon"}), "schedule.periods.1.weekdays"),
        (ask("2026-11-30T09:00:00Z", {"monthdays": "32"}), "schedule.periods.0.monthdays"),
        (ask("2026-11-30T09:00:00Z", {"weekdays": []}), "schedule.periods.0.weekdays"),
        (ask("2026-11-30T09:00:00Z", OFFICE, holidays=["2026-02-30"]), "schedule.holidays"),
        (ask("2026-11-30T09:00:00Z", OFFICE, holidays=["20261130"]), "schedule.holidays"),
        (ask("2026-11-30T09:00:00Z", OFFICE, holidays=["2026-W49-1"]), "schedule.holidays"),
        (ask("2026-11-30T09:00:00Z", OFFICE, zone="localtime"), "schedule.timezone"),
        (ask("2026-11-30T09:00:00Z", OFFICE, zone="posixrules"), "schedule.timezone"),
        (ask("2026-11-30T09:00:00Z", OFFICE, zone="Factory"), "schedule.timezone"),
        (ask("2026-11-30T09:00:00Z", *[OFFICE] * 1001), "schedule.periods"),
        (ask("2026-11-30T09:00:00Z", OFFICE, override="off"), "schedule.override"),
        (ask("2026-11-30T09:00:00Z", OFFICE, period=1), "schedule.period"),
    ],
)
def test_what_cannot_be_read_is_named(question: dict[str, Any], field: str) -> None:
    with pytest.raises(Unexplained) as caught:
        explain(question)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("question", "state", "following"),
    [
        # Only the four leap years of a century's end that begin aright have it: 2096 is the last for 40 years.
        (ask("2052-03-01T00:00:00Z", {"weekdays": "thu", "monthdays": 29, "months": 2}, zone="UTC"), "stopped", "2080-02-29T00:00:00+00:00"),
        (ask("2080-03-01T00:00:00Z", {"weekdays": "thu", "monthdays": 29, "months": 2}, zone="UTC"), "stopped", "2120-02-29T00:00:00+00:00"),
        (ask("2026-11-30T00:00:00Z", {"weekdays": "mon#5", "months": "feb"}, zone="UTC"), "stopped", "2044-02-29T00:00:00+00:00"),
        (ask("2096-03-01T00:00:00Z", {"monthdays": 29, "months": 2}, zone="UTC"), "stopped", "2104-02-29T00:00:00+00:00"),
        (ask("2026-11-30T00:00:00Z", {"monthdays": 31, "months": 2}, zone="UTC"), "stopped", None),
        (ask("2026-11-30T00:00:00Z", {"begin": "08:30", "end": "08:30"}, {"monthdays": 29, "months": 2}, zone="UTC"), "stopped", "2028-02-29T00:00:00+00:00"),
        (ask("2026-11-30T00:00:00Z", {"begin": "09:00", "monthdays": 31, "months": 2}, zone="UTC", holidays=["2031-01-01"]), "any", "2031-01-01T00:00:00+00:00"),
        (ask("9899-12-31T00:00:00Z", {"monthdays": 31, "months": 2}, zone="UTC"), "stopped", None),
        (ask("2026-11-30T00:00:00Z", {}, zone="UTC", holidays=["9899-12-30"]), "running", "9899-12-30T00:00:00+00:00"),
        (ask("2026-11-30T00:00:00Z", {"begin": "22:00", "end": "06:00", "monthdays": 31, "months": 2}, {"end": "22:00", "monthdays": 31, "months": 2}, zone="UTC", holidays=["2126-12-30"]), "any", "2126-12-30T00:00:00+00:00"),
        (ask("2026-11-30T00:00:00Z", {}, zone="UTC", holidays=["9999-12-31"]), "running", None),
    ],
)  # fmt: skip
def test_the_next_change_is_found_however_far_it_is(
    question: dict[str, Any], state: str, following: str | None
) -> None:
    answer = explain(question)
    assert (answer["state"], answer["next_change"]) == (state, following)


def test_the_next_change_comes_after_years_of_listed_holidays() -> None:
    closed = [(date(2026, 1, 1) + timedelta(days=number)).isoformat() for number in range(2000)]
    answer = explain(ask("2026-11-30T09:00:00+09:00", OFFICE, holidays=closed))
    assert (answer["state"], answer["next_change"]) == ("stopped", "2031-06-24T08:30:00+09:00")


def answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *lines: bytes
) -> list[dict[str, Any]]:
    """What the command says to these lines, of which one at least cannot be read."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n".join(lines))))
    with pytest.raises(SystemExit) as ended:
        call_command("schedule_explain")
    assert ended.value.code == 1
    return [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "bad",
    [
        b"{nonsense",
        b'{"id": "\xff\xfe"}',
        "２".encode("cp932"),
        b'{"id": NaN}',
        b'{"id": 1e999}',
        b"[" * 100_000,
        b"9" * 5000,
        json.dumps(ask("9999-12-31T00:00:00Z", OFFICE)).encode(),
    ],
    ids=["no JSON", "no UTF-8", "CP932", "no number", "too large a number", "deep", "long", "too late"],
)
def test_one_bad_line_never_stops_the_others(
    bad: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps(ask("2026-11-30T09:00:00+09:00", OFFICE)).encode()
    found = answers(monkeypatch, capsys, good, bad, good)
    assert [one["state"] for one in found] == ["running", "any", "running"]
    assert ["error" in one for one in found] == [False, True, False]


def test_a_mark_at_the_begin_of_the_file_spoils_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Editors on Windows write one."""
    good = json.dumps(ask("2026-11-30T09:00:00+09:00", OFFICE)).encode()
    found = answers(monkeypatch, capsys, b"\xef\xbb\xbf" + good, b"{")
    assert found[0]["state"] == "running"


def test_an_id_that_no_text_can_hold_comes_back_as_it_went(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = ask("2026-11-30T09:00:00+09:00", OFFICE) | {"id": "\ud800"}
    found = answers(monkeypatch, capsys, json.dumps(odd).encode(), b"{")
    assert (found[0]["id"], found[0]["state"]) == ("\ud800", "running")
