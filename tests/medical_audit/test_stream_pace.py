"""How much a receiver is given at once and how long it is left alone, after what it did last time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medical_audit.anchors.syslog import StreamError
from medical_audit.domain.streams import Destination
from medical_audit.operations.streaming import Stream
from medical_audit.queries import seals
from medical_audit.tenancy import platform_scope
from tests.conftest import _as_role
from tests.factories import make_tenant
from tests.medical_audit.receivers import Authority, Receiver
from tests.medical_audit.sealers import SealingRoom, make_room
from tests.medical_audit.support import note


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def room(ledger_of_its_own: None, tmp_path: Path) -> SealingRoom:
    return make_room(tmp_path)


def test_a_receiver_that_is_away_is_left_alone_longer_each_time(room: SealingRoom, ours: Authority) -> None:
    note(make_tenant().id)
    tries: list[int] = []

    def away(frames: Any, to: Destination) -> None:
        tries.append(len(frames))
        raise StreamError("unreachable", "refused")

    stream = Stream(Receiver((ours.file, ours.file)).to(ours.file), send=away, machine="host")
    waits = []
    with _as_role("audit"):
        for _ in range(8):
            assert stream.step() == 0
            waits.append(stream.wait.total_seconds())
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    assert len(set(tries)) == 1


def test_over_a_slow_line_less_is_sent_at_once_until_it_gets_through(
    room: SealingRoom, ours: Authority
) -> None:
    note(make_tenant().id, count=40)
    lengths: list[int] = []

    def narrow(frames: Sequence[bytes], _to: Destination) -> None:
        lengths.append(len(frames))
        if len(frames) > 6:
            raise StreamError("slow", "30 s")

    to = replace(Receiver(ours.issue("localhost")).to(ours.file), port=1)
    stream = Stream(to, send=narrow, machine="host")
    with _as_role("audit"):
        for _try in range(60):
            stream.step()
    with _as_role("audit"), platform_scope():
        assert all(seals.duties()[to.duty_of(one.tenant_id)].number == one.seq for one in seals.progress())
