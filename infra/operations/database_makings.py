"""What restoring a database and creating one have in common: what is asked of AWS is what was confirmed, it is looked at
again right before the call, and a database is known as ours by its operation's tag, so that a call whose answer was lost is settled
by looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.aws import makings
from infra.domain.aws import AwsError, Database, Problem, Target
from infra.domain.disks import OPERATION_TAG
from infra.domain.makings import Stock, Wish
from infra.domain.tagging import value_problem
from infra.models import Region
from infra.operations.database_rounds import PAUSE, DatabaseExecutor, Plan
from infra.operations.verdicts import after_error
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import Done, Fail, Later, Verdict
from medical_audit.models import Operation

#: A large database takes hours until it is available.
VERIFY_WITHIN = timedelta(hours=24)
MADE_BY = {"toban:made-by": "toban"}
#: AWS's states of a database that will not become available by itself.
_BROKEN = frozenset(
    {
        "failed", "incompatible-restore", "incompatible-network", "incompatible-option-group", "incompatible-parameters",
        "incompatible-create", "inaccessible-encryption-credentials", "insufficient-capacity", "storage-full",
    }
)  # fmt: skip
PATIENT = frozenset({"database_making"})


def wish_of(request: Mapping[str, Any]) -> Wish:
    """The choices in what is asked of AWS."""
    return Wish(
        aws_id=request["DBInstanceIdentifier"], db_class=request["DBInstanceClass"],
        subnet_group=request["DBSubnetGroupName"], groups=tuple(request["VpcSecurityGroupIds"]),
        option_group=request["OptionGroupName"], parameter_group=request["DBParameterGroupName"],
    )  # fmt: skip


def common_request(wish: Wish, tags: Mapping[str, str], *, protected: bool) -> dict[str, Any]:
    """What both calls say alike: never public, one zone, its tags kept with its snapshots."""
    return {
        "DBInstanceIdentifier": wish.aws_id.lower(), "DBInstanceClass": wish.db_class,
        "DBSubnetGroupName": wish.subnet_group, "VpcSecurityGroupIds": list(wish.groups),
        "OptionGroupName": wish.option_group, "DBParameterGroupName": wish.parameter_group,
        "PubliclyAccessible": False, "DeletionProtection": protected, "MultiAZ": False, "CopyTagsToSnapshot": True,
        "Tags": [{"Key": key, "Value": value} for key, value in sorted((dict(tags) | MADE_BY).items())],
    }  # fmt: skip


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises Refused: why RDS would take no such tag."""
    for value in tags.values():
        if problem := value_problem(value):
            raise Refused(problem, target=value)


@dataclass(slots=True)
class MakingPlan(Plan):
    """stocks: what there is to make each of, as just seen; stale: what was kept of it and shown to people is not so any more."""

    stocks: dict[UUID, Stock] = field(default_factory=dict)
    stale: bool = False


class MakingExecutor(DatabaseExecutor):
    """Look whether it is there, whether it could be made, make it, wait until it is available, compare it with what was asked."""

    #: What it ends with.
    made = ""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> MakingPlan:
        return MakingPlan(super().prepare(operations, now).target)

    def databases_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["request"]["DBInstanceIdentifier"],)

    def look_more(self, plan: Plan, target: Target, operations: Sequence[Operation]) -> None:
        assert isinstance(plan, MakingPlan)
        subnet_groups = makings.subnet_groups(target)
        for one in operations:
            given = one.parameters
            wish = wish_of(given["request"])
            offer = makings.offer(target, given["engine"], given["engine_version"], wish.db_class)
            offers = [offer] if offer is not None else []
            plan.stocks[one.id] = makings.stock(target, subnet_groups, offers)

    def request_of(self, one: Operation) -> dict[str, Any]:
        """What was confirmed, and the mark by which it is known again."""
        request = dict(one.parameters["request"])
        request["Tags"] = [*request["Tags"], {"Key": OPERATION_TAG, "Value": str(one.id)}]
        return request

    def refused(self, plan: Plan, one: Operation, error: AwsError) -> Verdict:
        """The name is taken: by an earlier send of this one, or by somebody else; a look tells which."""
        if error.problem is Problem.EXISTS:
            return Later("database_name_taken", timedelta(0))
        return after_error(error)

    def remember(self, plan: Plan, now: datetime) -> None:
        """What proved to be old is read anew with the next inventory, so that nobody is offered it again."""
        assert isinstance(plan, MakingPlan)
        if plan.stale and plan.target is not None:
            here = Region.objects.filter(account__account_id=plan.target.account_id, name=plan.target.region)
            here.update(database_terms_at=None)

    def judge(self, one: Operation, seen: Database) -> Verdict:
        told = {"database": seen.id, "aws_state": seen.state}
        if seen.tags.get(OPERATION_TAG) != str(one.id):
            return Fail("database_name_taken", detail=told)
        if seen.state in _BROKEN:
            return Fail("database_broken", detail=told)
        if seen.state != "available":
            return Later("database_making", PAUSE, told)
        different = _different(one.parameters["request"], seen)
        return Done(f"{self.made}_differs" if different else self.made, detail=told | {"differs": different})


def _different(request: Mapping[str, Any], seen: Database) -> list[str]:
    """What AWS made otherwise than it was asked to, by the names of its call."""
    tags = {one["Key"]: one["Value"] for one in request["Tags"]}
    checks = {
        "VpcSecurityGroupIds": set(request["VpcSecurityGroupIds"]) == set(seen.groups),
        "PubliclyAccessible": not seen.public,
        "DeletionProtection": seen.protected == request["DeletionProtection"],
        "OptionGroupName": not seen.option_group or seen.option_group == request["OptionGroupName"],
        "Tags": all(seen.tags.get(key) == value for key, value in tags.items()),
    }
    return [name for name, same in checks.items() if not same]
