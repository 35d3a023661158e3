"""The demo shows, from its first minute on, everything that the clock can show: each scene played by its people."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from config import demo, demo_past, demo_story
from config.simulator import fleet
from config.simulator.delays import KINDS
from infra.models import AwsAccount, HeldRound, Region, Resource
from infra.operations.inventory import take_inventory
from infra.operations.tick import tick
from infra.queries.leftover_months import trend
from infra.queries.overrides import live
from infra.queries.volume_snapshots import left_snapshots
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.operations.execution import drain_lane
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.simulated import Clock

TOKYO = ZoneInfo("Asia/Tokyo")
AT = datetime(2026, 11, 30, 8, 25, tzinfo=TOKYO)


def look_everywhere(stage: demo_story.Stage, clock: Clock, as_role: AsRole) -> None:
    with tenant_scope(stage.tenant.id):
        regions = list(Region.objects.values_list("id", flat=True))
    with as_role("worker"):
        for region in regions:
            take_inventory(stage.tenant.id, region, worker="test", clock=clock, force=True)


def work(stage: demo_story.Stage, clock: Clock, as_role: AsRole, rounds: int) -> None:
    with tenant_scope(stage.tenant.id):
        lanes = sorted({row.lane for row in Resource.objects.select_related("account")})
    for _ in range(rounds):
        with as_role("worker"):
            for lane in lanes:
                drain_lane(stage.tenant.id, lane, worker="test", clock=clock)
        clock.pass_(seconds=20)


def ticked(stage: demo_story.Stage, clock: Clock, as_role: AsRole) -> None:
    with as_role("scheduler"):
        tick(stage.tenant.id, now=clock())


def test_every_scene_is_there_and_made_by_people(as_role: AsRole) -> None:
    clock = Clock(AT)
    demo.simulator("demo", {"at": AT.isoformat(), "slow_ms": [0, 1], "delays": dict.fromkeys(KINDS, 0)})
    demo.seed_portal(clock)
    demo_story.prepare(clock)
    for one in fleet.TENANTS:
        tenant = demo_story.stage_of(one.slug).tenant
        with as_role("worker"), tenant_scope(tenant.id):
            demo_past.remember(clock())
            assert demo_past.remember(clock()) == 0, "a second start makes no second past"
    first, second = (demo_story.stage_of(slug) for slug in (demo_story.FIRST, demo_story.SECOND))
    for stage in (first, second):
        look_everywhere(stage, clock, as_role)
        ticked(stage, clock, as_role)
    work(first, clock, as_role, rounds=4)
    demo_story.tell(clock)
    clock.pass_(seconds=30)
    ticked(first, clock, as_role)
    look_everywhere(first, clock, as_role)

    with tenant_scope(first.tenant.id):
        [missed] = Operation.objects.filter(state=State.MISSED)
        assert (missed.outcome, missed.kind) == ("grace_passed", "ec2.start")
        assert missed.authority["person"] == "確定 玲子"
        assert Operation.objects.filter(state=State.FAILED, outcome="key").exists(), "the KMS bounce"
        assert Resource.objects.filter(tags__Schedule=fleet.NIGHT_SHIFT, scheduled=True).exists()
        kinds = {(one.kind, one.scope): one for one in live(clock())}
        assert set(kinds) == {("override", "resource"), ("override", "project"), ("skip", "resource")}
        soon = kinds["override", "resource"]
        assert timedelta(0) < soon.until - clock() < timedelta(minutes=60)
        assert {one.confirmed_by_name for one in kinds.values()} == {"運用 太郎"}
        assert Event.objects.filter(kind="resource.drifted").count() == 1
        assert Resource.objects.filter(tags__Toban="never").exists()
        months = trend(actor=first.actor("etsuran"), now=clock(), tz=TOKYO).months
        assert [bool(month.amounts) for month in months[-4:]] == [True] * 4, (
            "what is left over costs money for months"
        )
        left = left_snapshots(actor=first.actor("etsuran"), now=clock())
        assert left.rows
        assert all(
            one.price is not None and one.price.source == demo_past.SOURCE and one.served for one in left.rows
        )
    with tenant_scope(second.tenant.id):
        [held] = HeldRound.objects.all()
        assert len(held.items) * 100 > held.limit_percent * held.running
        assert Operation.objects.get(id=held.operation).state == State.ENTERED
        assert AwsAccount.objects.get(account_id=demo.OBSERVED).only_observed
    demo_story.prepare(clock)
    with tenant_scope(second.tenant.id):
        assert Operation.objects.filter(kind="rules.change").count() == 1, (
            "a second start makes no second brake"
        )
