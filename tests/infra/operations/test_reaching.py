"""Letting somebody reach a database: two people open it, never to everybody, and the clock closes it in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.domain.reach import Rule
from infra.models import Resource
from infra.operations import reaching
from infra.operations.database_rounds import LANE_CLASS
from infra.operations.reach_rounds import ReachExecutor, RulePlan
from infra.operations.reaching import Wish
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.execution import drain_lane
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty

SOURCE = "10.1.2.3/32"


def seeded(duty: Duty) -> str:
    """A database; gives its security group."""
    duty.aws.seed(databases=[{"id": "karte"}])
    duty.look()
    return str(duty.resource("karte").facts["groups"][0])


def enter(duty: Duty, group: str, source: str = SOURCE, until: datetime | None = None) -> Operation:
    wish, who = Wish(group, source, "app server", until), duty.aws.cast.actor(Role.OPERATOR)
    return reaching.enter_open(
        duty.resource("karte").id, wish, actor=who, now=duty.clock(), reason="新しいサーバー"
    )


def confirm(duty: Duty, one: Operation, role: Role = Role.APPROVER) -> None:
    who = duty.aws.cast.actor(role)
    entry.confirm(one.id, actor=who, now=duty.clock(), seen_digest=one.digest, proof=proof(who, duty.clock()))


def work(duty: Duty, rounds: int = 4) -> None:
    lane = f"{duty.aws.lane}/{LANE_CLASS}"
    for _ in range(rounds):
        with duty.as_role("worker"):
            drain_lane(duty.aws.cast.tenant.id, lane, worker="test", clock=duty.clock)
        duty.clock.pass_(seconds=61)


def rules(duty: Duty, group: str) -> list[dict[str, Any]]:
    found = duty.console("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )
    return [one for one in found["SecurityGroupRules"] if not one["IsEgress"] and one["IpProtocol"] == "tcp"]


def outcome(duty: Duty, kind: str) -> tuple[str, str]:
    one = duty.operations(kind=kind)[-1]
    return str(one.state), one.outcome


@pytest.mark.parametrize("source", [SOURCE, "own group"])
def test_two_people_let_a_server_in_with_a_description(duty: Duty, source: str) -> None:
    group = seeded(duty)
    source = group if source == "own group" else source
    one = enter(duty, group, source)
    with pytest.raises(NotPermitted):
        confirm(duty, one, Role.OPERATOR)
    work(duty, 1)
    assert rules(duty, group) == []
    confirm(duty, one)
    work(duty)
    assert outcome(duty, reaching.OPEN_KIND) == ("SUCCEEDED", "reach_opened")
    [rule] = rules(duty, group)
    assert (rule["FromPort"], rule["ToPort"], rule["Description"]) == (3306, 3306, "app server")
    assert source in (rule.get("CidrIpv4"), rule.get("ReferencedGroupInfo", {}).get("GroupId"))
    kept = duty.region().database_terms["rules"]
    assert source in [one["source"] for one in kept]  # the page shows it without waiting for a look


@pytest.mark.fault
def test_when_its_time_is_over_the_clock_closes_it_on_the_same_word(duty: Duty) -> None:
    group = seeded(duty)
    confirm(duty, enter(duty, group, "203.0.113.7/32", duty.clock() + timedelta(hours=8)))
    work(duty)
    duty.look()
    duty.look()
    assert duty.operations(kind=reaching.CLOSE_KIND) == []
    duty.clock.pass_(hours=8)
    # AWS is not asked first, and no look that fails keeps the way open.
    duty.aws.fault(match={"action": "DescribeDBInstances"}, code="AccessDenied", status=403)
    assert duty.look().problem == "permission"
    duty.look()
    work(duty)
    duty.aws.no_faults()
    [closing] = duty.operations(kind=reaching.CLOSE_KIND)
    assert (closing.state, closing.outcome) == ("SUCCEEDED", "reach_closed")
    assert closing.confirmed_by_name == duty.aws.cast.people[Role.APPROVER].name
    assert rules(duty, group) == []


@pytest.mark.fault
def test_a_closing_that_aws_refused_is_tried_again_soon_and_then_less_often(duty: Duty) -> None:
    group = seeded(duty)
    confirm(duty, enter(duty, group, "203.0.113.7/32", duty.clock() + timedelta(hours=8)))
    work(duty)
    duty.clock.pass_(hours=8)
    duty.aws.fault(match={"action": "RevokeSecurityGroupIngress"}, code="UnauthorizedOperation", status=403)
    tried = []
    for _ in range(40):
        duty.look()
        work(duty, 1)
        tried.append(len(duty.operations(kind=reaching.CLOSE_KIND)))
    assert tried[0] == 1
    assert tried[7] == 2  # five minutes later
    assert tried[12] == 2  # and not before ten more
    assert tried[-1] == 4
    duty.aws.no_faults()
    duty.clock.pass_(hours=1)
    duty.look()
    work(duty)
    assert outcome(duty, reaching.CLOSE_KIND) == ("SUCCEEDED", "reach_closed")
    assert rules(duty, group) == []
    before = len(duty.operations(kind=reaching.CLOSE_KIND))
    duty.look()
    assert len(duty.operations(kind=reaching.CLOSE_KIND)) == before


def test_a_closing_that_nobody_confirms_holds_up_no_clock(duty: Duty) -> None:
    group = seeded(duty)
    opened = enter(duty, group, SOURCE, duty.clock() + timedelta(hours=8))
    confirm(duty, opened)
    work(duty)
    duty.clock.pass_(hours=7, minutes=55)
    who = duty.aws.cast.actor(Role.OPERATOR)
    reaching.enter_close(opened.id, actor=who, now=duty.clock(), reason="少し早く")
    duty.clock.pass_(minutes=5)
    duty.look()
    work(duty)
    assert rules(duty, group) == []


def test_a_rule_that_somebody_put_in_place_of_ours_stays(duty: Duty) -> None:
    group = seeded(duty)
    confirm(duty, enter(duty, group, SOURCE, duty.clock() + timedelta(hours=8)))
    work(duty)
    [ours] = rules(duty, group)
    ec2 = duty.console("ec2")
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[ours["SecurityGroupRuleId"]])
    own = {"CidrIp": SOURCE, "Description": "terraform"}
    permission = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [own]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    duty.clock.pass_(hours=8)
    duty.look()
    work(duty)
    assert outcome(duty, reaching.CLOSE_KIND) == ("SUCCEEDED", "already")
    assert [one["Description"] for one in rules(duty, group)] == ["terraform"]


def test_a_database_that_left_the_group_or_is_not_to_be_touched_gets_no_rule(duty: Duty) -> None:
    group = seeded(duty)
    one = enter(duty, group)
    confirm(duty, one)
    rds = duty.console("rds")
    rds.add_tags_to_resource(
        ResourceName=rds.describe_db_instances()["DBInstances"][0]["DBInstanceArn"],
        Tags=[{"Key": "Toban", "Value": "never"}],
    )
    work(duty, 1)
    assert outcome(duty, reaching.OPEN_KIND) == ("CANCELLED", "never_touch")
    assert rules(duty, group) == []
    duty.look()
    with pytest.raises(Refused) as refused:
        enter(duty, group)
    assert refused.value.code == "never_touch"


def test_a_group_that_the_database_is_not_in_any_more_gets_no_rule(duty: Duty) -> None:
    group = seeded(duty)
    confirm(duty, enter(duty, group))
    vpc = duty.console("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"]
    made = duty.console("ec2").create_security_group(GroupName="new", Description="new", VpcId=vpc)
    duty.console("rds").modify_db_instance(
        DBInstanceIdentifier="karte", VpcSecurityGroupIds=[made["GroupId"]], ApplyImmediately=True
    )
    work(duty, 1)
    assert outcome(duty, reaching.OPEN_KIND) == ("CANCELLED", "group_not_its_own")
    assert rules(duty, group) == []


def test_a_source_that_is_no_group_of_its_network_is_refused_at_entry(duty: Duty) -> None:
    duty.aws.seed(databases=[{"id": "karte", "subnet_group": "main"}])
    duty.look()
    group = str(duty.resource("karte").facts["groups"][0])
    with pytest.raises(Refused) as refused:
        enter(duty, group, "sg-0123456789abcdef0")
    assert refused.value.code == "source_group_not_there"


def test_a_server_of_a_peered_network_may_be_let_in(duty: Duty) -> None:
    duty.aws.seed(databases=[{"id": "karte", "subnet_group": "main"}], instances=[{"tags": {"Name": "web"}}])
    duty.look()
    group = str(duty.resource("karte").facts["groups"][0])
    other = "sg-0123456789abcdef0"
    with duty.as_role("worker"), tenant_scope(duty.aws.cast.tenant.id):
        Resource.objects.filter(kind="ec2").update(facts={"groups": [other]})
    assert enter(duty, group, other).parameters["source"] == other


def test_a_closing_of_before_rules_were_named_finds_the_rule_by_what_it_lets_in() -> None:
    given = {"group": "sg-1", "port": 3306, "source": SOURCE}
    rule = Rule("sgr-1", "sg-1", "tcp", 3306, 3306, SOURCE, "")
    plan = RulePlan(None, rules=[rule])
    executor = ReachExecutor(opens=False)
    assert executor._found(plan, Operation(parameters=given)) is rule
    assert executor._found(plan, Operation(parameters=given | {"rule": "sgr-2"})) is None


def test_a_person_closes_it_at_once(duty: Duty) -> None:
    group = seeded(duty)
    one = enter(duty, group)
    confirm(duty, one)
    work(duty)
    who = duty.aws.cast.actor(Role.OPERATOR)
    closing = reaching.enter_close(one.id, actor=who, now=duty.clock(), reason="廃止")
    confirm(duty, closing, Role.OPERATOR)
    work(duty)
    assert rules(duty, group) == []
    with pytest.raises(Refused) as refused:
        reaching.enter_close(one.id, actor=who, now=duty.clock(), reason="もう一度")
    assert refused.value.code == "not_open"


@pytest.mark.parametrize(
    ("source", "code"), [("0.0.0.0/0", "open_to_everybody"), ("203.0.113.7/32", "public_needs_end")]
)
def test_nobody_opens_it_to_everybody(duty: Duty, source: str, code: str) -> None:
    group = seeded(duty)
    with pytest.raises(Refused) as refused:
        enter(duty, group, source)
    assert refused.value.code == code
    # Nor by any other way in: the kind itself refuses it.
    target = OperationTarget(
        "resource", str(duty.resource("karte").id), "karte", f"{duty.aws.lane}/{LANE_CLASS}"
    )
    parameters = {
        "aws_id": "karte", "group": group, "port": 3306, "source": "0.0.0.0/0", "description": "x", "until_at": "",
    }  # fmt: skip
    who = duty.aws.cast.actor(Role.OPERATOR)
    with pytest.raises(Refused):
        entry.enter(reaching.OPEN_KIND, target, parameters, actor=who, now=duty.clock(), reason="x")


def test_a_rule_that_stands_already_is_seen_before_the_call_and_never_taken_for_ours(duty: Duty) -> None:
    group = seeded(duty)
    one = enter(duty, group)
    duty.console("ec2").authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 3306,
                "ToPort": 3306,
                "IpRanges": [{"CidrIp": SOURCE, "Description": "by hand"}],
            }
        ],
    )
    confirm(duty, one)
    work(duty)
    assert outcome(duty, reaching.OPEN_KIND) == ("FAILED", "rule_exists")
    assert len(rules(duty, group)) == 1
    duty.look()
    with pytest.raises(Refused) as refused:
        enter(duty, group)
    assert refused.value.code == "rule_exists"


def fill(duty: Duty, group: str, number: int) -> None:
    """Add rules until it holds so many."""
    found = duty.console("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )
    held = sum(not one["IsEgress"] for one in found["SecurityGroupRules"])
    ranges = [{"CidrIp": f"10.9.0.{one}/32"} for one in range(number - held)]
    duty.console("ec2").authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": ranges}],
    )


def test_a_group_that_is_full_takes_no_more_before_aws_says_so(duty: Duty) -> None:
    group = seeded(duty)
    fill(duty, group, 59)
    duty.look()
    before = duty.aws.calls()["ec2.AuthorizeSecurityGroupIngress"]
    waiting = [enter(duty, group, source) for source in ("10.1.2.3/32", "10.1.2.4/32")]
    for one in waiting:
        confirm(duty, one)
    work(duty, 1)
    ends = sorted((one.state, one.outcome) for one in duty.operations(kind=reaching.OPEN_KIND))
    # The other one takes the last place; whether it stands is looked at in the next round.
    assert ("FAILED", "group_full") in ends
    assert duty.aws.calls()["ec2.AuthorizeSecurityGroupIngress"] == before + 1
    work(duty)
    duty.look()
    with pytest.raises(Refused) as refused:
        enter(duty, group, "10.1.2.5/32")
    assert refused.value.code == "group_full"


@pytest.mark.fault
def test_where_the_quota_may_not_be_read_the_usual_limit_holds_and_says_so(duty: Duty) -> None:
    group = seeded(duty)
    fill(duty, group, 60)
    duty.aws.fault(match={"action": "GetServiceQuota"}, code="AccessDeniedException", status=400)
    duty.look()
    assert duty.region().inventory_problem == ""
    with pytest.raises(Refused) as refused:
        enter(duty, group)
    assert refused.value.code == "group_full_unread"


@pytest.mark.fault
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_that_was_lost_is_settled_by_looking(duty: Duty, settings: Settings, done: bool) -> None:
    group = seeded(duty)
    settings.AWS_READ_TIMEOUT_S = 1.0
    lost = {"apply_then_lose": True} if done else {"code": "InternalError", "status": 500}
    duty.aws.fault(match={"action": "AuthorizeSecurityGroupIngress"}, times=1, **lost)
    confirm(duty, enter(duty, group))
    work(duty, 6)
    assert outcome(duty, reaching.OPEN_KIND) == ("SUCCEEDED", "reach_opened")
    assert len(rules(duty, group)) == 1


@pytest.mark.fault
def test_where_rules_may_not_be_read_nothing_is_entered_and_no_account_is_called_unwell(duty: Duty) -> None:
    duty.aws.fault(match={"action": "DescribeSecurityGroupRules"}, code="UnauthorizedOperation", status=403)
    group = seeded(duty)
    assert duty.region().inventory_problem == ""
    with pytest.raises(Refused) as refused:
        enter(duty, group)
    assert refused.value.code == "rules_unread"
