"""The Name of a server on its volumes: written where none is, never over one, and remembered when the volume is left."""

from datetime import timedelta

import pytest

from infra.domain.aws import Attachment as AwsAttachment
from infra.domain.aws import EbsVolume
from infra.models import Attachment
from infra.operations.volumes import naming_instance
from medical_audit.domain.states import State
from medical_audit.tenancy import tenant_scope
from tests.factories import MONDAY_0830
from tests.infra.operations.duty import Duty


def names(duty: Duty) -> dict[str, str]:
    """Name tags in AWS by volume."""
    volumes = duty.console("ec2").describe_volumes()["Volumes"]
    return {
        one["VolumeId"]: next((tag["Value"] for tag in one.get("Tags", ()) if tag["Key"] == "Name"), "")
        for one in volumes
    }


def servers(duty: Duty, *tags: dict[str, str]) -> list[str]:
    ids: list[str] = duty.aws.seed(instances=[{"tags": one} for one in tags])["instances"]
    return ids


def on(instance: str, tags: dict[str, str] | None = None, **more: object) -> dict[str, object]:
    """A volume attached to one server."""
    return {"attachments": [{"instance_id": instance}], "tags": tags or {}, **more}


def look_and_tag(duty: Duty) -> None:
    duty.look()
    duty.tag()
    duty.clock.pass_(seconds=10)
    duty.tag()


def attachments(duty: Duty, volume_id: str) -> list[tuple[str, bool]]:
    """What the volume served, oldest first: the server's Name, and whether it still does."""
    with tenant_scope(duty.aws.cast.tenant.id):
        rows = Attachment.objects.filter(volume__volume_id=volume_id).order_by("since", "id")
        return [(row.instance_name, row.until is None) for row in rows]


def test_named_servers_name_their_volumes_and_the_others_are_listed(duty: Duty) -> None:
    a, untagged, env, b = servers(duty, {"Name": "a"}, {}, {"Env": "prod"}, {"Name": "b"})
    va, vu, ve, vb, kept, loose = duty.aws.seed(
        volumes=[on(a), on(untagged), on(env), on(b, {"Env": "x"}), on(a, {"Name": "precious"}), {}]
    )["volumes"]  # fmt: skip
    look_and_tag(duty)
    assert names(duty) == {va: "a", vu: "", ve: "", vb: "b", kept: "precious", loose: ""}
    assert {one: duty.volume(one).naming for one in (va, vu, ve, vb, kept, loose)} == {
        va: "named", vu: "nameless", ve: "nameless", vb: "named", kept: "named", loose: "unattached"
    }  # fmt: skip
    assert duty.outcomes() == {va: ("SUCCEEDED", "tagged"), vb: ("SUCCEEDED", "tagged")}
    calls = duty.sent("CreateTags")
    for _ in range(2):
        duty.clock.pass_(minutes=5)
        look_and_tag(duty)
    assert duty.sent("CreateTags") == calls
    assert len(duty.operations()) == 2


def test_volumes_of_one_name_are_tagged_in_one_call(duty: Duty) -> None:
    web, db = servers(duty, {"Name": "web"}, {"Name": "db"})
    volumes = duty.aws.seed(volumes=[on(web, attachments=[{"instance_id": web, "device": f"/dev/sd{d}"}]) for d in "fghij"]
                            + [on(db)])["volumes"]  # fmt: skip
    look_and_tag(duty)
    assert sorted(len(ids) for ids in duty.sent("CreateTags")) == [1, 5]
    assert names(duty) == dict.fromkeys(volumes[:5], "web") | {volumes[5]: "db"}


