"""Connecting a Redmine: looked at by a worker, confirmed by a second person, guarded by the database."""

from __future__ import annotations

import dataclasses
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from config.simulator.redmine import KEY, SimulatedRedmine
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent
from medical_audit.domain.states import State
from medical_audit.models import Event
from medical_audit.operations.lanes import lease_lane, release_lane
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import BadAddress, read_address
from redmine_sync.models import RedmineKey, RedmineServer, ServerState, TicketRule
from redmine_sync.operations import connecting, ruling
from tests.conftest import AsRole, _as_role
from tests.medical_audit.support import execute
from tests.redmine.fake import Running
from tests.redmine.shop import REASON, Place, Shop


def codes(server: RedmineServer) -> dict[str, str]:
    return {one["code"]: one["found"] for one in server.report["checks"]}


@pytest.mark.parametrize(
    ("text", "code"),
    [("http://redmine.example.jp", "https_only"), ("https://u:p@redmine.example.jp", "bad_url"), ("ftp://x", "bad_url"),
     ("https://169.254.169.254", "bad_url"), ("https://[::ffff:169.254.169.254]", "bad_url"), ("https://redmine.example.jp/?a=b", "bad_url"), ("", "bad_url"),
     ("https://redmine.example.jp:x", "bad_url"), ("http://10.0.0.5", "https_only")],
)  # fmt: skip
def test_only_tls_or_the_machine_itself(text: str, code: str) -> None:
    with pytest.raises(BadAddress) as bad:
        read_address(text)
    assert bad.value.code == code


def test_an_address_loses_its_last_slash() -> None:
    assert read_address(" https://redmine.example.jp/it/ ") == "https://redmine.example.jp/it"
    assert read_address("http://localhost:3000") == "http://localhost:3000"


def test_a_server_is_looked_at_connected_by_two_people_and_followed_from_then_on(shop: Shop) -> None:
    shop.happens("failed", "before")
    drafted = shop.probe(shop.draft())
    assert "failed" not in codes(drafted).values()
    assert codes(drafted)["field_found"] == "ok"
    server = shop.connect()
    shop.rule()
    assert (server.state, server.confirmed_by_name) == (
        ServerState.ACTIVE,
        shop.cast.people[Role.APPROVER].name,
    )
    assert shop.serve().sent == 0  # what lies before the connection is not caught up
    assert shop.tickets() == []


def test_the_key_stands_nowhere_readable(shop: Shop) -> None:
    shop.connect()
    with tenant_scope(shop.tenant_id):
        assert shop.place.key not in RedmineKey.objects.get().sealed
        assert [body for body in Event.objects.values_list("body", flat=True) if shop.place.key in body] == []


def test_who_may_not_connect_cannot(shop: Shop) -> None:
    with pytest.raises(NotPermitted):
        connecting.save_draft(shop.place.url, "a", "ja", actor=shop.actor(Role.OPERATOR), now=shop.clock())


def test_a_draft_that_was_not_looked_at_cannot_be_connected(shop: Shop) -> None:
    with pytest.raises(Refused, match="redmine_not_ready"):
        connecting.enter_connect(
            shop.draft().id, open_status=1, closed_status=5, snooze_days=7, actor=shop.actor(Role.ADMINISTRATOR),
            now=shop.clock(), reason=REASON,
        )  # fmt: skip


def test_a_draft_changed_after_it_was_shown_is_not_connected(shop: Shop) -> None:
    drafted = shop.probe(shop.draft())
    entered = connecting.enter_connect(
        drafted.id, open_status=shop.place.open_status, closed_status=shop.place.closed_status, snooze_days=7,
        actor=shop.actor(Role.ADMINISTRATOR), now=shop.clock(), reason=REASON,
    )  # fmt: skip
    shop.clock.pass_(seconds=1)
    shop.draft(key="0" * 40)
    with pytest.raises(StaleContent):
        shop.confirm(entered)


