"""A lane is held by one worker, an account by few, and one that fails rests: nobody else waits for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings

from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import Go, Health, Later
from medical_audit.domain.states import State
from medical_audit.models import Event
from medical_audit.models.lane import Breaker
from medical_audit.operations.execution import expire_overdue
from medical_audit.operations.lanes import (
    REFUSED_PROBE,
    Lease,
    lane_group,
    lease_lane,
    note_health,
    release_lane,
)
from medical_audit.queries import queue
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.medical_audit.desk import Desk, Outside, make_desk
from tests.medical_audit.threads import race


@pytest.fixture(autouse=True)
def _worker(as_role: AsRole) -> Iterator[None]:
    with as_role("worker"):
        yield


def take(desk: Desk, worker: str = "w", lane: str = "") -> Lease | None:
    return lease_lane(desk.tenant_id, lane or desk.lane, worker=worker, clock=desk.clock)


def taken(desk: Desk, worker: str = "w") -> Lease:
    lease = take(desk, worker)
    assert lease is not None
    return lease


def events(desk: Desk) -> list[str]:
    with tenant_scope(desk.tenant_id):
        found = Event.objects.filter(subject_type="lane", subject_id=desk.lane).order_by("ord")
        return list(found.values_list("kind", flat=True))


def test_a_call_that_might_outlast_the_lease_extends_it_first(desk: Desk) -> None:
    lease = taken(desk)
    lease.until -= settings.LEASE_S / 4
    before = lease.until
    assert lease.keep()
    assert lease.until == before
    assert lease.keep(for_s=settings.LEASE_S * 5 / 6)
    assert lease.until > before


def test_one_of_eight_workers_gets_the_lane(desk: Desk) -> None:
    leases = race(8, lambda number: take(desk, f"w{number}"))
    assert sorted(lease is not None for lease in leases) == [False] * 7 + [True]
    assert desk.lane_row().fence == 1


def test_a_lane_is_free_again_when_it_is_given_back_or_its_lease_has_ended(desk: Desk) -> None:
    first = taken(desk)
    assert take(desk) is None
    release_lane(first)
    second = taken(desk)
    desk.clock.pass_(seconds=settings.LEASE_S)
    third = taken(desk)
    assert (first.fence, second.fence, third.fence) == (1, 2, 3)


def test_who_lost_the_lane_can_neither_extend_nor_give_back_nor_report(desk: Desk) -> None:
    lost = taken(desk, "slow")
    desk.clock.pass_(seconds=settings.LEASE_S)
    taken(desk, "quick")
    with pytest.raises(LeaseLost), tenant_scope(desk.tenant_id):
        lost.hold()
    note_health(lost, Health.REFUSED, "role_refused")
    release_lane(lost)
    row = desk.lane_row()
    assert (row.worker, row.breaker, row.leased_until is None) == ("quick", Breaker.CLOSED, False)


def test_a_process_trusts_its_lease_no_longer_than_its_own_clock_says(desk: Desk) -> None:
    """The database's clock stands still here; the process was stopped and comes back much later."""
    lease = taken(desk)
    assert lease.keep()
    lease.until -= settings.LEASE_S + 1
    assert not lease.keep()
    with pytest.raises(LeaseLost), tenant_scope(desk.tenant_id):
        lease.hold()


def test_a_lease_is_extended_while_it_is_used(desk: Desk) -> None:
    lease = taken(desk)
    desk.clock.pass_(seconds=settings.LEASE_S - 1)
    lease.until -= settings.LEASE_S / 2
    assert lease.keep()
    assert desk.lane_row().leased_until == desk.clock() + timedelta(seconds=settings.LEASE_S)


def test_no_more_than_a_few_workers_serve_one_account(desk: Desk) -> None:
    """Eight workers, eight regions of one account: only as many as allowed get in, the others stay free for others."""
    account = desk.lane.partition("/")[0]
    leases = race(8, lambda number: take(desk, f"w{number}", f"{account}/region-{number}"))
    assert [one for one in leases if isinstance(one, Exception)] == []
    held = [lease for lease in leases if isinstance(lease, Lease)]
    assert len(held) == settings.LANES_PER_ACCOUNT
    assert take(desk, "other", f"{uuid.uuid4().hex[:12]}/region-1") is not None
    release_lane(held[0])
    assert take(desk, "next", f"{account}/region-9") is not None


