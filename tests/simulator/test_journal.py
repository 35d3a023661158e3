from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.simulator.client import Simulator, error_code, running


def test_concurrent_starts_change_each_instance_exactly_once(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 40)
    ec2 = simulator.client("ec2", account)
    chance = random.Random(1)
    batches = [chance.sample(ids, 10) for _ in range(60)] + [ids]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda batch: ec2.start_instances(InstanceIds=batch), batches))

    entries = simulator.journal(account, action="StartInstances")
    effective = Counter(id for entry in entries for id in entry["changes"])
    assert len(entries) == len(batches)
    assert effective == dict.fromkeys(ids, 1)
    # What callers were told agrees with what was written down, call by call.
    by_request = {entry["request_id"]: set(entry["changes"]) for entry in entries}
    for answer in answers:
        started = {
            one["InstanceId"]
            for one in answer["StartingInstances"]
            if one["PreviousState"]["Name"] == "stopped"
        }
        assert by_request[answer["ResponseMetadata"]["RequestId"]] == started


def test_sequence_and_time_grow_together(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)
    for _ in range(5):
        ec2.start_instances(InstanceIds=ids)
        ec2.stop_instances(InstanceIds=ids)

    entries = simulator.journal(account)

    assert [entry["action"] for entry in entries] == ["StartInstances", "StopInstances"] * 5
    for key in ("sequence", "at", "monotonic"):
        values = [entry[key] for entry in entries]
        assert values == sorted(values)
    assert simulator.journal(account, since=entries[-2]["sequence"]) == entries[-1:]


def test_a_refused_call_is_written_down_without_changes(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 1)
    ec2 = simulator.client("ec2", account)

    error_code(ec2.start_instances, InstanceIds=[*ids, "i-00000000000000000"])
    ec2.start_instances(InstanceIds=ids)

    first, second = simulator.journal(account)
    assert (first["code"], first["changes"]) == ("InvalidInstanceID.NotFound", {})
    assert (second["code"], second["changes"]) == (None, {ids[0]: {"state": ["stopped", "pending"]}})
    assert simulator.journal(account, effective=1) == [second]


def test_only_tags_that_change_count(simulator: Simulator, account: str) -> None:
    ids = simulator.servers(account, 2, tags={"Name": "検査DB-01"})
    ec2 = simulator.client("ec2", account)

    ec2.create_tags(
        Resources=ids, Tags=[{"Key": "Name", "Value": "検査DB-01"}, {"Key": "Env", "Value": "prod"}]
    )
    ec2.delete_tags(Resources=ids[:1], Tags=[{"Key": "Env"}])

    created, deleted = simulator.journal(account)
    assert created["changes"] == {id: {"tag:Env": [None, "prod"]} for id in ids}
    assert deleted["changes"] == {ids[0]: {"tag:Env": ["prod", None]}}


def test_reading_is_not_written_down(simulator: Simulator, account: str) -> None:
    simulator.client("ec2", account).describe_instances()

    assert simulator.journal(account) == []


def test_the_file_has_every_entry_and_numbering_goes_on_after_a_restart(tmp_path: Path) -> None:
    account = "412222222222"
    said: list[dict[str, Any]] = []
    for _ in range(2):
        with running("--state", str(tmp_path)) as started:
            ids = started.servers(account, 1)
            started.client("ec2", account).start_instances(InstanceIds=ids)
            said += started.journal(account)

    written = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text("utf-8").splitlines()]

    assert written == said
    assert [entry["sequence"] for entry in written] == [1, 2]
