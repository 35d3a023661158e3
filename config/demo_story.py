"""What the demo's people have done today, so that everything the clock can show is to be seen at once.

Each scene is made as anybody would make it: entered by one person, confirmed by one who may, and then left to the real
clock, workers and simulated AWS. A scene that is there already, from an earlier start on the same data, is left as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from django.db.models import QuerySet

from accounts.models import Tenant, User
from accounts.operations.signing import reauthenticate
from accounts.queries.people import actor_in, tenants_of
from config import demo_past, demo_tickets
from config.demo import PASSWORD, PEOPLE
from config.simulator import console, fleet
from infra.domain.schedule import State
from infra.models import Region, Resource
from infra.models.schedule import Scope
from infra.operations import assigning, drafts, overriding, publishing, ruling
from infra.operations.overriding import Wanted
from infra.queries.overrides import live
from infra.tasks import take_inventory
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import DomainError
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import platform_scope, tenant_scope

TOKYO = ZoneInfo("Asia/Tokyo")
#: Where most scenes play, and where the brake is.
FIRST, SECOND = fleet.TENANTS[0].slug, fleet.TENANTS[1].slug
#: So far back lies the morning that Toban slept through; longer than a late start may still be done.
SLEPT, STARTED_BEFORE = timedelta(hours=2), timedelta(minutes=80)
ENDS_SOON = timedelta(minutes=25)
UPDATED = "文書管理"
PATIENCE_S, POLL_S = 120.0, 1.0
log = structlog.get_logger(__name__)
Now = Callable[[], datetime]


class Stage:
    """One tenant of the demo and its people."""

    def __init__(self, tenant: Tenant, people: Mapping[str, User]) -> None:
        self.tenant, self.people = tenant, people

    def actor(self, username: str) -> Actor:
        return actor_in(self.tenant, self.people[username], session="", address="", request="")

    def confirm(self, operation: Operation, username: str, now: datetime) -> Operation:
        actor = self.actor(username)
        proof = reauthenticate(self.people[username], PASSWORD, actor=actor, now=now)
        return entry.confirm(operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof)


def prepare(now: Now) -> None:
    """Before the clock runs: prices, and the brake of the second tenant."""
    for one in fleet.TENANTS:
        _scene("prices", demo_past.price, stage_of(one.slug), now())
    stage = stage_of(SECOND)
    with tenant_scope(stage.tenant.id):
        _scene("brake", _brake, stage, now())


def tell(now: Now) -> None:
    """Once the first look at AWS is in: what people did this morning, and what somebody did behind Toban's back."""
    stage = stage_of(FIRST)
    if not _wait(stage, lambda: not Region.objects.filter(inventory_at__isnull=True).exists()):
        return
    _scene_of_tickets("redmine", demo_tickets.connect, stage, now())
    with tenant_scope(stage.tenant.id):
        _scene("missed", _missed_start, stage, now())
        _scene("override", _ends_soon, stage, now())
        _scene("project", _project_left_alone, stage, now())
        _scene("skip", _skipped_once, stage, now())
    if _wait(stage, lambda: _started().exists()):
        _scene("drift", _stopped_by_hand, stage, now())
    _scene_of_tickets("commits", demo_tickets.commit, stage, now())


def _scene(name: str, play: Callable[[Stage, datetime], None], stage: Stage, now: datetime) -> None:
    """What cannot be done on these data is left out, and said in the log."""
    try:
        with tenant_scope(stage.tenant.id):
            play(stage, now)
    except DomainError as refused:
        log.info("scene_left_out", scene=name, code=refused.code)


def _scene_of_tickets(
    name: str, play: Callable[[Stage, datetime, demo_tickets.Wait], None], stage: Stage, now: datetime
) -> None:
    """The same for a scene that waits for workers in between."""
    try:
        play(stage, now, _wait)
    except DomainError as refused:
        log.info("scene_left_out", scene=name, code=refused.code)


def stage_of(slug: str) -> Stage:
    with platform_scope():
        people = {user.username: user for user in User.objects.filter(username__in=[p[0] for p in PEOPLE])}
    with platform_scope(user_id=people["kanri"].id):
        tenant = next(tenant for tenant, _roles in tenants_of(people["kanri"]) if tenant.slug == slug)
    return Stage(tenant, people)


