"""What was decided about a receiver holds at once, and what nothing is signed with any more goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection

from accounts.domain.permissions import Role
from accounts.models import Channel, ChannelSecret
from accounts.operations import channels, clearing, dispatching
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.accounts.channels import confirm, follow, fresh, happens, opened, serve
from tests.accounts.receiver import Receiver, receiving
from tests.conftest import _as_role
from tests.factories import Cast
from tests.medical_audit.support import plant
from tests.medical_audit.test_erasures import Scene, scene

__all__ = ["scene"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def test_a_confirmed_change_of_address_holds_for_the_very_next_message(
    cast: Cast, receiver: Receiver
) -> None:
    """The visit is under way: the first message is being sent while the change is confirmed."""
    channel, _secret = opened(cast, f"{receiver.url}/old")
    for _one in range(3):
        happens(cast)
    follow(cast)
    changing = channels.enter_change(
        channel.id, "監視基盤", f"{receiver.url}/new", ["*"], "ja", actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(),
        reason="移転",
    )  # fmt: skip

    def then() -> datetime:
        """The visit asks for the time; once the first message has come, somebody confirms in between."""
        if receiver.got and not connection.in_atomic_block and fresh(cast, channel).url.endswith("/old"):
            with _as_role("web"):
                confirm(cast, changing)
        return clock.now()

    with _as_role("worker"):
        dispatching.serve(cast.tenant.id, channel.id, worker="test", clock=then)
    assert [got.path for got in receiver.got] == ["/old", "/new", "/new"]
    assert fresh(cast, channel).url.endswith("/new")


def secrets(cast: Cast, channel_id: object) -> int:
    with tenant_scope(cast.tenant.id):
        return ChannelSecret.objects.filter(channel_id=channel_id).count()


def clear(cast: Cast, *, after: timedelta = timedelta()) -> int:
    with _as_role("worker"):
        return clearing.clear(actor=system_actor(cast.tenant.id, "channels"), now=clock.now() + after)


def test_secrets_that_nothing_is_signed_with_go(cast: Cast, receiver: Receiver) -> None:
    """Of a receiver that was turned down, of an exchange that was, and the old one of an exchange whose day is over."""
    administrator, approver = cast.actor(Role.ADMINISTRATOR), cast.actor(Role.APPROVER)
    kept, _secret = opened(cast, f"{receiver.url}/in")
    refused = channels.enter_open(
        "webhook", "他", receiver.url, ["*"], "ja", actor=administrator, now=clock.now(), reason="x"
    ).operation
    waits = channels.enter_open(
        "webhook", "待", receiver.url, ["*"], "ja", actor=administrator, now=clock.now(), reason="x"
    ).operation
    rotations = [
        channels.enter_rotate(kept.id, actor=administrator, now=clock.now(), reason="定期").operation
        for _ in "12"
    ]
    assert clear(cast) == 0
    for one in (refused, rotations[0]):
        entry.reject(one.id, actor=approver, now=clock.now(), reason="不要")
    assert clear(cast) == 2
    assert [secrets(cast, one) for one in (kept.id, refused.target_id, waits.target_id)] == [2, 0, 1]
    confirm(cast, rotations[1])
    assert (clear(cast), secrets(cast, kept.id)) == (0, 2)
    assert (clear(cast, after=timedelta(hours=25)), secrets(cast, kept.id)) == (1, 1)
    happens(cast)
    follow(cast)
    assert serve(cast, kept, after=timedelta(hours=25)).done >= 1


def test_the_address_of_his_own_room_goes_with_him(scene: Scene) -> None:
    """As it was left before rooms ended with their person's place."""
    kept = {"tenant_id": scene.tenant_id, "made_at": clock.now()}
    room = plant(
        Channel(
            **kept, kind="slack", name="slack", host="hooks.slack.com", person_id=scene.person, state="active"
        )
    )
    plant(ChannelSecret(**kept, channel=room, sealed="s", fingerprint="f", live=True))
    scene.confirm(scene.enter())
    with tenant_scope(scene.tenant_id):
        assert Channel.objects.get(id=room.id).state == "ended"
        assert not ChannelSecret.objects.filter(channel=room).exists()
