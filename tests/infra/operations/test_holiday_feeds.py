"""Lists that are fetched every month: claimed once, judged like an upload, and a tenant's feed is its own trouble."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from accounts.domain.permissions import Role
from infra.domain.holiday_files import ListSource
from infra.models import HolidayFeed, HolidayList
from infra.operations import holiday_lists
from infra.queries import queue
from infra.queries.calendars import calendar_notices, calendar_of, checked_lists, coverage_of
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.tenancy import tenant_scope
from tests.infra.holiday_lists import JAPAN, cabinet, google, ical
from tests.infra.operations.duty import Duty, jst, stranger_cast
from tests.infra.operations.test_planning import Planning

CABINET, ICAL = ListSource.CABINET, ListSource.ICAL
SPECIAL = date(2026, 12, 1)


class Site(ThreadingHTTPServer):
    """A web server whose files a test changes; it counts how often each was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(200 if body is not None else 503)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


def feed_of(planning: Planning, source: ListSource = CABINET) -> HolidayFeed:
    with tenant_scope(planning.planner.tenant_id):
        feed: HolidayFeed = HolidayFeed.objects.get(source=source)
        return feed


def follow(planning: Planning, url: str, source: ListSource = CABINET) -> HolidayFeed:
    holiday_lists.set_feed(source, url, actor=planning.planner, now=planning.duty.clock(), local=True)
    return feed_of(planning, source)


def beat(planning: Planning) -> list[HolidayList | None]:
    """What one beat does for this tenant, as the worker."""
    tenant, now = planning.planner.tenant_id, planning.duty.clock()
    with planning.duty.as_role("worker"):
        due = [feed for owner, feed in queue.due_feeds(now) if owner == tenant]
        actor = system_actor(tenant, "calendar")
        return [holiday_lists.refresh(feed, actor=actor, now=now, local=True) for feed in due]


def lists(planning: Planning) -> list[tuple[str, str]]:
    with tenant_scope(planning.planner.tenant_id):
        return list(HolidayList.objects.order_by("received_at", "id").values_list("state", "problem"))


def test_a_new_address_is_fetched_by_the_next_beat_and_again_on_the_first_of_the_month(
    planning: Planning, site: Site
) -> None:
    site.files["/s.csv"] = cabinet()
    follow(planning, site.url("/s.csv"))
    [row] = beat(planning)
    assert row is not None
    assert (row.state, row.received_by_name) == ("adopted", "calendar")
    feed = feed_of(planning)
    first = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    assert first <= feed.next_at < first + timedelta(minutes=holiday_lists.SPREAD_MIN)
    assert beat(planning) == []
    planning.duty.clock.now = feed.next_at
    [again] = beat(planning)
    assert again is not None
    assert again.id == row.id
    assert site.asked == ["/s.csv", "/s.csv"]
    assert [one["subject"]["id"] for one in planning.duty.events("calendar.list_unchanged")] == [str(row.id)]


def test_two_beats_at_once_fetch_it_once(planning: Planning, site: Site) -> None:
    site.files["/s.csv"] = cabinet()
    feed = follow(planning, site.url("/s.csv"))
    actor, now = system_actor(feed.tenant_id, "calendar"), planning.duty.clock()
    with planning.duty.as_role("worker"):
        taken = [holiday_lists.refresh(feed.id, actor=actor, now=now, local=True) for _ in range(2)]
    assert [one is not None for one in taken] == [True, False]
    assert site.asked == ["/s.csv"]


