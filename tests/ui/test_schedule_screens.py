"""Schedule and price pages in a real browser: clean at every width, and the editor answers while it is typed in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from accounts.domain.permissions import Role
from infra.domain.prices import PriceRow
from infra.models import Revision
from infra.operations import pricing
from medical_audit import clock
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests import factories
from tests.factories import proof
from tests.pages.test_planning import make
from tests.pages.test_schedule_pages import draft_of
from tests.stage import Stage, make_stage
from tests.ui.browser import Visitor, visit

EVERYTHING: dict[str, Any] = {
    "rows": "4",
    "p1-mode": "both",
    "p1-begin": "22:00",
    "p1-end": "02:00",
    "p1-weekdays": "mon#1,friL",
    "p2-mode": "both",
    "p2-begin": "10:00",
    "p2-midnight": "on",
    "p2-weekdays": "sat",
    "p2-months": "apr-sep",
    "p3-mode": "all",
    "p3-day": ["sun"],
    "p3-monthdays": "1,15,L",
}


@pytest.fixture
def stage(cast: factories.Cast) -> Stage:
    return make_stage(cast)


def planned(stage: Stage) -> str:
    """A schedule with a draft beside it, followed by many, some of them priced; its id."""
    client = stage.client(Role.OPERATOR)
    stage.resources(60, tags={"Schedule": "日勤"}, state="running")
    stage.resource(tags={"Schedule": "日勤"}, type="db.r6g.large", kind="rds", facts={"engine": "oracle-se2"})
    pk = make(stage, client, **EVERYTHING)
    draft_of(stage, client, pk, **{"p0-begin": "07:45"})
    admin, now = stage.cast.actor(Role.ADMINISTRATOR), clock.now()
    price = PriceRow("ec2", "", "t3.small", Decimal("0.0272"), "USD", "AWS Price List", date(2025, 1, 6))
    entered = pricing.enter_change([price], actor=admin, now=now, reason="更新")
    entry.confirm(entered.id, actor=admin, now=now, seen_digest=entered.digest, proof=proof(admin, now))
    return pk


def pages(stage: Stage, pk: str) -> list[str]:
    with tenant_scope(stage.cast.tenant.id):
        first = Revision.objects.get(schedule_id=pk, number=1)
    one = f"schedules/{pk}/"
    return [
        "schedules/", "schedules/?show=archived", "schedules/new/", "schedules/new/?preset=monthly", one, f"{one}edit/",
        f"{one}publish/", f"{one}compare/?after={first.id}", f"{one}compare/", f"{one}archive/",
        f"schedules/assign/?scope=tenant&schedule={pk}", "prices/",
    ]  # fmt: skip


WIDTHS = [(1440, "light", "ja"), (1024, "dark", "ja"), (360, "dark", "en")]


@pytest.mark.parametrize(("width", "theme", "language"), WIDTHS)
def test_schedule_and_price_pages_are_accessible_and_clean(
    stage: Stage, site: str, browser: Browser, width: int, theme: str, language: str
) -> None:
    visitor = visit(browser, site, width=width, theme=theme, language=language)
    visitor.sign_in(stage.cast.people[Role.ADMINISTRATOR])
    found = {}
    for path in ("schedules/", "prices/"):
        visitor.open(stage.url(path))
        found[f"empty {path}"] = visitor.faults()
    pk = planned(stage)
    for path in pages(stage, pk):
        visitor.open(stage.url(path))
        found[path] = visitor.faults()
    found["publication, entered"] = entered(visitor, stage, f"schedules/{pk}/publish/")
    found["prices, previewed"] = previewed(visitor, stage)
    assert {path: faults for path, faults in found.items() if faults} == {}


def entered(visitor: Visitor, stage: Stage, path: str) -> list[str]:
    visitor.open(stage.url(path))
    visitor.page.fill("#id_reason", "年間計画")
    visitor.page.click("form.stack .btn-primary")
    visitor.page.wait_for_url("**/operations/**")
    visitor.ready()
    return visitor.faults()


def previewed(visitor: Visitor, stage: Stage) -> list[str]:
    """A table with a fault, put right, and its preview."""
    visitor.open(stage.url("prices/"))
    heading = "kind,region,type,per_hour,currency,source,as_of\n"
    visitor.page.fill("#id_table", f"{heading}ec2,,m5.large,abc,USD,list,2026-11-01")
    visitor.page.click("form[enctype] button")
    visitor.page.wait_for_selector("#table-problems")
    found = [one for one in visitor.faults() if "422" not in one]
    visitor.page.fill("#id_table", f"{heading}ec2,,m5.large,0.124,USD,list,2026-11-01")
    visitor.page.click("form[enctype] button")
    visitor.page.wait_for_selector("button[value=enter]")
    visitor.ready()
    return found + visitor.faults()


def test_the_editor_answers_at_the_row_while_it_is_typed_in_and_draws_the_week(
    stage: Stage, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site, width=1440)
    page = visitor.page
    visitor.sign_in(stage.cast.people[Role.OPERATOR])
    visitor.open(stage.url("schedules/new/"))
    expect(page.locator("#preview .week-runs:not(.week-legend .week-runs)")).to_have_count(5)
    page.select_option("#id_p0-mode", "all")
    expect(page.locator("#id_p0-begin")).to_be_hidden()
    page.select_option("#id_p0-mode", "both")
    expect(page.locator("#id_p0-begin")).to_be_visible()
    page.locator("fieldset summary").first.click()
    page.fill("#id_p0-weekdays", "mon#9")
    expect(page.locator("#p0-problems .problem")).to_contain_text("mon#9")
    page.fill("#id_p0-weekdays", "mon#1")
    expect(page.locator("#p0-problems .problem")).to_have_count(0)
    expect(page.locator("#preview .week-bar .week-sometimes")).to_have_count(1)
    expect(page.locator("#preview .next-acts li")).to_have_count(3)
    page.fill("#id_name", "月例")
    page.click("button[value=save]")
    page.wait_for_url("**/publish/")
    assert visitor.faults() == []
