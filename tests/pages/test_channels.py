"""The pages of receivers: entering one, its secret once, its log, sending once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from accounts.domain.permissions import Role
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.accounts.channels import follow, happens, log_of, opened, serve
from tests.accounts.receiver import Receiver, receiving
from tests.factories import Cast
from tests.stage import Stage, make_stage, signed_in


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def enter(stage: Stage, role: Role, **typed: Any) -> Any:
    given = {
        "kind": "webhook", "name": "監視", "url": "https://hooks.example.jp/toban", "events": ["operation.failed"],
        "language": "ja", "reason": "連携のため",
    }  # fmt: skip
    return stage.client(role).post(stage.url("channels/"), given | typed)


def test_the_secret_is_shown_once_and_the_entry_waits(stage: Stage) -> None:
    answer = enter(stage, Role.ADMINISTRATOR)
    assert answer.status_code == 200
    text = answer.content.decode()
    secret = answer.context["entered"].text
    assert secret.startswith("whsec_")
    assert secret in text
    page = stage.client(Role.ADMINISTRATOR).get(stage.url("channels/"))
    assert secret not in page.content.decode()
    assert page.context["rows"][0].entered
    with tenant_scope(stage.cast.tenant.id):
        operation = Operation.objects.get(kind="channel.open")
    assert secret not in str(operation.parameters)
    sheet = stage.client(Role.APPROVER).get(stage.url(f"operations/{operation.id}/"))
    assert "https://hooks.example.jp/toban" in sheet.content.decode()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"events": [], "patterns": ""}, "patterns"),
        ({"patterns": "not a kind!"}, "patterns"),
        ({"kind": "slack", "topics": []}, "topics"),
        ({"name": ""}, "name"),
        ({"reason": ""}, "reason"),
    ],
)
def test_what_is_wrong_stands_at_its_field(stage: Stage, typed: dict[str, Any], field: str) -> None:
    answer = enter(stage, Role.ADMINISTRATOR, **typed)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors


def test_an_address_that_is_never_asked_is_said_on_the_page(stage: Stage) -> None:
    answer = enter(stage, Role.ADMINISTRATOR, url="https://169.254.169.254/x")
    assert (answer.status_code, answer.context["form"].refused) == (422, "private_address")


def test_a_log_names_status_and_error_and_a_dead_letter_is_sent_once_more(
    stage: Stage, receiver: Receiver
) -> None:
    channel, _secret = opened(stage.cast, f"{receiver.url}/in", ["operation.failed"])
    receiver.failures = 1
    happens(stage.cast)
    follow(stage.cast)
    serve(stage.cast, channel, after=timedelta(days=4))
    url = stage.url(f"channels/{channel.id}/")
    page = stage.client(Role.VIEWER).get(url)
    assert [(one.state, one.status) for one in page.context["dispatches"]] == [("dead", 500)]
    assert "500" in page.content.decode()
    (row,) = log_of(stage.cast, channel)
    decide = stage.url(f"channels/dispatches/{row.id}/")
    assert stage.client(Role.VIEWER).post(decide, {"do": "replay"}).status_code == 403
    assert stage.client(Role.ADMINISTRATOR).post(decide, {"do": "replay"}).status_code == 302
    serve(stage.cast, channel)
    assert [one.state for one in log_of(stage.cast, channel)] == ["done"]
    assert signed_in(stage.cast.stranger).get(url).status_code == 404


def test_a_change_the_exchange_and_the_end_are_entered_on_its_page(stage: Stage, receiver: Receiver) -> None:
    channel, _secret = opened(stage.cast, f"{receiver.url}/in", ["operation.failed"])
    client, url = stage.client(Role.ADMINISTRATOR), stage.url(f"channels/{channel.id}/")
    changed = {
        "name": "新しい名前",
        "url": f"{receiver.url}/in",
        "patterns": "operation.*",
        "language": "ja",
        "reason": "変更",
    }
    assert client.post(url, changed).status_code == 302
    exchanged = client.post(f"{url}do/", {"do": "rotate", "reason": "定期"})
    assert exchanged.context["entered"].text in exchanged.content.decode()
    assert client.post(f"{url}do/", {"do": "end", "reason": ""}).status_code == 422
    assert client.post(f"{url}do/", {"do": "end", "reason": "終了"}).status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        kinds = set(Operation.objects.values_list("kind", flat=True))
    assert {"channel.change", "channel.rotate", "channel.end"} <= kinds
