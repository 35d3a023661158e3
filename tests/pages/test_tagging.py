"""The pages of tags, of snapshots without a volume and of volumes that will be left over: seen by all, decided by some."""

from __future__ import annotations

import uuid
from datetime import timedelta

from accounts.domain.permissions import Role
from infra.domain.tagging import Overwrite, Rules
from infra.models import Attachment, VolumeSnapshot
from infra.queries.tagging import preview
from infra.queries.tagging_counts import due
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.simulated import TOKYO
from tests.stage import Stage


def test_a_rule_is_shown_with_before_and_after_before_it_is_entered(stage: Stage) -> None:
    server = stage.resource(tags={"Name": "web", "Owner": "sato"})
    stage.volumes(1, served_instance=server.aws_id, served_name="web", naming="due", tags={"Owner": "ito"})
    client, url = stage.client(Role.ADMINISTRATOR), stage.url("volumes/tagging/rules/")
    sent = {"keys": "Owner\naws:x", "overwrite": "always", "do": "look"}
    answer = client.post(url, sent)
    assert answer.status_code == 422
    assert "aws:x" in answer.content.decode()
    answer = client.post(url, {**sent, "keys": "Owner"})
    assert answer.status_code == 200
    assert [(one["before"], one["after"]) for one in answer.context["shown"]["tagging"]["lines"]] == [
        ("Owner=ito", "Name=web, Owner=sato")
    ]
    entering = {**sent, "keys": "Owner", "do": "enter", "token": "a" * 32}
    assert client.post(url, {**entering, "reason": ""}).status_code == 422
    first = client.post(url, {**entering, "reason": "整理 #12"})
    assert client.post(url, {**entering, "reason": "整理 #12"})["Location"] == first["Location"]
    page = client.get(first["Location"]).content.decode()
    assert "Name=web, Owner=sato" in page
    assert stage.client(Role.VIEWER).get(stage.url("volumes/tagging/")).status_code == 200


def test_what_waits_is_counted_by_the_database_as_the_preview_finds_it(stage: Stage) -> None:
    server = stage.resource(
        tags={"Name": "web\u3000", "Owner": " sato ", "7": "seven", "Long": "x" * 300, "Empty": " "}
    )
    here = {"served_instance": server.aws_id}
    full = {f"k{number}": "v" for number in range(50)} | {"aws:x": "y"}
    for tags, marks in (
        ({}, {}), ({"Name": "web", "Owner": "sato"}, {}), ({"Name": " "}, {}), ({"Name": "old"}, {}),
        ({"Name": "old", "Owner": "sato"}, {"wrote": {"Name": "old"}}), ({"Owner": "ito", "7": "seven"}, {"wrote": {"Owner": "x"}}),
        ({}, {"undone": {"Name": "web"}}), ({"Toban": "never"}, {}), ({"Toban": "managed"}, {}), ({"Toban": "x"}, {}),
        (full, {}), ({**full, "Name": ""}, {}), ({"Name": "web", "Owner": "sato", "7": "seven", "Long": "x" * 256}, {}),
    ):  # fmt: skip
        [volume] = stage.volumes(1, **here, name=tags.get("Name", "").strip(), tags=tags, tag_marks=marks)
    stage.volumes(1, served_instance="i-gone", name="")
    stage.volumes(1, **here, name="", detached_at=clock.now())
    snapshot = VolumeSnapshot(
        tenant_id=stage.cast.tenant.id, account=stage.account, region=TOKYO, snapshot_id="snap-1", volume_id=volume.volume_id,
        state="completed", seen_at=clock.now(), tags={"Name": "other"},
    )  # fmt: skip
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        snapshot.save(force_insert=True)
    with tenant_scope(stage.cast.tenant.id):
        for rules in (
            Rules(), *(Rules(("Name", "Owner", "7", "Long", "Empty"), over, snapshots=True) for over in Overwrite),
        ):  # fmt: skip
            seen = preview(rules, [stage.account]).total
            assert due([(stage.account.id, rules)]) == {stage.account.id: seen}, rules
            assert seen


def test_a_long_dry_run_is_read_page_by_page(stage: Stage) -> None:
    server = stage.resource(tags={"Name": "web"})
    stage.volumes(203, served_instance=server.aws_id, served_name="web", naming="due")
    client, url = stage.client(Role.VIEWER), stage.url(f"volumes/tagging/accounts/{stage.account.id}/")
    first, last = (client.get(f"{url}?from={begin}").context["seen"] for begin in ("", "200"))
    assert (len(first.lines), first.before, first.after) == (200, None, 200)
    assert (len(last.lines), last.before, last.after) == (3, 0, None)
    assert not {one["id"] for one in first.lines} & {one["id"] for one in last.lines}
    assert client.get(f"{url}?from=x").context["seen"].begin == 0


def test_snapshots_without_a_volume_are_kept_or_entered_for_deletion_and_some_are_not_offered(
    stage: Stage,
) -> None:
    now, here = clock.now(), {"tenant_id": stage.cast.tenant.id, "account": stage.account, "region": TOKYO}
    old = now - timedelta(days=200)
    rows = [
        VolumeSnapshot(
            **here, snapshot_id=f"snap-{uuid.uuid4().hex[:17]}", volume_id="vol-gone", state="completed", size_gib=10,
            tier="standard", made_at=old, seen_at=now, images=images,
        )
        for images in ([], [], ["ami-1"])
    ]  # fmt: skip
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        VolumeSnapshot.objects.bulk_create(rows)
    client, url = stage.client(Role.OPERATOR), stage.url("volumes/snapshots/")
    sent = {"reason": "監査まで", "days": "30", "do": "keep", "ids": [str(rows[0].id)]}
    assert [one.snapshot.id for one in client.post(url, sent, follow=True).context["seen"].snoozed] == [
        rows[0].id
    ]
    answer = client.post(
        url, {**sent, "do": "delete", "ids": [str(one.id) for one in rows[1:]], "token": "a" * 32}
    )
    assert [one.code for one in answer.context["undone"]] == ["snapshot_of_image"]
    with tenant_scope(stage.cast.tenant.id):
        [entered] = Operation.objects.filter(kind="volume_snapshot.delete")
    assert (entered.target_id, entered.policy) == (str(rows[1].id), "other")
    sheet = client.get(stage.url(f"operations/{entered.id}/")).content.decode()
    assert rows[1].snapshot_id in sheet


def test_volumes_that_will_be_left_over_are_entered_to_go_with_their_servers(stage: Stage) -> None:
    [volume] = stage.volumes(1, served_instance="i-1")
    row = Attachment(
        tenant_id=stage.cast.tenant.id, volume=volume, instance_id="i-1", device="/dev/sdf", since=clock.now()
    )
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        row.save(force_insert=True)
    client, url = stage.client(Role.OPERATOR), stage.url("volumes/staying/")
    assert client.post(url, {"reason": "", "ids": [str(volume.id)]}).status_code == 422
    assert (
        client.post(url, {"reason": "使い捨て", "ids": [str(volume.id)], "token": "a" * 32}).status_code
        == 302
    )
    assert client.get(url).context["rows"][0].refusal == "operation_open"
    with tenant_scope(stage.cast.tenant.id):
        [entered] = Operation.objects.filter(kind="volume.termination")
    assert entered.shown["before"] == {"on_termination": "stays"}
