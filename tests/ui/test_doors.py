"""A person's way in, from the invitation to the lost telephone, and who gives it: every page in a real browser, as it is and when refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from accounts.domain.permissions import Role
from accounts.models import User
from accounts.operations import admitting, links, members
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.operations import entry
from tests import factories
from tests.accounts.test_second_factor import code_at, enrolled
from tests.factories import PASSWORD, proof, unique
from tests.ui.browser import Visitor, visit
from tests.ui.walking import faultless, looked_at, refused, sent

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize(("width", "theme", "language"), [(1440, "light", "ja"), (360, "dark", "en")]),
]
OWN = "raku-da wa sabaku 41"


@pytest.fixture
def visitor(site: str, browser: Browser, width: int, theme: str, language: str) -> Visitor:
    return visit(browser, site, width=width, theme=theme, language=language)


def confirmed(cast: factories.Cast, operation: Operation) -> str:
    actor, now = cast.actor(Role.APPROVER), clock.now()
    seen = operation.digest
    done = entry.confirm(operation.id, actor=actor, now=now, seen_digest=seen, proof=proof(actor, now))
    return str(done.told_once)


def test_somebody_comes_in_and_loses_everything_and_comes_in_again(
    cast: factories.Cast, visitor: Visitor
) -> None:
    administrator, name = cast.actor(Role.ADMINISTRATOR), f"sato-{unique()}"
    made = members.enter_invite(
        name, "佐藤 花子", "viewer", actor=administrator, now=clock.now(), reason="着任"
    )
    code = confirmed(cast, made.operation)
    looked_at(visitor, "/invitation/nobody-knows-this/", f"/invitation/{made.link}/")
    sent(visitor, code="0000-0000-0000-0000", password=OWN, again=OWN)
    refused(visitor)
    sent(visitor, code=code, password="Toban-2026!!!!", again="Toban-2026!!!!")
    refused(visitor)
    sent(visitor, code=code, password=OWN, again=OWN)
    assert visitor.page.url.endswith("/sign-in/")
    sent(visitor, username=name, password="wrong")
    refused(visitor)
    sent(visitor, username=name, password=OWN)
    assert f"/t/{cast.tenant.slug}/" in visitor.page.url
    looked_at(visitor, "/second-factor/?required=yes", "/password/", "/sessions/", "/admissions/")
    visitor.page.click("[data-seat-leave] button")
    visitor.page.wait_for_selector(".lock-head")
    faultless(visitor)
    sent(visitor, password="wrong")
    refused(visitor)
    sent(visitor, password=OWN)

    user = User.objects.get(username=name)
    secret, on_paper = enrolled(user)
    visitor.page.context.clear_cookies()
    looked_at(visitor, "/signed-out/", "/sign-in/")
    sent(visitor, username=name, password=OWN)
    sent(visitor, code="000000")
    refused(visitor)
    sent(visitor, code=on_paper[0])
    looked_at(visitor, "/second-factor/", "/password/")

    again = links.enter_reissue(user.id, "everything", actor=administrator, now=clock.now(), reason="紛失")
    code = confirmed(cast, again.operation)
    looked_at(visitor, f"/invitation/{again.link}/")
    sent(visitor, code=code, password=f"{OWN} yuki", again=f"{OWN} yuki")
    sent(visitor, username=name, password=f"{OWN} yuki")
    assert f"/t/{cast.tenant.slug}/" in visitor.page.url
    assert secret


def test_who_gives_the_ways_in(cast: factories.Cast, visitor: Visitor, tmp_path: Path) -> None:
    user, home = cast.people[Role.ADMINISTRATOR], f"/t/{cast.tenant.slug}"
    secret, _ = enrolled(user)
    visitor.open("/sign-in/")
    sent(visitor, username=user.username, password=PASSWORD)
    sent(visitor, code=code_at(secret, clock.now()))
    viewer = cast.people[Role.VIEWER]
    looked_at(
        visitor,
        *(f"{home}/{page}/" for page in ("members", "members/rights", "members/sign-on", "readable")),
    )
    looked_at(visitor, f"{home}/members/{user.id}/change/", f"{home}/members/{viewer.id}/change/")
    visitor.open(f"{home}/members/")
    sent(visitor, name="森", username="x y z")
    refused(visitor)
    sent(visitor, name="森 花子", username=f"mori-{unique()}", reason="着任")
    expect(visitor.page.locator(".token-text")).to_be_visible()

    looked_at(visitor, f"{home}/members/reconcile/")
    people = tmp_path / "people.csv"
    people.write_text(
        f"利用者名,氏名\n{user.username},別の 名前\nnew-{unique()},新しい 人\n,空\n", encoding="cp932"
    )
    visitor.page.set_input_files("#id_file", people)
    sent(visitor)
    expect(visitor.page.locator("input[name=chosen]").first).to_be_visible()

    looked_at(visitor, f"{home}/tokens/")
    sent(visitor, name="CI")
    refused(visitor)
    visitor.page.check("input[name=permissions] >> nth=0")
    day = (clock.now() + timedelta(days=30)).date().isoformat()
    code = code_at(secret, clock.now() + timedelta(seconds=30))
    sent(visitor, name="CI", last_day=day, reason="監視", password=PASSWORD, code=code)
    expect(visitor.page.locator(".token-text")).to_be_visible()
    looked_at(visitor, f"{home}/tokens/")


def test_somebody_of_another_house_is_asked_and_agrees(cast: factories.Cast, visitor: Visitor) -> None:
    stranger, now = cast.stranger, clock.now()
    asked = admitting.enter_admit(
        stranger.username, "viewer", "クラウド保守", (now + timedelta(days=20)).date(),
        actor=cast.actor(Role.ADMINISTRATOR), now=now, reason="障害の調査",
    )  # fmt: skip
    confirmed(cast, asked)
    visitor.open("/sign-in/")
    sent(visitor, username=stranger.username, password=PASSWORD)
    looked_at(visitor, "/tenants/", "/admissions/")
    sent(visitor, then="form[action*='/admissions/'] button[value=accept]", password="wrong")
    refused(visitor)
    sent(visitor, then="form[action*='/admissions/'] button[value=accept]", password=PASSWORD)
    looked_at(visitor, "/tenants/", f"/t/{cast.tenant.slug}/")