@pytest.mark.parametrize(
    ("lane", "group"), [("1/x", "1"), ("1/x/tags", "1/tags"), ("1/y/tags", "1/tags"), ("1", "1")]
)
def test_a_class_of_work_has_a_bound_of_its_own(lane: str, group: str) -> None:
    assert lane_group(lane) == group


def test_lanes_with_the_same_name_in_two_tenants_are_two_lanes(desk: Desk) -> None:
    assert take(desk) is not None
    assert lease_lane(desk.cast.other_tenant.id, desk.lane, worker="w", clock=desk.clock) is not None


# -- the breaker -------------------------------------------------------------------------------------------------------


def fail(desk: Desk, times: int = 1, health: Health = Health.FAILING) -> None:
    for _ in range(times):
        lease = taken(desk)
        note_health(lease, health, "unreachable" if health == Health.FAILING else "role_refused")
        release_lane(lease)


def test_the_breaker_opens_after_failures_in_a_row(desk: Desk) -> None:
    fail(desk, settings.BREAKER_AFTER - 1)
    assert (desk.lane_row().breaker, events(desk)) == (Breaker.CLOSED, [])
    fail(desk)
    row = desk.lane_row()
    assert (row.breaker, row.breaker_reason) == (Breaker.OPEN, "unreachable")
    assert row.open_until == desk.clock() + timedelta(seconds=settings.BREAKER_OPEN_S)
    assert events(desk) == ["breaker.opened"]
    assert take(desk) is None


def test_one_success_between_failures_keeps_it_closed(desk: Desk) -> None:
    for _ in range(3):
        fail(desk, settings.BREAKER_AFTER - 1)
        fail(desk, health=Health.GOOD)
    assert (desk.lane_row().breaker, desk.lane_row().failures) == (Breaker.CLOSED, 0)


def test_after_its_rest_one_try_decides(desk: Desk) -> None:
    fail(desk, settings.BREAKER_AFTER)
    desk.clock.pass_(seconds=settings.BREAKER_OPEN_S)
    fail(desk)
    rest = (desk.lane_row().open_until or desk.clock()) - desk.clock()
    assert rest == timedelta(seconds=2 * settings.BREAKER_OPEN_S), "twice as long as before"
    assert events(desk) == ["breaker.opened"], "it stayed open, nothing new to tell"
    desk.clock.pass_(seconds=2 * settings.BREAKER_OPEN_S)
    fail(desk, health=Health.GOOD)
    row = desk.lane_row()
    assert (row.breaker, row.failures, row.open_until, row.breaker_reason) == (Breaker.CLOSED, 0, None, "")
    assert events(desk) == ["breaker.opened", "breaker.closed"]


def test_the_rest_never_grows_beyond_its_bound(desk: Desk) -> None:
    for _ in range(12):
        fail(desk)
        desk.clock.pass_(seconds=settings.BREAKER_OPEN_MAX_S)
    assert desk.lane_row().open_until == desk.clock(), "the last rest was the longest one"


def test_an_account_that_refuses_us_is_probed_rarely(desk: Desk) -> None:
    fail(desk, health=Health.REFUSED)
    row = desk.lane_row()
    assert (row.breaker, row.breaker_reason, row.open_until) == (
        Breaker.REFUSED,
        "role_refused",
        desk.clock() + REFUSED_PROBE,
    )
    desk.clock.pass_(seconds=REFUSED_PROBE.total_seconds() - 1)
    assert take(desk) is None
    desk.clock.pass_(seconds=1)
    fail(desk, health=Health.GOOD)
    assert events(desk) == ["breaker.opened", "breaker.closed"]


def test_a_round_that_touched_nothing_says_nothing_of_the_lane(desk: Desk) -> None:
    fail(desk, settings.BREAKER_AFTER - 1)
    fail(desk, health=Health.UNTOUCHED)
    assert desk.lane_row().failures == settings.BREAKER_AFTER - 1


