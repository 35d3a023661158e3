"""A tag that cannot be read: named with what it should say, never acted on, never in its neighbour's way."""

import pytest

from tests.infra.operations.duty import Duty

BAD = {
    "one digit": ({"AutoStart": "8"}, ("not_hh_mm", "AutoStart", "8", "08:00")),
    "no such hour": ({"AutoStart": "25:00"}, ("out_of_range", "AutoStart", "25:00", "")),
    "empty": ({"AutoStart": ""}, ("empty", "AutoStart", "", "")),
    "full width": ({"AutoStart": "９:００"}, ("full_width", "AutoStart", "９:００", "09:00")),
    "start is stop": ({"AutoStart": "08:30", "AutoStop": "08:30"}, ("same_time", "AutoStop", "08:30", "")),
    "misspelt key": ({"autostart": "08:30"}, ("tag_name", "autostart", "08:30", "AutoStart")),
}


def test_each_bad_tag_is_one_finding_and_the_good_neighbour_starts(duty: Duty) -> None:
    tags = [{"Name": name, **tags} for name, (tags, _) in BAD.items()]
    *bad, good, none = duty.aws.seed(
        instances=[{"tags": one} for one in [*tags, {"AutoStart": "08:30"}, {}]]
    )["instances"]
    duty.morning()
    running = {one for one, state in duty.aws.states()["ec2"].items() if state == "running"}
    assert running == {good}
    assert none not in duty.outcomes()
    found = {
        aws_id: [(f.code, f.tag, f.value, f.suggestion) for f in rows]
        for aws_id, rows in duty.findings().items()
    }
    assert found == {one: [finding] for one, (_, finding) in zip(bad, BAD.values(), strict=True)}
    events = duty.events("schedule.finding")
    assert sorted(event["subject"]["name"] for event in events) == sorted(BAD)
    assert {event["outcome"] for event in events} == {"failed"}


def test_later_looks_say_nothing_new(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "8"}}])["instances"]
    duty.look()
    duty.retag(one, Owner="somebody")
    for _ in range(2):
        duty.clock.pass_(minutes=5)
        duty.look()
    assert len(duty.findings()[one]) == 1
    assert len(duty.events("schedule.finding")) == 1
    assert duty.events("schedule.mended") == []


def test_a_mended_tag_closes_its_finding_and_the_server_starts(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "8:30"}}])["instances"]
    duty.clock.pass_(minutes=-20)
    duty.look()
    duty.retag(one, AutoStart="08:30")
    duty.clock.pass_(minutes=20)
    duty.morning()
    assert duty.findings() == {}
    (closed,) = duty.findings(still_open=False)[one]
    assert closed.suggestion == "08:30"
    assert [event["detail"]["value"] for event in duty.events("schedule.mended")] == ["8:30"]
    assert duty.aws.states()["ec2"][one] == "running"


def test_another_bad_value_closes_the_old_finding_and_opens_a_new_one(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "25:00"}}])["instances"]
    duty.look()
    duty.retag(one, AutoStart="26:00")
    duty.clock.pass_(minutes=5)
    duty.look()
    assert [row.value for row in duty.findings()[one]] == ["26:00"]
    assert [row.value for row in duty.findings(still_open=False)[one]] == ["25:00"]


def test_a_server_that_is_terminated_takes_its_findings_with_it(duty: Duty) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "25:00"}}])["instances"]
    duty.look()
    duty.console("ec2").terminate_instances(InstanceIds=[one])
    duty.clock.pass_(minutes=5)
    duty.look()
    assert duty.findings() == {}


def test_keys_that_look_alike_when_cut_do_not_stop_the_look(duty: Duty) -> None:
    """Shown text is cut at sixty characters; two long keys may then read the same."""
    keys = ["Auto" + "-" * 70 + "Start" + end for end in ("", ".")]
    (one, good) = duty.aws.seed(
        instances=[{"tags": dict.fromkeys(keys, "08:30")}, {"tags": {"AutoStart": "08:30"}}]
    )["instances"]
    duty.morning()
    assert len(duty.findings()[one]) == 1
    assert duty.aws.states()["ec2"][good] == "running"


@pytest.mark.parametrize(
    "start", ["9:5", "0900", "09.00", "T09:00", "09:00Z", "09:00\n", "24:00", "-1:00", "off"]
)
def test_what_is_almost_a_time_is_not_acted_on(duty: Duty, start: str) -> None:
    duty.aws.seed(instances=[{"tags": {"AutoStart": start}}])
    duty.look()
    assert len(duty.findings()) == 1
    duty.clock.pass_(hours=24)
    assert duty.tick().resources == 0
