"""Tagging by rules that two people agreed on: shown before, written once per set of values, and taken back as a run."""

from __future__ import annotations

from uuid import UUID

import pytest

from accounts.domain.permissions import Role
from infra.domain.tagging import Overwrite, Rules
from infra.operations import tagging_rules, untagging
from infra.queries import tagging
from medical_audit.domain.errors import Refused
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_tagging import look_and_tag, on, servers


def agree(duty: Duty, rules: Rules, account: UUID | None = None) -> Operation:
    """The administrator enters it, the approver confirms it."""
    admin = duty.aws.cast.actor(Role.ADMINISTRATOR)
    return confirm(
        duty, tagging_rules.enter_rules(account, rules, actor=admin, now=duty.clock(), reason="整理")
    )


def confirm(duty: Duty, entered: Operation) -> Operation:
    approver = duty.aws.cast.actor(Role.APPROVER)
    return entry.confirm(
        entered.id, actor=approver, now=duty.clock(), seen_digest=entered.digest, proof=proof(approver, duty.clock())
    )  # fmt: skip


def tags(duty: Duty, volume: str) -> dict[str, str]:
    (found,) = duty.console("ec2").describe_volumes(VolumeIds=[volume])["Volumes"]
    return {one["Key"]: one["Value"] for one in found.get("Tags", ())}


def run_of(duty: Duty) -> Operation:
    with tenant_scope(duty.aws.cast.tenant.id):
        found: Operation = Operation.objects.filter(kind="ebs.tag").order_by("-due_at", "id")[0]
        return found


def undo(duty: Duty, pk: UUID) -> Operation:
    admin = duty.aws.cast.actor(Role.ADMINISTRATOR)
    entered = confirm(duty, untagging.enter_undo(pk, actor=admin, now=duty.clock(), reason="取り消し"))
    duty.tag()
    duty.clock.pass_(seconds=10)
    duty.tag()
    with tenant_scope(duty.aws.cast.tenant.id):
        found: Operation = Operation.objects.get(id=entered.id)
        return found


def test_keys_are_copied_in_one_call_per_set_of_values_and_only_what_toban_wrote_is_written_anew(
    duty: Duty,
) -> None:
    web, db = servers(
        duty, {"Name": "web", "Owner": "sato"}, {"Name": "db", "Owner": "sato", "Project": "karte"}
    )
    first, second, third, byhand = duty.aws.seed(
        volumes=[on(web), on(web, attachments=[{"instance_id": web, "device": "/dev/sdg"}]), on(db), on(db, {"Name": "mine"}, attachments=[{"instance_id": db, "device": "/dev/sdg"}])]
    )["volumes"]  # fmt: skip
    duty.look()
    duty.tag()
    agreed = agree(duty, Rules(("Name", "Owner", "Project"), Overwrite.OURS))
    assert agreed.shown["tagging"]["total"] == 4
    assert agreed.shown["before"]["tag_keys"] == ["Name"]
    calls = len(duty.sent("CreateTags"))
    look_and_tag(duty)
    assert len(duty.sent("CreateTags")) == calls + 2  # Owner=sato; Owner=sato, Project=karte
    assert tags(duty, first) == tags(duty, second) == {"Name": "web", "Owner": "sato"}
    assert tags(duty, third) == {"Name": "db", "Owner": "sato", "Project": "karte"}
    assert tags(duty, byhand) == {"Name": "mine", "Owner": "sato", "Project": "karte"}
    duty.retag(web, Name="web-new")
    duty.retag(db, Name="db-new")
    duty.retag(third, Name="db")
    look_and_tag(duty)
    assert (tags(duty, first)["Name"], tags(duty, byhand)["Name"]) == ("web-new", "mine")
    before = len(duty.operations())
    look_and_tag(duty)
    assert len(duty.operations()) == before


def test_an_account_that_only_observes_shows_before_and_after_and_writes_nothing(duty: Duty) -> None:
    duty.switch("observe")
    (web,) = servers(duty, {"Name": "web", "Owner": "sato"})
    (volume,) = duty.aws.seed(volumes=[on(web, {"Owner": "suzuki"})])["volumes"]
    look_and_tag(duty)
    agree(duty, Rules(("Name", "Owner"), Overwrite.ALWAYS), duty.aws.row.id)
    look_and_tag(duty)
    with tenant_scope(duty.aws.cast.tenant.id):
        page = tagging.account_page(duty.aws.row.id, actor=duty.aws.cast.actor(Role.VIEWER))
    (line,) = page.lines
    assert (line["id"], line["before"], line["after"]) == (volume, "Owner=suzuki", "Name=web, Owner=sato")
    assert (page.in_force.own, page.preview.overwritten) == (True, 1)
    assert tags(duty, volume) == {"Owner": "suzuki"}
    duty.switch("on")
    look_and_tag(duty)
    assert tags(duty, volume) == {"Name": "web", "Owner": "sato"}


