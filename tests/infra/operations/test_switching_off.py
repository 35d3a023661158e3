"""What Toban does in an account is not taken away while something rests on it that is open for a time, or still to come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.domain.onboarding import SUPPOSED, Feature
from infra.operations import campaigns
from infra.operations.featuring import enter_features
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.models import Operation
from tests.infra.operations import test_reaching as reach
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_database_restores import restored, snapshot
from tests.infra.operations.test_rotating import entered, seeded
from tests.infra.operations.test_snapshotting import confirm, work
from tests.stage import signed_in


def change(duty: Duty, *without: Feature, managed_only: bool = False) -> Operation:
    """Enter that Toban is to do everything in the account but this."""
    wanted = [str(one) for one in SUPPOSED if one not in without]
    admin = duty.aws.cast.actor(Role.ADMINISTRATOR)
    return enter_features(
        duty.aws.row.id, wanted, managed_only=managed_only, actor=admin, now=duty.clock(), reason="使わない"
    )


def why_not(duty: Duty, *without: Feature, managed_only: bool = False) -> str:
    with pytest.raises(Refused) as refused:
        change(duty, *without, managed_only=managed_only)
    return f"{refused.value.code} {refused.value.params['target']}"


def test_a_way_that_is_open_for_a_time_keeps_what_closes_it(duty: Duty) -> None:
    group, way = reach.seeded(duty), "feature_reach karte (ap-northeast-1)"
    decided_before = change(duty, Feature.REACH)
    opening = reach.enter(duty, group, "203.0.113.7/32", until=duty.clock() + timedelta(hours=8))
    confirm(duty, opening, Role.APPROVER)
    assert why_not(duty, Feature.REACH) == "feature_busy karte", "it is being opened"
    work(duty)
    assert why_not(duty, Feature.REACH) == way
    assert why_not(duty, managed_only=True) == way, "its group may not carry the mark"
    url = f"/t/{duty.aws.cast.tenant.slug}/accounts/{duty.aws.row.id}/features/"
    answer = signed_in(duty.aws.cast.people[Role.ADMINISTRATOR]).post(
        url, {"feature": ["servers"], "reason": "使わない"}
    )
    assert (answer.status_code, "karte (ap-northeast-1)" in answer.content.decode()) == (422, True)
    with pytest.raises(StaleContent, match="feature_reach"):
        confirm(duty, decided_before, Role.APPROVER)
    change(duty, Feature.MAKING)
    duty.clock.pass_(hours=9)
    duty.look()
    assert why_not(duty, Feature.REACH) == "feature_busy karte", "it is being closed"
    work(duty)
    confirm(duty, change(duty, Feature.REACH), Role.APPROVER)


def test_a_restore_for_a_while_keeps_what_removes_it(duty: Duty) -> None:
    restored(duty, snapshot(duty), until=duty.clock() + timedelta(days=2))
    assert why_not(duty, Feature.MAKING).startswith("feature_busy")
    work(duty)
    assert why_not(duty, Feature.MAKING) == "feature_restores toban-tmp-karte (ap-northeast-1)"
    change(duty, Feature.REACH, managed_only=True)


def test_a_wave_of_certificates_keeps_what_rotates_them(duty: Duty) -> None:
    seeded(duty)
    campaign, wave = entered(duty, in_hours=24), "feature_rotates karte (ap-northeast-1)"
    assert why_not(duty, Feature.CERTIFICATES) == wave
    confirm(duty, campaign, Role.APPROVER)
    assert (why_not(duty, Feature.CERTIFICATES), why_not(duty, managed_only=True)) == (wave, wave)
    operator = duty.aws.cast.actor(Role.OPERATOR)
    end = campaigns.enter_end(campaign.id, actor=operator, now=duty.clock(), reason="使わないため")
    confirm(duty, end, Role.OPERATOR)
    confirm(duty, change(duty, Feature.CERTIFICATES, managed_only=True), Role.APPROVER)
