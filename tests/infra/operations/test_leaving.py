"""A region is not left while something confirmed is still to come there, and where Toban does not look nothing is changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.models import VolumeSnapshot
from infra.operations import campaigns, database_removals, reaching
from infra.operations.regions import enter_regions
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget, all_kinds
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.catalogue import Database
from tests.infra.operations import test_reaching as reach
from tests.infra.operations import test_restoring as volumes
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_database_restores import restored, snapshot
from tests.infra.operations.test_deleting import page, volume_of
from tests.infra.operations.test_observed import changing
from tests.infra.operations.test_rotating import entered, seeded
from tests.infra.operations.test_snapshotting import confirm, work
from tests.stage import signed_in

OSAKA = "ap-northeast-3"


def leave(duty: Duty) -> Operation:
    """Enter that Toban looks in Osaka from now on, and in Tokyo no more."""
    admin = duty.aws.cast.actor(Role.ADMINISTRATOR)
    return enter_regions(duty.aws.row.id, [OSAKA], actor=admin, now=duty.clock(), reason="大阪に移した")


def left(duty: Duty, *, told: bool = True) -> None:
    """told: a worker has said of what stands there that it is seen no more."""
    confirm(duty, leave(duty), Role.APPROVER)
    if told:
        duty.look()
    assert duty.region().looking == ("left" if told else "leaving")


def why_not(duty: Duty) -> str:
    with pytest.raises(Refused) as refused:
        leave(duty)
    return f"{refused.value.code} {refused.value.params['target']}"


def test_a_wave_of_certificates_that_is_to_come_keeps_its_region(duty: Duty) -> None:
    seeded(duty)
    decided_before = leave(duty)
    campaign = entered(duty, in_hours=24)
    assert why_not(duty) == "region_rotates karte (ap-northeast-1)", "it may be confirmed yet"
    confirm(duty, campaign, Role.APPROVER)
    assert why_not(duty) == "region_rotates karte (ap-northeast-1)"
    with pytest.raises(StaleContent, match="region_rotates"):
        confirm(duty, decided_before, Role.APPROVER)
    operator = duty.aws.cast.actor(Role.OPERATOR)
    end = campaigns.enter_end(campaign.id, actor=operator, now=duty.clock(), reason="移すため")
    confirm(duty, end, Role.OPERATOR)
    left(duty)


def test_no_campaign_is_confirmed_where_nobody_would_begin_it(
    duty: Duty, superuser_connection: Database
) -> None:
    """As one that was entered at the very moment at which its region was left."""
    seeded(duty)
    campaign = entered(duty, in_hours=24)
    superuser_connection.execute(
        "UPDATE infra_region SET looking = 'leaving' WHERE id = %s", [duty.aws.region.id]
    )
    with pytest.raises(StaleContent, match="region_off"):
        confirm(duty, campaign, Role.APPROVER)
    with pytest.raises(Refused, match="region_off"):
        entered(duty, in_hours=48)


def test_a_restore_for_a_while_keeps_its_region_until_it_is_removed(duty: Duty) -> None:
    restored(duty, snapshot(duty), until=duty.clock() + timedelta(days=2))
    assert why_not(duty).startswith("region_busy"), "it is being made"
    work(duty)
    stands = "region_restores toban-tmp-karte (ap-northeast-1)"
    assert why_not(duty) == stands, "no look has seen it yet"
    duty.look()
    assert why_not(duty) == stands
    operator = duty.aws.cast.actor(Role.OPERATOR)
    removal = database_removals.enter_removal(
        duty.resource("toban-tmp-karte").id, actor=operator, now=duty.clock(), reason="終わった"
    )
    confirm(duty, removal, Role.APPROVER)
    work(duty)
    assert duty.operations(kind="rds.remove")[-1].outcome == "database_removed"
    left(duty)


def test_a_way_that_is_open_for_a_time_keeps_its_region_until_it_is_closed(duty: Duty) -> None:
    group = reach.seeded(duty)
    confirm(duty, reach.enter(duty, group, "10.1.2.4/32"), Role.APPROVER)
    confirm(duty, reach.enter(duty, group, until=duty.clock() + timedelta(hours=8)), Role.APPROVER)
    work(duty)
    assert why_not(duty) == "region_reach karte (ap-northeast-1)"
    url = f"/t/{duty.aws.cast.tenant.slug}/accounts/{duty.aws.row.id}/regions/"
    answer = signed_in(duty.aws.cast.people[Role.ADMINISTRATOR]).post(
        url, {"region": ["ap-northeast-3"], "reason": "去る"}
    )
    assert (answer.status_code, "karte (ap-northeast-1)" in answer.content.decode()) == (422, True)
    duty.clock.pass_(hours=9)
    duty.look()
    work(duty)
    left(duty)
    [for_good] = [one for one in duty.operations(kind="reach.open") if not one.parameters["until_at"]]
    operator = duty.aws.cast.actor(Role.OPERATOR)
    closing = reaching.enter_close(for_good.id, actor=operator, now=duty.clock(), reason="使わない")
    confirm(duty, closing, Role.OPERATOR)
    work(duty)
    assert duty.operations(kind="reach.close")[-1].outcome == "reach_closed", "also where Toban does not look"


def test_in_a_region_that_was_left_nothing_is_entered_but_the_closing_of_what_stands_open(duty: Duty) -> None:
    volume = volumes.deleted(duty)
    left(duty)
    with pytest.raises(Refused, match="region_off"):
        volumes.enter(duty, volume)
    seen = page(duty, volume)
    assert (seen.restore_refusal, seen.may_restore) == ("region_off", False)
    with tenant_scope(duty.aws.cast.tenant.id):
        asked = {
            kind.name: kind.refusal(OperationTarget("x", "x", "x", f"{duty.aws.lane}/tags"), {})
            for kind in all_kinds()
            if kind.executor is not None and type(kind.executor).__module__.startswith("infra.")
        }
    assert {name: code for name, code in asked.items() if code != "region_off"} == {"reach.close": None}


def test_what_was_confirmed_before_is_not_sent_and_no_schedule_speaks_any_more(
    duty: Duty, superuser_connection: Database
) -> None:
    """As entered at the moment at which its region was left."""
    morning = {"Name": "朝", "AutoStart": "08:35"}
    one, _morning = duty.aws.seed(
        instances=[{"state": "running"}, {"state": "stopped", "tags": morning}]
    )["instances"]  # fmt: skip
    duty.look()
    duty.order("ec2.stop", one)
    superuser_connection.execute(
        "UPDATE infra_region SET looking = 'leaving' WHERE id = %s", [duty.aws.region.id]
    )
    duty.work()
    assert duty.outcomes()[one] == ("FAILED", "region_off")
    duty.clock.pass_(minutes=6)
    assert duty.tick().entered == ()
    assert changing(duty.aws) == []
    superuser_connection.execute("UPDATE infra_region SET looking = 'on' WHERE id = %s", [duty.aws.region.id])
    assert [row.target_name for row in duty.tick().entered] == ["朝"]


def test_volumes_of_a_region_that_is_left_are_seen_no_more_and_left_over_no_more(duty: Duty) -> None:
    volume = volume_of(duty)
    duty.console("ec2").create_snapshot(VolumeId=volume)
    duty.clock.pass_(days=15)
    duty.look()
    assert [event["subject"]["name"] for event in duty.events("volume.left_over")] == ["old-data"]
    left(duty)
    row = duty.volume(volume)
    assert (row.state, row.fingerprint, row.left_over_at) == ("gone", "", None)
    [over] = duty.events("volume.taken_up")
    assert over["detail"]["gone"] is True
    with tenant_scope(duty.aws.cast.tenant.id):
        assert set(VolumeSnapshot.objects.values_list("state", flat=True)) == {"gone"}
