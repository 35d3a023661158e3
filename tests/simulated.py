"""Simulated AWS accounts for tests: each test has account numbers of its own in the one simulator."""

from __future__ import annotations

import itertools
import json
import os
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3

from accounts.domain.permissions import Role
from infra.models import AwsAccount, Region
from infra.operations.automation import target_of_account
from infra.operations.inventory import Taken, take_inventory
from infra.operations.onboarding import register_account
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.execution import drain_lane
from medical_audit.tenancy import tenant_scope
from tests.factories import MONDAY_0830, Cast, proof

TOKYO = "ap-northeast-1"
_accounts = itertools.count(1)


def ask(path: str, body: object | None = None, method: str | None = None) -> Any:
    """Call the simulator's control API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{os.environ['AWS_ENDPOINT_URL']}/_sim/{path}", data=data, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def new_account_id() -> str:
    return f"{os.getpid() % 10**7:07d}{next(_accounts):05d}"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@dataclass(frozen=True)
class Account:
    """One simulated account in Tokyo, registered in the portal."""

    cast: Cast
    row: AwsAccount
    region: Region

    @property
    def number(self) -> str:
        return self.row.account_id

    @property
    def lane(self) -> str:
        return f"{self.number}/{self.region.name}"

    def seed(
        self, *, delays: dict[str, float] | None = None, **lists: Iterable[dict[str, Any]]
    ) -> dict[str, Any]:
        """Plant resources here; see config/simulator for the fields. Transitions take no time unless `delays` says so."""
        ask(
            "delays",
            {
                "account": self.number,
                "ec2_start": 0,
                "ec2_stop": 0,
                "rds_start": 0,
                "rds_stop": 0,
                "rds_snapshot": 0,
                "rds_modify": 0,
                "rds_make": 0,
                "ebs_snapshot": 0,
                "ebs_delete": 0,
                "asg_start": 0,
                "asg_stop": 0,
                **(delays or {}),
            },
        )
        here = {"account_id": self.number, "region": self.region.name}
        planted = {name: [here | one for one in rows] for name, rows in lists.items()}
        return ask("seed", {"seed": self.number, **planted})

    def states(self) -> dict[str, dict[str, str]]:
        """Real states by id: {"ec2": {id: state}, "rds": {identifier: state}, "clusters", "groups", "volumes": {...}}."""
        by_id = ask(f"state?account={self.number}&detail=1")["by_id"]
        named = ("rds", "clusters", "groups")
        return by_id | {
            kind: {key.rsplit("/", 1)[1]: state for key, state in by_id[kind].items()} for kind in named
        }

    def calls(self) -> dict[str, int]:
        """Calls so far by action, e.g. {"ec2.StartInstances": 1}."""
        return ask(f"counts?account={self.number}")["by_action"]

    def journal(self) -> list[dict[str, Any]]:
        """Effective changes, in the order in which they happened."""
        return ask(f"journal?account={self.number}&effective=1")["entries"]

    def fault(self, **rule: Any) -> None:
        match = rule.pop("match", {})
        ask("faults", {"match": match | {"account": self.number}, **rule})

    def no_faults(self) -> None:
        ask(f"faults?account={self.number}", method="DELETE")

    def inventory(self, clock: Clock) -> Taken:
        taken = take_inventory(self.cast.tenant.id, self.region.id, worker="test", clock=clock, force=True)
        assert taken is not None
        return taken

    def drain(self, clock: Clock) -> int:
        return drain_lane(self.cast.tenant.id, self.lane, worker="test", clock=clock)


def make_account(
    cast: Cast, now: datetime = MONDAY_0830 - timedelta(hours=12), *, on: bool = True
) -> Account:
    """Register a new account; `on` also switches its clock on."""
    admin = cast.actor(Role.ADMINISTRATOR)
    number = new_account_id()
    arn, external_id = f"arn:aws:iam::{number}:role/TobanOperator", f"ext-{number}"
    row = register_account(number, f"アカウント{number}", role_arn=arn, external_id=external_id, regions=[TOKYO],
                           actor=admin, now=now)  # fmt: skip
    ask("accounts", {"account_id": number, "role_arn": arn, "external_id": external_id})
    with tenant_scope(cast.tenant.id):
        region = Region.objects.get(account=row)
    if on:
        switch_on(cast, row, now)
    return Account(cast, row, region)


def switch_on(cast: Cast, account: AwsAccount, now: datetime) -> Operation:
    """Let the clock act in an account: entered by the administrator, confirmed by the approver."""
    approver = cast.actor(Role.APPROVER)
    entered = entry.enter("account.automation", target_of_account(account), {"mode": "on"},
                          actor=cast.actor(Role.ADMINISTRATOR), now=now, reason="test")  # fmt: skip
    return entry.confirm(
        entered.id, actor=approver, now=now, seen_digest=entered.digest, proof=proof(approver, now)
    )


def customer_client(account_id: str, service: str, endpoint: str = "") -> Any:
    """A boto3 client of the customer himself, who may do everything in his account."""
    session: Any = boto3.Session(aws_access_key_id="customer", aws_secret_access_key="customer")
    url = endpoint or os.environ["AWS_ENDPOINT_URL"]
    arn = f"arn:aws:iam::{account_id}:role/Administrator"
    sts = session.client("sts", endpoint_url=url, region_name=TOKYO)
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="customer")["Credentials"]
    inside: Any = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return inside.client(service, endpoint_url=url, region_name=TOKYO)
