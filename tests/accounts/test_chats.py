"""Slack and Teams: the tenant's rooms, and a person's own; each is told what was chosen, and nobody more than he may see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings

from accounts.domain.permissions import Role
from accounts.domain.terms import Terms
from accounts.models import Channel, ChannelSecret, User
from accounts.operations import clearing, members
from accounts.operations.dispatching import Sent
from accounts.operations.own_chats import choose_chat
from accounts.operations.terms import enter_terms
from accounts.queries.channels import list_channels
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import Refused
from medical_audit.models import Event
from medical_audit.operations import delegating
from medical_audit.tenancy import tenant_scope
from tests.accounts.channels import confirm, follow, happens, log_of, opened, serve
from tests.accounts.receiver import Receiver, receiving
from tests.conftest import _as_role
from tests.factories import Cast, past_every_guard, revoke
from tests.stage import Stage, make_stage


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.TOBAN_URL = "https://toban.example.jp"
    with receiving() as one:
        yield one


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def choose(
    cast: Cast, role: Role, topics: list[str], url: str = "", kind: str = "slack", language: str = "ja"
) -> Channel | None:
    return choose_chat(kind, topics, url, language, actor=cast.actor(role), now=clock.now())


def texts(receiver: Receiver) -> list[str]:
    return [got.json["text"] for got in receiver.got]


def test_a_room_is_told_of_its_topics_in_one_message(cast: Cast, receiver: Receiver) -> None:
    room, text = opened(cast, f"{receiver.url}/T0/B0/secret", ["failed"], kind="slack")
    assert (text, room.url) == ("", "")
    for number in range(25):
        happens(cast, name=f"web-{number:02}")
    happens(cast, "operation.missed", name="not-chosen")
    assert follow(cast) == 1
    serve(cast, room)
    (said,) = texts(receiver)
    assert "25" in said.splitlines()[0]
    assert "web-00" in said
    assert "web-24" not in said  # it is counted
    assert "not-chosen" not in said
    assert "https://toban.example.jp/t/" in said


def test_a_room_hears_what_waits_about_a_person_without_his_name(cast: Cast, receiver: Receiver) -> None:
    room, _text = opened(cast, f"{receiver.url}/T0/B0/secret", ["waiting"], kind="slack")
    actor, now = cast.actor(Role.ADMINISTRATOR), clock.now()
    person = cast.people[Role.VIEWER]
    closing = members.enter_close(person.id, actor=actor, now=now, reason="退職のため")
    asked = delegating.enter_deputies(
        [str(cast.people[Role.APPROVER].id)], actor=cast.actor(Role.OPERATOR), now=now, reason="夜勤のため"
    )
    follow(cast)
    serve(cast, room)
    said = "\n".join(texts(receiver))
    assert str(closing.id) in said
    assert str(asked.id) in said
    assert not [one.name for one in cast.people.values() if one.name in said]


def test_the_address_of_a_room_is_kept_sealed_and_said_nowhere(
    stage: Stage, cast: Cast, receiver: Receiver
) -> None:
    room, _text = opened(cast, f"{receiver.url}/status/500?key=verysecret", ["failed"], kind="slack")
    happens(cast)
    follow(cast)
    serve(cast, room)
    with tenant_scope(cast.tenant.id):
        assert not any("verysecret" in body for body in Event.objects.values_list("body", flat=True))
        assert "verysecret" not in ChannelSecret.objects.get(channel=room).sealed
    page = stage.client(Role.ADMINISTRATOR).get(stage.url(f"channels/{room.id}/"))
    assert page.status_code == 200
    assert "verysecret" not in page.content.decode()
    assert "verysecret" not in json.dumps([row.detail for row in log_of(cast, room)])


def test_teams_gets_a_card(cast: Cast, receiver: Receiver) -> None:
    room, _text = opened(cast, f"{receiver.url}/in", ["failed"], kind="teams")
    happens(cast)
    follow(cast)
    serve(cast, room)
    card = receiver.got[0].json["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert "ehr-web-01" in json.dumps(card)


def test_ones_own_room_is_chosen_alone_and_is_ones_own(stage: Stage, cast: Cast, receiver: Receiver) -> None:
    with pytest.raises(Refused):
        choose(cast, Role.OPERATOR, ["failed"])  # no address yet
    mine = choose(cast, Role.OPERATOR, ["failed"], f"{receiver.url}/mine")
    assert mine is not None
    happens(cast)
    follow(cast)
    serve(cast, mine)
    assert [got.path for got in receiver.got] == ["/mine"]
    with tenant_scope(cast.tenant.id):
        assert list_channels(actor=cast.actor(Role.ADMINISTRATOR)) == []
    foreign = stage.client(Role.ADMINISTRATOR).get(stage.url(f"channels/{mine.id}/"))
    assert foreign.status_code == 404
    assert stage.client(Role.OPERATOR).get(stage.url(f"channels/{mine.id}/")).status_code == 200
    choose(cast, Role.OPERATOR, [])
    with tenant_scope(cast.tenant.id):
        assert not ChannelSecret.objects.filter(channel=mine).exists()
    happens(cast)
    assert follow(cast) == 0


def test_what_waits_is_told_only_to_those_who_may_confirm_it(
    stage: Stage, cast: Cast, receiver: Receiver
) -> None:
    rooms = {
        role: choose(cast, role, ["waiting"], f"{receiver.url}/{role}")
        for role in (Role.OPERATOR, Role.APPROVER, Role.VIEWER)
    }
    operation = stage.entered()  # by the operator
    assert follow(cast) == 1
    for room in rooms.values():
        assert room is not None
        serve(cast, room)
    assert [got.path for got in receiver.got] == ["/approver"]
    assert str(operation.id) in texts(receiver)[0]


def test_who_left_the_tenant_is_told_nothing_more(cast: Cast, receiver: Receiver) -> None:
    mine = choose(cast, Role.OPERATOR, ["failed"], f"{receiver.url}/mine")
    revoke(cast.tenant.id, cast.people[Role.OPERATOR])
    happens(cast)
    assert follow(cast) == 0
    assert mine is not None


def test_each_person_picks_topics_by_way_on_one_page(stage: Stage, cast: Cast, receiver: Receiver) -> None:
    client = stage.client(Role.VIEWER)

    def send(**typed: Any) -> Any:
        return client.post(stage.url("inbox/settings/"), {"inbox": ["failed"], **typed})

    refused = send(slack=["failed"], slack_url="https://evil.example/x")
    assert refused.status_code == 422
    assert "slack_url" in refused.context["form"].errors
    assert send(slack=["failed"]).status_code == 422  # no address
    assert send(slack=["failed", "breaker"], slack_url=f"{receiver.url}/v").status_code == 302
    with tenant_scope(cast.tenant.id):
        assert Channel.objects.get().wanted == ["failed", "breaker"]
        assert Event.objects.filter(kind="channel.own_chosen").count() == 1
    page = client.get(stage.url("inbox/settings/"))
    assert receiver.url not in page.content.decode().replace(receiver.url.partition("//")[2], "")
    assert send(slack=["failed", "breaker"]).status_code == 302
    with tenant_scope(cast.tenant.id):
        assert Event.objects.filter(kind="channel.own_chosen").count() == 1, "what did not change is no event"


def _closed(cast: Cast, person: User) -> None:
    decided(cast, members.enter_close, person.id)


def _without_role(cast: Cast, person: User) -> None:
    decided(cast, members.enter_revoke, person.id, "operator")


def _days_over(cast: Cast, person: User) -> None:
    """The last day has passed, and the clock has run."""
    decided(
        cast,
        enter_terms,
        person.id,
        Terms(kind="vendor", company="保守社", last=clock.now().astimezone(ZoneInfo("Asia/Tokyo")).date()),
    )
    past_every_guard(
        "UPDATE accounts_memberterms SET ends_at = now() - interval '1 minute' WHERE tenant_id = %s AND user_id = %s",
        [cast.tenant.id, person.id],
    )


def _without_word(cast: Cast, person: User) -> None:
    """As people left before their rooms ended with them."""
    revoke(cast.tenant.id, person)


def decided(cast: Cast, enter: Any, *given: object) -> None:
    confirm(cast, enter(*given, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="退職"))


@pytest.mark.parametrize("leave", [_closed, _without_role, _days_over, _without_word])
def test_ones_own_room_ends_with_ones_place_and_what_waits_is_not_sent(
    cast: Cast, receiver: Receiver, leave: Callable[[Cast, User], None]
) -> None:
    mine = choose(cast, Role.OPERATOR, ["failed"], f"{receiver.url}/status/503")
    assert mine is not None
    for _one in range(2):
        happens(cast)
        follow(cast)
    assert serve(cast, mine).failed == 2
    leave(cast, cast.people[Role.OPERATOR])
    before = len(receiver.got)
    assert serve(cast, mine, after=timedelta(days=1)) == Sent()
    with _as_role("worker"):
        clearing.clear(actor=system_actor(cast.tenant.id, "channels"), now=clock.now())
    assert len(receiver.got) == before
    assert {one.state for one in log_of(cast, mine)} == {"dropped"}
    with tenant_scope(cast.tenant.id):
        assert Channel.objects.get(id=mine.id).state == "ended"
        assert not ChannelSecret.objects.filter(channel=mine).exists()
        assert Event.objects.filter(kind="channel.own_ended").count() == 1