def _wait(stage: Stage, there: Callable[[], bool]) -> bool:
    """Wait for what other processes do; False when it does not come."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with tenant_scope(stage.tenant.id):
            if there():
                return True
        time.sleep(POLL_S)
    log.warning("scene_waited_in_vain")
    return False


# -- the second tenant ------------------------------------------------------------------------------------------------


def _brake(stage: Stage, now: datetime) -> None:
    operation = ruling.enter_rules(
        brake_percent=15, brake_least=5, actor=stage.actor("kanri"), now=now,
        reason="一度に15%を超える停止は、人が確認してから行う",
    )  # fmt: skip
    stage.confirm(operation, "kakutei", now)


# -- the first tenant -------------------------------------------------------------------------------------------------


def _missed_start(stage: Stage, now: datetime) -> None:
    """A schedule for every day, given to a server two hours ago; its start fell into the time when Toban was away."""
    if Operation.objects.filter(state=OperationState.MISSED).exists():
        return
    then, begin = now - SLEPT, (now - STARTED_BEFORE).astimezone(TOKYO)
    end = begin + timedelta(hours=10)
    name = f"毎日 {begin:%H:%M}"
    content = {
        "zone": "Asia/Tokyo",
        "periods": [{"name": "毎日", "begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}],
        "options": {"holidays": False},
    }
    planner = stage.actor("kanri")
    draft = drafts.create_schedule(name, content, actor=planner, now=then, note="当直の検査用")
    published = publishing.enter_publish(
        draft.schedule_id, draft.id, actor=planner, now=then, reason="当直の検査用サーバーを毎日動かす"
    )
    stage.confirm(published, "kakutei", then)
    server = _free(now).filter(state="stopped").first()
    if server is not None:
        assigned = assigning.enter_assign(
            Scope.RESOURCE, str(server.id), draft.schedule_id, actor=planner, now=then, reason="当直の検査用"
        )
        stage.confirm(assigned, "kakutei", then)


def _ends_soon(stage: Stage, now: datetime) -> None:
    server = _free(now).filter(state="running", scheduled=True).first()
    if server is not None:
        wanted = Wanted(State.RUNNING, now + ENDS_SOON, resources=(server.id,))
        _override(stage, wanted, now, "夜間検査の延長")


def _project_left_alone(stage: Stage, now: datetime) -> None:
    evening = now.astimezone(TOKYO).replace(hour=22, minute=0, second=0, microsecond=0)
    until = evening if evening > now + timedelta(hours=2) else evening + timedelta(days=1)
    _override(stage, Wanted(State.ANY, until, project=UPDATED), now, "文書管理システムの更新作業")


def _skipped_once(stage: Stage, now: datetime) -> None:
    actor = stage.actor("unyo")
    server = _free(now).filter(state="running", next_action="stop").last()
    if server is not None:
        skip = overriding.skip_next(server.id, actor=actor, now=now)
        _override(stage, skip, now, "今夜はバッチ処理のため停止しない")


def _override(stage: Stage, wanted: Wanted, now: datetime, reason: str) -> None:
    operation = overriding.enter_override(wanted, actor=stage.actor("unyo"), now=now, reason=reason)
    stage.confirm(operation, "unyo", now)


def _stopped_by_hand(stage: Stage, now: datetime) -> None:
    """Somebody stops in AWS's own console what Toban has just started; the next look finds it."""
    one = _started().order_by("target_name").first()
    server = Resource.objects.select_related("account").get(id=one.target_id) if one else None
    if server is None or server.state != "running":
        return
    console.stop_server(server.account.account_id, server.region, server.aws_id)
    region = Region.objects.get(account=server.account, name=server.region)
    take_inventory.apply_async((str(stage.tenant.id), str(region.id), True), countdown=10)


def _started() -> QuerySet[Operation]:
    rows: QuerySet[Operation] = Operation.objects.filter(
        kind="ec2.start", state=OperationState.SUCCEEDED, outcome="reached"
    )
    return rows


def _free(now: datetime) -> QuerySet[Resource]:
    """Named servers with which nothing was done today or will be within two hours, and on which nobody put anything."""
    done = Operation.objects.filter(target_type="resource").exclude(outcome="already")
    busy = done.values_list("target_id", flat=True)
    held = live(now).exclude(resource__isnull=True).values_list("resource_id", flat=True)
    rows: QuerySet[Resource] = Resource.objects.filter(
        kind="ec2", gone_at__isnull=True, next_change_at__gt=now + timedelta(hours=2), assignments=None
    )
    rows = rows.exclude(name="").exclude(project=UPDATED).exclude(id__in=[*busy, *held])
    return rows.order_by("name", "id")