def test_a_fetch_that_fails_is_recorded_tried_the_next_day_and_told_of_after_a_week(
    planning: Planning, site: Site
) -> None:
    site.files["/s.csv"] = cabinet()
    follow(planning, site.url("/s.csv"))
    beat(planning)
    del site.files["/s.csv"]
    planning.duty.clock.now = feed_of(planning).next_at
    before = lists(planning)
    for days in range(8):
        assert beat(planning) == [None], days
        feed = feed_of(planning)
        assert (feed.problem, feed.detail) == ("http_status", "503")
        planning.duty.clock.now = feed.next_at
    assert lists(planning) == before
    failed = planning.duty.events("calendar.feed_failed")
    assert {(one["outcome"], one["detail"]["problem"]) for one in failed} == {("failed", "http_status")}
    with tenant_scope(planning.planner.tenant_id):
        [notice] = calendar_notices(planning.duty.clock())
        assert (notice.code, notice.source) == ("feed_fails", CABINET)
        assert calendar_of(planning.duty.clock()).holidays[date(2026, 11, 23)] == "勤労感謝の日"
    site.files["/s.csv"] = cabinet()
    beat(planning)
    assert feed_of(planning).problem == ""


@pytest.mark.parametrize(
    ("data", "source", "states"),
    [
        (b"<html>503</html>", CABINET, ("adopted", "refused")),
        (b"", CABINET, ("adopted", "refused")),
        (google(), ICAL, ("adopted", "refused")),
        (cabinet({day: name for day, name in JAPAN.items() if day.month > 6}), CABINET, ("adopted", "refused")),
        (cabinet({day: name for day, name in JAPAN.items() if day != date(2027, 11, 3)}), CABINET, ("adopted", "quarantined")),
        (cabinet(JAPAN | {SPECIAL: "特別の休日"}), CABINET, ("adopted", "quarantined")),
        (cabinet(JAPAN | {day.replace(year=2029): name for day, name in JAPAN.items() if day.year == 2027}), CABINET, ("adopted", "refused")),
    ],
    ids=["html", "empty", "google", "shrunk", "one less", "one more", "far years with a gap"],
)  # fmt: skip
def test_a_wrong_file_of_a_feed_leaves_the_last_good_list_in_force(
    planning: Planning, site: Site, data: bytes, source: ListSource, states: tuple[str, ...]
) -> None:
    holiday_lists.receive_list(cabinet(), CABINET, actor=planning.planner, now=planning.duty.clock())
    with tenant_scope(planning.planner.tenant_id):
        before = dict(calendar_of(planning.duty.clock()).holidays)
    site.files["/list"] = data
    follow(planning, site.url("/list"), source)
    planning.duty.clock.pass_(seconds=60)
    beat(planning)
    assert tuple(state for state, _ in lists(planning)) == states
    with tenant_scope(planning.planner.tenant_id):
        assert dict(calendar_of(planning.duty.clock()).holidays) == before


def test_a_person_fetches_now_but_not_twice_within_a_minute(planning: Planning, site: Site) -> None:
    site.files["/s.ics"] = ical()
    feed = follow(planning, site.url("/s.ics"), ICAL)

    def now() -> HolidayList | None:
        return holiday_lists.refresh(
            feed.id, actor=planning.planner, now=planning.duty.clock(), asked=True, local=True
        )

    row = now()
    assert row is not None
    assert (row.state, row.received_by_name) == ("adopted", planning.planner.name)
    with pytest.raises(Refused) as caught:
        now()
    assert caught.value.code == "just_tried"
    planning.duty.clock.pass_(seconds=60)
    assert now() is not None


def test_who_may_not_edit_the_calendar_fetches_nothing_and_another_tenants_feed_does_not_exist(
    planning: Planning, site: Site
) -> None:
    feed = follow(planning, site.url("/s.csv"))
    viewer = planning.duty.aws.cast.actor(Role.VIEWER)
    stranger = stranger_cast(planning.duty.aws.cast).actor(Role.OPERATOR)
    now = planning.duty.clock()
    with pytest.raises(NotPermitted):
        holiday_lists.refresh(feed.id, actor=viewer, now=now, asked=True, local=True)
    with pytest.raises(NotPermitted):
        holiday_lists.set_feed(CABINET, "", actor=viewer, now=now)
    with pytest.raises(NotFound):
        holiday_lists.refresh(feed.id, actor=stranger, now=now, asked=True, local=True)
    assert holiday_lists.refresh(feed.id, actor=system_actor(stranger.tenant_id, "calendar"), now=now) is None
    assert site.asked == []