def test_the_breaker_stops_the_round_that_opens_it(desk: Desk, as_role: AsRole) -> None:
    """Thirty operations of an account that hangs cost three looks, not ten: each may take twenty seconds."""
    with as_role("web"):
        operations = desk.confirmed(30)
    desk.outside.health = Health.FAILING
    desk.outside.check = lambda row: Later("unreachable", timedelta(seconds=10))
    desk.drain()
    assert len(desk.outside.asked) == settings.BREAKER_AFTER
    untouched = [one for one in operations if desk.row(one).outcome == ""]
    assert len(untouched) == 30 - 3 * settings.BREAKER_AFTER
    desk.outside.health, desk.outside.check = Health.GOOD, Outside().check
    desk.clock.pass_(seconds=settings.BREAKER_OPEN_S)
    desk.drain()
    assert {desk.row(one).state for one in operations} == {State.RUNNING}


def test_a_refusal_seen_while_watching_stops_new_calls(desk: Desk, as_role: AsRole) -> None:
    with as_role("web"):
        (first,) = desk.confirmed()
    desk.drain()
    with as_role("web"):
        (second,) = desk.confirmed()
    desk.clock.pass_(seconds=5)
    desk.outside.health = Health.REFUSED
    desk.outside.observe = lambda row: Later("role_refused", timedelta(minutes=1))
    desk.drain()
    assert desk.outside.called() == [first.target_id]
    assert desk.row(second).state == State.CONFIRMED


def test_what_waits_under_an_open_breaker_ends_with_its_reason(own_desk: Desk, as_role: AsRole) -> None:
    (operation,) = own_desk.scheduled("waits")
    fail(own_desk, health=Health.REFUSED)
    own_desk.clock.pass_(minutes=61)
    with as_role("scheduler"):
        expire_overdue(own_desk.tenant_id, actor=system_actor(own_desk.tenant_id, "s"), now=own_desk.clock())
    row = own_desk.row(operation)
    assert (row.state, row.outcome) == (State.MISSED, "role_refused")


# -- the queue's window ------------------------------------------------------------------------------------------------


def due_here(desk: Desk) -> bool:
    return (desk.tenant_id, desk.lane) in queue.due_lanes(desk.clock(), limit=10_000)


def test_a_lane_is_due_when_it_has_work_and_may_be_served(desk: Desk, as_role: AsRole) -> None:
    assert not due_here(desk)
    with as_role("web"):
        desk.confirmed()
    assert due_here(desk)
    lease = taken(desk)
    assert not due_here(desk), "somebody serves it"
    release_lane(lease)
    assert due_here(desk)
    fail(desk, settings.BREAKER_AFTER)
    assert not due_here(desk), "it rests"
    desk.clock.pass_(seconds=settings.BREAKER_OPEN_S)
    assert due_here(desk)
    desk.outside.check = lambda row: Go()
    desk.drain()
    assert not due_here(desk), "nothing to do before the next look"
    desk.clock.pass_(seconds=5)
    assert due_here(desk)


def test_what_waits_for_a_person_makes_no_lane_due(desk: Desk, as_role: AsRole) -> None:
    with as_role("web"):
        desk.enter()
    assert not due_here(desk)


def test_healthy_lanes_come_first_then_who_waited_longest(own_desk: Desk, as_role: AsRole) -> None:
    desks = [make_desk(own_desk.cast) for _ in range(3)]
    ill, long_ago, never = desks
    with as_role("web"):
        for desk in desks:
            desk.confirmed()
    fail(ill)
    lease = lease_lane(long_ago.tenant_id, long_ago.lane, worker="w", clock=long_ago.clock)
    assert lease is not None
    release_lane(lease)
    lanes = [
        lane
        for tenant_id, lane in queue.due_lanes(own_desk.clock(), limit=10_000)
        if tenant_id == own_desk.tenant_id
    ]
    assert lanes == [never.lane, long_ago.lane, ill.lane]


def test_the_sweepers_list_names_tenants_with_overdue_work_only(own_desk: Desk, as_role: AsRole) -> None:
    def listed() -> bool:
        return own_desk.tenant_id in queue.overdue_tenants(own_desk.clock())

    with as_role("web"):
        own_desk.confirmed()
        own_desk.clock.pass_(minutes=60)
        own_desk.enter()
    assert not listed()
    own_desk.clock.pass_(seconds=1)
    assert listed()
