"""Who stands behind a call is told to AWS, so that the customer's own CloudTrail names a person or a confirmed rule."""

from __future__ import annotations

from infra.domain.aws import READ_SOURCE
from tests.infra.operations.duty import Duty
from tests.simulated import ask


def test_a_person_and_the_clock_go_in_calls_of_their_own_and_the_clocks_stay_together(duty: Duty) -> None:
    *due, other = duty.aws.seed(instances=[*[{"tags": {"AutoStart": "08:30"}}] * 3, {}])["instances"]
    duty.look()
    duty.tick()
    duty.order("ec2.start", other)
    duty.work_for(rounds=1, seconds=10)
    (by_hand,) = duty.operations(policy="self")
    automation = {one.authority["operation"] for one in duty.operations(policy="schedule")}
    assert len(automation) == 1
    sources = set(ask(f"sources?account={duty.aws.number}"))
    assert sources == {READ_SOURCE, f"u-{by_hand.confirmed_by_id}", f"sched-{automation.pop()}"}
    assert sorted(map(sorted, duty.sent("StartInstances"))) == sorted([sorted(due), [other]])
    assert set(duty.outcomes().values()) == {("SUCCEEDED", "reached")}


def test_a_source_is_one_that_sts_takes(duty: Duty) -> None:
    """2 to 64 of letters, digits and =,.@-_ (STS API reference, AssumeRole)."""
    duty.aws.seed(instances=[{"tags": {"AutoStart": "08:30"}}])
    duty.look()
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    for source in ask(f"sources?account={duty.aws.number}"):
        assert 2 <= len(source) <= 64
        assert all(letter.isalnum() or letter in "=,.@-_" for letter in source)
