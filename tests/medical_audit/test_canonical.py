"""One text per event, one hash per text: fixed vectors and the traps of JSON."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from medical_audit.domain.actor import Actor, ActorType, EventDraft, Principal, Subject
from medical_audit.domain.canonical import canonical, digest, event_body, utc_text
from medical_audit.domain.chain import Linked, genesis, link_hash, link_text
from medical_audit.domain.personal import Value

TENANT = UUID("11111111-2222-3333-4444-555555555555")
MOMENT = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
GA_COMPOSED, GA_DECOMPOSED = "\u30ac", "\u30ab\u3099"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}'),
        ({"ö": 1, "z": 2, "€": 3, "1": 4}, '{"1":4,"z":2,"ö":1,"€":3}'),
        ('当番\n"\\/\x07', '"当番\\n\\"\\\\/\\u0007"'),
        (1.0, "1"),
        (1e21, "1e+21"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (2**53 - 1, "9007199254740991"),
        ({"😀": 1, "\ufb33": 2}, '{"😀":1,"\ufb33":2}'),
    ],
)
def test_a_value_has_one_text(value: object, text: str) -> None:
    """RFC 8785: keys by UTF-16 units (so an emoji sorts before U+FB33), shortest numbers, no spaces."""
    assert canonical(value) == text


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        2**53 + 1,
        -(2**53) - 1,
        "\ud800",
        {"\udfff": 1},
        {1: "a number as key"},
        {"when": datetime(2026, 1, 1, tzinfo=UTC)},
        {"id": TENANT},
        b"bytes",
    ],
    ids=repr,
)
def test_what_has_no_certain_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not canonical JSON"):
        canonical({"detail": value})


def test_composed_and_decomposed_kana_stay_two_names() -> None:
    """Names are kept as AWS and people write them: normalising would let two different tags share one record."""
    assert unicodedata.normalize("NFC", GA_DECOMPOSED) == GA_COMPOSED
    assert canonical(GA_COMPOSED) == f'"{GA_COMPOSED}"'
    assert digest(GA_COMPOSED) != digest(GA_DECOMPOSED)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (MOMENT, "2026-11-29T23:30:00.000000Z"),
        (MOMENT + timedelta(microseconds=1), "2026-11-29T23:30:00.000001Z"),
        (MOMENT.replace(microsecond=500000), "2026-11-29T23:30:00.500000Z"),
        (MOMENT.astimezone(timezone(timedelta(hours=9))), "2026-11-29T23:30:00.000000Z"),
    ],
)
def test_an_instant_has_one_text_in_utc_with_six_decimals(moment: datetime, text: str) -> None:
    assert utc_text(moment) == text


def test_a_time_without_a_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="naive"):
        utc_text(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_known_link_hash_recomputed_by_hand() -> None:
    """Fixed for ever: if this breaks, every chain in the world breaks with it."""
    body = '{"actor":{"id":"u-1","name":"山田"},"kind":"test.known","outcome":"ok","v":1}'
    event = Linked(
        tenant_id=TENANT,
        seq=1,
        event_id=UUID("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
        event_at=MOMENT,
        linked_at=MOMENT + timedelta(microseconds=7),
        clock_at=MOMENT + timedelta(microseconds=5),
        txid=4711,
        db_user="toban_web",
        body=body,
        prev=genesis(TENANT),
        hash=b"",
    )
    start = hashlib.sha256(b"toban-genesis:11111111-2222-3333-4444-555555555555").digest()
    by_hand = (
        "toban-event-1\n11111111-2222-3333-4444-555555555555\n1\naaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\n"
        "2026-11-29T23:30:00.000000Z\n2026-11-29T23:30:00.000007Z\n2026-11-29T23:30:00.000005Z\n4711\ntoban_web\n"
        + body
    )
    assert event.prev == start
    assert link_text(event) == by_hand
    assert link_hash(event) == hashlib.sha256(b"\x00" + start + by_hand.encode()).digest()
    assert link_hash(event).hex() == "daa676e366d8c99567bd44e69e38aacf179709722ca98eeb24de6ff6b0b392fa"


def _draft(**changes: object) -> EventDraft:
    actor = Actor(
        TENANT,
        ActorType.USER,
        "u-1",
        "山田",
        roles=("viewer", "approver"),
        session="s",
        address="",
        request="r",
    )
    given: dict[str, object] = {
        "kind": "test",
        "actor": actor,
        "at": MOMENT,
        "subject": Subject("ec2", "i-1", "web"),
    }
    return EventDraft(**(given | changes))  # type: ignore[arg-type]


def _reference(value: Value) -> str:
    return f"{value.person}'s {value.field}"


def test_an_event_says_who_did_what_to_what_and_leaves_out_what_is_empty() -> None:
    assert json.loads(event_body(_draft(), _reference)) == {
        "v": 2,
        "kind": "test",
        "at": "2026-11-29T23:30:00.000000Z",
        "actor": {"type": "user", "id": "u-1", "name": "u-1's name", "roles": ["approver", "viewer"]},
        "subject": {"type": "ec2", "id": "i-1", "name": "web"},
        "outcome": "ok",
        "session": "s",
        "request": "r",
    }


def test_an_event_names_the_person_on_whose_behalf_it_was_entered() -> None:
    body = json.loads(
        event_body(
            _draft(on_behalf_of=Principal("u-2", "佐藤"), operation_id="o", reason="why", detail={"a": 1}),
            _reference,
        )
    )
    assert body["behalf"] == {"id": "u-2", "name": "u-2's name"}
    assert (body["operation"], body["reason"], body["detail"]) == ("o", "why", {"a": 1})