def test_a_new_key_for_the_same_server_keeps_its_tickets(open_shop: Shop) -> None:
    before = open_shop.server()
    open_shop.happens("failed", "web")
    open_shop.serve()
    open_shop.clock.pass_(seconds=1)
    open_shop.connect(snooze_days=3)
    after = open_shop.server()
    assert (after.id, after.snooze_days) == (before.id, 3)
    assert open_shop.ticket().server_id == after.id
    with tenant_scope(open_shop.tenant_id):
        assert RedmineKey.objects.count() == 1


def test_leaving_destroys_the_key_and_writes_nothing_more(open_shop: Shop) -> None:
    server = open_shop.server()
    left = connecting.enter_leave(
        server.id, actor=open_shop.actor(Role.ADMINISTRATOR), now=open_shop.clock(), reason=REASON
    )
    assert open_shop.confirm(left).state == State.SUCCEEDED
    with tenant_scope(open_shop.tenant_id):
        assert not RedmineKey.objects.exists()
        assert RedmineServer.objects.get().state == ServerState.LEFT


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"admin": False, "role": []}, "rights_missing"), ({"fields": []}, "field_missing"), ({"project_status": 5}, "no_project"),
     ({"down": 503}, "redmine_busy"), ({"down": 302}, "redmine_not_redmine")],
)  # fmt: skip
def test_what_speaks_against_a_server_is_named(
    shop: Shop, fake: SimulatedRedmine, changes: dict[str, object], code: str
) -> None:
    for name, value in changes.items():
        setattr(fake, name, value)
    server = shop.probe(shop.draft(url=fake.url, key=KEY))
    assert codes(server)[code] == "failed"


def test_a_filter_that_does_not_filter_is_found(shop: Shop, fake: SimulatedRedmine) -> None:
    fake.answer("POST", "/issues.json", {}, {"issue": {"project_id": 1, "subject": "someone else's"}}, KEY)
    fake.filters.clear()
    assert codes(shop.probe(shop.draft(url=fake.url, key=KEY)))["filter_broken"] == "failed"


@pytest.mark.parametrize(
    ("admin", "issues", "found"),
    [(True, 0, "field_found"), (False, 1, "field_found"), (False, 0, "field_missing")],
)
def test_a_field_for_all_projects_is_named_by_none_of_them(
    shop: Shop, fake: SimulatedRedmine, admin: bool, issues: int, found: str
) -> None:
    fake.for_all, fake.admin = True, admin
    for _ in range(issues):
        fake.answer("POST", "/issues.json", {}, {"issue": {"subject": "a"}}, KEY)
    assert found in codes(shop.probe(shop.draft(url=fake.url, key=KEY)))


def test_one_worker_at_a_time_looks_for_a_tenant(shop: Shop) -> None:
    """A draft is one person's: an address that answers slowly, asked anew each quarter of a minute, would take every worker."""
    drafted = shop.draft()

    def look() -> bool:
        return connecting.probe_if_asked(shop.tenant_id, drafted.id, worker="test", clock=shop.clock)

    with _as_role("worker"):
        other = lease_lane(shop.tenant_id, connecting.LOOKING, worker="other", clock=shop.clock)
        assert other is not None
        assert not look()
        release_lane(other)
        assert look()
    assert shop.server(ServerState.DRAFT).probed_at == shop.clock()


def test_a_wrong_key_is_named(shop: Shop) -> None:
    assert codes(shop.probe(shop.draft(key="0" * 40)))["redmine_key_refused"] == "failed"


