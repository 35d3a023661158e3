"""Looking at an account: what is there becomes rows, what is unchanged costs nothing, what fails spoils nothing."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from infra.models import Attachment, DatabaseSnapshot, Resource, Volume
from infra.operations.inventory import take_inventory
from infra.queries.queue import due_inventories
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.infra.operations.duty import Duty, counted_writes, jst
from tests.simulated import TOKYO, Account, Clock, ask, customer_client, new_account_id
from tests.simulator.client import eventually


def generated(aws: Account, instances: int) -> None:
    ask("seed", {"seed": aws.number, "instances": [
        {"account_id": aws.number, "region": TOKYO, "tags": {"Name": f"web-{n}"}} for n in range(instances)]})  # fmt: skip


def test_an_account_of_many_pages_is_seen_whole(duty: Duty) -> None:
    generated(duty.aws, 1200)
    taken = duty.look()
    assert (taken.resources, taken.changed) == (1200, 1200)
    with tenant_scope(duty.aws.cast.tenant.id):
        assert Resource.objects.count() == 1200
    assert duty.aws.calls()["ec2.DescribeInstances"] == 2


def test_an_unchanged_second_look_writes_nothing_but_that_it_looked(duty: Duty) -> None:
    ids = duty.aws.seed(
        instances=[{"tags": {"Name": "a", "AutoStart": "8"}}, {"state": "terminated"}, {"tags": {}}],
        databases=[{"id": "orders"}],
    )["instances"]  # fmt: skip
    duty.aws.seed(volumes=[{"attachments": [{"instance_id": ids[0]}], "tags": {"Name": "x"}},
                                {"attachments": [{"instance_id": ids[2]}]}])  # fmt: skip
    duty.look()
    duty.clock.pass_(minutes=5)
    with duty.as_role("worker"), counted_writes() as writes:
        taken = duty.aws.inventory(duty.clock)
    assert taken.changed == 0
    assert [one for one in writes if '"infra_region"' not in one] == []


def test_look_of_a_thousand_takes_a_bounded_number_of_statements(duty: Duty) -> None:
    generated(duty.aws, 1000)
    with duty.as_role("worker"), CaptureQueriesContext(connection) as statements:
        duty.aws.inventory(duty.clock)
    assert len(statements) < 62  # rules of tagging and snapshots asked four more, parts of their own six


def test_a_time_set_between_two_looks_is_still_acted_on(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"Name": "web"}}])["instances"]
    duty.clock.now = jst(2026, 11, 30, 8, 27)
    duty.look()
    duty.retag(one, AutoStart="08:30")
    duty.clock.now = jst(2026, 11, 30, 8, 32)
    duty.morning()
    assert duty.aws.states()["ec2"][one] == "running"


def test_a_time_that_had_passed_before_the_last_look_is_not_acted_on(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"Name": "web"}}])["instances"]
    duty.clock.now = jst(2026, 11, 30, 8, 35)
    duty.look()
    duty.retag(one, AutoStart="08:30")
    duty.clock.pass_(minutes=5)
    duty.morning()
    assert duty.operations() == []


def test_a_tag_that_says_nothing_about_the_schedule_does_not_repeat_what_was_recorded(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "08:30"}}])["instances"]
    duty.clock.now = jst(2026, 11, 23, 8, 28)
    duty.look()
    duty.clock.pass_(minutes=3)
    assert duty.tick().skipped == 1
    duty.retag(one, Owner="somebody")
    duty.console("ec2").start_instances(InstanceIds=[one])
    duty.clock.pass_(minutes=2)
    duty.look()
    assert duty.tick().skipped == 0
    assert len(duty.events("schedule.skipped")) == 1


def test_a_terminated_server_is_gone_and_has_no_plan(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "09:00"}}])["instances"]
    duty.look()
    duty.console("ec2").terminate_instances(InstanceIds=[one])
    duty.clock.pass_(minutes=5)
    duty.look()
    gone_at = duty.clock()
    duty.clock.pass_(minutes=30)
    duty.look()
    row = duty.resource(one)
    assert (row.state, row.gone_at, row.next_change_at, row.scheduled) == ("gone", gone_at, None, False)
    assert duty.tick().resources == 0


def test_what_aws_no_longer_shows_is_gone(duty: Duty) -> None:
    duty.aws.seed(databases=[{"id": "orders", "tags": {"AutoStop": "19:00"}}])
    duty.look()
    duty.console("rds").delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    duty.clock.pass_(minutes=5)
    duty.look()
    row = duty.resource("orders")
    assert (row.state, row.gone_at, row.next_change_at) == ("gone", duty.clock(), None)


def test_a_database_made_again_under_its_old_name_is_back(duty: Duty) -> None:
    duty.aws.seed(databases=[{"id": "orders"}])
    duty.look()
    duty.console("rds").delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    duty.look()
    duty.aws.seed(databases=[{"id": "orders", "tags": {"AutoStop": "19:00"}}])
    duty.look()
    row = duty.resource("orders")
    assert (row.state, row.gone_at, row.next_change_at) == ("running", None, jst(2026, 11, 30, 19, 0))


@pytest.mark.fault
class TestFailedLook:
    """The last good rows stay, the region says what is wrong, the ledger says it once."""

    def test_a_missing_permission_is_told_once_and_mends(self, duty: Duty) -> None:
        (one,) = duty.aws.seed(instances=[{"tags": {"Name": "web"}}])["instances"]
        duty.look()
        duty.aws.fault(match={"service": "ec2"}, code="UnauthorizedOperation", status=403)
        for _ in range(2):
            duty.clock.pass_(minutes=5)
            assert duty.look().problem == "permission"
        region = duty.region()
        assert region.inventory_problem_since == jst(2026, 11, 30, 8, 35)
        assert region.inventory_at == jst(2026, 11, 30, 8, 30)
        assert "ec2:DescribeInstances" in region.inventory_problem_detail
        assert duty.resource(one).gone_at is None
        assert len(duty.events("account.unreachable")) == 1
        duty.aws.no_faults()
        duty.clock.pass_(minutes=5)
        assert duty.look().problem == ""
        assert duty.region().inventory_problem == ""
        assert len(duty.events("account.reachable")) == 1

    def test_a_role_that_was_never_let_in(self, duty: Duty) -> None:
        ask("accounts", {"account_id": duty.aws.number, "refuse": True})
        for _ in range(2):
            assert duty.look().problem == "role_refused"
        (event,) = duty.events("account.unreachable")
        assert event["detail"]["region"] == TOKYO
        assert "sts:AssumeRole" in event["detail"]["message"]
        assert f"ext-{duty.aws.number}" not in str(event)
        ask("accounts", {"account_id": duty.aws.number, "external_id": f"ext-{duty.aws.number}"})
        assert duty.look().problem == ""

    def test_an_account_that_hangs(self, duty: Duty, settings: Settings) -> None:
        settings.AWS_READ_TIMEOUT_S = 1.0
        duty.look()
        duty.aws.fault(match={"service": "ec2"}, hang_s=10)
        duty.clock.pass_(minutes=5)
        assert duty.look().problem == "no_answer"

    def test_throttling(self, duty: Duty) -> None:
        duty.aws.fault(match={"action": "DescribeInstances"}, code="RequestLimitExceeded", status=503)
        assert duty.look().problem == "throttled"

    def test_nothing_of_an_answer_that_broke_off_is_used(self, duty: Duty) -> None:
        generated(duty.aws, 1200)
        duty.look()
        ask(
            "seed",
            {
                "seed": "more" + duty.aws.number,
                "instances": [{"account_id": duty.aws.number, "region": TOKYO}],
            },
        )
        for action, after in (("DescribeInstances", 1), ("DescribeDBInstances", 0), ("DescribeVolumes", 0)):
            duty.aws.fault(match={"action": action}, after=after, code="UnauthorizedOperation", status=403)
            duty.clock.pass_(minutes=5)
            assert duty.look().problem == "permission"
            duty.aws.no_faults()
            with tenant_scope(duty.aws.cast.tenant.id):
                assert Resource.objects.count() == 1200
                assert not Resource.objects.filter(gone_at__isnull=False).exists()

    def test_a_problem_of_another_kind_is_told_too(self, duty: Duty) -> None:
        for code in ("UnauthorizedOperation", "RequestLimitExceeded"):
            duty.aws.fault(match={"action": "DescribeInstances"}, code=code, status=403)
            duty.look()
            duty.aws.no_faults()
        assert [event["detail"]["problem"] for event in duty.events("account.unreachable")] == [
            "permission",
            "throttled",
        ]


class TestSeveralLooks:
    """Looks of one region may overlap: the five-minute claim, a forced look, a look that takes longer than five minutes."""

    def test_a_region_is_looked_at_once_in_five_minutes(self, duty: Duty) -> None:
        tenant, region = duty.aws.cast.tenant.id, duty.aws.region.id
        with duty.as_role("worker"):
            assert take_inventory(tenant, region, worker="a", clock=duty.clock) is not None
            duty.clock.pass_(minutes=4)
            assert take_inventory(tenant, region, worker="b", clock=duty.clock) is None
            duty.clock.pass_(minutes=1)
            assert take_inventory(tenant, region, worker="b", clock=duty.clock) is not None

    def test_a_clock_that_was_put_back_does_not_stop_the_looking(self, duty: Duty, as_role: AsRole) -> None:
        duty.look()
        duty.clock.pass_(hours=-5)
        with as_role("scheduler"):
            due = due_inventories(duty.clock() - timedelta(minutes=5), duty.clock())
        assert (duty.aws.cast.tenant.id, duty.aws.region.id) in due
        with as_role("worker"):
            taken = take_inventory(duty.aws.cast.tenant.id, duty.aws.region.id, worker="a", clock=duty.clock)
        assert taken is not None
        assert duty.region().inventory_at == duty.clock()

    def test_two_first_looks_at_once_make_one_row_each(self, duty: Duty) -> None:
        ids = duty.aws.seed(instances=[{"tags": {"AutoStart": "8"}}] * 30)["instances"]
        duty.aws.seed(volumes=[{"attachments": [{"instance_id": one}]} for one in ids])
        problems: list[BaseException] = []

        def look() -> None:
            try:
                duty.aws.inventory(duty.clock)
            except BaseException as problem:  # noqa: BLE001  told by the main thread
                problems.append(problem)
            finally:
                connection.close()

        with duty.as_role("worker"):
            threads = [threading.Thread(target=look) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert problems == []
        with tenant_scope(duty.aws.cast.tenant.id):
            assert (Resource.objects.count(), Volume.objects.count(), Attachment.objects.count()) == (
                30,
                30,
                30,
            )
        assert len(duty.events("schedule.finding")) == 30

    @pytest.mark.fault
    def test_a_slow_look_does_not_overwrite_a_newer_one(self, duty: Duty) -> None:
        (one,) = duty.aws.seed(instances=[{"tags": {"Name": "old"}}])["instances"]
        duty.look()
        rule = f"hold-{duty.aws.number}"
        duty.aws.fault(id=rule, match={"action": "DescribeVolumes"}, hold="before", times=1)

        def held() -> int:
            return int(next(shown["waiting"] for shown in ask("faults") if shown["id"] == rule))

        clock = Clock(duty.clock())

        def slow() -> None:
            try:
                duty.aws.inventory(clock)
            finally:
                connection.close()

        with duty.as_role("worker"):
            thread = threading.Thread(target=slow)
            thread.start()
            eventually(held, 1)
            duty.retag(one, Name="new")
            duty.clock.pass_(minutes=5)
            duty.aws.inventory(duty.clock)
            clock.now = duty.clock.pass_(minutes=1)
            duty.aws.no_faults()
            thread.join()
        assert duty.resource(one).name == "new"
        assert duty.region().inventory_at == jst(2026, 11, 30, 8, 35)

    @pytest.mark.fault
    def test_a_look_that_began_before_a_start_does_not_show_the_server_stopped_again(
        self, duty: Duty
    ) -> None:
        (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "08:30"}}])["instances"]
        duty.look()
        duty.tick()
        rule = f"hold-{duty.aws.number}"
        duty.aws.fault(id=rule, match={"action": "DescribeVolumes"}, hold="before", times=1)
        clock = Clock(duty.clock())

        def slow() -> None:
            try:
                duty.aws.inventory(clock)
            finally:
                connection.close()

        with duty.as_role("worker"):
            thread = threading.Thread(target=slow)
            thread.start()
            eventually(lambda: next(shown["waiting"] for shown in ask("faults") if shown["id"] == rule), 1)
            duty.clock.pass_(seconds=1)
            duty.work_for(rounds=1, seconds=10)
            clock.now = duty.clock()
            duty.aws.no_faults()
            thread.join()
        assert duty.resource(one).state == "running"


def test_a_snapshot_that_a_stranger_shares_under_the_longest_name_stops_no_look(duty: Duty) -> None:
    """AWS takes 255 characters, and a shared one is known by its ARN, which is longer."""
    other, name = new_account_id(), "s" * 255
    ask("seed", {"databases": [{"account_id": other, "region": TOKYO, "id": "theirs"}]})
    rds = customer_client(other, "rds")
    rds.create_db_snapshot(DBInstanceIdentifier="theirs", DBSnapshotIdentifier=name)
    rds.modify_db_snapshot_attribute(
        DBSnapshotIdentifier=name, AttributeName="restore", ValuesToAdd=[duty.aws.number]
    )
    [server] = duty.aws.seed(instances=[{"tags": {"Name": "web"}}], databases=[{"id": "karte"}])["instances"]
    assert duty.look().problem == ""
    assert {duty.resource(server).name, duty.resource("karte").name} == {"web", "karte"}
    with tenant_scope(duty.aws.cast.tenant.id):
        names = list(DatabaseSnapshot.objects.values_list("name", flat=True))
    assert f"arn:aws:rds:{TOKYO}:{other}:snapshot:{name}" in names


def test_what_the_database_does_not_take_of_one_part_keeps_no_other_from_being_kept(duty: Duty) -> None:
    [server] = duty.aws.seed(
        instances=[{"tags": {"Name": "web"}}], databases=[{"id": "karte"}], volumes=[{"volume_type": "x" * 50}]
    )["instances"]  # fmt: skip
    duty.look()
    region = duty.region()
    assert (region.inventory_problem, region.inventory_problem_detail) == ("partly", "volumes: DataError")
    assert {duty.resource(server).name, duty.resource("karte").name} == {"web", "karte"}
    [said] = duty.events("account.partly_read")
    assert said["detail"]["message"] == "volumes: DataError"


def test_an_error_of_toban_s_own_stands_on_the_page_and_the_last_good_look_stays(duty: Duty) -> None:
    [server] = duty.aws.seed(instances=[{"tags": {"Name": "web"}}])["instances"]
    duty.look()
    duty.aws.seed(instances=[{"id": "i-0f00000000000000f", "instance_type": "x" * 100}])
    duty.clock.pass_(minutes=5)
    assert duty.look().problem == "internal_error"
    region = duty.region()
    assert (region.inventory_problem, region.inventory_problem_detail) == ("internal_error", "DataError")
    assert duty.resource(server).name == "web"
