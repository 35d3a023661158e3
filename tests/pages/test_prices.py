"""Prices: entered with source and date, previewed, confirmed, each with its event; and what they are worth on the pages."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.domain.prices import KINDS, PriceRow
from infra.models import NamedSchedule, Price, Resource
from infra.models.account import Automation
from infra.operations import pricing
from infra.queries.savings import Saving, month_of
from medical_audit import clock
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.medical_audit.support import plant
from tests.pages.test_planning import confirm, make, operation
from tests.pages.test_schedule_pages import asked
from tests.stage import Stage

HEADING = "kind,region,type,per_hour,currency,source,as_of\n"
TOKYO = "ap-northeast-1"


def row(type_: str = "t3.small", per_hour: str = "0.0272", **more: Any) -> PriceRow:
    given: dict[str, Any] = {"currency": "USD", "source": "AWS Price List", "as_of": date(2026, 11, 1)} | more
    return PriceRow("ec2", given.pop("region", TOKYO), type_, Decimal(per_hour), **given)


def entered(stage: Stage, *rows: PriceRow) -> Operation:
    return pricing.enter_change(
        rows, actor=stage.cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="更新"
    )


def confirmed(stage: Stage, found: Operation) -> None:
    actor, now = stage.cast.actor(Role.ADMINISTRATOR), clock.now()
    entry.confirm(found.id, actor=actor, now=now, seen_digest=found.digest, proof=proof(actor, now))


def priced(stage: Stage, *rows: PriceRow) -> None:
    confirmed(stage, entered(stage, *rows))


def post(stage: Stage, role: Role = Role.ADMINISTRATOR, **given: Any) -> HttpResponse:
    answer: HttpResponse = stage.client(role).post(stage.url("prices/"), {"then": "preview", **given})  # type: ignore[assignment]
    return answer


def context(answer: HttpResponse) -> Any:
    return answer.context  # type: ignore[attr-defined]


def test_a_price_goes_from_its_field_over_the_preview_to_the_table(stage: Stage) -> None:
    stage.resource(state="running")
    page = stage.client(Role.ADMINISTRATOR).get(stage.url("prices/"))
    assert [(one.type, one.count, one.running) for one in page.context["page"].missing] == [
        ("t3.small", 1, 1)
    ]
    fields: dict[str, Any] = {
        "rows": "2", "r0-kind": "ec2", "r0-region": TOKYO, "r0-type": "t3.small", "r0-per_hour": "0.0272",
        "r0-currency": "USD", "source": "AWS Price List", "as_of": "2026-11-01",
    }  # fmt: skip
    preview = context(post(stage, **fields))
    assert preview["shown"]["prices"][0]["before"] is None
    missing = post(stage, table=preview["table"], then="enter")
    assert (missing.status_code, list(context(missing)["form"].errors)) == (422, ["reason"])
    token = preview["form"]["token"].value()
    for _ in range(2):
        answer = post(stage, table=preview["table"], then="enter", reason="四半期の見直し", token=token)
        assert answer.status_code == 302
    sheet = stage.client(Role.ADMINISTRATOR).get(stage.url(f"operations/{operation(stage).id}/"))
    assert "AWS Price List" in sheet.content.decode()
    assert confirm(stage, Role.OPERATOR) == 403
    assert confirm(stage, Role.ADMINISTRATOR) == 302
    with tenant_scope(stage.cast.tenant.id):
        price = Price.objects.get()
    assert (price.per_hour, price.currency, price.as_of) == (Decimal("0.0272"), "USD", date(2026, 11, 1))
    assert price.changed_by_name == stage.cast.people[Role.ADMINISTRATOR].name


def test_before_nine_in_tokyo_today_is_no_day_of_the_future(stage: Stage, settings: Settings) -> None:
    begin = clock.now()
    half_past_eight = (begin + timedelta(days=1)).replace(hour=23, minute=30)
    settings.TOBAN_CLOCK_OFFSET += (half_past_eight - begin).total_seconds()
    today = half_past_eight.astimezone(ZoneInfo("Asia/Tokyo")).date()
    for days, code in ((0, None), (1, "future_date")):
        table = f"{HEADING}ec2,,t3.small,0.02,USD,AWS,{today + timedelta(days=days)}"
        problems = context(post(stage, table=table)).get("table_problems") or ()
        assert [one.code for one in problems] == ([code] if code else [])


def test_everything_that_costs_takes_a_price(stage: Stage) -> None:
    as_of = date(2026, 11, 1)
    priced(
        stage,
        *(PriceRow(kind, TOKYO, "x", Decimal("0.05"), "USD", "AWS Price List", as_of) for kind in KINDS),
    )
    with tenant_scope(stage.cast.tenant.id):
        assert set(Price.objects.values_list("kind", flat=True)) == set(KINDS)


def test_each_price_has_its_event_with_before_and_after(stage: Stage) -> None:
    priced(stage, row())
    priced(stage, row(per_hour="0.03"))
    pricing_out = pricing.enter_change(
        (),
        [("ec2", TOKYO, "t3.small")],
        actor=stage.cast.actor(Role.ADMINISTRATOR),
        now=clock.now(),
        reason="x",
    )
    confirmed(stage, pricing_out)
    with tenant_scope(stage.cast.tenant.id):
        events = [one.said for one in Event.objects.filter(kind__startswith="price.").order_by("ord")]
        assert not Price.objects.exists()
    said = [
        (
            one["kind"],
            *(side and side["per_hour"] for side in (one["detail"]["before"], one["detail"]["after"])),
        )
        for one in events
    ]
    assert said == [
        ("price.set", None, "0.0272"), ("price.set", "0.0272", "0.03"), ("price.removed", "0.03", None)
    ]  # fmt: skip
    assert {one["actor"]["name"] for one in events} == {stage.cast.people[Role.ADMINISTRATOR].name}
    assert len({one["subject"]["id"] for one in events}) == 1


def test_of_two_changes_entered_at_once_only_the_first_confirmed_holds(stage: Stage) -> None:
    first, second = entered(stage, row(per_hour="0.02")), entered(stage, row(per_hour="0.03"))
    confirmed(stage, first)
    with pytest.raises(StaleContent):
        confirmed(stage, second)


def test_the_same_price_again_is_no_change_and_nobody_else_may(stage: Stage) -> None:
    priced(stage, row())
    with pytest.raises(Refused, match="nothing_changed"):
        entered(stage, row(per_hour="0.027200"))
    for role in (Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.AUDITOR):
        with pytest.raises(NotPermitted):
            pricing.enter_change([row("x")], actor=stage.cast.actor(role), now=clock.now(), reason="x")
        assert post(stage, role).status_code == 403


def test_a_table_with_a_wrong_line_changes_nothing_and_keeps_the_text(stage: Stage) -> None:
    table = f"{HEADING}ec2,,m5.large,0.124,USD,list,2026-11-01\nec2,,c5.large,abc,USD,list,2026-11-01"
    answer = post(stage, table=table)
    assert answer.status_code == 422
    assert [(one.line, one.code) for one in context(answer)["table_problems"]] == [(2, "bad_price")]
    assert "c5.large,abc" in answer.content.decode()
    with tenant_scope(stage.cast.tenant.id):
        assert not Operation.objects.filter(kind="price.change").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_file_of_a_japanese_spreadsheet_is_read(stage: Stage, encoding: str) -> None:
    data = f"{HEADING}ec2,,m5.large,18.5,JPY,請求書,2026/11/1\r\n".encode(encoding)
    preview = context(post(stage, file=SimpleUploadedFile("prices.csv", data)))
    assert preview["shown"]["prices"][0]["after"]["source"] == "請求書"


def test_a_file_that_is_no_text_is_refused(stage: Stage) -> None:
    answer = post(stage, file=SimpleUploadedFile("prices.xlsx", b"PK\x03\x04\xff\xff\x81"))
    assert (answer.status_code, context(answer)["table_problems"][0].code) == (422, "table_encoding")


def test_the_table_is_downloaded_filled_in_and_sent_back(stage: Stage) -> None:
    stage.resource()
    stage.resource(kind="rds", type="db.t3.small", facts={"engine": "mysql", "multi_az": True})
    priced(stage, row())
    text = stage.client(Role.VIEWER).get(stage.url("prices/table.csv")).content.decode("utf-8-sig")
    lines = {one["type"]: one for one in csv.DictReader(io.StringIO(text))}
    assert (lines["t3.small"]["per_hour"], lines["db.t3.small mysql multi-az"]["per_hour"]) == ("0.0272", "")
    filled = text.replace("multi-az,,,,", "multi-az,0.088,USD,AWS Price List,2026-11-01")
    [change] = context(post(stage, table=filled))["shown"]["prices"]
    assert (change["kind"], change["type"]) == ("rds", "db.t3.small mysql multi-az")


def test_what_is_wrong_with_a_field_is_said_there_and_what_was_typed_stays(stage: Stage) -> None:
    stage.resource()
    fields: dict[str, Any] = {
        "rows": "2", "r0-kind": "ec2", "r0-region": TOKYO, "r0-type": "t3.small", "r0-per_hour": "1,5",
        "r0-currency": "JPY", "source": "", "as_of": "",
    }  # fmt: skip
    answer = post(stage, **fields)
    line = context(answer)["lines"][0]
    assert (answer.status_code, line["per_hour"], line["currency"]) == (422, "1,5", "JPY")
    assert "bad_price" in [one.code for one in line["problems"]]
    assert [one.field for one in context(answer)["common_problems"]] == ["source", "as_of"]


def test_a_price_older_than_twelve_months_is_said_to_be_old(stage: Stage) -> None:
    today = clock.now().date()
    stage.resource()
    priced(stage, row(as_of=today - timedelta(days=366)))
    page = stage.client(Role.VIEWER).get(stage.url("prices/"))
    assert (page.context["page"].stale, page.context["page"].priced[0].stale) == (1, True)
    priced(stage, row(as_of=today - timedelta(days=365)))
    assert stage.client(Role.VIEWER).get(stage.url("prices/")).context["page"].stale == 0


# -- what schedules save -------------------------------------------------------------------------------------------------


def saving_of(stage: Stage, pk: str) -> Any:
    return stage.client(Role.VIEWER).get(stage.url(f"schedules/{pk}/")).context["seen"]


def test_hours_and_money_of_the_month_come_from_the_engine_and_the_entered_prices(stage: Stage) -> None:
    pk = make(
        stage,
        stage.client(Role.OPERATOR),
        **{"p0-mode": "none", "p1-mode": "all", "p1-day": ["sat", "sun"], "rows": "2"},
    )
    stage.resources(3, tags={"Schedule": "日勤"})
    stage.resource(tags={"Schedule": "日勤"}, type="m5.large")
    priced(stage, row(per_hour="0.5"))
    saving: Saving = saving_of(stage, pk).saving
    off = Decimal(saving.each.stopped // timedelta(hours=1))
    assert saving.each.all in (timedelta(days=days) for days in (28, 29, 30, 31))
    assert (saving.resources, saving.hours) == (4, off * 4)
    assert saving.amounts == [("USD", off * 3 / 2)]
    assert saving.missing == [("ec2", TOKYO, "m5.large")]
    assert (saving.sources, saving.oldest) == (["AWS Price List"], date(2026, 11, 1))


def test_currencies_are_never_added_and_a_region_goes_before_any_region(stage: Stage) -> None:
    pk = make(stage, stage.client(Role.OPERATOR))
    stage.resource(tags={"Schedule": "日勤"})
    stage.resource(tags={"Schedule": "日勤"}, type="m5.large")
    priced(
        stage,
        row(per_hour="99", region=""),
        row(per_hour="1"),
        row("m5.large", "20", currency="JPY", region=""),
    )
    saving: Saving = saving_of(stage, pk).saving
    each = saving.hours / 2
    assert saving.amounts == [("JPY", each * 20), ("USD", each)]


def test_what_is_only_observed_saves_nothing(stage: Stage) -> None:
    pk = make(stage, stage.client(Role.OPERATOR))
    stage.resources(2, tags={"Schedule": "日勤"})
    stage.account.automation = Automation.OBSERVE
    stage.account.automation_operation = stage.account.automation_confirmed_by_id = ""
    plant(stage.account, force_insert=False)
    saving: Saving = saving_of(stage, pk).saving
    assert (saving.resources, saving.hours, saving.observed) == (0, Decimal(0), 2)


def test_hours_that_were_really_off_are_counted_from_what_was_seen(stage: Stage) -> None:
    """What is off now counts since it was seen off; what runs, and was never stopped by Toban, counts nothing."""
    pk = make(stage, stage.client(Role.OPERATOR))
    stage.resource(tags={"Schedule": "日勤"}, state="stopped")
    stage.resource(tags={"Schedule": "日勤"}, state="running")
    seen = saving_of(stage, pk)
    since_month = (
        Decimal((clock.now() - month_of(clock.now(), ZoneInfo("Asia/Tokyo"))[0]).total_seconds()) / 3600
    )
    assert seen.actual.resources == 2
    assert abs(seen.actual.hours - min(Decimal(1), since_month)) < Decimal("0.1")


def test_the_list_names_hours_and_money_and_costs_the_same_for_many(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    make(stage, client)
    stage.resource(tags={"Schedule": "日勤"})
    priced(stage, row())
    few = asked(client, stage.url("schedules/"))
    make(stage, client, name="夜勤")
    stage.resources(20, tags={"Schedule": "夜勤"})
    many = asked(client, stage.url("schedules/"))
    assert len(many) == len(few), "\n".join(sorted(set(many) - set(few)))
    rows = client.get(stage.url("schedules/")).context["page"].rows
    assert {one.listed.named.name: one.saving.resources for one in rows} == {"日勤": 1, "夜勤": 20}
    with tenant_scope(stage.cast.tenant.id):
        assert NamedSchedule.objects.count() == 2
        assert Resource.objects.count() == 21