def test_a_volume_that_is_never_to_be_touched_gets_no_tag_also_if_it_says_so_only_after_the_entry(
    duty: Duty,
) -> None:
    (web,) = servers(duty, {"Name": "web"})
    ties = [[{"instance_id": web, "device": f"/dev/sd{letter}"}] for letter in "fg"]
    early, late = duty.aws.seed(
        volumes=[on(web, {"Toban": "never"}, attachments=ties[0]), on(web, attachments=ties[1])]
    )["volumes"]  # fmt: skip
    duty.look()
    duty.retag(late, Toban="never")
    duty.tag()
    assert duty.outcomes() == {late: ("CANCELLED", "never_touch")}
    assert tags(duty, early) == tags(duty, late) == {"Toban": "never"}


@pytest.mark.parametrize("now", [Rules(), Rules(("Name", "Owner"), Overwrite.OURS)], ids=["never", "ours"])
def test_a_rule_made_stricter_after_an_entry_holds_for_it(duty: Duty, now: Rules) -> None:
    (web,) = servers(duty, {"Name": "web", "Owner": "sato"})
    (volume,) = duty.aws.seed(volumes=[on(web, {"Owner": "suzuki"})])["volumes"]
    agree(duty, Rules(("Name", "Owner"), Overwrite.ALWAYS))
    duty.look()
    agree(duty, now)
    duty.tag()
    assert tags(duty, volume) == {"Name": "web", "Owner": "suzuki"}


def test_a_run_is_undone_where_nobody_changed_it_since_and_is_not_repeated(duty: Duty) -> None:
    (web,) = servers(duty, {"Name": "web", "Owner": "sato"})
    plain, changed, over = duty.aws.seed(
        volumes=[
            on(web, attachments=[{"instance_id": web, "device": f"/dev/sd{d}"}], tags={"Owner": "old"} if d == "h" else {})
            for d in "fgh"
        ]
    )["volumes"]  # fmt: skip
    agree(duty, Rules(("Name", "Owner"), Overwrite.ALWAYS))
    duty.look()
    handle = run_of(duty).id
    admin = duty.aws.cast.actor(Role.ADMINISTRATOR)
    with pytest.raises(Refused, match="run_not_over"):
        untagging.enter_undo(handle, actor=admin, now=duty.clock(), reason="x")
    duty.tag()
    assert tags(duty, over) == {"Name": "web", "Owner": "sato"}
    duty.retag(changed, Name="mine")
    ended = undo(duty, handle)
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "undone")
    assert ended.outcome_detail["left"] == f"{changed} (Name=mine)"
    assert tags(duty, plain) == {}
    assert tags(duty, changed) == {"Name": "mine"}
    assert tags(duty, over) == {"Owner": "old"}
    assert duty.volume(plain).naming == "undone"
    for _ in range(2):
        duty.clock.pass_(days=1)
        look_and_tag(duty)
    assert (tags(duty, plain), duty.volume(plain).naming) == ({}, "undone")
    with pytest.raises(Refused, match="undone_already"):
        untagging.enter_undo(handle, actor=admin, now=duty.clock(), reason="x")
    duty.retag(web, Name="renamed")
    look_and_tag(duty)
    assert tags(duty, plain)["Name"] == "renamed"


def test_what_is_being_undone_is_not_written_again_by_a_look_in_between(duty: Duty) -> None:
    (web,) = servers(duty, {"Name": "web"})
    (volume,) = duty.aws.seed(volumes=[on(web)])["volumes"]
    look_and_tag(duty)
    admin, handle = duty.aws.cast.actor(Role.ADMINISTRATOR), run_of(duty).id
    confirm(duty, untagging.enter_undo(handle, actor=admin, now=duty.clock(), reason="取り消し"))
    duty.tag()
    assert tags(duty, volume) == {}, "taken away, and not looked at since"
    for _ in range(4):
        duty.look()
        duty.tag()
        duty.clock.pass_(seconds=10)
    (ended,) = duty.operations(kind=untagging.KIND)
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "undone")
    assert (tags(duty, volume), duty.volume(volume).naming) == ({}, "undone")


def test_what_was_written_twice_is_taken_back_twice(duty: Duty) -> None:
    """The first value is still known as Toban's when it stands there again; neither comes back."""
    (web,) = servers(duty, {"Name": "web"})
    (volume,) = duty.aws.seed(volumes=[on(web)])["volumes"]
    agree(duty, Rules(overwrite=Overwrite.OURS))
    look_and_tag(duty)
    first = run_of(duty).id
    duty.clock.pass_(minutes=5)
    duty.retag(web, Name="web2")
    look_and_tag(duty)
    second = run_of(duty).id
    undo(duty, second)
    assert tags(duty, volume) == {"Name": "web"}
    assert duty.volume(volume).tag_marks["wrote"] == {"Name": "web"}
    undo(duty, first)
    for name in ("web2", "web"):
        duty.retag(web, Name=name)
        look_and_tag(duty)
        assert tags(duty, volume) == {}


