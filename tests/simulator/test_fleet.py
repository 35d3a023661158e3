from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta

import pytest

from config.simulator.fleet import ACCOUNTS, REFUSED, SLOW, TENANTS, TOKYO, demo_fleet, due_by_tag
from config.simulator.fleet_parts import SOON
from config.simulator.model import Database, Fleet, Server, Volume
from tests.simulator.client import ROOT, Simulator, error_code, instances

MONDAY = datetime(2026, 11, 30, 8, 30, 42, tzinfo=TOKYO)
INSTANTS = [
    MONDAY,
    datetime(2026, 11, 23, 8, 30, tzinfo=TOKYO),
    datetime(2026, 11, 28, 14, 7, tzinfo=TOKYO),
    datetime(2026, 12, 1, 0, 2, tzinfo=TOKYO),
    datetime(2026, 12, 1, 23, 58, tzinfo=TOKYO),
]


def ids(fleet: Fleet) -> list[str]:
    """Every id, in order."""
    every: list[Server | Volume | Database] = [*fleet.servers, *fleet.volumes, *fleet.databases]
    return [one.id for one in every]


def test_three_tenants_have_six_accounts_in_two_regions() -> None:
    assert len(TENANTS) == 3
    assert len(ACCOUNTS) == 6
    assert {one.tenant for one in ACCOUNTS} == {one.slug for one in TENANTS}
    assert {region for one in ACCOUNTS for region in one.regions} == {"ap-northeast-1", "ap-northeast-3"}
    assert [one.behaviour for one in ACCOUNTS].count(REFUSED) == 1
    assert [one.behaviour for one in ACCOUNTS].count(SLOW) == 1
    assert len({one.external_id for one in ACCOUNTS}) == 6
    assert all(len(one.account_id) == 12 and one.account_id.isdigit() for one in ACCOUNTS)


@pytest.mark.parametrize("at", INSTANTS, ids=str)
def test_the_fleet_has_its_size_and_its_oddities_at_any_instant(at: datetime) -> None:
    fleet = demo_fleet(at)

    assert fleet.counts() == {
        "instances": 200, "volumes": 500, "databases": 42, "clusters": 1, "groups": 1, "windows": 9, "snapshots": 12,
    }  # fmt: skip
    assert len(set(ids(fleet))) == 742
    assert Counter(len(one.attachments) for one in fleet.volumes) == {0: 40, 1: 455, 2: 5}
    attached = [one for one in fleet.volumes if one.attachments]
    assert 100 < sum("Name" in one.tags for one in attached) < 200
    starts = [one.tags.get("AutoStart") for one in fleet.servers]
    stops = [one.tags.get("AutoStop") for one in fleet.servers]
    assert {"8", "", "９:００"} <= set(starts)
    assert "25:00" in stops
    assert sum(not one.tags for one in fleet.servers) == 10
    assert sum("Env" in one.tags and "Name" not in one.tags for one in fleet.servers) == 6
    assert sum(one.bounce is not None for one in fleet.servers) == 1
    assert sum(one.no_capacity for one in fleet.servers) == 1
    assert {one.engine for one in fleet.databases} == {
        "mysql",
        "postgres",
        "mariadb",
        "oracle-se2",
        "sqlserver-se",
        "aurora-mysql",
    }
    (replica,) = [one for one in fleet.databases if one.replica_of]
    assert replica.tags["AutoStop"] == f"{at:%H:%M}"
    assert replica.state == "available"
    assert any(one.engine == "sqlserver-se" and one.multi_az for one in fleet.databases)


@pytest.mark.parametrize("at", INSTANTS, ids=str)
def test_some_fall_due_now_and_some_in_the_minutes_after(at: datetime) -> None:
    fleet = demo_fleet(at)

    assert all(n >= 2 for n in due_by_tag(fleet, at).values())
    for minutes in SOON:
        due = due_by_tag(fleet, at + timedelta(minutes=minutes))
        assert due["ec2_start"] >= 3
        assert due["ec2_stop"] >= 2


