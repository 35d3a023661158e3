"""The page of volumes that serve nothing: what they cost, keeping some for now, entering the deletion of many."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.domain.permissions import Role
from infra.domain.prices import PriceRow
from infra.models import Volume
from infra.operations import pricing
from infra.operations.deleting import KIND
from infra.queries.leftover_months import trend
from medical_audit import clock
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import proof
from tests.simulated import TOKYO
from tests.stage import Stage

LONG_AGO = timedelta(days=100)
TOKYO_TIME = ZoneInfo("Asia/Tokyo")


def left(stage: Stage, number: int, **facts: object) -> list[Volume]:
    return stage.volumes(
        number, state="available", detached_at=clock.now() - LONG_AGO, served_instance="i-1", **facts
    )


def priced(stage: Stage, per_gib: str = "0.096") -> None:
    row = PriceRow("volume", TOKYO, "gp3", Decimal(per_gib), "USD", "AWS Price List", date(2026, 11, 1))
    actor, now = stage.cast.actor(Role.ADMINISTRATOR), clock.now()
    found = pricing.enter_change([row], actor=actor, now=now, reason="更新")
    entry.confirm(found.id, actor=actor, now=now, seen_digest=found.digest, proof=proof(actor, now))


def test_three_of_a_hundred_gib_cost_28_80_at_the_entered_price_and_nothing_without_one(stage: Stage) -> None:
    left(stage, 3, tags={"Project": "電子カルテ", "Owner": "情報システム課"})
    left(stage, 1, type="io2")
    stage.volumes(1, state="available", detached_at=clock.now() - timedelta(days=3))
    client = stage.client(Role.VIEWER)
    seen = client.get(stage.url("volumes/left-over/")).context["seen"]
    assert (seen.total.volumes, seen.total.unpriced, seen.total.pairs) == (4, 4, [])
    priced(stage)
    answer = client.get(stage.url("volumes/left-over/"))
    seen = answer.context["seen"]
    assert (seen.total.pairs, seen.total.unpriced) == ([("USD", Decimal("28.80"))], 1)
    assert [(project, money.volumes) for project, money in seen.by_project] == [("電子カルテ", 3), ("", 1)]
    assert (seen.rows[0].owner, str(seen.rows[0].advice)) == ("情報システム課", "delete")
    page = answer.content.decode()
    assert "AWS Price List" in page
    assert "data-bulk" not in page  # a viewer decides nothing


def test_many_are_entered_and_one_that_cannot_be_holds_back_none(stage: Stage) -> None:
    good, busy, kept = left(stage, 3)
    [kept] = left(stage, 1, tags={"Toban": "never"})
    client, url = stage.client(Role.OPERATOR), stage.url("volumes/left-over/")
    client.post(stage.url(f"volumes/{busy.id}/delete/"), {"reason": "先に", "token": "b" * 32})
    sent = {
        "do": "delete", "ids": [str(one.id) for one in (busy, kept, good)], "reason": "使っていない", "days": "30",
        "token": "a" * 32,
    }  # fmt: skip
    for _ in range(2):  # a form sent twice enters each once
        answer = client.post(url, sent)
        assert {one.code for one in answer.context["undone"]} == {"operation_open", "never_touch"}
    with tenant_scope(stage.cast.tenant.id):
        entered = Operation.objects.filter(kind=KIND)
        assert {one.target_id for one in entered} == {str(good.id), str(busy.id)}
        assert {one.state for one in entered} == {"ENTERED"}


def test_so_many_at_once_are_refused_and_a_reason_is_needed(stage: Stage) -> None:
    rows = left(stage, 51)
    client, url = stage.client(Role.OPERATOR), stage.url("volumes/left-over/")
    every = [str(one.id) for one in rows]
    sent = {"do": "delete", "ids": every, "reason": "x", "days": "30"}
    assert client.post(url, sent).context["refused"] == "too_many"
    assert client.post(url, {**sent, "ids": every[:1], "reason": ""}).status_code == 422
    assert client.post(url, {**sent, "ids": []}).context["refused"] == "nothing_selected"
    with tenant_scope(stage.cast.tenant.id):
        assert not Operation.objects.filter(kind=KIND).exists()


def test_what_is_kept_for_now_is_not_left_over_until_then(stage: Stage) -> None:
    [volume] = left(stage, 1)
    client, url = stage.client(Role.OPERATOR), stage.url("volumes/left-over/")
    answer = client.post(
        url, {"do": "keep", "ids": [str(volume.id)], "reason": "来月の監査まで", "days": "30"}, follow=True
    )
    seen = answer.context["seen"]
    assert (seen.rows, [one.volume.id for one in seen.snoozed]) == ([], [volume.id])
    assert seen.snoozed[0].volume.snooze_reason == "来月の監査まで"
    assert "来月の監査まで" in client.get(stage.url(f"volumes/{volume.id}/")).content.decode()
    with tenant_scope(stage.cast.tenant.id):
        event = json.loads(Event.objects.get(kind="volume.snoozed").body)
    assert (event["reason"], event["detail"]["days"]) == ("来月の監査まで", 30)


def test_the_months_tell_what_was_left_over_also_of_what_is_gone(stage: Stage) -> None:
    now = clock.now()
    [old] = left(stage, 1, tags={"Project": "電子カルテ"})
    [gone] = left(stage, 1, gone_at=now - timedelta(days=40))
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Volume.objects.filter(id__in=[old.id, gone.id]).update(first_seen_at=now - timedelta(days=160))
    stage.volumes(1)
    priced(stage)
    answer = stage.client(Role.VIEWER).get(stage.url("volumes/left-over/months/"))
    with tenant_scope(stage.cast.tenant.id):
        seen = trend(actor=stage.cast.actor(Role.VIEWER), now=now, tz=TOKYO_TIME)
    assert answer.context["days"][-1] == now.astimezone(TOKYO_TIME).date().replace(day=1)
    assert (len(seen.months), seen.months[-1].running) == (12, True)
    assert (seen.months[-1].volumes, seen.months[0].pairs) == (1, [])
    assert seen.months[-4].volumes == 2
    whole = seen.months[-4].amounts["USD"]  # both, all of that month
    assert whole == Decimal("19.20")
    assert seen.projects == [("電子カルテ", "USD"), ("", "USD")]
    assert "19.20 USD" in answer.content.decode()
