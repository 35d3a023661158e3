"""How far the clocks stand apart: told by the packets of a real UDP server, kept each minute, alarmed over a second."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.domain.permissions import Role
from config.settings import time_source as read_setting
from medical_audit import clock, time_source
from medical_audit.domain.actor import NO_TENANT, system_actor
from medical_audit.domain.clocks import BadAnswer, ClockState, Skew, answer, question, read_address
from medical_audit.models import ClockReading
from medical_audit.operations.clocks import keep_reading
from medical_audit.queries.clocks import clock_now
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.stage import Stage

ERA = 2_208_988_800


def reply(asked: bytes, *, ahead: float = 0.0, stratum: int = 2, leap: int = 0, ours: bool = True) -> bytes:
    """What a time server answers whose clock is `ahead` of ours by so many seconds."""
    now = time.time() + ahead + ERA
    stamp = (int(now), int(now % 1 * 2**32))
    sent = struct.unpack("!2I", asked[40:48]) if ours else (1, 1)
    return struct.pack("!BBbb11I", leap << 6 | 4 << 3 | 4, stratum, 0, 0, *[0] * 5, *sent, *stamp, *stamp)


@contextmanager
def server(**facts: object) -> Iterator[tuple[str, int]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))

        def serve() -> None:
            asked, whose = wire.recvfrom(512)
            wire.sendto(reply(asked, **facts), whose)  # type: ignore[arg-type]

        threading.Thread(target=serve, daemon=True).start()
        yield wire.getsockname()


def test_a_server_that_is_ahead_says_that_we_are_behind() -> None:
    with server(ahead=5.0) as (host, port):
        sample = time_source.ask(host, port)
    assert timedelta(seconds=-5.2) < sample.offset < timedelta(seconds=-4.8)
    assert sample.stratum == 2


@pytest.mark.parametrize(
    ("facts", "problem"),
    [({"ours": False}, "not_ours"), ({"stratum": 0}, "unsynchronised"), ({"leap": 3}, "unsynchronised")],
)
def test_an_answer_that_proves_nothing_is_not_believed(facts: dict[str, object], problem: str) -> None:
    with server(**facts) as (host, port), pytest.raises(BadAnswer, match=problem):
        time_source.ask(host, port)


def test_an_answer_of_the_next_era_is_read() -> None:
    sent = 2_100_000_000.0  # 2036-07: the 32 bits of NTP have begun anew
    asked = question(sent)
    stamp = (int(sent + ERA + 1) % 2**32, 0)
    packet = struct.pack(
        "!BBbb11I", 36, 1, 0, 0, *[0] * 5, *struct.unpack("!2I", asked[40:48]), *stamp, *stamp
    )
    assert answer(packet, sent=sent, received=sent).offset == timedelta(seconds=-1)
    with pytest.raises(BadAnswer, match="short"):
        answer(packet[:20], sent=sent, received=sent)


def test_the_setting_names_a_host_and_perhaps_a_port() -> None:
    assert read_address("") is None
    assert read_address("ntp.nict.jp") == ("ntp.nict.jp", 123)
    assert read_setting("127.0.0.1:1123") == ("127.0.0.1", 1123)
    for wrong in ("ntp.nict.jp:", "ntp:0", "ntp:99999", "a:b:c", ":123"):
        with pytest.raises(ValueError, match="host"):
            read_address(wrong)


def test_the_machine_is_held_against_the_database_and_the_source(
    django_db_setup: None, settings: Settings
) -> None:
    settings.TOBAN_TIME_SOURCE = None
    alone = time_source.measure()
    assert abs(alone.machine) < timedelta(seconds=1)
    assert alone.state == ClockState.UNCONFIGURED
    with server(ahead=-3.0) as settings.TOBAN_TIME_SOURCE:
        held = time_source.measure()
    assert held.state == ClockState.OVER
    assert held.database is not None
    assert timedelta(seconds=2.5) < held.database < timedelta(seconds=3.5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    settings.TOBAN_TIME_SOURCE = ("127.0.0.1", port)
    silent = time_source.measure()
    assert (silent.state, silent.problem) == (ClockState.UNREACHABLE, "ConnectionRefusedError")


def keep(skew: Skew, after: int = 0, machine: str = "host-1") -> ClockReading:
    with _as_role("worker"):
        at = clock.now() + timedelta(seconds=after)
        return keep_reading(skew, machine, actor=system_actor(NO_TENANT, "clock"), now=at)


def told() -> list[str]:
    with tenant_scope(NO_TENANT), connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind FROM ledger.event WHERE tenant_id = %s AND subject_type = 'clock' ORDER BY ord",
            [NO_TENANT],
        )
        return [row[0] for row in cursor.fetchall()]


def test_that_clocks_part_and_agree_again_is_recorded_once_each_and_shown_everywhere(stage: Stage) -> None:
    before = len(told())
    fine, apart = Skew(timedelta(milliseconds=3)), Skew(timedelta(seconds=-1.5))
    keep(fine, 1)
    keep(apart, 2)
    keep(apart, 3)
    page = stage.client(Role.VIEWER).get(stage.url("operations/")).content.decode()
    assert "時計に1秒を超えるずれ" in page
    keep(fine, 4)
    assert told()[before:] == ["clock.skewed", "clock.steady"]


def test_a_right_clock_hides_no_other_s_wrong_one(django_db_setup: None) -> None:
    before = len(told())
    fine, apart = Skew(timedelta(milliseconds=3)), Skew(timedelta(seconds=-1.5))
    for after in (5, 7):
        keep(apart, after, "host-2")
        keep(fine, after + 1)
    found = clock_now(clock.now())
    assert (found.code, found.reading and found.reading.machine) == (ClockState.OVER, "host-2")
    assert told()[before:] == ["clock.skewed"]
    keep(fine, 9, "host-2")
    assert clock_now(clock.now()).code == ClockState.UNCONFIGURED
    assert told()[before:] == ["clock.skewed", "clock.steady"]


def test_the_page_says_what_is_configured_and_what_was_measured(stage: Stage) -> None:
    keep(Skew(timedelta(milliseconds=3)), 10)
    page = stage.client(Role.AUDITOR).get(stage.url("audit/clock/")).content.decode()
    assert "時刻サーバー未設定" in page
    assert "TOBAN_TIME_SOURCE" in page
    assert "+3 ミリ秒" in page


def test_a_measurement_of_long_ago_says_nothing_about_now(django_db_setup: None) -> None:
    row = keep(Skew(timedelta(0)), 20)
    assert clock_now(row.at + timedelta(minutes=2)).code == ClockState.UNCONFIGURED
    assert clock_now(row.at + timedelta(minutes=4)).code == "stale"