def test_an_address_is_judged_kept_with_an_event_and_taken_away_with_one(planning: Planning) -> None:
    now = planning.duty.clock()
    for url, code in (
        ("http://example.com/s.csv", "https_only"),
        ("https://10.0.0.8/s.csv", "private_address"),
        ("https://[64:ff9b::a9fe:a9fe]/", "private_address"),
        ("https://user:secret@example.com/", "bad_url"),
        ("", "nothing_changed"),
    ):
        with pytest.raises(Refused) as caught:
            holiday_lists.set_feed(CABINET, url, actor=planning.planner, now=now)
        assert caught.value.code == code, url
    holiday_lists.set_feed(CABINET, "https://example.com/s.csv", actor=planning.planner, now=now)
    holiday_lists.set_feed(CABINET, "", actor=planning.planner, now=now)
    assert [one["detail"]["url"] for one in planning.duty.events("calendar.feed_set")] == [
        "https://example.com/s.csv",
        "",
    ]
    with tenant_scope(planning.planner.tenant_id):
        assert not HolidayFeed.objects.exists()


def test_a_list_that_was_turned_down_does_not_ask_again_and_a_newer_one_takes_its_place(
    planning: Planning,
) -> None:
    actor, now = planning.planner, planning.duty.clock()
    more = cabinet(JAPAN | {SPECIAL: "特別の休日"})
    row = holiday_lists.receive_list(more, CABINET, actor=actor, now=now)
    with tenant_scope(actor.tenant_id):
        assert [one.code for one in calendar_notices(now)] == ["list_waits"]
    holiday_lists.turn_down(row.id, actor=actor, now=now, reason="官報に無い")
    assert holiday_lists.receive_list(more, CABINET, actor=actor, now=now).id == row.id
    assert lists(planning) == [("refused", "differs")]
    with pytest.raises(NotFound):
        holiday_lists.turn_down(row.id, actor=actor, now=now, reason="もう一度")
    other = cabinet(JAPAN | {date(2026, 12, 2): "特別の休日"})
    waits = holiday_lists.receive_list(other, CABINET, actor=actor, now=now)
    planning.duty.clock.pass_(seconds=1)
    holiday_lists.receive_list(cabinet(), CABINET, actor=actor, now=planning.duty.clock())
    with tenant_scope(actor.tenant_id):
        waits.refresh_from_db()
    assert waits.state == "replaced"


def test_the_lists_are_checked_against_each_other_and_what_holds_is_said(planning: Planning) -> None:
    actor, now = planning.planner, planning.duty.clock()
    holiday_lists.receive_list(ical(), ICAL, actor=actor, now=now)
    holiday_lists.receive_list(cabinet(JAPAN | {SPECIAL: "特別の休日"}), CABINET, actor=actor, now=now)
    with tenant_scope(actor.tenant_id):
        checked = checked_lists(now)
    assert [str(one) for one in checked.sources] == ["library", "cabinet", "ical"]
    [(difference, holds)] = checked.rows
    assert (difference.day, difference.names, holds) == (SPECIAL, ("", "特別の休日", ""), "")


@pytest.mark.parametrize(("day", "warned"), [(date(2027, 10, 31), False), (date(2027, 11, 1), True)])
def test_sixty_days_before_the_list_in_force_ends_people_are_told(
    planning: Planning, day: date, warned: bool
) -> None:
    holiday_lists.receive_list(cabinet(), CABINET, actor=planning.planner, now=planning.duty.clock())
    at = jst(day.year, day.month, day.day, 0, 30)
    with tenant_scope(planning.planner.tenant_id):
        assert coverage_of(at).until == date(2027, 12, 31)
        assert [one.code for one in calendar_notices(at)] == (["ends_soon"] if warned else [])
