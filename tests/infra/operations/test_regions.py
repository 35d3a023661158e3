"""Regions of an account that is in: they come once the roles are proven there, and go without anything being deleted."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from uuid import UUID

import pytest
from django.db import connection

from accounts.domain.permissions import Role
from infra.domain.features import regions_counting
from infra.domain.onboarding import AccountRole
from infra.domain.proofs import DOOR, Check, Status
from infra.models import AccountSetup, Region, Resource
from infra.operations.inventory import Taken, take_inventory
from infra.operations.regions import enter_regions
from infra.operations.setups import begin_again, take_in
from infra.queries.queue import due_inventories
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent
from medical_audit.models import Event, Operation
from medical_audit.tenancy import tenant_scope
from tests.catalogue import Database
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, Cast
from tests.infra.operations.test_features import Place
from tests.infra.operations.test_setups import begin, create_stack, prove
from tests.simulated import TOKYO, ask

OSAKA = "ap-northeast-3"
NOW = MONDAY_0830


class Whole(Place):
    """An account in which Toban is to do everything."""

    def __init__(self, cast: Cast, as_role: AsRole) -> None:
        self.cast, self.as_role, self.admin = cast, as_role, cast.actor(Role.ADMINISTRATOR)
        row = begin(self.admin)
        create_stack(row)
        prove(as_role, self.admin, row)
        self.account = take_in(row.id, actor=self.admin, now=NOW)


@pytest.fixture
def place(cast: Cast, as_role: AsRole) -> Place:
    return Whole(cast, as_role)


def enter(place: Place, *regions: str, role: Role = Role.ADMINISTRATOR) -> Operation:
    return enter_regions(
        place.account.id, regions, actor=place.cast.actor(role), now=NOW, reason="大阪にも置くため"
    )


def looking(place: Place) -> dict[str, str]:
    with tenant_scope(place.admin.tenant_id):
        return dict(Region.objects.filter(account=place.account).values_list("name", "looking"))


def look(place: Place, name: str, *, after: int = 0) -> Taken | None:
    with tenant_scope(place.admin.tenant_id):
        pk: UUID = Region.objects.get(account=place.account, name=name).id
    with place.as_role("worker"):
        return take_inventory(
            place.admin.tenant_id, pk, worker="test", clock=lambda: NOW + timedelta(minutes=after)
        )


def proven(place: Place) -> AccountSetup:
    row = begin_again(place.account.id, actor=place.admin, now=NOW)
    return prove(place.as_role, place.admin, row)


def test_a_region_comes_once_its_roles_are_proven_and_goes_with_what_was_known_kept(place: Place) -> None:
    number = place.account.account_id
    ask(
        "seed",
        {"seed": number, "instances": [{"account_id": number, "region": OSAKA, "tags": {"Name": "大阪"}}]},
    )
    entered = enter(place, TOKYO, OSAKA)
    assert looking(place) == {TOKYO: "on"}
    place.confirm(entered)
    assert looking(place) == {TOKYO: "on", OSAKA: "waits"}
    assert look(place, OSAKA) is None, "nothing is looked at before it is proven"
    assert proven(place).regions == [TOKYO, OSAKA]
    assert looking(place) == {TOKYO: "on", OSAKA: "on"}
    taken = look(place, OSAKA)
    assert taken is not None
    assert (taken.problem, taken.resources) == ("", 1)
    left = enter(place, TOKYO)
    assert left.shown["resources_left"] == 1
    place.confirm(left)
    assert looking(place)[OSAKA] == "leaving"
    gone = look(place, OSAKA, after=1)
    assert gone is not None
    assert (gone.problem, gone.changed) == ("", 1)
    assert looking(place)[OSAKA] == "left"
    assert look(place, OSAKA, after=60) is None, "nobody looks there any more"
    with tenant_scope(place.admin.tenant_id):
        row = Resource.objects.get(name="大阪")
        assert (row.gone_at is None, row.next_change_at) == (False, None)
        assert Event.objects.filter(kind="account.region_left").count() == 1
    place.confirm(enter(place, OSAKA, TOKYO))
    assert looking(place)[OSAKA] == "waits"
    proven(place)
    look(place, OSAKA, after=120)
    with tenant_scope(place.admin.tenant_id):
        assert Resource.objects.get(name="大阪").gone_at is None


def test_no_worker_is_asked_for_a_region_that_waits_or_was_left(place: Place) -> None:
    place.confirm(enter(place, TOKYO, OSAKA))
    assert due(place) == {TOKYO}, "Osaka waits"
    proven(place)
    assert due(place) == {TOKYO, OSAKA}
    place.confirm(enter(place, TOKYO))
    assert due(place) == {TOKYO, OSAKA}, "it is leaving, and a worker has to say so"
    look(place, OSAKA, after=1)
    assert due(place) == {TOKYO}, "it is left"


def due(place: Place) -> set[str]:
    ever = NOW + timedelta(days=1)
    with place.as_role("scheduler"):
        asked = {region for tenant, region in due_inventories(ever, ever) if tenant == place.admin.tenant_id}
    with tenant_scope(place.admin.tenant_id):
        return set(Region.objects.filter(id__in=asked).values_list("name", flat=True))


def test_of_changes_of_regions_and_features_that_are_confirmed_at_one_moment_none_is_lost(
    place: Place, superuser_connection: Database
) -> None:
    before = begin_again(place.account.id, actor=place.admin, now=NOW).features
    # Who confirms has confirmed before: else the second would wait for the key of his name, which the first makes.
    place.decide(*before[:-1])
    first, found = enter(place, TOKYO, OSAKA), list[object]()
    second = place.enter(*before[:-2])

    def confirm() -> None:
        try:
            found.append(place.confirm(second))
        except StaleContent as stale:
            found.append(stale.code)
        finally:
            connection.close()

    thread = Thread(target=confirm)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with tenant_scope(place.admin.tenant_id):
        place.confirm(first)
        thread.start()
        while thread.is_alive() and superuser_connection.execute(waits).fetchone() == (0,):
            thread.join(0.02)
        assert thread.is_alive(), "it waits for the first"
    thread.join()
    assert found == ["rules_changed"]
    now = begin_again(place.account.id, actor=place.admin, now=NOW)
    assert (now.regions, now.features) == ([TOKYO, OSAKA], before[:-1])


def test_what_cannot_be_chosen_is_refused_and_a_decision_holds_for_what_stood(place: Place) -> None:
    for regions, code in (
        ((), "bad_parameter"), ((TOKYO, TOKYO), "bad_parameter"), (("tokyo",), "bad_parameter"), ((TOKYO,), "nothing_changed"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            enter(place, *regions)
        assert refused.value.code == code
    with pytest.raises(NotPermitted):
        enter(place, TOKYO, OSAKA, role=Role.APPROVER)
    first, second = enter(place, TOKYO, OSAKA), enter(place, OSAKA)
    place.confirm(first)
    with pytest.raises(StaleContent):
        place.confirm(second)


@pytest.mark.parametrize(
    ("status", "door", "counts"),
    [
        (Status.PASSED, True, [TOKYO, OSAKA]),
        (Status.FAILED, True, [TOKYO]),
        (Status.UNTRIED, True, [TOKYO]),
        (Status.PASSED, False, []),
    ],
)
def test_a_region_counts_where_aws_refused_nothing_that_was_tried(
    status: Status, door: bool, counts: list[str]
) -> None:
    checks = [Check(code, role, Status.PASSED) for role in AccountRole for code in sorted(DOOR)]
    checks = checks[0 if door else 1 :]
    for region, told in ((TOKYO, Status.PASSED), (OSAKA, status)):
        checks.append(Check("may", AccountRole.READ, told, f"ec2:DescribeInstances {region}"))
    assert regions_counting(checks, [TOKYO, OSAKA]) == counts