def test_only_what_the_features_of_an_account_are_for_is_written_there(duty: Duty) -> None:
    (web,) = servers(duty, {"Name": "web", "Owner": "sato"})
    duty.aws.seed(volumes=[on(web)])
    duty.does("servers")
    duty.look()
    assert duty.operations(kind="ebs.tag") == []
    agreed = agree(duty, Rules(("Name", "Owner"), snapshots=True))
    told = agreed.shown["tagging"]
    assert (told["total"], told["untagged"], told["only_names"]) == (0, [str(duty.aws.row)], [])


def test_where_volumes_are_only_named_a_rule_is_cut_to_that(duty: Duty) -> None:
    """The right on volumes is one to name them, and AWS refuses a call with any other tag as a whole."""
    (web,) = servers(duty, {"Name": "web", "Owner": "sato"})
    (volume,) = duty.aws.seed(volumes=[on(web)])["volumes"]
    duty.does("servers", "volumes")
    agreed = agree(duty, Rules(("Name", "Owner"), snapshots=True))
    assert agreed.shown["tagging"]["only_names"] == [str(duty.aws.row)]
    look_and_tag(duty)
    assert tags(duty, volume) == {"Name": "web"}
    (ran,) = duty.operations(kind="ebs.tag")
    assert (ran.state, ran.outcome) == (State.SUCCEEDED, "tagged")


@pytest.mark.fault
def test_an_undo_that_aws_was_too_busy_for_goes_on_by_itself(duty: Duty) -> None:
    (web,) = servers(duty, {"Name": "web", "Owner": "sato"})
    (volume,) = duty.aws.seed(volumes=[on(web, {"Owner": "old"})])["volumes"]
    duty.look()
    agree(duty, Rules(("Name", "Owner"), Overwrite.ALWAYS))
    look_and_tag(duty)
    admin, handle = duty.aws.cast.actor(Role.ADMINISTRATOR), run_of(duty).id
    confirm(duty, untagging.enter_undo(handle, actor=admin, now=duty.clock(), reason="取り消し"))
    duty.aws.fault(match={"action": "CreateTags"}, code="RequestLimitExceeded", status=503)
    duty.tag()
    assert tags(duty, volume) == {"Owner": "sato"}
    duty.aws.no_faults()
    for _ in range(3):
        duty.clock.pass_(seconds=61)
        duty.tag()
    (ended,) = duty.operations(kind=untagging.KIND)
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "undone")
    assert tags(duty, volume) == {"Owner": "old"}


def test_an_undo_leaves_what_is_never_to_be_touched_by_then(duty: Duty) -> None:
    (web,) = servers(duty, {"Name": "web"})
    plain, never = duty.aws.seed(
        volumes=[on(web, attachments=[{"instance_id": web, "device": f"/dev/sd{d}"}]) for d in "fg"]
    )["volumes"]  # fmt: skip
    look_and_tag(duty)
    duty.retag(never, Toban="never")
    ended = undo(duty, run_of(duty).id)
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "undone")
    assert ended.outcome_detail["left"] == f"{never} (Toban=never)"
    assert (tags(duty, plain), tags(duty, never)) == ({}, {"Name": "web", "Toban": "never"})


def test_snapshots_get_the_tags_of_their_volume_also_of_one_that_is_gone(duty: Duty) -> None:
    (web,) = servers(duty, {"Name": "web", "Owner": "sato"})
    kept, gone = duty.aws.seed(volumes=[on(web), {"tags": {"Name": "old", "Owner": "ito"}}])["volumes"]
    ec2 = duty.console("ec2")
    first, second = (ec2.create_snapshot(VolumeId=one)["SnapshotId"] for one in (kept, gone))
    ec2.create_tags(Resources=[second], Tags=[{"Key": "Owner", "Value": "by hand"}])
    duty.look()
    ec2.delete_volume(VolumeId=gone)
    agree(duty, Rules(("Name", "Owner"), snapshots=True))
    for _ in range(2):  # a snapshot follows its volume, which is tagged first
        duty.clock.pass_(hours=7)
        look_and_tag(duty)
    found = {
        one["SnapshotId"]: {tag["Key"]: tag["Value"] for tag in one.get("Tags", ())}
        for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    }
    assert found == {first: {"Name": "web", "Owner": "sato"}, second: {"Name": "old", "Owner": "by hand"}}
    entered = len(duty.operations())
    duty.clock.pass_(days=1)
    look_and_tag(duty)
    assert len(duty.operations()) == entered
