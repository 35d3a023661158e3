"""The bell and the inbox: what is new, marked as read by its reader, and each person's own choice."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.domain.notices import Topic
from accounts.domain.permissions import Role
from accounts.models import NoticeChoice
from medical_audit import clock
from medical_audit.domain.actor import Subject, system_actor
from medical_audit.models import Event
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from tests.stage import Stage


def happened(stage: Stage, kind: str, name: str) -> None:
    tenant_id = stage.cast.tenant.id
    with tenant_scope(tenant_id):
        record(
            kind, actor=system_actor(tenant_id, "worker"), subject=Subject("account", "a-1", name), now=clock.now(),
            outcome="failed", detail={"kind": "ec2.start"},
        )  # fmt: skip


def bell(client: Client, stage: Stage) -> int:
    return int(str(client.get(stage.url("volumes/")).context["unread_count"]))


def test_the_bell_counts_what_is_new_and_is_silent_once_it_is_read(stage: Stage) -> None:
    happened(stage, "operation.missed", "ehr-web-01")
    stage.entered(stage.resource(name="pacs-02"), role=Role.OPERATOR)
    client = stage.client(Role.APPROVER)
    assert bell(client, stage) == 2
    page = client.get(stage.url("inbox/"))
    for part in ("ehr-web-01", "pacs-02"):
        assert part in page.content.decode()
    assert bell(client, stage) == 2, "looking is not reading"
    happened(stage, "operation.failed", "ehr-web-03")
    answer = client.post(stage.url("inbox/read/"), {"up_to": page.context["up_to"]})
    assert answer["Location"] == stage.url("inbox/")
    assert bell(client, stage) == 1
    assert [one.unread for one in client.get(stage.url("inbox/")).context["rows"]] == [True, False]
    assert bell(stage.client(Role.ADMINISTRATOR), stage) == 3, "each person reads for himself"


@pytest.mark.parametrize("up_to", ["", "x", "-5", "٣", "9" * 30])
def test_a_mark_that_is_no_place_marks_no_more_than_there_is(stage: Stage, up_to: str) -> None:
    happened(stage, "operation.missed", "ehr-web-01")
    client = stage.client(Role.VIEWER)
    assert client.post(stage.url("inbox/read/"), {"up_to": up_to}).status_code == 302
    happened(stage, "operation.missed", "ehr-web-02")
    assert bell(client, stage) >= 1


def choose(client: Client, stage: Stage, **typed: Any) -> Any:
    return client.post(stage.url("inbox/settings/"), typed)


def test_a_person_chooses_and_the_choice_is_recorded(stage: Stage) -> None:
    client = stage.client(Role.VIEWER)
    answer = choose(client, stage, inbox=["missed"], mail=["missed", "drift"], address="etsuran@example.jp")
    assert answer["Location"] == stage.url("inbox/")
    shown = client.get(stage.url("inbox/settings/")).context["topics"]
    chosen = {one["topic"]: [way["way"] for way in one["ways"] if way["on"]] for one in shown}
    assert {topic: ways for topic, ways in chosen.items() if ways} == {
        "missed": ["inbox", "mail"],
        "drift": ["mail"],
    }
    assert set(chosen) == {str(one) for one in Topic}
    with tenant_scope(stage.cast.tenant.id):
        assert Event.objects.filter(kind="member.notices_chosen").count() == 1
        assert NoticeChoice.objects.get().person_id == str(stage.cast.people[Role.VIEWER].id)
    choose(client, stage, inbox=["missed"], mail=["missed", "drift"], address="etsuran@example.jp")
    with tenant_scope(stage.cast.tenant.id):
        assert Event.objects.filter(kind="member.notices_chosen").count() == 1, (
            "what did not change is no event"
        )


def test_mail_needs_an_address_and_only_one_of_the_allowed_domains(
    stage: Stage, settings: LazySettings
) -> None:
    settings.TOBAN_MAIL_DOMAINS = ["hospital.example.jp"]
    client = stage.client(Role.VIEWER)
    for address in ("", "no address", "me@elsewhere.example", "me@hospital.example.jp.evil.example"):
        answer = choose(client, stage, mail=["failed"], address=address)
        assert answer.status_code == 422, address
        assert "address" in answer.context["form"].errors
    assert choose(client, stage, mail=["failed"], address="Me@Hospital.Example.JP").status_code == 302
    assert choose(client, stage, mail=[], address="").status_code == 302