def test_a_name_given_by_hand_between_look_and_call_is_kept(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.look()
    duty.retag(volume, Name="mine")
    duty.tag()
    assert names(duty) == {volume: "mine"}
    (operation,) = duty.operations()
    assert (operation.state, operation.outcome, operation.outcome_detail) == (
        State.CANCELLED,
        "name_present",
        {"Name": "mine"},
    )


def test_the_same_name_given_by_hand_needs_no_call(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.look()
    duty.retag(volume, Name="a")
    duty.tag()
    assert duty.outcomes() == {volume: ("SUCCEEDED", "already")}
    assert len(duty.sent("CreateTags")) == 1


@pytest.mark.parametrize("blank", ["", "  ", "\u3000"])
def test_a_blank_name_is_no_name(duty: Duty, blank: str) -> None:
    named, nameless = servers(duty, {"Name": " web "}, {"Name": blank})
    first, second = duty.aws.seed(volumes=[on(named, {"Name": blank}), on(nameless)])["volumes"]
    look_and_tag(duty)
    assert names(duty) == {first: "web", second: ""}
    assert duty.volume(second).naming == "nameless"


def test_a_name_longer_than_aws_takes_is_cut(duty: Duty) -> None:
    (long,) = servers(duty, {"Name": "x" * 255 + " yz"})
    (volume,) = duty.aws.seed(volumes=[on(long)])["volumes"]
    look_and_tag(duty)
    assert names(duty) == {volume: "x" * 255}
    duty.clock.pass_(minutes=5)
    look_and_tag(duty)
    assert len(duty.operations()) == 1


def test_a_shared_volume_is_named_after_a_server_that_has_a_name(duty: Duty) -> None:
    nameless, named = servers(duty, {}, {"Name": "named"})
    shared = [{"instance_id": one, "device": "/dev/sdf"} for one in (nameless, named)]
    (volume,) = duty.aws.seed(volumes=[{"volume_type": "io2", "multi_attach": True, "attachments": shared}])[
        "volumes"
    ]
    look_and_tag(duty)
    assert names(duty) == {volume: "named"}
    assert sorted(attachments(duty, volume)) == [("", True), ("named", True)]


@pytest.mark.parametrize(
    ("attached", "wanted"),
    [
        ([("i-1", 3), ("i-2", 1), ("i-3", 2)], "i-2"),
        ([("i-9", 0), ("i-2", 2), ("i-3", 1)], "i-3"),
        ([("i-3", 1), ("i-1", 1)], "i-1"),
        ([("i-1", None), ("i-2", 5)], "i-2"),
        ([("i-9", 1)], None),
    ],
    ids=["first attached", "first that has a name", "same second", "time unknown", "no name at all"],
)
def test_which_server_names_a_shared_volume(
    attached: list[tuple[str, int | None]], wanted: str | None
) -> None:
    """ADR 0006; i-9 has no Name. Whatever order AWS lists them in, the answer is the same."""
    ties = tuple(
        AwsAttachment(
            one, "/dev/sdf", None if minute is None else MONDAY_0830 + timedelta(minutes=minute), False
        )
        for one, minute in attached
    )
    for order in (ties, ties[::-1]):
        volume = EbsVolume("vol-1", "", {}, 8, "io2", "in-use", "ap-northeast-1a", MONDAY_0830, order, True)
        chosen = naming_instance(volume, {"i-1": "a", "i-2": "b", "i-3": "c", "i-9": ""})
        assert (chosen.instance_id if chosen else None) == wanted


def test_an_account_that_only_observes_tags_nothing_and_still_lists(duty: Duty) -> None:
    duty.switch("observe")
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    look_and_tag(duty)
    assert duty.operations() == []
    assert duty.volume(volume).naming == "due"
    assert names(duty) == {volume: ""}


def test_automation_switched_off_after_entry_cancels(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.look()
    duty.switch("observe")
    duty.tag()
    assert duty.outcomes() == {volume: ("CANCELLED", "automation_off")}
    assert names(duty) == {volume: ""}


def test_a_volume_left_behind_still_says_what_it_served(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    look_and_tag(duty)
    duty.console("ec2").detach_volume(VolumeId=volume)
    duty.clock.pass_(minutes=5)
    duty.look()
    row = duty.volume(volume)
    assert (row.served_instance, row.served_name, row.detached_at) == (a, "a", duty.clock())
    assert attachments(duty, volume) == [("a", False)]


def test_a_server_that_lost_its_name_is_remembered_by_it(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a, {"Name": "data"})])["volumes"]
    duty.look()
    duty.untag(a, "Name")
    duty.look()
    duty.console("ec2").detach_volume(VolumeId=volume)
    duty.look()
    assert duty.volume(volume).served_name == "a"
    assert attachments(duty, volume) == [("a", False)]


def test_a_volume_moved_before_the_call_is_named_after_its_new_server_the_same_day(duty: Duty) -> None:
    a, b = servers(duty, {"Name": "a"}, {"Name": "b"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.look()
    ec2 = duty.console("ec2")
    ec2.detach_volume(VolumeId=volume)
    ec2.attach_volume(VolumeId=volume, InstanceId=b, Device="/dev/sdg")
    duty.tag()
    assert duty.outcomes() == {volume: ("CANCELLED", "attachment_changed")}
    duty.clock.pass_(minutes=5)
    look_and_tag(duty)
    assert names(duty) == {volume: "b"}
    row = duty.volume(volume)
    assert (row.served_instance, row.served_name, row.served_device) == (b, "b", "/dev/sdg")
    assert sorted(attachments(duty, volume)) == [("a", False), ("b", True)]


def test_attached_again_at_another_device_is_another_attachment(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.look()
    ec2 = duty.console("ec2")
    ec2.detach_volume(VolumeId=volume)
    ec2.attach_volume(VolumeId=volume, InstanceId=a, Device="/dev/sdz")
    duty.look()
    assert sorted(attachments(duty, volume)) == [("a", False), ("a", True)]


def test_a_deleted_volume_is_kept_as_gone(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    look_and_tag(duty)
    ec2 = duty.console("ec2")
    ec2.detach_volume(VolumeId=volume)
    ec2.delete_volume(VolumeId=volume)
    duty.look()
    row = duty.volume(volume)
    assert (row.state, row.gone_at, row.served_name) == ("gone", duty.clock(), "a")
    assert attachments(duty, volume) == [("a", False)]


@pytest.mark.fault
def test_a_refusal_is_tried_again_the_next_day_not_at_every_look(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.aws.fault(match={"action": "CreateTags"}, code="UnauthorizedOperation", status=403)
    for _ in range(3):
        look_and_tag(duty)
        duty.clock.pass_(minutes=5)
    (operation,) = duty.operations()
    assert (operation.state, operation.outcome) == (State.FAILED, "permission")
    assert operation.outcome_detail["missing_action"] == "ec2:CreateTags"
    duty.aws.no_faults()
    duty.clock.pass_(days=1)
    look_and_tag(duty)
    assert names(duty) == {volume: "a"}


@pytest.mark.fault
def test_a_busy_account_is_not_asked_for_every_name(duty: Duty) -> None:
    hosts = servers(duty, *({"Name": f"web-{n}"} for n in range(6)))
    duty.aws.seed(volumes=[on(one) for one in hosts])
    duty.look()
    duty.aws.fault(match={"action": "CreateTags"}, code="RequestLimitExceeded", status=503)
    duty.tag()
    assert len(duty.sent("CreateTags")) == 1
    assert set(duty.outcomes().values()) == {("CONFIRMED", "throttled")}
    duty.aws.no_faults()
    duty.clock.pass_(minutes=2)
    duty.tag()
    assert set(duty.outcomes().values()) == {("SUCCEEDED", "tagged")}


@pytest.mark.fault
def test_a_lost_answer_is_settled_by_looking(duty: Duty) -> None:
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.look()
    duty.aws.fault(match={"action": "CreateTags"}, times=1, apply_then_lose=True)
    duty.tag()
    assert duty.outcomes() == {volume: ("UNKNOWN", "no_answer")}
    duty.clock.pass_(seconds=10)
    duty.tag()
    assert duty.outcomes() == {volume: ("SUCCEEDED", "tagged")}
    assert len(duty.sent("CreateTags")) == 1


@pytest.mark.fault
@pytest.mark.parametrize("later", [10, 61], ids=["at once", "after a while"])
def test_a_tag_whose_answer_was_lost_is_known_as_ours_though_aws_shows_it_late(
    duty: Duty, later: int
) -> None:
    """Only what is known as Toban's own can be undone, or written anew by the rule "only what Toban wrote"."""
    (a,) = servers(duty, {"Name": "a"})
    (volume,) = duty.aws.seed(volumes=[on(a)])["volumes"]
    duty.look()
    old: list[str] = []
    ec2 = duty.console("ec2")
    ec2.meta.events.register(
        "before-parse.ec2.DescribeVolumes",
        lambda response_dict, **_: old.append(response_dict["body"].decode()),
    )
    ec2.describe_volumes(VolumeIds=[volume])
    duty.aws.fault(match={"action": "CreateTags"}, times=1, apply_then_lose=True)
    duty.tag()
    duty.aws.fault(match={"action": "DescribeVolumes"}, times=1, answer=old[0])
    for _ in range(4):
        duty.clock.pass_(seconds=later)
        duty.tag()
    assert duty.outcomes() == {volume: ("SUCCEEDED", "tagged")}
    assert duty.volume(volume).tag_marks == {"wrote": {"Name": "a"}}
    assert len(duty.sent("CreateTags")) == 1
