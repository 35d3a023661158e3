"""Where events may go: public addresses, TLS, the chats' own hosts; judged at each attempt, whatever a name says by then."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings

from accounts import outside
from accounts.domain.channels import is_chat_host, slack_body, teams_body
from accounts.domain.permissions import Role
from accounts.operations import channels
from accounts.operations.own_chats import choose_chat
from accounts.queries.channels import reach
from medical_audit import clock
from medical_audit.domain.errors import Refused
from tests.accounts.channels import follow, fresh, happens, opened, serve
from tests.accounts.receiver import Receiver, receiving
from tests.factories import Cast


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.mark.parametrize(
    ("kind", "url", "code"),
    [
        ("webhook", "http://hooks.example.jp/", "private_address"),
        ("webhook", "https://10.0.0.8/", "private_address"),
        ("webhook", "https://169.254.169.254/latest", "private_address"),
        ("webhook", "https://user:secret@example.jp/", "bad_url"),
        ("webhook", "ftp://example.jp/", "https_only"),
        ("slack", "https://example.jp/services/x", "bad_chat_host"),
        ("teams", "https://hooks.slack.com/services/x", "bad_chat_host"),
    ],
)
def test_addresses_that_are_never_asked(cast: Cast, kind: str, url: str, code: str) -> None:
    def entering() -> None:
        wanted = ["failed"] if kind != "webhook" else ["*"]
        channels.enter_open(
            kind, "x", url, wanted, "ja", actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="x"
        )

    if code == "private_address" and url.startswith("http://"):
        # The text alone does not tell; the name is judged when it is asked.
        with pytest.raises(outside.Unanswered, match=r"unreachable|private_address"):
            outside.ask(url, outside.Bounds(5, 0), reach())
        return
    with pytest.raises(Refused) as refused:
        entering()
    assert refused.value.code == code


def test_a_name_that_leads_inside_later_is_not_asked(
    cast: Cast, receiver: Receiver, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: judged is the address to which the connection goes."""
    port = receiver.url.rpartition(":")[2]
    channel, _secret = opened(cast, f"https://hooks.example.jp:{port}/in")
    settings.CHANNEL_NETWORKS = ()
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest, **more))
    happens(cast)
    follow(cast)
    serve(cast, channel)
    assert fresh(cast, channel).problem == "receiver_private_address"
    assert receiver.got == []


def test_chats_are_at_their_own_hosts() -> None:
    assert is_chat_host("slack", "hooks.slack.com", [])
    assert is_chat_host("teams", "prod-1.japaneast.logic.azure.com:443", [])
    assert not is_chat_host("slack", "hooks.slack.com.evil.example", [])
    assert not is_chat_host("teams", "evil-logic.azure.com.example", [])


def test_names_from_aws_become_neither_links_nor_mentions() -> None:
    assert "<!channel>" not in slack_body("t", ["<!channel> & co"])["text"]
    card = teams_body("[x](https://evil)", ["[y](https://evil)"])["attachments"][0]["content"]["body"]
    assert "](" not in card[0]["text"]
    assert card[1]["type"] == "RichTextBlock"


LONG = ("https://" + "a" * 300 + ".webhook.office.com/x", "https://" + "a" * 64 + ".webhook.office.com/x",
        "https://" + "a." * 130 + "webhook.office.com/x", "https://a..webhook.office.com/x", "https://" + "a" * 64 + ".example.jp")  # fmt: skip


@pytest.mark.parametrize("url", LONG)
def test_a_host_longer_than_a_name_can_be_is_refused_by_every_way(
    cast: Cast, receiver: Receiver, url: str
) -> None:
    actor = cast.actor(Role.ADMINISTRATOR)
    channel, _secret = opened(cast, f"{receiver.url}/in")

    def keeping(**given: str) -> None:
        channels.enter_change(
            channel.id, "x", given["url"], ["*"], "ja", actor=actor, now=clock.now(), reason="x"
        )

    ways: tuple[Callable[[], object], ...] = (
        lambda: channels.enter_open("webhook", "x", url, ["*"], "ja", actor=actor, now=clock.now(), reason="x"),
        lambda: channels.enter_open("teams", "x", url, ["failed"], "ja", actor=actor, now=clock.now(), reason="x"),
        lambda: choose_chat("teams", ["failed"], url, "ja", actor=actor, now=clock.now()),
        lambda: keeping(url=url),
    )  # fmt: skip
    for way in ways:
        with pytest.raises(Refused, match="bad_url"):
            way()
