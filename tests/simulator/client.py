"""How the tests speak to a simulator: its control API, and AWS through boto3."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[2]
TOKYO, OSAKA = "ap-northeast-1", "ap-northeast-3"
# One attempt, so that a test sees what was answered and not what a retry made of it.
_CONFIG = Config(
    retries={"total_max_attempts": 1}, max_pool_connections=60, connect_timeout=5, read_timeout=20
)
_SESSION: Any = boto3.Session(aws_access_key_id="toban", aws_secret_access_key="toban")


@dataclass
class Simulator:
    """A running simulator."""

    url: str
    pid: int

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Calls the control API; raises urllib's HTTPError for a refusal."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}/_sim/{path}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """The status and text with which the control API refuses."""
        try:
            self.ask(method, path, body)
        except urllib.error.HTTPError as problem:
            return problem.code, json.loads(problem.read())["error"]
        raise AssertionError("it was not refused")

    def client(self, service: str, account: str | None = None, region: str = TOKYO, **role: Any) -> Any:
        """A boto3 client, signed in to an account by AssumeRole if one is given."""
        return self.with_keys(service, self.sign_in(account, **role) if account else {}, region)

    def with_keys(self, service: str, keys: dict[str, str], region: str = TOKYO) -> Any:
        """A boto3 client with keys one has."""
        return _SESSION.client(service, endpoint_url=self.url, region_name=region, config=_CONFIG, **keys)

    def sign_in(self, account: str, *, role: str = "TobanOperator", **more: Any) -> dict[str, str]:
        """Temporary keys of an account."""
        arn = f"arn:aws:iam::{account}:role/{role}"
        answer = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **more)
        keys = answer["Credentials"]
        return {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }

    def servers(self, account: str, count: int, *, region: str = TOKYO, **fields: Any) -> list[str]:
        """Plants instances and gives their ids."""
        seeds = [{"account_id": account, "region": region, **fields} for _ in range(count)]
        ids: list[str] = self.ask(
            "POST", "seed", {"seed": f"servers-{account}-{region}", "instances": seeds}
        )["instances"]
        return ids

    def journal(self, account: str, **query: Any) -> list[dict[str, Any]]:
        """Entries of one account."""
        more = "".join(f"&{key}={value}" for key, value in query.items())
        entries: list[dict[str, Any]] = self.ask("GET", f"journal?account={account}{more}")["entries"]
        return entries

    def fault(self, account: str, **rule: Any) -> str:
        """Adds a rule for one account and gives its id."""
        match = {"account": account, **rule.pop("match", {})}
        id: str = self.ask("POST", "faults", {"match": match, **rule})[0]["id"]
        return id


@contextmanager
def running(*options: str) -> Iterator[Simulator]:
    """Starts a simulator on a free port and ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "config.simulator", "--port", "0", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulator did not start"
        ready = json.loads(line)
        yield Simulator(f"http://127.0.0.1:{ready['port']}", ready["pid"])
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def error_code(call: Callable[..., Any], **arguments: Any) -> str:
    """The code of the error AWS answers with."""
    return str(problem(call, **arguments)["Error"]["Code"])


def problem(call: Callable[..., Any], **arguments: Any) -> Any:
    """The whole error answer."""
    try:
        call(**arguments)
    except ClientError as refused:
        return refused.response
    raise AssertionError("AWS accepted")


def eventually(read: Callable[[], Any], wanted: Any, *, seconds: float = 15) -> None:
    """Reads again and again until the wanted value comes; fails at the deadline with the last one."""
    deadline = time.monotonic() + seconds
    while (value := read()) != wanted:
        assert time.monotonic() < deadline, f"still {value!r}, not {wanted!r}"
        time.sleep(0.05)


def states(ec2: Any, ids: Sequence[str]) -> list[str]:
    """The states of instances, in the order of their ids."""
    found = {
        one["InstanceId"]: one["State"]["Name"]
        for one in instances(ec2.describe_instances(InstanceIds=list(ids)))
    }
    return [found[id] for id in ids]


def instances(answer: Any) -> list[dict[str, Any]]:
    """The instances of an answer, without their reservations."""
    return [one for reservation in answer["Reservations"] for one in reservation["Instances"]]
