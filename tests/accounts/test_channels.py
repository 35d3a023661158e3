"""Events go outside: entered by one and confirmed by another, signed, tried again, and never held up by a neighbour."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.utils import DatabaseError

from accounts.domain.channels import is_wanted, signed
from accounts.domain.permissions import Role
from accounts.models import Channel, ChannelSecret, Dispatch
from accounts.operations import channels, dispatching
from accounts.queries.channels import list_channels
from medical_audit import clock
from medical_audit.domain.actor import Subject
from medical_audit.domain.errors import AlreadyMoved, NotFound, NotPermitted, StaleContent
from medical_audit.models import Event
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from tests.accounts.channels import confirm, follow, fresh, happens, log_of, opened, serve
from tests.accounts.receiver import Receiver, receiving
from tests.conftest import AsRole
from tests.factories import Cast, make_cast


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def events(cast: Cast, kind: str) -> int:
    with tenant_scope(cast.tenant.id):
        return Event.objects.filter(kind=kind).count()


# -- what is sent ---------------------------------------------------------------------------------------------------------


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """Its own example: id, time, body and secret are given there."""
    headers = signed(
        b'{"test": 2432232314}', message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", seconds=1614265330,
        keys=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )  # fmt: skip
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_happens_arrives_once_signed_and_without_persons(cast: Cast, receiver: Receiver) -> None:
    happens(cast, name="before-it-was-confirmed")
    channel, secret = opened(cast, f"{receiver.url}/in", ["operation.failed"])
    happens(cast)
    happens(cast, "operation.succeeded")
    assert (follow(cast), follow(cast)) == (1, 0)
    assert serve(cast, channel).done == 1
    (got,) = receiver.got
    said = got.json
    assert (said["type"], said["data"]["outcome"]) == ("operation.failed", "failed")
    assert said["data"]["subject"]["name"] == "ehr-web-01"
    assert said["data"]["actor"] == {"type": "system", "id": "worker"}
    assert "秘密の理由" not in got.body.decode()
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    mine = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    assert got.headers["webhook-signature"] == f"v1,{base64.b64encode(mine).decode()}"
    (row,) = log_of(cast, channel)
    assert (row.state, row.status, row.attempts) == ("done", 204, 1)
    assert row.latency_ms is not None


def test_persons_have_ids_there_and_no_names(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/in", ["operation.*", "member.*"])
    operator = cast.people[Role.OPERATOR]
    channels.enter_end(channel.id, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="試し")
    follow(cast)
    serve(cast, channel)
    text = b"".join(got.body for got in receiver.got).decode()
    # What is said of the receiver itself is not sent there.
    assert str(channel.id) not in text
    happens(cast, "member.granted", name=operator.name)
    follow(cast)
    serve(cast, channel)
    assert [got.json["type"] for got in receiver.got] == ["member.granted"]
    assert receiver.got[0].json["data"]["actor"]["id"] == "worker"


def test_another_tenants_events_never_arrive(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/in")
    other = make_cast()
    theirs, _ = opened(other, f"{receiver.url}/theirs")
    happens(other, name="別テナントの鳥")
    happens(cast)
    follow(cast)
    serve(cast, channel)
    assert {got.path for got in receiver.got} == {"/in"}
    assert not any("別テナントの鳥" in got.body.decode() for got in receiver.got)
    with pytest.raises(NotFound):
        channels.enter_end(theirs.id, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="x")


@pytest.mark.parametrize(
    ("patterns", "kind", "wanted"),
    [
        (["*"], "operation.failed", True),
        (["operation.*"], "operation.failed", True),
        (["operation.failed"], "operation.failed", True),
        (["operation.*"], "operations.failed", False),
        (["*"], "session.failed", False),
        (["session.*"], "session.signed_in", False),
    ],
)
def test_kinds_are_chosen_and_sign_ins_never_leave(patterns: list[str], kind: str, wanted: bool) -> None:
    assert is_wanted(patterns, kind) is wanted


# -- trying again ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "outcome"),
    [
        ("status/500", 500, "receiver_refused"),
        ("status/400", 400, "receiver_refused"),
        ("moved", 302, "receiver_moved"),
        ("cut", None, "receiver_unreachable"),
        ("slow", None, "receiver_too_slow"),
    ],
)
def test_whatever_is_not_taken_is_tried_again(
    cast: Cast, receiver: Receiver, path: str, status: int | None, outcome: str
) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/{path}")
    happens(cast)
    follow(cast)
    assert serve(cast, channel, seconds=0.3).failed == 1
    (row,) = log_of(cast, channel)
    assert (row.state, row.status, row.outcome) == ("waiting", status, outcome)
    assert row.next_at > clock.now()
    assert fresh(cast, channel).problem == outcome
    assert [got.path for got in receiver.got] == [f"/{path}"]  # no redirect was followed


def test_an_answer_without_end_is_not_read(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/huge")
    happens(cast)
    follow(cast)
    assert serve(cast, channel).done == 1


def test_a_lossy_receiver_has_everything_in_the_end_under_the_same_id(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/in")
    receiver.failures = 2
    for number in range(3):
        happens(cast, name=f"web-{number}")
    follow(cast)
    for hours in range(4):
        serve(cast, channel, after=timedelta(hours=hours))
    assert [row.state for row in log_of(cast, channel)] == ["done"] * 3
    ids = [got.headers["webhook-id"] for got in receiver.got]
    assert (len(ids), len(set(ids))) == (5, 3)
    assert fresh(cast, channel).problem == ""


def test_a_receiver_says_when_to_come_again(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/busy")
    happens(cast)
    follow(cast)
    serve(cast, channel)
    (row,) = log_of(cast, channel)
    assert row.next_at - clock.now() > timedelta(minutes=29)


def test_what_nobody_takes_for_three_days_is_a_dead_letter_that_is_sent_once_more(
    cast: Cast, receiver: Receiver
) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/in")
    receiver.failures = 1
    happens(cast)
    follow(cast)
    serve(cast, channel, after=timedelta(days=3, minutes=1))
    (row,) = log_of(cast, channel)
    assert (row.state, events(cast, "channel.dead")) == ("dead", 1)
    with pytest.raises(NotPermitted):
        dispatching.replay(row.id, actor=cast.actor(Role.OPERATOR), now=clock.now())
    dispatching.replay(row.id, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now())
    serve(cast, channel)
    (row,) = log_of(cast, channel)
    assert (row.state, events(cast, "channel.replayed")) == ("done", 1)
    with pytest.raises(AlreadyMoved):
        dispatching.discard(row.id, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now())


def test_a_receiver_that_is_no_more_is_not_asked_again(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/status/410")
    happens(cast)
    follow(cast)
    serve(cast, channel)
    assert [row.state for row in log_of(cast, channel)] == ["dead"]


def test_a_slow_receiver_of_one_tenant_does_not_delay_anothers(
    cast: Cast, receiver: Receiver, as_role: AsRole
) -> None:
    other = make_cast()
    slow, _ = opened(cast, f"{receiver.url}/slow")
    quick, _ = opened(other, f"{receiver.url}/in")
    happens(cast)
    happens(other)
    follow(cast)
    follow(other)
    begun = threading.Thread(target=_serve_elsewhere, args=(cast, slow))
    with as_role("worker"):
        begun.start()
        try:
            assert receiver.came.wait(30)
            done = dispatching.serve(other.tenant.id, quick.id, worker="test", clock=clock.now)
            assert (done.done, begun.is_alive()) == (1, True)
        finally:
            receiver.gone.set()
            begun.join()


def _serve_elsewhere(cast: Cast, channel: Channel) -> None:
    """In a thread with a connection of its own, as another worker."""
    try:
        dispatching.serve(cast.tenant.id, channel.id, worker="other", clock=clock.now)
    finally:
        connection.close()


def test_failing_again_and_again_opens_the_breaker_and_says_so(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/status/503")
    for _ in range(5):
        happens(cast)
    follow(cast)
    serve(cast, channel)
    assert len(receiver.got) == 3
    assert events(cast, "breaker.opened") == 1
    assert follow(cast) == 0  # its own trouble is not sent to itself


# -- two people, two secrets ------------------------------------------------------------------------------------------------


def test_nothing_is_sent_before_another_person_confirmed_it(cast: Cast, receiver: Receiver) -> None:
    administrator = cast.actor(Role.ADMINISTRATOR)
    with pytest.raises(NotPermitted):
        channels.enter_open(
            "webhook", "x", receiver.url, ["*"], "ja", actor=cast.actor(Role.OPERATOR), now=clock.now(), reason="x"
        )  # fmt: skip
    entered = channels.enter_open(
        "webhook",
        "監視",
        receiver.url,
        ["*"],
        "ja",
        actor=administrator,
        now=clock.now(),
        reason="連携のため",
    )
    happens(cast)
    assert follow(cast) == 0
    with tenant_scope(cast.tenant.id):
        (one,) = list_channels(actor=administrator)
        assert (one.row.state, one.entered) == ("draft", str(entered.operation.id))
    assert entered.text not in json.dumps(entered.operation.shown)
    confirm(cast, entered.operation)
    happens(cast)
    assert follow(cast) >= 1


def test_during_an_exchange_both_secrets_sign_and_then_the_new_one_alone(
    cast: Cast, receiver: Receiver
) -> None:
    channel, old = opened(cast, f"{receiver.url}/in", ["operation.failed"])
    entered = channels.enter_rotate(
        channel.id, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="定期"
    )
    confirm(cast, entered.operation)
    for after in (timedelta(), timedelta(hours=25)):
        happens(cast)
        follow(cast)
        serve(cast, channel, after=after)
    both, alone = (got.headers["webhook-signature"].split(" ") for got in receiver.got)
    assert (len(both), len(alone)) == (2, 1)
    assert alone[0] == _signature(receiver.got[1], entered.text)
    assert {both[0], both[1]} == {_signature(receiver.got[0], one) for one in (old, entered.text)}


def _signature(got: Any, secret: str) -> str:
    return signed(
        got.body, message_id=got.headers["webhook-id"], seconds=int(got.headers["webhook-timestamp"]), keys=[secret]
    )["webhook-signature"]  # fmt: skip


def test_an_ended_receiver_gets_nothing_more_and_its_secret_is_gone(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/in")
    happens(cast)
    follow(cast)
    ended = channels.enter_end(
        channel.id, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="終了"
    )
    confirm(cast, ended)
    serve(cast, channel)
    assert receiver.got == []
    with tenant_scope(cast.tenant.id):
        assert not ChannelSecret.objects.filter(channel=channel).exists()
        assert set(Dispatch.objects.values_list("state", flat=True)) == {"dropped"}


def test_the_database_lets_no_secret_be_used_that_two_people_did_not_confirm(
    cast: Cast, receiver: Receiver
) -> None:
    """Of a chat the secret is the address: another one would send the tenant's events elsewhere."""
    channel, _secret = opened(cast, f"{receiver.url}/in")
    actor, now, tenant_id = cast.actor(Role.ADMINISTRATOR), clock.now(), cast.tenant.id

    def forge(live: bool) -> None:
        """One that is used at once, or is kept first and used afterwards."""
        subject = Subject("channel", str(channel.id), channel.name)
        record("channel.replayed", actor=actor, subject=subject, now=now)
        one = ChannelSecret(
            tenant_id=tenant_id, channel=channel, sealed="s", fingerprint="f", live=live, made_at=now
        )
        one.save(force_insert=True)
        ChannelSecret.objects.filter(id=one.id).update(live=True)

    for live in (True, False):
        with pytest.raises(DatabaseError, match="confirmed operation"), tenant_scope(tenant_id):
            forge(live)
    with pytest.raises(DatabaseError, match="permission denied"), tenant_scope(tenant_id):
        ChannelSecret.objects.filter(channel=channel).update(sealed="s")


