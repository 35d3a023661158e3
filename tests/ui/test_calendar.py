"""The calendar and the planning file in a real browser: a change is looked at, its day opened, and nothing is at fault."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from accounts.domain.permissions import Role
from infra.domain.holiday_files import ListSource
from infra.operations import holiday_lists
from medical_audit import clock
from tests.factories import Cast
from tests.infra.holiday_lists import JAPAN, cabinet
from tests.stage import make_stage
from tests.ui.browser import visit

LOOKS = [(1440, "light", "ja"), (1024, "dark", "en"), (360, "dark", "ja")]


@pytest.fixture
def busy(cast: Cast) -> Cast:
    """A tenant with a list in force, one that waits, an address that fails, and servers to start."""
    stage = make_stage(cast)
    stage.resources(7, tags={"AutoStart": "08:30", "AutoStop": "19:00"})
    actor, now = cast.actor(Role.OPERATOR), clock.now()
    days = {day: name for day, name in JAPAN.items() if day.year < 2027}
    for data in (
        cabinet(days),
        b"<html>",
        cabinet(JAPAN | {next(iter(JAPAN)).replace(month=12, day=1, year=2026): "特別の休日"}),
    ):
        holiday_lists.receive_list(data, ListSource.CABINET, actor=actor, now=now)
    holiday_lists.set_feed(ListSource.ICAL, "https://example.com/" + "long/" * 30, actor=actor, now=now)
    return cast


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
def test_the_calendar_is_accessible_and_clean_empty_and_full(
    busy: Cast, site: str, browser: Browser, width: int, theme: str, language: str
) -> None:
    visitor = visit(browser, site, width=width, theme=theme, language=language)
    visitor.sign_in(busy.people[Role.OPERATOR])
    home = f"/t/{busy.tenant.slug}/calendar/"
    look = "?what=closure&first=12-29&last=01-03&name=年末年始&day=2026-12-29"
    for path in (
        "",
        look,
        "?what=remove&first=2026-12-29",
        "?what=extra&first=2026-12-31&name=出勤&day=2026-12-31",
    ):
        visitor.open(home + path)
        assert visitor.faults() == [], path
    visitor.page.context.close()


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS[1:3])
def test_the_page_of_the_planning_file_is_accessible_and_clean(
    busy: Cast, site: str, browser: Browser, width: int, theme: str, language: str
) -> None:
    visitor = visit(browser, site, width=width, theme=theme, language=language)
    visitor.sign_in(busy.people[Role.OPERATOR])
    for text in (
        "format: toban-planning/1\ncalendar:\n  closures:\n  - {first: 08-13, last: 08-16, name: お盆}\n",
        "format: toban-planning/2\ncalendar:\n  closed:\n  - {day: 2026-02-30}\n",
    ):
        visitor.open(f"/t/{busy.tenant.slug}/planning/")
        assert visitor.faults() == []
        file = {"name": "planning.yaml", "mimeType": "application/yaml", "buffer": text.encode()}
        visitor.page.set_input_files("#id_planning_file", file)  # type: ignore[arg-type]
        visitor.page.click("form[enctype] button[type=submit]")
        visitor.ready()
        assert [one for one in visitor.faults() if "422" not in one] == []
    visitor.page.context.close()


def test_a_closure_is_looked_at_in_its_month_and_then_entered(
    busy: Cast, site: str, browser: Browser
) -> None:
    visitor = visit(browser, site)
    visitor.sign_in(busy.people[Role.OPERATOR])
    visitor.open(f"/t/{busy.tenant.slug}/calendar/")
    visitor.page.get_by_role("link", name="年末年始 12-29").click()
    visitor.ready()
    expect(visitor.page.locator(".month-day.changes")).to_have_count(6)
    visitor.page.locator(".month-day.changes a").first.click()
    visitor.ready()
    expect(visitor.page.locator("#day")).to_contain_text("変更後")
    visitor.page.fill("#id_day_reason", "年間計画")
    visitor.page.click("#company-new button.btn-primary")
    visitor.ready()
    expect(visitor.page.locator(".sheet")).to_contain_text("年末年始")
    visitor.page.context.close()