def test_on_a_monday_morning_the_office_is_still_off_and_at_noon_it_is_on() -> None:
    before = demo_fleet(MONDAY)
    noon = demo_fleet(MONDAY.replace(hour=12))

    def on(fleet: Fleet) -> set[str]:
        office = [
            one
            for one in fleet.servers
            if one.tags.get("AutoStart") == "08:30" and one.tags.get("Name") and "Toban" not in one.tags
        ]
        return {one.state for one in office if one.tags["AutoStop"] == "19:00"}

    assert on(before) == {"stopped"}
    assert on(noon) == {"running"}


def test_ids_and_names_do_not_depend_on_the_instant() -> None:
    one, other = demo_fleet(INSTANTS[0]), demo_fleet(INSTANTS[3])

    assert ids(one) == ids(other)
    assert [server.tags.get("Name") for server in one.servers] == [
        server.tags.get("Name") for server in other.servers
    ]


def test_ids_are_the_same_in_another_process() -> None:
    program = (
        "from datetime import datetime;from config.simulator.fleet import *;"
        "f=demo_fleet(datetime(2026,11,30,8,30,tzinfo=TOKYO));"
        "print([one.id for one in (*f.servers,*f.volumes,*f.databases)])"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert other.stdout.strip() == str(ids(demo_fleet(MONDAY)))


def test_the_portal_reads_the_fleet_without_loading_moto() -> None:
    program = "import sys, config.simulator.fleet; print('moto' in sys.modules, 'django' in sys.modules)"

    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert said.stdout.split() == ["False", "False"]


def demo_state(simulator: Simulator) -> dict[str, str]:
    """The state of every server of the demo."""
    every: dict[str, str] = {}
    for one in ACCOUNTS:
        every |= simulator.ask("GET", f"state?account={one.account_id}&detail=1")["by_id"]["ec2"]
    return every


def test_the_demo_is_planted_as_it_is_described_and_again_after_it_was_changed(
    simulator: Simulator,
) -> None:
    told = simulator.ask("POST", "demo", {"at": MONDAY.isoformat(), "slow_ms": 0})
    first = demo_state(simulator)
    normal, refusing = ACCOUNTS[0], next(one for one in ACCOUNTS if one.behaviour == REFUSED)
    ec2 = simulator.client("ec2", normal.account_id, ExternalId=normal.external_id)
    seen = instances(ec2.describe_instances())
    sts = simulator.client("sts")
    denied = error_code(
        sts.assume_role,
        RoleArn=refusing.role_arn,
        RoleSessionName="test",
        ExternalId=refusing.external_id,
    )
    ec2.start_instances(
        InstanceIds=[one["InstanceId"] for one in seen if one["State"]["Name"] == "stopped"][:1]
    )
    simulator.ask("POST", "demo", {"at": MONDAY.isoformat()})
    again = demo_state(simulator)
    slow = [one for one in simulator.ask("GET", "faults") if one["latency_ms"]]

    fleet = demo_fleet(MONDAY)
    assert told["counts"] == fleet.counts()
    assert told["due"] == due_by_tag(fleet, MONDAY)
    planned = {one.id: one.state for one in fleet.servers}
    launched = first.keys() - planned.keys()  # by the group, under ids of AWS's own
    assert {first[id] for id in launched} == {"running"}
    assert len(launched) == fleet.groups[0].desired
    assert {id: state for id, state in first.items() if id in planned} == planned
    assert {id: state for id, state in again.items() if id in planned} == planned
    assert denied == "AccessDenied"
    assert [one["latency_ms"] for one in slow] == [[3000, 5000]]
    assert {one["InstanceId"] for one in seen} - launched == {
        one.id
        for one in fleet.servers
        if one.account_id == normal.account_id and one.region == "ap-northeast-1"
    }


def test_seeds_without_ids_give_the_same_ids_twice_and_a_taken_id_is_refused(
    simulator: Simulator, account: str
) -> None:
    body = {"seed": "same", "instances": [{"account_id": account, "region": "ap-northeast-1"}] * 3}

    first = simulator.ask("POST", "seed", body)["instances"]
    status, said = simulator.refused("POST", "seed", body)
    simulator.ask("DELETE", f"accounts/{account}")
    second = simulator.ask("POST", "seed", body)["instances"]

    assert first == second
    assert len(set(first)) == 3
    assert status == 409
    assert first[0] in said
    assert simulator.refused("POST", "seed", {"instances": [{"acount_id": account}]})[0] == 400
