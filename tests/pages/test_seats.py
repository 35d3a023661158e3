"""Sessions from sign-in to their end: rows, the idle limit, leaving the seat, and what nobody ended."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.domain.permissions import Role
from accounts.models import User
from accounts.operations.people import grant_first
from accounts.queries.people import actor_in
from config.settings import trusted_proxies
from medical_audit import clock, tasks
from medical_audit.domain.seats import End, due_end, left, network_of
from medical_audit.models import Event, FailedSignIn, Session, TenantPolicy, Visit
from medical_audit.operations import seats
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, PASSWORD, Cast, change, make_cast
from tests.medical_audit.support import plant

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
MINUTE = timedelta(minutes=1)


@dataclass
class Browser:
    """One browser of one person; the clock of the whole installation is moved by `wait`."""

    cast: Cast
    settings: Settings
    role: Role = Role.ADMINISTRATOR
    meta: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = Client(HTTP_USER_AGENT=FIREFOX, **self.meta)  # type: ignore[arg-type]

    @property
    def user(self) -> User:
        return self.cast.people[self.role]

    @property
    def here(self) -> str:
        return f"/t/{self.cast.tenant.slug}/operations/"

    def sign_in(self) -> Browser:
        answer = self.client.post(
            "/sign-in/", {"username": self.user.username, "password": PASSWORD, "next": self.here}
        )
        assert answer["Location"] == self.here
        self.client.get(self.here)
        return self

    def wait(self, **time: float) -> None:
        self.settings.TOBAN_CLOCK_OFFSET += timedelta(**time).total_seconds()

    def poll(self) -> int:
        return self.client.get(f"{self.here}?part=live", headers={"Toban-Poll": "1"}).status_code

    def sessions(self) -> list[Session]:
        with platform_scope(user_id=self.user.id):
            return list(Session.objects.filter(user_id=self.user.id).order_by("started_at"))

    def ends(self) -> list[str]:
        return [one.end for one in self.sessions()]

    def visits(self) -> list[Visit]:
        with tenant_scope(self.cast.tenant.id):
            return list(Visit.objects.filter(user_id=self.user.id).order_by("entered_at"))

    def events(self) -> list[str]:
        """What the tenant's ledger holds of this person's sessions."""
        with tenant_scope(self.cast.tenant.id):
            rows = Event.objects.filter(subject_id=str(self.user.id), kind__startswith="session.").order_by(
                "ord"
            )
            return [kind.removeprefix("session.") for kind in rows.values_list("kind", flat=True)]


@pytest.fixture
def browser(settings: Settings, django_db_setup: None) -> Browser:
    return Browser(make_cast(), settings)


def policy_of(tenant_id: uuid.UUID, idle_minutes: int) -> TenantPolicy:
    return TenantPolicy(
        tenant_id=tenant_id, idle_minutes=idle_minutes, grace_seconds=0, escalate_hours=24, operation="", changed_at=MONDAY_0830
    )  # fmt: skip


def sweep(as_role: AsRole) -> int:
    with as_role("scheduler"):
        return tasks.close_sessions()


def test_a_session_is_a_row_with_address_device_and_how_the_person_proved_himself(
    browser: Browser, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = trusted_proxies(["10.0.0.0/8"])
    browser.client = Client(
        HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="10.0.0.7", HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.1"
    )
    browser.sign_in()
    (session,), (visit,) = browser.sessions(), browser.visits()
    for row in (session, visit):
        assert (row.address, row.address_raw) == ("198.51.100.1", "10.0.0.7 (203.0.113.9, 198.51.100.1)")
        assert (row.network, row.device) == ("198.51.100.0/24", "Firefox 140 / Linux")
        assert (row.method, row.factors, row.ended_at, row.end) == ("password", ["pwd"], None, "")
    assert visit.session == session.name
    assert session.user_agent == FIREFOX
    assert browser.events() == ["entered"]


def test_signing_out_ends_the_session_everywhere(browser: Browser) -> None:
    browser.sign_in().client.post("/sign-out/")
    assert browser.ends() == [End.SIGNED_OUT]
    assert [visit.end for visit in browser.visits()] == [End.SIGNED_OUT]
    assert browser.events() == ["entered", "signed_out"]


def test_a_page_that_refreshes_itself_does_not_keep_an_empty_seat(browser: Browser) -> None:
    browser.sign_in()
    for _minute in range(9):
        browser.wait(minutes=1)
        assert browser.poll() == 200
    browser.wait(minutes=2)
    api = browser.client.get(f"/api/v1/tenants/{browser.cast.tenant.slug}/operations/")
    assert (api.status_code, json.loads(api.content)["code"]) == (401, "seat_left")
    assert browser.ends() == [End.IDLE]
    assert browser.events() == ["entered", "idle"]
    assert browser.client.get(browser.here)["Location"].startswith("/sign-in/")
    assert browser.poll() == 302


def test_doing_something_keeps_it(browser: Browser) -> None:
    browser.sign_in()
    for _nine in range(4):
        browser.wait(minutes=9)
        assert browser.client.get("/seat/").status_code == 204
    assert browser.client.get(browser.here)["Toban-Seat-Left"] in ("599", "600")


def test_the_answer_says_how_long_the_seat_holds(browser: Browser) -> None:
    browser.sign_in()
    browser.wait(minutes=4)
    asked = browser.client.get("/seat/", headers={"Toban-Poll": "1"})
    assert 350 <= int(asked["Toban-Seat-Left"]) <= 360


@pytest.mark.parametrize(("minutes", "holds"), [(3, False), (30, True)])
def test_the_tenant_says_how_long_a_seat_may_stand_empty(browser: Browser, minutes: int, holds: bool) -> None:
    plant(policy_of(browser.cast.tenant.id, minutes))
    browser.sign_in()
    browser.wait(minutes=11)
    assert (browser.client.get(browser.here).status_code == 200) == holds


def clock_now() -> datetime:
    with platform_scope():
        return clock.now()


def test_no_tenant_may_leave_a_seat_empty_for_more_than_half_an_hour(browser: Browser) -> None:
    with pytest.raises(IntegrityError, match="idle_within_half_an_hour"):
        plant(policy_of(browser.cast.tenant.id, 31))


def test_leaving_the_seat_locks_at_once_and_the_password_leads_back(browser: Browser) -> None:
    browser.sign_in()
    door = browser.client.post("/lock/", {"next": browser.here})["Location"]
    assert browser.ends() == [End.LEFT_SEAT]
    assert browser.client.get(browser.here).status_code == 302
    page = browser.client.get(door)
    text = page.content.decode()
    assert "離席" in text
    assert browser.user.name in text
    assert browser.cast.tenant.name not in text
    wrong = browser.client.post("/sign-in/", {"password": "wrong", "next": browser.here})
    assert wrong.status_code == 422
    back = browser.client.post("/sign-in/", {"password": PASSWORD, "next": browser.here})
    assert back["Location"] == browser.here
    assert browser.client.get(browser.here).status_code == 200
    before, after = browser.sessions()
    assert after.resumed_from == before.name
    assert after.name != before.name
    assert browser.events() == ["entered", "left_seat", "failed", "entered"]


def test_a_left_seat_opens_to_its_own_person_only(browser: Browser) -> None:
    browser.sign_in().client.post("/lock/")
    other = browser.cast.people[Role.VIEWER]
    answer = browser.client.post("/sign-in/", {"username": other.username, "password": PASSWORD})
    assert answer.status_code == 302, "the same test password: it is the left seat's person who comes back"
    assert len(browser.sessions()) == 2
    browser.client.post("/lock/")
    assert browser.client.post("/sign-out/")["Location"] == "/sign-in/"
    browser.client.post("/sign-in/", {"username": other.username, "password": PASSWORD})
    assert str(browser.client.session["_auth_user_id"]) == str(other.id)
    with platform_scope(user_id=other.id):
        assert Session.objects.get(user_id=other.id).resumed_from == ""


def test_the_sweeper_closes_what_nobody_closed(browser: Browser, as_role: AsRole) -> None:
    browser.sign_in()
    browser.wait(minutes=10, seconds=50)
    sweep(as_role)
    assert browser.ends() == [""], "a living browser asks at its limit by itself; silence is waited for"
    browser.wait(seconds=11)
    before = clock_now()
    sweep(as_role)
    (session,), (visit,) = browser.sessions(), browser.visits()
    assert (session.end, visit.end) == (End.CUT_OFF, End.CUT_OFF)
    assert session.ended_at is not None
    assert session.ended_at >= before
    assert session.active_at < before - 10 * MINUTE
    assert browser.events() == ["entered", "cut_off"]
    assert browser.client.get(browser.here).status_code == 302
    assert browser.ends() == [End.CUT_OFF]


def test_no_session_outlives_a_working_day(browser: Browser) -> None:
    browser.sign_in()
    for _ten in range(72):
        browser.wait(minutes=9.9)
        browser.client.get("/seat/")
    browser.wait(minutes=8)
    assert browser.client.get("/seat/").status_code == 401
    assert browser.ends() == [End.EXPIRED]
    page = browser.client.get("/sign-in/")
    assert 'name="username"' in page.content.decode()
    assert "12時間" in page.content.decode()


def test_an_account_that_is_closed_loses_its_seat_with_the_next_request(browser: Browser) -> None:
    browser.sign_in()
    change(browser.user, is_active=False)
    assert browser.client.get(browser.here).status_code == 302
    assert browser.ends() == [End.FORCED]
    assert browser.events() == ["entered", "forced"]


def test_a_browser_whose_session_is_not_in_the_table_is_nobodys(browser: Browser) -> None:
    with platform_scope():
        browser.client.force_login(browser.user)
    assert browser.client.get(browser.here).status_code == 302
    assert browser.client.get("/seat/").status_code == 401


def test_two_networks_at_once_are_flagged_and_one_network_is_not(browser: Browser) -> None:
    browser.sign_in()
    near = Browser(browser.cast, browser.settings, meta={"REMOTE_ADDR": "127.0.0.99"}).sign_in()
    assert [one.parallel_with for one in near.sessions()] == ["", ""]
    far = Browser(browser.cast, browser.settings, meta={"REMOTE_ADDR": "203.0.113.5"}).sign_in()
    first, second, third = far.sessions()
    assert third.parallel_with in (first.name, second.name)
    assert first.parallel_with == second.parallel_with == third.name
    assert {visit.parallel_with for visit in far.visits()} == {third.name, third.parallel_with}
    assert browser.events().count("parallel") == 3


def test_one_session_used_from_two_networks_is_flagged_once_a_network(browser: Browser) -> None:
    """A stolen cookie beside its owner: the same session, and requests from somewhere else."""
    browser.sign_in()
    for _ in range(2):
        for address in ("127.0.0.9", "203.0.113.5", "127.0.0.1", "203.0.113.6", "198.51.100.9"):
            assert browser.client.get(browser.here, REMOTE_ADDR=address).status_code == 200
    (session,), (visit,) = browser.sessions(), browser.visits()
    assert session.elsewhere == ["203.0.113.0/24", "198.51.100.0/24"]
    assert session.parallel_with == visit.parallel_with == session.name
    assert browser.events().count("elsewhere") == 2
    with tenant_scope(browser.cast.tenant.id):
        told = Event.objects.filter(kind="session.elsewhere").order_by("ord").first()
    assert told is not None
    assert told.said["detail"]["other_address"] == "203.0.113.5"


def test_a_session_that_ends_while_a_request_is_on_its_way_leaves_no_visit_open(
    browser: Browser, as_role: AsRole
) -> None:
    browser.sign_in()
    other = make_cast()
    grant_first(other.tenant.id, browser.user, Role.VIEWER, now=MONDAY_0830, founder="test")
    (passed,) = browser.sessions()  # as a request holds it that was let on a moment ago
    browser.client.post("/sign-out/")
    with tenant_scope(other.tenant.id, user_id=browser.user.id):
        actor = actor_in(other.tenant, browser.user, session=passed.name, address="127.0.0.1", request="r")
    with pytest.raises(seats.SeatLost), tenant_scope(other.tenant.id, user_id=browser.user.id):
        seats.enter_tenant(passed, actor=actor, polling=False, now=clock.now())
    with tenant_scope(other.tenant.id):
        assert not Visit.objects.filter(user_id=browser.user.id).exists()
    (visit,) = browser.visits()
    visit.id, visit.session, visit.tenant_id = uuid.uuid4(), passed.name, other.tenant.id
    visit.ended_at, visit.end = None, ""
    plant(visit)  # as one stands there that was made before this was held
    assert sweep(as_role) >= 1
    with tenant_scope(other.tenant.id):
        left = Visit.objects.get(user_id=browser.user.id)
        assert Event.objects.filter(kind="session.signed_out", subject_id=str(browser.user.id)).count() == 1
    assert (left.end, left.ended_by_name) == ("signed_out", "sessions")


def test_failed_sign_ins_are_counted_and_the_persons_tenants_see_them(browser: Browser) -> None:
    for address in ("203.0.113.5", "203.0.113.5", "203.0.113.6"):
        Client(REMOTE_ADDR=address).post("/sign-in/", {"username": browser.user.username, "password": "x"})
    with platform_scope():
        rows = FailedSignIn.objects.filter(account=str(browser.user.id)).order_by("address")
        assert list(rows.values_list("address", "count")) == [("203.0.113.5", 2), ("203.0.113.6", 1)]
    assert browser.events() == ["failed"] * 3
    name = f"nobody-{uuid.uuid4()}"
    Client(REMOTE_ADDR="203.0.113.7").post("/sign-in/", {"username": name, "password": "x"})
    with platform_scope():
        row = FailedSignIn.objects.get(address="203.0.113.7")
    assert row.account.startswith("unknown:")
    assert name not in row.account


def test_the_database_lets_an_ended_session_be(browser: Browser) -> None:
    browser.sign_in().client.post("/sign-out/")
    refused("it has ended", browser, ended_at=None, end="")


def test_a_session_does_not_end_without_its_event(browser: Browser) -> None:
    browser.sign_in()
    refused("without an event about it", browser, ended_at=MONDAY_0830, end="signed_out")


def refused(words: str, browser: Browser, **changes: Any) -> None:
    with pytest.raises(DatabaseError, match=words), platform_scope(user_id=browser.user.id):
        Session.objects.filter(user_id=browser.user.id).update(**changes)


def test_nobody_sees_the_sessions_of_another(browser: Browser) -> None:
    browser.sign_in()
    with platform_scope(user_id=browser.cast.people[Role.AUDITOR].id):
        assert not Session.objects.filter(user_id=browser.user.id).exists()


def test_a_session_in_two_tenants_ends_in_both_and_obeys_the_stricter(browser: Browser) -> None:
    other = browser.cast.other_tenant
    grant_first(other.id, browser.user, Role.VIEWER, now=MONDAY_0830, founder="test")
    plant(policy_of(other.id, 5))
    browser.sign_in()
    assert [session.idle_s for session in browser.sessions()] == [600]
    browser.client.get(f"/t/{other.slug}/operations/")
    assert [session.idle_s for session in browser.sessions()] == [300]
    browser.client.post("/lock/")
    with tenant_scope(other.id):
        assert Visit.objects.get(user_id=browser.user.id).end == End.LEFT_SEAT
    assert [visit.end for visit in browser.visits()] == [End.LEFT_SEAT]


def test_how_a_session_ends_by_itself() -> None:
    begun = MONDAY_0830
    ten = 10 * MINUTE
    assert due_end(started_at=begun, active_at=begun, idle=ten, now=begun + ten - MINUTE) is None
    assert due_end(started_at=begun, active_at=begun, idle=ten, now=begun + ten) == End.IDLE
    late = begun + timedelta(hours=12)
    assert due_end(started_at=begun, active_at=late, idle=ten, now=late) == End.EXPIRED
    assert left(started_at=begun, active_at=begun, idle=ten, now=begun + 3 * MINUTE) == 7 * MINUTE
    assert left(started_at=begun, active_at=begun, idle=ten, now=late) == timedelta()


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::9", "2001:db8:1::/48"), ("nowhere", "nowhere"), ("", "")],
)
def test_which_network_an_address_is_counted_to(address: str, network: str) -> None:
    assert network_of(address) == network
