"""One message of the stream: never too long for a receiver, and read back from another house's file with care."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from medical_audit.domain.canonical import utc_text
from medical_audit.domain.received import Claim, read_received
from medical_audit.domain.streams import LONGEST_MESSAGE, event_frame
from tests.medical_audit.test_outgoing import event


def test_an_event_too_long_for_a_receiver_goes_without_its_text() -> None:
    one = event("operation.entered", reason="長" * 20_000)
    frame = event_frame(one, machine="host")
    assert len(frame) <= LONGEST_MESSAGE
    (claim,) = read_received([frame])
    assert claim == Claim(one.link.tenant_id, 7, one.link.hash, str(one.link.event_id), one.link.event_at)


@pytest.mark.parametrize(
    "more",
    [
        {"actor": {"type": "user", "id": "u-1", "name": "名" * 20_000}},
        {"subject": {"type": "ec2", "id": "i" * 40_000, "name": ""}},
        {"outcome": "failed", "detail": {"problem": "p" * 40_000}},
    ],
    ids=["a name", "an id", "a problem"],
)
def test_no_event_is_too_long_for_a_receiver(more: dict[str, Any]) -> None:
    """A receiver that refuses one message would get no other any more, of no tenant."""
    one = event("operation.entered", **more)
    frame = event_frame(one, machine="host")
    assert len(frame) <= LONGEST_MESSAGE
    (claim,) = read_received([frame])
    assert isinstance(claim, Claim)
    assert (claim.seq, claim.hash) == (7, one.link.hash)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seq", str(2**63)), ("seq", "0"), ("moment", "2026-11-30T08:30:00"), ("hash", "ab")],
    ids=["beyond every number", "before the first", "no zone", "no hash"],
)
def test_what_no_sender_of_ours_wrote_says_nothing(name: str, value: str) -> None:
    """A receiver's file is another house's: nothing in it may end a verification."""
    one = event("operation.entered")
    line = event_frame(one, machine="host").decode()
    told = {"seq": "7", "hash": one.link.hash.hex(), "moment": utc_text(one.link.event_at)}
    if name == "moment":
        changed = line.replace(f'EventDateTime="{told[name]}"', f'EventDateTime="{value}"')
    else:
        old, new = (base64.b64encode(text.encode()).decode() for text in (told[name], value))
        changed = line.replace(f'type="{name}" value="{old}"', f'type="{name}" value="{new}"')
    assert changed != line
    assert list(read_received([changed.encode()])) == []
