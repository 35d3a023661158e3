from __future__ import annotations

from tests.simulator.client import Simulator


def test_stats_tell_who_runs(simulator: Simulator) -> None:
    stats = simulator.ask("GET", "stats")

    assert stats["ready"] is True
    assert stats["pid"] == simulator.pid
    assert stats["rss_mb"] > 0
    assert stats["uptime_s"] >= 0
    assert {"version", "moto", "cpu_s"} <= set(stats)


def test_counts_are_kept_by_account_region_and_action(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    ec2.start_instances(InstanceIds=ids)
    ec2.describe_instances()
    simulator.client("ec2", account, "ap-northeast-3").describe_instances()

    counts = simulator.ask("GET", f"counts?account={account}")

    assert counts["by_action"] == {"ec2.DescribeInstances": 2, "ec2.StartInstances": 1, "sts.AssumeRole": 2}
    assert counts["by_target"][f"{account}/ap-northeast-3"]["ec2.DescribeInstances"] == 1
    assert counts["total"] == 5
    simulator.ask("POST", f"reset-counts?account={account}")
    assert simulator.ask("GET", f"counts?account={account}")["total"] == 0


def test_the_state_can_be_read_by_account(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 2, state="running")

    state = simulator.ask("GET", f"state?account={account}&detail=1")

    assert state["ec2"] == {"running": 2}
    assert state["by_id"]["ec2"] == dict.fromkeys(ids, "running")


def test_an_unknown_path_is_refused(simulator: Simulator) -> None:
    assert simulator.refused("GET", "nothing")[0] == 404
    assert simulator.refused("POST", "delays", {"ec2_strat": 1})[0] == 400
    assert simulator.refused("POST", "demo", {"at": "soon"})[0] == 400