def test_a_change_is_held_against_what_stood_when_it_was_entered(cast: Cast, receiver: Receiver) -> None:
    channel, _secret = opened(cast, f"{receiver.url}/in")
    actor = cast.actor(Role.ADMINISTRATOR)
    first, second = (
        channels.enter_change(channel.id, name, f"{receiver.url}/new", ["operation.failed"], "ja", actor=actor,
                              now=clock.now(), reason="変更") for name in ("一", "二")
    )  # fmt: skip
    confirm(cast, first)
    with pytest.raises(StaleContent):
        confirm(cast, second)
    assert fresh(cast, channel).name == "一"


def test_the_database_itself_lets_no_receiver_in_without_its_operation(cast: Cast, as_role: AsRole) -> None:
    row = Channel(
        tenant_id=cast.tenant.id, kind="webhook", name="x", url="https://evil.example", host="evil.example", wanted=["*"],
        state="active", made_at=clock.now(),
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="confirmed operation"), tenant_scope(cast.tenant.id):
        row.save(force_insert=True)


def test_ids_that_are_not_there_are_not_found(cast: Cast) -> None:
    for act in (dispatching.replay, dispatching.discard):
        with pytest.raises(NotFound):
            act(uuid.uuid4(), actor=cast.actor(Role.ADMINISTRATOR), now=clock.now())