def test_a_rule_names_a_project_that_can_take_tickets(open_shop: Shop) -> None:
    def enter(**changes: Any) -> None:
        given: dict[str, Any] = {
            "project": "x", "redmine_project": open_shop.place.project, "tracker": open_shop.place.tracker,
            "failures": True, "approvals": False, "approval_wait_min": 15, "topics": {},
        } | changes  # fmt: skip
        ruling.enter_rule(
            **given, actor=open_shop.actor(Role.ADMINISTRATOR), now=open_shop.clock(), reason=REASON
        )

    for changes, code in (
        ({"redmine_project": 999}, "redmine_project_unusable"), ({"tracker": 999}, "bad_parameter"),
        ({"failures": False}, "nothing_to_tell"), ({"approval_wait_min": -1}, "bad_parameter"),
        ({"project": "", "approvals": True}, "nothing_changed"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=code):
            enter(**changes)


def test_a_rule_ends_by_two_people(open_shop: Shop) -> None:
    with tenant_scope(open_shop.tenant_id):
        rule = TicketRule.objects.get()
    open_shop.confirm(
        ruling.enter_end(
            rule.id, actor=open_shop.actor(Role.ADMINISTRATOR), now=open_shop.clock(), reason=REASON
        )
    )
    open_shop.happens("failed", "web")
    open_shop.serve()
    assert open_shop.tickets() == []


def test_the_database_connects_nothing_by_itself(open_shop: Shop, as_role: AsRole) -> None:
    """Whoever can write SQL as the web server still needs the operation that two people made."""
    server = open_shop.server()
    statements: tuple[tuple[str, list[Any]], ...] = (
        ("UPDATE redmine_sync_redmineserver SET url = 'https://evil.example' WHERE id = %s", [server.id]),
        ("UPDATE redmine_sync_ticketrule SET redmine_project = 99", []),
    )
    for statement, parameters in statements:
        with pytest.raises((DatabaseError, psycopg.Error)), tenant_scope(open_shop.tenant_id):
            execute(statement, parameters)
    with as_role("worker"), pytest.raises(DatabaseError), tenant_scope(open_shop.tenant_id):
        execute(
            "UPDATE redmine_sync_redmineserver SET url = 'https://evil.example' WHERE id = %s", [server.id]
        )
    with as_role("scheduler"), pytest.raises(DatabaseError), tenant_scope(open_shop.tenant_id):
        execute("SELECT sealed FROM redmine_sync_redminekey")


def test_a_look_that_fails_takes_nothing_from_a_connected_server(
    fake_shop: Shop, fake: SimulatedRedmine
) -> None:
    before = fake_shop.server()
    fake_shop.clock.pass_(seconds=1)
    connecting.ask_probe(before.id, actor=fake_shop.actor(Role.ADMINISTRATOR), now=fake_shop.clock())
    fake.down = 503
    with _as_role("worker"):
        connecting.probe(fake_shop.tenant_id, before.id, now=fake_shop.clock())
    after = fake_shop.server()
    assert codes(after) == {"redmine_busy": "failed"}
    assert (after.key_field, after.bot_id) == (before.key_field, before.bot_id)
    fake.down = 0
    fake_shop.happens("failed", "web")
    assert (fake_shop.serve().sent, len(fake.issues)) == (1, 1)


def test_a_rule_holds_at_the_redmine_for_which_it_was_confirmed_and_at_no_other(
    fake_shop: Shop, fake: SimulatedRedmine
) -> None:
    """A project's number means another project elsewhere: nobody confirmed that anything is told there."""
    other = SimulatedRedmine()
    running = Running(other)
    moved = dataclasses.replace(fake_shop, place=Place(other.url, KEY))
    moved.connect()
    moved.happens("failed", "web")
    moved.serve()
    assert (moved.tickets(), other.issues) == ([], {})
    moved.rule()
    moved.happens("failed", "web")
    moved.serve()
    running.close()
    assert (len(other.issues), len(fake.issues)) == (1, 0)


def test_a_stranger_finds_no_server(open_shop: Shop) -> None:
    with tenant_scope(open_shop.cast.other_tenant.id):
        assert not RedmineServer.objects.exists()
        assert not TicketRule.objects.exists()
