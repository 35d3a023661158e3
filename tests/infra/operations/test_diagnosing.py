"""What stands in a database's security groups is asked when somebody wants to know why it is not reached, not an hour before."""

from __future__ import annotations

import pytest

from accounts.domain.permissions import Role
from infra.domain.diagnosis import Line, Step
from infra.operations.diagnosing import Asked, diagnose
from tests.infra.operations.duty import Duty


def rule_line(duty: Duty, app: str) -> Line:
    asked = Asked(duty.resource(app).id)
    who = duty.aws.cast.actor(Role.OPERATOR)
    lines = diagnose(duty.resource("karte").id, asked, actor=who, now=duty.clock())
    return next(one for one in lines if one.step is Step.RULE)


@pytest.mark.fault
def test_a_rule_is_seen_as_it_stands_now_and_else_with_the_time_of_the_last_look(duty: Duty) -> None:
    karte = {"id": "karte", "address": "127.0.0.1", "port": 1}
    [app] = duty.aws.seed(instances=[{"state": "running"}], databases=[karte])["instances"]
    duty.look()
    looked = duty.clock()
    duty.clock.pass_(minutes=20)
    line = rule_line(duty, app)
    assert (line.cause, line.read_at) == ("rule_missing", duty.clock())
    [group] = duty.resource("karte").facts["groups"]
    duty.console("ec2").authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 1,
                "ToPort": 1,
                "IpRanges": [{"CidrIp": f"{duty.resource(app).facts['address']}/32"}],
            }
        ],
    )
    line = rule_line(duty, app)
    assert (line.cause, line.read_at) == ("rule_there", duty.clock())
    duty.aws.fault(match={"action": "DescribeSecurityGroupRules"}, code="AccessDenied", status=403)
    line = rule_line(duty, app)
    assert (line.cause, line.read_at) == ("rule_missing", looked), "as far as was known"
