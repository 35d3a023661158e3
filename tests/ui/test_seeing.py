"""What people see of the clock, in a real browser: each page with everything that can stand on it, at every width."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from accounts.domain.permissions import Role
from infra.models import Override, Resource
from medical_audit import clock
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.tenancy import platform_scope
from tests import factories
from tests.medical_audit.support import plant
from tests.stage import Stage, make_stage
from tests.ui.browser import visit

OFFICE = {"AutoStart": "08:30", "AutoStop": "19:00"}


def planned(stage: Stage, row: Resource, state: State, minutes: int, outcome: str) -> Operation:
    """A planned start that was due two hours ago and ended so many minutes later."""
    due = clock.now() - timedelta(hours=2)
    return plant(
        Operation(
            tenant_id=row.tenant_id, kind=f"{row.kind}.start", target_type="resource", target_id=str(row.id),
            target_name=str(row), digest="d" * 64, policy="schedule", entered_by_type="schedule", entered_by_id="schedule",
            entered_by_name="schedule", entered_at=due, due_at=due, deadline=due + timedelta(hours=1),
            approval_expires_at=due, confirmed_by_id="p", confirmed_by_name="確定 玲子", confirmed_at=due, state=state,
            outcome=outcome, called_at=due, finished_at=due + timedelta(minutes=minutes),
        )
    )  # fmt: skip


def override(stage: Stage, row: Resource | None, **fields: object) -> Override:
    now = clock.now()
    values = {
        "kind": "override", "scope": "resource", "wish": "running", "since": now - timedelta(hours=1),
        "until": now + timedelta(minutes=40), "reason": "夜間の検査のため", "operation": "0" * 8,
    } | fields  # fmt: skip
    return plant(
        Override(
            tenant_id=stage.cast.tenant.id, resource=row, entered_by_id="u",
            entered_by_name="運用 太郎", confirmed_by_id="u", confirmed_by_name="確定 玲子", created_at=now, **values,
        )
    )  # fmt: skip


@pytest.fixture
def seen(cast: factories.Cast) -> dict[str, str]:
    """Addresses of a tenant in which everything is to be seen."""
    with platform_scope():
        clock.now()
    stage = make_stage(cast)
    late = stage.resource(name="ehr-web-01", state="running", tags=OFFICE)
    planned(stage, late, State.SUCCEEDED, 11, "reached")
    drifted = stage.resource(
        name="kensa-web-02", tags=OFFICE,
        facts={"state_reason": "Client.UserInitiatedShutdown: User initiated shutdown"},
    )  # fmt: skip
    operation = planned(stage, drifted, State.SUCCEEDED, 2, "reached")
    missed = stage.resource(name="pacs-03", tags=OFFICE)
    planned(stage, missed, State.MISSED, 61, "grace_passed")
    database = stage.resource(name="karte-db", kind="rds", tags=OFFICE)
    never = stage.resource(name="idol-04", tags=OFFICE | {"Toban": "never"})
    override(stage, late)
    override(stage, None, scope="project", project="電子カルテ", wish="stopped", operation="1" * 8)
    override(stage, None, kind="freeze", scope="tenant", wish="any", operation="2" * 8)
    stage.entered()
    pages = {name: stage.url(f"resources/{row.id}/") for name, row in
             {"late": late, "drifted": drifted, "missed": missed, "database": database, "never": never}.items()}  # fmt: skip
    return pages | {
        "today": stage.url(),
        "resources": stage.url("resources/"),
        "marked": stage.url("resources/?mark=drift"),
        "overrides": stage.url("overrides/"),
        "operation": stage.url(f"operations/{operation.id}/"),
        "inbox": stage.url("inbox/"),
        "inbox settings": stage.url("inbox/settings/"),
        "kept": stage.url(f"operations/?kept=late&month={clock.now():%Y-%m}"),
    }


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1440, "light", "ja"), (1024, "dark", "en"), (360, "dark", "ja")],
)
def test_what_is_seen_of_the_clock_is_accessible_and_fits(
    seen: dict[str, str],
    cast: factories.Cast,
    site: str,
    browser: Browser,
    width: int,
    theme: str,
    language: str,
) -> None:
    visitor = visit(browser, site, width=width, theme=theme, language=language)
    visitor.sign_in(cast.people[Role.ADMINISTRATOR])
    found = {}
    for name, path in seen.items():
        visitor.open(path)
        found[name] = visitor.faults()
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_today_says_at_once_what_is_wrong_what_waits_and_what_comes_next(
    seen: dict[str, str], cast: factories.Cast, site: str, browser: Browser
) -> None:
    """Without scrolling, on the screen of an office: the three lists begin in the first screenful."""
    visitor = visit(browser, site, width=1440)
    visitor.sign_in(cast.people[Role.OPERATOR])
    visitor.open(seen["today"])
    for title in ("#wrong-title", "#waiting-title", "#upcoming-title"):
        expect(visitor.page.locator(title)).to_be_in_viewport()
    expect(visitor.page.locator("#wrong")).to_contain_text("pacs-03")
    expect(visitor.page.locator("#upcoming")).to_contain_text("一時変更の終わり")
    expect(visitor.page.locator(".notices")).to_contain_text("凍結中")
    expect(visitor.page.locator("main")).to_contain_text("kensa-web-02")
